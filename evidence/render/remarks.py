"""Warnings and observations: sentences made from measured facts only.

Responsible for saying what a reader must know before believing a number. Each sentence takes its
numbers from values; what counts as an error is `verify`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence import formatting, markdown
from evidence.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GitRecord
from evidence.records.run import JournalEvent
from evidence.render.values import Sheet

REASON_CHARS: Final = 300
SHORT_COMMIT: Final = 12


def warnings(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """What weakens the evidence or the result, most serious first."""
    return (
        *_targets(documents, sheet),
        *_repository(documents, sheet),
        *_steadiness(sheet),
        *_data(sheet),
        *_outputs(sheet),
    )


def _targets(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if sheet.has("train.num_target_tokens") and not sheet.number("train.num_target_tokens"):
        yield "No token carried loss: this run trained on nothing."
    coverage = () if documents.seen is None else documents.seen.coverage
    for one in coverage:
        name = markdown.code(one.field)
        if not sheet.has(f"seen.{one.field}.num_rows_in_target"):
            continue
        if one.is_answer and not one.num_rows_in_target:
            yield f"The answer field {name} carries no loss in any row: the model never learns it."
        elif not one.is_answer and not one.num_rows_in_sequence:
            yield f"The field {name} of the training data never reaches the model."


def _repository(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if sheet.raw("git.dirty") is True:
        files = sheet.n("git.num_changed_files", "file")
        yield f"The working tree was dirty: {files} differ from the commit (see Impact)."
    if documents.git.changed_during_run is True:
        yield f"The repository changed while the run was under way: {_change(documents.git)}."
    if isinstance(documents.git.start, Unavailable):
        reason = markdown.inline(documents.git.start.reason)
        yield f"No commit names the code that ran: {reason}."


def recoveries(documents: Documents) -> tuple[str, ...]:
    """What was lost each time that another process went on with the run."""
    return tuple(_recovery(one) for one in documents.journal if one.event == "recovered")


def _recovery(event: JournalEvent) -> str:
    data = event.data
    step, num_rows = data["from_step"], data["num_step_rows_cut"]
    if step is None:
        went_on = "it went on without any step being lost"
    elif step == 0:
        went_on = "its training began anew"
    else:
        went_on = f"it went on after step {formatting.count(step)}"
    if num_rows:
        rows = formatting.plural(num_rows, "step row")
        behind = " after that" if step else ""
        went_on += f"; {rows}{behind} were lost and run again"
    if data["num_predictions_cut"]:
        rows = formatting.plural(data["num_predictions_cut"], "prediction")
        went_on += f"; {rows} were lost and made again"
    return f"{markdown.inline(str(data['reason']), REASON_CHARS)}; {went_on}."


def _change(git: GitRecord) -> str:
    """What is different at the end."""
    start, end = git.start, git.end
    if isinstance(start, Unavailable) or isinstance(end, Unavailable):
        return "it cannot be read any more"
    if start.commit != end.commit:
        return f"HEAD moved from {_commit(start.commit)} to {_commit(end.commit)}"
    if start.branch != end.branch:
        return "another branch is checked out"
    changed = {one.path for one in set(start.files) ^ set(end.files)}
    return formatting.plural(len(changed), "file was touched", "files were touched")


def _commit(commit: str) -> str:
    return markdown.code(commit[:SHORT_COMMIT])


def _steadiness(sheet: Sheet) -> Iterator[str]:
    if sheet.number("run.num_clock_jumps"):
        jumps = sheet.n("run.num_clock_jumps", "time")
        yield f"The wall clock jumped {jumps}: dates and times here are off, durations are not."
    if sheet.raw("run.threads_changed") is True:
        yield "The number of threads changed during the run; the bits of a result may depend on it."


def _data(sheet: Sheet) -> Iterator[str]:
    if sheet.number("seen.num_rows_truncated"):
        rows = sheet.n("seen.num_rows_truncated", "row")
        yield f"{rows} of {sheet.v('seen.num_rows')} are cut at {_length(sheet)}."
    if sheet.number("data.train.num_duplicate_rows"):
        rows = sheet.n("data.train.num_duplicate_rows", "exact duplicate")
        yield f"The training data have {rows} among {sheet.n('data.train.num_rows', 'row')}."
    if sheet.number("data.overlap.num_rows"):
        rows = sheet.n("data.overlap.num_rows", "training row has", "training rows have")
        yield f"{rows} a prompt that is also an evaluation prompt."


def _length(sheet: Sheet) -> str:
    return sheet.n("train.max_length", "token")


def _outputs(sheet: Sheet) -> Iterator[str]:
    if not sheet.has("eval.num_examples"):
        return
    total = sheet.number("eval.num_examples")
    distinct = sheet.number("eval.num_distinct_outputs")
    if total > 1 and distinct == 1:
        yield "All outputs are alike: the model does not react to the question."
    for name, what in (
        ("num_looping", "end in a repetition loop"),
        ("num_empty", "are empty"),
        ("num_echoing", "only repeat their prompt"),
    ):
        if sheet.number(f"eval.{name}"):
            yield f"{_share(sheet, name)} {what}."


def _share(sheet: Sheet, name: str) -> str:
    return f"{sheet.v(f'eval.{name}')} of {sheet.n('eval.num_examples', 'output')}"


def observations(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """What the outputs look like as a whole."""
    return tuple(_observed(documents, sheet))


def _observed(documents: Documents, sheet: Sheet) -> Iterator[str]:
    yield _ends(sheet)
    yield from _outputs(sheet)
    total, distinct = sheet.number("eval.num_examples"), sheet.number("eval.num_distinct_outputs")
    if 1 < distinct < total:
        yield f"{_share(sheet, 'num_distinct_outputs')} are distinct."
    marker = _marker(documents)
    if marker is not None:
        without = sum(marker not in row.output for row in documents.predictions)
        if without == total:
            yield f"No output has the marker {markdown.code(marker)}, so no answer could be read."
    if sheet.has("probe.loss_before") and sheet.has("probe.loss_after"):
        before, after = sheet.v("probe.loss_before"), sheet.v("probe.loss_after")
        examples = sheet.n("probe.num_examples", "evaluation example")
        moved = f"{before} before, {after} after training"
        yield f"Mean loss on {examples} (prompt and expected answer): {moved}."


def _ends(sheet: Sheet) -> str:
    at_length, total = sheet.number("eval.num_at_length"), sheet.number("eval.num_examples")
    if at_length == 0:
        return "No output stops at the length limit: all end by themselves."
    if at_length == total:
        return "All outputs stop at the length limit; none ends by itself."
    return f"{_share(sheet, 'num_at_length')} stop at the length limit, the others by themselves."


def _marker(documents: Documents) -> str | None:
    return documents.milestone.eval.answer_after
