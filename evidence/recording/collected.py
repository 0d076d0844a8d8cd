"""The files that a program left and that its pack keeps, and the numbers in them.

Responsible for which files match, what is too large or holds a secret, and which well-known result
files could give numbers. The numbers themselves are taken by `rules.extraction`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.capture.patterns import files_matching, is_plain
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import MalformedError
from evidence.recording import places
from evidence.recording.opened import shown
from evidence.records.availability import Unavailable
from evidence.records.milestone import CollectSpec, MetricSpec
from evidence.records.program import CollectedFile, NumberInFile
from evidence.records.record import Record
from evidence.redact.privacy import Privacy
from evidence.redact.search import scan
from evidence.rules import extraction
from evidence.stages.command import COLLECTED
from evidence.text.formatting import plural

MAX_FILES: Final = 1_000
MAX_BYTES: Final = 64 * limits.MIB
"""Of all that is kept."""
KNOWN_BYTES: Final = limits.MIB
KNOWN: Final = (
    "trainer_state.json", "all_results.json", "train_results.json", "eval_results.json",
    "metrics.json", "metrics.jsonl", "metrics.csv", "results.json", "results.csv", "results.tsv",
    "log_history.json", "scores.json", "eval.json",
)  # fmt: skip
"""Small files of these names are kept without being asked for, where the program wrote them."""


class Kept(Record):
    """Files that are kept, with their bytes by their names below the folder of the pack."""

    files: tuple[CollectedFile, ...]
    bytes_of: dict[str, bytes]
    known: tuple[str, ...]
    """Of well-known names, as the program called them."""
    not_there: tuple[str, ...]
    """What was asked for and is not among the files, one sentence each."""


def collect(
    specs: Iterable[CollectSpec],
    metrics: Iterable[MetricSpec],
    written: Iterable[Path],
    root: Path,
    output: Path,
    privacy: Privacy,
) -> Kept:
    """Read what the milestone asks for, what its metrics are in, and what is well known."""
    wanted: dict[Path, int] = {}
    not_there: list[str] = []
    for spec in specs:
        for pattern in spec.paths:
            found = _matching(pattern, root, output)
            not_there += _missing(pattern, found)
            for path in filter(_has_a_name, found):
                wanted.setdefault(path, spec.max_bytes)
    asked = {
        path for one in metrics for path in _matching(one.file, root, output) if _has_a_name(path)
    }
    wanted |= {path: max(wanted.get(path, 0), limits.MAX_JSON_BYTES) for path in asked}
    known = [path for path in written if path.name in KNOWN and path.is_file()]
    for path in known:
        wanted.setdefault(path, KNOWN_BYTES)
    files: list[CollectedFile] = []
    kept: dict[str, bytes] = {}
    total = 0
    ordered = sorted(wanted.items(), key=lambda one: (one[0] not in asked, one[0]))
    if len(ordered) > MAX_FILES:
        not_there.append(f"of {len(ordered)} files to keep only the first {MAX_FILES} are named")
    for path, most in ordered[:MAX_FILES]:
        record, data = _one(path, most, root, output, privacy, set(kept))
        name = record.kept_as
        if data is not None and name is not None:
            if total + len(data) > MAX_BYTES:
                record = _not_kept(record, f"more than {MAX_BYTES} bytes are kept already")
            else:
                kept[name] = data
                total += len(data)
        files.append(record)
    files.sort(key=lambda one: one.path)
    names = tuple(shown(path, root) for path in known)
    return Kept(tuple(files), kept, names, tuple(not_there))


def _missing(pattern: str, found: Sequence[Path]) -> Iterator[str]:
    if not found:
        yield f"no file matches {pattern[: limits.MAX_MESSAGE_CHARS]}"
    odd = [path for path in found if not _has_a_name(path)]
    if odd:
        name = ascii(odd[0].name)[: limits.MAX_MESSAGE_CHARS]
        yield f"of {plural(len(odd), 'file')} the name is no UTF-8, which no document holds: {name}"


def _matching(pattern: str, root: Path, output: Path) -> list[Path]:
    """The files that a pattern names, as `[[frozen]]` would; links and what is no file are none."""
    (filled,) = places.filled((pattern,), output)
    path = Path(filled)
    if path.is_absolute():
        base, pattern = (
            (output, str(path.relative_to(output))) if _is_in(path, output) else _apart(path)
        )
    else:
        base, pattern = root, filled
    return [base / name for name in sorted(files_matching(base, pattern))]


def _apart(path: Path) -> tuple[Path, str]:
    """A pattern of an absolute path: the folder before its first wildcard, and the rest."""
    above = [one for one in reversed(path.parents) if is_plain(str(one))]
    base = above[-1] if above else Path(path.anchor)
    return base.resolve(), str(path.relative_to(base))


def _has_a_name(path: Path) -> bool:
    try:
        return bool(str(path).encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _is_in(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _one(
    path: Path, most: int, root: Path, output: Path, privacy: Privacy, taken: set[str]
) -> tuple[CollectedFile, bytes | None]:
    name = _name(path, root, output)
    try:
        with path.open("rb", buffering=0) as stream:
            sha256, size_bytes = sha256_stream(stream)
        record = CollectedFile(name, None, "", size_bytes, sha256)
        if size_bytes > most:
            return _not_kept(record, f"has {size_bytes} bytes, and {most} are kept"), None
        data = path.read_bytes()
    except OSError as error:
        return CollectedFile(name, None, f"cannot be read: {error.strerror}", 0, _NOT_READ), None
    if sha256_hex(data) != sha256:
        return _not_kept(record, "changed while it was read"), None
    if layout.ACTS.fullmatch(path.name):
        return _not_kept(record, "is of a kind that browsers or shells run"), None
    found = scan(data, privacy.secrets)
    if found:
        text = f"holds what looks like a secret ({found[0].kind}, line {found[0].line})"
        return _not_kept(record, text), None
    kept_as = places.in_pack(name)
    if kept_as.lower() in {one.lower() for one in taken}:
        kept_as = places.in_pack(f"{sha256[:8]}/{name}")
    if len(f"{COLLECTED}/{kept_as}".encode()) > limits.MAX_PATH_BYTES or kept_as.count("/") > 3:
        kept_as = places.in_pack(f"{sha256[:8]}/{path.name}")[: limits.MAX_PATH_BYTES // 2]
    place = f"{COLLECTED}/{kept_as}"
    if privacy.clean(place) != place:  # documents would name another file than there is
        kept_as = f"{sha256}{path.suffix if path.suffix[1:].isalnum() else ''}"
    return CollectedFile(name, kept_as, "", size_bytes, sha256), data


_NOT_READ: Final = Unavailable("it could not be read")


def _not_kept(record: CollectedFile, why: str) -> CollectedFile:
    return CollectedFile(record.path, None, why, record.size_bytes, record.sha256)


def numbers(
    metrics: Sequence[MetricSpec], kept: Kept, root: Path, output: Path
) -> tuple[NumberInFile, ...]:
    """The number of each `[[metric]]`, from the very bytes that the pack keeps."""
    names: Mapping[str, CollectedFile] = {one.path: one for one in kept.files}
    found = []
    for spec in metrics:
        paths = _matching(spec.file, root, output)
        name = "" if len(paths) != 1 else _name(paths[0], root, output)
        record = names.get(name)
        why = f"{len(paths)} files match {spec.file}" if len(paths) != 1 else ""
        if record is not None and record.kept_as is None:
            why = f"{name} {record.why_not}"
        if why or record is None or record.kept_as is None:
            found.append(_unknown(spec, why or f"there is no {spec.file}"))
            continue
        place = f"{COLLECTED}/{record.kept_as}"
        try:
            one = extraction.extract(kept.bytes_of[record.kept_as], name, spec)
        except MalformedError as error:
            found.append(_unknown(spec, f"{name} {error.message}", place))
            continue
        found.append(NumberInFile(spec.name, one.value, one.text, place, one.place, spec.unit))
    return tuple(found)


def _name(path: Path, root: Path, output: Path) -> str:
    return f"output/{path.relative_to(output)}" if _is_in(path, output) else shown(path, root)


def _unknown(spec: MetricSpec, why: str, place: str = "") -> NumberInFile:
    return NumberInFile(spec.name, Unavailable(why), "", place, "", spec.unit)
