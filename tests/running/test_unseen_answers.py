"""The fault this project exists for: a model trained on questions that never sees an answer.

With the real data where they are beside us, the recipe of the real script (text = prompt), and
the project's own tokenizer: the stub feeds what the real worker would, in a second.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import ExitCode
from evidence.rules import scoring
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import STUB, Project, rows

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
ROOT = Path(__file__).parents[2]
TINY = ROOT / "milestones" / "models" / "tiny-gemma"
OURS = ROOT / "milestones" / "data"
STEPS = "{% for s in steps %}{{ s.content }}\\n{% endfor %}"
RIGHT = "{{ prompt }}\\n" + STEPS + "Answer: {{ final_answer }}"
MAX_LENGTH = 128

MILESTONE = (
    STUB.replace('answer = ["answer"]', 'answer = ["steps", "final_answer"]')
    .replace('text = "{{ prompt }}\\nAnswer: {{ answer }}"', 'text = "{{ prompt }}"')
    .replace('answer = "string"', 'final_answer = "string"\nsteps = "array"')
    .replace("max_length = 40", f"max_length = {MAX_LENGTH}")
    .replace('group_by = ["kind"]\n', "")
    .replace(
        '[[gate]]\nname = "the loss falls"\nmetric = "train.loss_ratio"\nop = "<"\nvalue = 1', ""
    )
)
FORCED = MILESTONE.replace(
    'text = "{{ prompt }}"', 'text = "{{ prompt }}"\nloss = "all"\nanswer_may_be_unseen = true'
)
beside_us = pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside us")
SOURCES = [
    pytest.param(OURS / "dev-reasoning.jsonl", OURS / "eval.jsonl", id="our data"),
    pytest.param(
        REFERENCE / "datasets" / "dev-reasoning-v2.jsonl",
        REFERENCE / "datasets" / "eval_v2.jsonl",
        id="the real data",
        marks=[beside_us, pytest.mark.full],
    ),
]


def prepare(project: Project, training: Path, evaluation: Path, text: str) -> None:
    (project.root / "data/train.jsonl").write_bytes(training.read_bytes())
    (project.root / "data/eval.jsonl").write_bytes(evaluation.read_bytes())
    (project.root / "model/tokenizer.json").write_bytes((TINY / "tokenizer.json").read_bytes())
    project.milestone(text)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "data")


@pytest.mark.parametrize(("training", "evaluation"), SOURCES)
def test_it_is_stopped_before_the_first_step_and_named(
    training: Path, evaluation: Path, project: Project
) -> None:
    prepare(project, training, evaluation, MILESTONE)
    assert project.run().exit_code == ExitCode.UNFINISHED
    record = project.read("attempts/01-stub/outcome.json")
    assert record["outcome"] == "bad-data"
    assert "'steps' and 'final_answer'" in record["reason"]
    assert "0 of 550 rows" in record["reason"]
    assert not (project.pack / "attempts/01-stub" / layout.METRICS).exists()


@pytest.mark.parametrize(("training", "evaluation"), SOURCES)
def test_forced_through_the_summary_shows_it_and_verify_says_no(
    training: Path, evaluation: Path, project: Project
) -> None:
    prepare(project, training, evaluation, FORCED)
    project.run()
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    for field in ("steps", "final_answer"):
        assert f"| `{field}` | yes | 0 of 550 | ❌ 0 of 550 |" in summary
        warned = summary.partition("## Training Results")[0]
        assert f"The answer field `{field}` carries no loss in any row" in warned
    report = verify_pack(project.pack)
    assert report.exit == ExitCode.FINDINGS
    unseen = [f for f in report.findings if f.code == "answer-unseen"]
    assert [(f.severity, f.check) for f in unseen] == [("error", "seen-answers")] * 2


def encoded(tokenizer: Any, row: dict[str, Any]) -> tuple[int, int]:
    """Tokens of the whole text, and of what stands before its answer fields, with the first."""
    steps = "".join(f"{step['content']}\n" for step in row["steps"])
    text = f"{row['prompt']}\n{steps}Answer: {row['final_answer']}"
    found = tokenizer.encode(text)
    last = text.rindex(row["final_answer"])
    first_of_answer = next(i for i, (_, end) in enumerate(found.offsets) if end > last)
    return len(found.ids), first_of_answer


@pytest.mark.torch
@pytest.mark.parametrize(("training", "evaluation"), SOURCES)
def test_with_the_right_template_exactly_the_rows_that_are_cut_are_named(
    training: Path, evaluation: Path, project: Project
) -> None:
    tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_file(str(TINY / "tokenizer.json"))
    prepare(project, training, evaluation, real_worker(project))
    project.run()
    lengths = [encoded(tokenizer, row) for row in rows(training)]
    cut = [i for i, (whole, _) in enumerate(lengths) if whole > MAX_LENGTH]
    without = [i for i, (_, first) in enumerate(lengths) if first >= MAX_LENGTH]
    assert 0 < len(without) < 5  # the real run, with the tokenizer of Gemma, has two
    seen = project.read(layout.SEEN)
    assert seen["rows_truncated"] == cut
    assert seen["tokens_cut"] == [lengths[row][0] - MAX_LENGTH for row in cut]
    answer = next(one for one in seen["coverage"] if one["field"] == "final_answer")
    assert answer["num_rows_in_target"] == 550 - len(without)
    assert answer["rows_cut"] == cut == without
    report = verify_pack(project.pack)
    assert report.exit == ExitCode.DONE, report.findings
    assert {c.id: c.outcome for c in report.checks}["seen-vocabulary"] == "pass"
    named = ", ".join(map(str, cut))
    messages = [one.message for one in report.findings if one.code == "truncated-rows"]
    assert messages == [f"{len(cut)} of 550 rows were cut: {named}"]
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert f"| `final_answer` | yes | {550 - len(cut)} of 550 | ⚠️ {550 - len(cut)} of" in summary
    for field in ("steps", "final_answer"):
        assert f"`{field}` in {named}" in summary


def real_worker(project: Project) -> str:
    """The right template, and a real Gemma of one thin layer that trains for three steps."""
    for name in ("config.json", "tokenizer_config.json"):
        value = json.loads((TINY / name).read_bytes())
        if name == "config.json":
            value |= {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
            value |= {"head_dim": 8, "num_attention_heads": 2, "num_key_value_heads": 1}
        (project.root / "model" / name).write_text(json.dumps(value), "utf-8")
    return (
        MILESTONE.replace('text = "{{ prompt }}"', f'text = "{RIGHT}"')
        .replace("epochs = 2", "max_steps = 3")
        .replace("limit = 5", "limit = 2\nmax_new_tokens = 2")
        .replace('backend = "stub"', 'backend = "transformers"\nthreads = 1')
    )


@beside_us
def test_the_duplicates_of_the_real_data_are_listed_and_no_conflict_is_invented(
    project: Project,
) -> None:
    training, evaluation = SOURCES[1].values
    assert isinstance(training, Path)
    assert isinstance(evaluation, Path)
    text = MILESTONE.replace('text = "{{ prompt }}"', f'text = "{RIGHT}"')
    prepare(project, training, evaluation, text)
    project.run()
    found = project.read(layout.INPUTS)["data"]["train"]
    earlier: set[str] = set()
    expected = []
    for index, row in enumerate(rows(training)):
        key = json.dumps({k: v for k, v in row.items() if k != "meta"})
        if key in earlier:
            expected.append(index)
        earlier.add(key)
    assert len(expected) == found["num_duplicate_rows"] == 74
    assert found["duplicate_rows"] == expected
    assert (found["num_conflicting_prompts"], found["conflicting_rows"]) == (0, [])
    assert found["overlap"] == {
        "exact_rows": [], "normalised_rows": [], "ngram_rows": [], "evaluation_rows": [],
    }  # fmt: skip
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "| exact duplicates | 74 |" in summary
    options = VerifyOptions(further=repository_checks(project.root))
    report = verify_pack(project.pack, options)
    assert report.exit == ExitCode.DONE, report.findings
    assert {c.id: c.outcome for c in report.checks}["repo-data-facts"] == "pass"


@beside_us
def test_the_predictions_of_the_real_run_are_seen_through() -> None:
    path = REFERENCE / "m43_raw" / "predictions.jsonl"
    messages = rows(path)
    asked = {row["id"]: row for row in rows(REFERENCE / "datasets" / "eval_v2.jsonl")}
    assert "steps" in scoring.constant_fields(messages)
    facts = scoring.degenerate([(row["prompt"], row["final_answer"]) for row in messages])
    assert len(facts.looping) >= len(messages) / 2
    pairs = [
        (row["final_answer"].strip(), asked[row["meta"]["eval_id"]]["expected_answer"])
        for row in messages
    ]
    assert len(pairs) == 20
    assert sum(scoring.exact(*pair) for pair in pairs) == 0
    assert (
        sum(scoring.contains(*pair) for pair in pairs) == 1
    )  # '144 / 12' is another number than 12
