"""Differences between the running tool and the recorded one, where the project holds its code.

A version number says nothing of a checkout: whoever installed the tool from one runs the code that
lies there now, and not that of the recorded commit and patch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import evidence
from evidence.capture.interpreter_script import code_sha256
from evidence.pack.documents import Documents
from evidence.progress import Observer
from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord

TOOL: Final = "evidence-pack"
_PACKAGE: Final = "evidence"
_KEY: Final = "tool.code_sha256"


def code_differences(documents: Documents, root: Path) -> tuple[DifferenceRecord, ...]:
    """The digests of both codes where they are not equal; `root` is the project as recorded."""
    if not installed_from_a_folder(documents) or not holds_the_tool(root):
        return ()
    recorded, running = code_sha256(root / _PACKAGE), code_sha256(Path(evidence.__file__).parent)
    return () if recorded == running else (DifferenceRecord(_KEY, (recorded, running)),)


def announce_code(differing: tuple[DifferenceRecord, ...], observer: Observer) -> None:
    """Say that other code of ours runs, and how to run the recorded one."""
    if differing:
        observer.message(
            "differs here: the code of evidence-pack is not that of the recorded commit and patch; "
            "--exact-env installs that one"
        )


def installed_from_a_folder(documents: Documents) -> bool:
    """Whether the pack was made by a tool that did not come by name from an index."""
    packages = documents.packages.imported
    return any(one.name == TOOL and not isinstance(one.origin, Unavailable) for one in packages)


def holds_the_tool(root: Path) -> bool:
    """Whether a project is the tool's own."""
    project = root / "pyproject.toml"
    return project.is_file() and f'name = "{TOOL}"' in project.read_text("utf-8")
