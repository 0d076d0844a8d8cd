"""C9: a pack that another command holds, and does not let go, is named; nothing is touched."""

from __future__ import annotations

import fcntl
import os
import sys

import pytest

from evidence.system import posix
from tests.command import evidence
from tests.project import Project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pack is held there")
WRITING = [("note", "runs/T1", "note.md"), ("render", "runs/T1")]


@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
def test_a_pack_that_is_held_for_ever_is_busy(
    words: tuple[str, ...], ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran.root)
    monkeypatch.setattr(posix, "HELD_PATIENCE_S", 0.3)
    (ran.root / "note.md").write_text("Later.\n")
    before = {path: path.read_bytes() for path in ran.pack.rglob("*") if path.is_file()}
    handle = os.open(ran.pack, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        ended = evidence(*words)
    finally:
        os.close(handle)
    assert ended.exit == 75, ended.err
    assert "runs/T1" in ended.err
    assert {path: path.read_bytes() for path in ran.pack.rglob("*") if path.is_file()} == before
    assert evidence(*words).exit == 0
