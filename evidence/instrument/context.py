"""What the hooks of one process share: the spool, the guard and the waiter, and what to do at exit.

Responsible for nothing else: each hook keeps its own state.
"""

from __future__ import annotations

from typing import Any, Callable

from .guard import Guard
from .spool import Spool
from .waiter import Waiter


class Context:
    """Handed to every part of the room."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.guard = Guard(spool)
        self.waiter = Waiter()
        self._at_end: list[tuple[int, Callable[[], None]]] = []
        self._after_fork: list[Callable[[], None]] = []
        self.ended: dict[str, int] = {}
        """What is said last, of the steps that were seen."""
        self.say_end: Callable[[str], None] = lambda how: None
        """Says how this process ends, once, and before that everything that is said at the end."""

    def after_import(self, name: str, then: Callable[[Any], None]) -> None:
        """Guarded: call `then(module)` once the program has imported the module."""
        self.waiter.after(name, self.guard.hook("import of " + name, then, nested=True))

    def at_end(self, name: str, order: int, action: Callable[[], None]) -> None:
        """Guarded: call when the process ends, lower orders first."""
        self._at_end.append((order, self.guard.hook(name, action)))

    def after_fork(self, action: Callable[[], None]) -> None:
        """Call in a child that was forked: what the parent saw is not the child's."""
        self._after_fork.append(action)

    def end(self) -> None:
        """Everything that is said at the end."""
        for _, action in sorted(self._at_end, key=lambda item: item[0]):
            action()

    def forked(self) -> None:
        """This is a child by fork, without exec."""
        self.guard.after_fork()
        self.spool.after_fork()
        for action in self._after_fork:
            action()
