"""However the tree differs from its commit, an honest run accuses nobody in a clone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.origin.test_forged_history import against, clone_of, commit, errors, failed
from tests.project import Project
from tests.tiers import sampled


def _relinked(project: Project) -> None:
    (project.root / "link").unlink()
    (project.root / "link").symlink_to("b.txt")


def _link_to_file(project: Project) -> None:
    (project.root / "link").unlink()
    (project.root / "link").write_text("a file now\n")


def _file_to_link(project: Project) -> None:
    (project.root / "a.txt").unlink()
    (project.root / "a.txt").symlink_to("b.txt")


def _staged_and_changed_again(project: Project) -> None:
    (project.root / "a.txt").write_text("staged\n")
    project.git("add", "a.txt")
    (project.root / "a.txt").write_text("changed again\n")


def _added_and_gone(project: Project) -> None:
    (project.root / "new.txt").write_text("new\n")
    project.git("add", "new.txt")
    (project.root / "new.txt").unlink()


def _folder_to_file(project: Project) -> None:
    (project.root / "folder/inside.txt").unlink()
    (project.root / "folder").rmdir()
    (project.root / "folder").write_text("a file now\n")


def _renamed_and_changed(project: Project) -> None:
    project.git("mv", "a.txt", "c d.txt")
    (project.root / "c d.txt").write_text("other\n")


DIFFERENCES: dict[str, Callable[[Project], object]] = {
    "a link to elsewhere": _relinked,
    "a link that became a file": _link_to_file,
    "a file that became a link": _file_to_link,
    "a folder that became a file": _folder_to_file,
    "staged, and changed again": _staged_and_changed_again,
    "staged, and gone": _added_and_gone,
    "a staged rename": lambda project: project.git("mv", "a.txt", "c d.txt"),
    "a staged rename with a change": _renamed_and_changed,
    "a staged deletion": lambda project: project.git("rm", "-q", "a.txt"),
    "a deletion of the index alone": lambda project: project.git("rm", "-q", "--cached", "a.txt"),
    "another mode": lambda project: (project.root / "a.txt").chmod(0o755),
    "no line end": lambda project: (project.root / "a.txt").write_text("a"),
    "emptied": lambda project: (project.root / "a.txt").write_bytes(b""),
    "bytes that are no text": lambda project: (project.root / "a.txt").write_bytes(b"\0\xff"),
    "to be added": lambda project: (
        (project.root / "new.txt").write_text("new\n"),
        project.git("add", "-N", "new.txt"),
    ),
}
QUICK = (
    "a link that became a file",
    "a folder that became a file",
    "staged, and changed again",
    "a staged rename with a change",
    "a deletion of the index alone",
    "bytes that are no text",
)


@pytest.mark.parametrize("name", sampled(DIFFERENCES, QUICK))
def test_an_honest_run_of_a_changed_tree_accuses_nobody(
    name: str, project: Project, tmp_path: Path
) -> None:
    for file in ("a.txt", "b.txt", "folder/inside.txt"):
        (project.root / file).parent.mkdir(exist_ok=True)
        (project.root / file).write_text(f"{file}\n")
    (project.root / "link").symlink_to("a.txt")
    commit(project)
    DIFFERENCES[name](project)
    project.run()
    report = against(project.pack, clone_of(project, tmp_path / "clone"))
    assert (failed(report), errors(report)) == (set(), [])
