"""The rendered set, made again from the evidence and compared byte for byte.

Responsible for rendered.json, the files it lists, and what was attached. Writes nothing; making
a summary anew is `evidence render`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from evidence import layout
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex, with_lf
from evidence.errors import MalformedError
from evidence.pack.imported import PackDocuments
from evidence.records.run import RenderedEntry, RenderedRecord
from evidence.render.render import render_pack, rendered_list
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.reading.digests import read_file
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import Tree
from evidence.verification.reading.sums import LINE_ENDS_HINT

LISTED: Final = Rule("rendered-list", "rendered.json lists the rendered set of this very evidence")
BYTES: Final = Rule("rendered-bytes", "the summary is what rendering the evidence gives")
RULES: Final = (LISTED, BYTES)

_RENDER_HINT: Final = "`evidence render` makes it anew"
_BROKEN_OFF: Final = "attaching-broken-off"
_FINISH_HINT: Final = "`evidence render` makes the summary whole with what is there"


class RenderedSet(Struct):
    """What of the rendered set is in the directory."""

    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    attaching: tuple[RenderedEntry, ...] = ()
    """What rendered.json says was being attached."""
    with_report: bool = False
    """It has a report, or its list names one. A pack of before there were reports has none."""

    @property
    def attached_before(self) -> dict[str, bytes]:
        """What was attached before that."""
        names = {entry.path for entry in self.attaching}
        return {path: data for path, data in self.attached.items() if path not in names}

    @property
    def attached(self) -> dict[str, bytes]:
        """What was attached after sealing."""
        return {p: data for p, data in self.files.items() if p.startswith(f"{layout.ATTACHED}/")}


def check_rendered(
    root: SafeDirectory,
    tree: Tree,
    documents: PackDocuments | None,
    root_sha256: str,
    ledger: Ledger,
) -> Mapping[str, bytes]:
    """Read the rendered set and compare it with its list and with what rendering gives.

    Returns the bytes that were read, by path.
    """
    rendered = _read(root, tree)
    ledger.run_check(LISTED, _list_problems(rendered, documents, root_sha256))
    if documents is None:
        ledger.skip(BYTES, "the evidence could not be read")
    else:
        ledger.run_check(BYTES, _byte_problems(rendered, documents, root_sha256))
    return rendered.files


def _read(root: SafeDirectory, tree: Tree) -> RenderedSet:
    rendered = RenderedSet()
    for path in sorted(tree.files):
        if not layout.is_rendered(path) or path == layout.RENDERED_SIGNATURE:
            continue
        try:
            reading = read_file(root, path, tree.files[path], into_memory=True)
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            rendered.problems.append(Problem(path, text, code="cannot-read"))
            continue
        if reading.changed:
            text = "changed while it was read"
            rendered.problems.append(Problem(path, text, code="changed-while-reading"))
        rendered.files[path] = reading.content or b""
    record = _record(rendered.files.get(layout.RENDERED, b""))
    rendered.attaching = () if record is None else record.attaching
    names = () if record is None else record.files
    is_listed = any(entry.path == layout.REPORT for entry in names)
    rendered.with_report = is_listed or layout.REPORT in rendered.files
    return rendered


def _record(data: bytes) -> RenderedRecord | None:
    try:
        return decode(RenderedRecord, jsonio.load_document(data))
    except MalformedError:  # said where the list is checked
        return None


def _list_problems(
    rendered: RenderedSet, documents: PackDocuments | None, root_sha256: str
) -> Iterator[Problem]:
    yield from rendered.problems
    data = rendered.files.get(layout.RENDERED)
    if data is None:
        text = f"is not there: no list of the rendered set; {_RENDER_HINT}"
        yield Problem(layout.RENDERED, text, code="missing")
        return
    try:
        value: Any = jsonio.load_document(data)
        record = decode(RenderedRecord, value)
    except MalformedError as error:
        yield Problem(layout.RENDERED, error.message, code="malformed")
        return
    if jsonio.dump_document(value) != data:
        text = LINE_ENDS_HINT if b"\r\n" in data else "is not in canonical form"
        code = "line-ends" if b"\r\n" in data else "not-canonical"
        yield Problem(layout.RENDERED, text, code=code)
    for problem in schema.validate("rendered.v1", value):
        yield Problem(f"{layout.RENDERED}#{problem.pointer}", problem.message, code="schema")
    if root_sha256 and record.root_sha256 != root_sha256:
        text = f"was rendered from another sealed set; {_RENDER_HINT}"
        place = f"{layout.RENDERED}#/root_sha256"
        yield Problem(place, text, root_sha256, record.root_sha256, code="other-root")
    manifest = None if documents is None else documents.manifest
    if manifest is not None and manifest.template != record.template:
        text = "another template than the manifest names"
        place = f"{layout.RENDERED}#/template"
        yield Problem(place, text, manifest.template, record.template)
    yield from _entries(rendered, record, _after(rendered, documents, root_sha256))
    yield from _being_attached(rendered, record)
    if not root_sha256:
        raise CannotCheckError("there is no list of sealed files that it could be rendered from")


def _after(
    rendered: RenderedSet, documents: PackDocuments | None, root_sha256: str
) -> Mapping[str, bytes]:
    """What may be there besides what is listed: rendered with what was being attached."""
    if not rendered.attaching or documents is None or documents.results is None:
        return {}
    return _made(documents, root_sha256, rendered, rendered.attached)


def _made(
    documents: PackDocuments,
    root_sha256: str,
    rendered: RenderedSet,
    attached: Mapping[str, bytes],
) -> dict[str, bytes]:
    return render_pack(documents, root_sha256, attached, with_report=rendered.with_report)


def _being_attached(rendered: RenderedSet, record: RenderedRecord) -> Iterator[Problem]:
    """A command was ended in the midst of attaching. Nothing is wrong, and something is left."""
    before = {entry.path for entry in record.files}
    for index, entry in enumerate(record.attaching):
        data = rendered.files.get(entry.path)
        is_name = entry.path.startswith(f"{layout.ATTACHED}/") and layout.is_rendered(entry.path)
        if not is_name or entry.path in before:
            place = f"{layout.RENDERED}#/attaching/{index}/path"
            yield Problem(place, "names a file that cannot be attached", actual=entry.path)
        elif data is None:
            text = f"was being attached when that was ended, and is not there. {_FINISH_HINT}"
            yield Problem(entry.path, text, severity="warning", code=_BROKEN_OFF)
        elif sha256_hex(data) != entry.sha256 or len(data) != entry.size_bytes:
            text = "its bytes are not those that were being attached"
            found = sha256_hex(data)
            yield Problem(entry.path, text, entry.sha256, found, code="digest-mismatch")
        else:
            text = f"is attached, and the summary may not show it yet. {_FINISH_HINT}"
            yield Problem(entry.path, text, severity="warning", code=_BROKEN_OFF)


def _entries(
    rendered: RenderedSet, record: RenderedRecord, after: Mapping[str, bytes]
) -> Iterator[Problem]:
    listed = [entry.path for entry in record.files]
    if listed != sorted(set(listed)):
        yield Problem(f"{layout.RENDERED}#/files", "is not sorted, each file once")
    for index, entry in enumerate(record.files):
        place = f"{layout.RENDERED}#/files/{index}"
        data = rendered.files.get(entry.path)
        if not layout.is_rendered(entry.path):
            text = "names a file that cannot be in a rendered set"
            yield Problem(f"{place}/path", text, actual=entry.path)
        elif data is None:
            text = f"is listed in rendered.json but not there; {_RENDER_HINT}"
            yield Problem(entry.path, text, code="missing")
        elif data == after.get(entry.path):
            continue
        elif sha256_hex(data) != entry.sha256 or len(data) != entry.size_bytes:
            same = sha256_hex(with_lf(data)) == entry.sha256
            text = LINE_ENDS_HINT if same else "its bytes are not those that rendered.json lists"
            code = "line-ends" if same else "digest-mismatch"
            yield Problem(entry.path, text, entry.sha256, sha256_hex(data), code=code)
    listed += [entry.path for entry in record.attaching]
    for path in sorted(rendered.files.keys() - set(listed) - {layout.RENDERED}):
        text = f"is in no list: neither evidence nor rendered from it; {_RENDER_HINT}"
        yield Problem(path, text, code="unlisted-file")


def _byte_problems(
    rendered: RenderedSet, documents: PackDocuments, root_sha256: str
) -> Iterator[Problem]:
    if documents.results is None:
        raise CannotCheckError(f"{layout.RESULTS} is not there")
    expected = _made(documents, root_sha256, rendered, rendered.attached)
    before = expected
    if rendered.attaching:
        before = _made(documents, root_sha256, rendered, rendered.attached_before)
    problems = list(_compared(rendered, expected, before))
    if not problems and layout.RENDERED in rendered.files:
        # Only then: a file that differs makes its list differ, and is said already.
        files = {**before, **rendered.attached_before}
        record = rendered_list(documents, root_sha256, files, rendered.attaching)
        problems += _compared(rendered, {layout.RENDERED: record})
    yield from problems
    extra = rendered.files.keys() - expected.keys() - rendered.attached.keys() - {layout.RENDERED}
    for path in sorted(extra):
        text = f"is not among what rendering this evidence gives; {_RENDER_HINT}"
        yield Problem(path, text, code="unlisted-file")


def _compared(
    rendered: RenderedSet, expected: Mapping[str, bytes], before: Mapping[str, bytes] | None = None
) -> Iterator[Problem]:
    for path, data in sorted(expected.items()):
        found = rendered.files.get(path)
        if found is None:
            yield Problem(path, f"is not there; {_RENDER_HINT}", code="missing")
        elif before is not None and found == before.get(path):
            continue
        elif found != data and with_lf(found) != data:
            yield _first_difference(path, data, found)


def _first_difference(path: str, expected: bytes, found: bytes) -> Problem:
    wanted, stated = expected.split(b"\n"), found.split(b"\n")
    line = next(
        (i for i, (a, b) in enumerate(zip(wanted, stated, strict=False)) if a != b),
        min(len(wanted), len(stated)),
    )
    return Problem(
        f"{path}#L{min(line + 1, len(stated))}",  # the last one where a line is lacking
        f"is not what rendering the evidence gives; {_RENDER_HINT}",
        _line(wanted, line),
        _line(stated, line),
        code="rendered-differs",
    )


def _line(lines: list[bytes], index: int) -> str:
    return lines[index].decode("utf-8", "replace") if index < len(lines) else "(no such line)"
