"""Validating a million metric rows, strictness included, against plain jsonschema.

    python benchmarks/rows.py [--small] [--pairs N]

Ours: strict JSON (duplicate keys, NaN, canonical bytes) and the schema, line by line, as verify
does it. The other: `json.loads` and jsonschema's own validator, line by line. That both accept
and refuse the same is a property test (tests/verification/test_quick_validation.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

from pairs import HEADER, asked, compare, machine, python, row, run, say
from scratch import scratch

from evidence.encoding import jsonio

OURS = """
import sys
from pathlib import Path
from evidence import layout
from evidence.verification.reading.schemas import document_problems
found = list(document_problems(layout.METRICS, Path(sys.argv[1]).read_bytes()))
sys.exit(bool(found))
"""
THEIRS = """
import json, sys
from pathlib import Path
from jsonschema import Draft202012Validator
from evidence.encoding import schema
validator = Draft202012Validator(schema.load("metrics-row.v1"))
with Path(sys.argv[1]).open() as lines:
    sys.exit(not all(validator.is_valid(json.loads(line)) for line in lines))
"""


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 3)
    num_rows = 10_000 if how.small else 1_000_000
    with scratch(num_rows * 500) as folder:
        rows = folder / "metrics.jsonl"
        _write(rows, num_rows)
        measured = compare(
            lambda: run([python(), "-c", OURS, str(rows)]),
            lambda: run([python(), "-c", THEIRS, str(rows)]),
            how.pairs,
            warm=False,
        )
        say(machine(), "", HEADER)
        say(row(f"{num_rows} metric rows / plain jsonschema", measured, "wall_s", "≤ 0.067"))


def _write(path: Path, num_rows: int) -> None:
    with path.open("wb") as stream:
        for step in range(1, num_rows + 1):
            metrics = {
                "kind": "step",
                "stage": "train",
                "segment": 1,
                "step": step,
                "epoch": step / num_rows,
                "loss": 4.0 / step + 0.5,
                "learning_rate": 2e-5 * (1 - step / num_rows),
                "grad_norm": 1.25 + 1 / step,
                "num_rows": 4,
                "num_tokens": 400 + step % 97,
                "num_fed_tokens": 512,
                "num_target_tokens": 200 + step % 31,
                "elapsed_s": 0.1 * step,
                "stream": f"{step:064x}",
            }
            stream.write(jsonio.dump_row(metrics))


if __name__ == "__main__":
    sys.exit(main())
