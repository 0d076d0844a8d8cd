"""Laws of runs that only train or only evaluate, on a real tiny model."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests import warm
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

_WHOLE = tiny.MILESTONE.replace("seeds = [1, 2, 3]\n", "").partition("[[gate]]")[0]
_TRAIN = _WHOLE[_WHOLE.index("[train]") : _WHOLE.index("[eval]")]
_EVAL = _WHOLE[_WHOLE.index("[eval]") : _WHOLE.index("[[attempt]]")]
ONLY_TRAINS = _WHOLE.replace(_EVAL, "")
ONLY_EVALUATES = _WHOLE.replace(_TRAIN, "").replace("[eval]", '[eval]\ndtype = "float32"')


def evidence(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.evidence(folder, *words)


def run_in(folder: Path, milestone: str) -> Path:
    tiny.project(folder, milestone)
    return tiny.committed_and_run(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "only-trains", lambda at: run_in(at, ONLY_TRAINS))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "only-evaluates", lambda at: run_in(at, ONLY_EVALUATES))


def summary(folder: Path) -> str:
    return (folder / "runs/T7/t7_summary.md").read_text("utf-8")


def test_a_training_alone_leaves_a_pack_that_says_so_and_nothing_of_an_evaluation(
    trained: Path,
) -> None:
    pack = trained / "runs/T7"
    assert (pack / layout.FINAL_MODEL / "config.json").is_file()
    assert not (pack / layout.PREDICTIONS).exists()
    said = summary(trained)
    assert "This milestone evaluates nothing" in said
    assert "Evaluation loss" not in said
    assert "Evaluation Pass" not in said
    assert not [name for name in tiny.values_of(pack) if name.startswith(("eval.", "probe."))]
    assert evidence(trained, "verify", "runs/T7").returncode == 0


def test_an_evaluation_alone_leaves_a_pack_that_says_so_and_nothing_of_a_training(
    evaluated: Path,
) -> None:
    pack = evaluated / "runs/T7"
    assert not (pack / layout.METRICS).exists()
    said = summary(evaluated)
    assert "This milestone trains nothing" in said
    assert "was never trained" in said
    assert "After training" not in said
    values = tiny.values_of(pack)
    assert not [name for name in values if name.startswith(("train.", "seen.", "data.train"))]
    assert values["eval.num_examples"]["value"] == 3
    assert values["model.dtype"]["value"] == "float32"
    assert values["tokenizer.sha256"]["value"] is not None
    assert evidence(evaluated, "verify", "runs/T7").returncode == 0


def test_an_evaluation_alone_is_reproduced_bit_for_bit(evaluated: Path) -> None:
    done = evidence(evaluated, "reproduce", "runs/T7")
    assert done.returncode == 0, done.stderr
    assert "bitwise" in done.stdout + done.stderr


def test_packs_that_do_other_things_are_compared(trained: Path, evaluated: Path) -> None:
    packs = (str(trained / "runs/T7"), str(evaluated / "runs/T7"))
    done = evidence(trained, "compare", *packs)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


def test_a_value_of_what_is_not_done_is_refused_in_a_gate(tmp_path: Path) -> None:
    gate = '\n[[gate]]\nname = "g"\nmetric = "eval.exact.rate"\nop = ">"\nvalue = 0\n'
    tiny.project(tmp_path, ONLY_TRAINS + gate)
    done = tiny.run(tmp_path)
    assert done.returncode == 2, done.stderr
    assert "eval.exact.rate" in done.stderr


def test_a_backend_that_does_both_or_nothing_refuses_one_alone(tmp_path: Path) -> None:
    milestone = ONLY_TRAINS.replace('backend = "transformers"', 'backend = "tunix"')
    tiny.project(tmp_path, milestone)
    done = tiny.run(tmp_path)
    assert done.returncode == 2, done.stderr
    assert "has no [eval]" in done.stderr


def failed_checks(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> set[str]:
    bench = Bench(pack, folder)
    forged = ForgedPack(bench)
    edit(forged)
    bench.put(forged.seal().all_bytes())
    return {one.id for one in verify_pack(bench.pack).checks if one.outcome == "fail"}


def probed(pack: ForgedPack) -> None:
    events = pack.rows(layout.JOURNAL)
    at = next(n for n, one in enumerate(events) if one["event"] == "stage-finished")
    data = {"moment": "after", "loss": 0.1, "num_examples": 3, "stage": "train", "segment": 1}
    events.insert(at, {**events[at], "event": "probe", "data": data})


def other_numbers(pack: ForgedPack) -> None:
    pack.milestone('dtype = "float32"', 'dtype = "float16"')


def test_a_probe_where_nothing_is_evaluated_is_found(trained: Path, tmp_path: Path) -> None:
    pack = trained / "runs/T7"
    assert failed_checks(pack, tmp_path / "a", lambda _: None) == set()
    assert "probe" in failed_checks(pack, tmp_path / "b", probed)


def test_other_numbers_than_the_model_was_loaded_as_are_found(
    evaluated: Path, tmp_path: Path
) -> None:
    pack = evaluated / "runs/T7"
    assert failed_checks(pack, tmp_path / "a", lambda _: None) == set()
    assert "model-identity" in failed_checks(pack, tmp_path / "b", other_numbers)
