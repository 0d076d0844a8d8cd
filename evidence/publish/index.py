"""The index of a folder of packs on disk: verify each pack, write runs/README.md.

Responsible for the verdict of every pack, each beside all others, and for reading what its line
shows. A pack that is not intact has no line of numbers: they would look like evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from evidence import layout, limits
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import ExitCode, MalformedError
from evidence.records.finding import Report
from evidence.records.reproduction import ReproductionRecord
from evidence.records.run import ManifestRecord, ResultsRecord
from evidence.render.index import IndexEntry, index_page
from evidence.system import posix
from evidence.system.durable import remove_left, staging_of, write_file
from evidence.verification.named import is_pack
from evidence.verification.options import VerifyOptions
from evidence.verification.several import verify_packs

T = TypeVar("T")
Reports = Mapping[Path, Report]
"""Verdicts just given to packs, which depend on no other pack."""
NOTHING_KNOWN: Final[Reports] = MappingProxyType({})

INDEX: Final = "README.md"
_BROKEN: Final = "see evidence verify"


def update_index(runs: Path, known: Reports = NOTHING_KNOWN) -> bool:
    """Write the index where it is not what it should be; returns whether it was."""
    page = index_of(runs, known)
    path = runs / INDEX
    if path.is_file() and path.read_bytes() == page:
        return False
    with posix.folder_held(runs):
        remove_left(path)
        write_file(path, page, staging=staging_of(path))
    return True


def index_differs(runs: Path, known: Reports = NOTHING_KNOWN) -> bool:
    """Whether the index on disk is not what the packs give. Writes nothing."""
    path = runs / INDEX
    return not path.is_file() or path.read_bytes() != index_of(runs, known)


def index_of(runs: Path, known: Reports = NOTHING_KNOWN) -> bytes:
    """The page for every pack directly below a folder; those not `known` are verified now."""
    packs = sorted(path for path in runs.iterdir() if _is_pack(path))
    others = [pack for pack in packs if pack not in known]
    reports = verify_packs(others, VerifyOptions(beside=tuple(packs)))
    verdicts = {**known, **dict(zip(others, reports, strict=True))}
    return index_page([_entry(pack, verdicts[pack]) for pack in packs])


def _is_pack(path: Path) -> bool:
    return not path.name.startswith(".") and is_pack(path)


def _entry(pack: Path, report: Report) -> IndexEntry:
    broken = IndexEntry(name=pack.name, verdict=report.verdict, problem=_BROKEN)
    if report.exit_code in (ExitCode.FINDINGS, ExitCode.REFUSED):
        return broken
    try:
        sums = _bytes(pack / layout.SUMS, limits.MAX_SUMS_BYTES)
        lines = sums.decode("ascii").splitlines()
        digests = {path: value for value, path in (line.split("  ", 1) for line in lines)}
        return IndexEntry(
            name=pack.name,
            verdict=report.verdict,
            manifest=_sealed(ManifestRecord, pack, layout.MANIFEST, digests),
            results=_sealed(ResultsRecord, pack, layout.RESULTS, digests),
            reproductions=tuple(_reproductions(pack)),
            root_sha256=sha256_hex(sums),
        )
    except (OSError, ValueError, MalformedError):  # it changed since it was verified
        return broken


def _sealed(kind: type[T], pack: Path, name: str, digests: dict[str, str]) -> T:
    data = _bytes(pack / name, limits.MAX_JSON_BYTES)
    if sha256_hex(data) != digests.get(name):
        raise MalformedError(f"{name} is not what SHA256SUMS lists")
    return _record(kind, layout.SCHEMA_OF[name], data)


def _reproductions(pack: Path) -> Iterator[ReproductionRecord]:
    folder = pack / layout.ATTACHED
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if layout.REPRODUCTION.fullmatch(f"{layout.ATTACHED}/{path.name}"):
            data = _bytes(path, limits.MAX_JSON_BYTES)
            yield _record(ReproductionRecord, layout.REPRODUCTION_SCHEMA, data)


def _record(kind: type[T], name: str, data: bytes) -> T:
    value = jsonio.load_document(data)
    for problem in schema.validate(name, value):
        raise MalformedError(f"{problem.pointer}: {problem.message}")
    return decode(kind, value)


def _bytes(path: Path, limit: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise MalformedError(f"{path.name} is no regular file")
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise MalformedError(f"{path.name} is too large")
    return data
