"""Which lines on energy a summary has, and of what."""

from __future__ import annotations

from evidence.pack.documents import Documents
from evidence.render.values import Sheet
from evidence.results.computed import computed_on, present


def energy(documents: Documents, sheet: Sheet) -> list[tuple[str, str]]:
    """What of the machine, and the beginning of the names of its values; none in packs from before
    energy was asked for. A GPU is left out where the processor surely did all."""
    if "telemetry.machine_energy_wh" not in sheet.values:
        return []
    several = len(present(documents.hardware)) > 1
    gpu = "one GPU of several" if several else "the GPU"
    lines = [(gpu, "telemetry.gpu_energy")] if computed_on(documents).kind != "cpu" else []
    return [*lines, ("the processor", "telemetry.cpu_energy")]
