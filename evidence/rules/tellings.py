"""One number told twice: what hooks saw, and what the program printed or wrote of it. Pure.

Responsible for forms in which it is certain which number is meant: the lines of a transformers
Trainer and the log history of trainer_state.json. A number in any other line of a log may be of
anything, and is compared with nothing. The loss of a logging interval is the mean of its steps, so
that told and seen are compared as such. A framework that went on from a checkpoint counts from
there, and we count from 1: where not even the first interval fits, nothing is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.program import LoggedRecord, ProgramFiles, ProgramStep, Telling
from evidence.records.record import Record
from evidence.rules.extraction import agrees

TRAINER_STATE: Final = "trainer_state.json"
MAX_DIFFERING: Final = 100
MAX_LINES: Final = 2_000_000
TRAINER: Final = "Trainer"
_NAMES: Final = {"loss": "loss", "learning_rate": "learning rate", "grad_norm": "gradient norm"}
NUMBERS_OF_LINE: Final = len(_NAMES)
"""At most so many of a line of the log are compared."""
_LINE: Final = re.compile(r"\{'loss': [^{}]{1,2000}\}")
_PAIR: Final = re.compile(r"'(\w{1,40})': '?([+-]?[0-9.]{1,40}(?:e[+-]?[0-9]{1,3})?)'?")
_RELATIVE_OF_FLOAT32: Final = 1e-5
"""What a loss may differ by that a framework summed in float32 on the device."""


class Told(Record):
    """How many numbers were told twice, and which of them differ."""

    num_compared: int
    differing: tuple[Telling, ...]


def written_in_run(files: ProgramFiles) -> frozenset[str]:
    """`kept_as` of collected files whose bytes the program wrote in this very run."""
    digests = {one.sha256 for one in files.opened if one.mode == "written"}
    return frozenset(
        one.kept_as
        for one in files.collected
        if one.kept_as is not None and isinstance(one.sha256, str) and one.sha256 in digests
    )


def as_logged(printed: bytes) -> str:
    """What a program printed, in the lines that its log has."""
    text = printed.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tellings(
    log: str,
    steps: Sequence[ProgramStep],
    logged: Sequence[LoggedRecord],
    files: Mapping[str, bytes],
) -> Told:
    """Compare the log, the files and what a framework logged with the steps, where they tell the
    same number."""
    num = 0
    differing: list[Telling] = []
    for pair in _pairs(log, _of_one_process(steps), logged, files):
        num += 1
        if not _is_told(pair):
            differing.append(Telling(*pair))
    return Told(num, tuple(differing[:MAX_DIFFERING]))


def _of_one_process(steps: Sequence[ProgramStep]) -> Sequence[ProgramStep]:
    """The steps in order, where one process alone made them, in one segment, with one optimizer;
    else none: nobody knows whose steps a framework counts."""
    whose = {(one.segment, one.process, one.optimizer) for one in steps}
    return steps if len(whose) == 1 else ()


Pair = tuple[str, float, str, str]
"""What, as seen, as told, where."""


def _pairs(
    log: str,
    steps: Sequence[ProgramStep],
    logged: Sequence[LoggedRecord],
    files: Mapping[str, bytes],
) -> Iterator[Pair]:
    if not steps:
        return
    losses = [one for one in logged if one.by == TRAINER and "loss" in one.values]
    yield from _of_log(log, losses)
    told = [
        (one.step, dict(one.values), f"what {one.by} logged at step {one.step}") for one in losses
    ]
    yield from _of_intervals(told, steps)
    for path, data in files.items():
        if path.rsplit("/", 1)[-1] == TRAINER_STATE:
            yield from _of_state(path, data, steps)


def _of_log(log: str, logged: Sequence[LoggedRecord]) -> Iterator[Pair]:
    """The lines that a Trainer prints are the records that its callbacks got, in order."""
    printed = [
        (number, dict(_PAIR.findall(found[0])))
        for number, line in enumerate(log.split("\n")[:MAX_LINES], 1)
        if "'loss': " in line and (found := _LINE.search(line))
    ]
    if len(printed) != len(logged):
        return  # somebody printed more, or less
    for (number, told), one in zip(printed, logged, strict=True):
        for key, name in _NAMES.items():
            if key in told and key in one.values:
                yield name, one.values[key], told[key], f"line {number} of the log"


def _of_state(path: str, data: bytes, rows: Sequence[ProgramStep]) -> Iterator[Pair]:
    try:
        state = jsonio.load_document(data)
        history = [one for one in state["log_history"] if "loss" in one and "step" in one]
    except (MalformedError, KeyError, TypeError):
        return
    told = [(one["step"], one, f"{path}#/log_history/{index}") for index, one in enumerate(history)]
    yield from _of_intervals(told, rows)


def _of_intervals(
    history: Sequence[tuple[Any, Mapping[str, Any], str]], rows: Sequence[ProgramStep]
) -> Iterator[Pair]:
    """Each (step, values, where) with the rows since the one before; none where not even the first
    is what its rows show, as of a Trainer that went on from a checkpoint."""
    before = 0
    for step, values, where in history:
        if not isinstance(step, int) or not before < step <= len(rows):
            return  # another counting than ours
        told = {key: repr(value) for key, value in values.items() if _is_number(value)}
        pairs = list(_of_interval(told, rows[before:step], where))
        if not before and not all(_is_told(one) for one in pairs):
            return
        yield from pairs
        before = step


def _is_told(pair: Pair) -> bool:
    _, hooked, told, _ = pair
    return agrees(told, hooked, _RELATIVE_OF_FLOAT32)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _of_interval(
    told: Mapping[str, str], rows: Sequence[ProgramStep], where: str
) -> Iterator[Pair]:
    losses = [one.loss for one in rows]
    finite = [one for one in losses if isinstance(one, (int, float))]
    if "loss" in told and finite and len(finite) == len(losses):
        yield "loss", sum(finite) / len(finite), told["loss"], where
    last = rows[-1]
    if "learning_rate" in told and last.learning_rates:
        yield "learning rate", last.learning_rates[0], told["learning_rate"], where
    if "grad_norm" in told and isinstance(last.grad_norm, (int, float)):
        yield "gradient norm", last.grad_norm, told["grad_norm"], where
