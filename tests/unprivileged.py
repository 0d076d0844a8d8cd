"""Root as anyone else: a file or folder that forbids something forbids it to this process too.

Responsible for what a process gives up before it runs a command. Whoever is not root has nothing to
give up.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

_PR_CAPBSET_DROP: Final = 24
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2
_IS_ROOT: Final = hasattr(os, "geteuid") and os.geteuid() == 0

as_anyone = pytest.mark.skipif(
    _IS_ROOT and sys.platform != "linux", reason="root cannot give up its rights here"
)


def _give_up() -> None:
    if _IS_ROOT:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for right in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if prctl(_PR_CAPBSET_DROP, right, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot give up a right")


def evidence_as_anyone(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`evidence WORDS` in a process of its own, without the rights of root over files."""
    return subprocess.run(
        [sys.executable, "-m", "evidence", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=_give_up,
    )
