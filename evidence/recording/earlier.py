"""What earlier starts of a program told, before it was killed and gone on with.

Responsible for reading their spools once more: what had not been handed on when they ended is not
lost. A process keeps the number that its rows have already, by a list that is kept beside.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.recording import places
from evidence.recording.gathering import Gathering
from evidence.recording.spool import Spool
from evidence.records.program import EarlierRun, NotSeen, ProgramStep, ReportedValue
from evidence.records.record import Record

HEARD: Final = "heard"
"""In the folder of a spool: when its start began, and its files in the order of their processes."""
GONE: Final = "what its processes told is no longer there"


class Earlier(Record):
    """All earlier starts together."""

    runs: tuple[EarlierRun, ...] = ()
    rows: tuple[ProgramStep, ...] = ()
    """Steps that they told and that are not in the pack yet."""
    reported: tuple[ReportedValue, ...] = ()


def note(spool: Path, began_s: float, sources: tuple[str, ...]) -> None:
    """Keep what a later start needs to read a spool as it was read now."""
    lines = [repr(began_s), *sources]
    (spool / HEARD).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def earlier(scratch: Path, segment: int, steps: Path) -> Earlier:
    """Everything that the starts before this one told; `steps` are the rows that the pack has."""
    runs: list[EarlierRun] = []
    lost: list[ProgramStep] = []
    reported: list[ReportedValue] = []
    known = _known(steps) if segment > 1 else {}
    for number in range(1, segment):
        folder = places.spool(scratch, number)
        if not folder.is_dir():
            gone = (NotSeen("everything", GONE, None, None),)
            runs.append(EarlierRun(number, (), (), gone, ()))
            continue
        gathered, rows = _gathered(folder, number)
        counted: Counter[int] = Counter()
        for row in rows:
            counted[row.process] += 1
            if counted[row.process] > known.get((number, row.process), 0):
                lost.append(row)
        # Processes of program.json are those of the last start.
        reported += [replace(one, process=None) for one in gathered.reported]
        runs.append(
            EarlierRun(
                segment=number,
                processes=gathered.processes(),
                models=tuple(gathered.agreeing_models()),
                not_seen=tuple(gathered.not_seen),
                replaced=tuple(gathered.replaced),
            )
        )
    return Earlier(tuple(runs), tuple(lost), tuple(reported))


def _known(steps: Path) -> dict[tuple[int, int], int]:
    """How many rows of each segment and process there are."""
    found: Counter[tuple[int, int]] = Counter()
    if steps.is_file():
        for _, value in jsonio.iter_rows(steps.read_bytes()):
            row = decode(ProgramStep, value)
            found[row.segment, row.process] += 1
    return found


def _gathered(folder: Path, segment: int) -> tuple[Gathering, list[ProgramStep]]:
    began_s, order = _heard(folder)
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for source, event in Spool(folder).read_all():
        told[source].append(event)
    gathered = Gathering(segment, began_s)
    rows = []
    for source in dict.fromkeys((*order, *told)):  # first who they are, in their order
        if told[source] and told[source][0]["event"] == "process":
            gathered.take(source, told[source].pop(0))
    for source, events in told.items():
        rows += list(_rows(gathered, source, events))
    return gathered, rows


def _rows(gathered: Gathering, source: str, events: list[dict[str, Any]]) -> Iterator[ProgramStep]:
    for event in events:
        row = gathered.take(source, event)
        if row is not None:
            yield row


def _heard(folder: Path) -> tuple[float, list[str]]:
    try:
        first, *sources = (folder / HEARD).read_text("utf-8").splitlines()
        return float(first), sources
    except (OSError, ValueError, MalformedError):
        return 0.0, []
