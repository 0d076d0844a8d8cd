"""500 small packs in one `verify runs`, their summaries and reports in one `render`: time a pack.

    python benchmarks/many.py [--small] [--pairs N]

Budgets, not claims: another machine has other times. What must hold anywhere is the straight
line, so the same is measured over fewer packs, each in turn. The packs are of different
milestones; losses, memory and times differ, hardware, packages and data are the same in all.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

import packs
from pairs import Cost, asked, evidence, machine, run, say
from scratch import scratch

from evidence import layout

BUDGET_MS = 8.0
RENDER_BUDGET_S = 5.0


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 7)
    counts = (10, 20, 50) if how.small else (100, 200, 500)
    with scratch(2 * counts[-1] * packs.MIB) as folder:
        runs = {count: folder / str(count) for count in counts}
        packs.many_packs(runs[counts[-1]], counts[-1])
        for count in counts[:-1]:
            for number in range(count):
                name = packs.milestone_of(number)
                shutil.copytree(runs[counts[-1]] / name, runs[count] / name)
        say(machine(), "")
        say("| what | packs | wall s | spread | ms a pack | budget |", "|---|---|---|---|---|---|")
        budget = f"{BUDGET_MS:g} ms a pack"
        _table("verify runs", runs, how.pairs, budget, _verify)
        budget = f"{RENDER_BUDGET_S:g} s for 500"
        _table("render, the summary of each gone", runs, how.pairs, budget, _render)
        _table("render, summary and report of each gone", runs, how.pairs, budget, _render_both)


def _table(
    name: str, runs: dict[int, Path], rounds: int, budget: str, side: Callable[[Path], Cost]
) -> None:
    taken: dict[int, list[float]] = {count: [] for count in runs}
    for number in range(rounds + 1):
        for count, path in runs.items():
            cost = side(path)
            if number:
                taken[count].append(cost.wall_s)
    for count, times in taken.items():
        middle = statistics.median(times)
        spread = f"{min(times):.3f} to {max(times):.3f}"
        each = f"{1e3 * middle / count:.2f}"
        say(f"| {name} | {count} | {middle:.3f} | {spread} | {each} | {budget} |")


def _verify(runs: Path) -> Cost:
    return run([evidence(), "verify", "--quiet", str(runs)])


def _render(runs: Path) -> Cost:
    return _rendered(runs, ("*_summary.md",))


def _render_both(runs: Path) -> Cost:
    return _rendered(runs, ("*_summary.md", layout.REPORT))


def _rendered(runs: Path, names: tuple[str, ...]) -> Cost:
    for name in names:
        for path in runs.glob(f"*/{name}"):
            path.unlink()
    return run([evidence(), "render", str(runs)])


if __name__ == "__main__":
    main()
