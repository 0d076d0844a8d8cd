"""What the summary shows of a recorded program. All of its text is foreign.

Responsible for the names of program.md.j2 beside the values themselves.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from evidence.data.tokens import IGNORED, num_targets
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRow
from evidence.records.program import (
    DataReached,
    FieldReached,
    ProgramFiles,
    ProgramRecord,
    ProgramSeen,
    ProgramStep,
)
from evidence.render.examples import SeenExample, block_of
from evidence.render.plot import Point
from evidence.render.values import Sheet
from evidence.results.context import Context
from evidence.results.program import main_steps, remarks_of
from evidence.rules.program import is_number
from evidence.stages.command import (
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_REPORTED,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)
from evidence.text import formatting, marked

SHOWN_ROWS: Final = 40
"""Of the steps: the first and last ones, and those evenly between."""
SHOWN_FILES: Final = 40
SHOWN_NUMBERS: Final = 60
NUM_EXAMPLES: Final = 2
COMMAND_CHARS: Final = 600
CELL_CHARS: Final = 120
NOT_KNOWN: Final = "not known"
_FACTS: Final = (
    ("Optimizer steps", "program.num_steps"),
    ("Steps skipped by a gradient scaler", "program.num_skipped"),
    ("Loss of the first step", "program.loss_first"),
    ("Loss of the last step", "program.loss_last"),
    ("Mean loss of all steps", "program.loss_mean"),
    ("Parameters", "program.num_parameters"),
    ("Parameters that are trained", "program.num_trainable"),
    ("Numbers of the model that changed", "program.num_changed"),
    ("Of so many that were compared", "program.num_compared"),
    ("Weights before", "program.weights_before_sha256"),
    ("Weights after", "program.weights_after_sha256"),
    ("Passes without training, one for each token that is generated", "program.num_eval_forwards"),
    ("Parameters of the model that was only called", "program.evaluated.num_parameters"),
    ("Its weights", "program.evaluated.sha256"),
    ("Rows fed", "program.num_rows"),
    ("Tokens fed, without padding", "program.num_tokens"),
    ("Tokens that carry loss", "program.num_target_tokens"),
    ("Processes with our hooks", "program.num_processes"),
    ("Most memory of a process", "program.max_rss_bytes"),
    ("Seconds that it ran", "program.runtime_s"),
)


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for program.md.j2."""
    record, seen = documents.document(PROGRAM), documents.document(PROGRAM_SEEN)
    if record is None or seen is None or Context(documents).plan is None:
        return {"program": None, "program_line": "No program was run to its end."}
    steps, files = main_steps(documents.rows(PROGRAM_STEPS)), documents.document(PROGRAM_FILES)
    shown = _chosen(steps)
    columns = [one for one in _COLUMNS if any(one[1](step) is not None for step in steps)]
    return {
        "program_line": _line(record, sheet),
        "program": {
            "command": marked.preformatted(shlex.join(record.command)[:COMMAND_CHARS]),
            "ended": _ended(record),
            "facts": [(label, _fact(sheet, name)) for label, name in _FACTS if sheet.has(name)],
            "numbers": list(_numbers(documents)),
            "columns": [title for title, *_ in columns],
            "loss_rows": [[of(one) for _, _, of in columns] for one in shown],
            "runs": _runs(record, documents.rows(PROGRAM_STEPS)),
            "not_seen": [
                marked.inline(one.text) for one in remarks_of(documents) if one.severity == "advice"
            ],
            "thinned": _thinned(len(shown), len(steps)),
            "saw": _saw(seen, sheet),
            "data": [_data(one, f"program.data.{n}", sheet) for n, one in enumerate(seen.data)],
            "examples": examples(seen),
            **_files(files),
        },
    }


def _thinned(num_shown: int, num_steps: int) -> str:
    if num_shown == num_steps:
        return ""
    return f"; {formatting.count(num_shown)} of {formatting.count(num_steps)} are shown"


def points(documents: Documents) -> tuple[Point, ...]:
    """The steps of a recorded program that a plot can show."""
    return tuple(
        Point(one.step, one.loss, one.learning_rates[0] if one.learning_rates else 0.0)
        for one in main_steps(documents.rows(PROGRAM_STEPS))
        if isinstance(one.loss, (int, float))
    )


def _line(record: ProgramRecord, sheet: Sheet) -> str:
    name = marked.code(record.command[0], CELL_CHARS)
    if not sheet.has("program.num_steps"):
        said = f"{name} ran as it is and was recorded; no optimizer step was seen in it"
        if sheet.has("program.num_eval_forwards"):
            return f"{said}, a model was called without training."
        return f"{said}."
    steps = sheet.n("program.num_steps", "optimizer step")
    return f"{name} ran as it is and was recorded: {steps} by hooks in its own process."


def _ended(record: ProgramRecord) -> str:
    names = {one.name: one.version for one in record.libraries}
    names |= {one.name: one.version for one in record.frameworks}
    pythons = sorted({one.python for one in record.processes if one.python})
    known = [
        *(f"Python {one}" for one in pythons),
        *(f"{one} {names[one]}" for one in sorted(names)),
    ]
    parts = [marked.inline(one, CELL_CHARS) for one in known]
    libraries = ", ".join(parts)
    place = marked.code(record.cwd, CELL_CHARS)
    said = f"It ran in {place} and ended with status {record.exit_status}"
    return f"{said}, with {libraries}." if libraries else f"{said}."


def _fact(sheet: Sheet, name: str) -> str:
    return sheet.v(name, "code" if name.endswith("sha256") else "")


def _numbers(documents: Documents) -> Iterator[tuple[str, str, str]]:
    """The name of each value, as it is shown, and where it comes from."""
    found, told = documents.document(PROGRAM_NUMBERS), documents.document(PROGRAM_REPORTED)
    for one in () if found is None else found.metrics[:SHOWN_NUMBERS]:
        place = f"{one.file}, {one.place}" if one.place else one.file
        yield f"metric.{one.name}", marked.code(one.name), marked.inline(place, CELL_CHARS)
    names = dict.fromkeys(
        one.name for one in (() if told is None else told.values) if is_number(one)
    )
    for name in list(names)[:SHOWN_NUMBERS]:
        yield f"reported.{name}", marked.code(name, CELL_CHARS), "told by the program"


def _chosen(steps: Sequence[ProgramStep]) -> Sequence[ProgramStep]:
    if len(steps) <= SHOWN_ROWS:
        return steps
    last = len(steps) - 1
    places = dict.fromkeys(round(n * last / (SHOWN_ROWS - 1)) for n in range(SHOWN_ROWS))
    return [steps[place] for place in places]


def _loss(one: ProgramStep) -> str:
    if one.loss is None:
        return NOT_KNOWN
    return one.loss if isinstance(one.loss, str) else formatting.fixed(one.loss, 4)


def _rate(one: ProgramStep) -> float | None:
    return one.learning_rates[0] if one.learning_rates else None


def _counted(value: int | None) -> str:
    return NOT_KNOWN if value is None else formatting.count(value)


Known = Callable[[ProgramStep], object]
_COLUMNS: Final[tuple[tuple[str, Known, Callable[[ProgramStep], str]], ...]] = (
    ("Step", lambda one: one.step, lambda one: formatting.count(one.step)),
    ("Loss", lambda one: one.loss, _loss),
    (
        "Learning rate",
        _rate,
        lambda one: NOT_KNOWN if _rate(one) is None else formatting.significant(_rate(one) or 0.0),
    ),
    ("Rows fed", lambda one: one.num_rows, lambda one: _counted(one.num_rows)),
    ("Tokens fed", lambda one: one.num_fed_tokens, lambda one: _counted(one.num_fed_tokens)),
    ("Carry loss", lambda one: one.num_targets, lambda one: _counted(one.num_targets)),
)
"""Of the table of steps: its title, what tells whether it is known, and its text. What no step
knows has no column."""


def _runs(record: ProgramRecord, rows: Sequence[ProgramStep]) -> list[list[str]]:
    """Each process that trained, where there are several."""
    last = max((row.segment for row in rows), default=1)
    found = []
    for index, process in enumerate(record.processes):
        own = [row for row in rows if (row.segment, row.process) == (last, index)]
        if not own:
            continue
        moved = [one for one in record.models if one.process == index]
        numbers = [one.num_changed for one in moved if one.num_changed is not None]
        found.append(
            [
                marked.code(" ".join(process.argv[-3:]) or str(process.pid), CELL_CHARS),
                "–" if process.rank is None else formatting.count(process.rank),
                formatting.count(len(own)),
                _loss(own[0]),
                _loss(own[-1]),
                formatting.count(sum(numbers)) if numbers else NOT_KNOWN,
                marked.inline(process.how_it_ended, CELL_CHARS),
            ]
        )
    return found[:SHOWN_ROWS] if len(found) > 1 else []


def _saw(seen: ProgramSeen, sheet: Sheet) -> str:
    if not seen.num_sequences and not seen.data:
        return ""
    count = formatting.plural(seen.num_sequences, "distinct sequence")
    kept = (
        "all that were fed" if seen.all_sequences else f"a part ({marked.inline(seen.why_not_all)})"
    )
    said = [f"Recorded where batches enter the model: {count}, {kept}."]
    if sheet.has("program.num_target_tokens"):
        targets = sheet.v("program.num_target_tokens")
        known = sheet.has("program.num_tokens")
        fed = f"Of {sheet.v('program.num_tokens')} tokens {targets}" if known else targets
        said.append(f"{fed} carry loss.")
    if seen.num_with_eos_in_target is not None:
        learned = formatting.count(seen.num_with_eos_in_target)
        said.append(f"The end token carries loss in {learned} of them.")
    return " ".join(said)


def _data(data: DataReached, name: str, sheet: Sheet) -> dict[str, Any]:
    every = data.num_rows_looked_at == data.num_rows
    rows = formatting.plural(data.num_rows, "row")
    looked = rows if every else f"{formatting.count(data.num_rows_looked_at)} of {rows}, by chance"
    found = sheet.v(f"{name}.num_rows_found")
    return {
        "path": marked.code(data.path, CELL_CHARS),
        "looked_at": f"{looked}; text of {found} was fed in training",
        "fields": [_field(one, f"{name}.{one.field}", sheet) for one in data.fields],
    }


def _field(one: FieldReached, name: str, sheet: Sheet) -> dict[str, str]:
    target = f"{name}.num_rows_in_target"
    return {
        "name": marked.code(one.field, CELL_CHARS),
        "is_answer": "yes" if one.is_answer else "–",
        "num_rows": sheet.v(f"{name}.num_rows"),
        "read": sheet.v(f"{name}.num_rows_in_sequence"),
        "learned": sheet.v(target) if sheet.has(target) else NOT_KNOWN,
    }


def examples(seen: ProgramSeen) -> list[SeenExample]:
    """The first rows of the first recorded batches whose text is known."""
    found: list[SeenExample] = []
    for batch in seen.batches:
        for row in batch.rows:
            if row.pieces is None or len(found) >= NUM_EXAMPLES:
                continue
            labels = row.labels if row.labels is not None else tuple(IGNORED for _ in row.ids)
            carry = num_targets(labels)
            caption = (
                f"In step {formatting.count(batch.step)}: "
                f"{formatting.plural(len(row.ids), 'token')}, "
                + (
                    f"{formatting.count(carry)} of them carry loss."
                    if row.labels is not None
                    else "and which of them carry loss is not known."
                )
            )
            block = block_of(SeenRow(0, row.ids, labels, row.pieces))
            found.append(SeenExample(caption, (("", block),)))
    return found


def _end_of(path: str) -> str:
    """Of a long path its end, which tells more."""
    return path if len(path) <= CELL_CHARS else "…" + path[1 - CELL_CHARS :]


def _files(files: ProgramFiles | None) -> dict[str, Any]:
    read = [] if files is None else [one for one in files.opened if one.mode == "read"]
    left = len(read) - SHOWN_FILES
    return {
        "files": [
            (
                marked.code(_end_of(one.path), CELL_CHARS),
                NOT_KNOWN if one.size_bytes is None else formatting.size(one.size_bytes),
                f"not known ({marked.inline(one.sha256.reason)})"
                if isinstance(one.sha256, Unavailable)
                else marked.code(one.sha256[:12]),
            )
            for one in read[:SHOWN_FILES]
        ],
        "files_left_out": f"And {formatting.count(left)} more in `program/files.json`."
        if left > 0
        else "",
    }
