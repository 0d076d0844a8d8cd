"""What weakens a recorded program, in words: one list for verify and for the summary. Pure.

Responsible for sentences that follow from the evidence alone and accuse nobody: each says what was
seen, and a reader may know why it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, get_args

from evidence.records.availability import Unavailable
from evidence.records.capture import GitRecord, GitStateRecord
from evidence.records.program import (
    DataReached,
    FieldReached,
    NotFinite,
    ProgramFiles,
    ProgramModel,
    ProgramNumbers,
    ProgramRecord,
    ProgramReported,
    ProgramSeen,
    ProgramStep,
    ReportedValue,
)
from evidence.records.record import Record

MOSTLY: Final = 0.5
"""From this share of its rows on, or of what was fed, a data file is what was trained on."""
FEW: Final = 16
"""Fewer rows of a file may be among what was fed by chance."""
_NAMES: Final = frozenset(
    ("id", "idx", "index", "uid", "uuid", "guid", "hash", "sha256", "key", "split", "source", "url",
     "lang", "language", "date", "time", "timestamp", "meta", "metadata", "version", "license",
     "dataset", "category", "tags", "weight", "length", "num_tokens", "trace_version")
)  # fmt: skip
"""Fields that hardly anybody means a model to read."""


class Remark(Record):
    """A sentence about a recorded program, and where it comes from."""

    text: str
    address: str
    severity: Literal["error", "warning", "advice"] = "warning"


def remarks(
    record: ProgramRecord,
    seen: ProgramSeen,
    steps: Sequence[ProgramStep],
    model: ProgramModel | None,
) -> Iterator[Remark]:
    """What a reader should know first, most serious first."""
    for index, one in enumerate(seen.data):
        yield from of_data(one, f"program/seen.json#/data/{index}", seen.num_sequences)
    yield from _labels(seen)
    endless = not_finite(steps)
    if endless:
        text = (
            f"The loss of {len(endless)} of {len(steps)} steps is no finite number, that of step "
            f"{endless[0].step} first."
        )
        yield Remark(text, "program/steps.jsonl")
    yield from _movement(record, steps, model)
    yield from _end_token(seen)
    starts = [("", record.replaced)]
    starts += [(f"/earlier/{n}", start.replaced) for n, start in enumerate(record.earlier)]
    for where, functions in starts:
        for index, other in enumerate(functions):
            text = f"The program replaced {other.what} by {other.by}: what was seen there is its."
            yield Remark(text, f"program/program.json#{where}/replaced/{index}")
    yield from _hidden(record)
    if record.left_running:
        names = ", ".join(record.left_running[:5])
        text = f"The program left processes running, which were ended with it: {names}."
        yield Remark(text, "program/program.json#/left_running")


def not_finite(steps: Sequence[ProgramStep]) -> list[ProgramStep]:
    """Those whose loss is infinite, or none."""
    return [one for one in steps if isinstance(one.loss, str)]


def is_number(told: ReportedValue) -> bool:
    """Whether the program told a number, be it infinite or none; not the digest of a file."""
    return told.what != "artifact" and (
        not isinstance(told.value, str) or told.value in get_args(NotFinite)
    )


def _hidden(record: ProgramRecord) -> Iterator[Remark]:
    """What was not seen, each once for all processes of which it holds. A hook that failed is a
    warning; what no hook can see, as in a program that feeds pictures, is only said."""
    seen: dict[tuple[str, str, int | None], list[int]] = {}
    for index, one in enumerate(record.not_seen):
        seen.setdefault((one.what, one.why, one.from_step), []).append(index)
    for (what, why, from_step), places in seen.items():
        since = "" if from_step is None else f" from step {from_step} on"
        several = f", in {len(places)} processes" if len(places) > 1 else ""
        yield Remark(
            f"Not seen{since}{several}: {what} ({why}).",
            f"program/program.json#/not_seen/{places[0]}",
            "advice" if from_step is None else "warning",
        )


def of_data(data: DataReached, place: str, num_sequences: int) -> Iterator[Remark]:
    """Fields that no loss fell on, of a file that was trained on; declared answers in any case.

    A file was trained on where most of its rows were fed, or most of what was fed is its rows.
    """
    mostly = data.num_rows_found >= MOSTLY * data.num_rows_looked_at > 0
    trained_on = mostly or data.num_rows_found >= max(FEW, MOSTLY * num_sequences)
    fed = "" if mostly else f" ({data.num_rows_found} of them were fed)"
    unlearned = [one for one in data.fields if _is_unlearned(one)]
    declared = [one for one in unlearned if one.is_answer]
    if declared:
        text = (
            f"{_named(declared)} reached the loss in 0 of {data.num_rows_looked_at} rows of "
            f"{data.path}, and the milestone declares it as what the model must learn."
        )
        yield Remark(text, f"{place}/fields", "error")
    others = [one for one in unlearned if not one.is_answer and not _is_beside(one)]
    asked = [one for one in data.fields if _is_of(one, ASKING) and one.num_rows_in_target]
    if trained_on and asked and any(_is_of(one, ANSWERING) for one in data.fields):
        most = max(one.num_rows_in_target or 0 for one in asked)
        text = (
            f"{_named(asked)} carries loss in {most} of {data.num_rows_looked_at} rows of "
            f"{data.path}{fed}: the model learns to write what the user says, too."
        )
        yield Remark(text, f"{place}/fields")
    if trained_on and others:
        text = (
            f"{_named(others)} reached the loss in 0 of {data.num_rows_looked_at} rows of "
            f"{data.path}{fed}: what stands there was not learned."
        )
        yield Remark(text, f"{place}/fields")


def doubts(
    record: ProgramRecord,
    numbers: ProgramNumbers,
    reported: ProgramReported,
) -> Iterator[Remark]:
    """What speaks against a number in a file: that it was typed, or that nothing was seen that
    could have given it."""
    place = "program/numbers.json#/metrics"
    for index, one in enumerate(numbers.metrics):
        if isinstance(one.value, Unavailable):
            text = f"The number {one.name} could not be taken: {one.value.reason}."
            yield Remark(text, f"{place}/{index}/value")
            continue
        if one.typed_in:
            text = (
                f"The number {one.name} = {one.text} in {one.file} also stands, digit for digit, "
                f"in {'; '.join(one.typed_in)}: it may have been typed."
            )
            yield Remark(text, f"{place}/{index}/typed_in")
        elif record.processes and not (record.frameworks or record.libraries or reported.values):
            text = (
                f"The number {one.name} = {one.text} is in {one.file}, and no Python process of "
                "the program imported a library that computes, or reported a value."
            )
            yield Remark(text, f"{place}/{index}/value")


def untold(reported: ProgramReported) -> Iterator[Remark]:
    """What the program told, or wanted to, and no value has."""
    if count := len(reported.refused):
        others = f" (and {count - 1} more)" if count > 1 else ""
        text = f"The program told what could not be taken: {reported.refused[0]}{others}."
        yield Remark(text, "program/reported.json#/refused", "advice")
    if count := reported.num_left_out:
        text = f"The program told more values than are kept of one run, by {count}."
        yield Remark(text, "program/reported.json#/num_left_out", "advice")


def declared(
    data: Mapping[str, tuple[str, int]], record: ProgramRecord, files: ProgramFiles
) -> Iterator[Remark]:
    """Data that the milestone declares, by name with path and rows, against what the program did:
    a file that it never opened, an evaluation of fewer rows than there are."""
    opened = {one.path for one in files.opened}
    place = "program/files.json#/opened"
    fed = [one.num_rows for one in record.evaluations if one.num_rows is not None]
    for name, (path, num_rows) in data.items():
        if record.processes and not files.num_left_out and path not in opened:
            text = f"The program never opened {path}, which [data.{name}] declares."
            yield Remark(text, place)
        elif name in EVALUATED and fed and max(fed) < num_rows:
            text = (
                f"[data.{name}] has {num_rows} rows, and no evaluation that was seen fed more "
                f"than {max(fed)}."
            )
            yield Remark(text, "program/program.json#/evaluations")


EVALUATED: Final = ("eval", "evaluation", "val", "valid", "validation", "test", "dev")
"""Names of data sets that an evaluation is expected to use whole."""


ASKING: Final = ("user", "human")
ANSWERING: Final = ("assistant", "gpt", "model")


def _is_of(one: FieldReached, roles: tuple[str, ...]) -> bool:
    return one.field.rstrip("]").lower().partition("[")[2] in roles


def _is_unlearned(one: FieldReached) -> bool:
    return one.num_rows > 0 and one.num_rows_in_target == 0


def _is_beside(one: FieldReached) -> bool:
    """Whether a field is hardly meant to be learned: by its name, or since it never changes."""
    name, _, role = one.field.rstrip("]").lower().partition("[")
    return one.is_constant or name in _NAMES or role in ("system", "user", "human", "tool")


def _named(fields: Sequence[FieldReached]) -> str:
    names = sorted(one.field for one in fields)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _labels(seen: ProgramSeen) -> Iterator[Remark]:
    place = "program/seen.json#/num_without_targets"
    labelled = seen.num_sequences - seen.num_without_labels
    if labelled and seen.num_without_targets == labelled:
        text = "No token of any sequence carries loss: all labels are masked."
        yield Remark(text, place)
    elif seen.num_without_targets:
        text = f"{seen.num_without_targets} of {labelled} sequences carry no loss at all."
        yield Remark(text, place)


def _movement(
    record: ProgramRecord, steps: Sequence[ProgramStep], model: ProgramModel | None
) -> Iterator[Remark]:
    if not record.processes:
        return  # said as not seen
    if model is None:
        return
    place = "program/program.json#/models"
    same = model.before_sha256 == model.after_sha256
    if steps and same and not isinstance(model.after_sha256, Unavailable):
        text = f"After {len(steps)} optimizer steps every number of the model is what it was."
        yield Remark(text, place)
    elif not steps:
        yield Remark("No optimizer step changed the model.", place)


def _end_token(seen: ProgramSeen) -> Iterator[Remark]:
    learning = seen.num_sequences - seen.num_without_labels - seen.num_without_targets
    if seen.num_with_eos_in_target == 0 and learning > 0:
        text = (
            "The end token carries loss in no sequence: a model that is never taught to end "
            "may not end."
        )
        yield Remark(text, "program/seen.json#/num_with_eos_in_target")


def num_new_files(git: GitRecord) -> int:
    """Files that a program left in the working tree while it ran, where nothing else changed in
    the repository: no file of the commit, and none of those that lay there before. 0 otherwise."""
    start, end = git.start, git.end
    if not isinstance(start, GitStateRecord) or not isinstance(end, GitStateRecord):
        return 0
    if (start.commit, start.branch, start.left_out) != (end.commit, end.branch, end.left_out):
        return 0
    before = {one.path for one in start.files}
    came = {one for one in end.files if one.state == "untracked" and one.path not in before}
    return len(came) if set(start.files) == set(end.files) - came else 0
