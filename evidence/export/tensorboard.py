"""A folder for TensorBoard with one run: an events file of scalars and texts.

Responsible for which events there are; tensorboard's own package writes them, and is asked for when
this is. TensorBoard holds numbers in single precision (its data server drops others), so that the
description of a scalar, shown beside its plot, has the number as the pack has it, with level and
address. No other time than those of the evidence is in the file, nor in its name.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from evidence.errors import UsageError
from evidence.export.facts import Account, words_of
from evidence.export.tracked import (
    CURVES,
    RESULTS,
    Point,
    about,
    began,
    curves,
    ended,
    numbers,
    settings,
    tag_of,
    unmeasured,
)
from evidence.export.tree import Content
from evidence.records.run import ValueRecord
from evidence.text.markdown import code, inline

TEXTS: Final = "pack"
"""First part of the tags of texts, by which TensorBoard groups them."""
_VERSION: Final = "brain.Event:2"
"""What the first event of a file says, by tensorboard.summary.writer."""
_MAX: Final = 3.4028234663852886e38
"""The largest number of single precision (IEEE 754 binary32)."""


def files(account: Account) -> Mapping[str, Content]:
    """The events file. Raises UsageError where tensorboard is not installed."""
    writer = _Writer()
    start, end = began(account).timestamp(), ended(account).timestamp()
    writer.version(start)
    for curve in curves(account):
        told = f"{code(curve.name)}, {curve.level}, at {code(curve.address)}"
        for point in filter(_fits, curve.points):
            when = point.moment.timestamp()
            writer.scalar(f"{CURVES}/{tag_of(curve.name)}", point.value, when, point.step, told)
    for name, one in numbers(account).items():
        if isinstance(one.value, int | float) and abs(one.value) <= _MAX:
            writer.scalar(f"{RESULTS}/{tag_of(name)}", one.value, end, 0, _described(name, one))
    for name, text in _texts(account):
        writer.text(f"{TEXTS}/{name}", text, end)
    name = f"events.out.tfevents.{int(start)}.evidence-pack"
    return {f"{account.milestone}/{name}": writer.content()}


def _texts(account: Account) -> Iterator[tuple[str, str]]:
    """Markdown, as the tab of texts shows it."""
    yield "about", inline(about(account))
    rows = [
        (code(name), code(words_of(one)), one.level, code(one.address))
        for name, one in [*settings(account).items(), *_too_large(account)]
    ]
    if rows:
        yield "settings", _table(("name", "value", "level", "address"), rows)
    reasons = [(code(name), inline(reason)) for name, reason in unmeasured(account).items()]
    if reasons:
        yield "not measured", _table(("name", "why"), reasons)


def _too_large(account: Account) -> Iterator[tuple[str, ValueRecord]]:
    for name, one in numbers(account).items():
        if isinstance(one.value, int | float) and abs(one.value) > _MAX:
            yield name, one


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _described(name: str, one: ValueRecord) -> str:
    unit = f" {inline(one.unit)}" if one.unit else ""
    return f"{code(name)} = {code(words_of(one))}{unit}, {one.level}, at {code(one.address)}"


def _fits(point: Point) -> bool:
    return abs(point.value) <= _MAX


class _Writer:
    """Events as tensorboard writes them, in memory."""

    def __init__(self) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
            from tensorboard.plugins.scalar import metadata as of_scalar
            from tensorboard.plugins.text import metadata as of_text
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise UsageError(
                "events for TensorBoard are written by its own package, which is not installed",
                hint="pip install 'evidence-pack[trackers]'",
            ) from error
        self._event: Any = event_pb2.Event
        self._summary: Any = summary_pb2.Summary
        self._tensor: Any = tensor_pb2.TensorProto
        self._types: Any = types_pb2
        self._of_scalar: Any = of_scalar
        self._of_text: Any = of_text
        self._bytes = io.BytesIO()
        self._records: Any = RecordWriter(self._bytes)
        self._described: set[str] = set()

    def content(self) -> bytes:
        """The file."""
        return self._bytes.getvalue()

    def version(self, when: float) -> None:
        """What a file begins with."""
        self._write(self._event(wall_time=when, file_version=_VERSION))

    def scalar(self, tag: str, value: float, when: float, step: int, description: str) -> None:
        """A number in single precision."""
        tensor = self._tensor(dtype=self._types.DT_FLOAT, float_val=[value], tensor_shape={})
        told = self._of_scalar.create_summary_metadata("", description)
        self._value(tag, tensor, told, when, step)

    def text(self, tag: str, text: str, when: float) -> None:
        """A text, which TensorBoard reads as markdown."""
        data = [text.encode("utf-8")]
        tensor = self._tensor(dtype=self._types.DT_STRING, string_val=data, tensor_shape={})
        told = self._of_text.create_summary_metadata("", "")
        self._value(tag, tensor, told, when, 0)

    def _value(self, tag: str, tensor: Any, told: Any, when: float, step: int) -> None:
        # Only the first event of a tag says what it is; readers keep that of the first.
        first = {} if tag in self._described else {"metadata": told}
        self._described.add(tag)
        value = self._summary.Value(tag=tag, tensor=tensor, **first)
        self._write(self._event(wall_time=when, step=step, summary=self._summary(value=[value])))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString(deterministic=True))
