"""The author's own functions, as a worker asks them: a process beside it, and a limit for a call.

Responsible for asking, for what counts as an answer, and for saying whose fault it is where there
is none: file, row and question. The process itself is `function_child`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from msgspec.structs import replace

from evidence.encoding.codec import decode
from evidence.errors import EvidenceError
from evidence.records.eval_spec import FunctionSpec
from evidence.records.functions import FunctionRecord, FunctionsRecord
from evidence.records.run import PredictionRow
from evidence.text.formatting import plural, shortest

CHILD: Final = "evidence.worker.function_child"
MAX_SOURCE_BYTES: Final = 1 << 17
"""Of the file of a function: it is kept in the pack."""
MAX_PRINTED_BYTES: Final = 1 << 16
"""What a function prints goes to the log up to here."""
MOST: Final = 1e100
"""Sums of scores and of their squares are numbers, too."""
_MAX_ANSWER_BYTES: Final = 1 << 22
_PIECE_BYTES: Final = 1 << 16
_GRACE_S: Final = 5.0


class FunctionError(EvidenceError):
    """A function of the author's gave no score. The message names file, row and question."""


class Functions:
    """Functions that are loaded; a context, at whose end their process is gone.

    `limit_s`: how long loading, and each call, may take. Raises FunctionError where one cannot be
    loaded.
    """

    def __init__(self, root: Path, specs: Sequence[FunctionSpec], limit_s: float) -> None:
        self._specs, self._limit_s = specs, limit_s
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD, str(root), str(writing)]
                + [f"{one.file}:{one.name}" for one in specs],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                cwd=root,
            )
        finally:
            os.close(writing)
        self._answers, self._partial = reading, b""
        self._printed = threading.Thread(target=self._pass_on, daemon=True)
        self._printed.start()
        try:
            self.record = self._loaded()
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def scored(self, row: PredictionRow, data: Mapping[str, Any], place: str) -> PredictionRow:
        """The row with what each function says of its answer. `data`: its row of the data set;
        `place`: file and line of that. Raises FunctionError."""
        found = {one.name: self._ask(one, row, data, place) for one in self._specs}
        return replace(row, measured=found)

    def _ask(
        self, one: FunctionSpec, row: PredictionRow, data: Mapping[str, Any], where: str
    ) -> bool | float:
        place = f"{one.file}: {one.name} gave no score for {where} (question {row.id!r})"
        asked = {"name": one.name, "prediction": row.answer, "row": data}
        line = json.dumps(asked, default=str).encode() + b"\n"
        answer = self._answer(line, place)
        if "failed" in answer:
            raise FunctionError(f"{place}: it raised {answer['failed']}")
        return _value(answer["value"], place)

    def _loaded(self) -> FunctionsRecord:
        named = ", ".join(f"{one.file}:{one.name}" for one in self._specs)
        place = f"{named} cannot be loaded"
        answer = self._answer(b"", place)
        if "failed" in answer:
            raise FunctionError(f"{place}: {answer['failed']}")
        found = tuple(decode(FunctionRecord, one) for one in answer["loaded"])
        return FunctionsRecord("functions.v1", found)

    def _answer(self, line: bytes, place: str) -> dict[str, Any]:
        """What the process says next, once it was asked. Raises FunctionError."""
        until_s = time.monotonic() + self._limit_s
        try:
            if line:
                assert self._process.stdin is not None  # noqa: S101 - Popen was given a pipe
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except OSError:
            raise FunctionError(f"{place}: {self._how_it_ended()}") from None
        while b"\n" not in self._partial:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([self._answers], [], [], left_s)[0]:
                seconds = plural(float(shortest(self._limit_s)), "second")
                raise FunctionError(f"{place}: it took longer than {seconds}")
            piece = os.read(self._answers, _PIECE_BYTES)
            if not piece or len(self._partial) > _MAX_ANSWER_BYTES:
                raise FunctionError(f"{place}: {self._how_it_ended()}")
            self._partial += piece
        found, _, self._partial = self._partial.partition(b"\n")
        answer: dict[str, Any] = json.loads(found)
        return answer

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return "its process says nothing any more"
        if status < 0:
            return f"its process was ended by {signal.Signals(-status).name}"
        return f"it ended its process (exit status {status})"

    def _pass_on(self) -> None:
        """Give what the functions print to the log, as far as a log should have it."""
        stream, left = self._process.stdout, MAX_PRINTED_BYTES
        assert stream is not None  # noqa: S101 - Popen was given a pipe
        while piece := stream.read1(_PIECE_BYTES):  # type: ignore[attr-defined]
            shown, left = piece[:left], max(0, left - len(piece))
            if shown:
                sys.stderr.write(shown.decode("utf-8", "replace"))
                if not left:
                    text = f"{MAX_PRINTED_BYTES} bytes, and what it printed after them was left out"
                    sys.stderr.write(f"\nthe function printed {text}\n")
                sys.stderr.flush()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._printed.join(_GRACE_S)
        for one in (self._process.stdin, self._process.stdout):
            if one is not None:
                one.close()
        os.close(self._answers)


def _value(told: Mapping[str, Any], place: str) -> bool | float:
    """A score: true or false, or a finite number. Raises FunctionError for anything else."""
    if "bool" in told:
        return bool(told["bool"])
    if "number" not in told:
        kind = told["kind"]
        raise FunctionError(f"{place}: it returned {kind}, and a score is a number, True or False")
    number = float(told["number"])
    if not abs(number) <= MOST:
        text = f"it returned {number}, and a score is a number from {-MOST:g} to {MOST:g}"
        raise FunctionError(f"{place}: {text}")
    return number
