"""Laws of a worker that dies of what need not come again: nothing that was done is thrown away.

Only what would fail again for the same reason ends an attempt; the rest leaves the run unfinished,
with its checkpoints, to be resumed to the same weights or closed with the worker's own outcome.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from evidence import layout
from evidence.attempt import process, stage
from evidence.attempt.outcome import Limit, WorkerEnd, left_by
from evidence.errors import ExitCode, StoppedError, WorkerLostError
from evidence.stages.train import TRAIN
from evidence.verification.verification import verify_pack
from evidence.worker.failures import GPU_LOST, UNREACHABLE, kind_and_message
from tests.project import Project, rows
from tests.running.test_recovery import errors, start, weights
from tests.tiers import sampled

GO_ON = "evidence run T1 --resume --root {root}   # or --close: seal what there is as failed"
BAD_ALLOC = b"terminate called after throwing an instance of 'std::bad_alloc'".hex()


def order(do: str, at: int = 7, stage: str = "train", **more: object) -> str:
    return json.dumps({"stage": stage, "at": at, "do": do, **more})


def signalled(number: int) -> str:
    return order("signal", number=number)


LOST: dict[str, tuple[str, str, str, str, str]] = {
    # stub, what is recorded of the stop, outcome when closed, words of verify, first of next step
    "killed": (
        order("kill"),
        "worker-killed",
        "killed-by-signal",
        "the worker of the run was killed in the train stage of attempt stub (last checkpoint: "
        "step 5): the worker was killed by SIGKILL during the train stage (often the kernel",
        "",
    ),
    "SIGINT": (signalled(2), "worker-killed", "killed-by-signal", "the worker of the run was", ""),
    "SIGHUP": (signalled(1), "worker-killed", "killed-by-signal", "the worker of the run was", ""),
    "SIGTERM, obeyed": (
        signalled(15),
        "worker-killed",
        "interrupted",
        "the worker of the run was killed in the train stage of attempt stub (last checkpoint: "
        "step 7): the worker was asked to stop during the train stage, by somebody else than",
        "",
    ),
    "SIGUSR1": (
        signalled(10), "worker-killed", "killed-by-signal", "the worker of the run was", ""
    ),
    "SIGBUS": (
        signalled(signal.SIGBUS),
        "worker-failed",
        "killed-by-signal",
        "the worker of the run failed, and may not fail again, in the train stage of attempt stub "
        "(last checkpoint: step 5): the worker was killed by SIGBUS during the train stage (a full",
        "",
    ),
    "memory of Python": (
        order("oom"),
        "out-of-memory",
        "out-of-memory",
        "the run ran out of memory in the train stage of attempt stub (last checkpoint: step 5): "
        "Python ran out of memory",
        "free some memory, then: ",
    ),
    "memory of C++": (
        order("abort", hex=BAD_ALLOC),
        "out-of-memory",
        "out-of-memory",
        "the run ran out of memory in the train stage of attempt stub (last checkpoint: step 5): "
        "the worker ended in the train stage for want of memory: terminate called after throwing",
        "free some memory, then: ",
    ),
    "memory of the GPU": (
        order("gpu-oom"),
        "out-of-memory",
        "out-of-memory",
        "the run ran out of memory in the train stage",
        "free some memory, then: ",
    ),
    "GPU": (
        order("gpu-lost"),
        "gpu-lost",
        "exception",
        "the run lost its GPU in the train stage of attempt stub (last checkpoint: step 5): "
        "RuntimeError: the GPU failed or was lost: CUDA error: unspecified launch failure",
        "see that the GPU is there again (nvidia-smi), then: ",
    ),
    "network": (
        order("offline"),
        "worker-failed",
        "exception",
        "the worker of the run failed, and may not fail again, in the train stage",
        "",
    ),
    "killed in the evaluation": (
        order("kill", stage="eval", at=3),
        "worker-killed",
        "killed-by-signal",
        "the worker of the run was killed in the eval stage",
        "",
    ),
}  # fmt: skip
QUICK = ("SIGTERM, obeyed", "memory of C++", "killed in the evaluation")


def lost(project: Project, patch: pytest.MonkeyPatch, stub: str) -> WorkerLostError:
    patch.setenv("EVIDENCE_STUB", stub)
    with pytest.raises(WorkerLostError) as caught:
        project.run()
    patch.delenv("EVIDENCE_STUB")
    assert caught.value.exit_code == ExitCode.UNFINISHED
    assert "--resume" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("kind", sampled(LOST, QUICK))
def test_a_lost_worker_leaves_a_run_that_goes_on_to_the_same_weights(
    kind: str, ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)
    ran.pack.rename(ran.root / "whole")
    stub, stop, _, words, first = LOST[kind]
    lost(ran, monkeypatch, stub)
    report = verify_pack(ran.pack)
    assert (report.verdict, report.exit_code) == ("UNFINISHED", 4)
    assert report.happened.startswith(words), report.happened
    assert report.next_step == first + GO_ON.format(root=ran.root)
    assert list((ran.runs / ".work/T1/scratch-01-stub").glob("checkpoint-*"))
    assert ran.run(resume=True).exit_code == ExitCode.DONE
    assert (ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)) == whole
    assert errors(ran.pack) == []
    (event,) = (e for e in rows(ran.pack / layout.JOURNAL) if e["event"] == "recovered")
    assert event["data"]["after"] == stop
    assert event["data"]["reason"] in report.happened


@pytest.mark.parametrize("kind", sampled(LOST, QUICK))
def test_a_run_whose_worker_was_lost_is_closed_with_the_worker_s_own_outcome(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, _, outcome, _, _ = LOST[kind]
    message = lost(project, monkeypatch, stub).message
    assert project.run(close=True).exit_code == ExitCode.UNFINISHED
    record = project.read("attempts/01-stub/outcome.json")
    assert (record["outcome"], record["reason"]) == (outcome, message)
    assert record["last_lines"], "the last words of the worker are evidence"
    assert (record["signal"] == 9) == ("SIGKILL" in message)
    assert record["duration_s"] > 0
    assert errors(project.pack) == []
    assert verify_pack(project.pack).happened.endswith(message)


def test_a_worker_that_is_lost_again_leaves_the_run_as_unfinished_as_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(project, monkeypatch, order("kill"))
    for do in ("kill", "gpu-oom"):
        monkeypatch.setenv("EVIDENCE_STUB", order(do))
        with pytest.raises(WorkerLostError):
            project.run(resume=True)
    monkeypatch.delenv("EVIDENCE_STUB")
    assert project.run(resume=True).exit_code == ExitCode.DONE
    after = [e["data"]["after"] for e in rows(project.pack / layout.JOURNAL)
             if e["event"] == "recovered"]  # fmt: skip
    assert after == ["worker-killed", "worker-killed", "out-of-memory"]
    assert errors(project.pack) == []


def test_a_supervisor_killed_after_its_worker_was_lost_is_what_a_closed_run_tells(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(project, monkeypatch, order("kill"))
    process = start(project, "--resume", stub=order("hang", at=8))
    path = project.runs / ".work/T1/pack" / layout.JOURNAL
    for _ in range(1000):
        if path.read_bytes().count(b'"schedule"') >= 2:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    time.sleep(0.5)
    assert project.run(close=True).exit_code == ExitCode.UNFINISHED
    record = project.read("attempts/01-stub/outcome.json")
    assert (record["outcome"], record["signal"]) == ("interrupted", None)


@pytest.mark.parametrize("do", sampled(["require", "raise", "gpu-oom"], ["require"]))
def test_a_resumed_worker_that_cannot_even_load_what_the_first_one_did_ends_nothing(
    do: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(project, monkeypatch, order("kill"))
    monkeypatch.setenv("EVIDENCE_STUB", order(do, at=0))
    with pytest.raises(WorkerLostError):
        project.run(resume=True)
    monkeypatch.delenv("EVIDENCE_STUB")
    assert project.run(resume=True).exit_code == ExitCode.DONE


TWO = '[[attempt]]\nname = "first"\nbackend = "stub"\n\n[[attempt]]\nname = "stub"'
FALLS = [
    (order("gpu-oom", at=3, attempt="first"), True),
    (order("offline", at=0, attempt="first"), True),
    (order("gpu-oom", at=7, attempt="first"), False),
    (order("gpu-oom", stage="eval", at=2, attempt="first"), False),
    (order("gpu-lost", at=3, attempt="first"), False),
    (order("kill", at=3, attempt="first"), False),
    (order("gpu-assert", at=7, attempt="first"), True),
]


@pytest.mark.parametrize("case", sampled(FALLS, FALLS[1:3]), ids=str)
def test_the_next_attempt_follows_where_it_would_fail_again_and_nothing_is_lost(
    case: tuple[str, bool], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, follows = case
    project.edit('[[attempt]]\nname = "stub"', TWO)
    if not follows:
        lost(project, monkeypatch, stub)
        assert project.run(resume=True).attempt == "first"
        return
    monkeypatch.setenv("EVIDENCE_STUB", stub)
    result = project.run()
    assert (result.exit_code, result.attempt) == (ExitCode.DONE, "stub")
    assert [one.name for one in result.outcomes] == ["first"]


def worker_of(process: subprocess.Popen[bytes]) -> psutil.Process:
    for _ in range(1000):
        with contextlib.suppress(psutil.Error):
            for one in psutil.Process(process.pid).children():
                if "evidence.worker.main" in one.cmdline():
                    return one
        time.sleep(0.01)
    pytest.fail("no worker came")


@pytest.mark.parametrize("number", sampled([signal.SIGTERM, signal.SIGINT], [signal.SIGINT]))
def test_a_signal_to_all_processes_is_a_stop_though_the_worker_has_it_first(
    number: int, project: Project
) -> None:
    """While it imports: no handler of ours is there yet."""
    process = start(project, stub=order("hang", at=0))
    worker_of(process).send_signal(number)
    time.sleep(0.3)
    process.send_signal(number)
    assert process.wait(timeout=60) == (143 if number == signal.SIGTERM else 130)
    assert verify_pack(project.pack).happened.startswith("the run was stopped, as asked, ")
    assert project.run(resume=True).exit_code == ExitCode.DONE


def test_a_signal_to_the_worker_alone_while_it_imports_leaves_the_run_unfinished(
    project: Project,
) -> None:
    process = start(project, stub=order("hang", at=0))
    worker_of(process).send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 4
    assert project.run(resume=True).exit_code == ExitCode.DONE


def test_the_terminal_says_what_was_lost_and_how_to_go_on(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "run", "T1"],
        cwd=project.root, capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"EVIDENCE_STUB": order("kill")},
    )  # fmt: skip
    assert done.returncode == 4
    assert "Error: the worker was killed by SIGKILL during the train stage" in done.stderr
    assert "training the stub on 14 rows" in done.stderr, "its last lines"
    assert "what was done is kept. Go on: " in done.stderr


def ended(status: int | None = 1, **changes: Any) -> WorkerEnd:
    values: dict[str, Any] = {"kind": TRAIN, "done": False, "failure": None, "stopped": False}
    values |= {"exit_status": status, "limit": None, "checkpoint_step": 5}
    return WorkerEnd(**values | changes)


OWN: dict[str, WorkerEnd] = {
    "a crash in native code": ended(-signal.SIGSEGV),
    "native code that gave up": ended(-signal.SIGABRT),
    "an exception": ended(failure=("exception", "x")),
    "a loss that is no number": ended(failure=("diverged", "x")),
    "data": ended(failure=("bad-data", "x")),
    "no word": ended(7),
    "a limit of time": ended(-9, limit=Limit("attempt", 1.0)),
    "a stop as asked": ended(-9, stopped=True),
    "done": ended(0, done=True),
}


@pytest.mark.parametrize("kind", OWN)
def test_what_would_fail_again_ends_an_attempt(kind: str) -> None:
    assert left_by(OWN[kind]) is None


@pytest.mark.parametrize(("step", "yields"), [(5, False), (None, True)])
def test_a_page_that_could_not_be_had_ends_none(step: int | None, yields: bool) -> None:
    """A full /dev/shm has room again some day; where no work is kept, another attempt may do."""
    left = left_by(ended(-signal.SIGBUS, checkpoint_step=step))
    assert left is not None
    assert (left.kind, left.yields) == ("worker-failed", yields)


@pytest.mark.parametrize("number", [1, 2, 3, 9, 10, 12, 14, 15, 24])
def test_a_signal_that_no_program_sends_itself_ends_none(number: int) -> None:
    left = left_by(ended(-number))
    assert left is not None
    assert (left.kind, left.yields) == ("worker-killed", False)


def test_a_kill_by_the_kernel_for_want_of_memory_gives_way_to_no_other_attempt() -> None:
    left = left_by(ended(-9, num_oom_kills=1, checkpoint_step=None))
    assert left is not None
    assert (left.kind, left.yields) == ("out-of-memory", False)


def test_a_log_that_speaks_of_memory_is_believed_of_a_worker_that_gave_up_alone() -> None:
    said = {"last_lines": ("MemoryError", "and more")}
    left = left_by(ended(1, **said))
    assert left is not None
    assert left.kind == "out-of-memory"
    assert left_by(ended(7, **said)) is None
    assert left_by(ended(-signal.SIGSEGV, **said)) is None


GPU: dict[str, str] = {
    "CUDA error: uncorrectable ECC error encountered": GPU_LOST,
    "CUDA error: unknown error": GPU_LOST,
    "Unable to determine the device handle: GPU is lost.  Reboot the system": GPU_LOST,
    "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus": GPU_LOST,
    "INTERNAL: CUDA_ERROR_LAUNCH_FAILED": GPU_LOST,
    "RESOURCE_EXHAUSTED: CUDA_ERROR_OUT_OF_MEMORY": "out-of-memory",
    "CUDA error: device-side assert triggered": "exception",
    "CUDA error: no kernel image is available for execution on the device": "exception",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED": "exception",
    "503 Server Error: Service Unavailable for url: https://hub": UNREACHABLE,
    "404 Client Error: Not Found for url: https://hub": "exception",
    "can't start new thread": UNREACHABLE,
}


@pytest.mark.parametrize("text", GPU)
def test_a_lost_gpu_is_told_from_one_that_refuses_what_it_is_given(text: str) -> None:
    assert kind_and_message(RuntimeError(text))[0] == GPU[text]


def test_asked_to_stop_before_is_a_stop_as_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: the worker obeys somebody else, and we are asked within moments."""
    monkeypatch.setenv("EVIDENCE_STUB", signalled(15))
    told = process.are_told_too

    def then_us(*arguments: Any) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return told(*arguments)

    monkeypatch.setattr(stage, "are_told_too", then_us)
    with pytest.raises(StoppedError) as caught:
        project.run()
    assert caught.value.exit_code == ExitCode.TERMINATED
