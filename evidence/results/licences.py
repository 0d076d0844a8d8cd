"""Licences of what a run began from, as its evidence tells of them.

Responsible for what was declared by the author, with its place, and for what nothing is said of.
Whether a licence is the right one, or what it allows, nothing here knows.
"""

from __future__ import annotations

from typing import Final, Literal

from evidence.pack.documents import Documents
from evidence.records.record import Record
from evidence.records.run import Level
from evidence.results.context import Context
from evidence.stages.command import COMMAND
from evidence.stages.pack_init import named_packs
from evidence.stages.stage import stages_of

Kind = Literal["model", "data"]
_OF_THE_MODEL: Final = "/model/pack"
"""Where the milestone's own model is of a pack, whose licence it may declare."""


class Licence(Record):
    """A licence that the evidence names."""

    kind: Kind
    name: str
    """What it is of: the id or folder of the model, the name of the data set."""
    text: str
    """An SPDX id, or the hub's name for it; as it was written."""
    level: Level
    address: str


def licences_of(documents: Documents) -> tuple[Licence, ...]:
    """Every licence that is named: of the model of the completed attempt, and of the data sets."""
    context = Context(documents)
    found: list[Licence] = []
    model = None if context.plan is None else context.plan.given_model
    if model is not None and model.license is not None:
        address, _ = context.stated("model", "license")
        found.append(Licence("model", model.called, model.license, "declared", address))
    for name, spec in sorted(documents.milestone.data.items()):
        if spec.license is not None:
            address, _ = context.stated("data", name, "license")
            found.append(Licence("data", name, spec.license, "declared", address))
    return tuple(found)


def unlicensed(documents: Documents, kind: Kind) -> str:
    """Of what the evidence names no licence, and why; empty where it names every one."""
    milestone = documents.milestone
    if any(stage.kind is COMMAND for stage in stages_of(milestone)):
        return "a program was recorded, and what it read has no licence in the evidence"
    known = {one.name for one in licences_of(documents) if one.kind == kind}
    if kind == "data":
        silent = [name for name in sorted(milestone.data) if name not in known]
        if silent or not known:
            return f"no licence is declared for {', '.join(silent) or 'any data'}"
        return ""
    plan = Context(documents).plan
    if plan is None:
        return "no attempt completed"
    packs = [name for place, name in named_packs(milestone) if place != _OF_THE_MODEL]
    if packs:
        return f"it begins from {packs[0]}, of which no licence is declared here"
    if not known:
        return f"no licence is declared for the model of attempt {plan.name}"
    return ""
