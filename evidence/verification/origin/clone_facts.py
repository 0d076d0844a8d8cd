"""The facts that a pack states about its data, counted again from the verifier's clone.

Responsible for inputs.json of the pack and of each stage, and for which questions of an evaluation
its ancestors were trained on. Whether the clone has the bytes is `clone_inputs`'s: without them
nothing is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.capture.repository import Repository
from evidence.data.asked import Compile
from evidence.data.of_stages import homes_of
from evidence.encoding.codec import encode
from evidence.encoding.pointer import escaped
from evidence.errors import MalformedError
from evidence.pack.stage_view import inputs_of
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, InputsRecord
from evidence.records.milestone import Milestone
from evidence.rules.questions import Questions
from evidence.stages.arms import ancestors_of, asks_after_trainings
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.text import templating
from evidence.verification.consistency.registry import Evidence
from evidence.verification.ledger import Rule
from evidence.verification.origin.clone_counted import Counted
from evidence.verification.origin.clone_data import ClonedData, cloned_data, longest_row
from evidence.verification.origin.clone_parents import questions_of
from evidence.verification.problem import CannotCheckError, Problem, shown

FACTS: Final = Rule("repo-data-facts", "facts about the data, counted again from them")

_RENDERED: Final = frozenset({"num_conflicting_prompts", "conflicting_rows", "overlap"})
"""Facts that need the milestone's templates."""


def facts(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """inputs.json's facts about each data set, counted again from the clone's bytes as the stage
    asks them that the set belongs to (`data.of_stages`); those of each stage as it asks them
    itself, and what its ancestors were trained on. Exact."""
    spec, unknown = evidence.documents.milestone, list[str]()
    with cloned_data(found, evidence) as data:
        sets = {name: data.rows(name, spec.data[name]) for name in sorted(spec.data)}
        if all(one is None for one in sets.values()):
            text = "the clone has no data set with the bytes of the run, see repo-data"
            raise CannotCheckError(text)
        longest = max(longest_row(one) for one in sets.values() if one)
        compiled = partial(templating.compile_bounded, longest_row=longest)
        refused = "the clone has another milestone"
        if data.has_milestone:
            homes, stages = homes_of(spec), list(stages_of(spec))
            refused = _refused((*homes.values(), *(one.milestone for one in stages)), compiled)
            again = _Again(data, evidence, compiled, is_rendered=not refused)
            yield from again.of_pack(homes)
            yield from again.of_stages(stages)
            unknown += again.unknown
    if refused:
        what = (
            "conflicts, overlap and ancestors"
            if asks_after_trainings(spec)
            else "conflicts and overlap"
        )
        unknown.append(f"{what} were not counted again: {shown(refused)}")
    missing = [name for name, one in sets.items() if one is None]
    if missing and not refused:
        unknown.append(f"the clone lacks the bytes of {shown(', '.join(missing))}, see repo-data")
    if unknown:
        raise CannotCheckError("; ".join(dict.fromkeys(unknown)))


class _Again:
    """One comparison of what a pack states with what is counted."""

    def __init__(
        self, data: ClonedData, evidence: Evidence, compiled: Compile, *, is_rendered: bool
    ) -> None:
        self._counted = Counted(data, compiled)
        self._data = data
        self._evidence = evidence
        self._documents = evidence.documents
        self._of_packs: dict[str, Questions | None] = {}
        self._without = frozenset() if is_rendered else _RENDERED
        self._is_rendered = is_rendered
        self.unknown: list[str] = []
        """What could not be counted, each with its reason."""

    def of_pack(self, homes: dict[str, Milestone]) -> Iterator[Problem]:
        """The facts of the pack as a whole."""
        records = self._documents.inputs.data
        for name in (name for name in sorted(homes) if name in records):
            yield from self._of_set(layout.INPUTS, name, homes[name], records[name])

    def of_stages(self, stages: list[Stage]) -> Iterator[Problem]:
        """Those of each stage that left any; without [[stage]] what its evaluation asks."""
        for stage in stages:
            own = inputs_of(self._documents, stage)
            inputs = own if stage.is_named else self._documents.inputs
            if inputs is None:
                continue
            path = stage.path(layout.INPUTS)
            for name in sorted(stage.milestone.data) if stage.is_named else ():
                if name in inputs.data:
                    yield from self._of_set(path, name, stage.milestone, inputs.data[name])
                else:
                    text = "this stage takes these data, and nothing is said of them"
                    yield Problem(f"{path}#/data", text, name)
            if stage.kind is EVAL and self._is_rendered:
                yield from self._of_ancestors(stage, stages, inputs)

    def _of_set(self, path: str, name: str, home: Milestone, told: DataRecord) -> Iterator[Problem]:
        counted = self._counted.facts(name, home)
        if counted is not None:
            place = f"{path}#/data/{name}"
            yield from _differences(place, encode(counted), encode(told), self._without)

    def _of_ancestors(
        self, stage: Stage, stages: list[Stage], inputs: InputsRecord
    ) -> Iterator[Problem]:
        """Which of its questions each training before its checkpoint was fed."""
        for one in ancestors_of(stage, stages):
            told = inputs.ancestors.get(one.name)
            if told is None:
                continue  # that it is named is asked without a clone, too
            if one.stage is not None:
                counted = self._counted.seen(stage.milestone, one.stage.milestone)
            elif isinstance(told, Unavailable):
                continue  # its data may have been gone then, whatever the clone has
            else:
                fed = self._of_pack(one.name)
                counted = self._counted.seen_of(stage.milestone, fed, one.name)
            if counted is None:
                continue  # the clone lacks the bytes, which is said of the set
            place = f"{stage.path(layout.INPUTS)}#/ancestors/{escaped(one.name)}"
            if isinstance(counted, Unavailable):
                if counted != told:
                    self.unknown.append(f"{stage.name}, {one.name}: {shown(counted.reason)}")
            elif isinstance(told, Unavailable):
                text = "the data tell which questions were trained on"
                yield Problem(place, text, actual=shown(told.reason))
            else:
                yield from _differences(place, encode(counted), encode(told), frozenset())

    def _of_pack(self, name: str) -> Questions | None:
        """What the checkpoint of another pack was taught; None, and said, where it is unknown."""
        if name not in self._of_packs:
            self._of_packs[name] = None
            try:
                self._of_packs[name] = questions_of(name, self._data, self._evidence)
            except CannotCheckError as error:
                text = f"what {name} was trained on was not counted again: {error}"
                self.unknown.append(text)
        return self._of_packs[name]


def _differences(
    place: str, expected: dict[str, Any], actual: dict[str, Any], left: frozenset[str]
) -> Iterator[Problem]:
    for key in sorted(expected.keys() - left):
        if expected[key] != actual.get(key):
            text = "not what the data give when they are counted again"
            found = shown(repr(expected[key])), shown(repr(actual.get(key)))
            yield Problem(f"{place}/{key}", text, *found)


def _refused(milestones: Iterable[Milestone], compiled: Compile) -> str:
    """Why their templates are not rendered here; empty where they are."""
    sources: dict[str, None] = {}
    for one in milestones:
        sources["" if one.given_eval is None else one.given_eval.prompt] = None
        sources |= dict.fromkeys(data.text or "" for data in one.data.values())
    try:
        for source in sources:
            compiled(source)
    except MalformedError as error:
        return error.message
    return ""
