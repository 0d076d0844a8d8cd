"""What must hold of `runs/` whenever a command ended, however it ended: the four zeros.

No pack verifies as complete wrongly; no run cannot be resumed or closed; no acknowledged row is
lost; no process is left behind. And nobody ever sees a traceback.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from evidence import layout
from evidence.running.unfinished_files import is_json
from evidence.running.workspace import Workspace
from evidence.verification.verification import verify_pack
from tests.faults.runs import NUM_PREDICTIONS, NUM_STEPS, Case, Ended
from tests.project import rows

State = Literal["nothing", "unfinished", "published"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What was on disk, in whole lines, when a process died."""

    journal: bytes
    steps: tuple[tuple[int, float, str], ...]
    predictions: tuple[tuple[str, str], ...]


def honest(case: Case, ended: Ended | None = None) -> State:
    """Check what lies there, and say what it is."""
    if ended is not None:
        assert ended.alone, "a process outlived the command"
        assert "Traceback" not in ended.printed, ended.printed
    _nothing_wrongly_complete(case)
    report = verify_pack(case.pack)
    if case.pack.exists():
        broken = _errors(case.pack)
        assert broken == [], broken
        return "published"
    if Workspace(case.work).is_run:
        assert (report.verdict, report.exit) == ("UNFINISHED", 4)
        assert "evidence run T1 --resume" in report.next_step
        return "unfinished"
    assert report.exit != 0
    return "nothing"


def acknowledged(case: Case) -> Acknowledged:
    """Everything that a reader of the work folder can rely on at this moment."""
    journal = case.work / layout.STAGED / layout.JOURNAL
    steps, predictions = [], []
    for path in case.work.rglob(Path(layout.METRICS).name):
        rows = map(json.loads, whole_lines(path))
        steps += [(row["step"], row["loss"], row["stream"]) for row in rows]
    for path in case.work.rglob(layout.PREDICTIONS):
        rows = map(json.loads, whole_lines(path))
        predictions += [(row["id"], row["output"]) for row in rows]
    events = whole_lines(journal) if journal.exists() else []
    return Acknowledged(
        journal=b"".join(line + b"\n" for line in events),
        steps=tuple(steps),
        predictions=tuple(predictions),
    )


def can_be_resumed(case: Case, state: State, outcome: str) -> None:
    """The run can be resumed, to the very outcome of one that nothing disturbed."""
    before = acknowledged(case)
    if state != "published":
        ended = case.do("run", "T1", *(("--resume",) if state == "unfinished" else ()))
        assert ended.status == 0, ended.printed
        assert honest(case, ended) == "published"
    complete(case.pack, outcome)
    holds(case.pack, before)
    assert not case.work.exists() or state == "published"


def can_be_closed(case: Case, state: State) -> None:
    """The run can be sealed as what it is: failed, or complete where it was sealed already."""
    if state != "unfinished":
        return
    before = acknowledged(case)
    ended = case.do("run", "T1", "--close")
    report = verify_pack(case.pack)
    assert ended.status in (0, 4), ended.printed
    assert honest(case, ended) == "published"
    assert (report.exit == 0) == (ended.status == 0) == _all_done(before)
    assert (case.pack / layout.JOURNAL).read_bytes().startswith(before.journal)


def complete(pack: Path, outcome: str) -> None:
    """A pack that says complete has every step and every prediction, once, and this outcome."""
    manifest = _document(pack / layout.MANIFEST)
    assert (manifest["status"], manifest["outcome_sha256"]) == ("complete", outcome)
    assert [row["step"] for row in rows(pack / layout.METRICS)] == [*range(1, NUM_STEPS + 1)]
    assert len(rows(pack / layout.PREDICTIONS)) == NUM_PREDICTIONS


def holds(pack: Path, before: Acknowledged) -> None:
    """Nothing acknowledged was lost on the way to this complete pack."""
    assert (pack / layout.JOURNAL).read_bytes().startswith(before.journal)
    steps = {(row["step"], row["loss"], row["stream"]) for row in rows(pack / layout.METRICS)}
    assert steps >= set(before.steps)
    predictions = {(row["id"], row["output"]) for row in rows(pack / layout.PREDICTIONS)}
    assert predictions >= set(before.predictions)


def outcome_of(pack: Path) -> str:
    """The outcome digest of a pack."""
    return str(_document(pack / layout.MANIFEST)["outcome_sha256"])


def _nothing_wrongly_complete(case: Case) -> None:
    for sums in case.runs.rglob(layout.SUMS):
        if verify_pack(sums.parent).exit != 0:
            continue
        assert [r["step"] for r in rows(sums.parent / layout.METRICS)] == [*range(1, NUM_STEPS + 1)]
        assert len(rows(sums.parent / layout.PREDICTIONS)) == NUM_PREDICTIONS


def _all_done(before: Acknowledged) -> bool:
    """Whether a run had nothing left to do but to say so."""
    events = [json.loads(line) for line in before.journal.splitlines()]
    return any(e["event"] == "stage-finished" and e["data"]["stage"] == "eval" for e in events)


def _errors(pack: Path) -> list[Any]:
    return [f for f in verify_pack(pack).findings if f.severity in ("error", "refused")]


def whole_lines(path: Path) -> list[bytes]:
    """Lines of JSON up to the first that was torn by a kill or a power cut."""
    return list(takewhile(is_json, path.read_bytes().split(b"\n")[:-1]))


def _document(path: Path) -> Any:
    return json.loads(path.read_bytes())
