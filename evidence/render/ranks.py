"""The table of the processes that trained together, for the training section of the summary."""

from __future__ import annotations

from typing import Any

from evidence.results.context import Context
from evidence.stages.train import TRAIN
from evidence.text import formatting, marked

SHOWN_DIGITS = 12
"""Of a digest."""


def ranks_of(context: Context) -> dict[str, Any]:
    """Names for the template: one row a process, those of the last segment; none of one process."""
    began = context.stage_events("ranks", TRAIN.name)
    fed = context.stage_events("ranks-fed", TRAIN.name)
    if not began or not fed:
        return {"ranks": [], "n_ranks": ""}
    counted = {one["rank"]: one for one in fed[-1].data["ranks"]}
    rows = [_row(one, counted.get(one["rank"])) for one in began[-1].data["ranks"]]
    return {"ranks": rows, "n_ranks": formatting.count(len(rows))}


def _row(one: dict[str, Any], fed: dict[str, Any] | None) -> dict[str, str]:
    return {
        "rank": formatting.count(one["rank"]),
        "host": marked.inline(one["host"]),
        "device": marked.inline(one["device"]),
        "gpu": _said(one["device_name"]),
        "driver": _said(one["driver_version"]),
        "packages": marked.inline(one["packages_sha256"][:SHOWN_DIGITS]),
        "rows": "–" if fed is None else formatting.count(fed["num_rows"]),
        "targets": "–" if fed is None else formatting.count(fed["num_target_tokens"]),
        "memory": "–" if fed is None else formatting.memory(fed["peak_memory_bytes"]),
    }


def _said(value: Any) -> str:
    return "–" if isinstance(value, dict) else marked.inline(value)
