"""Laws of runs whose answers a function of the author's scores, on a real tiny model."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.rules.rouge import rouge_l
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests import warm
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

_WHOLE = tiny.MILESTONE.replace("seeds = [1, 2, 3]\n", "").partition("[[gate]]")[0]
_ASKED = """metric = "metrics.py:score"
metrics = ["own/more.py:same", "rouge_l"]
group_by = ["half"]

[[attempt]]"""
_GATES = """
[[gate]]
name = "no answer is longer than its question"
metric = "eval.score.mean"
op = "<="
value = 1

[[gate]]
name = "the kind of a question has a mean of its own"
metric = "eval.by.half.0.same.mean"
op = ">="
value = 0
"""
MILESTONE = _WHOLE.replace("[[attempt]]", _ASKED) + _GATES
EVAL_ONLY = MILESTONE[: MILESTONE.index("[train]")] + MILESTONE[MILESTONE.index("[eval]") :]
"""The model as it is given: it writes something, and is there at once."""
EVAL_ONLY = EVAL_ONLY.replace("[eval]\n", '[eval]\ndtype = "float32"\n')
SCORE = """def score(prediction, row):
    print("of", row["id"])
    return len(row["id"]) / (3 + len(prediction) + row["half"])
"""
SAME = """from beside import wanted


def same(prediction, row):
    return prediction == wanted(row)
"""
NAMED = (("score", "metrics.py"), ("same", "own/more.py"))


def project(folder: Path, milestone: str = EVAL_ONLY, score: str = SCORE) -> Path:
    tiny.project(folder, milestone)
    rows = [json.loads(one) for one in (folder / "checks.jsonl").read_text().splitlines()]
    rows = [{**row, "half": n % 2} for n, row in enumerate(rows)]
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "metrics.py").write_text(score)
    (folder / "own").mkdir()
    (folder / "own/more.py").write_text(SAME)
    (folder / "own/beside.py").write_text('def wanted(row):\n    return row["expected_answer"]\n')
    return folder


def run_in(folder: Path) -> Path:
    return tiny.committed_and_run(project(folder, MILESTONE))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "functions", run_in)


def predictions(pack: Path) -> list[dict[str, Any]]:
    text = (pack / layout.PREDICTIONS).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_each_answer_has_what_the_functions_say_of_it(ran: Path) -> None:
    rows = predictions(ran / "runs/T7")
    for row in rows:
        half, answer = int(row["groups"]["half"]), row["answer"]
        assert row["measured"]["score"] == len(row["id"]) / (3 + len(answer) + half)
        assert row["measured"]["same"] is (answer == row["target"])
    assert "of q2" in (ran / "runs/T7" / layout.EVAL_LOG).read_text("utf-8")


def test_means_intervals_gates_groups_and_summary_follow_from_them(ran: Path) -> None:
    pack = ran / "runs/T7"
    values, rows = tiny.values_of(pack), predictions(pack)
    mean = math.fsum(row["measured"]["score"] for row in rows) / len(rows)
    found = values["eval.score.mean"]
    assert (found["value"], found["level"]) == (mean, "reported")
    ends = [values[f"eval.score.mean_{end}"]["value"] for end in ("low", "high")]
    assert ends[0] < mean < ends[1]
    assert values["eval.same.mean_high"]["value"] == values["eval.exact.high"]["value"]
    assert values["eval.by.half.1.score.mean"]["value"] == rows[1]["measured"]["score"]
    assert values["eval.by.half.1.score.mean_low"]["unavailable"]
    shares = [rouge_l(row["answer"], row["target"]) or 0.0 for row in rows]
    assert values["eval.rouge_l"]["value"] == math.fsum(shares) / len(rows)
    results = json.loads((pack / layout.RESULTS).read_bytes())
    assert [gate["outcome"] for gate in results["gates"]] == ["met", "met"]
    said = (pack / "t7_summary.md").read_text("utf-8")
    assert "were not run again: that these scores are theirs is not checked" in said
    assert "gives a mean ROUGE-L of" in said
    assert "| score (mean) | same (mean) |" in said


def test_the_file_is_in_the_pack_as_it_was_run_and_the_commit_holds_it(ran: Path) -> None:
    pack = ran / "runs/T7"
    kept = json.loads((pack / layout.FUNCTIONS).read_bytes())["functions"]
    assert [(one["name"], one["file"]) for one in kept] == list(NAMED)
    for one in kept:
        data = (ran / one["file"]).read_bytes()
        assert (one["source"].encode(), one["sha256"]) == (data, sha256_hex(data))
    inputs = json.loads((pack / layout.GIT).read_bytes())["inputs"]
    held = {one["path"]: one["held_by"] for one in inputs if one["input"] == "eval.metric"}
    assert held == {"metrics.py": "commit", "own/more.py": "commit"}


def outcomes(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> dict[str, str]:
    bench = Bench(pack, folder)
    forged = ForgedPack(bench)
    edit(forged)
    bench.put(forged.seal().all_bytes())
    return {one.id: one.outcome for one in verify_pack(bench.pack).checks}


def failed(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> set[str]:
    return {one for one, found in outcomes(pack, folder, edit).items() if found == "fail"}


def test_verify_says_that_it_did_not_check_the_scores(ran: Path, tmp_path: Path) -> None:
    found = outcomes(ran / "runs/T7", tmp_path, lambda _: None)
    assert "fail" not in found.values()
    assert (found["functions"], found["function-scores"]) == ("pass", "not_checked")
    report = verify_pack(ran / "runs/T7")
    (said,) = (one.reason for one in report.checks if one.id == "function-scores")
    assert "verify runs none" in said


def of_function(key: str, value: Any) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        pack.doc(layout.FUNCTIONS)["functions"][0][key] = value

    return edit


def of_source(*sources: str) -> Callable[[ForgedPack], None]:
    """Both functions stand in one file, with these texts, and all that follows from them."""

    def edit(pack: ForgedPack) -> None:
        pack.milestone("own/more.py:same", "metrics.py:same")
        for one, source in zip(pack.doc(layout.FUNCTIONS)["functions"], sources, strict=True):
            data = source.encode()
            told = {"file": "metrics.py", "source": source, "size_bytes": len(data)}
            one.update(told, sha256=sha256_hex(data))

    return edit


BOTH = "def score(a, b):\n    return 1\n\n\ndef same(a, b):\n    return True\n"


def without_score(pack: ForgedPack) -> None:
    del pack.rows(layout.PREDICTIONS)[1]["measured"]["same"]


LIES = {
    "other code": (of_function("source", "def score(p, r): return 1\n"), "functions"),
    "another digest": (of_function("sha256", "0" * 64), "functions"),
    "another size": (of_function("size_bytes", 7), "functions"),
    "another name": (of_function("name", "scores"), "functions"),
    "another file": (of_function("file", "other.py"), "functions"),
    "two texts of a file": (of_source(BOTH, f"{BOTH}# more\n"), "functions"),
    "no such function": (of_source("# nothing\n", "# nothing\n"), "functions"),
    "a longer name": (of_source(*[BOTH.replace("score", "scores")] * 2), "functions"),
    "a score that is missing": (without_score, "function-scores"),
    "not asked for": (
        lambda pack: pack.milestone('metric = "metrics.py:score"\n', ""),
        "functions",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_another_fact_about_functions_is_found(lie: str, ran: Path, tmp_path: Path) -> None:
    edit, check = LIES[lie]
    assert check in failed(ran / "runs/T7", tmp_path, edit)


@pytest.mark.parametrize(
    "code",
    [
        BOTH,
        "from beside import score, same\n",
        "from beside import \\\n    *\n",
        'globals()["sc" + "ore"] = globals()["sa" + "me"] = print\n',
        "score = same = lambda answer, row: 1\n",
        "def \uff53core(a, b): return 1\nsame = score\n",
    ],
)
def test_a_file_that_may_give_its_functions_a_meaning_is_not_accused(
    code: str, ran: Path, tmp_path: Path
) -> None:
    assert "functions" not in failed(ran / "runs/T7", tmp_path, of_source(code, code))


def test_a_forged_score_whose_mean_was_made_anew_is_held_by_a_signature_alone(
    ran: Path, tmp_path: Path
) -> None:
    def edit(pack: ForgedPack) -> None:
        pack.rows(layout.PREDICTIONS)[0]["measured"]["score"] = 1.0

    assert failed(ran / "runs/T7", tmp_path, edit) == set()


def test_the_commit_tells_that_another_function_scored(ran: Path, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        one = pack.doc(layout.FUNCTIONS)["functions"][0]
        one["source"] = "def score(prediction, row):\n    return 1\n"
        one["sha256"] = sha256_hex(one["source"].encode())
        one["size_bytes"] = len(one["source"])

    bench = Bench(ran / "runs/T7", tmp_path)
    forged = ForgedPack(bench)
    edit(forged)
    bench.put(forged.seal().all_bytes())
    report = verify_pack(bench.pack, VerifyOptions(further=repository_checks(ran)))
    found = {one.id: one.outcome for one in report.checks}
    assert (found["functions"], found["repo-milestone"]) == ("pass", "fail")


FAILS = {
    "it raises": ('    raise KeyError("no gold")', "it raised KeyError: 'no gold'"),
    "it ends the program": ("    import sys\n    sys.exit(3)", "it raised SystemExit: 3"),
    "it ends its process": (
        "    import os\n    os._exit(4)",
        "it ended its process (exit status 4)",
    ),
    "it crashes": ("    import os\n    os.abort()", "its process was ended by SIGABRT"),
    "it returns a text": ('    return "7"', "it returned str, and a score is a number"),
    "it returns nothing": ("    pass", "it returned NoneType, and a score is a number"),
    "it returns NaN": ('    return float("nan")', "it returned nan, and a score is a number from"),
    "it returns infinity": ('    return float("inf")', "it returned inf, and a score is a number"),
}


def failing(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A run whose function does this at the second row."""
    lines = f'    if row["id"] != "q1":\n        return 1\n{body}\n'
    return tiny.run(project(folder, score=f"def score(prediction, row):\n{lines}"))


@pytest.mark.parametrize("case", ["it raises", "it ends the program", "it returns NaN"])
def test_a_function_that_gives_no_score_ends_the_run_with_one_clear_error(
    case: str, tmp_path: Path
) -> None:
    body, said = FAILS[case]
    done = failing(tmp_path, body)
    assert done.returncode == 4, done.stderr
    place = "metrics.py: score gave no score for checks.jsonl:2 (question 'q1')"
    assert f"{place}: {said}" in done.stderr
    kept = predictions(tmp_path / "runs/T7/attempts/01-tiny")
    assert [row["id"] for row in kept] == ["q0", "q1", "q2"]
    assert [row.get("measured", {}).get("score") for row in kept] == [1.0, None, None]
    assert verify_pack(tmp_path / "runs/T7").verdict == "UNFINISHED"


def test_what_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    cases = {
        "there is no file nowhere.py": EVAL_ONLY.replace("metrics.py:score", "nowhere.py:score"),
        "has no function scoer": EVAL_ONLY.replace("metrics.py:score", "metrics.py:scoer"),
        "which is taken already": EVAL_ONLY.replace("metrics.py:score", "metrics.py:exact"),
        "a Python file of the project": EVAL_ONLY.replace(
            "metrics.py:score", "../metrics.py:score"
        ),
        "runs no function of yours": MILESTONE.replace('"transformers"', '"tunix"'),
        "there is no value 'eval.scoer.mean'": EVAL_ONLY.replace(
            "eval.score.mean", "eval.scoer.mean"
        ),
    }
    for number, (said, milestone) in enumerate(cases.items()):
        done = tiny.run(project(tmp_path / str(number), milestone))
        assert done.returncode == 2, done.stderr
        assert said in done.stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def score(prediction):\n    return 1\n", "score does not take two arguments"),
        ("async def score(prediction, row):\n    return 1\n", "is async"),
        ("def score(prediction, row)\n    return 1\n", "metrics.py:1 is no Python"),
    ],
)
def test_a_file_that_no_function_can_come_of_is_refused(
    code: str, said: str, tmp_path: Path
) -> None:
    done = tiny.run(project(tmp_path, score=code))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_a_file_that_cannot_be_loaded_fails_before_the_training(tmp_path: Path) -> None:
    done = tiny.run(project(tmp_path, MILESTONE, f"import no_such_package\n{SCORE}"))
    assert done.returncode == 4, done.stderr
    assert "metrics.py:score, own/more.py:same cannot be loaded: ModuleNotFoundError" in done.stderr
    assert "train: 12/12" not in done.stderr


def test_a_reproduction_runs_the_functions_again_and_has_the_same_scores(
    ran: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(ran, own)  # a reproduction attaches its result to the pack
    done = warm.evidence(own, "reproduce", "runs/T7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REPRODUCED bitwise" in done.stdout
    (again,) = (path for path in (own / "runs").glob("T7-reproduced-*") if path.is_dir())
    before, after = predictions(own / "runs/T7"), predictions(again)
    assert [row["measured"] for row in after] == [row["measured"] for row in before]


def test_a_file_that_is_another_one_by_now_stops_the_run_until_it_is_put_back(
    tmp_path: Path,
) -> None:
    score = f"open(__file__, 'a').write('#')\n{SCORE}"
    done = tiny.run(project(tmp_path, MILESTONE, score))  # loaded before the training, and after
    assert done.returncode not in (0, 2), done.stderr
    assert "the worker read other bytes for metrics.py" in done.stderr
    again = tiny.run(tmp_path, "--resume")
    assert again.returncode == 2, again.stderr
    assert "metrics.py" in again.stderr
    (tmp_path / "metrics.py").write_text(score)
    again = tiny.run(tmp_path, "--resume")
    assert "other bytes for metrics.py" not in again.stderr
    assert (tmp_path / "runs/T7").is_dir(), again.stderr
