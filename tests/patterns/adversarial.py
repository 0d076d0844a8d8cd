"""Texts on which a pattern that backtracks takes longest, made from the pattern itself.

Responsible for the texts. For every repetition in a pattern there is one: what leads to it, what
it repeats, as many times as asked, and an end on which it must fail; and what leads to it many
times, each a place to begin anew. No time is taken here.
"""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from typing import Any, Final

PLAIN: Final = (" ", "\t", "\n", "a", "A", "0", "-", "_", ".", "/", "\\", '"', "'", "`", "\u00e9")
"""Repeated by themselves for every pattern."""
ENDS: Final = ("", "\x00", "!", "\n!")
_CATEGORIES: Final = {
    ops.CATEGORY_SPACE: " ",
    ops.CATEGORY_NOT_SPACE: "a",
    ops.CATEGORY_DIGIT: "7",
    ops.CATEGORY_NOT_DIGIT: "a",
    ops.CATEGORY_WORD: "a",
    ops.CATEGORY_NOT_WORD: "-",
}


def texts(pattern: re.Pattern[Any], num_chars: int) -> list[str]:
    """Texts of about so many characters, each once."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE & ~re.LOCALE)
    pumps = {("", one) for one in PLAIN}
    for lead, body in _repeats(list(tree), ""):
        pumps |= {(lead, body), ("", lead + body), ("", lead[-1:] + body), ("", lead)}
    made = {
        lead + body * (num_chars // len(body)) + end for lead, body in pumps for end in ENDS if body
    }
    return sorted(made)


def _repeats(items: list[Any], lead: str) -> Iterator[tuple[str, str]]:
    """(what leads to it, one turn of it) of each repetition, inner ones first."""
    for op, arg in items:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            _, most, inside = arg
            yield from _repeats(list(inside), lead)
            if most == ops.MAXREPEAT or most > 1:
                yield from ((lead, turn) for turn in _spellings(list(inside)))
        elif op is ops.SUBPATTERN:
            yield from _repeats(list(arg[-1]), lead)
        elif op is ops.ATOMIC_GROUP:
            yield from _repeats(list(arg), lead)
        elif op is ops.BRANCH:
            for branch in arg[1]:
                yield from _repeats(list(branch), lead)
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            yield from _repeats(list(arg[1]), lead)
        lead += _example([(op, arg)])


def _spellings(items: list[Any]) -> set[str]:
    """Some ways to spell one turn: each branch, and each kind of character of a class."""
    found = {_example(items)}
    for op, arg in items:
        if op is ops.IN:
            found |= {_of_class([one]) for one in arg if one[0] is not ops.NEGATE}
        if op is ops.SUBPATTERN:
            found |= _spellings(list(arg[-1]))
        if op is ops.BRANCH:
            for branch in arg[1]:
                found |= _spellings(list(branch))
    return found - {""}


def _example(items: list[Any]) -> str:
    """A text that the items match, if nothing around them forbids it."""
    return "".join(_one(op, arg) for op, arg in items)


def _one(op: Any, arg: Any) -> str:
    if op is ops.LITERAL:
        return chr(arg)
    if op is ops.NOT_LITERAL:
        return "a" if chr(arg) != "a" else "b"
    if op is ops.ANY:
        return "a"
    if op is ops.IN:
        return _of_class(arg)
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return _example(list(arg[2])) * max(int(arg[0]), 1)
    if op is ops.SUBPATTERN:
        return _example(list(arg[-1]))
    if op is ops.ATOMIC_GROUP:
        return _example(list(arg))
    if op is ops.BRANCH:
        return _example(list(arg[1][0]))
    return ""  # anchors, look-around, references


def _of_class(items: list[Any]) -> str:
    if items and items[0][0] is ops.NEGATE:
        shunned = re.compile("[" + "".join(_class_text(one) for one in items[1:]) + "]")
        return next(c for c in "a0 -_.\x01\n" if not shunned.match(c))
    op, arg = items[0]
    if op is ops.CATEGORY:
        return _CATEGORIES[arg]
    return chr(arg[0] if op is ops.RANGE else arg)


def _class_text(item: tuple[Any, Any]) -> str:
    op, arg = item
    if op is ops.LITERAL:
        return re.escape(chr(arg))
    if op is ops.RANGE:
        return f"{re.escape(chr(arg[0]))}-{re.escape(chr(arg[1]))}"
    letters = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}
    return next(
        text.upper() if "NOT" in str(arg) else text for k, text in letters.items() if k in str(arg)
    )
