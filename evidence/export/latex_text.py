r"""Text for LaTeX and BibTeX, and names of macros.

Responsible for a text being shown as it is, whatever it holds: no command, no comment, no end of a
group, and braces that BibTeX, which counts `\{` as one, finds in pairs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from evidence.encoding.digest import sha256_hex
from evidence.text.escape import visible

_ESCAPED: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\char34{}",  # a shorthand where babel speaks German
        "`": r"\textasciigrave{}",
        "\n": " ",
        "\t": " ",
    }
)
_DIGITS: Final = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_WORD: Final = re.compile(r"[A-Za-z]+|[0-9]")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 .,:;()=+/-]")
_SUFFIX_CHARS: Final = 8


def escaped(text: str) -> str:
    """LaTeX that shows the text."""
    return visible(text).translate(_ESCAPED)


def plain(text: str) -> str:
    """A text for a message of TeX, where nothing may be expanded: other signs become `?`."""
    return _PLAIN.sub("?", visible(text))


def camel(text: str) -> str:
    """Letters alone: `train.loss_end` is TrainLossEnd, `M43` is MFourThree. Not one to one."""
    parts = _WORD.findall(text)
    return "".join(
        _DIGITS[int(one)] if one.isdigit() else one[:1].upper() + one[1:] for one in parts
    )


def macros(prefix: str, names: Iterable[str]) -> Mapping[str, str]:
    """A macro for each name, letters alone, no two alike. Names that would share one all get a
    suffix that follows from the name itself, so that none can pass for another."""
    head = camel(prefix) or "Pack"
    sharing: dict[str, list[str]] = defaultdict(list)
    for name in names:
        sharing[head + camel(name)].append(name)
    found: dict[str, str] = {}
    taken = {macro for macro, of in sharing.items() if len(of) == 1}
    for macro, of in sharing.items():
        for name in of:
            chosen = macro if len(of) == 1 else _apart(macro, name, taken)
            taken.add(chosen)
            found[name] = chosen
    return found


def _apart(macro: str, name: str, taken: set[str]) -> str:
    digest = sha256_hex(name.encode("utf-8", "surrogatepass"))
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in digest)
    for length in range(_SUFFIX_CHARS, len(letters) + 1):
        chosen = f"{macro}X{letters[:length]}"
        if chosen not in taken:
            return chosen
    raise ValueError(f"no macro is left for {name!r}")
