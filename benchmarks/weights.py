"""A pack with 5 GB of weights: verify, warm and cold, and sealing.

    python benchmarks/weights.py [--small] [--pairs N]

Every check of verify runs. The others only hash: openssl knows no list to compare with, and
model_signing compares with the digests in its signature. Cold means the pack: Python's own files
are brought back before. Sealing starts from files that are on disk already, as after training;
what it takes to get them there is the disk's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import packs
import peers
from pairs import (
    HEADER,
    PARALLEL,
    Asked,
    Cost,
    asked,
    compare,
    evidence,
    machine,
    python,
    row,
    run,
    say,
)
from scratch import drop_cache, files_below, scratch

from evidence import layout

GIB_5 = 5_020_000_000
COLD_PAIRS = 3
SEAL = """
import sys
from pathlib import Path
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.records.run import ManifestRecord
from evidence.pack.seal import seal
from msgspec.structs import replace
folder = Path(sys.argv[1])
manifest = decode(ManifestRecord, jsonio.load_document(Path(sys.argv[2]).read_bytes()))
seal(folder, replace(manifest, files=()))
"""


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 7)
    size_bytes = 200 * packs.MIB if how.small else GIB_5
    with scratch(size_bytes) as folder:
        pack = packs.pack_with_weights(folder / "M90", size_bytes)
        os.sync()
        say(machine(), "", HEADER)
        _warm(pack, folder, size_bytes, how)
        packs.many_packs(folder, 1)
        _cold(pack, folder / packs.milestone_of(0), size_bytes, how)
        _sealing(pack, folder, size_bytes, how)  # last: what was rendered goes


def _verify(pack: Path) -> Cost:
    return run([evidence(), "verify", "--quiet", str(pack)])


def _warm(pack: Path, folder: Path, size_bytes: int, how: Asked) -> None:
    name = f"verify {size_bytes / 1e9:.2f} GB, warm"
    measured = compare(lambda: _verify(pack), peers.openssl(pack, folder, 1), how.pairs)
    say(row(f"{name} / openssl -P{PARALLEL}", measured, "wall_s", "≤ 0.90"))
    rss = max(ours.peak_rss_mib for ours, _ in measured)
    say(f"| {name} | peak RSS, MiB | {rss:.0f} | | | | ≤ 120 |")
    other = peers.model_signing(pack, folder)
    if isinstance(other, str):
        say(f"| {name} / model_signing verify | not measured: {other} | | | | | ≤ 0.85 |")
        return
    measured = compare(lambda: _verify(pack), other, how.pairs)
    say(row(f"{name} / model_signing verify", measured, "wall_s", "≤ 0.85"))


def _cold(pack: Path, small: Path, size_bytes: int, how: Asked) -> None:
    files, ways = files_below(pack), set()

    def cold(side: Callable[[], Cost]) -> Callable[[], Cost]:
        def measured() -> Cost:
            ways.add(drop_cache(files))
            _verify(small)
            return side()

        return measured

    for other, side, bar in (
        ("cat", peers.cat(pack), "≤ 1.25"),
        (f"openssl -P{PARALLEL}, cold too", peers.openssl(pack, small.parent, 1), "none"),
    ):
        ours = cold(lambda: _verify(pack))
        measured = compare(ours, cold(side), min(how.pairs, COLD_PAIRS), warm=False)
        name = f"verify {size_bytes / 1e9:.2f} GB, cold by {', '.join(ways)} / {other}"
        say(row(name, measured, "wall_s", bar))


def _sealing(pack: Path, folder: Path, size_bytes: int, how: Asked) -> None:
    manifest = folder / "manifest.json"
    manifest.write_bytes((pack / layout.MANIFEST).read_bytes())
    again = [*pack.glob("*_summary.md"), *pack.glob("plots/*"), pack / layout.RENDERED]
    rendered = {path: path.read_bytes() for path in again}

    def ours() -> Cost:
        for path in (pack / layout.SUMS, pack / layout.MANIFEST, *rendered):
            path.unlink(missing_ok=True)
        (pack / layout.PLOTS).rmdir()
        return run([python(), "-c", SEAL, str(pack), str(manifest)])

    def theirs() -> Cost:
        (pack / layout.PLOTS).mkdir()
        for path, data in rendered.items():
            path.write_bytes(data)
        return _verify(pack)  # fails, and the benchmark with it, unless the seal is the same again

    measured = compare(ours, theirs, how.pairs)
    say(row(f"seal {size_bytes / 1e9:.2f} GB / our verify", measured, "wall_s", "≤ 1.10"))


if __name__ == "__main__":
    sys.exit(main())
