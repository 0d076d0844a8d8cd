"""A page in markdown of many packs, such as a job of GitHub Actions shows.

Responsible for its layout; every text of a pack is inert in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence.reporting.verdicts import VERDICT, Asked, Judged
from evidence.text import formatting
from evidence.text.markdown import code, inline

MAX_CHARS: Final = 240
MAX_LISTED: Final = 50
"""Of one pack; how many more there are is said."""
_HEAD: Final = (
    "| Pack | Verdict | Passed | Failed | Not checked |",
    "| --- | --- | ---: | ---: | ---: |",
)
_MEANS: Final = (
    "Intact means that no byte changed since sealing and that every number follows from the "
    "evidence; it does not prove who sealed it, nor that the run took place. What is *not checked* "
    "is no pass."
)


def job_summary(judged: Sequence[Judged]) -> str:
    """The table of all, then what was said of each, then what was not checked."""
    rows = [_row(one) for one in judged]
    parts = [f"# {formatting.plural(len(judged), 'evidence pack')}", "\n".join([*_HEAD, *rows])]
    for one in judged:
        parts += _of_one(one)
    return "\n\n".join([*parts, _MEANS]) + "\n"


def _checks(one: Judged) -> list[Asked]:
    return [asked for asked in one.asked if asked.id != VERDICT]


def _row(one: Judged) -> str:
    outcomes = [asked.outcome for asked in _checks(one)]
    counts = [str(outcomes.count(name)) for name in ("pass", "fail", "not_checked")]
    return f"| {' | '.join([code(one.name, MAX_CHARS), inline(one.verdict), *counts])} |"


def _of_one(one: Judged) -> list[str]:
    said = [
        f"- **{said.level}** {inline(said.code)} · {code(said.address, MAX_CHARS)}: "
        f"{inline(said.message, MAX_CHARS)}"
        for asked in one.asked
        for said in asked.said
    ]
    skipped = [
        f"- {inline(asked.id)}: {inline(asked.reason, MAX_CHARS)}"
        for asked in _checks(one)
        if asked.outcome == "not_checked"
    ]
    parts = [f"## {inline(one.name, MAX_CHARS)}", _listed(said)] if said else []
    if skipped:
        title = f"{inline(one.name, MAX_CHARS)}: {len(skipped)} not checked"
        parts += [f"<details><summary>{title}</summary>", _listed(skipped), "</details>"]
    return parts


def _listed(lines: list[str]) -> str:
    more = [f"- and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return "\n".join([*lines[:MAX_LISTED], *more])
