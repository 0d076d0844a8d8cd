"""What is attached, by whatever command, leaves a pack that verify reads, or is not attached."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence import limits
from evidence.errors import UsageError
from evidence.progress import Silent
from evidence.publish.notes import attach_note
from evidence.records.availability import Unavailable
from evidence.records.reproduction import PackReference, ReproductionRecord
from evidence.reproduce.reproduce import ReproduceOptions, attach, reproduce
from evidence.running.signals import StopRequest
from evidence.verification.verification import verify_pack
from tests.project import make_project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    project = make_project(tmp_path / "project")
    project.run()
    return project.pack


def state(pack: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in pack.rglob("*") if path.is_file()}


def with_note(pack: Path) -> None:
    note = pack.parents[1] / "note.md"
    note.write_text("A note of some words.\n" * 20, "utf-8")
    attach_note(pack, note)


def with_reproduction(pack: Path) -> None:
    other = PackReference("T1", "a" * 64, Unavailable("none"))
    record = ReproductionRecord(
        schema="reproduction.v1",
        original=replace(other, root_sha256="b" * 64),
        reproduction=other,
        finished_utc="2026-01-01T00:00:00.000000Z",
        machine="m" * 400,
        verdict="different",
        tiers=(),
        seeds=(),
        seed_tests=(),
        causes=(),
        differences=(),
    )
    attach(pack, record)


@pytest.mark.parametrize("limit", ["MAX_NOTE_BYTES", "MAX_ATTACHED_BYTES", "MAX_RENDERED_BYTES"])
@pytest.mark.parametrize("command", [with_note, with_reproduction])
def test_past_a_limit_of_reading_nothing_is_attached(
    command: Callable[[Path], None], limit: str, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(pack)
    now = sum(len(data) for path, data in before.items() if "_summary" in path or "/plots" in path)
    monkeypatch.setattr(limits, limit, now + (1 << 20) if "RENDERED" in limit else 300)
    with pytest.raises(UsageError, match="more than verify reads") as caught:
        command(pack)
    assert "nothing was attached" in caught.value.message
    monkeypatch.undo()
    assert state(pack) == before
    assert verify_pack(pack).exit_code == 0


def test_a_pack_without_room_is_not_run_again(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_note(pack)
    before = state(pack)
    monkeypatch.setattr(limits, "MAX_ATTACHED_BYTES", limits.MAX_NOTE_BYTES + 100)
    options = ReproduceOptions(project=pack.parents[1], tier=None, keep=False, num_seeds=0)
    with pytest.raises(UsageError, match="would be attached"), StopRequest() as stop:
        reproduce(pack, options, Silent(), stop)
    assert state(pack) == before


def test_whoever_attaches_asks_the_limits() -> None:
    """`attach_file`, by which every command attaches, asks before its first write."""
    source = (ROOT / "evidence/publish/summaries.py").read_text("utf-8")
    (function,) = (
        one
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.FunctionDef) and one.name == "attach_file"
    )
    calls = [
        one.func.id
        for one in ast.walk(function)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    ]
    writes = [name for name in calls if name.startswith("write")]
    assert calls.index("refuse_too_much") < calls.index(writes[0])
