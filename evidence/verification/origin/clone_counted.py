"""Facts about data and questions, counted from the rows of the verifier's clone.

Responsible for counting what several stages state alike once: it takes the rows of a data set, and
a milestone may have many stages. What a pack says of it is `clone_facts`'s.
"""

from __future__ import annotations

from typing import TypeAlias

from evidence.data import asked
from evidence.data.asked import Compile, describe
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.rules.questions import Questions, questions_seen
from evidence.verification.origin.clone_data import ClonedData

Seen: TypeAlias = SeenQuestions | Unavailable


class Counted:
    """What was counted already, by all that it depends on."""

    def __init__(self, data: ClonedData, compiled: Compile) -> None:
        self._data = data
        self._compiled = compiled
        self._facts: dict[str, DataRecord | None] = {}
        self._questions: dict[str, Questions | None] = {}
        self._seen: dict[tuple[str, str], Seen] = {}

    def facts(self, name: str, home: Milestone) -> DataRecord | None:
        """Of one set as this milestone asks it; None where the clone lacks the bytes of it, or of
        what it is asked against."""
        spec = home.given_eval
        against = None if spec is None else (spec.prompt, spec.target_field, spec.data)
        other = None if spec is None else home.data[spec.data]
        key = repr((name, home.data[name], against, other))
        if key not in self._facts:
            self._facts[key] = self._described(name, home)
        return self._facts[key]

    def seen(self, evaluation: Milestone, training: Milestone) -> Seen | None:
        """Which questions of an evaluation stage this training stage was fed; None where the clone
        lacks the bytes of either."""
        return self.seen_of(evaluation, *self._taught(training))

    def seen_of(self, evaluation: Milestone, fed: Questions | None, fed_key: str) -> Seen | None:
        """The same of these questions, which `fed_key` names."""
        asks, asks_key = self._asked(evaluation)
        key = (asks_key, fed_key)
        if asks is None or fed is None:
            return None
        if key not in self._seen:
            self._seen[key] = questions_seen(asks, {"it": fed})["it"]
        return self._seen[key]

    def _described(self, name: str, home: Milestone) -> DataRecord | None:
        rows = self._data.rows(name, home.data[name])
        if rows is None or home.given_eval is None:
            return None if rows is None else describe(home, rows, None, self._compiled)
        other = home.given_eval.data
        against = self._data.rows(other, home.data[other])
        if against is None:
            return None
        return describe(home, rows, None if name == other else against, self._compiled)

    def _asked(self, milestone: Milestone) -> tuple[Questions | None, str]:
        spec, of_data = milestone.eval, milestone.data[milestone.eval.data]
        key = repr((spec.data, of_data, spec.prompt, spec.limit))
        if key not in self._questions:
            rows = self._data.rows(spec.data, of_data)
            if rows is None:
                self._questions[key] = None
            else:
                self._questions[key] = asked.of_evaluation(spec, of_data, rows, self._compiled)
        return self._questions[key], key

    def _taught(self, milestone: Milestone) -> tuple[Questions | None, str]:
        name = milestone.train.data
        spec = milestone.data[name]
        key = repr((name, spec))
        if key not in self._questions:
            rows = self._data.rows(name, spec)
            found = None if rows is None else asked.of_training(spec, rows, self._compiled)
            self._questions[key] = found
        return self._questions[key], key
