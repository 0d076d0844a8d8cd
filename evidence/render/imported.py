"""What the summary of an imported pack shows: only what its files say, and what they do not.

Responsible for the names of imported.md.j2 and for the points of its plot. Text is in marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.pack.imported import Imported
from evidence.records.imported import FindingRecord, ImportedRow, SourcesRecord
from evidence.records.record import Number
from evidence.render import plot
from evidence.render.training import loss_rows, rows_left_out
from evidence.render.values import Sheet
from evidence.results.imported.scores import RULE
from evidence.text import formatting, marked

MAX_LISTED: Final = 200
"""Of originals, of what was left out and of scores: documents have all of them."""
SHORT: Final = 12
LOGGED: Final = "loss as logged"
FOUND_CHARS: Final = 200
NOTE_CHARS: Final = 400
_SIGNS: Final = {
    "holds": "✅",
    "contradicts": "❌",
    "not-checked": "❓",
    "warning": "⚠️",
    "note": "➖",
}
_STATUS: Final = {
    "complete": "✅ Complete, as its files say",
    "failed": "❌ Ended in an error, as its files say",
    "unknown": "❓ Unknown: its files do not say how the run ended",
}
_NOT_KNOWN: Final = (
    ("model.id", "the model"),
    ("data.train.name", "the training data"),
    ("train.num_steps", "the number of steps"),
    ("train.schedule", "the learning rate schedule"),
    ("train.seed", "the seed"),
    ("train.loss_mean", "the mean loss"),
    ("train.runtime_s", "the runtime"),
    ("hardware.num_gpus", "the GPUs"),
    ("hardware.gpu.0.compute_capability", "the compute capability of the GPU"),
    ("hardware.cpu.model", "the processor"),
    ("hardware.os", "the operating system"),
    ("software.torch", "the version of PyTorch"),
    ("software.python", "the version of Python"),
    ("git.commit", "the commit"),
    ("run.started_utc", "when it started"),
    ("eval.num_examples", "predictions"),
)


def page(
    documents: Imported, sheet: Sheet, root_sha256: str, attached: Mapping[str, bytes]
) -> dict[str, Any]:
    """Names and values for imported.md.j2."""
    return {
        "v": partial(_v, sheet),
        "n": sheet.n,
        "has": sheet.has,
        "number": sheet.number,
        "level": sheet.level,
        "root": root_sha256,
        **_identity(documents),
        **_training(documents),
        **_files(documents.sources),
        **_findings(documents.findings),
        "hardware": _hardware(sheet),
        "gpus": _gpus(sheet),
        "computed_scores": any(one.rule == RULE for one in documents.findings),
        "settings_told": [
            (marked.code(name.removeprefix("harness.")), sheet.v(name, "significant"))
            for name in sorted(documents.results.values)
            if name.startswith("harness.")
        ],
        "scores": [
            (marked.code(name.removeprefix("metric.")), sheet.v(name, "significant"))
            for name in sorted(documents.results.values)
            if name.startswith("metric.")
        ],
        "not_known": [
            (f"{what[:1].upper()}{what[1:]}", _v(sheet, name))
            for name, what in _NOT_KNOWN
            if _is_unknown(sheet, name)
        ],
        "attached": [
            (marked.code(path), marked.words(data.decode("utf-8", "replace")))
            for path, data in sorted(attached.items())
            if path.endswith(".md")
        ],
    }


def _identity(documents: Imported) -> dict[str, Any]:
    manifest, milestone = documents.manifest, documents.milestone
    sealed = documents.digests.get(layout.MILESTONE)
    return {
        "id": marked.inline(manifest.milestone),
        "folder": manifest.milestone,
        "title": "Imported Evidence" if milestone is None else marked.inline(milestone.title),
        "objective": "" if milestone is None else marked.words(milestone.objective),
        "status": _STATUS[manifest.status],
        "imported": marked.inline(manifest.imported_utc or "–"),
        "milestone_sha256": "none was given" if sealed is None else marked.code(sealed),
        "outcome_sha256": marked.code(str(manifest.outcome_sha256)),
        "tool": marked.inline(f"{manifest.tool.name} {manifest.tool.version}"),
        "summary_name": marked.code(layout.summary_name(manifest.milestone)),
    }


def _training(documents: Imported) -> dict[str, Any]:
    table = documents.results.loss_table
    return {
        "loss_table": loss_rows(table),
        "loss_rows_left_out": rows_left_out(table),
        "one_interval": len(table) == 1,
        "other_rows": () if table else _rows(documents.rows),
        "are_steps_inferred": any(row.is_step_inferred for row in documents.rows),
    }


def _files(sources: SourcesRecord) -> dict[str, Any]:
    files, left = sources.files, sources.left_out
    return {
        "were_imported": formatting.plural(len(files), "file was", "files were"),
        "originals": [
            (
                marked.code(one.path),
                marked.code(one.found_as, FOUND_CHARS) if one.found_as else "",
                marked.inline(one.format),
                marked.inline(one.encoding or "–"),
                _size(one.size_bytes),
                marked.code(one.sha256[:SHORT]),
            )
            for one in files[:MAX_LISTED]
        ],
        "more_originals": _more(len(files)),
        "left_out": [
            (
                marked.code(one.found_as, FOUND_CHARS),
                marked.inline(one.reason, NOTE_CHARS),
                "–" if one.size_bytes is None else _size(one.size_bytes),
                "–" if one.sha256 is None else marked.code(one.sha256[:SHORT]),
            )
            for one in left[:MAX_LISTED]
        ],
        "more_left_out": _more(len(left)),
        "notes": [
            (marked.code(one.path), marked.inline(note, NOTE_CHARS))
            for one in files
            for note in one.notes
        ][:MAX_LISTED],
        "num_allowed": formatting.count(len(sources.allowed)),
    }


def _findings(found: tuple[FindingRecord, ...]) -> dict[str, Any]:
    num_wrong = sum(one.outcome == "contradicts" for one in found)
    return {
        "findings": [
            (
                _SIGNS[one.outcome],
                marked.inline(one.rule),
                one.outcome.replace("-", " "),
                marked.inline(one.message, NOTE_CHARS),
                _against(one.expected, one.actual),
            )
            for one in found[:MAX_LISTED]
        ],
        "contradictions": formatting.plural(num_wrong, "contradiction") if num_wrong else "",
    }


def _size(size_bytes: int) -> str:
    return formatting.size(size_bytes).replace(" ", "\u00a0")  # no break in a narrow column


def _v(sheet: Sheet, name: str, form: str = "") -> str:
    """A value, or why the files do not tell it: nothing was measured here."""
    record = sheet.values[name]
    if record.value is None:
        unknown = f"not known ({marked.inline(record.unavailable or 'no file says it')})"
        return marked.value(name, unknown)
    return sheet.v(name, form)


def _is_unknown(sheet: Sheet, name: str) -> bool:
    return name in sheet.values and not sheet.has(name)


def drawing(documents: Imported) -> dict[str, Any] | None:
    """What loss.svg.j2 draws: the rows of the one training; None where there is none."""
    table = documents.results.loss_table
    if not table:
        return None
    rates = [
        plot.Point(row.step, row.loss, row.learning_rate)
        for row in table
        if row.learning_rate is not None
    ]
    title = f"{documents.manifest.milestone}: training loss"
    is_alone = len(rates) < len(table)
    note = "imported, not observed"
    drawn = plot.loss_plot(() if is_alone else rates, table, title, note, is_table_alone=is_alone)
    return None if drawn is None else {**drawn, "points": [], "thinned": "", "line_label": LOGGED}


def _hardware(sheet: Sheet) -> str:
    names = [_v(sheet, f"{name}.name") for name, _ in _gpus(sheet)]
    return ", ".join(names) if names else f"not known ({_v(sheet, 'hardware.num_gpus')})"


def _gpus(sheet: Sheet) -> list[tuple[str, str]]:
    count = int(sheet.number("hardware.num_gpus"))
    return [(f"hardware.gpu.{n}", f" {n}" if count > 1 else "") for n in range(count)]


def _more(count: int) -> str:
    return formatting.plural(count - MAX_LISTED, "more file") if count > MAX_LISTED else ""


def _against(expected: str | None, actual: str | None) -> str:
    if expected is None or actual is None:
        return ""
    return f"expected {marked.inline(expected, 80)}, found {marked.inline(actual, 80)}"


def _rows(rows: Sequence[ImportedRow]) -> list[tuple[str, str, str, str, str]]:
    """Rows of logged.jsonl where no loss table has them: of several trainings, or with gaps."""
    every = max(1, -(-len(rows) // MAX_LISTED))
    return [
        (
            formatting.count(row.training),
            _cell(row.step, formatting.significant),
            _cell(row.loss, formatting.fixed),
            _cell(row.learning_rate, formatting.scientific),
            _cell(row.epoch, formatting.fixed),
        )
        for row in rows[every - 1 :: every]
    ]


def _cell(value: Number | None, form: Any) -> str:
    return "–" if value is None else str(form(value))
