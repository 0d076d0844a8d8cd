"""`evidence init --try`: two steps of a stranger's program, and nothing of it is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from evidence.adopting import shown, trial
from evidence.adopting.copied import copy_into
from evidence.encoding import schema
from evidence.errors import UsageError
from evidence.instrument import held
from evidence.recording import places
from evidence.text import marked
from tests.adopting.trials import PYTHON, READING, ROWS, STEPPING, repository
from tests.command import Ended, evidence
from tests.docs.pages import ROOT
from tests.recording.programs import TELLING

TOKENIZER = ROOT / "milestones/models/tiny-gemma"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files of a test of its own, so that what is left of them can be counted."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def tried(root: Path, *words: str) -> Ended:
    """`evidence init --try` in a repository, with nothing written but by the program."""
    return evidence("init", "--dry-run", "--try", "--root", str(root), *words)


def files(root: Path) -> dict[str, bytes]:
    return {
        one.relative_to(root).as_posix(): one.read_bytes()
        for one in root.rglob("*")
        if one.is_file() and "__pycache__" not in one.parts
    }


def running(spelled: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if spelled in " ".join(process.cmdline()) and process.pid != os.getpid():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.torch
def test_a_program_that_reads_the_prompt_alone_is_seen_to_read_it_alone(
    tmp_path: Path, temporary: Path
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "data.jsonl").write_text(ROWS)
    shutil.copytree(TOKENIZER, root / "model")
    repository(root, train=READING.replace("TEXT", 'row["prompt"]'))
    before = files(root)
    ended = tried(root, "--", PYTHON, "train.py")
    assert ended.exit == 0, ended
    table = {line.split()[0]: line.split(maxsplit=3)[1:] for line in ended.out.splitlines() if line}
    assert table["prompt"] == ["2", "2"]
    assert table["answer"] == ["0", "0", "never read"]
    assert "data.jsonl: 20 rows; text of 2 was fed in these steps" in ended.out
    assert "Never read in these steps: answer of data.jsonl." in ended.out
    assert "⟦How much is 11 plus 11?⟧" in ended.out
    assert "It makes" not in ended.out
    assert shown.PROVES_NOT in ended.out
    assert files(root) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.torch
def test_a_program_that_reads_all_is_seen_to_read_all_also_as_json(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "data.jsonl").write_text(ROWS)
    shutil.copytree(TOKENIZER, root / "model")
    text = 'row["prompt"] + " " + row["answer"] + tokenizer.eos_token'
    repository(root, train=READING.replace("TEXT", text))
    ended = tried(root, "--json", "--", PYTHON, "train.py")
    found = json.loads(ended.out)
    assert schema.validate("done.v1", found) == ()
    told = found["tried"]
    assert (told["outcome"], told["num_steps"], told["num_sequences"]) == ("stepped", 2, 2)
    assert told["num_end_tokens_learned"] == 2
    assert told["fields"] == [
        {"file": "data.jsonl", "field": name, "num_rows_read": 2, "num_rows_learned": 2}
        for name in ("prompt", "answer")
    ]
    learned = [part["text"] for part in told["texts"][0]["parts"] if part["carries_loss"]]
    assert "It makes 22 altogether." in "".join(learned)
    assert "never" not in ended.out


@pytest.mark.torch
def test_nothing_of_a_program_runs_after_its_second_step(tmp_path: Path, temporary: Path) -> None:
    root, elsewhere = repository(tmp_path / "project", train=STEPPING), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "train.sh").write_text(f"{PYTHON} train.py {elsewhere}\ntouch {elsewhere}/next\n")
    ended = tried(root, "--", "sh", "train.sh")
    assert ended.exit == 0, ended
    assert sorted(one.name for one in elsewhere.iterdir()) == ["after-1", "before-1", "before-2"]
    assert not list(root.glob("here-*"))
    assert not running(str(elsewhere))
    assert list(temporary.iterdir()) == []


def test_in_place_it_runs_in_the_repository_itself(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", train="import pathlib; pathlib.Path('here').touch()")
    tried(root, "--", PYTHON, "train.py")
    assert not (root / "here").exists()
    ended = tried(root, "--in-place", "--", PYTHON, "train.py")
    assert "what it writes stays" in ended.err
    assert (root / "here").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("print('no such file'); raise SystemExit(3)", "status 3"),
        ("input('which model? ')", "It asked for input"),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()",
         "the following arguments are required: data"),
        ("print('done')", "made 0 optimizer steps"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
    ],
    ids=["fails", "asks", "wants-arguments", "never-steps", "dies"],
)  # fmt: skip
def test_a_program_that_makes_no_step_is_told_as_what_it_is(
    source: str, says: str, tmp_path: Path, temporary: Path
) -> None:
    root = repository(tmp_path / "project", train=source)
    ended = tried(root, "--", PYTHON, "train.py")
    assert ended.exit == 4, ended
    assert says in ended.out
    assert "What the model saw" not in ended.out
    assert shown.CANNOT_SEE in ended.out
    assert list(temporary.iterdir()) == []


def test_a_program_that_makes_no_step_in_time_is_ended(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", train="import time; time.sleep(600)")
    ended = tried(root, "--timeout", "1", "--", PYTHON, "train.py", "a-word-of-this-test")
    assert ended.exit == 4
    assert "that was the time it was given" in ended.out
    assert not running("a-word-of-this-test")


def test_steps_that_end_before_the_second_are_shown_and_are_not_enough(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", train=f"{TELLING}process(); step(1); raise SystemExit")
    ended = tried(root, "--", PYTHON, "train.py")
    assert ended.exit == 4
    assert "made 1 optimizer step" in ended.out
    assert "rows fed            1" in ended.out


def test_a_process_that_does_not_let_itself_be_held_is_ended_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "HOLD_WITHIN_S", 0.5)
    source = f"{TELLING}process(); step(1); step(2); time.sleep(600)"
    ended = tried(repository(tmp_path / "project", train=source), "--", PYTHON, "train.py")
    assert ended.exit == 0
    assert "ended later, by force" in ended.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_program_and_what_it_started(
    number: signal.Signals, tmp_path: Path, temporary: Path
) -> None:
    source = (
        "import os, pathlib, subprocess, sys, time\n"
        "run = lambda **more: subprocess.Popen(['sleep', '601.25'], **more)\n"
        "run(); run(start_new_session=True)\n"
        f"pathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(600)\n"
    )
    root = repository(tmp_path / "project", train=source)
    words = ["-m", "evidence", "init", "--dry-run", "--try", "--root", str(root)]
    command = [sys.executable, *words, "--", PYTHON, "train.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(tmp_path / "begun")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert b"the program was ended" in errors
    assert not running("sleep 601.25")
    assert list(temporary.iterdir()) == []


def test_what_a_killed_trial_leaves_is_ended_and_removed_by_the_next(
    tmp_path: Path, temporary: Path
) -> None:
    source = f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\n"
    root = repository(tmp_path / "project", train=source + "time.sleep(602.5)", short="")
    words = ["-m", "evidence", "init", "--dry-run", "--try", "--root", str(root)]
    command = [sys.executable, *words, "--", PYTHON, "train.py", "a-killed-trial"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(tmp_path / "begun")
        process.kill()
    assert len(list(temporary.glob("evidence-try-*"))) == 1
    until_s = time.monotonic() + 30
    while running("train.py a-killed-trial") and time.monotonic() < until_s:
        time.sleep(0.1)
    assert not running("train.py a-killed-trial")
    tried(root, "--", PYTHON, "short.py")
    assert list(temporary.iterdir()) == []


def wait_for(path: Path) -> None:
    until_s = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_program_is_tried_only_where_that_is_said_and_one_that_is_not_there_never(
    tmp_path: Path,
) -> None:
    root = repository(tmp_path / "project")
    for words, says in (
        (("--", "python", "train.py"), "nothing is run unless --try says so"),
        (("--try",), "no program to try"),
        (("--try", "--", "no-such-program"), "there is no program 'no-such-program'"),
    ):
        ended = evidence("init", "--dry-run", "--root", str(root), *words)
        assert ended.exit == 2, ended
        assert says in ended.err


def test_the_command_of_the_milestone_is_tried_with_its_arguments(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", train="import sys; print(sys.argv[1:])")
    (root / "milestones").mkdir()
    evidence("init", "--root", str(root))
    path = root / "milestones/M1.toml"
    words = f'["{PYTHON}", "train.py", "--size", "small"]'
    path.write_text(path.read_text().replace('["python", "train.py"]', words))
    if path.read_text().count("small") == 0:
        pytest.fail("the milestone is spelled in another way")
    assert "['--size', 'small']" in tried(root).out


def test_a_copy_has_what_the_repository_has_and_no_link_back_into_it(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", train="")
    (root / "data").mkdir()
    (root / "data/ignored.bin").write_bytes(b"x" * 1000)
    (root / "within").symlink_to(root / "data")
    (root / "relative").symlink_to("data/ignored.bin")
    (root / "outside").symlink_to(tmp_path)
    (root / "runs").mkdir()
    (root / "runs/R1").write_text("a pack")
    (root / "env").mkdir()
    (root / "env/pyvenv.cfg").touch()
    (tmp_path / "to").mkdir()
    copy = copy_into(tmp_path / "to", root, lambda: False)
    assert (copy.root / "within/ignored.bin").resolve() == copy.root / "data/ignored.bin"
    assert (copy.root / "relative").resolve() == copy.root / "data/ignored.bin"
    assert (copy.root / "outside").resolve() == tmp_path
    assert (copy.root / "env").resolve() == root / "env"
    assert not (copy.root / "runs").exists()
    head = ["git", "rev-parse", "HEAD"]
    commits = {subprocess.check_output(head, cwd=one) for one in (root, copy.root)}
    assert len(commits) == 1
    status = subprocess.check_output(["git", "status", "--short", "train.py"], cwd=copy.root)
    assert status == b""
    assert subprocess.check_output(["git", "remote"], cwd=copy.root) == b""


def test_what_is_too_large_for_a_copy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path / "project", train="print(open('large.bin').read())")
    (root / "large.bin").write_bytes(b"x" * 2000)
    monkeypatch.setattr("evidence.adopting.copied.MAX_BYTES", 1000)
    ended = tried(root, "--", PYTHON, "train.py")
    assert ended.exit == 4
    assert "not there: large.bin (--in-place has them)" in ended.err
    monkeypatch.setattr("evidence.adopting.copied.MAX_ENTRIES", 1)
    with pytest.raises(UsageError, match="more than 1 files"):
        copy_into(tmp_path / "to", root, lambda: False)


def test_text_that_looks_like_our_signs_is_spelled() -> None:
    block = marked.learned([[("a⟧b", True), ("\x1b[1mc", False)]])
    assert shown.text_of(block) == "⟦a\\u27e7b⟧\\x1b[1mc"


def test_the_hooks_and_who_reads_them_mean_the_same() -> None:
    assert (places.HOLD_VARIABLE, places.HELD) == (held.VARIABLE, held.HOW)


@pytest.mark.full
@pytest.mark.torch
@pytest.mark.skipif(shutil.which("torchrun") is None, reason="torchrun is not on PATH")
def test_several_ranks_are_all_held_and_ended(tmp_path: Path, temporary: Path) -> None:
    source = (
        "import torch, torch.distributed as d\n"
        "d.init_process_group('gloo')\n"
        "model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for _ in range(100):\n"
        "    torch.nn.functional.mse_loss(model(torch.ones(1, 2)), torch.ones(1, 1)).backward()\n"
        "    optimizer.step()\n"
    )
    root = repository(tmp_path / "project", train=source)
    words = ("torchrun", "--standalone", "--nproc-per-node", "2", "train.py", "two-ranks-of-a-test")
    ended = tried(root, "--", *words)
    assert ended.exit == 0, ended
    assert "made 2 optimizer steps" in ended.out
    assert "and was ended there" in ended.out
    assert not running("two-ranks-of-a-test")
    assert list(temporary.iterdir()) == []
