"""A program that is only tried: held as soon as it has made so many optimizer steps.

Responsible for telling all that is told at the end, and for letting nothing of the program run
after that step. Who tries it ends it from outside. Where nobody does it ends itself, and as failed:
a script that goes on with its next command takes it for no success.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from .compiled import leave_to_python

if TYPE_CHECKING:
    from .torch_hooks import Torch

VARIABLE = "EVIDENCE_HOLD_AFTER_STEPS"
HOW = "held"
"""How the end of a process that is held is told."""
MAX_HELD_S = 60.0
STATUS = 75
_LOOK_S = 0.1


def watch(torch: Torch, register: Any) -> None:
    """Hold this process after as many steps as the variable says; without it, do nothing.

    `register` takes a hook that runs after ours, and outside of the guard: within it the hooks that
    tell the end would not run.
    """
    said = os.environ.get(VARIABLE, "")
    if not (said.isascii() and said.isdigit()):
        return
    most = int(said)
    compiling = torch.torch.compiler.is_compiling

    def stepped(*_: Any) -> None:
        if not compiling() and torch.steps.last_num >= most:
            _hold(torch)

    leave_to_python(torch.torch, stepped)
    register(stepped)


def _hold(torch: Torch) -> None:
    torch.context.say_end(HOW)
    until_s = time.monotonic() + MAX_HELD_S
    while time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    os._exit(STATUS)
