"""Laws of programs that train nothing: what they called is told of, and is not what was trained."""

from __future__ import annotations

from pathlib import Path

from tests.recording.programs import PYTHON, make_repository, program, record


def test_a_model_that_is_only_called_is_told_of_and_was_not_trained(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "project")
    source = (
        "process()\n"
        "tell('model', model=0, **{'class': 'Net'}, num_parameters=15, num_trainable=15, dtypes={},"
        " devices=['cpu'])\n"
        f"tell('weights', model=0, moment='evaluated', sha256='{'ab' * 32}')\n"
        "for n in (2, 3): tell('evaluated', after_step=0, num_forwards=n, num_rows=n)\n"
    )
    made = record(root, [PYTHON, "-I", program(root, source)[1]])
    values = made.read("results.json")["values"]
    assert values["program.num_eval_forwards"]["value"] == 5
    assert values["program.evaluated.sha256"]["value"] == "ab" * 32
    assert values["program.evaluated.num_parameters"]["value"] == 15
    assert values["program.weights_before_sha256"]["value"] is None
    assert made.verified().verdict == "INTACT"
    assert "a model was called without training" in made.text("r1_summary.md")
