"""Laws of an input that changes between the start of a run and the worker that reads it.

The worker itself makes the change, before its first word. Nothing is counted and nothing sealed:
the run goes on to the same weights once the file is put back.
"""

from __future__ import annotations

import json

import pytest

from evidence import layout
from evidence.errors import ExitCode, UsageError, WorkerLostError
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.running.test_recovery import weights
from tests.tiers import sampled

ROW = b'{"prompt": "p99", "answer": "1"}\n'
BETWEEN: dict[str, tuple[str, str, bytes | None]] = {
    # stage, path, what is appended; None: the file is removed
    "model": ("train", "model/config.json", b" "),
    "tokenizer": ("train", "model/tokenizer.json", b"\n"),
    "training data": ("train", "data/train.jsonl", ROW),
    "training data that cannot be read": ("train", "data/train.jsonl", b"{"),
    "training data that are gone": ("train", "data/train.jsonl", None),
    "evaluation data": ("train", "data/eval.jsonl", b"\n\n"),
    "evaluation data after the training": ("eval", "data/eval.jsonl", b"\n"),
    "evaluation data that are gone after the training": ("eval", "data/eval.jsonl", None),
}
QUICK = ("training data that cannot be read", "evaluation data after the training")


def changing(project: Project, patch: pytest.MonkeyPatch, kind: str) -> str:
    """Tell the worker to change a file before it reads any; the file's name."""
    stage, name, more = BETWEEN[kind]
    asked = {"stage": stage, "at": 0, "path": str(project.root / name)}
    asked |= {"do": "remove"} if more is None else {"do": "edit", "hex": more.hex()}
    patch.setenv("EVIDENCE_STUB", json.dumps(asked))
    return name


@pytest.mark.parametrize("kind", sampled(BETWEEN, QUICK))
def test_the_worker_is_stopped_nothing_is_sealed_and_put_back_the_run_goes_on(
    kind: str, ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)
    ran.pack.rename(ran.root / "whole")
    name = changing(ran, monkeypatch, kind)
    was = (ran.root / name).read_bytes()
    with pytest.raises(WorkerLostError) as caught:
        ran.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    assert caught.value.exit_code == ExitCode.UNFINISHED
    assert "an input was changed after the run began" in caught.value.message
    assert name in caught.value.message or "[data." in caught.value.message
    assert "Put back what was there" in caught.value.message
    assert verify_pack(ran.pack).exit_code == ExitCode.UNFINISHED
    if BETWEEN[kind][0] == "train":
        metrics = ran.runs / ".work/T1/attempt-01-stub" / layout.METRICS
        assert not metrics.exists() or rows(metrics) == []
    with pytest.raises(UsageError, match=name):
        ran.run(resume=True)
    (ran.root / name).write_bytes(was)
    assert ran.run(resume=True).exit_code == ExitCode.DONE
    assert (ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)) == whole
    assert verify_pack(ran.pack).verdict == "INTACT"


def test_no_other_attempt_is_tried_on_files_that_were_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = '[[attempt]]\nname = "first"\nbackend = "stub"\n\n[[attempt]]\nname = "stub"'
    project.edit('[[attempt]]\nname = "stub"', two)
    changing(project, monkeypatch, "model")
    with pytest.raises(WorkerLostError):
        project.run()
    events = rows(project.runs / ".work/T1/pack" / layout.JOURNAL)
    assert [e["attempt"] for e in events if e["event"] == "attempt-started"] == ["first"]
