"""Values of results.json as templates and narratives see them.

Responsible for one promise: a number reaches a summary only by its name, formatted, and a value
that was not measured shows its reason. An author's text takes values as markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.records.run import LEVELS, ValueRecord
from evidence.records.training import OPTIONS
from evidence.text import formatting, markdown, marked, written

_BY_NAME: Final = {
    "train.learning_rate": "shortest",
    "hardware.memory_bytes": "memory",
    "train.padding_share": "share",
    **{f"train.{name}": "shortest" for name in OPTIONS},
    "train.lora.alpha": "shortest",
    "train.lora.dropout": "shortest",
    "train.lora.trainable_share": "share",
}


def shown(record: ValueRecord, name: str, form: str = "") -> str:
    """A value by the named format, else by its name or unit."""
    value = record.value
    if value is None:
        return f"not measured ({marked.inline(record.unavailable or 'no reason recorded')})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return marked.code(value) if form == "code" else marked.inline(value)
    chosen = form or _BY_NAME.get(name) or _by_suffix(name) or formatting.BY_UNIT.get(record.unit)
    if name.endswith("seed"):
        return str(value)
    return formatting.FORMATS[chosen or "number"](value)


def _by_suffix(name: str) -> str | None:
    if name.startswith("hardware.gpu.") and name.endswith(".memory_bytes"):
        return "memory"
    if name.endswith(".rate"):
        return "share"
    return "percent" if name.endswith((".low", ".high")) else None


class Sheet(Record, dict=True):
    """All values of one pack."""

    values: Mapping[str, ValueRecord]
    stage: str = ""
    """Name of the stage whose values these are; those of the run are among them."""

    @cached_property
    def names(self) -> Mapping[str, Node]:
        """Where the values' dotted names begin, for the author's `{{ train.loss_end }}`."""
        firsts = {name.partition(".")[0] for name in self.values}
        return {first: Node(first, self.values) for first in firsts}

    def v(self, name: str, form: str = "") -> str:
        """One value. Raises KeyError for a name that no rule computes."""
        return marked.value(self._full(name), shown(self.values[name], name, form))

    def _full(self, name: str) -> str:
        return f"{self.stage}.{name}" if self.stage else name

    def has(self, name: str) -> bool:
        """Whether a value was measured."""
        record = self.values.get(name)
        return record is not None and record.value is not None

    def raw(self, name: str) -> float | int | str | bool | None:
        """The value itself; None where it was not measured."""
        record = self.values.get(name)
        return None if record is None else record.value

    def number(self, name: str) -> float:
        """A measured number, 0 where there is none: for conditions, never for showing."""
        value = self.raw(name)
        return value if isinstance(value, (int, float)) else 0

    def level(self, *groups: str) -> str:
        """How the measured values of these groups are known: one line of a section.

        A group is the beginning of dotted names, or a whole name. What the author set is named
        apart from what was measured. Empty where nothing of it was measured.
        """
        below = tuple(f"{group}." for group in groups)
        found = {
            record.level
            for name, record in self.values.items()
            if record.value is not None and (name in groups or name.startswith(below))
        }
        parts = [", ".join(level for level in LEVELS if level in found - {"declared"})]
        parts += ["what the milestone sets: declared"] if "declared" in found else []
        words = "; ".join(filter(None, parts))
        return f"*Level of evidence: {words}.*" if words else ""

    def n(self, name: str, one: str, many: str = "") -> str:
        """A count with its noun: `138 steps`."""
        value = self.raw(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return marked.value(self._full(name), formatting.plural(value, one, many))
        return self.v(name)


class Node(Record):
    """One dotted name in a narrative: prints its value, and has the names below it.

    Its own attributes are private, so that every public name in a narrative is a name of a value.
    """

    _name: str
    _values: Mapping[str, ValueRecord]

    @property
    def _record(self) -> ValueRecord | None:
        return self._values.get(self._name)

    def __getitem__(self, part: object) -> Node:
        # A name that nothing computes prints so: a long run must not fail at its last line.
        return Node(f"{self._name}.{part}", self._values)

    def __str__(self) -> str:
        return formatted(self, "")

    def __bool__(self) -> bool:
        return self._record is not None and bool(self._record.value)


def number_of(node: object) -> float | None:
    """The number that a name stands for; None where it stands for none."""
    record = node._record if isinstance(node, Node) else None
    value = None if record is None else record.value
    return None if isinstance(value, (bool, str)) else value


def formatted(node: Node, form: str) -> str:
    """Markdown of a name's value in a named format. Raises MalformedError for an unknown one."""
    if form and form not in formatting.FORMATS:
        known = ", ".join(formatting.FORMATS)
        raise MalformedError(f"template error: no format {form!r}; there are: {known}")
    if node._record is None:
        return f"not measured (there is no value {markdown.code(node._name)})"
    return written.as_markdown(shown(node._record, node._name, form))
