"""What a marker must show: the value that it names, of a pack that verify finds no error in.

Responsible for opening each pack once, and for text that stays text wherever it stands: nothing of
a pack ends a comment, opens a tag or is markdown. Digits are `formatting`'s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import EvidenceError, ExitCode, MalformedError, UsageError
from evidence.explain.explain import explain_in, value_in
from evidence.markers.fitting import refuse_misfit
from evidence.markers.marker import Marker
from evidence.records.record import Record
from evidence.render import values
from evidence.text import formatting
from evidence.text.escape import one_line, visible
from evidence.verification.verification import CheckedPack, open_checked

MAX_TEXT_CHARS: Final = 300
"""Of a text or a reason: the rest is cut off, and a sign says so."""
NOT_MEASURED: Final = "not measured"
_ACTIVE: Final = re.compile(r"[\\`*_\[\]<>|~$&@!#\"']|:(?=//)|(?<=[wW]{3})\.")
_MAIL: Final = "&#64;"
Outcome: TypeAlias = Literal["same", "differs", "no-value", "no-pack", "malformed"]


class Shown(Record):
    """What belongs between the comments of a marker; where nothing does, why."""

    outcome: Outcome
    text: str = ""
    address: str = ""
    """Where the value stands in the pack."""
    message: str = ""
    exit_code: int = 0
    """What the pack came to, where it cannot be quoted."""


class Packs:
    """The packs that the markers of one page name, each verified once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[str, CheckedPack | Shown] = {}

    def shown(self, marker: Marker) -> Shown:
        """What a marker must show. Never raises for what is in a pack."""
        if marker.pack not in self._opened:
            self._opened[marker.pack] = self._open(marker.pack)
        opened = self._opened[marker.pack]
        if isinstance(opened, Shown):
            return opened
        try:
            return _of_address(opened, marker) if "#" in marker.value else _of_name(opened, marker)
        except EvidenceError as error:
            message = f"{error.message}. {error.hint}" if error.hint else error.message
            return Shown("no-value", message=visible(message), exit_code=int(ExitCode.USAGE))

    def told(self) -> tuple[str, ...]:
        """What the numbers of these packs do not say by themselves, of each that has it."""
        return tuple(
            f"{visible(name)} {what}: a marker does not say so, the page has to"
            for name, one in self._opened.items()
            if isinstance(one, CheckedPack)
            for what in _unlike(one)
        )

    def _open(self, name: str) -> CheckedPack | Shown:
        try:
            return open_checked(_from_here(self._folder / name))
        except EvidenceError as error:
            code, message = error.exit_code, error.message
            hint = f". {error.hint}" if error.hint else ""
        except (OSError, ValueError) as error:
            code, message, hint = ExitCode.USAGE, f"{name} cannot be opened: {error}", ""
        if code == ExitCode.USAGE:
            message += f" (a pack is named from the folder of the page){hint}"
        return Shown("no-pack", message=visible(message), exit_code=int(code))


def _unlike(pack: CheckedPack) -> Iterator[str]:
    manifest = pack.documents.manifest
    if manifest is None:
        return
    if manifest.origin == "imported":
        yield "was imported, and nothing of its run was observed"
    if manifest.stand_in:
        yield "was made on a stand-in model"
    if manifest.status != "complete":
        yield f"is of a run that did not complete ({manifest.status})"


def _from_here(path: Path) -> Path:
    """The shorter way to say it, where there is one."""
    try:
        return Path(os.path.relpath(path))
    except ValueError:  # another drive
        return path


def _of_name(pack: CheckedPack, marker: Marker) -> Shown:
    record = value_in(pack, marker.value)
    if record.value is None:
        reason = inert(record.unavailable or "no reason recorded")
        return Shown("same", f"{NOT_MEASURED} ({reason})", record.address)
    if isinstance(record.value, (bool, str)) or marker.decimals is not None:
        return Shown("same", _text(record.value, marker), record.address)
    refuse_misfit(record.value, marker.form, marker.value, record.unit)
    return Shown("same", values.shown(record, marker.value, marker.form), record.address)


def _of_address(pack: CheckedPack, marker: Marker) -> Shown:
    """What stands at an address, as it is written there unless the marker says how."""
    found = explain_in(pack, marker.value)
    if len(found.places) != 1 or found.num_more:
        raise UsageError(f"{one_line(marker.value, 100)} names more than one place")
    written = found.places[0].shown
    try:
        value = jsonio.load_document(written.encode("utf-8"))
    except MalformedError:  # a file that was imported is shown as it was found
        value = written
    if isinstance(value, (dict, list)) or value is None or value == "":
        raise UsageError(f"there is no number or text at {one_line(marker.value, 100)}")
    is_plain = isinstance(value, (bool, str)) or marker.form or marker.decimals is not None
    return Shown("same", _text(value, marker) if is_plain else written, marker.value)


def _text(value: Any, marker: Marker) -> str:
    if isinstance(value, (bool, str)):
        if marker.form or marker.decimals is not None:
            raise UsageError(f"{one_line(marker.value, 100)} in {layout.RESULTS} is no number")
        return inert(value) if isinstance(value, str) else ("yes" if value else "no")
    if marker.decimals is not None:
        return formatting.fixed(value, marker.decimals)
    refuse_misfit(value, marker.form, marker.value, None)
    return formatting.FORMATS[marker.form](value)


def inert(text: str) -> str:
    """Text for any place of a page, in markdown and in HTML: shown as it is, and nothing else."""
    flat = " ".join(one_line(text.replace("\n", " "), MAX_TEXT_CHARS).split())
    shown = _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", flat)
    # An address of mail is made of what is shown, entity or not: an empty comment parts it.
    return shown.replace(_MAIL, f"{_MAIL}<!-- -->")
