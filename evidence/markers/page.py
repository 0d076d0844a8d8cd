"""Pages on disk: their markers held against the evidence, and filled from it.

Responsible for reading a page and for writing it, atomically, with nothing changed but what stands
between markers. A page in which anything cannot be filled is not written at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.errors import ExitCode, PageRefusedError, UsageError, gravest
from evidence.markers.comment import Kind
from evidence.markers.marker import Marker, Markers, markers_in, with_contents
from evidence.markers.shown import Outcome, Packs, Shown
from evidence.pack.around import pack_around
from evidence.records.record import Record
from evidence.system import posix
from evidence.system.durable import PARTIAL, Staging, remove, write_file
from evidence.system.entries import read_given, type_of
from evidence.text.escape import one_line, visible

KINDS: Final[dict[str, Kind]] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".qmd": "markdown",
    ".rmd": "markdown",
    ".htm": "html",
    ".html": "html",
}
MAX_PAGE_BYTES: Final = 2 * limits.MIB
_MAX_SHOWN_CHARS: Final = 300


class MarkerRecord(Record):
    """One marker of a page, as it came out. Lines and columns count from 1."""

    document: str
    line: int
    column: int
    pack: str
    value: str
    outcome: Outcome
    content: str
    """What stands there."""
    expected: str | None
    """What the evidence says; None where it says nothing."""
    address: str
    message: str


class Page(Record):
    """A page with its markers, held against their packs."""

    path: Path
    data: bytes
    filled: bytes
    """As it would be; `data` where a marker cannot be filled."""
    markers: tuple[MarkerRecord, ...]
    num_in_code: int
    exit_code: ExitCode
    """What keeps it from being filled; DONE where nothing does."""
    told: tuple[str, ...] = ()
    """What a reader has to know of its packs, and does not see in their numbers."""

    @property
    def wrong(self) -> tuple[MarkerRecord, ...]:
        """Markers that do not show what the evidence says."""
        return tuple(one for one in self.markers if one.outcome != "same")


def is_page(path: Path) -> bool:
    """Whether a path is named as what may have markers, and so no pack, which is a folder."""
    return path.suffix.lower() in KINDS and not path.is_dir()


def kind_of(path: Path) -> Kind:
    """What its name says that a page is. Raises UsageError for a file that is none."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(KINDS)
        raise UsageError(f"{path} is no page that can have markers; there are: {known}")
    return kind


def read_page(path: Path) -> Page:
    """Hold the markers of a page against the packs that they name. Writes nothing.

    Raises UsageError for a file that is no page, or lies in a pack.
    """
    kind = kind_of(path)
    real = path.resolve()
    if pack_around(real) is not None:
        raise UsageError(
            f"{path} lies in a pack, and what is in a pack is not filled",
            hint=f"`evidence render {path.parent}` writes the summary of a pack.",
        )
    data = read_given(path, MAX_PAGE_BYTES)
    # Whatever is no UTF-8 stays as it is, byte for byte.
    text = data.decode("utf-8", "surrogateescape")
    markers = markers_in(text, kind)
    packs = Packs(real.parent)
    shown = [packs.shown(one) for one in markers.found]
    codes = [ExitCode.USAGE] * len(markers.bad)
    codes += [ExitCode(one.exit_code) for one in shown if one.exit_code]
    filled = data
    if not codes:
        contents = [one.text for one in shown]
        whole = with_contents(text, markers.found, contents)
        filled = whole.encode("utf-8", "surrogateescape")
    return Page(
        path=real,
        data=data,
        filled=filled,
        markers=tuple(sorted(_records(visible(path.as_posix()), markers, shown), key=_place)),
        num_in_code=markers.num_in_code,
        exit_code=_gravest(codes),
        told=packs.told(),
    )


def markers_of(
    paths: Sequence[Path],
) -> tuple[tuple[MarkerRecord, ...], tuple[str, ...]]:
    """The markers of those of these documents that may have any, and what was not looked at.

    Raises UsageError for a page that cannot be read.
    """
    pages = [read_page(path) for path in paths if may_have_markers(path)]
    notes: list[str] = []
    for path, page in zip(filter(may_have_markers, paths), pages, strict=True):
        name = visible(path.as_posix())
        if page.num_in_code:
            notes.append(f"{name}: markers in code are left alone: {page.num_in_code}")
        notes += [f"{name}: {one}" for one in page.told]
    return tuple(one for page in pages for one in page.markers), tuple(notes)


def may_have_markers(path: Path) -> bool:
    """Whether a document is a page, and none that a pack has of its own."""
    return path.suffix.lower() in KINDS and pack_around(path) is None


def fill(page: Page) -> bool:
    """Write a page where it is not what it should be; whether it was not.

    Raises PageRefusedError, with every marker that cannot be filled, before anything is written.
    """
    if page.exit_code is not ExitCode.DONE:
        lines = [
            f"{one.document}:{one.line}:{one.column}: {one.message}"
            for one in page.wrong
            if one.outcome != "differs"
        ]
        hint = "Nothing of this page was written."
        raise PageRefusedError("\n".join(lines), hint=hint, exit_code=page.exit_code)
    staging = Staging(page.path.parent, page.path.name)
    changes = page.filled != page.data
    if changes or _left(staging):
        with _held(page.path.parent):
            for path in _left(staging):
                remove(path)
            if changes:
                write_file(page.path, page.filled, staging=staging, keep_mode=True)
    return changes


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Nobody else fills a page of this folder meanwhile: what is not whole was left by the dead."""
    try:
        with posix.folder_held(folder):
            yield
    except FileNotFoundError as error:
        raise UsageError(f"the folder {folder} is gone; nothing was written") from error


def _left(staging: Staging) -> list[Path]:
    """What a render that was killed left of this page; nothing that another name or kind tells to
    be somebody else's."""
    beginning = f".{staging.owner}~{staging.owner}."
    return [
        one
        for one in staging.left()
        if one.name.startswith(beginning)
        and one.name[len(beginning) : -len(PARTIAL)].isdecimal()
        and type_of(one) == "file"
    ]


def _records(name: str, markers: Markers, shown: Sequence[Shown]) -> Iterator[MarkerRecord]:
    for bad in markers.bad:
        message = f"this marker {bad.message}"
        yield MarkerRecord(name, bad.line, bad.column, "", "", "malformed", "", None, "", message)
    for marker, one in zip(markers.found, shown, strict=True):
        yield _record(name, marker, one)


def _record(name: str, marker: Marker, shown: Shown) -> MarkerRecord:
    outcome, message = shown.outcome, shown.message
    if outcome == "same" and marker.content != shown.text:
        outcome = "differs"
        there = f"{_cut(marker.content)!r}" if marker.content else "nothing"
        message = f"the page has {there}, and {marker.value} of {marker.pack} is {_cut(shown.text)}"
    return MarkerRecord(
        document=name,
        line=marker.line,
        column=marker.column,
        pack=_cut(marker.pack),
        value=_cut(marker.value),
        outcome=outcome,
        content=_cut(marker.content),
        expected=_cut(shown.text) if shown.outcome == "same" else None,
        address=_cut(shown.address),
        message=one_line(message, 2 * _MAX_SHOWN_CHARS),
    )


def _cut(text: str) -> str:
    return one_line(text, _MAX_SHOWN_CHARS)


def _place(record: MarkerRecord) -> tuple[int, int]:
    return record.line, record.column


def _gravest(codes: Sequence[ExitCode]) -> ExitCode:
    """A pack that is not what it says is graver than a page that cannot be read."""
    return gravest(codes) or (ExitCode.USAGE if codes else ExitCode.DONE)
