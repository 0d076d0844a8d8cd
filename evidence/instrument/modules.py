"""Which modules are models: the tops of module trees that the program trains, fills or evaluates.

Responsible for knowing the trees without touching a module: children are told by PyTorch's own
registration hook, models by who is asked for their parameters, as everyone does who makes an
optimizer. Only weak references are kept.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any, Callable

from .compiled import leave_to_python

ASKED = ("named_parameters", "eval", "load_state_dict")
"""Of a model, by whoever makes an optimizer for it, evaluates it or fills it."""


class Modules:
    """The module trees of this process."""

    def __init__(self, torch: Any, found: Callable[[Any], None]) -> None:
        self._torch = torch
        self._parents: Any = weakref.WeakKeyDictionary()
        self._asked: Any = weakref.WeakSet()
        self._tops: Any = weakref.WeakSet()
        self.inner: Any = weakref.WeakSet()
        """What stands in a top and is watched in its place."""
        self._found = found
        """Called with each top of a tree once, when it is first asked for its parameters."""

    def install(self) -> list[tuple[Any, str, Callable[..., Any]]]:
        """Be told of children and of what is asked of models. Returns what was put in place."""
        self._torch.nn.modules.module.register_module_module_registration_hook(self._registered)
        return [self._watched(name) for name in ASKED]

    def _watched(self, name: str) -> tuple[Any, str, Callable[..., Any]]:
        owner = self._torch.nn.Module
        original = getattr(owner, name)
        asked, compiling = self.asked, self._torch.compiler.is_compiling

        @functools.wraps(original)
        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not compiling():
                asked(self)
            return original(self, *args, **kwargs)

        leave_to_python(self._torch, watched)
        setattr(owner, name, watched)
        return owner, name, watched

    def _registered(self, parent: Any, name: str, child: Any) -> None:
        """A model may get a wrapper after it was found: a compiled or a distributed one."""
        try:
            if child is None:
                return
            self._parents[child] = weakref.ref(parent)
            if child in self._tops and id(child) != id(parent):
                self._top(parent)
        except Exception:
            return

    def asked(self, module: Any) -> None:
        """The program looks at the parameters of a module."""
        try:
            if module not in self._asked:
                self._asked.add(module)
                self._top(self.top_of(module))
        except Exception:
            return

    def _top(self, module: Any) -> None:
        self._tops.add(module)
        self._found(module)

    def watch_children(self) -> None:
        """Some programs never call the top: their loop calls what is in it."""
        for top in list(self._tops):
            for child in top.children():
                if next(child.parameters(), None) is not None:
                    self.inner.add(child)
                    self._found(child)

    def top_of(self, module: Any) -> Any:
        """The top of the tree that the module is in."""
        for _ in range(100):
            parent = self._parents.get(module)
            above = parent() if parent is not None else None
            if above is None or above is module:
                break
            module = above
        return module

    def of_parameters(self, identities: set[int]) -> list[Any]:
        """The tops that hold any of the parameters, those with most of them first."""
        tops = {id(top): top for top in map(self.top_of, list(self._asked))}
        held: list[tuple[int, int, int, Any]] = []
        for top in tops.values():
            own = {id(parameter) for parameter in top.parameters()}
            if own & identities:
                held.append((-len(own & identities), len(own), len(held), top))
        return [top for *_, top in sorted(held, key=lambda item: item[:3])]
