"""C1, C13: SIGKILL at the durable calls of a command, one after the other, halfway through each."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.verification.verification import load_sealed, verify_pack
from tests.faults import laws
from tests.faults.disk import read_calls, written
from tests.faults.faulty_os import Plan
from tests.faults.runs import Case, copy_case
from tests.tiers import sampled

NORMALLY = 8
NUM_RECORDS = 22
"""Journal records of a small run, at least."""
NUM_BEFORE_RUNS = 20
"""Calls before there is a folder to copy, and those that a run may make more or less."""
PARTS = 20


def num_calls_of(case: Case, root: Path, *argv: str) -> int:
    """How many durable calls a command makes, undisturbed, on a copy of a case."""
    log = root.with_suffix(".jsonl")
    copy_case(case, root).do(*argv, plan=Plan(log=str(log)))
    return len(read_calls(log))


def killed(case: Case, at: int, *argv: str) -> laws.State:
    ended = case.do(*argv, plan=Plan(do="kill", at=at))
    assert ended.status in (-9, 0), ended.printed  # 0: a run may make a call fewer
    return laws.honest(case, ended)


def killed_and_resumed(case: Case, at: int, outcome: str, *argv: str) -> None:
    """Every third run is closed, the others go on."""
    state = killed(case, at, *argv)
    if at % 3 == 2:
        laws.can_be_closed(case, state)
    else:
        laws.can_be_resumed(case, state, outcome)


@pytest.fixture(scope="module")
def num_calls(undisturbed: Case) -> int:
    return len(read_calls(undisturbed.root / "calls.jsonl"))


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


@pytest.fixture(scope="module")
def halfway(fresh: Case, undisturbed: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A run that was killed after its first checkpoint."""
    case = copy_case(fresh, tmp_path_factory.mktemp("halfway") / "project")
    calls = read_calls(undisturbed.root / "calls.jsonl")
    at = next(i for i, call in enumerate(calls) if b'"event":"checkpoint"' in written(call))
    assert killed(case, at + 10, "run", "T1") == "unfinished"
    assert b'"event":"checkpoint"' in laws.acknowledged(case).journal
    return case


@pytest.fixture(scope="module")
def num_resume_calls(halfway: Case, tmp_path_factory: pytest.TempPathFactory) -> int:
    root = tmp_path_factory.mktemp("counted") / "project"
    return num_calls_of(halfway, root, "run", "T1", "--resume")


@pytest.mark.parametrize("share", sampled(range(NORMALLY), (0, 1, 3, 4, 6, 7)))
def test_a_run_killed_at_a_durable_call_goes_on_or_can_be_closed(
    share: int, num_calls: int, outcome: str, case: Case
) -> None:
    """C1: evenly over the run, from its first call to its last."""
    at = 1 + share * (num_calls - 1) // (NORMALLY - 1)
    killed_and_resumed(case, at, outcome, "run", "T1")


@pytest.mark.parametrize("number", sampled(range(NUM_RECORDS), range(0, NUM_RECORDS, 2)))
def test_a_run_killed_in_the_midst_of_a_journal_record_goes_on_or_can_be_closed(
    number: int, undisturbed: Case, outcome: str, case: Case
) -> None:
    """C1: what happened is on disk, what is recorded of it is not: at every record of a run."""
    calls = read_calls(undisturbed.root / "calls.jsonl")
    records = [at for at, call in enumerate(calls, 1) if b'"event":' in written(call)]
    assert len(records) <= NUM_RECORDS  # one more or less: rows are recorded once a second
    at = records[number % len(records)]
    killed_and_resumed(case, at, outcome, "run", "T1")


def test_a_run_killed_behind_any_file_of_the_rendered_set_goes_on(
    undisturbed: Case, outcome: str, fresh: Case, tmp_path: Path
) -> None:
    """C1: each of these files is the last one that is there."""
    calls = read_calls(undisturbed.root / "calls.jsonl")
    moved = [(at, call["args"][1]) for at, call in enumerate(calls, 1) if call["call"] == "replace"]
    rendered = [(at, path.partition("/pack/")[2]) for at, path in moved]
    rendered = [(at, path) for at, path in rendered if layout.is_rendered(path)]
    assert {layout.REPORT, layout.RENDERED, layout.summary_name("T1")} <= {p for _, p in rendered}
    for at, path in rendered:
        case = copy_case(fresh, tmp_path / str(at))
        assert killed(case, at + 1, "run", "T1") == "unfinished", path
        laws.can_be_resumed(case, "unfinished", outcome)


@pytest.mark.parametrize("share", sampled(range(8), (0, 2, 5, 7)))
def test_a_run_killed_once_more_while_it_goes_on_still_goes_on(
    share: int, halfway: Case, num_resume_calls: int, outcome: str, tmp_path: Path
) -> None:
    """C1, C10: the second death is that of the resuming process."""
    case = copy_case(halfway, tmp_path / "project")
    at = 1 + share * num_resume_calls // 8
    killed_and_resumed(case, at, outcome, "run", "T1", "--resume")


def test_whatever_call_a_run_is_killed_at_what_lies_there_is_never_called_complete(
    fresh: Case, num_calls: int, tmp_path: Path
) -> None:
    """C1: every call. Copies are made of one run as it goes: a kill leaves no other bytes."""
    case, copies = copy_case(fresh, tmp_path / "project"), tmp_path / "copies"
    plan = Plan(do="copy", watched=str(case.runs), copies=str(copies))
    assert case.do("run", "T1", plan=plan).status == 0
    found = sorted(copies.iterdir(), key=lambda path: int(path.name))
    assert abs(len(found) - num_calls) <= NUM_BEFORE_RUNS
    states: dict[str, laws.State] = {}
    journal = b""
    for copy in found:
        mark = sha256_hex(repr(sorted(contents(copy).items())).encode())
        if mark in states:
            continue
        dead = Case(copy.rename(tmp_path / layout.RUNS).parent, case.server)
        states[mark] = laws.honest(dead)
        if states[mark] == "unfinished":
            now = laws.acknowledged(dead).journal
            assert now.startswith(journal)
            journal = now
        shutil.rmtree(dead.runs)
    assert len(states) > 100
    assert [*dict.fromkeys(states.values())] == ["nothing", "unfinished", "published"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_killed_at_any_durable_call_goes_on_or_can_be_closed(
    part: int, num_calls: int, outcome: str, fresh: Case, tmp_path: Path
) -> None:
    """C1: every call."""
    for at in range(1 + part, num_calls + 1, PARTS):
        case = copy_case(fresh, tmp_path / str(at))
        killed_and_resumed(case, at, outcome, "run", "T1")
        shutil.rmtree(case.root)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("how", ["--resume", "--close"])
def test_a_run_killed_at_any_call_of_its_recovery_still_goes_on(
    how: str, part: int, halfway: Case, outcome: str, tmp_path: Path
) -> None:
    """C1, C10: every call of a resuming and of a closing process."""
    command = ("run", "T1", how)
    num = num_calls_of(halfway, tmp_path / "counted", *command)
    for at in range(1 + part, num + 1, PARTS):
        case = copy_case(halfway, tmp_path / str(at))
        state = killed(case, at, *command)
        if how == "--close":
            laws.can_be_closed(case, state)
        else:
            laws.can_be_resumed(case, state, outcome)
        shutil.rmtree(case.root)


LATER = [
    pytest.param(("note", "runs/T1", "note.md"), id="note"),
    pytest.param(("render", "runs/T1"), id="render"),
    pytest.param(("sign", "runs/T1", "--key", "key"), id="sign"),
]
ADDED = {layout.SIGNATURE, layout.RENDERED_SIGNATURE, f"{layout.ATTACHED}/notes-001.md"}


@pytest.fixture(scope="module")
def published(undisturbed: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A sealed pack whose summary must be rendered again, a note for it, and a key."""
    case = copy_case(undisturbed, tmp_path_factory.mktemp("published") / "project")
    (case.root / "note.md").write_text("What we learned.\n")
    key = case.root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return case


def contents(pack: Path) -> dict[str, bytes]:
    return {p.relative_to(pack).as_posix(): p.read_bytes() for p in pack.rglob("*") if p.is_file()}


@pytest.mark.parametrize("command", LATER)
def test_a_kill_while_a_pack_is_rendered_noted_or_signed_leaves_old_bytes_or_new(
    command: tuple[str, ...], published: Case, tmp_path: Path
) -> None:
    """C13: at every third call; no file of the pack is ever half written, or has a name of its own.
    The evidence stays as it was, and `evidence render` makes the rest whole again."""
    before = copy_case(published, tmp_path / "before")
    if command[0] == "render":
        (before.pack / "t1_summary.md").write_text("an old summary\n")
    after = copy_case(before, tmp_path / "after")
    log = tmp_path / "calls.jsonl"
    assert after.do(*command, plan=Plan(log=str(log))).status == 0
    old, new = contents(before.pack), contents(after.pack)
    for at in range(1, len(read_calls(log)) + 1, 3):
        case = copy_case(before, tmp_path / str(at))
        ended = case.do(*command, plan=Plan(do="kill", at=at))
        assert (ended.status, ended.alone) == (-9, True), ended.printed
        found = contents(case.pack)
        assert old.keys() <= found.keys() <= old.keys() | ADDED
        for name, data in found.items():
            # A signature is never the same twice; the list says first what is to be attached.
            other = name.endswith(".sig") or name == layout.RENDERED
            assert data in (old.get(name), new.get(name)) or other, name
        load_sealed(case.pack)
        assert case.do("render", "runs/T1").status == 0
        assert verify_pack(case.pack).exit == 0
        shutil.rmtree(case.root)


def test_a_kill_while_a_pack_is_verified_changes_nothing(undisturbed: Case, tmp_path: Path) -> None:
    """C13: verify writes nothing that could be half written."""
    case = copy_case(undisturbed, tmp_path / "project")
    before = contents(case.runs)
    for delay_s in (0.0, 0.01, 0.03):
        command = case.start("verify", "runs/T1")
        command.signal_after(9, delay_s)
        assert command.wait().alone
        assert contents(case.runs) == before
