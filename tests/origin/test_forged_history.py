"""Laws of lies that only a clone sees through, and of honest runs that a clone cannot follow."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Finding, Report
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project
from tests.shared import made_once
from tests.tiers import sampled

ODD = b"caf\xe9.txt"
"""A name that is no UTF-8, which git.json can only spell."""
DEPENDENT = ("repo-milestone", "repo-data", "repo-data-facts")
EVERY = ("repo-commit", "repo-patch", *DEPENDENT)
HUB = 'hub = {{ id = "someone/{}", split = "train" }}'


def against(pack: Path, clone: Path) -> Report:
    return verify_pack(pack, VerifyOptions(further=repository_checks(clone)))


def outcomes(report: Report) -> dict[str, str]:
    return {one.id: one.outcome for one in report.checks if one.id in EVERY}


def failed(report: Report) -> set[str]:
    return {one.id for one in report.checks if one.outcome == "fail"}


def reason(report: Report, check: str) -> str:
    (found,) = (one.reason for one in report.checks if one.id == check)
    return found


def errors(report: Report) -> list[Finding]:
    return [one for one in report.findings if one.severity in ("error", "refused")]


def forged(pack: Path, folder: Path, edit: Callable[[ForgedPack], object]) -> Path:
    """The pack sealed again by whoever has our code, after an edit."""
    bench = Bench(pack, folder / "forged")
    made = ForgedPack(bench)
    edit(made)
    bench.put(made.seal().all_bytes())
    return bench.pack


def clone_of(project: Project, folder: Path) -> Path:
    command = ["git", "clone", "-q", str(project.root), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


def commit(project: Project) -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", "more")


def snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _run_dirty(folder: Path) -> Path:
    """One file changed, one deleted, and an untracked one with an odd name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        patch.delenv("EVIDENCE_STUB", raising=False)
        project = make_project(folder / "project")
        for name in ("changed.txt", "deleted.txt"):
            (project.root / name).write_text("as committed\n")
        commit(project)
        (project.root / "changed.txt").write_text("as it ran\n")
        (project.root / "deleted.txt").unlink()
        Path(os.fsdecode(os.fsencode(project.root) + b"/" + ODD)).write_text("odd\n")
        project.run()
    return project.root


@pytest.fixture
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of a run from a dirty tree. Nobody writes to it."""
    return Project(made_once(tmp_path_factory, "ran-dirty", _run_dirty))


def test_deleted_files_and_names_that_are_no_text_accuse_nobody(
    dirty: Project, tmp_path: Path
) -> None:
    states = {one["path"]: one["state"] for one in dirty.read(layout.GIT)["start"]["files"]}
    assert states == {
        "changed.txt": "modified", "deleted.txt": "deleted", "caf\\xe9.txt": "untracked"
    }  # fmt: skip
    report = against(dirty.pack, clone_of(dirty, tmp_path / "clone"))
    assert outcomes(report) == dict.fromkeys(EVERY, "pass"), report.findings


def test_a_tree_that_the_commit_does_not_have_is_found(ran: Project, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        for moment in ("start", "end"):
            pack.doc(layout.GIT)[moment]["tree"] = "7" * 40

    clone = clone_of(ran, tmp_path / "clone")
    pack = forged(ran.pack, tmp_path, edit)
    assert failed(verify_pack(pack)) == set()
    report = against(pack, clone)
    assert failed(report) == {"repo-commit"}
    (found,) = errors(report)
    assert found.address == f"{layout.GIT}#/start/tree"
    assert (found.expected, found.actual) == (ran.git("rev-parse", "HEAD^{tree}").strip(), "7" * 40)


def other_bytes(files: list[dict[str, Any]]) -> None:
    """Another digest for what the patch gives."""
    files[1]["sha256"] = "7" * 64


def invented(files: list[dict[str, Any]]) -> None:
    """A changed file that neither commit nor patch has."""
    files.append({"path": "invented.py", "state": "untracked", "sha256": "7" * 64})


@pytest.mark.parametrize(
    ("edit", "index", "expected"),
    [(other_bytes, 1, sha256_hex(b"as it ran\n")), (invented, 3, "not there")],
)
def test_changed_files_are_what_commit_and_patch_give(
    edit: Callable[[list[dict[str, Any]]], None],
    index: int,
    expected: str,
    dirty: Project,
    tmp_path: Path,
) -> None:
    def lie(pack: ForgedPack) -> None:
        for moment in ("start", "end"):
            edit(pack.doc(layout.GIT)[moment]["files"])

    pack = forged(dirty.pack, tmp_path, lie)
    assert failed(verify_pack(pack)) == set()
    report = against(pack, clone_of(dirty, tmp_path / "clone"))
    assert failed(report) == {"repo-patch"}
    (found,) = errors(report)
    assert found.address == f"{layout.GIT}#/start/files/{index}"
    assert (found.expected, found.actual) == (expected, "7" * 64)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"-as committed", b"-as nobody committed"),  # there is no such line in the commit
        (b"changed.txt", b"../changed.txt"),  # outside of the tree, which git refuses
    ],
)
def test_a_patch_that_does_not_apply_is_found_and_what_needs_it_is_not_checked(
    old: bytes, new: bytes, dirty: Project, tmp_path: Path
) -> None:
    def lie(pack: ForgedPack) -> None:
        patch = pack.file(layout.PATCH).replace(old, new)
        pack.replace(layout.PATCH, patch)
        pack.doc(layout.GIT)["patch_sha256"] = sha256_hex(patch)

    clone = clone_of(dirty, tmp_path / "clone")
    pack = forged(dirty.pack, tmp_path, lie)
    before = snapshot(tmp_path)
    report = against(pack, clone)
    assert outcomes(report) == {
        "repo-commit": "pass",
        "repo-patch": "fail",
        **dict.fromkeys(DEPENDENT, "not_checked"),
    }
    assert {reason(report, one) for one in DEPENDENT} == {
        "the patch does not apply, see repo-patch"
    }
    (found,) = errors(report)
    assert found.address == layout.PATCH
    assert found.message.startswith("does not apply to the recorded commit: ")
    assert snapshot(tmp_path) == before


CONVERTED = {
    "filter=crypt": ("abc\n", "def\n"),
    "working-tree-encoding=UTF-16": ("abc\n", "def\n"),
    "ident": ("$Id$\nabc\n", "$Id: 0123 $\ndef\n"),
}


@pytest.mark.parametrize("attribute", sampled(CONVERTED, ["ident"]))
def test_a_changed_file_that_git_converts_is_not_checked(
    attribute: str, project: Project, tmp_path: Path
) -> None:
    before, after = CONVERTED[attribute]
    encoding = "utf-16" if "UTF-16" in attribute else "utf-8"
    (project.root / ".gitattributes").write_text(f"*.secret {attribute}\n")
    (project.root / "key.secret").write_text(before, encoding)
    commit(project)
    project.git("config", "filter.crypt.clean", "tr a-z b-za")
    (project.root / "key.secret").write_text(after, encoding)
    project.run()
    report = against(project.pack, clone_of(project, tmp_path / "clone"))
    assert outcomes(report) == {**dict.fromkeys(EVERY, "pass"), "repo-patch": "not_checked"}
    assert reason(report, "repo-patch") == "the project's .gitattributes converts key.secret"
    assert errors(report) == []


def test_a_run_outside_any_repository_is_compared_with_no_clone(
    project: Project, tmp_path: Path
) -> None:
    clone = clone_of(project, tmp_path / "clone")
    shutil.rmtree(project.root / ".git")
    project.edit('ref = "HEAD"\n', "")
    assert project.run().status == "complete"
    report = against(project.pack, clone)
    assert outcomes(report) == dict.fromkeys(EVERY, "not_checked")
    for check in EVERY:
        assert reason(report, check).startswith("the pack names no commit: ")
    assert errors(report) == []


def test_data_of_the_hub_are_in_no_clone(ran: Project, tmp_path: Path) -> None:
    def from_hub(pack: ForgedPack) -> None:
        for name in ("train", "eval"):
            pack.milestone(rf'^path = "data/{name}\.jsonl"$', HUB.format(name))
            pack.doc(layout.INPUTS)["data"][name] |= {"path": None, "hub": f"someone/{name}"}

    report = against(forged(ran.pack, tmp_path, from_hub), clone_of(ran, tmp_path / "clone"))
    found = outcomes(report)
    assert (found["repo-data"], found["repo-data-facts"]) == ("not_checked", "not_checked")
    assert reason(report, "repo-data") == "no data set is a file of the project"
    assert "no data set with the bytes of the run" in reason(report, "repo-data-facts")


def test_facts_that_only_the_data_deny_are_counted_again(ran: Project, tmp_path: Path) -> None:
    def easier(pack: ForgedPack) -> None:
        pack.doc(layout.INPUTS)["data"]["train"]["length_chars"]["max"] += 1

    pack = forged(ran.pack, tmp_path, easier)
    assert failed(verify_pack(pack)) == set()
    report = against(pack, clone_of(ran, tmp_path / "clone"))
    assert failed(report) == {"repo-data-facts"}
    assert [one.address for one in errors(report)] == [f"{layout.INPUTS}#/data/train/length_chars"]


def test_a_template_that_could_take_long_is_not_rendered_and_the_rest_is_counted(
    project: Project, tmp_path: Path
) -> None:
    project.edit("{{ prompt }}", "{{ prompt | replace('p', 'q') }}")
    commit(project)
    project.run()
    clone = clone_of(project, tmp_path / "clone")
    report = against(project.pack, clone)
    assert outcomes(report) == {**dict.fromkeys(EVERY, "pass"), "repo-data-facts": "not_checked"}
    assert reason(report, "repo-data-facts") == (
        "conflicts and overlap were not counted again: the filter replace is not rendered by others"
    )

    def more_rows(pack: ForgedPack) -> None:
        pack.doc(layout.INPUTS)["data"]["train"]["length_chars"]["max"] += 1

    report = against(forged(project.pack, tmp_path, more_rows), clone)
    assert failed(report) == {"repo-data-facts"}


def test_data_that_the_pack_cannot_have_read_as_it_says_are_not_counted(
    ran: Project, tmp_path: Path
) -> None:
    def other_fields(pack: ForgedPack) -> None:
        pack.milestone('^prompt = "string"$', 'prompt = "number"')

    report = against(forged(ran.pack, tmp_path, other_fields), clone_of(ran, tmp_path / "clone"))
    assert failed(report) == {"repo-milestone"}
    assert reason(report, "repo-data-facts") == (
        "the data cannot be read: data/train.jsonl:1: field 'prompt' is str, declared as number"
    )
