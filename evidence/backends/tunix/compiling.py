"""What goes into compiling: seconds, programs, and those that an earlier process had compiled.

Responsible for counting it from what JAX tells of itself. Tracing and lowering are in the seconds:
they come with every program.
"""

from __future__ import annotations

import time
from typing import Any, Final

import jax

from evidence.records.execution import CompilationRecord

_BACKEND: Final = "/jax/core/compile/backend_compile_duration"
_COUNTED: Final = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    _BACKEND,
)
_HIT: Final = "/jax/compilation_cache/cache_hits"


class Compiling:
    """Counts from its making on, in this whole process."""

    def __init__(self) -> None:
        self.duration_s = 0.0
        self._num_programs = self._num_from_cache = 0
        self._taken_s = 0.0
        self._inside: list[tuple[float, float]] = []
        jax.monitoring.register_event_duration_secs_listener(self._lasted)
        jax.monitoring.register_event_listener(self._happened)

    def _lasted(self, event: str, duration_s: float, **_: Any) -> None:
        if event in _COUNTED:
            self._count(time.monotonic(), duration_s)
        if event == _BACKEND:
            self._num_programs += 1

    def _count(self, now_s: float, duration_s: float) -> None:
        """One may be part of another, which is told of after it: no second counts twice."""
        began_s = now_s - duration_s
        while self._inside and self._inside[-1][0] >= began_s:
            self.duration_s -= self._inside.pop()[1]
        self._inside.append((began_s, duration_s))
        self.duration_s += duration_s

    def _happened(self, event: str, **_: Any) -> None:
        self._num_from_cache += event == _HIT

    def take_s(self) -> float:
        """Seconds since this was asked last."""
        since_s = self.duration_s - self._taken_s
        self._taken_s = self.duration_s
        return since_s

    def record(self) -> CompilationRecord:
        """All of it so far."""
        return CompilationRecord(
            num_programs=self._num_programs,
            num_from_cache=self._num_from_cache,
            duration_s=self.duration_s,
            persistent_cache=bool(jax.config.jax_compilation_cache_dir),
        )
