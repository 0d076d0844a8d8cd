"""On which lines of a sealed document the part stands that a JSON pointer names.

Responsible for lines that are exact, or for none: a document is written again from what was read,
and where its bytes are not the sealed ones, digest by digest, no line is said. Pure, as rendering
is: the same documents give the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.encoding.pointer import parts_of
from evidence.milestone.lines import lines_of_keys, skeleton
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.pack.stage_view import view_of
from evidence.stages.stage import stages_of

NO_LINES: Final = (0, 0)
MAX_BYTES: Final = 1 << 20
"""Of a document that is written again. Those of a run are far smaller, but for lists of rows."""


class Lines:
    """Lines of the documents of one pack. Each document is written again when it is first asked
    for, and at most once."""

    def __init__(self, documents: PackDocuments) -> None:
        self._digests = documents.digests
        self._sizes = documents.sizes
        self._records = dict(_records(documents)) if isinstance(documents, Documents) else {}
        self._milestone = documents.milestone_text if isinstance(documents, Documents) else ""
        self._written: dict[str, _Written | None] = {}
        self._keys: Mapping[str, int] | None = None

    def of(self, path: str, pointer: str) -> tuple[int, int]:
        """First and last, from 1; (0, 0) where they are not known for sure."""
        if not pointer:
            return NO_LINES
        if path == layout.MILESTONE:
            line = self._keys_of_the_milestone().get(pointer, 0)
            return line, line
        if path not in self._written:
            self._written[path] = self._write(path)
        written = self._written[path]
        return NO_LINES if written is None else written.lines(pointer)

    def _keys_of_the_milestone(self) -> Mapping[str, int]:
        if self._keys is None:
            text = self._milestone.replace("\r\n", "\n")
            self._keys = lines_of_keys(skeleton(text))
        return self._keys

    def _write(self, path: str) -> _Written | None:
        record = self._records.get(path)
        if record is None or self._sizes.get(path, MAX_BYTES + 1) > MAX_BYTES:
            return None
        value = encode(record)
        is_sealed = sha256_hex(jsonio.dump_document(value)) == self._digests.get(path)
        return _Written(value) if is_sealed else None


class _Written:
    """A canonical document: an element or a key a line, a bracket that closes on its own."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._num_lines: dict[int, int] = {}

    def lines(self, pointer: str) -> tuple[int, int]:
        """Where a value stands, with the key before it."""
        line, value = 1, self._value
        for key in parts_of(pointer):
            line += 1
            for name, item in _items(value):
                if name == key:
                    value = item
                    break
                line += self._count(item)
            else:
                return NO_LINES
        return line, line + self._count(value) - 1

    def _count(self, value: Any) -> int:
        if not isinstance(value, dict | list | tuple) or not value:
            return 1
        if id(value) not in self._num_lines:
            self._num_lines[id(value)] = 2 + sum(self._count(item) for _, item in _items(value))
        return self._num_lines[id(value)]


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Parts of an object or a list, in the order in which they are written."""
    if isinstance(value, dict):
        yield from sorted(value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(index), item) for index, item in enumerate(value))


def _records(documents: Documents) -> Iterator[tuple[str, Any]]:
    """The documents whose fields values are addressed by, each as it was read."""
    yield layout.ENVIRONMENT, documents.environment
    yield layout.HARDWARE, documents.hardware
    yield layout.GIT, documents.git
    yield layout.PACKAGES, documents.packages
    yield layout.FROZEN, documents.frozen
    yield layout.INPUTS, documents.inputs
    yield layout.RESULTS, documents.results
    yield from (
        (path, one) for path, one in documents.of_stages.items() if not isinstance(one, tuple)
    )
    for stage in stages_of(documents.milestone):
        if stage.is_named and stage.path(layout.INPUTS) in documents.digests:
            yield stage.path(layout.INPUTS), view_of(documents, stage).inputs
