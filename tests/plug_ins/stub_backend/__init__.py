"""A backend without any framework, found as that of anybody else: by its entry point."""

from __future__ import annotations

from typing import Final

from evidence.worker.interface import Backend

BACKEND: Final = Backend(
    name="stub",
    title="Stub (tests)",
    run_stage="stub_backend.stage:run_stage",
    takes_checkpoints=True,
    takes_either=True,
    replays=True,
)
