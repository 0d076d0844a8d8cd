"""Rows that are withheld are committed to, and without them nothing that needs them passes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import MalformedError, RowsWithheldError
from evidence.explain.explain import explain
from evidence.milestone.parse import parse_milestone
from evidence.pack.commitments import leaves_of, lines_of, read_salts
from evidence.rules import merkle
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.stages.eval import PREDICTIONS
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import digests
from evidence.verification.verification import open_verified, verify_pack
from tests.disclose.private import (
    ASKED,
    HIDDEN,
    PRIVATE,
    SALTS,
    errors,
    forged,
    make_private,
    outcomes,
    published,
)
from tests.project import Project

NEED_ROWS = {
    *("commitments", "results", "outcome-digest", "stage-data", "prediction-count"),
    *("prediction-order", "prediction-digests", "prediction-answers", "prediction-scores"),
    *("prediction-under-test", "prediction-groups", "prediction-lengths", "generation"),
    *("prediction-degenerate", "eval-loop-time", "functions"),
}


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-m", "evidence", *words]
    return subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=120)


def test_with_its_rows_at_hand_a_pack_is_checked_whole(private: Project) -> None:
    report = verify_pack(private.pack)
    assert (report.verdict, errors(report)) == ("INTACT", [])
    assert outcomes(report)["commitments"] == "pass"
    assert outcomes(report)["results"] == outcomes(report)["outcome-digest"] == "pass"
    rows = lines_of((private.pack / layout.PREDICTIONS).read_bytes())
    salts = read_salts((private.pack / SALTS).read_bytes(), SALTS)
    (one,) = private.read(layout.COMMITMENTS)["files"]
    assert one["num_rows"] == len(rows) == len(set(salts)) == 5
    assert one["root_sha256"] == merkle.root_of(leaves_of(salts, rows)).hex()


def test_without_them_no_check_that_needs_them_passes_and_none_accuses(
    private: Project, copy: Path
) -> None:
    whole, report = verify_pack(private.pack), verify_pack(copy)
    assert (report.verdict, report.exit_code, errors(report)) == ("INTACT", 0, [])
    had, has = outcomes(whole), outcomes(report)
    lost = {name for name in had if had[name] == "pass" and has[name] != "pass"}
    assert lost <= NEED_ROWS
    for name in NEED_ROWS & had.keys():
        assert has[name] == "not_checked", name
    reasons = {one.reason for one in report.checks if one.id in lost}
    assert all("withheld from this copy" in one for one in reasons)
    (told,) = (one for one in report.findings if one.code == "rows-withheld")
    assert told.severity == "warning"
    assert told.message.startswith("5 rows are committed to and not in this copy")


def test_what_is_wanted_whole_misses_them(copy: Path) -> None:
    report = verify_pack(copy, VerifyOptions(require_all=True))
    assert {one[1] for one in errors(report) if one[0] == "missing"} == set(HIDDEN)


def test_no_text_of_a_row_stands_in_what_is_published(copy: Path) -> None:
    """Neither as it is, nor as JSON writes it, nor as the digest of it alone."""
    for path in (one for one in copy.rglob("*") if one.is_file()):
        text = path.read_text("utf-8", "replace")
        for said in (ASKED, json.dumps(ASKED)[1:-1], "secret-", "answer 0"):
            assert said not in text, path.name


def test_summary_and_report_say_so_first_and_are_the_same_with_and_without(
    private: Project, copy: Path
) -> None:
    for pack in (private.pack, copy):
        first = (pack / "t1_summary.md").read_text("utf-8").partition("# T1")[0]
        assert "**Answers are withheld:** 5 rows are committed to (`commitments.json`)" in first
        page = (pack / "report.html").read_text("utf-8")
        assert page.index("Answers are withheld") < page.index("<h1")
        assert outcomes(verify_pack(pack))["rendered-bytes"] == "pass"


def test_verify_says_first_that_numbers_are_not_checked(copy: Path) -> None:
    done = command(copy.parent, "verify", "T1")
    first = done.stdout.splitlines()[0]
    assert "rows are withheld, and what rests on them is not checked" in first
    assert "every number follows" not in done.stdout
    assert "numbers that rest on them are as sealed, and not checked" in done.stdout


def test_git_does_not_publish_them(private: Project) -> None:
    private.git("add", "-A")
    staged = private.git("diff", "--cached", "--name-only").split()
    assert "runs/T1/commitments.json" in staged
    assert not [one for one in staged if Path(one).name in HIDDEN]
    private.run(again=True)
    private.git("add", "-A")
    staged = private.git("diff", "--cached", "--name-only").split()
    assert any(one.startswith("runs/archive/T1-") for one in staged)
    assert not [one for one in staged if Path(one).name in HIDDEN]


def test_the_lines_for_git_are_written_once_into_a_file_that_was_there(private: Project) -> None:
    ignored = private.runs / ".gitignore"
    ignored.write_text("# mine, without an end")
    private.run(again=True)
    text = ignored.read_text("utf-8")
    assert text.startswith("# mine, without an end\n# Rows that T1 withholds.\n")
    private.run(again=True)
    assert ignored.read_text("utf-8") == text


def test_two_runs_have_one_outcome_and_different_salts(private: Project) -> None:
    first = private.read(layout.MANIFEST)["outcome_sha256"]
    root = private.read(layout.COMMITMENTS)["files"][0]["root_sha256"]
    private.run(again=True)
    assert private.read(layout.MANIFEST)["outcome_sha256"] == first
    assert private.read(layout.COMMITMENTS)["files"][0]["root_sha256"] != root


def test_what_needs_the_rows_is_refused_in_a_sentence(private: Project, copy: Path) -> None:
    with pytest.raises(RowsWithheldError, match=r"jsonl is withheld from this copy"):
        open_verified(copy).documents.rows(PREDICTIONS)
    with pytest.raises(RowsWithheldError, match="as it was sealed, and follows from rows"):
        explain(copy, "eval.exact.rate")
    done = command(copy.parent, "compare", str(private.pack), "T1")
    assert done.returncode == 2
    assert "is withheld from this copy of the pack of T1" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_export_copies_them_and_nothing_is_run_again_without_them(
    private: Project, copy: Path
) -> None:
    done = command(private.root, "export", "bagit", "runs/T1", "--output", "bag")
    assert done.returncode == 0, done.stderr
    assert not [one for one in (private.root / "bag").rglob("*") if one.name in HIDDEN]
    assert (
        "Answers of the evaluation are withheld" in (private.root / "bag/bag-info.txt").read_text()
    )
    done = command(private.root, "export", "model-card", "runs/T1", "--output", "card")
    assert "Answers of the evaluation are withheld" in (private.root / "card/README.md").read_text()
    (bagged,) = (private.root / "bag/data").iterdir()
    assert errors(verify_pack(bagged)) == []
    done = command(private.root, "reproduce", str(copy))
    assert done.returncode == 2
    assert "is withheld from this copy" in done.stderr


def _lie(path: str, *keys: str | int, value: Any) -> Any:
    def edit(pack: ForgedPack) -> None:
        inside = pack.doc(path)
        for key in keys[:-1]:
            inside = inside[key]
        inside[keys[-1]] = value

    return edit


def _without_root(pack: ForgedPack) -> None:
    pack.doc(layout.COMMITMENTS)["files"] = []


def _another_salt(pack: ForgedPack) -> None:
    data = pack.file(SALTS)
    pack.replace(SALTS, data[65:130] + data[:65] + data[130:])


def _odd_salt(pack: ForgedPack) -> None:
    pack.replace(SALTS, pack.file(SALTS).upper())


def _one_salt_less(pack: ForgedPack) -> None:
    pack.replace(SALTS, pack.file(SALTS)[65:])


def _unlisted(pack: ForgedPack) -> None:
    listed = pack.doc(layout.WITHHELD)
    listed["files"] = [one for one in listed["files"] if one["path"] != SALTS]


_FILE = (layout.COMMITMENTS, "files", 0)
LIES = {
    "another root": _lie(*_FILE, "root_sha256", value="0" * 64),
    "fewer rows": _lie(*_FILE, "num_rows", value=4),
    "salts elsewhere": _lie(*_FILE, "salts", value="eval_log.txt"),
    "another file": _lie(*_FILE, "path", value="journal.jsonl"),
    "no root": _without_root,
    "salts exchanged": _another_salt,
    "salts in capitals": _odd_salt,
    "a salt less": _one_salt_less,
    "salts that must be there": _unlisted,
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_lie_about_what_is_committed_to_is_found(
    lie: str, private: Project, tmp_path: Path
) -> None:
    pack = forged(private.pack, tmp_path / "forged", LIES[lie])
    assert outcomes(verify_pack(pack))["commitments"] == "fail"


@pytest.mark.parametrize("lie", ["fewer rows", "salts elsewhere", "another file", "no root"])
def test_some_of_them_without_any_row(lie: str, private: Project, tmp_path: Path) -> None:
    pack = forged(private.pack, tmp_path / "forged", LIES[lie])
    report = verify_pack(published(pack, tmp_path / "published"))
    assert outcomes(report)["commitments"] == "fail"


def test_a_commitment_that_was_taken_away_is_missed(private: Project, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        pack.replace(layout.COMMITMENTS, None)

    report = verify_pack(forged(private.pack, tmp_path / "forged", edit))
    assert ("missing", layout.COMMITMENTS) in {one[:2] for one in errors(report)}


def test_a_commitment_that_nobody_asked_for_is_found(private: Project, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        pack.milestone(r"withhold_rows = .*", "")

    report = verify_pack(forged(private.pack, tmp_path / "forged", edit))
    assert outcomes(report)["commitments"] == outcomes(report)["withheld-files"] == "fail"


def test_other_scores_of_rows_that_are_not_here_are_not_checked_but_must_agree(
    private: Project, tmp_path: Path
) -> None:
    """More right than there are, or another rate than follows from the count."""
    copy = published(private.pack, tmp_path / "published")
    names = ("eval.exact.rate", "eval.exact.high", "eval.exact.num_correct")
    for number, (name, value) in enumerate(zip(names, (0.99, 0.99, 6), strict=True)):
        lie = _lie(layout.RESULTS, "values", name, "value", value=value)
        bench = forged_results(copy, tmp_path / f"forged-{number}", lie)
        assert outcomes(verify_pack(bench))["results"] == "fail", name


def forged_results(pack: Path, folder: Path, edit: Any) -> Path:
    """Results that do not follow are sealed as they are."""
    bench = Bench(pack, folder)
    made = ForgedPack(bench)
    edit(made)
    bench.put(made.seal(("results", "outcome")).all_bytes())
    return bench.pack


def test_long_files_of_rows_are_let_go_and_checked_all_the_same(
    private: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "LONG_ROWS_BYTES", 0)
    report = verify_pack(private.pack)
    assert (errors(report), outcomes(report)["commitments"]) == ([], "pass")


REFUSED = {
    "train": (
        '[eval]\nlimit = 5\ndtype = "float32"\n',
        "[train]\nbatch_size = 1\ngradient_accumulation = 1\nlearning_rate = 1\nmax_length = 9\n"
        '[data.train]\npath = "t.jsonl"\nanswer = ["answer"]\ntext = "{{ answer }}"\n[eval]\n',
        "inputs.json how its texts meet the first question",
    ),
    "groups": ("limit = 5", 'limit = 5\ngroup_by = ["kind"]', "tells of single rows"),
    "function": (
        "limit = 5",
        'limit = 5\nfunctions = [{name = "f", file = "f.py", function = "g"}]',
        "",
    ),
    "under test": (
        'path = "data/eval.jsonl"',
        'path = "data/eval.jsonl"\nunder_test = "k"',
        "by line",
    ),
    "nothing": (PRIVATE[PRIVATE.index("[eval]") : PRIVATE.index("[[attempt]]")], "", ""),
    "other rows": ('["predictions"]', '["rows"]', "predictions"),
    "twice": ('["predictions"]', '["predictions", "predictions"]', ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_tell_of_rows_is_refused_beside(case: str) -> None:
    old, new, words = REFUSED[case]
    assert old in PRIVATE
    with pytest.raises(MalformedError) as caught:
        parse_milestone(PRIVATE.replace(old, new, 1).encode())
    assert words in caught.value.message


def test_a_reason_for_them_is_one(tmp_path: Path) -> None:
    project = make_private(tmp_path / "p")
    project.edit(
        "withhold_rows", 'reason = "questions that no model was trained on"\nwithhold_rows'
    )
    project.git("commit", "-qam", "why")
    project.run()
    reasons = {one["reason"] for one in project.read(layout.WITHHELD)["files"]}
    assert reasons == {"questions that no model was trained on"}
