"""Laws of the doctor: it says what a run would find, and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.capture.gpu import GpuCapture
from evidence.errors import ExitCode
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from tests.command import evidence
from tests.project import Project

NOT_ASKED = Unavailable("not asked")
GPU_ATTEMPT = """
[[attempt]]
name = "gpu"
backend = "transformers"
model = { id = "owner/name" }
requires = { accelerator = "nvidia", vram_gib = 24 }
"""


def ask(project: Project, *words: str) -> tuple[int, str]:
    ended = evidence("doctor", *words, "--root", str(project.root))
    assert ended.err == ""
    return ended.exit, ended.out


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if ".git" not in path.parts}


def test_what_can_run_is_named_and_nothing_is_touched(project: Project) -> None:
    before = files(project.root)
    code, printed = ask(project, "T1")
    assert code == ExitCode.DONE
    assert "T1  is valid, would run with attempt stub" in printed
    assert files(project.root) == before


def test_what_is_missing_comes_with_the_way_to_get_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = Unavailable("no NVIDIA driver was found (x)")
    monkeypatch.setattr(
        "evidence.running.doctor.capture_gpus", lambda: GpuCapture(none, none, none)
    )
    path = project.root / "milestones/T1.toml"
    source = path.read_text("utf-8")
    stub = '[[attempt]]\nname = "stub"\nbackend = "stub"\nresolution = "Nothing follows."\n'
    assert stub in source
    project.milestone(source.replace(stub, GPU_ATTEMPT))
    code, printed = ask(project, "T1")
    assert code == ExitCode.UNFINISHED
    assert "T1  is valid, cannot run here" in printed
    assert "no NVIDIA GPU is usable here: no NVIDIA driver was found (x)" in printed
    assert "→ run on a machine with an NVIDIA GPU" in printed
    code, printed = ask(project)  # in short: a list is no question about one of them
    assert code == ExitCode.DONE
    assert "missing: `evidence doctor T1` says which" in printed


def test_a_card_that_is_too_small_is_said_with_both_sizes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = GpuRecord(0, "Card\x1b[31m", NOT_ASKED, 8 << 30, "sm_90", "Hopper", *[NOT_ASKED] * 5)
    monkeypatch.setattr(
        "evidence.running.doctor.capture_gpus",
        lambda: GpuCapture((card,), "580.1", NOT_ASKED),
    )
    project.edit("[[attempt]]", GPU_ATTEMPT + "\n[[attempt]]")
    code, printed = ask(project, "T1")
    assert code == ExitCode.DONE
    assert "has 8.0 GiB, the attempt needs 24 GiB" in printed
    assert "would run with attempt stub" in printed
    assert "\x1b" not in printed


def test_a_milestone_that_is_not_valid_is_an_answer_and_the_others_are_still_looked_at(
    project: Project,
) -> None:
    project.milestone("nonsense = 1\n", "A0")
    code, printed = ask(project)
    assert code == ExitCode.USAGE
    assert "A0  is not valid" in printed
    assert "A0.toml" in printed
    assert "T1  is valid" in printed


def test_a_milestone_that_is_not_there_is_said(project: Project) -> None:
    for name in ("T9", "../T1"):
        code, printed = ask(project, name)
        assert code == ExitCode.USAGE
        assert "is not valid" in printed


def test_a_sealed_pack_is_pointed_at(ran: Project) -> None:
    code, printed = ask(ran, "T1")
    assert code == ExitCode.DONE
    assert "`evidence run T1 --again`" in printed


def test_a_folder_without_milestones_is_told_how_to_begin(tmp_path: Path) -> None:
    ended = evidence("doctor", "--root", str(tmp_path))
    assert ended.exit == ExitCode.USAGE
    assert "evidence new" in ended.err
