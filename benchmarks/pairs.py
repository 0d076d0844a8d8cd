"""Paired timing: two commands in turn, the ratio pair by pair, and what machine it was.

Responsible for fair measuring and for the table. What is compared is in the files beside this
one. Times come from the operating system's own accounting of each finished process.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_rss_mib: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and account for it. Raises where it fails."""
    began_s = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began_s
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(
    ours: Callable[[], Cost], theirs: Callable[[], Cost], pairs: int
) -> list[tuple[Cost, Cost]]:
    """One warm-up of each, then `pairs` pairs in turn."""
    ours(), theirs()
    return [(ours(), theirs()) for _ in range(pairs)]


def row(name: str, measured: Sequence[tuple[Cost, Cost]], figure: str, bar: str) -> str:
    """A table row: medians of both sides, the median ratio ours/theirs and its spread."""
    left = [getattr(a, figure) for a, _ in measured]
    right = [getattr(b, figure) for _, b in measured]
    ratios = sorted(a / b for a, b in zip(left, right, strict=True))
    return (
        f"| {name} | {figure} | {statistics.median(left):.3f} | {statistics.median(right):.3f} "
        f"| {statistics.median(ratios):.3f} | {ratios[0]:.3f} to {ratios[-1]:.3f} | {bar} |"
    )


HEADER = (
    "| what | figure | ours | other | ratio (median) | spread | bar |\n"
    "|---|---|---|---|---|---|---|"
)


def machine() -> str:
    """One line about where this was measured."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"load before {load:.1f}, {time.strftime('%Y-%m-%d')}"
    )


def python() -> str:
    """The interpreter that both sides use."""
    return sys.executable
