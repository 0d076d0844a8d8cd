"""Hooks by which an unchanged program leaves evidence, in the program's own interpreter.

Responsible for seeing what a training program does and writing it, event by event, into the spool
that EVIDENCE_SPOOL names. Standard library only and relative imports only, for Python 3.9 and
later: it is loaded by `on_path/sitecustomize.py` where nothing of this package is installed. It
judges nothing; what the events mean is for those who read the spool.

Laws: it never changes a number, draws no random number, waits for no device on a step, and never
raises into the program. A hook that fails stops for good and says from which step on.
"""

from __future__ import annotations

_started: list[object] = []


def start(folder: str) -> None:
    """Begin to watch this process. Once a process; `folder` is the spool."""
    if _started:
        return
    from . import begin

    _started.append(begin.begin(folder))
