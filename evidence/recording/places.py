"""Where a recorded program finds our hooks, tells what it does, and may leave its own files.

Responsible for names alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import evidence
from evidence import layout
from evidence.stages.command import OUTPUT

SPOOL_VARIABLE: Final = "EVIDENCE_SPOOL"
HOLD_VARIABLE: Final = "EVIDENCE_HOLD_AFTER_STEPS"
"""After how many optimizer steps the hooks let a process go no further."""
HELD: Final = "held"
"""How such a process ended."""
_OUTPUTS: Final = ".output"
"""In runs/: what recorded programs wrote there. Never removed by us, and no evidence."""


def hooks() -> Path:
    """The folder that goes first on PYTHONPATH."""
    return Path(evidence.__file__).parent / "instrument" / "on_path"


def spool(scratch: Path, segment: int) -> Path:
    """Where the processes of one segment write what they see."""
    return scratch / f"spool-{segment}"


def output(scratch: Path) -> Path:
    """The program's own folder: beside the runs, since a work folder is removed when it is over.

    `scratch` lies in runs/.work/<ID>/.
    """
    work = scratch.parent
    return work.parent.parent / _OUTPUTS / work.name


def filled(words: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Words with `{output}` replaced."""
    return tuple(word.replace(OUTPUT, str(folder)) for word in words)


def in_pack(name: str) -> str:
    """A path of the project as one that a pack can hold: below `collected/`, its signs kept where
    they can be."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    safe = [
        "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in part)
        for part in parts
    ]
    joined = "/".join(part if part[0].isalnum() or part[0] == "_" else f"_{part}" for part in safe)
    assert layout.SEALED_PATH.fullmatch(joined)  # noqa: S101 - made so above
    return joined
