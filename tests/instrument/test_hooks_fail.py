"""A hook that fails stops for good, says so, and changes nothing of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from instrument.programs import EXAMPLES, Run, program

QUICK = ("backward", "optimizer")
FULL = (
    "forward",
    "modules",
    "loss function",
    "gradient norm",
    "steps",
    "opened",
    "import of torch",
)
BROKEN = """
import runpy, sys
guard = sys.modules["_evidence_instrument.guard"].Guard
hook = guard.hook
def broken(self, name, function, nested=False):
    calls = []
    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) > {after}:
            raise RuntimeError("broken on purpose")
        return function(*args, **kwargs)
    return hook(self, name, failing if name == {name!r} else function, nested)
guard.hook = broken
sys.argv = ["plain_loop.py", "--out", {out!r}, "--steps", "8"]
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    text = BROKEN[BROKEN.index("sys.argv") :].replace("{out!r}", "'out'")
    text = "import runpy, sys\n" + text.replace("{script!r}", repr(str(EXAMPLES / "plain_loop.py")))
    ended = program(text, folder)
    return ended, (folder / "out/model.pt").read_bytes()


def _broken(name: str, after: int, folder: Path) -> Run:
    script = str(EXAMPLES / "plain_loop.py")
    text = BROKEN.format(name=name, after=after, out="out", script=script)
    return program(text, folder, folder / "spool")


@pytest.mark.torch
@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in FULL)]
)
def test_the_program_is_as_it_was(name: str, alone: tuple[Run, bytes], tmp_path: Path) -> None:
    after = 0 if name in ("steps", "import of torch", "modules") else 3
    ended = _broken(name, after, tmp_path)
    if name not in ("opened", "import of torch"):  # these were put in place before the script began
        failed = ended.one("hook-failed")
        assert (failed["hook"], failed["why"]) == (name, "RuntimeError: broken on purpose")
        assert failed["from_step"] >= 1
        assert len([e for e in ended.events("hook-failed") if e["hook"] == name]) == 1
    assert (ended.code, ended.printed, ended.errors) == (0, alone[0].printed, alone[0].errors)
    assert (tmp_path / "out/model.pt").read_bytes() == alone[1]


def test_a_room_that_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    text = "import sys; print('done', '_evidence_instrument' in sys.modules)"
    (tmp_path / "spool").mkdir()
    blocked = tmp_path / "atexit.py"
    blocked.write_text("raise ImportError('blocked on purpose')", encoding="utf-8")
    ended = program(text, tmp_path, tmp_path / "spool", path=str(tmp_path))
    assert ended.printed in ("done False\n", "done True\n")
    assert ended.code == 0
