"""Laws of the real worker: a real Gemma, trained by a real process on a CPU."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.backends import registry
from evidence.data.tokens import IGNORED
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.inputs import SeenRecord
from evidence.records.run import StepRow
from evidence.rules.arithmetic import epoch_after_step, learning_rate_used
from evidence.worker.interface import Job
from tests import warm
from tests.shared import made_once

ROOT = Path(__file__).parents[2]
NUM_ROWS = 38
pytestmark = pytest.mark.torch

MILESTONE = """
schema = "milestone.v1"
id = "T2"
title = "A tiny Gemma"
kind = "fine-tune-and-eval"
objective = "Train for real."

[model]
config = "model"
init_seed = 3
tokenizer = "model"

[data.train]
path = "train.jsonl"
answer = ["steps", "final_answer"]
text = "{{ prompt }}\\n{% for s in steps %}{{ s.content }}\\n{% endfor %}Answer: {{ final_answer }}"

[data.eval]
path = "eval.jsonl"

[train]
batch_size = 2
gradient_accumulation = 2
learning_rate = 0.01
weight_decay = 0.01
dtype = "float32"
max_length = 48
checkpoint_every_steps = 4
warmup_steps = 2
seed = 5

[eval]
limit = 6
prompt = "{{ prompt }}\\n"
answer_after = "Answer:"
max_new_tokens = 8
batch_size = 4

[[attempt]]
name = "cpu"
backend = "transformers"
threads = 1
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one worker said and left."""

    status: int
    events: list[dict[str, Any]]
    output: Path
    log: str

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    @property
    def steps(self) -> list[StepRow]:
        return [decode(StepRow, event["row"]) for event in self.of("step")]

    @property
    def seen(self) -> SeenRecord:
        return decode(SeenRecord, self.of("seen")[0]["record"])

    @property
    def weights(self) -> str:
        return sha256_hex((self.output / layout.FINAL_MODEL / "model.safetensors").read_bytes())


def make_root(root: Path) -> None:
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", root / "model")
    config = json.loads((root / "model/config.json").read_text())
    config |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": 8}
    (root / "model/config.json").write_text(json.dumps(config))
    lines = (ROOT / "milestones/data/dev-reasoning.jsonl").read_text("utf-8").split("\n")
    (root / "train.jsonl").write_text("\n".join(lines[:NUM_ROWS]) + "\n", "utf-8")
    shutil.copy(ROOT / "milestones/data/eval.jsonl", root / "eval.jsonl")


def work(
    root: Path, name: str, stage: str = "train", old: str = "", new: str = "", **job: Any
) -> Outcome:
    text = MILESTONE.replace(old, new, 1) if old else MILESTONE
    plan = plan_attempts(parse_milestone(text.encode()))[0]
    output = root / name
    (output / "scratch").mkdir(parents=True, exist_ok=True)
    run_stage = registry.SHIPPED["transformers"].run_stage
    values = {"segment": 1, "resume": None, "run_stage": run_stage, **job}
    asked = Job(plan, stage, str(root), str(output / "scratch"), str(output), **values)  # type: ignore[arg-type]
    path = output / "job.json"
    path.write_bytes(jsonio.dump_document(encode(asked)))
    events, log = output / "events", output / "log"
    events.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    status = warm.worker(path, events, log, {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"})
    told = [jsonio.load_document(line) for line in events.read_bytes().splitlines()]
    return Outcome(status, told, output, log.read_text("utf-8"))


TRAININGS: dict[str, dict[str, str]] = {
    "one": {},
    "two": {},
}
MORE_TRAININGS: dict[str, dict[str, str]] = {
    "written": {"old": "seed = 5", "new": 'seed = 5\nexecution = "as-written"'},
    "unseen": {"old": "{% for s in steps %}{{ s.content }}\\n{% endfor %}Answer: "
               "{{ final_answer }}", "new": ""},
    "diverged": {"old": "learning_rate = 0.01", "new": "learning_rate = 9.9\noptimizer = "
                 '"sgd"\nmax_grad_norm = 0'},
}  # fmt: skip


def made(folder: Path, trainings: dict[str, dict[str, str]]) -> dict[str, Outcome]:
    make_root(folder)
    with ThreadPoolExecutor(2) as pool:
        futures = {n: pool.submit(work, folder, n, **edit) for n, edit in trainings.items()}
        return {name: future.result() for name, future in futures.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every training that the quick laws look at, two at a time."""
    return made_once(tmp_path_factory, "trainings", lambda folder: made(folder, TRAININGS))


@pytest.fixture(scope="module")
def more_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Those that the others look at besides."""
    return made_once(tmp_path_factory, "more", lambda folder: made(folder, MORE_TRAININGS))


@pytest.fixture(scope="module")
def root(runs: dict[str, Outcome]) -> Path:
    """The folder in which they were made."""
    return runs["one"].output.parent


def test_there_is_one_row_for_each_optimizer_step(runs: dict[str, Outcome]) -> None:
    steps = runs["one"].steps
    assert runs["one"].status == 0, runs["one"].log
    assert [row.step for row in steps] == list(range(1, 11))  # ceil(ceil(38/2)/2)
    for row in steps:
        assert row.epoch == epoch_after_step(row.step, NUM_ROWS, 2, 2)
        assert row.learning_rate == pytest.approx(
            learning_rate_used(row.step, 10, 0.01, "linear", 2), rel=1e-12, abs=1e-15
        )
    assert sum(row.num_rows for row in steps) == NUM_ROWS


def test_what_was_seen_adds_up(runs: dict[str, Outcome]) -> None:
    seen, steps = runs["one"].seen, runs["one"].steps
    assert seen.num_rows_fed == NUM_ROWS
    assert (seen.times_seen_min, seen.times_seen_max) == (1, 1)
    assert seen.num_tokens == sum(row.num_tokens for row in steps)
    assert seen.num_target_tokens == sum(row.num_target_tokens for row in steps)
    assert seen.stream_sha256 == steps[-1].stream
    by_field = {one.field: one for one in seen.coverage}
    assert by_field["prompt"].num_rows_in_target == 0
    assert by_field["final_answer"].num_rows_in_target > 0
    row = seen.batches[0].rows[0]
    assert len(row.pieces) == len(row.ids)
    assert row.pieces[0] == "<bos>"
    marked = [p for p, label in zip(row.pieces, row.labels, strict=True) if label != IGNORED]
    assert "Answer:" in "".join(marked)
    assert "".join(row.pieces).endswith("".join(marked))
    assert seen.times_seen == (1,) * NUM_ROWS


def test_two_runs_give_the_same_weights_bit_for_bit(runs: dict[str, Outcome]) -> None:
    assert runs["one"].weights == runs["two"].weights
    losses = [[row.loss for row in runs[name].steps] for name in ("one", "two")]
    assert losses[0] == losses[1]


@pytest.mark.full
def test_grouping_rows_changes_neither_stream_nor_gradient(
    runs: dict[str, Outcome], more_runs: dict[str, Outcome]
) -> None:
    fast, written = runs["one"].steps, more_runs["written"].steps
    assert [row.stream for row in fast] == [row.stream for row in written]
    assert [row.epoch for row in fast] == [row.epoch for row in written]
    for one, two in zip(fast, written, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-5)
        assert one.num_target_tokens == two.num_target_tokens


def flops_follow_what_was_fed(outcome: Outcome) -> None:
    model = outcome.of("inputs")[0]["model"]
    counted = 6 * (model["num_parameters"] - model["num_embedding_parameters"])
    fed = sum(row.num_fed_tokens for row in outcome.steps)
    assert outcome.of("done")[0]["total_flos"] == counted * fed


def test_the_flops_follow_the_tensors_that_were_fed(runs: dict[str, Outcome]) -> None:
    flops_follow_what_was_fed(runs["one"])


@pytest.mark.full
def test_the_flops_follow_rows_fed_one_by_one(more_runs: dict[str, Outcome]) -> None:
    flops_follow_what_was_fed(more_runs["written"])


def test_the_final_model_holds_no_pickle(runs: dict[str, Outcome]) -> None:
    names = {p.name for p in (runs["one"].output / layout.FINAL_MODEL).iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_a_killed_run_goes_on_to_the_same_weights(root: Path, runs: dict[str, Outcome]) -> None:
    checkpoints = runs["one"].of("checkpoint")
    assert [event["step"] for event in checkpoints] == [4, 8]
    resumed = work(root, "resumed", resume=checkpoints[0]["path"], segment=2)
    assert resumed.of("schedule")[0]["resumed_from_step"] == 4
    assert [row.step for row in resumed.steps] == list(range(5, 11))
    assert resumed.weights == runs["one"].weights
    whole = runs["one"].steps[4:]
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole]
    assert [row.stream for row in resumed.steps] == [row.stream for row in whole]
    assert resumed.seen == runs["one"].seen


@pytest.mark.full
def test_a_run_whose_loss_never_sees_an_answer_is_stopped_before_the_first_step(
    more_runs: dict[str, Outcome],
) -> None:
    outcome = more_runs["unseen"]
    failure = outcome.of("failed")[0]
    assert outcome.status != 0
    assert failure["kind"] == "bad-data"
    assert "'steps' and 'final_answer'" in failure["message"]
    assert outcome.of("step") == []


@pytest.mark.full
def test_a_loss_that_is_not_finite_ends_the_run(more_runs: dict[str, Outcome]) -> None:
    outcome = more_runs["diverged"]
    assert outcome.of("failed")[0]["kind"] == "diverged"
    assert outcome.of("done") == []


def test_evaluation_loads_the_saved_model_and_scores_in_order(
    root: Path, runs: dict[str, Outcome]
) -> None:
    found = work(root, "one", stage="eval")
    assert found.status == 0, found.log
    predictions = [event["row"] for event in found.of("prediction")]
    assert [row["index"] for row in predictions] == list(range(6))
    assert all(row["prompt_sha256"] == sha256_hex(row["prompt"].encode()) for row in predictions)
    assert {row["finish_reason"] for row in predictions} <= {"eos", "length"}
