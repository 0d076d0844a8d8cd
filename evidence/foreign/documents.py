"""Whole documents: JSON that is known by its shape, and any other JSON, YAML or TOML by its leaves.

Responsible for trainer_state.json, the flat results of Trainer, results of lm-eval, W&B's summary
and configuration; logs of Inspect are `inspect_log`'s. Addresses are JSON pointers, whatever the
language of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence.encoding.pointer import escaped
from evidence.errors import MalformedError
from evidence.foreign import inspect_log, numbers
from evidence.foreign.facts import MAX_TEXT_CHARS, Fact, Place
from evidence.foreign.tables import MAX_DEPTH, fact, step_of, whole
from evidence.records.record import Number

MAX_NODES: Final = 2_000_000
"""Of one document that are gone through: a YAML alias stands for all that it names."""


def format_of(value: Any) -> str:
    """What a document is, by its shape."""
    if isinstance(value, dict):
        if isinstance(value.get("log_history"), list):
            return "trainer-state"
        if inspect_log.is_log(value):
            return inspect_log.INSPECT
        if isinstance(value.get("results"), dict) and ("config" in value or "versions" in value):
            return "lm-eval-results"
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and "total_size" in metadata and "weight_map" in value:
            return "safetensors-index"
        if "architectures" in value or "model_type" in value:
            return "model-config"
    return "document"


def facts(value: Any, file: str, kind: str, *, is_text: bool = False) -> Iterator[Fact]:
    """The leaves, each under the last name of its pointer, rows and scopes by the kind.

    `is_text` where every leaf is the text of a scalar, as YAML is read.
    """
    walk = _Walk(file, is_text=is_text)
    if kind == "trainer-state":
        yield from _trainer_state(value, walk)
    elif kind == inspect_log.INSPECT:
        yield from inspect_log.log_facts(value, walk)
    elif kind == "lm-eval-results":
        yield from _lm_eval(value, walk)
    else:
        yield from walk.leaves(value)


class _Walk:
    """Goes through a value, to the depth and the number of nodes that are allowed."""

    def __init__(self, file: str, *, is_text: bool) -> None:
        self._file, self._is_text = file, is_text
        self._left = MAX_NODES
        self._row = 0

    def new_row(self) -> int:
        """The number of one more row."""
        self._row += 1
        return self._row - 1

    def place(self, pointer: str) -> Place:
        """Where a pointer points to."""
        return Place(self._file, None, whole(pointer))

    def leaves(
        self,
        value: Any,
        parts: tuple[str, ...] = (),
        row: int | None = None,
        step: Number | None = None,
    ) -> Iterator[Fact]:
        """Facts of all leaves below."""
        self._left -= 1
        if self._left < 0:
            raise MalformedError(f"has more than {MAX_NODES} values: the others are not read")
        if len(parts) > MAX_DEPTH or parts[:1] == ("weight_map",):
            return
        if isinstance(value, dict):
            columns = _columns(value) if row is None else {}
            for key, item in value.items():
                if key not in columns:
                    yield from self.leaves(item, (*parts, str(key)), row, step)
            if columns:
                yield from self._by_columns(columns, parts)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                is_row = row is None and isinstance(item, dict)
                number, own = (self.new_row(), step_of(item)) if is_row else (row, step)
                yield from self.leaves(item, (*parts, str(position)), number, own)
        elif parts:
            yield self._leaf(value, parts, row, step)

    def _leaf(
        self, value: Any, parts: tuple[str, ...], row: int | None, step: Number | None
    ) -> Fact:
        names = [one for one in parts if not one.isdigit()] or [parts[-1]]
        is_wrapped = names[-1] == "value" and len(names) == 2  # W&B's config.yaml
        name = names[0] if is_wrapped else names[-1]
        scope = () if is_wrapped else tuple(names[:-1])
        pointer = "".join(f"/{escaped(one)}" for one in parts)
        if self._is_text and isinstance(value, str):
            said = value[:MAX_TEXT_CHARS]
            return Fact(name, numbers.read(said), said, self.place(pointer), row, step, scope)
        return fact(name, value, self.place(pointer), row, step, scope)

    def _by_columns(self, columns: dict[str, list[Any]], parts: tuple[str, ...]) -> Iterator[Fact]:
        """Lists of one length beside each other, as Keras keeps its history: a row a position."""
        at = "".join(f"/{escaped(one)}" for one in parts)
        for position in range(len(next(iter(columns.values())))):
            row = self.new_row()
            for name, values in columns.items():
                place = self.place(f"{at}/{escaped(name)}/{position}")
                yield fact(name, values[position], place, row, None, parts)


def _columns(value: dict[Any, Any]) -> dict[str, list[Any]]:
    lists = {
        str(key): item
        for key, item in value.items()
        if isinstance(item, list) and item and all(map(_is_number, item))
    }
    lengths = {len(item) for item in lists.values()}
    known = any("loss" in name or "acc" in name for name in lists)
    return lists if len(lengths) == 1 and known and max(lengths) > 1 else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _trainer_state(value: Any, walk: _Walk) -> Iterator[Fact]:
    for position, entry in enumerate(value["log_history"]):
        if not isinstance(entry, dict):
            continue
        step = step_of(entry)
        row = walk.new_row()
        for name, leaf in entry.items():
            if not isinstance(leaf, (dict, list)):
                place = walk.place(f"/log_history/{position}/{escaped(name)}")
                yield fact(str(name), leaf, place, row, step)
    rest = {name: item for name, item in value.items() if name != "log_history"}
    yield from walk.leaves(rest)


def _lm_eval(value: Any, walk: _Walk) -> Iterator[Fact]:
    """A metric is named `metric,filter`; two filters are two truths."""
    for task, metrics in value["results"].items():
        for key, leaf in metrics.items() if isinstance(metrics, dict) else ():
            name, _, filtered = str(key).partition(",")
            place = walk.place(f"/results/{escaped(task)}/{escaped(key)}")
            scope = (str(task), filtered) if filtered else (str(task),)
            if not isinstance(leaf, (dict, list)):
                yield fact(name, leaf, place, scope=scope)
    yield from walk.leaves({k: v for k, v in value.items() if k != "results"})
