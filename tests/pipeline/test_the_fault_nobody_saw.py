"""The fault this project exists for: a model trained on questions that never sees an answer.

With the real data where they are beside us, and the recipe of the real script: text = prompt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import ExitCode
from evidence.verify import verify_pack
from tests.project import STUB, Project

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "datasets"
OURS = Path(__file__).parents[2] / "milestones" / "data"

MILESTONE = (
    STUB.replace('answer = ["answer"]', 'answer = ["steps", "final_answer"]')
    .replace('text = "{{ prompt }}\\nAnswer: {{ answer }}"', 'text = "{{ prompt }}"')
    .replace('answer = "string"', 'final_answer = "string"\nsteps = "array"')
    .replace("max_length = 40", "max_length = 128")
    .replace('group_by = ["kind"]\n', "")
    .replace(
        '[[gate]]\nname = "the loss falls"\nmetric = "train.loss_ratio"\nop = "<"\nvalue = 1', ""
    )
)
SOURCES = [
    pytest.param(OURS / "dev-reasoning.jsonl", OURS / "eval.jsonl", id="our data"),
    pytest.param(
        REFERENCE / "dev-reasoning-v2.jsonl",
        REFERENCE / "eval_v2.jsonl",
        id="the real data",
        marks=pytest.mark.skipif(not REFERENCE.exists(), reason="reference not beside us"),
    ),
]


def prepare(project: Project, training: Path, evaluation: Path, text: str) -> None:
    (project.root / "data/train.jsonl").write_bytes(training.read_bytes())
    (project.root / "data/eval.jsonl").write_bytes(evaluation.read_bytes())
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
    forced = MILESTONE.replace('loss = "', '# loss = "').replace(
        'text = "{{ prompt }}"', 'text = "{{ prompt }}"\nloss = "all"\nanswer_may_be_unseen = true'
    )
    prepare(project, training, evaluation, forced)
    project.run()
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    for field in ("steps", "final_answer"):
        assert f"| `{field}` | yes | 0 of 550 | ❌ 0 of 550 |" in summary
    report = verify_pack(project.pack)
    assert report.exit == ExitCode.FINDINGS
    unseen = [f for f in report.findings if f.code == "answer-unseen"]
    assert [(f.severity, f.check) for f in unseen] == [("error", "seen-answers")] * 2


@pytest.mark.parametrize(("training", "evaluation"), SOURCES)
def test_with_the_right_template_exactly_the_rows_that_are_cut_are_named(
    training: Path, evaluation: Path, project: Project
) -> None:
    steps = "{% for s in steps %}{{ s.content }}\\n{% endfor %}"
    right = "{{ prompt }}\\n" + steps + "Answer: {{ final_answer }}"
    text = MILESTONE.replace('text = "{{ prompt }}"', f'text = "{right}"')
    prepare(project, training, evaluation, text.replace("max_length = 128", "max_length = 600"))
    project.run()
    seen = project.read(layout.SEEN)
    cut = set(seen["rows_truncated"])
    by_field = {one["field"]: one for one in seen["coverage"]}
    assert by_field["final_answer"]["num_rows_in_target"] == 550 - len(cut)
    assert set(by_field["final_answer"]["rows_cut"]) == cut
    assert verify_pack(project.pack).exit == ExitCode.DONE
