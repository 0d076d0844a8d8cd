"""Puts the hooks of this process in place, in the order in which they must stand.

Responsible for the wiring alone; each hook stands in a module of its own.
"""

from __future__ import annotations

from . import libraries, opened, process, torch_hooks
from .context import Context
from .spool import Spool


def begin(folder: str) -> Context:
    """Watch this process, and those that it starts."""
    context = Context(Spool(folder))
    process.watch(context)
    libraries.watch(context)
    torch_hooks.watch(context)
    opened.watch(context)
    context.waiter.install()
    return context
