"""Checks of a recorded program's documents within themselves, and against what else is known.

Responsible for numbers of steps, models, sequences and fields that cannot all be true, and for
files that were others than inputs, promises or another part of the pack say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.data.told_rows import strangers
from evidence.recording.coverage import MAX_FIELDS, MAX_ROWS
from evidence.recording.gathering import LATER_STEPS, ODD_NUMBER
from evidence.recording.opened import MAX_DATA_FILES
from evidence.recording.tables import is_data
from evidence.records.program import (
    DataReached,
    OpenedFile,
    ProgramFiles,
    ProgramModel,
    ProgramRecord,
    ProgramSeen,
    ProgramStep,
)
from evidence.rules import command_words
from evidence.rules.program_sums import loss_problem, model_problems
from evidence.stages.command import (
    COMMAND,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_REPORTED,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import Problem

KIND: Final = COMMAND.name
_NO_RECORD: Final = "there is no program.json"
_NO_SEEN: Final = "there is no seen.json"


def _steps(evidence: Evidence) -> tuple[ProgramStep, ...]:
    rows = evidence.documents.rows(PROGRAM_STEPS)
    return need(rows or None, "there are no step rows")


@check("program-losses", "the losses of a step give its loss", kind=KIND)
def program_losses(evidence: Evidence) -> Problems:
    """losses are num_losses many, where they are kept; the loss is their mean or sum, as loss_rule
    says, to 1e-5 of them: frameworks add in float32. Other rules are not computed again."""
    for line, row in enumerate(_steps(evidence), 1):
        wrong = loss_problem(row.loss, row.loss_rule, row.losses, row.num_losses)
        if wrong:
            actual = [row.loss, list(row.losses or ())]
            yield Problem(f"{PROGRAM_STEPS.path}#L{line}/losses", wrong, row.num_losses, actual)


@check("program-clock", "steps follow one another, within the time that the program ran", kind=KIND)
def program_clock(evidence: Evidence) -> Problems:
    """elapsed_s never falls within a process and segment, segments never within the file, and in
    the last segment none is later than runtime_s of stage-finished. Exact."""
    finished = evidence.events("stage-finished", KIND)
    runtime_s = finished[-1].data.get("runtime_s") if finished else None
    last, before = len(evidence.events("stage-started", KIND)), 1
    latest: dict[tuple[int, int], float] = {}
    for line, row in enumerate(_steps(evidence), 1):
        place, key = f"{PROGRAM_STEPS.path}#L{line}", (row.segment, row.process)
        if not before <= row.segment <= last:
            text = "is of no segment that may follow here"
            yield Problem(f"{place}/segment", text, before, row.segment)
        before = max(before, row.segment)
        if row.elapsed_s < latest.get(key, 0.0):
            text = "ended before the step before it"
            yield Problem(f"{place}/elapsed_s", text, latest[key], row.elapsed_s)
        latest[key] = max(row.elapsed_s, latest.get(key, 0.0))
        if row.segment == last and isinstance(runtime_s, float) and row.elapsed_s > runtime_s:
            text = "ended when the program was over"
            yield Problem(f"{place}/elapsed_s", text, runtime_s, row.elapsed_s)


@check("program-models", "the numbers of a model agree", kind=KIND)
def program_models(evidence: Evidence) -> Problems:
    """num_trainable ≤ num_parameters = sum of dtypes; num_changed ≤ num_compared ≤ num_parameters
    (twice as many of complex ones); where the digests are equal nothing changed, and where all was
    compared and they differ something did. A build without CUDA has no device of it. Exact."""
    record = need(evidence.documents.document(PROGRAM), _NO_RECORD)
    for place, models in _models(record):
        for index, one in enumerate(models):
            for name, text in model_problems(one):
                yield Problem(f"{place}/{index}/{name}", text, actual=getattr(one, name))
    for index, build in enumerate(record.frameworks):
        place = f"{PROGRAM.path}#/frameworks/{index}"
        if build.version.endswith("+cpu"):
            text = "is of CUDA, and the build has none"
            yield from differs(f"{place}/cuda", text, None, build.cuda)
            if build.device is not None and build.device.startswith("cuda"):
                yield Problem(f"{place}/device", text, build.version, build.device)


def _models(record: ProgramRecord) -> Iterator[tuple[str, tuple[ProgramModel, ...]]]:
    """Those of the last start, then those of each start before."""
    yield f"{PROGRAM.path}#/models", record.models
    for index, one in enumerate(record.earlier):
        yield f"{PROGRAM.path}#/earlier/{index}/models", one.models


@check("program-processes", "what was told is of a process that there was", kind=KIND)
def program_processes(evidence: Evidence) -> Problems:
    """process of each part is a place in processes of program.json; of steps, in the last segment.
    Where no process told anything, or none made a step, not_seen says so. Exact."""
    record = need(evidence.documents.document(PROGRAM), _NO_RECORD)
    for place, process, num in _processes(evidence, record):
        if process is not None and not 0 <= process < num:
            yield Problem(place, f"there are {num} processes", actual=process)
    rows, last = evidence.documents.rows(PROGRAM_STEPS), len(evidence.events("stage-started", KIND))
    has_steps = any(row.segment == last and not row.skipped for row in rows)
    if not (record.processes and has_steps) and all(
        one.process is not None for one in record.not_seen
    ):
        text = "says nothing of steps that were not seen"
        yield Problem(f"{PROGRAM.path}#/not_seen", text)


def _processes(evidence: Evidence, record: ProgramRecord) -> Iterator[tuple[str, int | None, int]]:
    """(address, process, how many there are), of the last start and then of each one before."""
    num, last = len(record.processes), len(evidence.events("stage-started", KIND))
    for line, row in enumerate(evidence.documents.rows(PROGRAM_STEPS), 1):
        if row.segment == last:
            yield f"{PROGRAM_STEPS.path}#L{line}/process", row.process, num
    for name in ("models", "tokenizers", "evaluations", "logged", "not_seen", "replaced"):
        for index, one in enumerate(getattr(record, name)):
            yield f"{PROGRAM.path}#/{name}/{index}/process", one.process, num
    told = need(evidence.documents.document(PROGRAM_REPORTED), "there is no reported.json")
    for index, value in enumerate(told.values):
        yield f"{PROGRAM_REPORTED.path}#/values/{index}/process", value.process, num
    seen = need(evidence.documents.document(PROGRAM_SEEN), _NO_SEEN)
    for index, batch in enumerate(seen.batches):
        yield f"{PROGRAM_SEEN.path}#/batches/{index}/process", batch.process, num
    for start, earlier in enumerate(record.earlier):
        for name in ("models", "not_seen", "replaced"):
            for index, one in enumerate(getattr(earlier, name)):
                place = f"{PROGRAM.path}#/earlier/{start}/{name}/{index}/process"
                yield place, one.process, len(earlier.processes)


@check("program-sequences", "counts of sequences are of one another", kind=KIND)
def program_sequences(evidence: Evidence) -> Problems:
    """Those without labels, without targets and with the end token are no more than there are; the
    end token is counted where the tokenizers of program.json name one; all_sequences says that
    there is no reason against it, and then recorded rows that carry loss, or teach the end token,
    are among those counted. A recorded batch is of a step that there was, where its process told
    of its end and all of its steps are kept as they were told. Exact."""
    seen = need(evidence.documents.document(PROGRAM_SEEN), _NO_SEEN)
    record = need(evidence.documents.document(PROGRAM), _NO_RECORD)
    place = f"{PROGRAM_SEEN.path}#"
    text = "is not what why_not_all says"
    yield from differs(f"{place}/all_sequences", text, not seen.why_not_all, seen.all_sequences)
    labelled = seen.num_sequences - seen.num_without_labels
    learning = labelled - seen.num_without_targets
    taught = min(seen.num_with_eos or 0, learning)
    most_of = {
        "num_without_labels": seen.num_sequences,
        "num_without_targets": labelled,
        "num_with_eos": seen.num_sequences,
        "num_with_eos_in_target": taught,
    }
    for name, most in most_of.items():
        count = getattr(seen, name)
        if count is not None and count > most:
            yield Problem(f"{place}/{name}", "are more than there can be", most, count)
    ends = {one.eos_id for one in record.tokenizers} - {None}
    text = "is known where the tokenizers name one end token"
    is_told = len(ends) == 1
    knows = {"num_with_eos": is_told, "num_with_eos_in_target": is_told and labelled > 0}
    for name, is_known in knows.items():
        found = getattr(seen, name) is not None
        yield from differs(f"{place}/{name}", text, is_known, found)
    for inside, why in strangers(seen, next(iter(ends)) if is_told else None):
        yield Problem(f"{place}/{inside}", why)
    yield from _batches(evidence, seen, record)


def _batches(evidence: Evidence, seen: ProgramSeen, record: ProgramRecord) -> Problems:
    if any(one.what in (LATER_STEPS, ODD_NUMBER) for one in record.not_seen):
        return
    last = len(evidence.events("stage-started", KIND))
    rows = [row for row in evidence.documents.rows(PROGRAM_STEPS) if row.segment == last]
    steps = {(row.process, row.step) for row in rows}
    ended = {n for n, one in enumerate(record.processes) if one.how_it_ended == "exit"}
    for index, batch in enumerate(seen.batches):
        if batch.process in ended and (batch.process, batch.step) not in steps:
            place = f"{PROGRAM_SEEN.path}#/batches/{index}/step"
            yield Problem(place, "is of no step that there was", actual=batch.step)


@check("program-fields", "fields of a data file reached no more rows than there are", kind=KIND)
def program_fields(evidence: Evidence) -> Problems:
    """num_rows_looked_at is all rows, of more than 2,000 a sample of so many; rows with text in a
    field, of these in a sequence, of these in what carries loss, are ever fewer; none is in a
    sequence where there is none; answers are those of the milestone's data. Exact."""
    seen = need(evidence.documents.document(PROGRAM_SEEN), _NO_SEEN)
    answers = {
        spec.path: dict.fromkeys(spec.answer)
        for spec in evidence.plan.data.values()
        if spec.path is not None
    }
    for index, data in enumerate(seen.data):
        place = f"{PROGRAM_SEEN.path}#/data/{index}"
        if not seen.num_sequences:
            yield Problem(place, "was found in sequences, and there is none")
        looked, text = min(data.num_rows, MAX_ROWS), "is not how many rows are looked at"
        yield from differs(f"{place}/num_rows_looked_at", text, looked, data.num_rows_looked_at)
        if data.num_rows_found > data.num_rows_looked_at:
            text = "more rows were found than looked for"
            yield Problem(f"{place}/num_rows_found", text, looked, data.num_rows_found)
        yield from _fields(data, place)
        if data.path in answers or not command_words.has_names_cut(data.path):
            yield from _answers(data, place, list(answers.get(data.path, {}))[:MAX_FIELDS])


def _fields(data: DataReached, place: str) -> Problems:
    for number, one in enumerate(data.fields):
        at_most = data.num_rows_looked_at
        for name in ("num_rows", "num_rows_in_sequence", "num_rows_in_target"):
            count = getattr(one, name)
            if count is None:
                continue
            where = f"{place}/fields/{number}/{name}"
            if count > at_most:
                yield Problem(where, "are more rows than there can be", at_most, count)
            at_most = count
        if one.num_rows_in_target is not None and not data.num_rows_found:
            text = "is not known, since no row was found"
            yield Problem(f"{place}/fields/{number}/num_rows_in_target", text)


def _answers(data: DataReached, place: str, answer: list[str]) -> Problems:
    """By count, and by name where it stands as the milestone writes it."""
    for number, one in enumerate(data.fields):
        if one.field in answer and not one.is_answer:
            text = "is an answer in the milestone"
            yield Problem(f"{place}/fields/{number}/is_answer", text, True, False)
    found = sum(one.is_answer for one in data.fields)
    yield from differs(
        f"{place}/fields", "has other answers than the milestone", len(answer), found
    )


@check("program-inputs", "files that the program read are those that the pack knows", kind=KIND,
       by_author=True)  # fmt: skip
def program_inputs(evidence: Evidence) -> Problems:
    """A warning where a file was another one when the program read it: than the milestone's data
    at the start, than a promised file before and after the run, than when its fields were looked
    for. An error where the same bytes have another number of rows, and a warning where nothing is
    said of the fields of such data that were read."""
    files = need(evidence.documents.document(PROGRAM_FILES), "there is no files.json")
    seen = need(evidence.documents.document(PROGRAM_SEEN), _NO_SEEN)
    known = evidence.documents.inputs.data
    looked = {one.path: one for one in seen.data}
    for index, one in enumerate(files.opened):
        if one.mode == "read" and one.is_as_opened and isinstance(one.sha256, str):
            place = f"{PROGRAM_FILES.path}#/opened/{index}/sha256"
            for what, digests in _digests(evidence, one, looked):
                if one.sha256 not in digests:
                    text = f"was another file when the program read it than {what}"
                    yield _warning(place, text, max(digests), one.sha256)
    for name, spec in evidence.plan.data.items():
        data, rows = looked.get(spec.path or ""), known.get(name)
        if rows is None:
            continue
        if data is None:
            yield from _unsaid(files, seen, spec.path, rows.num_rows)
            continue
        if data.sha256 != rows.sha256:
            continue
        if data.path.endswith(".jsonl"):
            place = f"{PROGRAM_SEEN.path}#/data/{seen.data.index(data)}/num_rows"
            text = "is not how many rows inputs.json counts in the same bytes"
            yield from differs(place, text, rows.num_rows, data.num_rows)


def _digests(
    evidence: Evidence, one: OpenedFile, looked: dict[str, DataReached]
) -> Iterator[tuple[str, set[str]]]:
    """What else is told of the bytes of a file, and when."""
    for name, spec in evidence.plan.data.items():
        if spec.path == one.path and name in evidence.documents.inputs.data:
            yield f"[data.{name}] at the start", {evidence.documents.inputs.data[name].sha256}
    for promise in evidence.documents.frozen.known:
        for file in promise.files:
            digests = {file.before_sha256, file.after_sha256} - {None}
            if file.path == one.path and digests:
                yield f"promised in {promise.name}", {str(digest) for digest in digests}
    if one.path in looked and isinstance(looked[one.path].sha256, str):
        yield "when its fields were looked for", {str(looked[one.path].sha256)}


def _unsaid(files: ProgramFiles, seen: ProgramSeen, path: str | None, num_rows: int) -> Problems:
    """Of a data file of the milestone that was read; of others it may hold no rows at all."""
    if len(seen.data) >= MAX_DATA_FILES or any(one.what == path for one in seen.data_not_looked_at):
        return
    for index, one in enumerate(files.opened):
        if one.mode == "read" and one.path == path and is_data(path) and num_rows:
            place = f"{PROGRAM_FILES.path}#/opened/{index}/path"
            yield _warning(place, "is a data file, and seen.json does not say what was seen of it")


def _warning(place: str, text: str, expected: str = "", actual: str = "") -> Problem:
    return Problem(place, text, expected or None, actual or None, severity="warning")
