"""Summaries on disk: rendered from a sealed pack, and compared with it.

Responsible for the files of the rendered set; their bytes come from `render`, and whether the
pack may be rendered at all from `verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import EvidenceError, MalformedError
from evidence.pack.imported import PackDocuments
from evidence.publish.room import refuse_too_much
from evidence.records.finding import Report
from evidence.records.record import Record
from evidence.records.run import RenderedRecord
from evidence.render.render import listed, render_pack, rendered_list
from evidence.system import posix, processes
from evidence.system.durable import remove_left, staging_of, write_file
from evidence.verification.verification import SealedPack, load_sealed, open_pack


def rendered_files(
    documents: PackDocuments,
    root_sha256: str,
    attached: Mapping[str, bytes],
    *,
    with_report: bool = True,
) -> dict[str, bytes]:
    """The whole rendered set with rendered.json, attached files left out."""
    files = render_pack(documents, root_sha256, attached, with_report=with_report)
    record = rendered_list(documents, root_sha256, {**files, **attached})
    return {**files, layout.RENDERED: record}


def write_rendered(pack: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write the files that differ from what is there; return their names, rendered.json last."""
    changed = _changed(pack, files)
    for name in changed:
        write_file(pack / name, files[name], staging=staging_of(pack))
    return changed


def has_report(pack: Path) -> bool:
    """Whether a pack has a report, or should: one of before there were reports has none, and is
    as whole as any other."""
    if (pack / layout.REPORT).is_file():
        return True
    record = _listed(pack)
    return record is not None and any(one.path == layout.REPORT for one in record.files)


def _gets_report(pack: Path, *, check: bool) -> bool:
    """Whether rendering gives the pack a report. One that has none gets it, but not where that
    would take a signature away."""
    is_signed = (pack / layout.RENDERED_SIGNATURE).is_file()
    return has_report(pack) or not (check or is_signed)


@contextmanager
def held(pack: Path) -> Iterator[None]:
    """Keep every other command out that writes into this pack. One that is not there is held by
    nobody: whoever reads it says what is wrong."""
    if pack.is_dir():
        with posix.folder_held(pack):
            remove_left(pack)
            yield
    else:
        yield


def attach_file(sealed: SealedPack, name: str, data: bytes) -> None:
    """Attach a file to a pack that is held, and render its summary with it.

    rendered.json says first what is about to be attached, and last that it was: whoever is killed
    between leaves a pack that verify understands, and that `evidence render` makes whole. Raises
    UsageError, and writes nothing, where verify would not read what comes of it.
    """
    pack, documents, root_sha256 = sealed.path, sealed.documents, sealed.root_sha256
    attached = read_attached(pack)
    make = partial(rendered_files, documents, root_sha256, with_report=has_report(pack))
    whole = make({**attached, name: data})
    refuse_too_much(attached, name, data, whole)
    files = make(attached)
    write_rendered(pack, files)  # what a command before left half done
    if attached.get(name) == data:
        return
    del files[layout.RENDERED]
    before, new = {**files, **attached}, {name: data}
    announced = rendered_list(documents, root_sha256, before, listed(new))
    write_file(pack / layout.RENDERED, announced, staging=staging_of(pack))
    write_file(pack / name, data, staging=staging_of(pack))
    write_rendered(pack, whole)


class Rendered(Record):
    """What came of one pack among several."""

    changed: tuple[str, ...] = ()
    """Files that were written, or that differ where only compared."""
    error: EvidenceError | None = None
    """Why it was not rendered."""
    report: Report | None = None
    """What verify says of it as it is now; None where that depends on other packs."""


def render_all(packs: Sequence[Path], *, check: bool) -> list[Rendered]:
    """Render every pack again, or only compare. A broken pack keeps none of the others from it.

    Each is read once, for its summary and for its verdict.
    """
    work = partial(_render_one, check=check)
    return processes.each(work, packs, processes.worthwhile(len(packs)))


def _render_one(pack: Path, *, check: bool) -> Rendered:
    with nullcontext() if check else held(pack), open_pack(pack) as opened:
        try:
            sealed, attached = opened.sealed(), read_attached(pack)
            files = rendered_files(
                sealed.documents,
                sealed.root_sha256,
                attached,
                with_report=_gets_report(pack, check=check),
            )
            changed = _changed(pack, files) if check else write_rendered(pack, files)
        except EvidenceError as error:
            return Rendered(error=error)
        names = [] if check else changed
        claimed = any(map(layout.REPRODUCTION.fullmatch, attached))
        return Rendered(tuple(changed), report=None if claimed else opened.report(names))


def rerender(pack: Path) -> list[str]:
    """Regenerate the rendered set of a pack. Raises PackBrokenError when the pack is broken."""
    with held(pack):
        return rerender_held(pack)


def rerender_held(pack: Path) -> list[str]:
    """The same, for who holds the pack."""
    sealed = load_sealed(pack)
    files = rendered_files(
        sealed.documents,
        sealed.root_sha256,
        read_attached(pack),
        with_report=_gets_report(pack, check=False),
    )
    return write_rendered(pack, files)


def read_attached(pack: Path) -> dict[str, bytes]:
    """What was attached after sealing, by pack-relative path."""
    folder = pack / layout.ATTACHED
    if not folder.is_dir():
        return {}
    return {
        f"{layout.ATTACHED}/{path.name}": path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.is_symlink()
    }


def being_attached(pack: Path) -> frozenset[str]:
    """What a command was attaching when it was ended, as rendered.json says; mostly nothing."""
    record = _listed(pack)
    return frozenset(entry.path for entry in record.attaching) if record else frozenset()


def _listed(pack: Path) -> RenderedRecord | None:
    try:
        return decode(RenderedRecord, jsonio.load_document((pack / layout.RENDERED).read_bytes()))
    except (OSError, MalformedError):
        return None


def _changed(pack: Path, files: Mapping[str, bytes]) -> list[str]:
    def differs(name: str) -> bool:
        path = pack / name
        return not path.is_file() or path.read_bytes() != files[name]

    names = [name for name in files if differs(name)]
    return sorted(names, key=lambda name: (name == layout.RENDERED, name))
