"""What the training worker reported of itself, kept where a later process finds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evidence.attempt.kept import read_kept, write_kept
from evidence.encoding.codec import decode, encode
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord, JaxRecord, TorchRecord
from evidence.records.inputs import ModelRecord, TextRecord, TokenizerRecord
from evidence.records.record import Record
from evidence.system.durable import Written

NAME: Final = "reported.json"
MAX_SHOWN: Final = 60
"""Characters of a value in a message."""


class Reported(Record):
    """Framework, model and tokenizer as the training worker loaded them, and what it made of the
    data."""

    framework: FrameworkRecord | Unavailable | None = None
    model: ModelRecord | None = None
    tokenizer: TokenizerRecord | None = None
    text: TextRecord | None = None

    def differences(self, before: Reported) -> Iterator[str]:
        """Where model, tokenizer or text are not what an earlier process reported of them."""
        for name in ("model", "tokenizer", "text"):
            then, now = getattr(before, name), getattr(self, name)
            if then is None or now is None:
                continue
            for key in then.__struct_fields__:
                old, new = getattr(then, key), getattr(now, key)
                if old != new:
                    yield f"{key} of the {name} is {_short(new)} now, and was {_short(old)}"

    def other_framework(self, before: Reported) -> Iterator[str]:
        """Where the framework is not as an earlier process saw it. A machine cannot be put back:
        this refuses nothing."""
        then, now = before.framework, self.framework
        if (
            isinstance(then, FrameworkRecord)
            and isinstance(now, FrameworkRecord)
            and type(then) is type(now)
        ):
            for key in then.__struct_fields__:
                old, new = getattr(then, key), getattr(now, key)
                if old != new:
                    yield f"{key} of the framework is {_short(new)} now, and was {_short(old)}"


def framework_of(found: dict[str, Any]) -> FrameworkRecord | Unavailable:
    """What a worker says that it computes with. Raises MalformedError."""
    kind: type[FrameworkRecord] = JaxRecord if "jax_version" in found else TorchRecord
    return Unavailable(found["unavailable"]) if "unavailable" in found else decode(kind, found)


def _short(value: object) -> str:
    said = str(value)
    return said if len(said) <= MAX_SHOWN else f"{said[:MAX_SHOWN]}…"


def write_reported(scratch: Path, reported: Reported) -> dict[Path, Written]:
    """Keep a report durably; what was written where."""
    return {scratch / NAME: write_kept(scratch / NAME, encode(reported))}


def read_reported(scratch: Path) -> Reported:
    """The report of this attempt, empty where no worker came so far.

    Raises MalformedError where it is not as it was written.
    """
    path = scratch / NAME
    try:
        return decode(Reported, read_kept(path))
    except FileNotFoundError:
        return Reported()
