"""Counts the words of a data set; trains and evaluates as the stub does."""

from __future__ import annotations

from pathlib import Path

import stub_backend.stage

from evidence.data.read import load_data
from evidence.encoding.codec import encode
from evidence.records.availability import Unavailable
from evidence.worker.interface import Emit, Job


def run_stage(job: Job, emit: Emit) -> None:
    """Run one stage."""
    if job.stage == "count":
        _count(job, emit)
    else:
        stub_backend.stage.run_stage(job, emit)


def _count(job: Job, emit: Emit) -> None:
    name = job.plan.stages["count"]["data"]
    data = load_data(Path(job.root), name, job.plan.data[name])
    num_rows = len(data.rows)
    emit("ready", framework=encode(Unavailable("counting uses no framework")), num_threads=1)
    emit("schedule", num_rows=num_rows, num_steps=1, steps_per_epoch=None, resumed_from_step=0)
    print(f"counting the words of {num_rows} rows", flush=True)
    words = [sum(len(str(value).split()) for value in row.values()) for row in data.rows]
    emit(
        "counts",
        record={
            "schema": "counts.v1", "data": name, "num_words": sum(words), "words_of_rows": words,
        },
    )  # fmt: skip
    emit("done", runtime_s=0.0, total_flos=None, peak_memory_bytes=None, num_threads=1)
