"""The transformers backend with one fault that no setting shows."""

from __future__ import annotations

from typing import Final

from evidence.worker.interface import Backend

BACKEND: Final = Backend(
    name="faulty", title="Faulty (tests)", run_stage="faulty_backend.stage:run_stage"
)
