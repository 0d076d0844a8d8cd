"""C7: asked to stop where nothing trains: inputs are read, large files hashed, seals made."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import jsonio
from evidence.running.memory import Memory, recall
from tests.faults import laws
from tests.faults.runs import Case
from tests.faults.test_signals import SLOW, begun, events, wait_until

SOON_S = 5.0
"""From the signal to the end of the process, on a busy machine."""
MINUTES_BYTES = 1 << 37
"""A file without a block on disk that takes minutes to hash."""
STOPS = [
    pytest.param(signal.SIGINT, 130, id="SIGINT"),
    pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
]

needs_sparse_files = pytest.mark.skipif(
    sys.platform != "linux", reason="a file of this size takes its blocks elsewhere"
)


def sparse(path: Path) -> Path:
    with path.open("wb") as stream:
        stream.write((2).to_bytes(8, "little") + b"{}")  # the header of weights
        stream.truncate(MINUTES_BYTES)
    return path


def take_out(large: Path, staging: Path) -> None:
    """Our own large file again, which is no part of the run."""
    large.unlink()
    withheld = json.loads((staging / layout.WITHHELD).read_bytes())
    withheld["files"] = [one for one in withheld["files"] if one["path"] != large.name]
    data = jsonio.dump_document(withheld)
    Memory(staging.parent, recall(staging.parent)).about_to_write({staging / layout.WITHHELD: data})
    (staging / layout.WITHHELD).write_bytes(data)


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


def promise(case: Case) -> Path:
    """A large file that the milestone promises not to touch."""
    milestone = case.root / "milestones/T1.toml"
    text = milestone.read_text("utf-8")
    if "[[frozen]]" in text:
        text = text[: text.index("[[frozen]]")] + text[text.index("[[gate]]") :]
    frozen = '[[frozen]]\nname = "weights"\npaths = ["base.bin"]\n'
    milestone.write_text(f"{text}\n{frozen}", "utf-8")
    return sparse(case.root / "base.bin")


@pytest.mark.parametrize(("number", "status"), STOPS)
def test_a_run_that_is_asked_to_stop_while_its_inputs_are_read_starts_nothing(
    number: int, status: int, case: Case
) -> None:
    """C7: at once, and no folder is made."""
    rows = (json.dumps({"prompt": f"p{i}", "answer": f"a{i}"}) for i in range(200_000))
    (case.root / "data/train.jsonl").write_text("\n".join(rows) + "\n")
    command = case.start("run", "T1")
    command.signal_after(number, 0.5)
    asked_s = time.monotonic()
    ended = command.wait()
    assert ended.status == status, ended.printed
    assert time.monotonic() - asked_s < SOON_S
    assert "nothing was started" in ended.printed
    assert not case.runs.exists()


@needs_sparse_files
@pytest.mark.parametrize(("number", "status"), STOPS)
def test_a_run_that_is_asked_to_stop_while_it_hashes_what_is_promised_goes_on_later(
    number: int, status: int, case: Case
) -> None:
    """C7: minutes of hashing are left off at once."""
    large = promise(case)
    command = case.start("run", "T1")
    wait_until(lambda: "run-started" in events(case))
    command.signal_after(number, 0.3)
    asked_s = time.monotonic()
    ended = command.wait()
    assert ended.status == status, ended.printed
    assert time.monotonic() - asked_s < SOON_S
    assert "--resume" in ended.printed
    assert laws.honest(case, ended) == "unfinished"
    large.write_bytes(b"small enough")
    assert case.do("run", "T1", "--resume").status == 0
    assert laws.honest(case) == "published"


@needs_sparse_files
@pytest.mark.parametrize(("number", "status"), STOPS)
def test_a_run_that_is_asked_to_stop_while_it_is_sealed_is_sealed_later(
    number: int, status: int, case: Case, outcome: str
) -> None:
    """C7: what was hashed so far is hashed again; nothing is published by halves."""
    command = begun(case, SLOW)
    large = sparse(case.work / layout.STAGED / "large.safetensors")
    wait_until(lambda: "sealing" in events(case))
    command.signal_after(number, 0.5)
    asked_s = time.monotonic()
    ended = command.wait()
    assert ended.status == status, ended.printed
    assert time.monotonic() - asked_s < SOON_S
    assert "sealed" in ended.printed
    take_out(large, case.work / layout.STAGED)
    state = laws.honest(case, ended)
    assert state == "unfinished"
    laws.can_be_resumed(case, state, outcome)


@needs_sparse_files
def test_a_resumed_run_that_is_asked_to_stop_before_it_goes_on_is_as_it_was(
    case: Case, outcome: str
) -> None:
    """C7: while a large checkpoint is hashed."""
    command = begun(case, SLOW, "checkpoint")
    command.signal_after(signal.SIGKILL)
    command.wait()
    (folder,) = {path.parent for path in case.work.rglob("checkpoint-2/*")}
    large = next(path for path in sorted(folder.iterdir()) if path.is_file())
    whole = large.read_bytes()
    sparse(large)
    before = laws.acknowledged(case)
    command = case.start("run", "T1", "--resume")
    command.signal_after(signal.SIGINT, 1.0)
    asked_s = time.monotonic()
    ended = command.wait()
    assert ended.status == 130, ended.printed
    assert time.monotonic() - asked_s < SOON_S
    large.write_bytes(whole)
    assert laws.acknowledged(case) == before
    laws.can_be_resumed(case, laws.honest(case, ended), outcome)


READERS = [
    pytest.param(("verify", "runs/T1"), id="verify"),
    pytest.param(("render", "runs/T1"), id="render"),
    pytest.param(("compare", "runs/T1", "runs/T1"), id="compare"),
    pytest.param(("explain", "runs/T1", "train.loss_end"), id="explain"),
    pytest.param(("note", "runs/T1", "note.md"), id="note"),
]


@needs_sparse_files
@pytest.mark.parametrize("words", READERS)
def test_a_command_that_reads_a_large_pack_ends_when_it_is_asked_to(
    words: tuple[str, ...], undisturbed: Case, case: Case
) -> None:
    """C7: exit 130 and one word, whatever it was reading."""
    (case.root / "note.md").write_text("Later.\n")
    case.runs.mkdir()
    pack = case.pack
    shutil.copytree(undisturbed.pack, pack)
    (large,) = pack.rglob("*.safetensors")
    sparse(large)
    stated = json.loads((pack / layout.MANIFEST).read_bytes())
    for entry in stated["files"]:
        if entry["path"] == large.relative_to(pack).as_posix():
            entry["size_bytes"] = MINUTES_BYTES
    (pack / layout.MANIFEST).write_text(json.dumps(stated))
    command = [sys.executable, "-m", "evidence", *words]
    with subprocess.Popen(
        command, cwd=case.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(1.5)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=SOON_S)
        finally:
            process.kill()  # else it is waited for, and it reads on for minutes
    assert process.returncode == 130, err
    assert (out, err.strip()) == ("", "Stopped.")
