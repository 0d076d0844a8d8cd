"""The page over a folder of packs: read each, write index.html.

Responsible for reading as verify reads (its limits, the sealed files by their digests, nothing of a
pack run), for a bound on how many, and for replacing no file but one that this wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.errors import UsageError
from evidence.pack.around import refuse_in_a_pack
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.records.finding import PackState
from evidence.records.record import Number, Record
from evidence.records.run import ManifestRecord, ResultsRecord, ValueRecord
from evidence.render import program
from evidence.render.site import OWN, Curve, SitePack, Told, curve_of, site_page
from evidence.system import posix, processes
from evidence.system.durable import make_folder, remove_left, staging_of, write_file
from evidence.system.entries import open_regular, type_of
from evidence.verification.named import packs_around, what_is_there
from evidence.verification.several import Unread, sealed_or_why

PAGE: Final = "index.html"
MAX_PACKS: Final = 2000
"""Of one page: a browser filters and sorts so many rows at once."""


class Site(Record):
    """What was made."""

    page: Path
    num_packs: int
    unread: tuple[SitePack, ...]
    """Those that could not be read as sealed packs."""
    is_new: bool
    """Whether the page was not there already, to the byte."""


def write_site(runs: Path, to: Path | None = None) -> Site:
    """Make the page of the packs directly below `runs` in the folder `to` (default: there).

    Raises UsageError for what is no folder of packs, for more packs than one page has, and where
    an index.html is in the way that is none of ours; nothing is written then.
    """
    paths = _packs_of(runs)
    folder = runs if to is None else to
    page = folder / PAGE
    refuse_in_a_pack(folder, "--to")
    _refuse_foreign(page)
    packs = processes.each(partial(_read, folder), paths, processes.worthwhile(len(paths)))
    data = site_page(runs.resolve().name, packs)
    make_folder(folder)
    with posix.folder_held(folder):
        _refuse_foreign(page)
        is_new = not _has(page, data)
        if is_new:
            remove_left(page)
            write_file(page, data, staging=staging_of(page))
    unread = tuple(one for one in packs if one.state != "read")
    return Site(page=page, num_packs=len(packs), unread=unread, is_new=is_new)


def _packs_of(runs: Path) -> list[Path]:
    paths = packs_around(runs)
    if not paths:
        raise UsageError(f"there is no pack in {runs}", hint=what_is_there(runs))
    if len(paths) > MAX_PACKS:
        raise UsageError(
            f"{runs} has {len(paths)} packs, more than the {MAX_PACKS} that one page shows",
            hint="Many packs: `evidence index` and `evidence find`; or a folder of fewer.",
        )
    return paths


def _refuse_foreign(page: Path) -> None:
    """Raise UsageError where something of others stands in the way."""
    kind = type_of(page)
    if kind == "file":
        with open_regular(page) as stream:
            if stream.read(len(OWN)) == OWN:
                return
    elif kind is None:
        return
    raise UsageError(
        f"{page} is there and was not made by `evidence site`; it stays as it is",
        hint="Give another folder: --to FOLDER",
    )


def _has(page: Path, data: bytes) -> bool:
    is_there = type_of(page) == "file" and page.stat().st_size == len(data)
    return is_there and page.read_bytes() == data


def _read(folder: Path, path: Path) -> SitePack:
    """What the page in `folder` shows of a pack, or why it shows nothing."""
    begun = SitePack(
        path=os.path.relpath(path.absolute(), folder.absolute()),
        argument=f"{path.parent.resolve().name}/{path.name}",
        state="read",
    )
    sealed = sealed_or_why(path)
    if isinstance(sealed, Unread):
        return _unread(begun, path, sealed.state, sealed.reason)
    manifest, results = sealed.documents.manifest, sealed.documents.results
    if manifest is None or results is None:
        return _unread(begun, path, "broken", f"{layout.MANIFEST} or {layout.RESULTS} is not there")
    return _told(begun, path, sealed.documents, manifest, results)


def _unread(begun: SitePack, path: Path, state: PackState, reason: str) -> SitePack:
    """Why, without where on this machine it lies: a page is for others."""
    return replace(begun, state=state, reason=reason.replace(os.fspath(path), path.name))


def _told(
    begun: SitePack,
    path: Path,
    documents: PackDocuments,
    manifest: ManifestRecord,
    results: ResultsRecord,
) -> SitePack:
    values = results.values
    models = _of_stages(values, ("model", "id"))
    losses = _of_stages(values, ("train", "loss_end"))
    last = values.get("program.loss_last")
    return replace(
        begun,
        files=tuple(_files(path, manifest.milestone)),
        milestone=manifest.milestone,
        status=manifest.status,
        stand_in=manifest.stand_in,
        is_imported=manifest.origin == "imported",
        models=tuple(dict.fromkeys(str(one.value) for _, one in models if one.value is not None)),
        date=_word(values, "run.date"),
        started_utc=_word(values, "run.started_utc"),
        gates=results.gates,
        losses=(_number("last step", last),) if last else _numbers(losses),
        curves=tuple(_curves(documents, results)),
        rates=tuple(
            _number(" ".join([*stage, scorer]), one) for stage, scorer, one in _rates(values)
        ),
    )


def _files(path: Path, milestone: str) -> Iterator[tuple[str, str]]:
    """What a reader may open; whether it is what the evidence gives is verify's to say."""
    for words, name in (("report", layout.REPORT), ("summary", layout.summary_name(milestone))):
        if type_of(path / name) == "file":
            yield words, name


Values = dict[str, ValueRecord]


def _of_stages(values: Values, ending: tuple[str, str]) -> list[tuple[str, ValueRecord]]:
    """A value of the pack and of each stage, with the stage's name."""
    split = ((name.split("."), one) for name, one in values.items())
    return [
        (parts[0] if len(parts) > len(ending) else "", one)
        for parts, one in split
        if len(parts) <= len(ending) + 1 and tuple(parts[-len(ending) :]) == ending
    ]


def _rates(values: Values) -> Iterator[tuple[list[str], str, ValueRecord]]:
    """Stage, if any, scorer and value of the rates over all rows of an evaluation."""
    for name, one in values.items():
        parts = name.split(".")
        if len(parts) in (3, 4) and parts[-3] == "eval" and parts[-1] == "rate":
            yield parts[:-3], parts[-2], one


def _numbers(found: Sequence[tuple[str, ValueRecord]]) -> tuple[Told, ...]:
    return tuple(_number(stage, one) for stage, one in found)


def _number(name: str, record: ValueRecord) -> Told:
    value = record.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Told(name, value, "")
    return Told(name, None, record.unavailable or "no number is recorded")


def _word(values: Values, name: str) -> str:
    record = values.get(name)
    return record.value if record is not None and isinstance(record.value, str) else ""


def _curves(documents: PackDocuments, results: ResultsRecord) -> Iterator[Curve]:
    """Of each stage the losses of its table; of a recorded program, which has none, its steps'."""
    for stage, rows in groupby(results.loss_table, lambda row: row.stage):
        yield curve_of(stage or "", [(row.step, row.loss) for row in rows])
    if isinstance(documents, Documents) and "program.loss_last" in results.values:
        steps: list[tuple[int, Number]] = [
            (point.step, point.loss) for point in program.points(documents)
        ]
        if steps:
            yield curve_of("", steps)
