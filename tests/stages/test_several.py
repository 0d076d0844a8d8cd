"""Laws of a milestone with several stages: a real curriculum of two, run by real processes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.stages.stage import stages_of
from tests import warm
from tests.command import evidence
from tests.packs.sealing import reseal
from tests.shared import made_once

ROOT = Path(__file__).parents[2]
MILESTONE = """
schema = "milestone.v1"
id = "T5"
title = "Two stages"
kind = "fine-tune-and-eval"
objective = "Train on one half, then on the other."

[model]
config = "model"
init_seed = 3
tokenizer = "model"

[data.rows]
path = "rows.jsonl"
answer = ["final_answer"]
text = "{{ prompt }}\\nAnswer: {{ final_answer }}"

[data.checks]
path = "checks.jsonl"

[train]
data = "rows"
batch_size = 2
gradient_accumulation = 2
learning_rate = 0.001
dtype = "float32"
max_length = 64
log_every_steps = 2
checkpoint_every_steps = 2

[eval]
data = "checks"
prompt = "{{ prompt }}\\n"
target_field = "expected_answer"
max_new_tokens = 4

[[stage]]
name = "A"
kind = "train"
where = { half = 1 }

[[stage]]
name = "B"
kind = "train"
init = "stage:A"
where = { half = 2 }
train = { learning_rate = 0.0005 }

[[stage]]
name = "check"
kind = "eval"
of = ["A", "B"]

[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1
"""
NUM_ROWS = (22, 14)
torch = pytest.mark.torch


def project(folder: Path) -> Path:
    """A folder with everything that the milestone names."""
    (folder / "milestones").mkdir(parents=True)
    (folder / "milestones/T5.toml").write_text(MILESTONE)
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", folder / "model")
    rows = [
        {"half": half, "prompt": f"What is {number} + {half}?", "final_answer": str(number + half)}
        for half, count in enumerate(NUM_ROWS, 1)
        for number in range(100 * half, 100 * half + count)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"id": f"q{n}", "prompt": f"What is {n} + 5?", "expected_answer": str(n + 5)}
             for n in range(4)]  # fmt: skip
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.evidence(folder, "run", "T5", *words)


def whole(folder: Path) -> Path:
    ended = run(project(folder / "project"))
    assert ended.returncode == 0, ended.stderr
    return folder / "project/runs/T5"


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "two-stages", whole)
    return Path(shutil.copytree(made, tmp_path / "runs/T5"))


def results(pack: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((pack / layout.RESULTS).read_bytes())["values"]
    return found


@torch
def test_each_stage_has_its_rows_its_settings_and_the_checkpoint_before(pack: Path) -> None:
    values = results(pack)
    assert [values[f"{name}.train.num_samples"]["value"] for name in "AB"] == list(NUM_ROWS)
    assert [values[f"{name}.train.learning_rate"]["value"] for name in "AB"] == [0.001, 0.0005]
    assert (
        values["B.train.learning_rate"]["address"] == "milestone.toml#/stage/1/train/learning_rate"
    )
    loaded = json.loads((pack / "stages/B/inputs.json").read_bytes())["model"]
    sealed = dict(line.split("  ")[::-1] for line in (pack / layout.SUMS).read_text().splitlines())
    assert loaded["id"] == "stage:A"
    for file in loaded["files"]:
        assert sealed[f"stages/A/{layout.FINAL_MODEL}/{file['path']}"] == file["sha256"]


@torch
def test_a_pack_of_several_stages_verifies_and_its_summary_is_rendered_anew(pack: Path) -> None:
    assert evidence("verify", str(pack)).exit == 0
    assert evidence("render", str(pack), "--check").exit == 0
    summary = (pack / "t5_summary.md").read_text()
    assert "| B | stage A | rows | 14 |" in summary
    assert "Stage B: Training Results" in summary
    for name in ("a", "b"):
        assert f"(plots/loss-{name}.svg)" in summary
        assert (
            f"stage {name.upper()}: training loss" in (pack / f"plots/loss-{name}.svg").read_text()
        )


def swap_stages(pack: Path) -> None:
    (pack / "stages/A").rename(pack / "stages/C")
    (pack / "stages/B").rename(pack / "stages/A")
    (pack / "stages/C").rename(pack / "stages/B")


def drop_stage(pack: Path) -> None:
    shutil.rmtree(pack / "stages/check_A")


def other_checkpoint(pack: Path) -> None:
    path = pack / "stages/B/inputs.json"
    found = json.loads(path.read_bytes())
    for file in found["model"]["files"]:
        file["sha256"] = "0" * 64
    path.write_text(json.dumps(found))


def other_evaluated(pack: Path) -> None:
    path = pack / "stages/check_B/inputs.json"
    path.write_bytes((pack / "stages/check_A/inputs.json").read_bytes())


def lower_loss(pack: Path) -> None:
    path = pack / "stages/B" / layout.METRICS
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[-1]["num_rows"] += 1
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def stage_that_nobody_asked_for(pack: Path) -> None:
    shutil.copytree(pack / "stages/check_A", pack / "stages/check_Z")


@torch
@pytest.mark.parametrize(
    "lie",
    [
        swap_stages,
        drop_stage,
        other_checkpoint,
        other_evaluated,
        lower_loss,
        stage_that_nobody_asked_for,
    ],
)
def test_a_lie_about_a_stage_is_found_however_it_is_sealed(
    lie: Callable[[Path], None], pack: Path
) -> None:
    lie(pack)
    reseal(pack, [])
    ended = evidence("verify", str(pack))
    assert ended.exit == 1, ended.out


def killed_in_b(folder: Path) -> Path:
    """A project whose run was killed when stage B had made two steps."""
    steps = folder / "runs/.work/T5/attempt-01-tiny/stages/B" / layout.METRICS
    warm.killed(folder, (steps, 2), "run", "T5")
    return folder


@torch
def test_a_run_that_was_killed_in_its_second_stage_goes_on_there(
    tmp_path: Path, pack: Path
) -> None:
    folder = killed_in_b(project(tmp_path / "project"))
    ended = run(folder, "--resume")
    assert ended.returncode == 0, ended.stderr
    resumed = folder / "runs/T5"
    events = [json.loads(line) for line in (resumed / layout.JOURNAL).read_text().splitlines()]
    begun = [e["data"]["stage"] for e in events if e["event"] == "stage-started"]
    assert begun.count("A") == 1
    assert begun.count("B") == 2
    for name in "AB":
        weights = f"stages/{name}/{layout.FINAL_MODEL}/model.safetensors"
        assert (resumed / weights).read_bytes() == (pack / weights).read_bytes()
    counted = results(resumed)["run.num_segments"], results(pack)["run.num_segments"]
    assert [one["value"] for one in counted] == [2, 1]
    of_a, of_b = stage_sections(resumed, "A"), stage_sections(resumed, "B")
    assert "Interrupted" not in of_a
    assert "1 interruption" in of_b


def stage_sections(pack: Path, stage: str) -> str:
    """What the summary has below the headings of a stage."""
    parts = (pack / "t5_summary.md").read_text().split("\n## ")
    return "".join(one for one in parts if one.startswith(f"Stage {stage}: "))


@torch
def test_what_a_stage_was_trained_to_is_kept_where_a_closed_run_says(
    tmp_path: Path, pack: Path
) -> None:
    folder = killed_in_b(project(tmp_path / "project"))
    ended = run(folder, "--close")
    assert ended.returncode == 4, ended.stderr
    closed, (kept,) = folder / "runs/T5", (folder / "runs/.work/.weights").iterdir()
    root = hashlib.sha256((closed / layout.SUMS).read_bytes()).hexdigest()
    assert kept.name == f"T5-{root[:12]}"
    assert f"the weights that stage A left are kept in {kept}" in ended.stdout + ended.stderr
    (weights,) = kept.rglob("model.safetensors")
    before = pack / f"stages/A/{layout.FINAL_MODEL}/model.safetensors"
    assert weights.read_bytes() == before.read_bytes()
    assert not list(closed.rglob("*.safetensors"))
    help_text = evidence("run", "--help").out
    assert ".weights" in help_text


@torch
def test_a_run_that_failed_says_how_far_each_stage_came(tmp_path: Path) -> None:
    folder = killed_in_b(project(tmp_path / "project"))
    assert run(folder, "--close").returncode == 4
    closed = folder / "runs/T5"
    summary = (closed / "t5_summary.md").read_text()
    assert "| A | the model of the milestone | rows | came to its end |" in summary
    assert "| B | stage A | rows | began and did not come to its end; " in summary
    assert "| check_B | stage B | checks | never began |" in summary
    assert "Interrupted" not in stage_sections(closed, "A")
    assert "**Interrupted and closed:** 1 interruption; " in stage_sections(closed, "B")
    reason = json.loads((closed / "attempts/01-tiny/outcome.json").read_bytes())["reason"]
    assert reason.startswith("closed before it was done: in the B stage")
    assert evidence("render", str(closed), "--check").exit == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('init = "stage:A"', 'init = "stage:C"', "no training stage 'C' stands before it"),
        ('name = "B"', 'name = "A"', "is used twice"),
        ('of = ["A", "B"]', 'of = ["A", "Bb"]', "did you mean 'B'?"),
        ('name = "check"', 'name = "train"', "what other values begin with"),
        ("where = { half = 1 }", 'data = "row"', "no [data.row] in this file"),
        ("where = { half = 1 }", 'of = ["B"]', "a training begins from `init`"),
    ],
)
def test_what_cannot_be_a_stage_is_refused_by_its_key(old: str, new: str, says: str) -> None:
    with pytest.raises(MalformedError, match="stage") as refused:
        parse_milestone(MILESTONE.replace(old, new).encode())
    assert says in refused.value.message


def test_an_evaluation_is_a_stage_for_each_checkpoint_and_each_data_set() -> None:
    text = MILESTONE.replace('of = ["A", "B"]', 'of = ["base", "A"]\ndata = ["checks", "rows"]')
    names = [one.name for one in stages_of(parse_milestone(text.encode()))]
    assert names == [
        "A", "B", "check_base_checks", "check_base_rows", "check_A_checks", "check_A_rows",
    ]  # fmt: skip
