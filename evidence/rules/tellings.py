"""One number told twice: what hooks saw, and what the program printed or wrote of it. Pure.

Responsible for forms in which it is certain which number is meant: the lines of a transformers
Trainer and the log history of trainer_state.json. A number in any other line of a log may be of
anything, and is compared with nothing. The loss of a logging interval is the mean of its steps, so
that told and seen are compared as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.program import ProgramStep, Telling
from evidence.records.record import Record
from evidence.rules.extraction import agrees

TRAINER_STATE: Final = "trainer_state.json"
MAX_DIFFERING: Final = 100
MAX_LINES: Final = 2_000_000
_LINE: Final = re.compile(r"\{'loss': [^{}]{1,2000}\}")
_PAIR: Final = re.compile(r"'(\w{1,40})': '?([+-]?[0-9.]{1,40}(?:e[+-]?[0-9]{1,3})?)'?")
_RELATIVE_OF_FLOAT32: Final = 1e-5
"""What a loss may differ by that a framework summed in float32 on the device."""


class Told(Record):
    """How many numbers were told twice, and which of them differ."""

    num_compared: int
    differing: tuple[Telling, ...]


def as_logged(printed: bytes) -> str:
    """What a program printed, in the lines that its log has."""
    text = printed.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tellings(log: str, steps: Sequence[ProgramStep], files: Mapping[str, bytes]) -> Told:
    """Compare the log and the collected files with the steps, where both tell the same number."""
    trained = [one for one in steps if not one.skipped and one.optimizer == 0]
    num, differing = 0, []
    for what, hooked, told, where in _pairs(log, trained, files):
        num += 1
        if not agrees(told, hooked) and not _is_close(told, hooked):
            differing.append(Telling(what, hooked, told, where))
    return Told(num, tuple(differing[:MAX_DIFFERING]))


def _is_close(told: str, hooked: float) -> bool:
    """Rounding falls the other way where the sums differ in their last bits."""
    decimals = len(told.lower().partition("e")[0].partition(".")[2])
    nudge = max(abs(hooked) * _RELATIVE_OF_FLOAT32, 1e-12)
    return any(agrees(told, hooked + sign * nudge) for sign in (-1, 1)) and decimals > 0


Pair = tuple[str, float, str, str]
"""What, as seen, as told, where."""


def _pairs(log: str, steps: Sequence[ProgramStep], files: Mapping[str, bytes]) -> Iterator[Pair]:
    by_process: dict[tuple[int, int], list[ProgramStep]] = {}
    for one in steps:
        by_process.setdefault((one.segment, one.process), []).append(one)
    logging = [rows for rows in by_process.values() if any(_logged_loss(one) for one in rows)]
    if len(logging) == 1:  # else nobody knows whose lines they are
        yield from _of_log(log, logging[0])
    if len(by_process) == 1:
        (rows,) = by_process.values()
        for path, data in files.items():
            if path.rsplit("/", 1)[-1] == TRAINER_STATE:
                yield from _of_state(path, data, rows)


def _logged_loss(step: ProgramStep) -> bool:
    return step.logged is not None and "loss" in step.logged


def _of_log(log: str, rows: Sequence[ProgramStep]) -> Iterator[Pair]:
    """The lines that a Trainer prints are the records that its callbacks got, in order."""
    printed = [
        (number, dict(_PAIR.findall(found[0])))
        for number, line in enumerate(log.split("\n")[:MAX_LINES], 1)
        if "'loss': " in line and (found := _LINE.search(line))
    ]
    logged = [index for index, one in enumerate(rows) if _logged_loss(one)]
    if len(printed) != len(logged):
        return  # somebody printed more, or less
    before = 0
    for (number, told), index in zip(printed, logged, strict=True):
        yield from _of_interval(told, rows[before : index + 1], f"line {number} of the log")
        before = index + 1


def _of_state(path: str, data: bytes, rows: Sequence[ProgramStep]) -> Iterator[Pair]:
    try:
        state = jsonio.load_document(data)
        history = [one for one in state["log_history"] if "loss" in one and "step" in one]
    except (MalformedError, KeyError, TypeError):
        return
    before = 0
    for index, one in enumerate(history):
        step = one["step"]
        if not isinstance(step, int) or not before < step <= len(rows):
            return  # another counting than ours
        told = {key: repr(value) for key, value in one.items() if _is_number(value)}
        yield from _of_interval(told, rows[before:step], f"{path}#/log_history/{index}")
        before = step


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
