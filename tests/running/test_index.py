"""Laws of runs/README.md: every pack in one line, newest first, made from the packs alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence import layout
from evidence.cli.render import command
from evidence.errors import PackBrokenError, UnsafePackError
from evidence.publish.index import INDEX, index_differs, index_of, update_index
from evidence.render.index import BLOCKS, MAX_BLOCKS, sparkline
from evidence.verification.reading import digests, sealed
from tests.project import Project


def lines(runs: Path) -> list[str]:
    page = (runs / INDEX).read_text("utf-8")
    return [line for line in page.splitlines() if line.startswith("| ")][1:]


def second(project: Project) -> None:
    text = (project.root / "milestones/T1.toml").read_text("utf-8")
    project.milestone(text.replace('id = "T1"', 'id = "A2"'), "A2")
    project.run("A2")


def test_a_run_enters_itself_newest_first(project: Project) -> None:
    project.run()
    (only,) = lines(project.runs)
    assert only.startswith("| [T1](T1/t1_summary.md) |")
    for part in ("complete", "model", "| 10 |", "contains", project.git("rev-parse", "HEAD")[:7]):
        assert part in only
    second(project)
    assert [line.split("]")[0] for line in lines(project.runs)] == ["| [A2", "| [T1"]


def test_the_index_depends_on_the_packs_alone(ran: Project) -> None:
    page = index_of(ran.runs)
    for path in ran.pack.rglob("*"):
        os.utime(path, (0, 0))
    (ran.runs / INDEX).unlink()
    assert index_differs(ran.runs)
    assert update_index(ran.runs) is True
    assert update_index(ran.runs) is False
    assert (ran.runs / INDEX).read_bytes() == page


@pytest.mark.parametrize("name", [layout.MANIFEST, layout.SUMS, layout.EVAL_LOG, "t1_summary.md"])
def test_a_broken_pack_shows_its_verdict_no_number_and_hides_no_other(
    name: str, ran: Project
) -> None:
    copy = ran.runs / "T0"
    shutil.copytree(ran.pack, copy)
    (copy / name).write_bytes((copy / name).read_bytes() + b"\n")
    update_index(ran.runs)
    broken, whole = sorted(lines(ran.runs))
    assert "[T1]" in whole
    assert "| INTACT | complete |" in whole
    assert broken.startswith("| T0 | – | ⚠️ **NOT INTACT** | see evidence verify |")
    assert not set("0123456789") & set(broken.removeprefix("| T0"))


def test_a_pack_that_is_unsafe_to_read_is_listed_as_refused(ran: Project) -> None:
    (ran.pack / "link").symlink_to("notes.md")
    update_index(ran.runs)
    assert "⚠️ **REFUSED**" in lines(ran.runs)[0]


def test_a_broken_pack_keeps_rendering_from_nothing_but_itself(ran: Project) -> None:
    shutil.copytree(ran.pack, ran.runs / "T0")
    (ran.runs / "T0" / layout.EVAL_LOG).write_bytes(b"other\n")
    (ran.runs / INDEX).write_bytes(b"something else\n")
    (ran.pack / "t1_summary.md").unlink()
    result = CliRunner().invoke(command, [str(ran.runs)])
    assert isinstance(result.exception, PackBrokenError)
    assert any("NOT INTACT" in line for line in lines(ran.runs))
    assert "T0: not rendered" in result.stdout
    assert (ran.pack / "t1_summary.md").exists()


def test_of_several_broken_packs_each_is_said_and_the_gravest_decides(ran: Project) -> None:
    for name in ("T0", "T2"):
        shutil.copytree(ran.pack, ran.runs / name)
    (ran.runs / "T0" / "link").symlink_to("notes.md")
    (ran.runs / "T2" / layout.EVAL_LOG).write_bytes(b"other\n")
    result = CliRunner().invoke(command, [str(ran.runs)])
    assert isinstance(result.exception, UnsafePackError)
    assert f"T2: {layout.EVAL_LOG}" in result.stderr


def test_a_summary_that_rendering_mends_is_mended_before_its_verdict(ran: Project) -> None:
    (ran.pack / "t1_summary.md").write_bytes(b"edited by hand\n")
    assert CliRunner().invoke(command, [str(ran.runs)]).exit_code == 0
    assert "| INTACT |" in lines(ran.runs)[0]


def gone(pack: Path) -> None:
    (pack / "t1_summary.md").unlink()
    shutil.rmtree(pack / layout.PLOTS)


def emptied(pack: Path) -> None:
    (pack / layout.PLOTS / "loss.svg").unlink()
    (pack / layout.ATTACHED).mkdir()


def edited(pack: Path) -> None:
    (pack / "t1_summary.md").write_bytes(b"edited by hand\n")


def list_gone(pack: Path) -> None:
    (pack / layout.RENDERED).unlink()


def one_too_many(pack: Path) -> None:
    (pack / layout.PLOTS / "other.svg").write_bytes(b"<svg/>")


def noted(pack: Path) -> None:
    (pack / layout.ATTACHED).mkdir()
    (pack / layout.ATTACHED / "notes-001.md").write_bytes(b"Seen again.\n")


def changed(pack: Path) -> None:
    (pack / layout.EVAL_LOG).write_bytes(b"other\n")


@pytest.mark.parametrize("harm", [gone, emptied, edited, list_gone, one_too_many, noted, changed])
def test_what_rendering_says_of_a_pack_is_what_verify_says_of_it_afterwards(
    harm: Callable[[Path], None], ran: Project
) -> None:
    shutil.copytree(ran.pack, ran.runs / "T0")
    harm(ran.runs / "T0")
    runner = CliRunner()
    before = index_of(ran.runs)
    (ran.runs / INDEX).write_bytes(before)
    compared = runner.invoke(command, [str(ran.runs), "--check"])
    assert f"{INDEX}: same" in compared.stdout  # as it stands: nothing is mended yet
    runner.invoke(command, [str(ran.runs)])
    after = index_of(ran.runs)
    assert (ran.runs / INDEX).read_bytes() == after
    mended = harm not in (one_too_many, changed)
    assert (after != before) is mended
    assert after.count(b"INTACT") - after.count(b"NOT INTACT") == 1 + mended


def test_rendering_reads_every_pack_once(ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ran.pack, ran.runs / "T0")
    gone(ran.runs / "T0")
    read: list[int] = []
    monkeypatch.setattr(
        sealed, "read_sealed", lambda *given: read.append(1) or digests.read_sealed(*given)
    )
    assert CliRunner().invoke(command, [str(ran.runs)]).exit_code == 0
    assert len(read) == 2
    assert len(lines(ran.runs)) == 2


def test_a_required_gate_that_was_missed_stands_in_the_status(project: Project) -> None:
    project.edit("value = 1", "value = 0")
    project.run()
    assert "| complete; 1 gate not met |" in lines(project.runs)[0]


def test_a_failed_run_is_in_the_index_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    project.run()
    (only,) = lines(project.runs)
    assert "| UNFINISHED | failed |" in only


def test_rendering_a_folder_of_packs_writes_the_index_and_checking_only_compares(
    ran: Project,
) -> None:
    index = ran.runs / INDEX
    index.write_bytes(b"something else\n")
    checked = CliRunner().invoke(command, [str(ran.runs), "--check"])
    assert checked.exit_code == 1
    assert f"{INDEX}: differs" in checked.output
    assert index.read_bytes() == b"something else\n"
    assert CliRunner().invoke(command, [str(ran.pack)]).exit_code == 0
    assert index.read_bytes() == b"something else\n"  # one pack alone has no index
    assert CliRunner().invoke(command, [str(ran.runs)]).exit_code == 0
    assert CliRunner().invoke(command, [str(ran.runs), "--check"]).exit_code == 0


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([3.0], BLOCKS[0]),
        ([2.0, 2.0], BLOCKS[0] * 2),
        ([2.0, 1.0], BLOCKS[-1] + BLOCKS[0]),
        (list(map(float, range(8))), BLOCKS),
    ],
)
def test_a_sparkline_goes_from_the_lowest_block_to_the_highest(
    values: list[float], drawn: str
) -> None:
    assert sparkline(values) == drawn


def test_a_long_series_keeps_its_ends() -> None:
    drawn = sparkline([float(value) for value in range(1000, 0, -1)])
    assert len(drawn) == MAX_BLOCKS
    assert (drawn[0], drawn[-1]) == (BLOCKS[-1], BLOCKS[0])
