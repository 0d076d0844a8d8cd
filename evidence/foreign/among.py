"""What the files of a folder say among themselves, whatever a page claims with them.

Responsible for bringing the rooms' findings together, gravest first. Nothing is read here, and
nothing is computed twice: the arithmetic of one training is that of `results`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.foreign import answers, identity, implied, log_ends, same_run, samples
from evidence.foreign.facts import Place, Source
from evidence.foreign.finding import Finding, Severity, note
from evidence.foreign.trainings import Training

MAX_FINDINGS: Final = 500
_GRAVEST_FIRST: Final[tuple[Severity, ...]] = ("contradiction", "warning", "note")


def among(sources: Sequence[Source], trainings: Sequence[Training]) -> tuple[Finding, ...]:
    """Every finding, gravest first, then by code and place."""
    found = [
        *same_run.findings(sources, trainings),
        *identity.findings(sources),
        *implied.findings(sources, trainings),
        *log_ends.findings(sources, trainings),
        *answers.findings(sources, trainings),
        *samples.findings(sources),
        *copies(sources),
    ]
    found.sort(key=lambda one: (_GRAVEST_FIRST.index(one.severity), one.code, one.message))
    return tuple(found[:MAX_FINDINGS])


def copies(sources: Sequence[Source]) -> Iterator[Finding]:
    """Files of one text whose bytes differ, and files that are the same byte for byte."""
    by_text: dict[str, list[Source]] = {}
    for source in sources:
        if source.text_sha256 is not None and source.size_bytes:
            by_text.setdefault(source.text_sha256, []).append(source)
    for several in by_text.values():
        if len(several) < 2:
            continue
        paths = ", ".join(one.path for one in several[:4])
        places = [Place(one.path) for one in several]
        if len({one.sha256 for one in several}) > 1:
            text = f"{paths} are one text: their digests differ by line ends or encoding alone"
            yield note("same-text", text, places)
        elif any(one.facts and one.format != "document" for one in several):
            yield note("same-file", f"{paths} are the same file, byte for byte", places)
