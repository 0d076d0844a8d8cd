"""Inputs that were changed between the start of a run and a worker that reads them.

Responsible for the words, and for telling a failure that the changed files explain from one of the
run's own. It says nothing of the run: it goes on once they are put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evidence.attempt.surroundings import Surroundings
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.records.inputs import ModelRecord
from evidence.worker.failures import INPUT_CHANGED

MAX_NAMED: Final = 8

Failure = tuple[str, str]
"""Kind and message."""


def other_bytes(data: Mapping[str, str], around: Surroundings) -> Iterator[str]:
    """Data, and files of functions, of which a worker read other bytes than were recorded at the
    start. Names of data sets have no dot."""
    for name, value in data.items():
        expected = around.data_sha256.get(name)
        if expected != value:
            called = name if "." in name else f"[data.{name}]"
            yield (
                f"the worker read other bytes for {called} ({value[:12]}…) than were "
                f"recorded at the start ({str(expected)[:12]}…): the file changed meanwhile"
            )


def other_parent(model: ModelRecord, around: Surroundings) -> Iterator[str]:
    """Files of the checkpoint of another pack that are not those that were verified."""
    for one in around.parents:
        if one.init != model.id or isinstance(model.files, Unavailable):
            continue
        loaded = {file.path: file.sha256 for file in model.files}
        verified = {file.path: file.sha256 for file in one.files}
        for name in sorted(loaded.keys() | verified.keys()):
            if loaded.get(name) != verified.get(name):
                yield f"the worker loaded another {name} of {one.init} than was verified before"


def input_changed(changed: Sequence[str], more: str = "") -> Failure:
    """The failure of a worker that read, or may have read, other files than the run began with."""
    named = "; ".join(changed[:MAX_NAMED])
    return INPUT_CHANGED, (
        f"an input was changed after the run began: {named}. Put back what was there{more}"
    )


def refused(changed: Sequence[str]) -> UsageError:
    """The error of a later process of a run, which has loaded other inputs than the first."""
    return UsageError(
        "the run cannot go on with other inputs than it began with: " + "; ".join(changed),
        hint="No step was made. Put back what was there, then go on with --resume.",
    )


def of_changed_inputs(failure: Failure | None, around: Surroundings) -> Failure | None:
    """The failure of a worker that could not load its inputs: theirs, if they are others by now."""
    if failure is None:
        return None
    try:
        changed = [
            *around.changed_data(),
            *around.changed_models(),
            *around.changed_parents(),
        ]
    except OSError:  # no memory to look again: whether they are others is not known
        return failure
    return input_changed(changed, f"; the worker said: {failure[1]}") if changed else failure
