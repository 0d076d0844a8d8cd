"""What differs between two arms, and what of it was meant to. Pure.

Responsible for telling apart three things: the declared variable, what follows from another
difference (more rows make more steps), and what remains, which may be the true cause of what is
credited to the variable. What the two differ in is found by `arm_facts`.

`varies` names what an author means to differ. `train`, `eval`, `model` and `seen` stand for all
below them. `data` stands for the content of the training data alone: neither for how its rows
become text (data.text, data.answer, data.loss, data.append_eos, data.format, data.learn), nor for
how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.records.arms import Arm, ArmDifference, ArmsRecord, NotCompared, Standing
from evidence.rules.arm_facts import DATA, Candidate, candidates


def compare_arms(first: Arm, second: Arm, varies: Sequence[str]) -> ArmsRecord:
    """All that differs, by kind; what was meant to and does not; and what is not known."""
    found = list(candidates(first, second))
    differing = [one for one in found if isinstance(one, Candidate)]
    unknown = tuple(one for one in found if isinstance(one, NotCompared))
    return ArmsRecord(
        arms=(first.name, second.name),
        varies=tuple(varies),
        differences=tuple(_judged(one, differing, varies) for one in differing),
        not_varied=tuple(one for one in varies if not _may_vary(one, differing, unknown)),
        not_checked=unknown,
    )


def covers(declared: str, name: str) -> bool:
    """Whether a declared name stands for that of a difference."""
    return name == declared or (declared != DATA and name.startswith(f"{declared}."))


def undeclared(arms: ArmsRecord) -> tuple[ArmDifference, ...]:
    """What these arms also differ in, each said once: without what another of them comes from."""
    found = [one for one in arms.differences if one.standing == "undeclared"]
    named = {cause for one in found for cause in one.follows_from}
    return tuple(one for one in found if one.name not in named)


def _judged(one: Candidate, others: Sequence[Candidate], varies: Sequence[str]) -> ArmDifference:
    causes = tuple(
        other.name
        for other in others
        if other is not one and any(covers(cause, other.name) for cause in one.causes)
    )
    standing: Standing = "undeclared"
    if _is_declared(one.name, varies):
        standing = "declared"
    elif causes and (not one.misleads or all(_is_declared(cause, varies) for cause in causes)):
        standing = "consequence"
    return ArmDifference(one.kind, one.name, one.values, standing, causes)


def _may_vary(name: str, differing: Sequence[Candidate], unknown: Sequence[NotCompared]) -> bool:
    """Whether what was declared differs, or may: what is not known is not called the same."""
    names = [*(one.name for one in differing), *(one.name for one in unknown)]
    is_open = any(name.startswith(f"{one.name}.") for one in unknown)
    return is_open or any(covers(name, one) for one in names)


def _is_declared(name: str, varies: Sequence[str]) -> bool:
    return any(covers(declared, name) for declared in varies)
