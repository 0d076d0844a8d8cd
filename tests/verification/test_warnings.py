"""Laws on what is odd: an honest oddity is a warning, what cannot be an error of its check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lies import Edit, milestone, put
from packs.addresses import astray
from toy import prediction, toy, write

from evidence import layout
from evidence.records.finding import Report
from evidence.self_test.forger import ForgedPack
from evidence.self_test.seen import answer_unseen
from evidence.verification.verification import verify_pack


def reported(edit: Edit, folder: Path) -> Report:
    """What verify says of the toy after an edit; every address holds what is said of it."""
    forged = toy()
    edit(forged)
    pack = write(folder / "M90", forged.seal().all_bytes())
    report = verify_pack(pack)
    assert astray(report.findings, pack) == []
    return report


def _truncate(forged: ForgedPack) -> None:
    forged.docs[layout.SEEN] |= {
        "rows_truncated": [14, 18], "tokens_cut": [3, 6], "num_tokens_cut": 9,
    }  # fmt: skip
    lengths = forged.docs[layout.INPUTS]["text"]["length_tokens"]
    lengths["max"] = 22
    forged.docs[layout.SEEN]["coverage"][1] |= {"num_rows_in_target": 17, "rows_cut": [14, 18]}


def _same_output(forged: ForgedPack) -> None:
    forged.docs[layout.PREDICTIONS] = [prediction(index, "Answer: 1") for index in range(5)]


def _duplicates(forged: ForgedPack) -> None:
    forged.docs[layout.INPUTS]["data"]["train"] |= {
        "num_duplicate_rows": 2, "duplicate_rows": [4, 9],
        "normalised_duplicate_rows": [4, 7, 9],
        "overlap": {"exact_rows": [1], "normalised_rows": [1, 2], "ngram_rows": [3],
                    "evaluation_rows": [0]},
        "num_conflicting_prompts": 1, "conflicting_rows": [5, 6],
    }  # fmt: skip


def _dirty(forged: ForgedPack) -> None:
    file = {"path": "evidence/x.py", "state": "modified", "sha256": "1" * 64}
    for moment in ("start", "end"):
        forged.docs[layout.GIT][moment] |= {"dirty": True, "files": [file]}
        forged.event("captured", moment=moment)["data"]["dirty"] = True


def _frozen_loss(forged: ForgedPack) -> None:
    for row in forged.docs[layout.METRICS]:
        row["loss"] = 1.0


def _text(key: str, *rows: int) -> Callable[[ForgedPack], None]:
    """Odd rows that no recorded batch shows, as far as a list of them can be odd by itself."""

    def edit(forged: ForgedPack) -> None:
        forged.docs[layout.INPUTS]["text"][key] = list(rows)

    return edit


def _same_answer(forged: ForgedPack) -> None:
    forged.docs[layout.PREDICTIONS] = [
        prediction(index, f"{'Well. ' * index}Answer: 1") for index in range(5)
    ]


WARNINGS: dict[str, tuple[Edit, set[str]]] = {
    "truncated rows": (_truncate, {"truncated-rows", "answer-cut"}),
    "an unused field": (
        put(layout.SEEN, "coverage", 0, "num_rows_in_sequence", value=0),
        {"unused-field"},
    ),
    "outputs that are all alike": (_same_output, {"degenerate-outputs"}),
    "odd data": (_duplicates, {"duplicate-rows", "evaluation-overlap", "conflicts"}),
    "texts that do not survive the tokenizer": (
        _text("rows_not_round_trip", 0, 3),
        {"no-round-trip"},
    ),
    "answers that are all alike": (_same_answer, {"constant-field"}),
    "a dirty tree": (_dirty, {"dirty-tree"}),
    "a loss that does not move": (_frozen_loss, {"frozen-loss"}),
    "a wall clock that jumps": (
        put(layout.JOURNAL, 14, "utc", value="2026-01-08T19:00:00.000000Z"),
        {"wall-clock-jump"},
    ),
    "a probe that got worse": (
        put(layout.JOURNAL, 9, "data", "loss", value=9.5),
        {"probe-worse"},
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_odd_but_honest_is_a_warning(tmp_path: Path, name: str) -> None:
    edit, codes = WARNINGS[name]
    report = reported(edit, tmp_path)
    assert report.exit_code == 0, report.findings
    assert {f.code for f in report.findings} == codes
    assert {f.severity for f in report.findings} == {"warning"}


ERRORS: dict[str, tuple[Edit, str]] = {
    "a count of duplicates without rows": (
        put(layout.INPUTS, "data", "train", "num_duplicate_rows", value=74),
        "data-facts",
    ),
    "a probe on other examples": (
        lambda t: t.event("probe", moment="after")["data"].update(num_examples=3),
        "probe",
    ),
    "a schedule of more examples": (
        lambda t: t.event("schedule", stage="eval")["data"].update(num_steps=50),
        "stage-data",
    ),
    "no seen.json": (lambda t: t.docs.pop(layout.SEEN), "status-files"),
    "no evaluation log": (lambda t: t.files.pop(layout.EVAL_LOG), "status-files"),
    "a checkpoint that is not there": (
        lambda t: t.docs[layout.JOURNAL].remove(t.event("checkpoint")),
        "training-checkpoints",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_is_an_error_of_its_check(tmp_path: Path, name: str) -> None:
    edit, expected = ERRORS[name]
    report = reported(edit, tmp_path)
    assert report.exit_code == 1
    outcomes = {one.id: one.outcome for one in report.checks}
    assert outcomes[expected] == "fail", report.findings


def test_an_answer_never_taught_is_an_error_even_where_the_milestone_forced_it(
    tmp_path: Path,
) -> None:
    forged = toy()
    old = 'answer = ["final_answer"]'
    milestone(old, f"{old}\nanswer_may_be_unseen = true")(forged)
    answer_unseen(forged)
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert (report.exit_code, {f.code for f in report.findings}) == (1, {"answer-unseen"})
