"""Puts the hooks of this process in place, in the order in which they must stand.

Responsible for the wiring alone; each hook stands in a module of its own.
"""

from __future__ import annotations

import os

from . import libraries, opened, process, replaced, torch_hooks
from .context import Context
from .spool import Spool
from .waiter import ReportFinder


def begin(folder: str) -> Context:
    """Watch this process, and those that it starts."""
    context = Context(Spool(folder))
    process.watch(context)
    libraries.watch(context)
    torch_hooks.watch(context)
    opened.watch(context)
    replaced.watch(context)
    context.waiter.install()
    ReportFinder(os.path.join(os.path.dirname(os.path.dirname(__file__)), "report.py")).install()
    return context
