"""Mutated packs through the command line, and the laws that hold for every one of them.

`make fuzz` runs a campaign, `make fuzz FIRST=N COUNT=1` one case again: every case is made from its
number alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from fuzz.mutations import MUTATIONS, Files
from packs.case import GOLDEN
from packs.sealing import reseal, resum
from toy import MODEL

from tests.command import evidence

MAX_DURATION_S: Final = 2.0
MAX_MEMORY_BYTES: Final = 200 << 20
BASES: Final = ("v1/complete/M90", "v1/failed/M90")
EXITS: Final = frozenset(range(6))


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutated pack, and what came of it."""

    number: int
    what: str
    exit: int
    duration_s: float
    memory_bytes: int
    """What the process had at most while it verified, the test's own copies of the pack aside."""
    fault: str
    """Which law it breaks; empty for none."""


def trial(number: int, folder: Path) -> Trial:
    """Make the pack of this number below `folder` and verify it."""
    random = Random(f"evidence-fuzz-{number}")
    base = GOLDEN / BASES[number % len(BASES)]
    original = _files(base)
    files = dict(original)
    names = []
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        mutation = random.choice(MUTATIONS)
        mutation(random, files)
        names.append(mutation.__name__)
    pack = folder / base.name
    _write(pack, files)
    sealing = random.choice(("as-is", "as-is", "hashes", "hashes", "sealed"))
    if sealing != "as-is":
        _seal_again(pack, sealing)
    before = _files(pack)
    held_bytes = _resident_bytes()
    started = time.process_time()
    ended = evidence("verify", str(pack))
    duration_s = time.process_time() - started
    memory_bytes = bare_bytes() + _peak_bytes() - held_bytes
    what = f"{base.parent.name}: {', '.join(names)}; {sealing}"
    fault = _fault(ended.exit, ended.err, original, before, sealed=sealing != "as-is")
    if _files(pack) != before:
        fault = fault or "verify wrote to the pack"
    if memory_bytes > MAX_MEMORY_BYTES:
        fault = fault or f"took {memory_bytes / 2**20:.0f} MiB"
    shutil.rmtree(pack)
    return Trial(number, what, ended.exit, duration_s, memory_bytes, fault)


def trials(first: int, count: int) -> Iterator[Trial]:
    """Cases by number, in a folder of their own."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        for number in range(first, first + count):
            try:
                yield trial(number, Path(folder))
            except Exception as error:  # of the campaign's own: named, and the others go on
                what = f"could not be tried: {error!r}"
                yield Trial(number, "", -1, 0.0, 0, what[:500])


def _fault(exit_code: int, err: str, original: Files, files: Files, *, sealed: bool) -> str:
    if exit_code not in EXITS or "Traceback" in err:
        return f"exit {exit_code}: {err[-2000:]}"
    changed = {
        path for path in original.keys() | files.keys() if original.get(path) != files.get(path)
    }
    if exit_code == 0 and not sealed and changed - {MODEL}:
        return f"accepted with another {sorted(changed)}"
    if exit_code == 0 and not sealed and MODEL in changed and MODEL in files:
        return "accepted with other weights"
    return ""


def _seal_again(pack: Path, sealing: str) -> None:
    try:
        reseal(pack, []) if sealing == "sealed" else resum(pack)
    except Exception:
        resum(pack)


def _files(pack: Path) -> Files:
    return {
        path.relative_to(pack).as_posix(): path.read_bytes()
        for path in sorted(pack.rglob("*"))
        if path.is_file()
    }


def _write(pack: Path, files: Files) -> None:
    for path, data in files.items():
        target = pack / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _share(bounds: tuple[int, int]) -> tuple[list[Trial], Counter[int], float, int]:
    faults, exits, longest_s, memory_bytes = [], Counter[int](), 0.0, 0
    for one in trials(*bounds):
        exits[one.exit] += 1
        longest_s = max(longest_s, one.duration_s)
        memory_bytes = max(memory_bytes, one.memory_bytes)
        if one.fault or one.duration_s > MAX_DURATION_S:
            faults.append(one)
    return faults, exits, longest_s, memory_bytes


def _resident_bytes() -> int:
    """What this process has in memory; from here on the kernel counts its peak anew.

    Where it cannot be told to, the peak so far, with which no case can seem to take more.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        return _status_bytes("VmRSS")
    except OSError:
        return _peak_bytes()


def _peak_bytes() -> int:
    try:
        return _status_bytes("VmHWM")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status_bytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) * 1024


@cache
def bare_bytes() -> int:
    """Of a process that has imported what verify needs, and no pack. Not of this one: what other
    tests have imported here is none of it."""
    code = "import tests.fuzz.campaign as campaign; print(campaign._resident_bytes())"
    root = Path(__file__).parents[2]
    path = os.pathsep.join(map(str, (root, root / "tests", root / "tests/verification")))
    command, environment = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(done.stdout)


def main() -> None:
    """Run a campaign on all processors; exit 1 when a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000)
    asked = parser.parse_args()
    size = 500
    last = asked.first + asked.count
    shares = [(n, min(size, last - n)) for n in range(asked.first, last, size)]
    faults, exits, longest_s, memory_bytes = [], Counter[int](), 0.0, 0
    with multiprocessing.Pool(maxtasksperchild=1) as pool:
        results = pool.imap_unordered(_share, shares)
        for done, (found, codes, slowest_s, peak_bytes) in enumerate(results, 1):
            if done % -(-len(shares) // 20) == 0:
                print(
                    f"{done / len(shares):.0%} of {asked.count} packs", file=sys.stderr, flush=True
                )
            faults += found
            exits += codes
            longest_s, memory_bytes = max(longest_s, slowest_s), max(memory_bytes, peak_bytes)
            for one in found:
                print(f"case {one.number} ({one.what}): {one.duration_s:.2f} s {one.fault}")
    print(f"{asked.count} packs; exit codes {dict(sorted(exits.items()))}; ", end="")
    print(f"longest {longest_s:.2f} s, memory {memory_bytes / 2**20:.0f} MiB, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
