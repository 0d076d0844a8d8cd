"""Which file holds the samples of a task that a results file of lm-eval has scores of.

Responsible for names: one evaluation writes results_TIME.json and samples_TASK_TIME.jsonl into one
folder, with one time, and the next evaluation of a model into the same folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.facts import Source
from evidence.records.record import Record

_TIME: Final = r"\d{4}-\d\d-\d\d[T_][\w.:-]{1,40}"
_SECONDS: Final = len("2024-01-01T00-00-00")
_SAMPLES: Final = re.compile(rf"samples_(?P<task>.{{1,200}}?)(?:_(?P<time>{_TIME}))?\.jsonl\Z")
_RESULTS: Final = re.compile(rf"results_(?P<time>{_TIME})\.json\Z")


class SamplesFile(Record):
    """The samples of one task, or why it is not known which they are."""

    source: Source | None
    why_not: str = ""


def samples_files(results: Source, sources: Sequence[Source]) -> Mapping[str, SamplesFile]:
    """By task; a task without a file is not among them."""
    path = PurePosixPath(results.path)
    named = _RESULTS.match(path.name)
    wanted = None if named is None else _time(named["time"])
    found: dict[str, dict[str | None, list[Source]]] = {}
    for source in sources:
        place = PurePosixPath(source.path)
        name = _SAMPLES.match(place.name) if source.format == "json-lines" else None
        if name is not None and place.parent == path.parent:
            time = None if name["time"] is None else _time(name["time"])
            found.setdefault(name["task"], {}).setdefault(time, []).append(source)
    return {task: _chosen(by_time, wanted) for task, by_time in found.items()}


def _chosen(by_time: Mapping[str | None, list[Source]], wanted: str | None) -> SamplesFile:
    """Of the same time, else of the same second, else those that name none; of results that name
    none, any."""
    several = [one for each in by_time.values() for one in each]
    if wanted is not None:
        near = [one for at, each in by_time.items() if _is_near(at, wanted) for one in each]
        own = by_time.get(wanted) or near or by_time.get(None)
        if own is None:
            return SamplesFile(None, f"{several[0].path} is of another time, by its name")
        several = own
    distinct = list({one.sha256: one for one in reversed(several)}.values())
    if len(distinct) > 1:
        first, second = distinct[-1], distinct[-2]
        return SamplesFile(None, f"{first.path} and {second.path} both hold samples of it")
    (source,) = distinct
    why = f"{source.path} was not read as a whole" if source.is_partial else ""
    return SamplesFile(source, why)


def _is_near(time: str | None, wanted: str) -> bool:
    """Whether both are of one second: a fraction of it may have been left off."""
    return time is not None and time[:_SECONDS] == wanted[:_SECONDS]


def _time(text: str) -> str:
    """One spelling: file systems bear no `:`, and lm-eval has written `_` for `T`."""
    return text.replace(":", "-").replace("_", "T")
