"""Puts the hooks of this process in place, in the order in which they must stand.

Responsible for the wiring alone; each hook stands in a module of its own.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from . import libraries, opened, process
from .context import Context
from .spool import Spool
from .waiter import ReportFinder


def begin(folder: str) -> Context:
    """Watch this process, and those that it starts."""
    context = Context(Spool(folder))
    exec_begins = process.watch(context)
    libraries.watch(context)
    context.after_import("torch", functools.partial(_torch_imported, context))
    opened.watch(context, exec_begins)
    context.at_end("replaced functions", 82, functools.partial(_say_replaced, context))
    context.waiter.install()
    ReportFinder(os.path.join(os.path.dirname(os.path.dirname(__file__)), "report.py")).install()
    return context


def _torch_imported(context: Context, torch: Any) -> None:
    """Only a program that imports PyTorch pays for what watches it."""
    from . import torch_hooks

    torch_hooks.install(context, torch)


def _say_replaced(context: Context) -> None:
    from . import replaced  # what it needs is loaded when the program is over

    replaced.say(context)
