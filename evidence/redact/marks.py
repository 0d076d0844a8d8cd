"""A text from which secrets or names were cut, held against the whole one.

Responsible for what stands where something was cut. What is cut is `stream`'s and `identity`'s.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.redact.identity import HOME, HOST, USER

_CUT: Final = r"\[redacted:[a-z0-9-]+\]"
_SECRETS: Final = re.compile(_CUT)
_NAMES: Final = re.compile(rf"{_CUT}|{HOME}|{USER}|{HOST}")


def is_cut_from(whole: str, shown: str, *, names: bool = False) -> bool:
    """Whether `shown` is `whole`, but for the places where a secret was cut out of it.

    `names`: or the name of a user, a machine or a folder at home. Time is linear in the texts.
    """
    first, *others = (_NAMES if names else _SECRETS).split(shown)
    if not others:
        return shown == whole
    *inner, last = others
    place = len(first)
    if not whole.startswith(first) or not whole.endswith(last):
        return False
    for part in inner:
        found = whole.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return place + len(last) <= len(whole)
