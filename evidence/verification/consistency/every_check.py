"""Every check of the documents of a pack, in one order.

Responsible for running them. Themes that concern every pack are imported here, in the order in
which a report lists them, and those of a kind of stage where its registration names them. A new
check is a decorated function in one of them, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Final

from evidence.stages.registry import kinds
from evidence.stages.stage import Stage, stages_of
from evidence.verification.consistency.damage import hollow_documents, of_what_is_known
from evidence.verification.consistency.registry import (
    ANY,
    Check,
    Evidence,
    Problems,
    of_each_stage,
    registered,
)
from evidence.verification.ledger import Ledger

_PACKAGE: Final = "evidence.verification.consistency"
_FIRST: Final = (
    "status",
    "commitments",
    "journal",
    "overrides",
    "attempts",
    "lacking",
    "parents",
    "identity",
    "inputs_held",
    "promises",
    "machine",
    "worker",
    "left",
    "ends",
    "kept",
)
_LAST: Final = (
    "data",
    "tokens",
    "recovery",
    "damage",
    "steadiness",
    "durations",
    "clocks",
    "results",
    "comparisons",
    "across_stages",
    "chain",
    "prose",
)


def check_consistency(evidence: Evidence, ruleset: int, ledger: Ledger) -> None:
    """Run every check. What the pack's own rule set did not know yet is advice."""
    hollow = hollow_documents(evidence)
    stages = stages_of(evidence.documents.milestone)
    asked = {"", *(stage.kind.name for stage in stages)}
    views = [(stage, evidence.within(stage)) for stage in stages if stage.is_named]
    for one in every_check():
        if one.kind not in asked or (one.asked is not None and not one.asked(evidence)):
            continue
        problems = _of_stages(one, views) if views and one.of_stages else one.run(evidence)
        if hollow and one.rule.id != "damaged-files":
            problems = of_what_is_known(problems, hollow)
        if one.rule.since > ruleset:
            reason = f"the pack follows rule set {ruleset}, before this check, and does not meet it"
            ledger.run_as_advice(one.rule, problems, reason)
        else:
            ledger.run_check(one.rule, problems)


def _of_stages(one: Check, views: Sequence[tuple[Stage, Evidence]]) -> Problems:
    """What a check finds in each stage of its kind."""
    every = one.of_stages == ANY
    return of_each_stage(
        one.run, (view for view in views if every or view[0].kind.name == one.of_stages)
    )


def by_author() -> frozenset[str]:
    """Ids of the checks whose findings are the author's doing."""
    return frozenset(one.rule.id for one in every_check() if one.by_author)


def skip_consistency(reason: str, ledger: Ledger) -> None:
    """Enter every check as not checked, but those that a pack must ask for, by its stages or by
    what it begins from: whether it does cannot be read."""
    optional = {kind.name for kind in kinds() if kind.settings_schema}
    for one in every_check():
        if one.kind not in optional and one.asked is None:
            ledger.skip(one.rule, reason)


def every_check() -> tuple[Check, ...]:
    """All checks there are, those of every kind of stage too."""
    for module in _modules():
        import_module(module)
    return registered()


def _modules() -> Iterator[str]:
    yield from (f"{_PACKAGE}.{name}" for name in _FIRST)
    for kind in kinds():
        yield from kind.checks
    yield from (f"{_PACKAGE}.{name}" for name in _LAST)


every_check()  # in this order, whoever imports a single theme first
