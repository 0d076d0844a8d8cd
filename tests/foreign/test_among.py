"""Laws of what files say among themselves: what is one run is called one, and nobody is accused."""

from __future__ import annotations

import json
import math
import re
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.foreign import reading
from evidence.foreign.among import among
from evidence.foreign.finding import Finding
from evidence.foreign.trainings import trainings

EVERY: Final = 10


def found(folder: Path) -> tuple[Finding, ...]:
    sources = reading.folder(folder)
    return among(sources, trainings(sources))


def codes(folder: Path) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in found(folder)]


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def state(losses: list[float], **more: Any) -> str:
    rows: list[dict[str, Any]] = [
        {"step": (at + 1) * EVERY, "loss": loss, "epoch": (at + 1) / len(losses)}
        for at, loss in enumerate(losses)
    ]
    return json.dumps({"log_history": [*rows, *([more] if more else [])], "max_steps": 100})


def log(losses: list[float], quoted: bool = False, **more: Any) -> str:
    rows = [{"loss": float(f"{loss:.4g}")} for loss in losses]
    lines = [str({k: f"{v:.4g}" for k, v in row.items()} if quoted else row) for row in rows]
    return "\n".join([*lines, *([str(more)] if more else [])]) + "\n"


LOSSES: Final = [2.20651234, 1.42431234, 1.24161234, 0.9461234]


@st.composite
def runs(draw: st.DrawFn) -> dict[str, str]:
    """One run, told by several programs at the digits that each shows."""
    losses = draw(st.lists(st.floats(0.01, 12), min_size=3, max_size=12))
    runtime = draw(st.floats(1, 1e5))
    mean = math.fsum(losses) / len(losses)
    steps = len(losses) * EVERY
    totals = {
        "train_runtime": round(runtime, 4),
        "train_samples_per_second": round(4 * steps / runtime, 3),
        "train_steps_per_second": round(steps / runtime, 3),
        "train_loss": mean,
    }
    seed, commit = draw(st.integers(0, 9999)), draw(st.binary(min_size=20, max_size=20)).hex()
    every = {
        "train_log.txt": log(losses, draw(st.booleans()), **totals),
        "trainer_state.json": state(losses, step=steps, **totals),
        "all_results.json": json.dumps({**totals, "epoch": 1.0}),
        "metrics.jsonl": "".join(
            json.dumps({"step": (at + 1) * EVERY, "loss": round(loss, 6)}) + "\n"
            for at, loss in enumerate(losses)
        ),
        "history.csv": "step,loss\n"
        + "".join(f"{(at + 1) * EVERY},{loss:.5f}\n" for at, loss in enumerate(losses)),
        "config.yaml": f"seed: {seed}\nmodel_id: some/model\nlogging_steps: {EVERY}\n",
        "env.txt": f"Commit: a{commit[:8]}\nSeed: {seed}\nPyTorch: 2.4.1+cu121\n",
        "setup.json": json.dumps({"git_commit": f"a{commit}", "seed": seed, "torch": "2.4.1"}),
        "console.log": "".join(
            f"step:{(at + 1) * EVERY}/{steps} train_loss:{loss:.4f}\n"
            for at, loss in enumerate(losses)
        ),
    }
    kept = draw(st.sets(st.sampled_from(sorted(every)), min_size=2))
    inside = draw(st.sampled_from(["", "out/"]))
    return {(inside if "log" not in name else "") + name: every[name] for name in kept}


@given(runs())
@settings(max_examples=120, deadline=None)
def test_one_run_in_any_files_is_accused_of_nothing(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        grave = [one for one in found(put(Path(folder), files)) if one.severity != "note"]
    assert not grave


@given(st.floats(10, 1e4), st.floats(1.02, 3), st.sampled_from(["", "out/"]))
@settings(max_examples=40, deadline=None)
def test_a_runtime_of_another_run_is_always_found(
    runtime: float, factor: float, inside: str
) -> None:
    told = {"train_samples_per_second": round(550 / runtime, 6), "train_loss": 1.5}
    other = {"train_samples_per_second": round(550 / runtime / factor, 6), "train_loss": 1.5}
    files = {"train_log.txt": log(LOSSES, train_runtime=round(runtime, 4), **told),
             f"{inside}all_results.json": json.dumps(
                 {"train_runtime": round(runtime * factor, 4), **other})}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        assert codes(put(Path(folder), files)) == [("contradiction", "another-run")]


def test_two_runs_under_one_roof_are_said_once(tmp_path: Path) -> None:
    put(tmp_path, {
        "train_log.txt": log(LOSSES, train_runtime=256.48, train_samples_per_second=2.144,
                             train_loss=1.45),
        "out/metrics.jsonl": json.dumps({"train_runtime": 254.22,
            "train_samples_per_second": 2.163, "train_loss": 1.45}) + "\n"})  # fmt: skip
    (one,) = found(tmp_path)
    assert (one.severity, one.code) == ("contradiction", "another-run")
    assert "256.48" in one.message
    assert "254.22" in one.message
    assert {str(place) for place in one.places} == {"train_log.txt:5", "out/metrics.jsonl:1"}


def test_rows_of_another_run_are_told_by_their_losses(tmp_path: Path) -> None:
    put(tmp_path, {"trainer_state.json": state(LOSSES),
                   "history.csv": "step,loss\n10,2.1\n20,1.5\n30,1.3\n40,0.9\n"})  # fmt: skip
    assert codes(tmp_path) == [("note", "another-run")]
    (tmp_path / "history.csv").write_text("step,loss\n10,3.1\n20,2.5\n30,2.3\n40,0.9\n", "utf-8")
    assert codes(tmp_path) == [("warning", "another-run")]


def test_of_two_logs_beside_a_state_one_may_be_another_runs(tmp_path: Path) -> None:
    put(tmp_path, {"first.txt": log(LOSSES, train_runtime=5.5, train_loss=1.5),
                   "second.txt": log(LOSSES, train_runtime=7.25, train_loss=1.25),
                   "trainer_state.json": state(LOSSES, train_runtime=7.25,
                                               train_loss=1.25)})  # fmt: skip
    assert codes(tmp_path) == []


@pytest.mark.parametrize("names", [
    ("seed1/log.txt", "seed2/trainer_state.json"), ("train_seed1.log", "state_seed2.json"),
    ("a.log", "b.log"), ("log.txt", "run_1/trainer_state.json")])  # fmt: skip
def test_runs_that_are_several_by_intent_are_no_conflict(
    names: tuple[str, str], tmp_path: Path
) -> None:
    other = [loss + 1 for loss in LOSSES]
    steps = "".join(f"step: {(n + 1) * EVERY} loss: {loss}\n" for n, loss in enumerate(other))
    is_state = names[1].endswith("json")
    second = state(LOSSES) if is_state else steps.replace("loss: ", "loss: 1")
    put(tmp_path, {names[0]: steps, names[1]: second})
    assert not [one for one in found(tmp_path) if one.code == "another-run"]


@pytest.mark.parametrize(("files", "expected"), [
    ({"a.yaml": "model_id: org/one\n", "run.log": "model_id: org/two\n"},
     ("warning", "two-models")),
    ({"env.txt": "GPU: NVIDIA H100 80GB HBM3\n", "b.json": '{"gpu_name": "NVIDIA A100-SXM4-80GB"}'},
     ("warning", "two-gpus")),
    ({"env.txt": "Commit: 0a1b2c3\n", "b.json": '{"commit": "ffff2c3"}'},
     ("note", "two-commits")),
    ({"train_seed42.log": "seed: 1337\nloss: 1.5\n"},
     ("warning", "seed-of-another-name"))])  # fmt: skip
def test_files_of_two_things_are_told(
    files: dict[str, str | bytes], expected: tuple[str, str], tmp_path: Path
) -> None:
    assert codes(put(tmp_path, files)) == [expected]


@pytest.mark.parametrize("files", [
    {"a.yaml": "model_id: org/one\n", "run.log": "Model: runs/m1/final_model\n"},
    {"env.txt": "GPU: NVIDIA GeForce RTX 5090\n",
     "b.json": '{"gpu_name": "NVIDIA GeForce RTX 50..."}'},
    {"env.txt": "GPU: cuda:0\n", "b.json": '{"gpu_name": "NVIDIA H100 80GB HBM3"}'},
    {"env.txt": "GPU: 8x H100\n", "b.json": '{"gpu_name": "NVIDIA H100 80GB HBM3"}'},
    {"env.txt": "GPU: H100\n", "b.json": '{"gpu_name": "NVIDIA H100 80GB HBM3"}'},
    {"env.txt": "Commit: 0a1b2c3d\n", "b.json": '{"commit": "0a1b2c3"}'},
    {"train_seed42.log": "seed: 42\n", "train_seed7.log": "seed: 7\n"},
    {"env.txt": "torch: 2.4.1+cu121\n", "b.json": '{"torch_version": "2.4.1"}'}])  # fmt: skip
def test_names_of_one_thing_are_no_two(files: dict[str, str | bytes], tmp_path: Path) -> None:
    assert codes(put(tmp_path, files)) == []


def test_the_same_text_with_other_line_ends_is_called_so(tmp_path: Path) -> None:
    put(tmp_path, {"a.jsonl": '{"a": 1}\n{"a": 2}\n', "b/a.jsonl": '{"a": 1}\r\n{"a": 2}\r\n'})
    assert codes(tmp_path) == [("note", "same-text")]


def _predictions(**fields: Any) -> str:
    rows = [{"prompt": f"p{n}", "expected_answer": str(n), **fields} for n in range(8)]
    rows = [{k: v(n) if callable(v) else v for k, v in row.items()} for n, row in enumerate(rows)]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(("fields", "expected"), [
    ({"output": "42"}, [("warning", "outputs-alike")]),
    ({"output": str, "steps": ["model reasoning"]}, [("warning", "constant-field")]),
    ({"output": str, "error": None, "device": "cuda:0"}, [("note", "constant-field")]),
    ({"output": str, "correct": False}, [("note", "constant-score")]),
    ({"output": str, "model": "m", "format_version": "1"}, [])])  # fmt: skip
def test_a_field_that_is_one_constant_is_said(
    fields: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert codes(put(tmp_path, {"predictions.jsonl": _predictions(**fields)})) == expected


def test_rewards_that_are_all_alike_are_no_masked_labels(tmp_path: Path) -> None:
    rows = "".join("{'loss': 0.0, 'grad_norm': 0.0, 'reward': 1.0}\n" for _ in range(4))
    assert codes(put(tmp_path, {"log.txt": rows})) == [("note", "no-loss")]


def test_labels_that_are_masked_everywhere_are_said(tmp_path: Path) -> None:
    rows = "".join("{'loss': 0.0, 'grad_norm': 0.0, 'epoch': 0.1}\n" for _ in range(4))
    assert codes(put(tmp_path, {"log.txt": rows})) == [("warning", "no-loss")]


DATA: Final = "".join(json.dumps({"prompt": f"q{n}", "answer": f"a{n}"}) + "\n" for n in range(6))


@pytest.mark.parametrize(("recipe", "expected"), [
    ("lr: 1e-4\ntext_field: prompt\n", [("warning", "prompt-only")]),
    ("lr: 1e-4\ntext_field: prompt\nresponse_field: answer\n", []),
    ("lr: 1e-4\ntemplate: '{{ prompt }}'\n", [("warning", "prompt-only")]),
    ("lr: 1e-4\ntemplate: '{prompt} {answer}'\n", []),
    ("lr: 1e-4\ntext_field: text\n", []), ("text_field: prompt\n", []),
    ("lr: 1e-4\ntext_field: prompt\nchat_template: x\n", []), ("epochs: 1\n", [])])  # fmt: skip
def test_a_recipe_that_names_the_question_alone_is_said(
    recipe: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert codes(put(tmp_path, {"config.yaml": recipe, "train.jsonl": DATA})) == expected


TRACE: Final = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: detached\n'
TOTALS: Final = "{'train_runtime': 5.0, 'train_loss': 1.5}\n"


@pytest.mark.parametrize(("text", "expected"), [
    (TRACE + log(LOSSES) + TOTALS, [("note", "no-failure")]),
    (log(LOSSES) + TRACE, [("warning", "ended-in-error")]),
    ("+ FullyQualifiedErrorId : NativeCommandError\n" + log(LOSSES), [("note", "no-error")]),
    (log(LOSSES) + "slurmstepd: error: *** JOB 1 ON n CANCELLED AT 2024-01-01T00:00:00 ***\n",
     [("warning", "interrupted")]),
    (" 22%|##  | 11/50 [1:56:28<6:52:58]slurmstepd: error: *** JOB 4 ON c CANCELLED AT 1 ***\n",
     [("warning", "interrupted")]),
    ("step:{step}/{n} loss:{loss:.4f}\nfinal loss: X.XXXX\n", [("warning", "template")]),
    ("step:1/100 loss:3.5\nstep:2/100 loss:3.4\n", [("note", "stops-early")]),
    ("step:99/100 loss:3.5\nstep:100/100 loss:3.4\n", []),
    (log(LOSSES) + TOTALS + log(LOSSES) + TOTALS, [("note", "several-trainings")])])  # fmt: skip
def test_how_a_log_ended_is_said(
    text: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert codes(put(tmp_path, {"log.txt": text})) == expected


def test_one_run_of_many_that_counts_other_bytes_is_said(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for seed, bytes_per_token in ((1, 3.16), (2, 3.16), (3, 3.16), (4, 3.30)):
        loss = 2.3 + seed / 100
        bits = loss / (math.log(2) * bytes_per_token)
        files[f"train_seed{seed}.log"] = f"final val_loss:{loss:.8f} val_bpb:{bits:.8f}\n"
    put(tmp_path, files)
    (one,) = found(tmp_path)
    assert (one.severity, one.code, one.places[0].file) == (
        "warning", "implied-bytes", "train_seed4.log")  # fmt: skip


def test_a_perplexity_is_that_of_its_loss(tmp_path: Path) -> None:
    put(tmp_path, {"a.log": "eval_loss: 2.0 eval_perplexity: 7.4\n"})
    assert codes(tmp_path) == []
    put(tmp_path, {"a.log": "eval_loss: 2.00 eval_perplexity: 8.1\n"})
    assert codes(tmp_path) == [("note", "perplexity")]


def test_every_finding_stands_in_the_documentation() -> None:
    root = Path(reading.__file__).parent
    said = (root.parents[1] / "docs/audit.md").read_text("utf-8")
    rooms = ("same_run", "identity", "implied", "log_ends", "answers", "samples", "among")
    text = "".join((root / f"{name}.py").read_text("utf-8") for name in rooms)
    codes = set(re.findall(r'(?:note|warning|contradiction)\(\s*"([a-z-]+)"', text))
    codes |= {f"two-{thing}s" for thing in re.findall(r'^    \("([a-z]+)", \(', text, re.MULTILINE)}
    assert len(codes) > 15
    assert not {code for code in codes if f"`{code}`" not in said}


def test_a_file_that_tells_nothing_is_no_match_for_either(tmp_path: Path) -> None:
    put(tmp_path, {
        "train.txt": log(LOSSES, train_runtime=12.5, train_loss=1.5), "env.txt": "seed: 1\n",
        "metrics.jsonl": json.dumps({"step": 40, "metrics": {"train_runtime": 13.75,
                                                             "train_loss": 1.5}}) + "\n",
    })  # fmt: skip
    assert codes(tmp_path) == [("warning", "another-run")]


def test_rows_of_a_run_are_no_match_for_totals_of_another(tmp_path: Path) -> None:
    rows = [{"step": (n + 1) * EVERY, "loss": loss} for n, loss in enumerate(LOSSES)]
    put(tmp_path, {
        "trainer_state.json": state(LOSSES, train_runtime=12.5, train_loss=1.5),
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "metrics.jsonl": json.dumps({"train_runtime": 13.75, "train_loss": 1.5}) + "\n",
    })  # fmt: skip
    assert codes(tmp_path) == [("warning", "another-run")]


@pytest.mark.parametrize(("score", "expected"), [
    (0.75, []), (0.71, [("warning", "score-of-samples")])])  # fmt: skip
def test_a_score_is_the_mean_of_its_samples(
    score: float, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    metrics = {"exact_match,strict": score, "exact_match,flexible": 0.5}
    rows = [{"doc_id": n, "filter": name, "exact_match": float(n < most)}
            for name, most in (("strict", 6), ("flexible", 4)) for n in range(8)]  # fmt: skip
    put(tmp_path, {
        "results_2024-01-01T00-00-00.json": json.dumps({"results": {"sums": metrics},
                                                        "versions": {"sums": 1}}),
        "samples_sums_2024-01-01T00-00-00.1.jsonl": "".join(json.dumps(r) + "\n" for r in rows),
    })  # fmt: skip
    assert codes(tmp_path) == expected
