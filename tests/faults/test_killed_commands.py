"""C13: every other command that writes, killed at each of its durable calls, halfway through each.

A command runs once; what lay there at each call is copied. A kill leaves no other bytes.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence import layout
from evidence.publish.summaries import rerender
from evidence.verification.verification import verify_pack
from tests.faults.faulty_os import Plan
from tests.faults.runs import Case, copy_case
from tests.faults.test_killed_at_an_operation import contents
from tests.importing.made import make_evidence

BROKEN_OFF = "attaching-broken-off"


@pytest.fixture(scope="module")
def published(undisturbed: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A sealed pack, notes for it, and two keys."""
    case = copy_case(undisturbed, tmp_path_factory.mktemp("published") / "project")
    (case.root / "note.md").write_text("What we learned.\n")
    (case.root / "more.md").write_text("And what we did not.\n")
    for key in ("key", "other-key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(case.root / key)]
        subprocess.run(command, check=True, timeout=60)
    return case


def left_at_each_call(case: Case, *argv: str, every: int = 1) -> Iterator[Case]:
    """A command, and the project as a kill at one of so many durable calls would have left it."""
    copies = case.root.with_name(f"{case.root.name}-copies")
    plan = Plan(do="copy", watched=str(case.root), copies=str(copies), every=every)
    ended = case.do(*argv, plan=plan)
    assert ended.status == 0, ended.printed
    for copy in sorted(copies.iterdir(), key=lambda path: int(path.name)):
        yield Case(copy, case.server)
        shutil.rmtree(copy)


def noted(case: Case) -> None:
    assert case.do("note", "runs/T1", "note.md").status == 0


def signed(case: Case) -> None:
    assert case.do("sign", "runs/T1", "--key", "key").status == 0


def noted_and_signed(case: Case) -> None:
    noted(case)
    signed(case)


def without_index(case: Case) -> None:
    noted(case)
    (case.runs / "README.md").unlink()


INTACT_ALWAYS = [
    pytest.param(None, ("note", "runs/T1", "note.md"), id="the-first-note"),
    pytest.param(noted_and_signed, ("note", "runs/T1", "more.md"), id="a-further-note"),
    pytest.param(noted, ("sign", "runs/T1", "--key", "key"), id="sign"),
    pytest.param(signed, ("sign", "runs/T1", "--key", "other-key"), id="sign-with-another-key"),
    pytest.param(without_index, ("render",), id="render-the-index"),
]
THEN = (
    ("render",),
    ("note", "runs/T1", "note.md"),
    ("note", "runs/T1", "more.md"),
    ("sign", "runs/T1", "--key", "key"),
)


@pytest.mark.parametrize(("first", "command"), INTACT_ALWAYS)
def test_a_pack_is_intact_whatever_call_a_command_on_it_is_killed_at(
    first: Callable[[Case], None] | None,
    command: tuple[str, ...],
    published: Case,
    tmp_path: Path,
) -> None:
    """C13: every call; and the next command, of each kind in turn, leaves nothing half done."""
    case = copy_case(published, tmp_path / "project")
    if first is not None:
        first(case)
    found = set()
    for number, left in enumerate(left_at_each_call(case, *command)):
        report = verify_pack(left.pack)
        assert report.exit == 0, report.findings
        codes = {finding.code for finding in report.findings}
        found |= codes
        if BROKEN_OFF in codes:
            assert "evidence render" in report.next_step
            if number % 2:
                ended = left.do(*THEN[number // 2 % len(THEN)])
                assert ended.status == 0, ended.printed
                report = verify_pack(left.pack)
                assert (report.exit, report.next_step) == (0, ""), report.findings
                assert BROKEN_OFF not in {finding.code for finding in report.findings}
    assert (BROKEN_OFF in found) == (command[0] == "note")


def test_a_note_that_was_broken_off_is_attached_once(published: Case, tmp_path: Path) -> None:
    """C13: whoever types the same again, since nobody said it was done, gets one note of it."""
    case = copy_case(published, tmp_path / "project")
    for left in left_at_each_call(case, "note", "runs/T1", "note.md"):
        broken_off = {one.code for one in verify_pack(left.pack).findings} >= {BROKEN_OFF}
        if not broken_off:
            continue
        assert left.do("note", "runs/T1", "note.md").status == 0
        assert [p.name for p in (left.pack / layout.ATTACHED).iterdir()] == ["notes-001.md"]
        assert verify_pack(left.pack).exit == 0


def test_what_differs_from_both_renderings_is_an_error_as_ever(
    published: Case, tmp_path: Path
) -> None:
    """C13: that something was being attached excuses nothing else."""
    case = copy_case(published, tmp_path / "project")
    seen = 0
    for left in left_at_each_call(case, "note", "runs/T1", "note.md"):
        if BROKEN_OFF not in {one.code for one in verify_pack(left.pack).findings}:
            continue
        seen += 1
        summary = left.pack / "t1_summary.md"
        summary.write_bytes(summary.read_bytes().replace(b"COMPLETE", b"PERFECT", 1) + b"!\n")
        assert verify_pack(left.pack).exit == 1
        rerender(left.pack)
        attached = left.pack / "attached/notes-001.md"
        if attached.exists():
            attached.write_text("What we invented.\n")
            assert verify_pack(left.pack).exit == 1
    assert seen > 5


def test_a_broken_summary_is_broken_until_it_is_whole(published: Case, tmp_path: Path) -> None:
    """C13: and what to type is said all the while."""
    case = copy_case(published, tmp_path / "project")
    noted(case)
    for name in ("t1_summary.md", "plots/loss.svg", layout.RENDERED):
        (case.pack / name).write_text("something else\n")
    codes = []
    for left in left_at_each_call(case, "render"):
        report = verify_pack(left.pack)
        codes.append(report.exit)
        if report.exit:
            assert "evidence render" in report.next_step, report.findings
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {1, 0}
    assert verify_pack(case.pack).exit == 0


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.full)])
def test_an_old_pack_is_whole_here_or_in_the_archive(
    every: int, published: Case, tmp_path: Path
) -> None:
    """C13: `run --again`, every call; in the quick tier every fifth."""
    case = copy_case(published, tmp_path / "project")
    noted(case)
    old = contents(case.pack)
    places = set()
    for left in left_at_each_call(case, "run", "T1", "--again", every=every):
        archived = list(left.runs.glob("archive/T1-*"))
        assert archived or left.pack.exists()
        place = archived[0] if archived else left.pack
        assert contents(place) == old
        places.add(place.parent.name)
    assert places == {layout.RUNS, "archive"}


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.full)])
def test_an_import_leaves_a_whole_pack_or_none_and_is_typed_again(
    every: int, published: Case, tmp_path: Path
) -> None:
    """C13: `import`, with and without a pack that goes to the archive; in the quick tier some."""
    case = copy_case(published, tmp_path / "project")
    make_evidence(case.root / "found")
    command = ("import", "found", "--id", "OLD")
    seen = set()
    for more in ((), ("--again",)):
        for left in left_at_each_call(case, *command, *more, every=every):
            pack = left.runs / "OLD"
            seen.add(pack.exists())
            archived = list(left.runs.glob("archive/OLD-*"))
            assert pack.exists() or archived or not more
            for one in (*archived, *([pack] if pack.exists() else [])):
                assert verify_pack(one).exit == 0
            again = left.do(*command, *(("--again",) if pack.exists() else ()))
            assert again.status == 0, again.printed
            assert verify_pack(pack).exit == 0
            assert not list(left.runs.glob(".work/.import-*"))
    assert seen == {True, False}


WHOLE_FILES = [
    pytest.param(("new", "T9"), "milestones", id="new"),
    pytest.param(
        ("compare", "runs/T1", "runs/T1", "--output", "compared"), "compared", id="compare"
    ),
]


@pytest.mark.parametrize(("command", "folder"), WHOLE_FILES)
def test_a_file_is_whole_or_not_there(
    command: tuple[str, ...], folder: str, published: Case, tmp_path: Path
) -> None:
    """C13: what is written beside packs; a command that is typed again is not in its own way."""
    case = copy_case(published, tmp_path / "project")
    lefts = []
    for left in left_at_each_call(case, *command):
        place = left.root / folder
        files = contents(place) if place.is_dir() else {}
        lefts.append({n: data for n, data in files.items() if not n.endswith(".partial")})
        again = left.do(*command)
        assert again.status in (0, 2), again.printed
        assert contents(left.root / folder).keys() >= contents(case.root / folder).keys()
    final = contents(case.root / folder)
    for files in lefts:
        assert files.items() <= final.items()
