"""The log of a program: rows of dictionaries, objects after a mark, pairs, progress bars.

Responsible for which reader takes which line, in one passage through the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from evidence.foreign import machine, numbers, prefixes
from evidence.foreign.dict_rows import Rows
from evidence.foreign.facts import Fact, Mark, Place
from evidence.foreign.key_values import Pairs
from evidence.foreign.lines import Line, settled
from evidence.foreign.marks import Marks
from evidence.foreign.pipe_tables import PipeTable
from evidence.foreign.programs import Program
from evidence.foreign.tables import fact, json_of, leaves, whole

_OUTPUT_NAME: Final = "TrainOutput"
_OUTPUT: Final = re.compile(
    r"TrainOutput\(global_step=(?P<global_step>\d{1,12})"
    r", training_loss=(?P<training_loss>[\d.e+-]{1,40})"
)
MLLOG: Final = ":::MLLOG"
_OF_THE_PROGRAM: Final = ("file", "lineno")
_MLLOG_STEPS: Final = ("step_num", "iteration_num", "samples_count")


class Log:
    """Facts of the lines of a log; notes are known when they have been gone through."""

    def __init__(self, lines: Iterable[Line], file: str) -> None:
        self._lines, self._file = lines, file
        self._program = Program()
        self._rows, self._pairs = Rows(file), Pairs(file)
        self._table = PipeTable(file)
        self._marks = Marks(file)
        self._smi = machine.NvidiaSmi(file)

    @property
    def notes(self) -> Iterator[str]:
        """What was not read, and why."""
        if self._program.last_line:
            yield (
                f"begins with the text of a program (to line {self._program.last_line}): what is "
                "typed there is no measurement, and is not read"
            )
        yield from self._rows.notes
        yield from self._pairs.notes

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Lines that tell how the program went on or ended."""
        return self._marks.found

    def facts(self) -> Iterator[Fact]:
        """In the order of the lines."""
        rows, pairs = self._rows, self._pairs
        for line, is_bar in settled(self._of_log()):
            if is_bar:
                if "rror" in line.text:  # of a scheduler, glued to the bar
                    self._marks.take(line)
                yield from pairs.take(line, is_bar=True)
                continue
            self._marks.take(line)
            if self._smi.takes(line):
                yield from self._smi.facts(line)
                continue
            yield from machine.version(line, self._file)
            if line.text.startswith("|") and self._table.takes(line):
                yield from self._table.facts(line)
                continue
            if MLLOG in line.text:
                yield from _mllog(line, self._file)
                continue
            yield from _train_output(line, self._file)
            for taken, found in rows.take(line):
                yield from _of_rank(taken, found) if found else pairs.take(taken)
        for taken, _ in rows.end():
            yield from pairs.take(taken)

    def _of_log(self) -> Iterator[Line]:
        program = self._program
        for line in self._lines:
            if program.is_over:
                yield line
            else:
                yield from program.take(line)
        yield from program.end()


def _train_output(line: Line, file: str) -> Iterator[Fact]:
    """What Trainer returns, where somebody printed it: of the whole run, and no logged row."""
    found = _OUTPUT.search(line.text) if _OUTPUT_NAME in line.text else None
    for name in ("global_step", "training_loss") if found is not None else ():
        said = found[name] if found is not None else ""
        place = Place(file, line.number)
        yield Fact(name, numbers.read(said), said, place, scope=(_OUTPUT_NAME,))


def _of_rank(line: Line, found: list[Fact]) -> list[Fact]:
    """The row of another process than the first is of no training of its own."""
    _, rank = (line.text, 0) if line.text.startswith("{") else prefixes.without(line.text)
    if not rank:
        return found
    return [replace(one, row=None, scope=(f"rank {rank}",)) for one in found]


def _mllog(line: Line, file: str) -> Iterator[Fact]:
    """A line of MLPerf's log: a key, its value, and what it is of."""
    _, _, text = line.text.partition(MLLOG)
    try:
        said = json_of(text.strip())
    except (ValueError, RecursionError):
        return
    key = said.get("key") if isinstance(said, dict) else None
    if not isinstance(key, str):
        return
    of = said.get("metadata")
    said_steps = [of[name] for name in _MLLOG_STEPS if name in of] if isinstance(of, dict) else []
    step = next((one for one in said_steps if isinstance(one, (int, float))), None)
    place = Place(file, line.number, whole(key))
    for name, value in leaves(said.get("value"), key):
        yield fact(name, value, place, line.number, step)
    for name, value in leaves(of):
        if name not in _OF_THE_PROGRAM:
            yield fact(name, value, place, line.number, step, (key, "metadata"))
