"""Processes: each has a file of its own, whatever it does with forks, folders and descriptors."""

from __future__ import annotations

import stat
import sys
import tempfile
from pathlib import Path

import pytest
from instrument.programs import ON_PATH, program, python, run


def test_nothing_happens_outside_of_a_recorded_run(tmp_path: Path) -> None:
    text = "import sys; print(sorted(n for n in sys.modules if 'evidence' in n), sys.meta_path[0])"
    ended = program(text, tmp_path, path=str(ON_PATH))
    assert ended.printed.startswith("[] ")
    assert (ended.code, ended.errors) == (0, "")


def test_a_process_says_who_it_is_first_and_that_it_ended_last(tmp_path: Path) -> None:
    ended = program("print('hello')", tmp_path, tmp_path / "spool", RANK="3", WORLD_SIZE="4")
    (file,) = ended.files
    first, last = file[0], file[-1]
    assert (first["event"], last["event"], last["how"]) == ("process", "end", "exit")
    assert first["argv"][-1] == str(tmp_path / "program.py")
    assert (first["rank"], first["world_size"], first["local_rank"]) == (3, 4, None)
    assert first["cwd"] == str(tmp_path)
    (path,) = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_user_s_own_sitecustomize_runs(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import json\nprint('mine', __name__)", encoding="utf-8")
    text = "import sitecustomize; print(sitecustomize.__file__)"
    ended = program(text, tmp_path, tmp_path / "spool", path=str(own))
    assert ended.printed == f"mine sitecustomize\n{own / 'sitecustomize.py'}\n"
    assert ended.one("end")


def test_what_a_user_s_sitecustomize_raises_is_said_as_without_us(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("raise ValueError('mine')", encoding="utf-8")
    ended = program("print('on')", tmp_path, tmp_path / "spool", path=str(own))
    assert "ValueError: mine" in ended.errors
    assert ended.printed == "on\n"


def test_an_isolated_interpreter_shows_nothing_and_runs(tmp_path: Path) -> None:
    ended = python("-I", "-c", "print('isolated')", cwd=tmp_path, spool=tmp_path / "spool")
    assert (ended.code, ended.printed, ended.files) == (0, "isolated\n", ())


@pytest.mark.skipif(not hasattr(sys, "platform") or sys.platform == "win32", reason="forks")
def test_a_forked_child_has_a_file_of_its_own(tmp_path: Path) -> None:
    text = """
import os
child = os.fork()
if child == 0:
    open("child.txt", "w").close()
    os._exit(0)
os.waitpid(child, 0)
open("parent.txt", "w").close()
"""
    ended = program(text, tmp_path, tmp_path / "spool")
    parent, child = ended.files
    assert (parent[0]["forked"], child[0]["forked"]) == (False, True)
    assert child[0]["ppid"] == parent[0]["pid"]
    written = [{Path(e["path"]).name for e in f if e["event"] == "opened"} for f in (parent, child)]
    assert "child.txt" in written[1] - written[0]
    assert "parent.txt" in written[0] - written[1]


def test_a_program_may_change_its_folder_and_close_every_descriptor(tmp_path: Path) -> None:
    text = """
import os
open("before.txt", "w").close()
os.chdir("/")
os.closerange(3, 4096)
mine = os.open({path!r}, os.O_CREAT | os.O_WRONLY)
for number in range(600, 800):
    os.dup2(mine, number)
open({after!r}, "w").close()
print(os.path.getsize({path!r}))
"""
    names = {name: str(tmp_path / f"{name}.txt") for name in ("path", "after")}
    ended = program(text.format(**names), tmp_path, tmp_path / "spool")
    assert (ended.code, ended.printed) == (0, "0\n")
    (file,) = ended.files
    opened = {Path(event["path"]).name for event in file if event["event"] == "opened"}
    assert {"before.txt", "path.txt", "after.txt"} <= opened
    assert file[-1]["event"] == "end"


def test_what_becomes_another_program_says_so(tmp_path: Path) -> None:
    ended = program("import os; os.execvp('true', ['true'])", tmp_path, tmp_path / "spool")
    assert ended.code == 0
    assert ended.one("end")["how"] == "exec"


def test_a_killed_program_leaves_whole_lines(tmp_path: Path) -> None:
    text = "import os; open('a.txt', 'w').close(); os.kill(os.getpid(), 9)"
    ended = program(text, tmp_path, tmp_path / "spool")
    assert ended.code == -9
    (file,) = ended.files
    assert [event["event"] for event in file] == ["process", "opened", "opened"]
    assert file[-1]["path"] == str(tmp_path / "a.txt")


def test_children_started_by_a_shell_are_seen(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'print(1)'; {sys.executable} -c 'print(2)'"
    ended = run("sh", "-c", command, cwd=tmp_path, spool=tmp_path / "spool")
    assert len(ended.files) == 2


def test_what_belongs_to_the_interpreter_is_no_input(tmp_path: Path) -> None:
    text = """
import json, tomllib, sysconfig
open(sysconfig.__file__).close(); open("/etc/hostname").close(); open("data.csv").close()
"""
    (tmp_path / "data.csv").write_text("a,b\n", encoding="utf-8")
    ended = program(text, tmp_path, tmp_path / "spool")
    read = {Path(e["path"]).name for e in ended.events("opened") if e["mode"] == "read"}
    assert read == {"data.csv", "program.py"}


@pytest.mark.parametrize("with_hooks", [False, True])
def test_a_ctrl_c_that_nobody_catches_ends_it_as_without_us(
    tmp_path: Path, with_hooks: bool
) -> None:
    spool = tmp_path / "spool" if with_hooks else None
    # Below a job in the background the signal may be ignored from the start.
    text = "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    ended = program(text + "os.kill(os.getpid(), signal.SIGINT)", tmp_path, spool)
    assert ended.code == -2
    assert not with_hooks or ended.one("end")


def test_a_python_that_is_too_old_runs_and_says_so(tmp_path: Path) -> None:
    text = "import sys; sys.version_info = (3, 6, 1); exec(open({!r}).read())"
    place = ON_PATH / "sitecustomize.py"
    own = text.format(str(place)).replace("exec(", f"__file__ = {str(place)!r}; exec(")
    ended = python("-I", "-c", own, cwd=tmp_path, spool=tmp_path / "spool")
    assert (ended.code, ended.errors) == (0, "")
    assert [event["event"] for event in ended.files[0]] == ["process", "hook-failed"]
    assert "need Python 3.9" in ended.one("hook-failed")["why"]


def test_names_that_are_no_utf_8_are_said_and_lose_nothing_else(tmp_path: Path) -> None:
    text = r"open(b'b\xffd.txt', 'w').close(); open('good.txt', 'w').close()"
    (tmp_path / "program.py").write_text(text, encoding="utf-8")
    words = ["program.py", "caf\udce9", "\N{GRINNING FACE}"]
    ended = python(*words, cwd=tmp_path, spool=tmp_path / "spool")
    assert ended.code == 0
    assert ended.one("process")["argv"][-2:] == ["caf\\udce9", "\N{GRINNING FACE}"]
    assert "b\\udcffd.txt" in ended.one("unseen")["why"]
    assert {Path(event["path"]).name for event in ended.events("opened")} >= {"good.txt"}


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no memory disk")
def test_data_on_the_memory_disk_are_seen(tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix=".csv") as file:
        ended = program(f"open({file.name!r}).close()", tmp_path, tmp_path / "spool")
    assert file.name in {event["path"] for event in ended.events("opened")}
