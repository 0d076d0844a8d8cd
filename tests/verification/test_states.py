"""Laws of repository, promises and files: what a run of this kind has, says and leaves."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from crashed import FOLDER, LOG, STEPS, crashed_toy
from damaged import damaged_toy
from failed import failed_toy
from judged import said
from lies import put
from toy import OUTCOME, toy

from evidence import layout, limits
from evidence.records.capture import why_left_out
from evidence.self_test.forger import ForgedPack

Edit = Callable[[ForgedPack], object]
NO = {"unavailable": "not known"}
GIT = "git.json#"
BIG = f"{FOLDER}/outcome.json#"
CHANGED = {"path": "data/train.jsonl", "state": "modified", "sha256": "1" * 64}


def both(*edits: Edit) -> Edit:
    def edit(pack: ForgedPack) -> None:
        for one in edits:
            one(pack)

    return edit


def dirty(*files: dict[str, Any], left_out: dict[str, Any] | None = None) -> Edit:
    """A tree that differed from its commit, from the start to the end."""

    def edit(pack: ForgedPack) -> None:
        for moment in ("start", "end"):
            state = pack.docs[layout.GIT][moment]
            state |= {"dirty": True, "files": list(files)}
            if left_out is not None:
                state["left_out"] = left_out
            pack.event("captured", moment=moment)["data"]["dirty"] = True

    return edit


def held(by: str, path: str = "data/train.jsonl", reason: str = "") -> Edit:
    """Where the inputs are held: the training data like this, the others by the commit."""

    def edit(pack: ForgedPack) -> None:
        pack.docs[layout.GIT]["inputs"] = [
            {"input": "data.eval.path", "path": "data/eval.jsonl", "held_by": "commit",
             "reason": ""},
            {"input": "data.train.path", "path": path, "held_by": by, "reason": reason},
        ]  # fmt: skip

    return edit


MORE_TAGS = {"num_tags": 3, "sha256": "2" * 64, "reason": "only the first 1000 are named"}
DIRTY = f"warning {GIT}/start/files: 1 file differed from the commit when the run began"
TREES: dict[str, tuple[Edit, list[str]]] = {
    "as it was": (lambda pack: None, []),
    "no repository in the end": (
        both(put(layout.GIT, "end", value=NO), put(layout.GIT, "changed_during_run", value=NO),
             lambda pack: pack.event("captured", moment="end")["data"].update(commit=NO, dirty=NO)),
        [],
    ),
    "no repository at all": (
        both(put(layout.GIT, "start", value=NO), put(layout.GIT, "end", value=NO),
             put(layout.MANIFEST, "commit", value=NO), held("commit"),
             lambda pack: pack.event("captured", moment="start")["data"].update(
                 commit=NO, dirty=NO),
             lambda pack: pack.event("captured", moment="end")["data"].update(
                 commit=NO, dirty=NO)),
        [],
    ),
    "inputs that the commit holds": (held("commit"), []),
    "inputs that the patch holds": (both(dirty(CHANGED), held("patch")), [DIRTY]),
    "a folder of which the patch holds a part": (
        both(dirty(CHANGED), held("patch", "data")), [DIRTY]
    ),
    "the whole project, of which the patch holds a part": (
        both(dirty(CHANGED), held("patch", ".")), [DIRTY]
    ),
    "inputs that nothing holds": (
        held("nothing", reason="it is ignored"),
        [f"warning {GIT}/inputs/1: the commit does not hold data/train.jsonl: it is ignored"],
    ),
    "a reason without a cause": (
        held("commit", reason="it is ignored"),
        [f"{GIT}/inputs/1/reason: a reason is given exactly where nothing holds the input"],
    ),
    "inputs of other data": (
        both(held("commit"), put(layout.GIT, "inputs", 1, "input", value="data.other.path")),
        [f"{GIT}/inputs: other data than were read from files"],
    ),
    "a patch of what did not differ": (
        both(dirty(CHANGED | {"path": "data/more.jsonl"}), held("patch")),
        [DIRTY, f"{GIT}/inputs/1/held_by: data/train.jsonl did not differ from the commit when the "
         "run began"],
    ),
    "a commit of what differed": (
        both(dirty(CHANGED), held("commit")),
        [DIRTY, f"{GIT}/inputs/1/held_by: data/train.jsonl differed from the commit when the run "
         "began"],
    ),
    "a branch that changed": (
        both(put(layout.GIT, "end", "branch", value="other"),
             put(layout.GIT, "changed_during_run", value=True)),
        [f"warning {GIT}/changed_during_run: the repository changed while the run went on"],
    ),
    "a commit that changed": (
        both(put(layout.GIT, "end", "commit", value="d" * 40),
             put(layout.GIT, "end", "subject", value="Next"),
             put(layout.GIT, "changed_during_run", value=True),
             lambda pack: pack.event("captured", moment="end")["data"].update(commit="d" * 40)),
        [f"warning {GIT}/changed_during_run: the repository changed while the run went on"],
    ),
    "another subject of the same commit": (
        put(layout.GIT, "end", "subject", value="Next"),
        [f"{GIT}/end/subject: another subject of the same commit than at the start"],
    ),
    "tags left out, of two": (
        put(layout.GIT, "start", "left_out_tags", value=MORE_TAGS),
        [f"{GIT}/start/left_out_tags: tags are left out though more could have been named"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TREES)
def test_a_repository_is_said_to_be_as_it_was(case: str) -> None:
    edit, expected = TREES[case]
    pack = toy()
    edit(pack)
    assert said(pack, "git-identity").lines == expected


def rest(num_named: int, num_left_out: int) -> dict[str, Any]:
    reason = why_left_out(num_named + num_left_out, num_named)
    return {"num_files": num_left_out, "sha256": "2" * 64, "reason": reason}


def test_files_are_left_out_where_no_more_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "files are left out though more could have been named"
    pack = toy()
    dirty(CHANGED, left_out=rest(1, 5))(pack)
    held("patch", "data/other.jsonl")(pack)
    places = [f"{GIT}/{moment}/left_out: {text}" for moment in ("start", "end")]
    warning = f"warning {GIT}/start/files: 6 files differed from the commit when the run began"
    judged = said(pack, "git-identity")
    assert judged.lines == [*places, warning]
    monkeypatch.setattr(limits, "MAX_CHANGED_FILES", 1)
    judged = said(pack, "git-identity")
    assert judged.lines == [warning]  # what is not named may be the input that the patch holds
    assert judged.outcome == "not_checked"
    assert judged.reason.startswith("which inputs differed from the commit: ")
    pack.docs[layout.GIT]["start"]["left_out"]["reason"] = "no time"
    pack.docs[layout.GIT]["end"]["left_out"]["reason"] = "no time"
    assert (
        said(pack, "git-identity").lines[0]
        == f"{GIT}/start/left_out/reason: why files are left out"
    )


EQUAL = "frozen.json#/sets/0/equal_to_ref"
REF = "frozen.json#/sets/0/ref_commit"
FILES = "frozen.json#/sets/0/files"


def frozen(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.FROZEN]["sets"][0].update(values)


def refs(*digests: Any) -> Edit:
    def edit(pack: ForgedPack) -> None:
        files = pack.docs[layout.FROZEN]["sets"][0]["files"]
        for file, digest in zip(files, digests, strict=True):
            file["ref_sha256"] = digest

    return edit


def ref_in_milestone(ref: str) -> Edit:
    return lambda pack: pack.milestone('ref = "HEAD"', f'ref = "{ref}"')


def without_ref(pack: ForgedPack) -> None:
    pack.milestone('ref = "HEAD"\n', "")


COMMIT = toy().docs[layout.GIT]["start"]["commit"]
PROMISES: dict[str, tuple[Edit, str, list[str]]] = {
    "unknown though there are digests": (
        frozen(equal_to_ref=NO),
        "frozen-promises",
        [f"{EQUAL}: digests at the ref are there, so whether they are equal is known"],
    ),
    "not compared": (
        both(frozen(equal_to_ref=NO), refs(NO, NO)),
        "frozen-promises",
        [f"warning {EQUAL}: the files were not compared with HEAD: not known"],
    ),
    "compared with no commit": (
        frozen(ref_commit=NO),
        "frozen-promises",
        [f"{EQUAL}: known only where a ref is named, found, and has a digest of each file"],
    ),
    "compared with a digest that is not there": (
        refs("1" * 64, NO),
        "frozen-promises",
        [f"{EQUAL}: known only where a ref is named, found, and has a digest of each file"],
    ),
    "a path named twice": (
        lambda pack: pack.docs[layout.FROZEN]["sets"][0]["files"].append(
            deepcopy(pack.docs[layout.FROZEN]["sets"][0]["files"][1])),
        "frozen-paths",
        [f"{FILES}: paths rise, each once"],
    ),
    "a pattern of no file": (
        lambda pack: pack.milestone(r'"data/\*\.jsonl"', '"data/*.jsonl", "more/*"'),
        "frozen-paths",
        [f"{FILES}: no file of more/*, which the promise names: it promises nothing"],
    ),
    "a plain pattern of no file": (
        lambda pack: pack.milestone(r'"data/\*\.jsonl"', '"data/eval.jsonl", "data/x.jsonl"'),
        "frozen-paths",
        [f"{FILES}: no file of data/x.jsonl, which the promise names: it promises nothing",
         f"{FILES}/1/path: the promise is not about this file"],
    ),
    "another HEAD": (
        frozen(ref_commit="d" * 40), "frozen-ref", [f"{REF}: HEAD was another commit"]
    ),
    "compared without a repository": (
        both(put(layout.GIT, "start", value=NO), put(layout.GIT, "end", value=NO)),
        "frozen-ref",
        [f"{REF}: there was no repository to compare with"],
    ),
    "another commit than the ref is": (
        both(ref_in_milestone("d" * 40), frozen(ref="D" * 40)),
        "frozen-ref",
        [f"{REF}: the ref is a commit itself"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PROMISES)
def test_a_promise_is_said_to_be_kept_as_it_was(case: str) -> None:
    edit, check, expected = PROMISES[case]
    pack = toy()
    edit(pack)
    assert said(pack, check).lines == expected


KEPT: dict[str, tuple[Edit, str]] = {
    "no ref": (both(without_ref, frozen(ref=None, ref_commit=NO, equal_to_ref=NO), refs(NO, NO)),
               "frozen-promises"),
    "no commit at the ref": (frozen(ref_commit=NO), "frozen-ref"),
    "a ref that is a commit": (
        both(ref_in_milestone(COMMIT), frozen(ref=COMMIT)), "frozen-ref"
    ),
    "a branch": (both(ref_in_milestone("main"), frozen(ref="main", ref_commit="d" * 40)),
                 "frozen-ref"),
    "a branch of the length of a commit": (
        both(ref_in_milestone("z" * 40), frozen(ref="z" * 40)), "frozen-ref"
    ),
    "plain patterns": (
        lambda pack: pack.milestone(r'"data/\*\.jsonl"', '"data/eval.jsonl", "data/train.jsonl"'),
        "frozen-paths",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_a_promise_that_nothing_contradicts_is_kept(case: str) -> None:
    edit, check = KEPT[case]
    pack = toy()
    edit(pack)
    judged = said(pack, check)
    assert [one for one in judged.lines if one.startswith(("frozen.json", "warning"))] == []


def ended(**values: Any) -> Edit:
    return lambda pack: pack.docs[OUTCOME].update(values)


def checkpointed(pack: ForgedPack, step: int) -> None:
    """A checkpoint of the attempt that crashed."""
    events = pack.docs[layout.JOURNAL]
    schedule = next(i for i, one in enumerate(events) if one["event"] == "schedule")
    saved = deepcopy(pack.event("checkpoint")["data"]) | {"step": step}
    events.insert(schedule + 1, {**events[schedule], "event": "checkpoint", "data": saved})


def recovered(pack: ForgedPack) -> None:
    events = pack.docs[layout.JOURNAL]
    schedule = next(i for i, one in enumerate(events) if one["event"] == "schedule")
    data = {
        "reason": "it was killed", "after": "killed", "from_step": None, "num_step_rows_cut": 0,
        "num_predictions_cut": 0, "num_incomplete_bytes": 0, "allowed": [],
    }  # fmt: skip
    events.insert(schedule + 1, {**events[schedule], "event": "recovered", "data": data})


def never_begun(pack: ForgedPack) -> None:
    events = pack.docs[layout.JOURNAL]
    ends = ("attempt-started", "attempt-finished")
    events[:] = [one for one in events if one["attempt"] != "big" or one["event"] in ends]


LEFT: dict[str, tuple[Edit, list[str]]] = {
    "as it was": (lambda pack: None, []),
    "no log": (lambda pack: pack.files.pop(LOG),
               ["attempts/01-big/outcome.json#/last_lines: its last lines are told, and there is "
                "no log that they stand in"]),
    "no rows of a checkpoint": (
        both(lambda pack: checkpointed(pack, 10), lambda pack: pack.docs.pop(STEPS)),
        [f"{STEPS}: the journal has a checkpoint of step 10, and no rows are here"],
    ),
    "too few rows": (
        lambda pack: checkpointed(pack, 13),
        [f"{STEPS}: fewer step rows than the journal's checkpoint has steps"],
    ),
    "rows enough": (lambda pack: checkpointed(pack, 12), []),
    "missing what began": (
        ended(missing=["no GPU"]),
        [f"{BIG}/missing: something was missing, so no stage was begun, and the journal has one"],
    ),
    "not missing what never began": (
        both(never_begun, ended(outcome="requirement-not-met")),
        [f"{BIG}/missing: no stage was begun, so something was missing, and it is not said what"],
    ),
    "killed, with a status": (
        ended(outcome="killed-by-signal"),
        [f"{BIG}/exit_status: what a signal killed has no exit status"],
    ),
    "a crash of what never began": (
        never_begun,
        [f"{BIG}/outcome: an attempt ends like this in a stage, and the journal has begun none"],
    ),
    "an end after somebody recovered": (both(recovered, ended(outcome="killed-by-signal")), []),
    "a checkpoint before somebody recovered": (
        both(recovered, lambda pack: checkpointed(pack, 13)),
        [f"{STEPS}: fewer step rows than the journal's checkpoint has steps"],
    ),
    "an outcome of what completed": (
        lambda pack: pack.event("attempt-finished", number=1)["data"].update(outcome="completed"),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_a_failed_attempt_left_what_its_journal_says(case: str) -> None:
    edit, expected = LEFT[case]
    pack = crashed_toy()
    edit(pack)
    assert said(pack, "attempt-left").lines == expected


def test_of_a_run_whose_files_were_damaged_nothing_is_asked_that_was_left() -> None:
    judged = said(damaged_toy(), "attempt-left")
    assert judged.outcome == "not_checked"


def test_a_failed_run_has_no_results_at_its_top() -> None:
    pack = failed_toy()
    assert said(pack, "status-files").outcome == "pass"
    pack.docs[layout.PREDICTIONS] = []
    text = "a failed pack has no results of an attempt at its top"
    assert said(pack, "status-files").lines == [f"{layout.PREDICTIONS}: {text}"]
