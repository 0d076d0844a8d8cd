"""Every command, whatever lies in runs/: its exit code, and words that name what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.system import posix
from tests.command import evidence
from tests.faults.runs import make_small_project

COMMANDS = {
    "verify-all": ("verify", "runs"),
    "verify": ("verify", "runs/T1"),
    "self-test": ("verify", "runs/T1", "--self-test", "-q"),
    "render-all": ("render",),
    "render": ("render", "runs/T1"),
    "explain": ("explain", "runs/T1", "train.loss_end"),
    "note": ("note", "runs/T1", "note.md"),
    "sign": ("sign", "runs/T1", "--key", "key"),
    "compare": ("compare", "runs/T1", "runs/T1"),
    "run": ("run", "T1"),
    "resume": ("run", "T1", "--resume"),
    "close": ("run", "T1", "--close"),
}
ON_ONE = ("verify", "self-test", "render", "explain", "note", "sign", "compare")
RECOVER = ("resume", "close")


def codes(**given: int | None) -> dict[str, int]:
    """Exit codes by command; `one` stands for all that take one pack, None leaves them out."""
    one, recover = given.pop("one"), given.pop("recover")
    by_name = dict.fromkeys(ON_ONE, one) | dict.fromkeys(RECOVER, recover) | given
    return {name: code for name, code in by_name.items() if code is not None}


def unfinished(runs: Path, name: str) -> None:
    work = layout.work_dir(runs, name)
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_text("{}")


def without_runs(runs: Path) -> None:
    shutil.rmtree(runs)


def without_packs(runs: Path) -> None:
    shutil.rmtree(runs / "T1")


def only_unfinished(runs: Path) -> None:
    without_packs(runs)
    unfinished(runs, "T1")


def other_unfinished(runs: Path) -> None:
    without_packs(runs)
    unfinished(runs, "T2")


def only_archived(runs: Path) -> None:
    (runs / layout.ARCHIVE).mkdir()
    (runs / "T1").rename(runs / layout.ARCHIVE / "T1-0123456789ab")


def leftover(runs: Path) -> None:
    without_packs(runs)
    (layout.work_dir(runs, "T1") / layout.STAGED).mkdir(parents=True)


def broken(runs: Path) -> None:
    path = runs / "T1" / layout.METRICS
    path.write_bytes(path.read_bytes()[:-2])


def without_seal(runs: Path) -> None:
    (runs / "T1" / layout.SUMS).unlink()


def one_without_seal(runs: Path) -> None:
    shutil.copytree(runs / "T1", runs / "T0")
    (runs / "T0" / layout.SUMS).unlink()


def a_file(runs: Path) -> None:
    shutil.rmtree(runs)
    runs.write_text("no folder")


def a_file_for_a_pack(runs: Path) -> None:
    without_packs(runs)
    (runs / "T1").write_text("no folder")


def a_link_to_nowhere(runs: Path) -> None:
    without_packs(runs)
    (runs / "T1").symlink_to("nowhere")


def a_link_to_itself(runs: Path) -> None:
    without_packs(runs)
    (runs / "T1").symlink_to("T1")


def an_empty_folder(runs: Path) -> None:
    without_packs(runs)
    (runs / "T1").mkdir()


def nothing_done(runs: Path) -> None:
    """As it is."""


STATES: dict[str, tuple[Callable[[Path], None], dict[str, int], str]] = {
    "sealed": (
        nothing_done,
        codes(one=0, recover=2, run=2) | {"verify-all": 0, "render-all": 0},
        "",
    ),
    "no-runs": (
        without_runs,
        codes(one=2, recover=2) | {"verify-all": 2, "render-all": 2},
        "no folder runs|no unfinished run|no pack runs",
    ),
    "no-packs": (
        without_packs,
        codes(one=2, recover=2) | {"verify-all": 2, "render-all": 0},
        "evidence new M1|no unfinished run",
    ),
    "only-unfinished": (
        only_unfinished,
        codes(one=4, run=2, recover=None) | {"verify-all": 4, "render-all": 0},
        r"run T1 .*--resume",
    ),
    "other-unfinished": (
        other_unfinished,
        codes(one=2, recover=2) | {"verify-all": 4, "render-all": 0},
        r"Unfinished: runs/T2|run T2 .*--resume|no unfinished run of T1",
    ),
    "only-archived": (
        only_archived,
        codes(one=2, recover=2) | {"verify-all": 2, "render-all": 0},
        "runs/archive/T1-0123456789ab|no unfinished run",
    ),
    "leftover": (
        leftover,
        codes(one=2, recover=2) | {"verify-all": 2, "render-all": 0},
        "no pack|No packs|no unfinished run",
    ),
    "broken": (
        broken,
        codes(one=1, run=2, recover=2) | {"verify-all": 1, "render-all": 1},
        "metrics.jsonl|is not intact|sealed already",
    ),
    "without-seal": (
        without_seal,
        codes(one=1, run=2, recover=2) | {"verify-all": 1, "render-all": 1},
        "seal was removed|is not intact|is no sealed pack",
    ),
    "one-without-seal": (one_without_seal, {"verify-all": 1, "render-all": 1}, "T0"),
    "runs-a-file": (
        a_file,
        codes(one=2, run=2, recover=2) | {"verify-all": 5, "render-all": 5},
        "no folder runs|nothing was started|a file|no unfinished run",
    ),
    "pack-a-file": (
        a_file_for_a_pack,
        codes(one=5, run=2, recover=2) | {"self-test": 1, "verify-all": 2, "render-all": 0},
        "a file; packs are directories|is no sealed pack|no pack in runs|No packs|not intact",
    ),
    "link-to-nowhere": (
        a_link_to_nowhere,
        codes(one=5, run=2, recover=2) | {"self-test": 1, "verify-all": 2, "render-all": 0},
        "a link to nowhere, which leads nowhere|no pack in runs|No packs|not intact",
    ),
    "link-to-itself": (
        a_link_to_itself,
        codes(one=5, run=2, recover=2) | {"self-test": 1, "verify-all": 2, "render-all": 0},
        "a link to T1, which leads nowhere|no pack in runs|No packs|not intact",
    ),
    "empty-folder": (
        an_empty_folder,
        codes(one=1, run=2, recover=2) | {"verify-all": 2, "render-all": 0},
        "no pack in runs|is no sealed pack|No packs|seal was removed|not intact",
    ),
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sealed") / "project"
    make_small_project(root)
    assert evidence("run", "T1", "--root", str(root)).exit == 0
    (root / "note.md").write_text("Later.\n")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "key")]
    subprocess.run(command, check=True, timeout=60)
    return root


@pytest.mark.parametrize("state", STATES)
def test_each_command_says_what_lies_there_with_the_code_of_its_kind(
    state: str, sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    shutil.copytree(sealed, root)
    monkeypatch.chdir(root)
    make, expected, words = STATES[state]
    make(root / layout.RUNS)
    before = sorted(root.rglob("*"))
    found = {name: evidence(*COMMANDS[name]) for name in expected}
    assert {name: ended.exit for name, ended in found.items()} == expected
    for name, ended in found.items():
        said = ended.out + ended.err
        assert "Traceback" not in said
        assert re.search(words, said), (name, said)
        assert "M43" not in said, "a pack that is named as an example is not there"
        if "seal was removed" in said:
            assert state in ("without-seal", "one-without-seal", "empty-folder"), said
    if "sealed" not in state:
        kept = [path for path in sorted(root.rglob("*")) if layout.WORK not in path.parts]
        assert {*kept} <= {*before}, "who refuses leaves nothing behind"


def test_a_run_whose_lock_is_held_is_said_to_be_at_work(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    shutil.copytree(sealed, root)
    monkeypatch.chdir(root)
    only_unfinished(root / layout.RUNS)
    monkeypatch.setattr(posix, "is_locked", lambda _: True)
    for name in (*ON_ONE, "verify-all"):
        ended = evidence(*COMMANDS[name])
        assert ended.exit == 4
        assert "wait until it ends" in ended.out + ended.err


def test_the_nearest_name_is_named_first(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / layout.RUNS
    for name in ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "Larger"):
        shutil.copytree(sealed / "runs/T1", runs / name)
    monkeypatch.chdir(tmp_path)
    ended = evidence("verify", "runs/Lager")
    assert ended.exit == 2
    assert "Packs: runs/Larger, runs/A1" in ended.err
    assert "and 2 more" in ended.err
    assert "Packs: runs/A1" in evidence("verify", "A1").err  # from above runs/


READ_ONLY = """
import subprocess, sys
mount = ["mount", "--bind", "runs", "runs"]
subprocess.run(mount, check=True)
subprocess.run(["mount", "-o", "remount,bind,ro", "runs"], check=True)
sys.exit(subprocess.run([sys.executable, "-m", "evidence", *sys.argv[1:]]).returncode)
"""


def in_read_only_runs(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "-Urm", sys.executable, "-c", READ_ONLY, *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(
    sys.platform != "linux" or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode,
    reason="no mounts of our own here",
)
@pytest.mark.parametrize("state", ["no-packs", "sealed", "only-unfinished"])
def test_a_folder_that_is_read_only_starts_nothing(
    state: str, sealed: Path, tmp_path: Path
) -> None:
    """A real mount. Whoever only reads is not hindered; whoever writes says so and exits 2."""
    root = tmp_path / "project"
    shutil.copytree(sealed, root)
    STATES[state][0](root / layout.RUNS)
    how = {"sealed": ("--again",), "only-unfinished": ("--resume",)}.get(state, ())
    ended = in_read_only_runs(root, "run", "T1", *how)
    assert ended.returncode == 2, ended.stderr
    assert "Read-only file system" in ended.stderr
    if state == "sealed":
        assert in_read_only_runs(root, "verify", "runs").returncode == 0
        for name in ("note", "sign"):
            ended = in_read_only_runs(root, *COMMANDS[name])
            assert ended.returncode == 2, ended.stderr
            assert "Read-only file system" in ended.stderr
        assert in_read_only_runs(root, "render").returncode == 0  # nothing to write


def test_no_advice_costs_a_key(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that others may read: it is made safe, never made anew in its place."""
    root = tmp_path / "project"
    shutil.copytree(sealed, root)
    monkeypatch.chdir(root)
    key, bad = root / "key", root / "bad key"
    key.chmod(0o644)
    bad.write_text("no key at all")
    bad.chmod(0o600)
    open_key, no_key = (
        evidence("sign", "runs/T1", "--key", "key"),
        evidence("sign", "runs/T1", "--key", str(bad)),
    )
    assert (open_key.exit, no_key.exit) == (2, 2)
    assert f"chmod 600 {key}" in open_key.err
    for said in (open_key.err, no_key.err):
        assert not re.search(rf"ssh-keygen .*-f '?({key}|{bad}|KEY)\b", said), said
    key.chmod(0o600)
    assert evidence("sign", "runs/T1", "--key", "key").exit == 0
