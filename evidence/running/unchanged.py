"""A run that goes on does so with what it began with: data, model, tokenizer and settings.

Responsible for naming what is another one by now, before anything is touched. What only a worker
can tell (a model of the hub as it loads) is compared in `attempt.stage`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evidence import layout
from evidence.attempt.reported import Reported
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_stream
from evidence.errors import EvidenceError
from evidence.milestone.effective import with_settings
from evidence.milestone.parse import PROGRAM, load_milestone
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, ModelRecord
from evidence.records.milestone import Milestone
from evidence.records.overrides import Setting
from evidence.records.run import AttemptPlan
from evidence.stages.pack_init import OF_PACK
from evidence.system.entries import OF_THIS_PROCESS
from evidence.text import formatting
from evidence.text.escape import one_line

_ABSENT: Final = "(nothing)"
_TABLES: Final = {"attempts": "attempt", "gates": "gate"}
MAX_SHOWN_CHARS: Final = 120
"""Of a setting that was changed."""


def changed(
    root: Path, data: Mapping[str, DataRecord], plan: AttemptPlan | None, reported: Reported
) -> Iterator[str]:
    """Each input that is not what the run began with, in a sentence."""
    for record in data.values():
        yield from _data(root, record)
    if reported.model is not None:
        yield from _model(root, reported.model)
    model = None if plan is None else plan.given_model
    folder = None if model is None else model.tokenizer or model.path
    if reported.tokenizer is not None and folder is not None:
        before, place = reported.tokenizer.sha256, root / folder / "tokenizer.json"
        if not isinstance(before, Unavailable):
            yield from _file(f"{folder}/tokenizer.json", before, _digest(place))


def said_now(root: Path, milestone: Milestone, settings: Sequence[Setting] = ()) -> Iterator[str]:
    """Each setting that the milestone file says by now and the run does not use."""
    path = layout.milestone_file(root, milestone.id)
    if PROGRAM in milestone.stages and not path.exists():
        return  # recorded from a command line
    try:
        now, source = load_milestone(path)
        if settings:  # the run goes on with them, whatever the file says there
            now, _ = with_settings(source, settings)
    except EvidenceError as error:
        yield f"the milestone file cannot be read as it is now ({error.message}); not used here"
        return
    for key, old, new in _changes(encode(milestone), encode(now)):
        if not key.startswith("secrets"):
            yield (
                f"the milestone file says {_as_written(key)} = {_shown(new)} now; this run goes "
                f"on with {_shown(old)}, as it began"
            )


def changed_functions(root: Path, functions: Mapping[str, str]) -> Iterator[str]:
    """The same of files with functions that score answers; `functions`: path to digest."""
    for path, sha256 in functions.items():
        yield from _file(path, sha256, _digest(root / path))


def _data(root: Path, record: DataRecord) -> Iterator[str]:
    for _, file in record.sources:  # of the hub: the worker reads it, and says which bytes it read
        place = f"{file.path} ([data.{record.name}])"
        yield from _file(place, file.sha256, _digest(root / file.path))


def _model(root: Path, record: ModelRecord) -> Iterator[str]:
    if isinstance(record.files, Unavailable) or record.id.startswith(OF_PACK):
        return  # of another pack: its files are named by their places there
    known = {one.path: one.sha256 for one in record.files}
    for path, sha256 in known.items():
        yield from _file(path, sha256, _digest(root / path))
    for found in sorted(p for p in (root / record.id).rglob("*") if p.is_file()):
        name = found.relative_to(root).as_posix()
        if name not in known:
            yield f"{name} was not there when the run began"


def _file(name: str, before: str, now: str | None) -> Iterator[str]:
    if now is None:
        yield f"{name} is gone"
    elif now.startswith("unreadable"):
        yield f"{name} is {now}"
    elif now != before:
        yield f"{name} has the digest {now[:12]}… now, and had {before[:12]}… when the run began"


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb", buffering=0) as stream:
            return sha256_stream(stream)[0]
    except OSError as error:
        if error.errno in OF_THIS_PROCESS:
            raise
        return f"unreadable ({error.strerror})"


def _changes(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each setting that is another one: its key, what it was and what it is. Entries of a list of
    tables go by their names, else by their places."""
    if isinstance(old, list) and isinstance(new, list):
        first, second = _names(old), _names(new)
        if first and second and first != second and sorted(first) == sorted(second):
            yield f"{key}, in this order,", first, second
        old, new = _by_name(old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inside = old.get(name, _ABSENT), new.get(name, _ABSENT)
            yield from _changes(*inside, f"{key}.{name}" if key else name)
    elif old != new:
        yield key, old, new


def _as_written(key: str) -> str:
    """A key as the file has it, where the record calls its tables by another name."""
    table, dot, rest = key.partition(".")
    return f"{_TABLES.get(table, table)}{dot}{rest}"


def _by_name(old: list[Any], new: list[Any]) -> tuple[Any, Any]:
    """Two lists of tables as tables; as they are, where they are lists of anything else."""
    first, second = _names(old), _names(new)
    if first is not None and second is not None:
        return dict(zip(first, old, strict=True)), dict(zip(second, new, strict=True))
    if all(isinstance(one, dict) for one in (*old, *new)):
        places = ({str(at): one for at, one in enumerate(own)} for own in (old, new))
        return next(places), next(places)
    return old, new


def _names(tables: list[Any]) -> list[str] | None:
    """The names of tables that have one each; None of anything else, or where two are equal."""
    names = [one.get("name") if isinstance(one, dict) else None for one in tables]
    has_all = all(isinstance(one, str) for one in names) and len(set(names)) == len(names)
    return [str(one) for one in names] if has_all else None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"(a table of {formatting.plural(len(value), 'key')})"
    text = value if value is _ABSENT else json.dumps(value, ensure_ascii=False)
    return one_line(text, MAX_SHOWN_CHARS)
