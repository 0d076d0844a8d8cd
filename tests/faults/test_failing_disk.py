"""C4, C5, C6: a call of the system fails, once or from then on. The same zeros hold."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from evidence.errors import DurabilityError
from evidence.system import durable
from tests.faults import laws
from tests.faults.disk import read_calls
from tests.faults.faulty_os import CALLS, FaultyOs, Plan
from tests.faults.runs import Case, copy_case
from tests.tiers import sampled

MAKING = ("write", "mkdir", "replace", "rename")
"""Calls that need room. (`open` too, but it also opens what is there already.)"""
FAULTS = {
    "ENOSPC at a write": (errno.ENOSPC, ("write",)),
    "ENOSPC at anything that needs room": (errno.ENOSPC, MAKING),
    "EDQUOT at a write": (errno.EDQUOT, ("write",)),
    "EFBIG at a write": (errno.EFBIG, ("write",)),
    "EIO at a write": (errno.EIO, ("write",)),
    "ENOSPC at an fsync or a close": (errno.ENOSPC, ("fsync", "close")),
    "EIO at an fsync": (errno.EIO, ("fsync",)),
    "EIO at a rename": (errno.EIO, ("replace", "rename")),
    "EIO at a close": (errno.EIO, ("close",)),
    "EIO at any call": (errno.EIO, CALLS),
}
EVERYWHERE = [name for name in FAULTS if "EDQUOT" not in name and "any" not in name]
STICKY = {False: "once", True: "from then on"}
MORE_OR_LESS = 8
"""Calls by which two runs may differ: rows are made safe once a second."""
PARTS = 10


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


def places(undisturbed: Case, calls: tuple[str, ...]) -> int:
    """How many of these calls an undisturbed run makes."""
    return sum(c["call"] in calls for c in read_calls(undisturbed.root / "calls.jsonl"))


def published_at(undisturbed: Case, calls: tuple[str, ...]) -> int:
    """How many of these calls an undisturbed run makes before its pack is there."""
    made = read_calls(undisturbed.root / "calls.jsonl")
    commit = next(i for i, c in enumerate(made) if c["args"][1:] == [str(undisturbed.pack)])
    return sum(c["call"] in calls for c in made[:commit])


def fails_and_can_be_resumed(case: Case, plan: Plan, outcome: str, undisturbed: Case) -> None:
    ended = case.do("run", "T1", plan=plan)
    state = laws.honest(case, ended)
    if plan.at < published_at(undisturbed, plan.calls) - MORE_OR_LESS:
        assert ended.status != 0, "a call failed before the pack was there, and nobody minded"
    if ended.status != 0:
        assert ended.status in (2, 4), (ended.status, ended.printed)
        assert "Error: " in ended.printed
        assert os.strerror(plan.error) in ended.printed
    else:
        assert state == "published"  # nothing failed but what can be done again at any time
    if plan.at % 3 == 2:
        laws.can_be_closed(case, state)
    else:
        laws.can_be_resumed(case, state, outcome)


TIMES = [(fault, sticky, share) for fault in FAULTS for sticky in STICKY for share in (0.3, 0.85)]
NORMALLY = [one for one in TIMES if one[1] == (one[2] > 0.5) == bool([*FAULTS].index(one[0]) % 2)]
"""Every fault, in turn once early and, from then on, late."""


@pytest.mark.parametrize(
    "time", sampled(TIMES, NORMALLY), ids=lambda t: f"{t[0]}-{STICKY[t[1]]}-{t[2]}"
)
def test_a_run_on_a_failing_disk_is_unfinished_and_goes_on_when_the_disk_is_well(
    time: tuple[str, bool, float], undisturbed: Case, outcome: str, case: Case
) -> None:
    """C4, C5, C6: a clean message, and nothing acknowledged is lost."""
    fault, sticky, share = time
    error, calls = FAULTS[fault]
    at = 1 + int(share * places(undisturbed, calls))
    plan = Plan(do="fail", at=at, calls=calls, error=error, sticky=sticky)
    fails_and_can_be_resumed(case, plan, outcome, undisturbed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("sticky", STICKY, ids=STICKY.get)
@pytest.mark.parametrize("fault", EVERYWHERE)
def test_a_run_whose_disk_fails_anywhere_goes_on(
    fault: str,
    sticky: bool,
    part: int,
    undisturbed: Case,
    outcome: str,
    fresh: Case,
    tmp_path: Path,
) -> None:
    """C4, C5, C6: every call."""
    error, calls = FAULTS[fault]
    for at in range(1 + part, places(undisturbed, calls) + 1, PARTS):
        case = copy_case(fresh, tmp_path / str(at))
        fails_and_can_be_resumed(case, Plan("fail", at, calls, error, sticky), outcome, undisturbed)
        shutil.rmtree(case.root)


def test_an_fsync_that_failed_is_never_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C6: the kernel has forgotten the pages that it could not write; a second fsync says yes."""
    writer = durable.LineWriter(tmp_path / "lines.jsonl")
    writer.append(b"{}\n")
    faulty = FaultyOs(Plan(do="fail", at=1, calls=("fsync",)))
    monkeypatch.setattr(durable, "os", faulty)
    with pytest.raises(DurabilityError, match="Input/output error"):
        writer.sync()
    for repeated in (writer.sync, lambda: writer.append(b"{}\n")):
        with pytest.raises(DurabilityError, match="failed before"):
            repeated()
    writer.close()
    assert faulty.count == 1


def test_a_line_that_does_not_fit_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C4: what comes after a torn line would be lost with it."""
    writer = durable.LineWriter(tmp_path / "lines.jsonl")
    writer.append(b'{"a":1}\n')
    with monkeypatch.context() as patch:
        patch.setattr(durable, "os", FaultyOs(Plan("fail", 1, ("write",), errno.ENOSPC)))
        with pytest.raises(DurabilityError, match="No space left"):
            writer.append(b'{"a":2}\n')
    writer.close()
    assert (tmp_path / "lines.jsonl").read_bytes() == b'{"a":1}\n'
