"""Packs past each limit of verify, one for every cap, and files that must not even be opened.

Responsible for making them. `test_limits` holds what verify must say; `benchmarks/limits.py`
measures what it costs.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packs.edits import OPERATIONS
from toy import MODEL

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.pack.seal import format_sums

TERABYTE: Final = 1 << 40
GIGABYTE: Final = 10**9


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit, and what is done to a good pack to be past it."""

    limit: str
    """Name in limits.py; empty for what no number bounds."""
    what: str
    make: Callable[[Path], object]
    codes: tuple[str, ...] = ("too-large",)
    """Codes of which one must be said."""
    exit: int = 5
    large: bool = False
    """Takes long to make: measured, and not among the tests."""
    slow: bool = False
    """Takes seconds to make: left to `make test-all`."""


def states(pack: Path, *paths: str) -> None:
    """The pack's own lists name these files with the sizes that they have, and no true digest."""
    manifest = json.loads((pack / layout.MANIFEST).read_bytes())
    entries = {entry["path"]: entry for entry in manifest["files"]}
    for path in paths:
        entries[path] = {"path": path, "size_bytes": (pack / path).stat().st_size}
    manifest["files"] = [entries[path] for path in sorted(entries)]
    data = jsonio.dump_document(manifest)
    (pack / layout.MANIFEST).write_bytes(data)
    lines = (pack / layout.SUMS).read_text("ascii").splitlines()
    digests = {line[66:]: line[:64] for line in lines} | dict.fromkeys(paths, "0" * 64)
    (pack / layout.SUMS).write_bytes(format_sums({**digests, layout.MANIFEST: sha256_hex(data)}))


def _sparse(path: str, size: int, *, stated: bool = False) -> Callable[[Path], None]:
    def make(pack: Path) -> None:
        (pack / path).parent.mkdir(parents=True, exist_ok=True)
        OPERATIONS["sparse"](pack, path, size)
        if stated:
            states(pack, path)

    return make


def _bytes(path: str, *parts: tuple[bytes, int]) -> Callable[[Path], None]:
    """A file of these bytes, each so many times, sealed again."""

    def make(pack: Path) -> None:
        with (pack / path).open("wb") as stream:
            for data, times in parts:
                for _ in range(max(1, len(data) * times >> 20)):
                    stream.write(data * min(times, (1 << 20) // len(data) + 1))
        OPERATIONS["hashes"](pack)

    return make


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _nested(depth: int) -> Callable[[Path], None]:
    def make(pack: Path) -> None:
        with _inside(pack):  # a path of that depth is too long for one call
            for _ in range(depth):
                os.mkdir("d")  # noqa: PTH102 - relative to where chdir led
                os.chdir("d")

    return make


def _many(count: int, make_one: Callable[[int], object]) -> Callable[[Path], None]:
    def make(pack: Path) -> None:
        (pack / "many").mkdir()
        with _inside(pack / "many"):
            for number in range(count):
                make_one(number)

    return make


def _mkdir(number: int) -> None:
    Path(f"d{number}").mkdir()


def _touch(number: int) -> None:
    os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))


def _weights(header: bytes, length: int | None = None) -> Callable[[Path], None]:
    def make(pack: Path) -> None:
        stated = len(header) if length is None else length
        (pack / MODEL).write_bytes(struct.pack("<Q", stated) + header)
        OPERATIONS["hashes"](pack)

    return make


def _tensors(count: int) -> bytes:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return json.dumps({f"t{number}": entry for number in range(count)}).encode()


def _files(count: int, name: str, size: int, head: bytes = b"") -> Callable[[Path], None]:
    """So many sparse files, all stated with their size; {} in the name is their number."""

    def make(pack: Path) -> None:
        paths = [name.format(number) for number in range(1, count + 1)]
        for path in paths:
            (pack / path).parent.mkdir(parents=True, exist_ok=True)
            (pack / path).write_bytes(head)
            os.truncate(pack / path, size)
        states(pack, *paths)

    return make


def _sums(count: int) -> Callable[[Path], object]:
    names = (f"{'0' * 64}  f{number:05d}\n" for number in range(count))
    return lambda pack: (pack / layout.SUMS).write_text("".join(names), "ascii")


def _loop(pack: Path) -> None:
    OPERATIONS["symlink"](pack, layout.TRAINING_LOG, layout.TRAINING_LOG)


def _special(kind: str) -> Callable[[Path], object]:
    return lambda pack: OPERATIONS["special"](pack, layout.TRAINING_LOG, kind)


_LENGTH: Final = struct.pack("<Q", limits.MAX_SAFETENSORS_HEADER_BYTES)
_SHARD: Final = f"{layout.FINAL_MODEL}/model-{{:05d}}.safetensors"
_PAST: Final = ("past-limit",)
BREACHES: Final = (
    Breach("MAX_FILES", "20,001 files", _many(20_001, _touch), ("too-many-files",), slow=True),
    Breach("MAX_FILES", "1,000,000 files", _many(10**6, _touch), ("too-many-files",), large=True),
    Breach("MAX_DIRECTORIES", "20,001 folders", _many(20_001, _mkdir),
           ("too-many-folders",), slow=True),
    Breach("MAX_DIRECTORIES", "19,000 empty folders, which are within the limit",
           _many(19_000, _mkdir), ("empty-folder",), exit=1,
           slow=True),
    Breach("MAX_DEPTH", "folders 10,000 deep", _nested(10_000), ("unsafe-name",),
           slow=True),
    Breach("MAX_PATH_BYTES", "a path of 201 bytes",
           lambda pack: (pack / ("x" * 201)).touch(), ("unsafe-name",)),
    Breach("MAX_SUMS_BYTES", "SHA256SUMS of 1 TB", _sparse(layout.SUMS, TERABYTE)),
    Breach("MAX_FILES", "SHA256SUMS of 20,001 files", _sums(20_001), ("too-many-files",)),
    Breach("MAX_MANIFEST_BYTES", "a manifest of 1 TB", _sparse(layout.MANIFEST, TERABYTE)),
    Breach("MAX_TOML_BYTES", "a milestone of 1 TB", _sparse(layout.MILESTONE, TERABYTE)),
    Breach("MAX_TOML_KEY_PARTS", "a key of 30,000 parts",
           _bytes(layout.MILESTONE, (b"a.", 30_000), (b"a = 1\n", 1)), _PAST),
    Breach("MAX_JSON_BYTES", "results of 1 TB", _sparse(layout.RESULTS, TERABYTE)),
    Breach("MAX_JSON_DEPTH", "JSON 100,000 deep",
           _bytes(layout.PACKAGES, (b"[", 100_000), (b"]", 100_000)), _PAST),
    Breach("MAX_JSON_BRACKETS", "15 MB of {}",
           _bytes(layout.SEEN, (b"[", 1), (b"{},", 5_000_000), (b"{}]", 1)), _PAST),
    Breach("MAX_JSON_COMMAS", "15 MB of commas",
           _bytes(layout.SEEN, (b"[", 1), (b"1,", 7_500_000), (b"1]", 1)), _PAST),
    Breach("MAX_JSONL_BYTES", "metrics of 1 TB", _sparse(layout.METRICS, TERABYTE)),
    Breach("MAX_JSONL_BYTES", "JSON lines of 160 MB in two files",
           _files(2, "attempts/{:02d}-a/telemetry.jsonl", 80_000_000)),
    Breach("MAX_JOURNAL_BYTES", "a journal of 17 MB", _sparse(layout.JOURNAL, 17_000_000)),
    Breach("MAX_JSONL_LINE_BYTES", "one line of 100 MB",
           _sparse(layout.METRICS, GIGABYTE // 10, stated=True), _PAST),
    Breach("MAX_JSONL_LINES", "10,000,000 lines", _bytes(layout.METRICS, (b"0\n", 10**7)), _PAST),
    Breach("MAX_TEXT_BYTES", "a log of 1 TB", _sparse(layout.TRAINING_LOG, TERABYTE)),
    Breach("MAX_SAFETENSORS_HEADER_BYTES", "a header of 2^63 bytes", _weights(b"{}", 2**63), _PAST),
    Breach("MAX_SAFETENSORS_HEADERS_BYTES", "60 files with headers of 8 MiB",
           _files(60, _SHARD, 9 << 20, _LENGTH), _PAST),
    Breach("MAX_TENSORS", "100,000 tensors", _weights(_tensors(100_000)), _PAST),
    Breach("MAX_RENDERED_BYTES", "a plot of 1 TB", _sparse("plots/loss.svg", TERABYTE)),
    Breach("MAX_NOTE_BYTES", "an attached note of 1 TB", _sparse("attached/notes-1.md", TERABYTE)),
    Breach("MAX_NOTE_BYTES", "notes of 1 TB", _sparse(layout.NOTES, TERABYTE)),
    Breach("MAX_ATTACHED_BYTES", "40 notes of 1 MB",
           _files(40, "attached/notes-{:02d}.md", 1_000_000)),
    Breach("MAX_MODEL_JSON_BYTES", "5 JSON files of a model, of 15 MB each",
           _files(5, layout.FINAL_MODEL + "/part{}.json", 15_000_000)),
    Breach("MAX_JSON_BYTES", "a model's config.json of 4 GB",
           _sparse(f"{layout.FINAL_MODEL}/config.json", 4 * GIGABYTE, stated=True)),
    Breach("MAX_DOCUMENTS_BYTES", "1,000 outcomes of 15 MB",
           _files(1000, "attempts/{:02d}-a/outcome.json", 15_000_000)),
    Breach("MAX_SIGNATURE_BYTES", "a signature of 1 TB", _sparse(layout.SIGNATURE, TERABYTE)),
    Breach("", "a FIFO", _special("fifo"), ("not-a-plain-file",)),
    Breach("", "a device", _special("device"), ("not-a-plain-file",)),
    Breach("", "a socket", _special("socket"), ("not-a-plain-file",)),
    Breach("", "a link to itself", _loop, ("not-a-plain-file",)),
)  # fmt: skip
