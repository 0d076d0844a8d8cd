"""Paired timing: two commands in turn, the ratio pair by pair, and what machine it was.

Responsible for fair measuring and for the table. What is compared is in the files beside this
one. Times come from the operating system's own accounting of each finished process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
        command, stdout=subprocess.DEVNULL, env={**_environment(), **(environment or {})}
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began_s
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _environment() -> dict[str, str]:
    """Ours, with byte code kept, as where a program is installed: both sides start warm."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def compare(
    ours: Callable[[], Cost], theirs: Callable[[], Cost], pairs: int, *, warm: bool = True
) -> list[tuple[Cost, Cost]]:
    """One warm-up of each unless told otherwise, then `pairs` pairs in turn."""
    if warm:
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


def evidence() -> str:
    """The command of the environment that runs the benchmark."""
    return str(Path(python()).parent / "evidence")


PARALLEL = min(4, os.cpu_count() or 1)
"""Processes or threads that either side may use: what verify takes by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a benchmark was asked to run."""

    small: bool
    """Sizes that show only that it works."""
    pairs: int


def asked(doc: str, pairs: int) -> Asked:
    """Read the command line: [--small] [--pairs N]."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="small sizes, two pairs")
    parser.add_argument("--pairs", type=int, default=None, help=f"pairs to measure ({pairs})")
    found = parser.parse_args()
    return Asked(found.small, found.pairs or (2 if found.small else pairs))


def result_of(arguments: list[str], env: dict[str, str]) -> Any:
    """What a script of Python, in a process of its own, prints as JSON behind RESULT."""
    done = subprocess.run(
        [python(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8", **env},
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.split("RESULT ")[1])


def say(*lines: str) -> None:
    """Print at once: the rest may take minutes."""
    print(*lines, sep="\n", flush=True)
