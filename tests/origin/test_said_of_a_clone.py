"""Laws of single checks against a clone: what each says, and where it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judged import Said, evidence_of, said_of

from evidence import layout, limits
from evidence.capture.git import NoAnswerError
from evidence.capture.repository import Repository
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.origin import clone, clone_rows
from evidence.verification.origin.clone import repository_checks
from tests.project import Project

Edit = Callable[[ForgedPack], object]
NO = {"unavailable": "not known"}
FIRST = "seen.json#/batches/0/rows/0"


@pytest.fixture
def pack(ran: Project, tmp_path: Path) -> ForgedPack:
    return ForgedPack(Bench(ran.pack, tmp_path / "bench"))


def against(project: Project, pack: ForgedPack, check: str) -> Said:
    checks = {one.rule.id: one for one in repository_checks(project.root)}
    return said_of(evidence_of(pack.seal()), checks[check])


def committed(project: Project, pack: ForgedPack, old: str, new: str) -> None:
    """Clone and pack have another milestone, and another commit that holds it."""
    project.edit(old, new)
    project.git("commit", "-qam", "another milestone")
    pack.replace(layout.MILESTONE, (project.root / "milestones/T1.toml").read_bytes())
    pack.journal_milestone()
    commit, tree = project.git("rev-parse", "HEAD", "HEAD^{tree}").split()
    pack.doc(layout.GIT)["start"] |= {"commit": commit, "tree": tree}


def seen(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.doc(layout.SEEN)
    return found


def row(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = seen(pack)["batches"][0]["rows"][0]
    return found


def coverage(index: int, key: str, value: int) -> Edit:
    return lambda pack: seen(pack)["coverage"][index].update({key: value})


def of_no_row(pack: ForgedPack) -> None:
    for line in (1, 2):
        pack.rows(layout.PREDICTIONS)[line]["index"] = 10**6


def one_file_less(pack: ForgedPack) -> None:
    del pack.doc(layout.FROZEN)["sets"][0]["files"][0]


def state(**values: Any) -> Edit:
    return lambda pack: pack.doc(layout.GIT)["start"].update(values)


LIES: dict[str, tuple[Edit, str, list[str]]] = {
    "a question of no row": (
        of_no_row,
        "repo-evaluation",
        [f"{layout.PREDICTIONS}#L{line}/index: the data have no such row" for line in (2, 3)],
    ),
    "a field read in more rows than have it": (
        coverage(0, "num_rows_in_sequence", 999),
        "repo-rows",
        ["seen.json#/coverage/0/num_rows_in_sequence: more rows than have text of this field "
         "there"],
    ),
    "a field taught in more rows than have it": (
        coverage(0, "num_rows_in_target", 999),
        "repo-rows",
        ["seen.json#/coverage/0/num_rows_in_target: more rows than have text of this field there"],
    ),
    "a field read in fewer rows than have it": (
        coverage(0, "num_rows_in_sequence", 1),
        "repo-rows",
        ["seen.json#/coverage/0/num_rows_in_sequence: fewer rows than have text of this field, "
         "truncated ones aside"],
    ),
    "an answer taught in fewer rows than have it": (
        coverage(1, "num_rows_in_target", 1),
        "repo-rows",
        ["seen.json#/coverage/1/num_rows_in_target: fewer rows than have text of this field, "
         "truncated ones aside"],
    ),
    "a promise of fewer files": (
        one_file_less,
        "repo-refs",
        ["frozen.json#/sets/0/files: the ref has a file of this promise more"],
    ),
    "another date of the commit": (
        state(commit_utc="2020-01-01T00:00:00Z"),
        "repo-commit",
        ["git.json#/start/commit_utc: another date than the commit has"],
    ),
    "another subject of the commit": (
        state(subject="Another"),
        "repo-commit",
        ["git.json#/start/subject: another subject than the commit has"],
    ),
    "another tree of the commit": (
        state(tree="7" * 40), "repo-commit", ["git.json#/start/tree: another tree than the commit "
                                              "has"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_the_clone_contradicts_is_found_where_it_stands(
    lie: str, ran: Project, pack: ForgedPack
) -> None:
    edit, check, expected = LIES[lie]
    edit(pack)
    assert against(ran, pack, check).lines == expected


def other_text(pack: ForgedPack) -> None:
    row(pack)["pieces"][0] = "?"


def not_round_trip(pack: ForgedPack) -> None:
    other_text(pack)
    pack.doc(layout.INPUTS)["text"]["rows_not_round_trip"] = [row(pack)["source_row"]]


def of_no_data(pack: ForgedPack) -> None:
    other_text(pack)
    row(pack)["source_row"] = 10**6


def no_loss(pack: ForgedPack) -> None:
    row(pack)["labels"] = [-100] * len(row(pack)["ids"])


def special_word(pack: ForgedPack) -> None:
    """A text of the data that is spelled like a special token."""
    other_text(pack)
    pack.doc(layout.INPUTS)["tokenizer"]["special_tokens"] = [
        {"name": "bos_token", "text": "Answer:", "id": 10**6}
    ]


LEFT: dict[str, Edit] = {
    "a row that does not survive the tokenizer": not_round_trip,
    "a row of no data": of_no_data,
    "a row without loss": no_loss,
    "a row that spells a special token": special_word,
}


@pytest.mark.parametrize("case", LEFT)
def test_a_row_that_cannot_be_compared_is_left(case: str, ran: Project, pack: ForgedPack) -> None:
    LEFT[case](pack)
    assert against(ran, pack, "repo-rows").lines == []


def test_any_other_text_of_a_row_is_found(ran: Project, pack: ForgedPack) -> None:
    other_text(pack)
    text = "not the text that the template makes of this row of the data"
    assert against(ran, pack, "repo-rows").lines == [f"{FIRST}/pieces: {text}"]


def test_a_truncated_row_begins_as_its_text_does(ran: Project, pack: ForgedPack) -> None:
    seen(pack)["rows_truncated"] = [row(pack)["source_row"]]
    for key in ("ids", "labels", "pieces"):
        del row(pack)[key][-1]
    assert against(ran, pack, "repo-rows").lines == []
    other_text(pack)
    text = "not the text that the template makes of this row of the data"
    assert against(ran, pack, "repo-rows").lines == [f"{FIRST}/pieces: {text}"]


def test_where_all_is_taught_it_is_not_asked_where_the_loss_begins(
    ran: Project, pack: ForgedPack
) -> None:
    committed(ran, pack, 'answer = ["answer"]', 'answer = ["answer"]\nloss = "all"')
    judged = against(ran, pack, "repo-rows")
    assert (judged.outcome, judged.lines) == ("pass", [])


def test_of_more_rows_than_are_listed_no_counts_are_compared(
    ran: Project, pack: ForgedPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    coverage(0, "num_rows_in_sequence", 1)(pack)
    monkeypatch.setattr(limits, "MAX_ROWS_LISTED", 1)
    assert against(ran, pack, "repo-rows").lines == []


def no_predictions(pack: ForgedPack) -> None:
    pack.rows(layout.PREDICTIONS).clear()


def no_text(pack: ForgedPack) -> None:
    pack.doc(layout.INPUTS)["text"] = NO


def files_left_out(pack: ForgedPack) -> None:
    rest = {"num_files": 3, "sha256": "2" * 64, "reason": "too many"}
    state(left_out=rest)(pack)


SILENT: dict[str, tuple[Edit, str, str]] = {
    "no predictions": (no_predictions, "repo-evaluation", "there are no predictions"),
    "no texts": (no_text, "repo-rows", "the texts of the data are not known: not known"),
    "changed files without digests": (
        files_left_out, "repo-patch", "3 changed files have no digest: too many"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SILENT)
def test_what_the_pack_does_not_say_is_not_checked(
    case: str, ran: Project, pack: ForgedPack
) -> None:
    edit, check, reason = SILENT[case]
    edit(pack)
    judged = against(ran, pack, check)
    assert (judged.outcome, judged.reason, judged.lines) == ("not_checked", reason, [])


def test_a_template_that_fails_on_a_row_is_not_checked(ran: Project, pack: ForgedPack) -> None:
    committed(ran, pack, "[eval]", '[eval]\nprompt = "{{ prompt.x.y }}"')
    committed(ran, pack, '"{{ prompt }}\\nAnswer', '"{{ prompt.x.y }}\\nAnswer')
    asked, taught = (against(ran, pack, f"repo-{one}") for one in ("evaluation", "rows"))
    assert asked.reason.startswith("row 0 cannot be asked: template error: ")
    assert taught.reason.startswith("row ")
    assert ": template error: " in taught.reason
    assert {asked.outcome, taught.outcome} == {"not_checked"}


def test_what_git_cannot_say_is_not_checked(
    ran: Project, pack: ForgedPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> str:
        raise NoAnswerError("git has not answered")

    with monkeypatch.context() as patch:
        patch.setattr(clone_rows, "digests_at", lambda *_: Unavailable("too many files"))
        judged = against(ran, pack, "repo-refs")
        assert (judged.outcome, judged.reason) == ("not_checked", "data: too many files")
    with monkeypatch.context() as patch:
        patch.setattr(clone, "description_of", lambda *_: Unavailable("git failed"))
        judged = against(ran, pack, "repo-commit")
        assert (judged.outcome, judged.reason) == ("not_checked", "git failed")
    monkeypatch.setattr(clone, "tree_of", silent)
    judged = against(ran, pack, "repo-commit")
    assert (judged.outcome, judged.reason) == ("not_checked", "git has not answered")


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"what?\n", "git answers what no git does"), (Unavailable("git is old"), "git is old")],
)
def test_a_git_that_does_not_answer_like_one_is_of_no_use(
    answer: bytes | Unavailable, why: str, ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Repository, "attempt", lambda *_: answer)
    with pytest.raises(UsageError, match=f"cannot be compared with: {why}"):
        repository_checks(ran.root)
