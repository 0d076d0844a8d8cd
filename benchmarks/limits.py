"""What limits bound: what it costs verify to refuse a pack past each of them, and to verify one
whose rows fill them. Time and peak memory.

python benchmarks/limits.py            (PYTHONPATH=tests:tests/verification; `make bench` sets it)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from breaches import BREACHES, Breach
from large import long_run
from packs.case import GOLDEN
from pairs import machine

MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made there: a million files are quick
MAX_WALL_S = 1.0
MAX_MILLION_FILES_S = 2.0
MAX_RSS_MIB = 150.0
MOST_ROWS = (200_000, 100_000, 70_000)
"""Steps, answers and samples of the pack that is verified."""
MAX_MOST_CPU_S = 5.0
MAX_MOST_RSS_MIB = 330.0
"""300 MB beyond what verifying a small pack takes."""


# Its memory counts from that of the process that starts it, which must therefore be a small one.
LAUNCHER = """
import os, sys, time
began = time.monotonic()
quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_utime + usage.ru_stime,
      usage.ru_maxrss / 1024)
"""


def verify(pack: Path) -> tuple[int, float, float, float]:
    """Exit code, wall and processor seconds, peak resident MiB of `evidence verify`."""
    words = [sys.executable, "-m", "evidence", "verify", str(pack)]
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, wall_s, cpu_s, rss_mib = done.stdout.split()
    return int(code), float(wall_s), float(cpu_s), float(rss_mib)


def row(breach: Breach, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether it keeps the bars."""
    pack = folder / "M90"
    shutil.copytree(GOLDEN / "v1/complete/M90", pack)
    breach.make(pack)
    code, wall_s, cpu_s, rss_mib = min((verify(pack) for _ in range(3)), key=lambda one: one[1])
    bar_s = MAX_MILLION_FILES_S if breach.large else MAX_WALL_S
    good = code == breach.exit and wall_s <= bar_s and rss_mib <= MAX_RSS_MIB
    subprocess.run(["rm", "-rf", str(pack)], check=True)  # rmtree recurses, and gives up
    remark = "" if good else ": **missed**"
    limit = f"`{breach.limit}`" if breach.limit else ""
    cost = f"{wall_s:.2f} | {cpu_s:.2f} | {rss_mib:.0f}"
    bar = f"≤ {bar_s:g} s, ≤ {MAX_RSS_MIB:g} MiB{remark}"
    return (
        f"| {limit} | {breach.what} | {code} | {cost} | {bar} |",
        good,
    )


def most_rows(folder: Path) -> tuple[str, bool]:
    """The same of a pack with as many rows as an honest one has. Other work on the machine counts
    in wall time, so processor seconds are held."""
    pack = long_run(folder / "M90", *MOST_ROWS)
    code, wall_s, cpu_s, rss_mib = min((verify(pack) for _ in range(3)), key=lambda one: one[2])
    good = code == 0 and cpu_s <= MAX_MOST_CPU_S and rss_mib <= MAX_MOST_RSS_MIB
    what = "{:,} steps, {:,} answers, {:,} samples: verified".format(*MOST_ROWS)
    bar = f"≤ {MAX_MOST_CPU_S:g} s of CPU, ≤ {MAX_MOST_RSS_MIB:g} MiB"
    remark = "" if good else ": **missed**"
    cost = f"{wall_s:.2f} | {cpu_s:.2f} | {rss_mib:.0f}"
    return f"| `MAX_JSONL_BYTES` | {what} | {code} | {cost} | {bar}{remark} |", good


def main() -> None:
    """Print the table; exit 1 where a bar is missed."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    print(machine(), "", "| limit | breach | exit | wall s | CPU s | peak MiB | bar |", sep="\n")
    print("|---|---|---|---|---|---|---|")
    within_limits = True
    for make in (most_rows, *(partial(row, breach) for breach in BREACHES)):
        with tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
            text, good = make(Path(folder))
        print(text, flush=True)
        within_limits = within_limits and good
    sys.exit(not within_limits)


if __name__ == "__main__":
    main()
