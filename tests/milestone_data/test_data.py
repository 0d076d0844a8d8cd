"""Laws of the project's own data: counts, format, reproducible bytes, no leak into the eval set.

That the answers are right is test_answers.py's concern.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections import Counter

import pytest

from tests.milestone_data.committed import DATA, EVALUATION, ROOT, TRAINING, folded, rows

REFERENCE = ROOT.parent / "shared" / "reference" / "datasets"
ARCHIVE = ROOT / "milestones" / "frozen" / "m42_submission.zip"


@pytest.mark.parametrize("script", ["data/generate.py", "models/train_tokenizer.py"])
def test_the_generators_give_the_committed_bytes(script: str) -> None:
    command = [sys.executable, str(ROOT / "milestones" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.jsonl")))
def test_data_files_are_utf8_with_lf_and_no_byte_order_mark(name: str) -> None:
    raw = (DATA / name).read_bytes()
    raw.decode("utf-8", errors="strict")
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")


def test_the_archive_depends_on_nothing_but_its_content() -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == [
        "README.md",
        "config.json",
        "predictions.jsonl",
    ]
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (2026, 1, 1, 0, 0, 0)
        assert (entry.create_system, entry.external_attr >> 16) == (3, 0o644)
        assert (entry.extra, entry.comment) == (b"", b"")


def test_the_training_set_has_its_counts() -> None:
    assert Counter(row["meta"]["category"] for row in TRAINING) == {
        "reasoning": 385,
        "synthetic": 110,
        "golden-style": 35,
        "edge-case": 20,
    }


def test_the_evaluation_set_has_its_counts() -> None:
    assert Counter(row["section"] for row in EVALUATION) == {
        "core": 60,
        "trace_sensitive": 25,
        "edge_case": 15,
    }
    assert [row["id"] for row in EVALUATION] == [f"eval-{n:03d}" for n in range(1, 101)]
    assert {row["difficulty"] for row in EVALUATION} == {"easy", "medium", "hard"}
    assert len({row["category"] for row in EVALUATION}) >= 5


def test_every_row_teaches_something() -> None:
    for row in TRAINING:
        assert [step["i"] for step in row["steps"]] == list(range(len(row["steps"])))
        texts = [row["prompt"], row["final_answer"], *(s["content"] for s in row["steps"])]
        assert row["steps"], row
        assert all(isinstance(text, str) and text.strip() == text != "" for text in texts), row
    assert len({row["final_answer"] for row in TRAINING}) > 200


def test_no_row_is_there_twice_whatever_its_index() -> None:
    contents = Counter(
        json.dumps({key: row[key] for key in row if key != "meta"}) for row in TRAINING
    )
    assert max(contents.values()) == 1
    assert [row["meta"]["index"] for row in TRAINING] == list(range(550))


def test_no_prompt_is_there_twice_and_none_is_in_both_sets() -> None:
    training = [folded(row["prompt"]) for row in TRAINING]
    evaluation = [folded(row["prompt"]) for row in EVALUATION]
    assert len(set(training)) == len(training)
    assert len(set(evaluation)) == len(evaluation)
    assert not set(training) & set(evaluation)


def test_no_category_is_sorted_to_one_end() -> None:
    for part in (TRAINING[:138], TRAINING[-138:]):
        counts = Counter(row["meta"]["category"] for row in part)
        assert 70 < counts["reasoning"] < 120
        assert counts["synthetic"] > 10


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference material is not beside us")
@pytest.mark.parametrize(
    ("theirs", "ours"), [("dev-reasoning-v2", "dev-reasoning"), ("eval_v2", "eval")]
)
def test_rows_have_the_format_of_the_reference_and_words_of_their_own(
    theirs: str, ours: str
) -> None:
    reference, own = rows(REFERENCE / f"{theirs}.jsonl"), rows(DATA / f"{ours}.jsonl")
    assert {tuple(row) for row in reference} == {tuple(row) for row in own}
    if "steps" in own[0]:
        assert {tuple(s) for r in own for s in r["steps"]} == {("i", "type", "content")}
        assert {"dataset", "generator", "seed", "category", "index"} <= set(own[0]["meta"])
    assert not {folded(row["prompt"]) for row in reference} & {folded(row["prompt"]) for row in own}
