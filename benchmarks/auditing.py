"""What an audit of a page over 100 MB of logs costs, against one pass of SHA-256 and of UTF-8.

    python benchmarks/auditing.py [--small] [--pairs N]

Four kinds of logs, each of the same size in a folder of its own; the page has two claims. Processor
time of the whole process, and its peak memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from pairs import HEADER, asked, compare, machine, python, row, run, say
from scratch import scratch

ONCE = """
import codecs, hashlib, sys
from pathlib import Path
digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
for path in Path(sys.argv[1]).iterdir():
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            decoder.decode(chunk)
"""
PAGE = "# Run\n\n- Batch size: 16\n- Files: 1\n"


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 3)
    size_bytes = 4_000_000 if how.small else 100_000_000
    say(machine(), "", HEADER)
    with scratch() as folder:
        page = folder / "page.md"
        page.write_text(PAGE, "utf-8")
        for name, lines in KINDS.items():
            place = folder / name
            place.mkdir()
            _write(place / name, lines, size_bytes)
            audit = [python(), "-m", "evidence", "audit", str(page), "--evidence", str(place)]
            plain = [python(), "-c", ONCE, str(place)]
            measured = compare(lambda c=audit: run(c), lambda c=plain: run(c), how.pairs)
            what = f"{size_bytes // 1_000_000} MB of {name}, audit / one pass"
            say(row(what, measured, "cpu_s", "20 s"))
            peak = max(ours.peak_rss_mib for ours, _ in measured)
            say(f"| the same | peak MiB | {peak:.0f} | | | | 500 |")


def _write(path: Path, lines: Iterator[str], size_bytes: int) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        while stream.tell() < size_bytes:
            stream.writelines(next(lines) for _ in range(1_000))


def _rows() -> Iterator[str]:
    random, step = Random(1), 0
    while True:
        step += 10
        bar = "".join(
            f"\\r {step % 100}%|###  | {step + k}/999999 [00:0{k}<9:59]" for k in range(3)
        )
        loss, rate = random.random() * 3, random.random() * 2e-5
        row_of = f"'loss': {loss:.4f}, 'learning_rate': {rate:.4e}, 'epoch': {step / 1e5:.2f}"
        yield f"{bar}\n{{{row_of}}}\n"


def _pairs() -> Iterator[str]:
    random, step = Random(2), 0
    while True:
        step += 1
        yield f"step:{step}/999999 train_loss:{random.random() * 3:.5f} step_avg:41.2ms\n"


def _json() -> Iterator[str]:
    random, step = Random(3), 0
    while True:
        step += 1
        yield json.dumps({"step": step, "train/loss": random.random(), "lr": 2e-5}) + "\n"


def _prose() -> Iterator[str]:
    random = Random(4)
    words = ("the", "worker", "waited", "for", "its", "data", "then", "went", "on", "as", "told")
    while True:
        yield " ".join(random.choice(words) for _ in range(12)) + "\n"


KINDS = {"rows.log": _rows(), "pairs.log": _pairs(), "rows.jsonl": _json(), "prose.log": _prose()}


if __name__ == "__main__":
    main()
