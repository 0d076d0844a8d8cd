"""The facts that a pack states about its data, counted again from the verifier's clone.

Responsible for inputs.json of the pack. Whether the clone has the bytes is `clone_inputs`'s:
without them nothing is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from evidence import layout
from evidence.capture.repository import Repository
from evidence.data.asked import Compile, describe
from evidence.data.facts import DataSet
from evidence.data.of_stages import homes_of
from evidence.encoding.codec import encode
from evidence.errors import MalformedError
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.text import templating
from evidence.verification.consistency.registry import Evidence
from evidence.verification.ledger import Rule
from evidence.verification.origin.clone_data import ClonedData, cloned_data, longest_row
from evidence.verification.problem import CannotCheckError, Problem, shown

FACTS: Final = Rule("repo-data-facts", "facts about the data, counted again from them")

_RENDERED: Final = frozenset({"num_conflicting_prompts", "conflicting_rows", "overlap"})
"""Facts that need the milestone's templates."""


def facts(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """inputs.json's facts about each data set, counted again from the clone's bytes as the stage
    asks them that the set belongs to (`data.of_stages`). Exact."""
    spec, records = evidence.documents.milestone, evidence.documents.inputs.data
    with cloned_data(found, evidence) as data:
        sets = {name: data.rows(name, spec.data[name]) for name in sorted(spec.data)}
        if all(one is None for one in sets.values()):
            text = "the clone has no data set with the bytes of the run, see repo-data"
            raise CannotCheckError(text)
        homes = homes_of(spec)
        longest = max(longest_row(one) for one in sets.values() if one)
        compiled = partial(templating.compile_bounded, longest_row=longest)
        refused = "the clone has another milestone"
        if data.has_milestone:
            refused = _refused(homes.values(), compiled)
            again = _Counted(data, compiled)
            for name in (one for one in sets if one in records):
                counted = again.facts(name, homes[name])
                place = f"{layout.INPUTS}#/data/{name}"
                if counted is not None:
                    yield from _differences(place, counted, records[name], bool(refused))
    if refused:
        raise CannotCheckError(f"conflicts and overlap were not counted again: {shown(refused)}")
    missing = [name for name, one in sets.items() if one is None]
    if missing:
        said = ", ".join(missing)
        raise CannotCheckError(f"the clone lacks the bytes of {shown(said)}, see repo-data")


class _Counted:
    """Facts counted from a clone's data."""

    def __init__(self, data: ClonedData, compiled: Compile) -> None:
        self._data = data
        self._compiled = compiled

    def facts(self, name: str, home: Milestone) -> DataRecord | None:
        """Of one set as this milestone asks it; None where the clone lacks the bytes of it, or of
        what it is asked against."""
        rows = self._data.rows(name, home.data[name])
        other = None if home.given_eval is None else home.given_eval.data
        asked: DataSet | None = None
        if other is not None:
            asked = self._data.rows(other, home.data[other])
        if rows is None or (other is not None and asked is None):
            return None
        return describe(home, rows, None if name == other else asked, self._compiled)


def _differences(
    place: str, counted: DataRecord, told: DataRecord, without_templates: bool
) -> Iterator[Problem]:
    expected: Mapping[str, object] = encode(counted)
    actual: Mapping[str, object] = encode(told)
    for key in sorted(expected.keys() - (_RENDERED if without_templates else set())):
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
