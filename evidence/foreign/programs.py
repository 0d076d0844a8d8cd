"""Text of a program at the head of a log, which some programs print before they begin.

Responsible for telling it from the log that follows: numbers in it were typed, not measured.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.foreign.lines import Line

NUM_LOOKED_AT: Final = 60
"""Lines with text at the head, of which some must be of a program."""
NUM_NEEDED: Final = 3
NUM_OTHERS: Final = 30
"""Lines in a row that are none of a program: then it is over."""
_STATEMENT: Final = re.compile(
    r"(?:import [\w.]+|from [\w.]+ import |def \w+\(|class \w+[(:]"
    r"|@\w[\w.]*|async def |if __name__)"
)
_CODE: Final = re.compile(
    r"(?:    |\t|#|import |from |def |class |@|if |for |while |with |try:|except|else|elif |return"
    r"|assert |raise |\"\"\"|'''|[)\]}]|[\w.\[\], ]{1,80}\s?[-+*/]?= ?[\w\[({\"'-].{0,2000}\Z"
    r"|[\w.]{1,80}\(.{0,2000}\)?\Z)"
)
_RULER: Final = re.compile(r"[=*#-]{20,200}\Z")
_RESULT: Final = re.compile(r"(?:step|iter|epoch)\s?[:=]?\s?\d|\d{1,9}/\d{1,9}\s|\w{1,40}:\s?[\d.]")


class Program:
    """Takes lines in order; gives back those that are of the log."""

    def __init__(self) -> None:
        self._head: list[Line] = []
        self._others: list[Line] = []
        self._num_statements = 0
        self._is_inside: bool | None = None
        self.last_line = 0
        """The last line of the program; 0 where there is none."""

    @property
    def is_over(self) -> bool:
        """Whether every line from here on is of the log."""
        return self._is_inside is False

    def take(self, line: Line) -> list[Line]:
        """The lines of the log that are settled by one more."""
        if self._is_inside is None:
            return self._at_head(line)
        if self._is_inside:
            return self._inside(line)
        return [line]

    def end(self) -> list[Line]:
        """What was held back."""
        held = self._head if self._is_inside is None else self._others
        self._head, self._others, self._is_inside = [], [], False
        return held

    def _at_head(self, line: Line) -> list[Line]:
        self._head.append(line)
        if _STATEMENT.match(line.text):
            self._num_statements += 1
            if self._num_statements == NUM_NEEDED:
                self._is_inside, self.last_line, self._head = True, line.number, []
                return []
        if len(self._head) < NUM_LOOKED_AT:
            return []
        return self.end()

    def _inside(self, line: Line) -> list[Line]:
        text = line.text
        if _RULER.match(text):
            self.last_line, self._others = line.number, []
            self._is_inside = False
            return []
        if text.strip() and (_RESULT.match(text) or not _CODE.match(text)):
            self._others.append(line)
            if len(self._others) >= NUM_OTHERS:
                return self.end()
        elif text.strip():
            self.last_line, self._others = line.number, []
        return []
