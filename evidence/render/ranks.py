"""The table of the processes that trained together, for the training section of the summary and for
an attempt that did not complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence.records.milestone import FSDP
from evidence.records.run import JournalEvent
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
        return {"ranks": [], "n_ranks": "", "shares": ""}
    rows = _rows(began, fed)
    return {"ranks": rows, "n_ranks": formatting.count(len(rows)), "shares": _shares(context)}


def _shares(context: Context) -> str:
    """What each process held of the weights, in order; empty where each had all of them."""
    plan = context.plan
    if plan is None or plan.strategy != FSDP:
        return ""
    last = context.stage_events("ranks", TRAIN.name)[-1]
    held = [one.get("num_parameters_held") for one in last.data["ranks"]]
    return " + ".join("–" if one is None else formatting.count(one) for one in held)


def ranks_of_attempt(journal: Sequence[JournalEvent], name: str) -> tuple[dict[str, Any], ...]:
    """Of an attempt that did not complete: of each training what its processes said when its last
    segment began, and what they were fed, where it came so far."""
    own = [event for event in journal if event.attempt == name]
    began = [event for event in own if event.event == "ranks"]
    found = []
    for stage in dict.fromkeys(event.data["stage"] for event in began):
        of_stage = [event for event in began if event.data["stage"] == stage]
        fed = [
            event for event in own if event.event == "ranks-fed" and event.data["stage"] == stage
        ]
        of = "" if stage == TRAIN.name else f" of stage {marked.inline(stage)}"
        rows = _rows(of_stage, fed)
        n_rows = formatting.count(len(rows))
        found.append({"of": of, "rows": rows, "n_rows": n_rows, "is_fed": bool(fed)})
    return tuple(found)


def _rows(began: Sequence[JournalEvent], fed: Sequence[JournalEvent]) -> list[dict[str, str]]:
    counted = {one["rank"]: one for event in fed[-1:] for one in event.data["ranks"]}
    return [_row(one, counted.get(one["rank"])) for one in began[-1].data["ranks"]]


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
