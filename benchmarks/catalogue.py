"""The index over many packs: reading packs into it, 100,000 rows written, and asking it.

    python benchmarks/catalogue.py [--small] [--pairs N]

Packs that are read are real ones, of different milestones, on disk. The rows of the large index
are synthetic: what was read of one such pack, with another loss, commit, data set and, for one in
500, other packages each time. They are written by the same code that writes what was read. Asking
is measured as a user meets it, the start of the program included, and inside of it.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from random import Random

import packs
from msgspec.structs import replace
from pairs import asked, evidence, machine, run, say
from scratch import scratch

from evidence.catalogue import store
from evidence.catalogue.asked import Asked, package_asked, value_asked
from evidence.catalogue.build import enter, key_of
from evidence.catalogue.entry import Entry, entry_of, stamp_of
from evidence.catalogue.query import find

BUDGET_S = 0.2
BATCH = 500
QUESTIONS = {
    "one package": Asked(packages=(package_asked("torch==2.13.7"),)),
    "package, status and value": Asked(
        packages=(package_asked("torch==2.13.7"),),
        status="complete",
        values=(value_asked("train.loss_end<0.5"),),
    ),
    "a value that half of them meet": Asked(values=(value_asked("train.loss_end<0.5"),)),
    "three values": Asked(
        values=tuple(
            value_asked(one)
            for one in ("train.loss_end<0.9", "train.loss_start>0", "train.num_steps>0")
        )
    ),
    "a data set": Asked(data=("00000000000000aa",)),
    "every pack": Asked(),
}


def main() -> None:
    """Print both tables."""
    how = asked(__doc__, 7)
    with scratch(4000 * packs.MIB) as folder:
        say(machine(), "")
        _reading(folder, (10, 20) if how.small else (100, 200, 500), how.pairs)
        for count in (1_000,) if how.small else (10_000, 100_000):
            _asking(folder, count, how.pairs)


def _reading(folder: Path, counts: tuple[int, ...], rounds: int) -> None:
    say("| what | packs | wall s | spread | ms a pack |", "|---|---|---|---|---|")
    for count in counts:
        runs = folder / f"runs-{count}"
        packs.many_packs(runs, count)
        for name, words in (("index, from nothing", ["--anew"]), ("index, nothing changed", [])):
            command = [evidence(), "index", *words, str(runs)]
            run(command)
            times = [run(command).wall_s for _ in range(rounds)]
            middle = statistics.median(times)
            spread = f"{min(times):.3f} to {max(times):.3f}"
            say(f"| {name} | {count} | {middle:.3f} | {spread} | {1e3 * middle / count:.2f} |")
    say("")


def _asking(folder: Path, count: int, rounds: int) -> None:
    pack = folder / "one" / packs.milestone_of(0)
    if not pack.exists():
        packs.many_packs(folder / "one", 1)
    index = folder / f"{count}.sqlite"
    began_s = time.perf_counter()
    num_values = _write(index, entry_of(pack, stamp_of(pack)), count)
    took_s = time.perf_counter() - began_s
    size_mib = index.stat().st_size / packs.MIB
    say(
        f"{count} rows of {num_values} values: written in {took_s:.1f} s, "
        f"{1e6 * took_s / count:.0f} µs a pack, {size_mib:.0f} MiB",
        "",
        "| asked | packs | found | inside, s | spread | whole command, s | spread | budget |",
        "|---|---|---|---|---|---|---|---|",
    )
    for name, question in QUESTIONS.items():
        inside, num_found = [], 0
        for _ in range(rounds):
            began_s = time.perf_counter()
            num_found = find(index, question, 50).num_found
            inside.append(time.perf_counter() - began_s)
        command = [evidence(), "find", "--index", str(index), *_words(question)]
        run(command)
        whole = [run(command).wall_s for _ in range(rounds)]
        cells = " | ".join(
            f"{statistics.median(times):.3f} | {min(times):.3f} to {max(times):.3f}"
            for times in (inside, whole)
        )
        say(f"| {name} | {count} | {num_found} | {cells} | {BUDGET_S:g} s |")
    say("")


def _words(question: Asked) -> list[str]:
    words = []
    for name, version in question.packages:
        words += ["--package", f"{name}=={version}"]
    for one in question.values:
        words += ["--value", f"{one.name}{one.op}{one.number}"]
    for digits in question.data:
        words += ["--data-sha256", digits]
    return words + (["--status", question.status] if question.status else [])


def _write(index: Path, read: Entry, count: int) -> int:
    source = Random(24)
    names: dict[str, int] = {}
    packages = dict(read.packages) | {"torch": "2.13.0"} | {f"p-{n}": "1.0" for n in range(100)}
    with store.writing(index) as connection:
        for first in range(0, count, BATCH):
            with connection:
                for number in range(first, first + BATCH):
                    packages["torch"] = f"2.13.{number % 500}"
                    loss = source.random()
                    entry = replace(
                        read,
                        root_sha256=f"{number:064x}",
                        commit=f"{number // 50:040x}",
                        packages=tuple(sorted(packages.items())),
                        data=((f"{number // 100:016x}{'0' * 48}", "train"),),
                        values=tuple(
                            replace(one, number=loss) if one.name == "train.loss_end" else one
                            for one in read.values
                        ),
                    )
                    pack = index.parent / "runs" / f"M{number:06d}"
                    enter(connection, names, key_of(pack, index), entry)
    return len(read.values)


if __name__ == "__main__":
    main()
