"""Lines of a foreign text, without what only a terminal sees, and within limits of memory.

Responsible for numbers of lines, for redrawn lines, and for going on at the end of a text that is
longer than what is read of it. What a line says is its reader's.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TextIO

from evidence.records.record import Record

CHUNK_CHARS: Final = 1 << 18
MAX_LINE_CHARS: Final = 1 << 20
"""Of a longer line its start is read."""
MAX_LINES: Final = 2_000_000
"""That are read from the beginning on."""
MAX_LAST_LINES: Final = 40_000
"""That are read at the end of a text of which the middle is left out."""
MAX_LAST_CHARS: Final = 24 << 20
MAX_TELLING_LINES: Final = 20_000
"""In the middle, that name an evaluation."""
MAX_DRAWINGS: Final = 5_000
"""Of progress bars, that show values."""
MAX_TOLD_CHARS: Final = 400
_SEQUENCE: Final = re.compile(
    "\x1b(?:\\[[0-?]{0,40}[ -/]{0,8}[@-~]|\\][^\x07\x1b]{0,400}(?:\x07|\x1b\\\\)|[@-Z\\\\-_])"
)
"""Of a terminal: colours, cursor movements, titles."""
_TELLING: Final = re.compile(r"[Ee]val|[Vv]al|[Tt]est|[Bb]est|[Ff]inal")
_VALUE: Final = re.compile(r"[A-Za-z][=:]\s?-?[.\d]")


class Line(Record, gc=False):
    """A line of a text, or one of several that a carriage return drew in its place."""

    number: int
    """From 1, counted by line ends."""
    text: str
    is_cut: bool = False


def lines(text: TextIO) -> Iterator[Line]:
    """Each line; a redrawn one is one for each time it was drawn. Closes the text."""
    with text:
        yield from _lines(text)


def _lines(text: TextIO) -> Iterator[Line]:
    number, rest, is_cut = 1, "", False
    while chunk := text.read(CHUNK_CHARS):
        pieces = chunk.split("\n")
        is_plain = not ("\r" in chunk or "\x1b" in chunk or "\0" in chunk)
        if is_plain and not rest and not is_cut:
            rest = pieces.pop()
            for piece in pieces:
                yield Line(number, piece)
                number += 1
        else:
            for piece in pieces[:-1]:
                if not is_cut:
                    rest += piece
                yield from _drawn(number, rest, is_cut)
                number, rest, is_cut = number + 1, "", False
            rest += "" if is_cut else pieces[-1]
        if len(rest) > MAX_LINE_CHARS:
            drawn = rest.rfind("\r", 0, -1)  # a last one may belong to a line end
            if drawn >= 0:
                yield from _drawn(number, rest[:drawn], is_cut)
                rest, is_cut = rest[drawn + 1 :], False
            if len(rest) > MAX_LINE_CHARS:
                rest, is_cut = rest[:MAX_LINE_CHARS], True
    if rest:
        yield from _drawn(number, rest, is_cut)


def _drawn(number: int, text: str, is_cut: bool) -> Iterator[Line]:
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    text = text.rstrip("\r").replace("\0", "")
    for piece in text.split("\r") if "\r" in text else (text,):
        long = len(piece) > MAX_LINE_CHARS
        yield Line(number, piece[:MAX_LINE_CHARS] if long else piece, is_cut or long)


class Passage:
    """Lines that a reader goes through, and may be made to leave out up to the last ones."""

    def __init__(self, found: Iterator[Line]) -> None:
        self._found = found
        self._last: Iterable[Line] = ()
        self._is_at_end = False
        self.last_left_out = 0
        """The last line that was passed over; 0 where none was."""

    def __iter__(self) -> Iterator[Line]:
        yield from islice(self._found, MAX_LINES)
        if not self._is_at_end:
            self.skip_to_last(MAX_LAST_LINES)
        yield from self._last

    def skip_to_last(self, max_lines: int) -> None:
        """Go on with the last lines, and before them with those that name an evaluation."""
        self._is_at_end = True
        last: deque[Line] = deque()
        telling: list[Line] = []
        num_chars = 0
        for line in self._found:
            if is_bar(line.text):
                continue
            last.append(line)
            num_chars += len(line.text)
            while len(last) > max_lines or (num_chars > MAX_LAST_CHARS and len(last) > 1):
                gone = last.popleft()
                num_chars -= len(gone.text)
                self.last_left_out = gone.number
                if len(telling) < MAX_TELLING_LINES and _tells(gone.text):
                    telling.append(gone)
        self._last = (*telling, *last)


def _tells(text: str) -> bool:
    return _TELLING.search(text, 0, MAX_TOLD_CHARS) is not None


def is_bar(text: str) -> bool:
    """Whether a line is a progress bar."""
    return "%|" in text or "\u2501" in text or "[==" in text or "....]" in text


def settled(found: Iterable[Line]) -> Iterator[tuple[Line, bool]]:
    """Lines with whether they are a progress bar. Of one that is drawn again and again the last
    drawing, and some before it that show values."""
    bar: Line | None = None
    num_shown = 0
    for line in found:
        is_next = is_bar(line.text)
        if bar is not None:
            if not is_next:
                yield bar, True
            elif num_shown < MAX_DRAWINGS and _VALUE.search(bar.text, 0, MAX_TOLD_CHARS):
                num_shown += 1
                yield bar, True
        bar = line if is_next else None
        if not is_next:
            yield line, False
    if bar is not None:
        yield bar, True
