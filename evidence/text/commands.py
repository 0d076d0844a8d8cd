"""Commands as a person can type them here, to be copied whole into a shell.

Responsible for the name by which the program is found and for the options without which the
command would look elsewhere. When a command is offered is said by its callers.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from evidence import layout

NAME: Final = "evidence"
_CLOSE: Final = "   # or --close: seal what there is as failed"


def evidence(*arguments: str) -> str:
    """`evidence ARGUMENTS`, spelled as it was called where no `evidence` is on the PATH."""
    return " ".join((_program(), *map(shlex.quote, arguments)))


def run(milestone_id: str, runs: Path, *options: str, root: Path | None = None) -> str:
    """`evidence run ID OPTIONS`, with --root and --runs where they are not those found here.

    `root` None: the folder around `runs` where that holds milestones, else this one.
    """
    return evidence("run", milestone_id, *options, *_place(runs.resolve(), root))


def record(name: str, program: tuple[str, ...], *options: str) -> str:
    """`evidence record NAME OPTIONS -- PROGRAM`."""
    return f"{evidence('record', name, *options)} -- {' '.join(map(shlex.quote, program))}"


def to_resume(milestone_id: str, runs: Path, root: Path | None = None) -> str:
    """The command that resumes an unfinished run; a comment names the one that ends it."""
    return run(milestone_id, runs, "--resume", root=root) + _CLOSE


def _place(runs: Path, root: Path | None) -> tuple[str, ...]:
    cwd = Path.cwd()
    if root is None:
        holds = runs.name == layout.RUNS and layout.milestone_file(runs.parent, "M").parent.is_dir()
        root = runs.parent if holds else cwd
    else:
        root = root.resolve()
    elsewhere = () if root == cwd else ("--root", str(root))
    return elsewhere if runs == root / layout.RUNS else (*elsewhere, "--runs", str(runs))


def _program() -> str:
    called, found = Path(sys.argv[0]), shutil.which(NAME)
    if found is None and (called.parent.name, called.name) == (NAME, "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m {NAME}"
    if called.name != NAME or not called.is_file():
        return NAME
    same = found is not None and Path(found).samefile(called)
    return NAME if same else shlex.quote(str(called))
