"""Cost grows as the work does: verify and seal by bytes, files, step rows; verify by stages.

    python benchmarks/growth.py [--small] [--pairs N]

A straight line shows in the last column: time for each further unit, over the line before. The
largest weights are what the disk holds twice over, up to 50 GB.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import packs
from pairs import Cost, asked, evidence, machine, python, run, say
from scratch import scratch
from staged import pack_with_stages
from weights import SEAL

from evidence import layout

SIZES_MB = (10, 100, 1_000, 5_000, 20_000, 50_000)
FILES = (30, 100, 1_000, 5_000, 20_000)
STEPS = (100, 1_000, 10_000, 100_000, 200_000)
STAGES = (5, 10, 20, 49)
"""Trainings, each of which is evaluated; 50 [[stage]] are the most."""


def main() -> None:
    """Print the tables."""
    how = asked(__doc__, 3)
    free_mb = shutil.disk_usage(tempfile.gettempdir()).free // 1_000_000
    sizes = [size for size in SIZES_MB if size * 2 < free_mb and (size <= 100 or not how.small)]
    files = [count for count in FILES if count <= 1_000 or not how.small]
    steps = [count for count in STEPS if count <= 10_000 or not how.small]
    say(machine(), "")
    say("| what | size | verify s | per unit | seal s | per unit |", "|---|---|---|---|---|---|")
    for name, unit, values, make in (
        ("weights", "MB", sizes, lambda at, size: packs.pack_with_weights(at, size * 10**6)),
        ("files of 4 KiB", "files", files, packs.pack_with_files),
        ("step rows", "rows", steps, packs.pack_with_steps),
    ):
        _table(name, unit, values, make, how.pairs)
    _stages(STAGES[: 2 if how.small else None], how.pairs)


def _stages(values: tuple[int, ...], rounds: int) -> None:
    """Each is a run of its own, of a second or two a stage; sealing is a part of that."""
    before: tuple[int, float] | None = None
    for value in values:
        with scratch() as folder:
            verify_s = _median(_verifying(pack_with_stages(folder / "M90", value), rounds))
        each = ""
        if before is not None:
            each = f"{1e3 * (verify_s - before[1]) / (value - before[0]):.1f} ms"
        say(f"| trainings, each evaluated | {value} | {verify_s:.3f} | {each} | | |")
        before = (value, verify_s)


def _table(
    name: str, unit: str, values: list[int], make: Callable[[Path, int], Path], rounds: int
) -> None:
    before: tuple[float, float, float] | None = None
    for value in values:
        with scratch() as folder:
            pack = make(folder / "M90", value)
            os.sync()
            verify_s = _median(_verifying(pack, rounds))
            seal_s = _median(_sealing(pack, folder, rounds))
        each = ["", ""]
        if before is not None:
            more = value - before[0]
            each = [
                f"{1e6 * (now - then) / more:.1f} µs"
                for now, then in ((verify_s, before[1]), (seal_s, before[2]))
            ]
        say(f"| {name} | {value} {unit} | {verify_s:.3f} | {each[0]} | {seal_s:.3f} | {each[1]} |")
        before = (value, verify_s, seal_s)


def _median(costs: Iterator[Cost]) -> float:
    return statistics.median(cost.wall_s for cost in costs)


def _verifying(pack: Path, rounds: int) -> Iterator[Cost]:
    run([evidence(), "verify", "--quiet", str(pack)])
    for _ in range(rounds):
        yield run([evidence(), "verify", "--quiet", str(pack)])


def _sealing(pack: Path, folder: Path, rounds: int) -> Iterator[Cost]:
    manifest = (pack / layout.MANIFEST).rename(folder / layout.MANIFEST)
    for path in (pack / layout.RENDERED, *pack.glob("*_summary.md"), *pack.glob("plots/*")):
        path.unlink()
    (pack / layout.PLOTS).rmdir()
    for _ in range(rounds):
        (pack / layout.MANIFEST).unlink(missing_ok=True)
        (pack / layout.SUMS).unlink()
        yield run([python(), "-c", SEAL, str(pack), str(manifest)])


if __name__ == "__main__":
    main()
