"""What a run of many rows costs verify: memory in proportion, and within 300 MB at the limits.

Each pack is verified in a process of its own, whose highest memory is asked for before and after.
Time is not asserted: how it grows is held by `test_growth_of_packs`.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from growing import grown
from large import long_run
from toy import intact_bytes, write

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.digest import in_pages_of_its_own
from evidence.errors import MalformedError
from evidence.pack.documents import rows_of
from evidence.verification.verification import verify_pack
from tests.tiers import sampled

MOST_BYTES: Final = 300_000_000
AROUND_BYTES: Final = 25_000_000
"""What does not grow with the rows."""
COST: Final = """
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from evidence.verification.verification import verify_pack
small, large = map(Path, sys.argv[1:])
verify_pack(small)
before = getrusage(RUSAGE_SELF).ru_maxrss
report = verify_pack(large)
print(1024 * (getrusage(RUSAGE_SELF).ru_maxrss - before), report.verdict)
"""
Make = Callable[[Path, float], Path]
"""A pack with a part of what may be of something."""


def a_long_run(folder: Path, part: float) -> Path:
    steps = round(200_000 * part)
    return long_run(folder, steps, round(100_000 * part), round(70_000 * part))


def of(name: str, most: int) -> Make:
    return lambda folder, part: grown(folder, name, round(most * part))


LINES: Final = limits.MAX_JSONL_LINES
AT_THE_LIMIT: Final[dict[str, Make]] = {
    "a long run": a_long_run,
    "answers": of("predictions", LINES),
    "answers in groups": of("groups", LINES),
    "long answers": lambda folder, part: long_run(
        folder, 20, round(60_000 * part), 5, "word " * 300
    ),
    "samples": of("telemetry", LINES),
    "recoveries": of("recoveries", limits.MAX_JOURNAL_BYTES // 350),
    "checkpoints": of("events-checkpoint", limits.MAX_JOURNAL_BYTES // 500),
}


def cost(pack: Path, folder: Path) -> tuple[int, str]:
    """Bytes that verifying it took at most, beyond those for a small pack; the verdict."""
    small = write(folder / "small/M90", intact_bytes())
    words = [sys.executable, "-c", COST, str(small), str(pack)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    taken, _, verdict = done.stdout.partition(" ")
    return int(taken), verdict.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss counts another unit")
@pytest.mark.parametrize("name", sampled(list(AT_THE_LIMIT), ["a long run"]))
def test_memory_is_in_proportion(name: str, tmp_path: Path) -> None:
    taken, verdict = cost(AT_THE_LIMIT[name](tmp_path / "M90", 0.05), tmp_path)
    assert taken <= 0.05 * MOST_BYTES + AROUND_BYTES
    assert verdict != "REFUSED"
    assert name != "a long run" or verdict == "INTACT"


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss counts another unit")
@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_memory_is_bounded_at_the_limits(name: str, tmp_path: Path) -> None:
    taken, verdict = cost(AT_THE_LIMIT[name](tmp_path / "M90", 1.0), tmp_path)
    assert taken <= MOST_BYTES
    assert verdict != "REFUSED"
    assert name != "a long run" or verdict == "INTACT"


def lines(*pieces: bytes) -> list[tuple[int, bytes]]:
    return list(jsonio.iter_lines_of(deque(map(in_pages_of_its_own, pieces))))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_in_pieces_of_any_size(size: int) -> None:
    data = b'{"a":1}\n{"b":"\\n"}\n{}\n'
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert lines(*pieces) == list(jsonio.iter_lines(data))


def test_a_line_of_one_byte_is_a_line() -> None:
    wanted = [(1, b"1"), (2, b"{}"), (3, b"2")]
    assert lines(b"1\n{}\n2\n") == list(jsonio.iter_lines(b"1\n{}\n2\n")) == wanted


@pytest.mark.parametrize("data", [b"{}\n\n{}\n", b"{}\n{}", b"\n", b"x" * 3_000_000 + b"\n"])
def test_what_is_wrong_with_lines_is_the_same_in_pieces(data: bytes) -> None:
    said = []
    for read in (lambda: list(jsonio.iter_lines(data)), lambda: lines(data)):
        with pytest.raises(MalformedError) as caught:
            read()
        said.append((caught.value.message, caught.value.line, type(caught.value)))
    assert said[0] == said[1]


def test_what_rows_say_alike_is_kept_once_and_no_more_than_so_often() -> None:
    read = rows_of(layout.METRICS)
    row = jsonio.load_document(_first_row(layout.METRICS))
    for number in range(100):
        read.take({**row, "stage": "a stage" if number % 2 else f"another {number}"})
    taken = read.taken()
    assert [one.stage for one in taken[1::2]] == ["a stage"] * 50
    assert taken[1].stage is taken[3].stage
    assert taken[98].stage == "another 98"


def _first_row(path: str) -> bytes:
    return intact_bytes()[path].splitlines()[0]


LONG: Final = 2_000
"""Steps whose rows are parsed in pieces."""


def forged(folder: Path, change: Callable[[list[bytes]], object]) -> list[tuple[str, str, str]]:
    """What verify finds in the rows of a long run after a change, resealed or not."""
    pack = long_run(folder / "M90", LONG)
    path = pack / layout.METRICS
    rows = path.read_bytes().splitlines(keepends=True)
    change(rows)
    path.write_bytes(b"".join(rows))
    return [
        (one.code, one.address, one.severity)
        for one in verify_pack(pack).findings
        if one.address.startswith(layout.METRICS)
    ]


def test_a_long_file_is_judged_as_a_short_one(tmp_path: Path) -> None:
    def spaces(rows: list[bytes]) -> None:
        rows[1000] = rows[1000].replace(b":", b": ")

    def below_zero(rows: list[bytes]) -> None:
        rows[1500] = rows[1500].replace(b'"num_rows":', b'"num_rows":-')

    def cut(rows: list[bytes]) -> None:
        rows[-1] = rows[-1][:-1]

    def crlf(rows: list[bytes]) -> None:
        rows[:] = [row.replace(b"\n", b"\r\n") for row in rows]

    def another_key(rows: list[bytes]) -> None:
        rows[3] = rows[3].replace(b'"stage"', b'"stages"')

    at = f"{layout.METRICS}#L"
    assert ("not-canonical", f"{at}1001", "error") in forged(tmp_path / "1", spaces)
    found = forged(tmp_path / "2", below_zero)
    assert ("schema", f"{at}1501/num_rows", "error") in found
    assert ("training-rows", f"{at}1501/num_rows", "error") in found
    assert ("malformed", f"{at}{LONG}", "error") in forged(tmp_path / "3", cut)
    assert forged(tmp_path / "4", crlf) == [("line-ends", layout.METRICS, "error")]
    assert ("schema", f"{at}4/stages", "error") in forged(tmp_path / "5", another_key)
