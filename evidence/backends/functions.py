"""Answers as the author's own functions score them, while an evaluation goes on.

Responsible for keeping the outputs: from where a function fails nothing is scored any more, all
that is left is generated and told all the same, and the evaluation fails at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evidence.backends.said import warn
from evidence.data.read import load_data
from evidence.encoding.codec import encode
from evidence.records.run import AttemptPlan, PredictionRow
from evidence.worker.functions import FunctionError, Functions
from evidence.worker.interface import Emit

Scored = Callable[[PredictionRow], PredictionRow]

_LEAST_S: Final = 1.0
_REST: Final = "the outputs that are left are generated and kept, and the evaluation fails then"


def call_limit_s(plan: AttemptPlan) -> float:
    """How long a call may take: well within what its supervisor waits for a word of the worker."""
    return max(_LEAST_S, plan.no_progress_timeout_s / 2)


def load_functions(plan: AttemptPlan, root: Path, emit: Emit) -> None:
    """Load what will score the answers, and leave it: what fails then would fail after a training.

    Raises FunctionError.
    """
    if plan.given_eval is not None and plan.eval.functions:
        with Functions(root, plan.eval.functions, call_limit_s(plan)) as functions:
            _tell_of_files(functions, emit)


def _tell_of_files(functions: Functions, emit: Emit) -> None:
    """Which bytes were loaded: the supervisor knows those that the run began with."""
    emit("read", data={one.file: one.sha256 for one in functions.record.functions})


@contextmanager
def scored_by_functions(plan: AttemptPlan, root: Path, emit: Emit) -> Iterator[Scored]:
    """What adds the scores of the functions to a row; raises FunctionError at the end where one
    gave none."""
    if not plan.eval.functions:
        yield lambda row: row
        return
    data = load_data(root, plan.eval.data, plan.data[plan.eval.data])
    failed: list[FunctionError] = []
    with Functions(root, plan.eval.functions, call_limit_s(plan)) as functions:
        _tell_of_files(functions, emit)
        emit("functions", record=encode(functions.record))

        def scored(row: PredictionRow) -> PredictionRow:
            if failed:
                return row
            try:
                return functions.scored(row, data.rows[row.index], data.place(row.index))
            except FunctionError as error:
                failed.append(error)
                warn(emit, (f"{error.message}; {_REST}",))
                return row

        yield scored
    if failed:
        raise failed[0]
