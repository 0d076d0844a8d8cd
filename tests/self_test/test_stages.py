"""Laws of the self-test of a pack with several stages: it forges what lies within a stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.self_test.forgeries import FORGERIES
from evidence.verification.verification import verify_pack
from tests.shared import made_once
from tests.stages.test_several import whole

WITHIN_A_STAGE = {
    "step-left-out", "learning-rate", "tokens", "loss-alone", "stream", "flops", "seen-ids",
    "seen-labels", "seen-times", "prediction-left-out", "output", "score",
    "results-loss", "results-count", "weights", "weights-tail", "wider-model", "model-code",
    "runtime", "log", "withheld", "logits", "eval-in-no-time", "training-log-line",
    "eval-log-line", "log-cut-away",
}  # fmt: skip
"""Forgeries of files and events that such a pack has in its stages alone."""
pytestmark = pytest.mark.torch


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Bench:
    return Bench(made_once(tmp_path_factory, "two-stages", whole), tmp_path)


def test_a_lie_within_a_stage_is_tried_and_caught(bench: Bench) -> None:
    told = [one for one in FORGERIES if one.id in WITHIN_A_STAGE]
    assert {one.id for one in told} == WITHIN_A_STAGE
    for one in told:
        with bench.restored():
            one.apply(bench)
            failed = {
                check.id for check in verify_pack(bench.pack).checks if check.outcome == "fail"
            }
        assert failed & set(one.checks), (one.id, failed)


def test_sealing_again_within_a_stage_without_a_lie_gives_the_very_same_pack(bench: Bench) -> None:
    before = {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()}
    pack = ForgedPack(bench)
    path = pack.weights()
    assert path.startswith(f"{layout.STAGES}/A/")
    pack.replace(path, pack.file(path))
    for name in (layout.METRICS, layout.SEEN, layout.PREDICTIONS):
        assert pack.doc(name) is pack.doc(pack.at(name))
    bench.put(pack.seal().all_bytes())
    assert {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()} == before
