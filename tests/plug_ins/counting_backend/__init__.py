"""The stub backend, with a stage of a kind that only tests know."""

from __future__ import annotations

from typing import Final

from evidence.worker.interface import Backend

BACKEND: Final = Backend(
    name="counting", title="Counting (tests)", run_stage="counting_backend.stage:run_stage"
)
