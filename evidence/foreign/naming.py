"""Which words before a value are its name, and which say what the whole line is of.

Responsible for words of one line of a log; what a name means is the caller's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_WORDS: Final = 5
_BOUND: Final = re.compile(r"[,;|{}\[\]\"'<>\u2192\t]|\s-\s|\s{2,}|: ")
_WORD: Final = re.compile(
    r"(?!\S{0,60}\d/\d)(?:[A-Za-z_][\w./@%()+^-]{0,60}|\u00b1|\+/-|\([\w/% .-]{1,30}\)"
    r"|\d{1,4}-?[A-Za-z]{1,20})\Z"
)
_STAGE: Final = re.compile(r"[A-Za-z][\w+-]{0,40}\Z")
_CODE: Final = re.compile(r"\.(?:py|cc?|cpp|h|rs|js|ts|txt|log)\Z")
_SECTION: Final = re.compile(
    r"\s{0,40}\*{3,20}\s{0,10}(?P<name>[^*\s][^*]{0,60}?)\s{0,10}\*{3,20}\s{0,10}\d{0,4}\s{0,10}\Z"
)
_COUNT: Final = re.compile(r"(?P<done>\d{1,9})/(?P<all>\d{1,9})")
_EPOCH: Final = re.compile(r"\s{0,8}Epoch:?\s(?P<now>\d{1,9})/(?P<all>\d{1,9})\s{0,8}\Z")
_KERAS: Final = re.compile(r"\u2501|\[=")


@lru_cache(maxsize=4096)
def before(text: str, *, is_tight: bool) -> tuple[str, str]:
    """The name at the end of a text that stands before a sign, and the stage before that name.

    `quantized val_loss` is a val_loss of the stage quantized where the sign follows at once, or
    where the last word is made of parts; `grad norm` is one name.
    """
    rest = _BOUND.split(text)[-1].strip(" *`•#-/")
    words: list[str] = []
    for word in reversed(rest.split()):
        if len(words) == MAX_WORDS or not _WORD.match(word):
            break
        words.insert(0, word)
    while words and not words[0][0].isalpha() and words[0][0] != "_" and len(words) > 1:
        words.pop(0)
    if not words or _CODE.search(words[-1]):
        return "", ""
    last = words[-1]
    is_made_of_parts = "_" in last or ("/" in last and is_tight)
    if len(words) > 1 and is_made_of_parts:
        stage = " ".join(words[:-1])
        return last, stage if all(map(_STAGE.match, words[:-1])) else ""
    return " ".join(words), ""


def section(line: str) -> tuple[str, ...]:
    """`***** train metrics *****` begins a table; nothing for another line."""
    found = _SECTION.match(line)
    return () if found is None else (found["name"],)


def epoch_of(line: str) -> tuple[str, str] | None:
    """Of `Epoch 1/3`, a line by which Keras begins an epoch: which, and of how many."""
    found = _EPOCH.match(line) if "Epoch" in line else None
    return None if found is None else (found["now"], found["all"])


def ends_epoch(bar: str) -> bool:
    """Whether a bar of Keras is full: that drawing is the row of its epoch."""
    counts = _COUNT.search(bar)
    return counts is not None and counts["done"] == counts["all"] and _KERAS.search(bar) is not None
