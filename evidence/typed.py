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


def run(milestone_id: str, runs: Path, *options: str) -> str:
    """`evidence run ID OPTIONS`, with --root or --runs where `runs` is not the one found here."""
    return evidence("run", milestone_id, *options, *_place(runs.resolve()))


def go_on(milestone_id: str, runs: Path) -> str:
    """The command that goes on with an unfinished run; a comment names the one that ends it."""
    return run(milestone_id, runs, "--resume") + _CLOSE


def _place(runs: Path) -> tuple[str, ...]:
    if runs == Path(layout.RUNS).resolve():
        return ()
    if runs.name == layout.RUNS and layout.milestone_file(runs.parent, "M").parent.is_dir():
        return ("--root", str(runs.parent))
    return ("--runs", str(runs))


def _program() -> str:
    called, found = Path(sys.argv[0]), shutil.which(NAME)
    if found is None and (called.parent.name, called.name) == (NAME, "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m {NAME}"
    if called.name != NAME or not called.is_file():
        return NAME
    same = found is not None and Path(found).samefile(called)
    return NAME if same else shlex.quote(str(called))
