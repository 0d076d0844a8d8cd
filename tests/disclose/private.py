"""A run whose answers are withheld, and the copy of its pack that is published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence import layout
from evidence.records.finding import Report
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.disclosed import disclosed_rows
from evidence.verification.verification import verify_pack
from tests.project import STUB, Project, make_project, write_rows

_START, _REST = STUB.split("[data.train]")
_EVAL = _REST[_REST.index("[data.eval]") :]
PRIVATE = (
    _START
    + _EVAL[: _EVAL.index("[train]")]
    + _EVAL[_EVAL.index("[eval]") : _EVAL.index("[[gate]]")].replace(
        'group_by = ["kind"]', 'dtype = "float32"'
    )
    + '[publish]\nwithhold_rows = ["predictions"]\n'
)
"""Evaluates alone: five questions, of which one is in no Latin letters."""
ASKED = "τί ἐστιν ἀρετή"
SALTS = "predictions_salts.txt"
HIDDEN = (layout.PREDICTIONS, SALTS)


def make_private(folder: Path) -> Project:
    """A committed project; its questions are none of git's."""
    project = make_project(folder)
    project.git("rm", "-q", "--cached", "data/eval.jsonl")
    (folder / ".gitignore").write_text("data/eval.jsonl\n")
    write_rows(
        folder / "data/eval.jsonl",
        [
            {
                "id": f"secret-{number}",
                "prompt": f"{ASKED} {number}? ",
                "expected_answer": f"answer {number} \u2028 of {ASKED}",
                "kind": "k",
            }
            for number in range(8)
        ],
    )
    project.milestone(PRIVATE)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "private")
    return project


def published(pack: Path, folder: Path) -> Path:
    """A copy without what is withheld."""
    withheld = json.loads((pack / layout.WITHHELD).read_bytes())["files"]
    copy = Path(shutil.copytree(pack, folder / pack.name))
    for one in withheld:
        (copy / one["path"]).unlink()
    return copy


def forged(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> Path:
    """The pack, edited and sealed again whole."""
    bench = Bench(pack, folder)
    made = ForgedPack(bench)
    edit(made)
    bench.put(made.seal().all_bytes())
    return bench.pack


def shown(pack: Path, proof: Path, value: dict[str, Any] | None = None) -> Report:
    """What verify says of a pack of which a proof shows rows; `value`: that it holds this."""
    if value is not None:
        proof.write_text(json.dumps(value), encoding="utf-8")
    return verify_pack(pack, VerifyOptions(disclosed=disclosed_rows(proof)))


def outcomes(report: Report) -> dict[str, str]:
    """How each check came out."""
    return {one.id: one.outcome for one in report.checks}


def errors(report: Report) -> list[tuple[str, str, str]]:
    """Code, address and words of each error."""
    return [
        (one.code, one.address, one.message) for one in report.findings if one.severity == "error"
    ]
