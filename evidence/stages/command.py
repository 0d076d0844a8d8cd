"""A program as it is, as a kind of stage: what recording it leaves, owes and shows."""

from __future__ import annotations

from typing import Final

from evidence.records.program import (
    ProgramFiles,
    ProgramNumbers,
    ProgramRecord,
    ProgramReported,
    ProgramSeen,
    ProgramStep,
)
from evidence.stages.kind import Document, Kind, Rows, Section

FOLDER: Final = "program"
OUTPUT: Final = "{output}"
"""Stands for the program's own folder, in `run`, `[[collect]]` and `[[metric]]`."""
COLLECTED: Final = "collected"


def _progress(row: ProgramStep, num_rows: int) -> tuple[int, str]:
    return num_rows, f"loss {row.loss:.3f}" if isinstance(row.loss, float) else ""


PROGRAM: Final = Document(
    path=f"{FOLDER}/program.json",
    schema="program.v1",
    cleaned=True,
    exact=("command",),
    record=ProgramRecord,
    event="program",
    described="The program as it ran: processes, models, weights, what was not seen",
)
PROGRAM_SEEN: Final = Document(
    path=f"{FOLDER}/seen.json",
    schema="program-seen.v1",
    cleaned=True,
    exact=("batches",),
    record=ProgramSeen,
    event="program-seen",
    described="What the model saw",
)
PROGRAM_FILES: Final = Document(
    path=f"{FOLDER}/files.json",
    schema="program-files.v1",
    cleaned=True,
    record=ProgramFiles,
    event="program-files",
    described="Files that the program read and wrote",
)
PROGRAM_REPORTED: Final = Document(
    path=f"{FOLDER}/reported.json",
    schema="program-reported.v1",
    cleaned=True,
    record=ProgramReported,
    event="program-reported",
    described="Values that the program reported itself",
    level="reported",
)
PROGRAM_NUMBERS: Final = Document(
    path=f"{FOLDER}/numbers.json",
    schema="program-numbers.v1",
    cleaned=True,
    record=ProgramNumbers,
    event="program-numbers",
    described="Numbers taken from files and from the log",
    level="parsed",
)
PROGRAM_STEPS: Final = Rows(
    path=f"{FOLDER}/steps.jsonl",
    schema="program-step.v1",
    record=ProgramStep,
    event="program-step",
    cleaned=True,
    progress=_progress,
)
COMMAND: Final = Kind(
    name="command",
    unit="step",
    log="program_log.txt",
    described={
        "program_log.txt": "Output of the program",
        PROGRAM_STEPS.path: "Steps of the program's optimizers, one row each",
    },
    stopping="asking the program to stop (Ctrl-C once more: at once)",
    stopped="the program begins anew when you go on, or with its `resume` command",
    level="instrumented",
    documents=(PROGRAM, PROGRAM_SEEN, PROGRAM_FILES, PROGRAM_REPORTED, PROGRAM_NUMBERS),
    rows=PROGRAM_STEPS,
    keeps_rows=True,
    folder=COLLECTED,
    scheduled=False,
    echoes=True,
    stops_by_interrupt=True,
    checks=(
        "evidence.verification.consistency.program",
        "evidence.verification.consistency.program_within",
    ),
    results=("evidence.results.program:program_values",),
    rules={
        "count-of-steps": "rows of steps.jsonl that were not skipped",
        "last-loss": "the loss of the last step that has one",
        "first-loss": "the loss of the first step that has one",
        "mean-loss": "the mean of the losses of all steps that have one",
        "share-of-numbers": "numbers that differ after training / numbers compared",
        "metric-in-file": "the number in the file at the place that the milestone names",
        "reported-last": "the last value that the program reported under this name",
    },
    outcome="evidence.results.program:outcome",
    sections=(Section("program.md.j2", "evidence.render.program:view", "results"),),
    settings_schema="command-settings.v1",
)
