"""What loggers and launchers put before a line: times, levels, ranks, names of modules.

Responsible for taking it off, and for the rank that it names. The line itself is left as it is.
"""

from __future__ import annotations

import re
from typing import Final

MAX_PREFIXES: Final = 8
_LEVEL: Final = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)"
_TIME: Final = (
    r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}/\d{1,2}(?:/\d{2,4})?|[A-Z][a-z]{2} +\d{1,2})?"
    r"[ T]?\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?"
)
_BEGINS: Final = r"(?=\{|:::|[Ss]tep|[Ii]ter|[Ee]poch|\[[\d\[])"
"""What a bare number must stand before to be a rank: `3: loss` may be of step 3."""
_RANK: Final = re.compile(
    rf"\s{{0,8}}(?:\[?[Rr]ank[ _:=]?(?P<named>\d{{1,5}})\]?:?"
    rf"|\[(?P<bracketed>\d{{1,4}})\]:?\s{{0,4}}{_BEGINS}|(?P<srun>\d{{1,5}}): {_BEGINS}"
    rf"|\[[^\]\s:]{{1,60}}:(?P<local>\d{{1,4}})\]:)\s{{0,8}}",
)
_OTHER: Final = re.compile(
    rf"\s{{0,8}}(?:\[{_TIME}[^\]]{{0,20}}\]|{_TIME}(?=[\s\]|,-])|\[{_LEVEL}[^\]]{{0,60}}\]"
    rf"|{_LEVEL}(?=[\s:|-])(?::[\w.]{{1,60}}:)?|\[[\w./-]{{1,60}}\.(?:py|c|cpp)?:\d{{1,5}}[^\]]{{0,40}}\]"
    r"|\[PID:\d{1,9}\]|\[[A-Za-z_][\w.]{0,40}:[\w.:<>]{0,60}:?\d{0,6}\]"
    r"|\([A-Za-z_.]{1,40},? (?:pid|ip)=[^)]{1,60}\)|[\w-]{1,40} \|(?= \[?\d{1,4}\]?)"
    rf"|[IWEF]\d{{4}} {_TIME} {{1,4}}\d{{1,9}} [^\]\s]{{1,100}}\])\s{{0,8}}[-:|,>]{{0,2}}\s{{0,8}}"
)
"""Also Ray's `(worker pid=12)`, a pod's `ray-training | [0] `, glog's `W0501 …]`, `[module:12]`."""


def without(text: str) -> tuple[str, int | None]:
    """A line without what stands before it, and the rank of the process where it is told."""
    at, rank = 0, None
    for _ in range(MAX_PREFIXES):
        found = _OTHER.match(text, at)
        if found is None and rank is None:
            found = _RANK.match(text, at)
            said = None if found is None else next((one for one in found.groups() if one), None)
            rank = None if said is None else int(said)
        if found is None or found.end() == at:
            break
        at = found.end()
    return text[at:] if at else text, rank
