"""What a log costs before it is written: with the sieve, and with every line read in all views.

    python benchmarks/redacting.py [--small] [--pairs N]

Both write the same bytes, which is asserted here too. Processor time, since a log is redacted
while the worker trains.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from random import Random
from unittest.mock import patch

from pairs import HEADER, Cost, asked, compare, machine, row, say
from scratch import scratch

from evidence.attempt.files import LogFile
from evidence.redact import stream
from evidence.redact.identity import Identity
from evidence.redact.known import known_secrets
from evidence.redact.search import spans_in
from evidence.redact.stream import Redactor

READ_BYTES = 1 << 16
"""As a worker's output is read at most."""
TRACEBACK = """Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1553, in _call_impl
    return self._call_impl(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/someone/work/project/train_model.py", line 88, in forward
ValueError: expected 4 values, got 3
"""


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 7)
    size_bytes = 400_000 if how.small else 4_000_000
    say(machine(), "", HEADER)
    for name, bar, data in (
        ("ordinary lines", "≤ 0.1", b"".join(_ordinary(size_bytes))),
        ("two letters a line", "≤ 0.05", b"y\n" * (size_bytes // 2)),
        ("nothing but base64", "", b"".join(_noise(size_bytes))),
    ):
        measured = compare(
            lambda data=data: _cost(data), lambda data=data: _cost(data, all_views=True), how.pairs
        )
        say(row(f"log of {name}, sieve / all views", measured, "cpu_s", bar))
        seconds = sorted(ours.cpu_s for ours, _ in measured)[len(measured) // 2]
        say(f"| the same | MB/s | {len(data) / 1e6 / seconds:.0f} | | | | |")


def _ordinary(size_bytes: int) -> Iterator[bytes]:
    random, done = Random(1), 0
    while done < size_bytes:
        step = random.randrange(100)
        line = random.choices(
            (
                f"2026-01-01 00:00:{step:02d} INFO loop: step {step} loss {random.random():.6f}\n",
                f"Training: {step}%|{'█' * (step // 10)}| {step}/100 [00:{step:02d}<00:09]\r",
                json.dumps({"loss": random.random(), "name": f"layers.{step}.q_proj.weight"})
                + "\n",
                TRACEBACK,
                f"sha256 {random.randbytes(32).hex()}\n",
            ),
            (40, 30, 20, 2, 1),
        )[0].encode()
        done += len(line)
        yield line


def _noise(size_bytes: int) -> Iterator[bytes]:
    random = Random(2)
    for _ in range(size_bytes // 77):
        yield base64.b64encode(random.randbytes(57)) + b"\n"


def _cost(data: bytes, *, all_views: bool = False) -> Cost:
    """Of one log of these bytes. Its digest shows that both ways write the same."""
    variables = {"HF_TOKEN": "hf" + "_" + "abcdefgh" * 5, "DB_PASSWORD": "several plain words"}
    names = Identity("/home/someone", "someone", "host17")
    redactor = Redactor(known_secrets(variables), names)
    with scratch() as folder, _all_views() if all_views else nullcontext():
        log = LogFile(Path(folder) / "worker.log", redactor)
        began_s, wall_s = time.process_time(), time.perf_counter()
        for at in range(0, len(data), READ_BYTES):
            log.feed(data[at : at + READ_BYTES])
        log.close()
        cost = Cost(time.perf_counter() - wall_s, time.process_time() - began_s, 0.0)
        if SEEN.setdefault(data[:READ_BYTES], log.written) != log.written:
            raise SystemExit("the two ways wrote other bytes")
    return cost


SEEN: dict[bytes, object] = {}


@contextmanager
def _all_views() -> Iterator[None]:
    with (
        patch.object(stream, "find_spans", spans_in),
        patch.object(Identity, "anonymous", Identity.replaced),
    ):
        yield


if __name__ == "__main__":
    main()
