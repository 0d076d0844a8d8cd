"""Waits for modules that the program imports, and acts when they are there.

Responsible for a meta path finder that finds nothing itself: it asks the others, and puts a loader
in front of theirs for the time of one import. It imports none of the modules that it waits for.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from importlib.machinery import ModuleSpec
from typing import Any, Callable

Then = Callable[[Any], None]


class _ThenLoader:
    """The loader of a waited-for module, with something to do afterwards."""

    def __init__(self, loader: Any, waiting: dict[str, list[Then]]) -> None:
        self._loader = loader
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        make = getattr(self._loader, "create_module", None)
        return None if make is None else make(spec)

    def exec_module(self, module: Any) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        for then in self._waiting.pop(module.__name__, ()):
            then(sys.modules.get(module.__name__, module))


class Waiter:
    """What is to be done after which import."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Then]] = {}
        self._asking = threading.local()

    def after(self, name: str, then: Then) -> None:
        """Call `then(module)` after the module is imported, or now if it is."""
        module = sys.modules.get(name)
        if module is not None:
            then(module)
        else:
            self._waiting.setdefault(name, []).append(then)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Part of the protocol of finders: the others' spec, with our loader for this one time."""
        if name not in self._waiting or getattr(self._asking, "now", False):
            return None
        self._asking.now = True
        try:
            spec = _of_the_others(self, name, path, target)
        finally:
            self._asking.now = False
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return spec
        loader: Any = _ThenLoader(spec.loader, self._waiting)
        spec.loader = loader
        return spec

    def install(self) -> None:
        """Be asked first of all finders."""
        sys.meta_path.insert(0, self)


def _of_the_others(own: Waiter, name: str, path: Any, target: Any) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        if finder is own or find is None:
            continue
        spec: ModuleSpec | None = find(name, path, target)
        if spec is not None:
            return spec
    return None


class ReportFinder:
    """Offers `evidence.report` to an interpreter in which no `evidence` is installed."""

    def __init__(self, report: str) -> None:
        self._report = report

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Part of the protocol of finders. This one is asked last."""
        if name == "evidence":
            spec = ModuleSpec("evidence", None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        if name == "evidence.report" and os.path.isfile(self._report):
            return importlib.util.spec_from_file_location(name, self._report)
        return None

    def install(self) -> None:
        """Be asked last of all finders."""
        sys.meta_path.append(self)
