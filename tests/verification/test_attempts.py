"""Laws of attempts that failed: which ones were made, and what each of them left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crashed import FOLDER, LOG, SAMPLES, STEPS, crashed_toy
from damaged import damaged_toy
from failed import failed_toy
from judged import evidence_of, said, said_of
from lies import milestone, put
from msgspec.structs import replace
from toy import OUTCOME, write

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

Edit = Callable[[ForgedPack], object]
OF_BIG = f"{FOLDER}/outcome.json#"


def outcome(**values: Any) -> Edit:
    return lambda pack: pack.docs[OUTCOME].update(values)


def log(data: bytes) -> Edit:
    return lambda pack: pack.files.update({LOG: data})


def asked_for(name: str) -> Edit:
    return lambda pack: pack.event("run-started")["data"].update(only_attempt=name)


def of_big(pack: ForgedPack, name: str) -> dict[str, Any]:
    """The first event of this name, which is of the attempt that crashed."""
    return next(one for one in pack.docs[layout.JOURNAL] if one["event"] == name)


def shorter_schedule(pack: ForgedPack) -> None:
    of_big(pack, "schedule")["data"]["num_steps"] = 10


def no_schedule(pack: ForgedPack) -> None:
    pack.docs[layout.JOURNAL].remove(of_big(pack, "schedule"))


def of_no_plan(pack: ForgedPack) -> None:
    """Steps and outcome of an attempt that the milestone does not have."""
    pack.milestone('name = "big"', 'name = "huge"')


LIES: dict[str, tuple[Edit, str, list[str]]] = {
    "an attempt that nobody asked for": (
        asked_for("small"),
        "attempts-made",
        ["journal.jsonl#L1/data/only_attempt: the milestone has no such attempt",
         "journal.jsonl: other attempts than the milestone asks for, in its order"],
    ),
    "another attempt than was asked for": (
        asked_for("toy"),
        "attempts-made",
        ["journal.jsonl: other attempts than the milestone asks for, in its order"],
    ),
    "another backend": (
        outcome(backend="stub"),
        "attempt-outcomes",
        [f"{OF_BIG}/backend: another backend than the milestone gives this attempt"],
    ),
    "another resolution": (
        outcome(resolution="None is needed."),
        "attempt-outcomes",
        [f"{OF_BIG}/resolution: another resolution than the milestone gives this attempt"],
    ),
    "a remedy too many": (
        outcome(remedies=["Try again."]),
        "attempt-outcomes",
        [f"{OF_BIG}/remedies: one remedy for each thing that was missing"],
    ),
    "a crash for want of something": (
        outcome(missing=["There is no GPU."], remedies=["Buy one."], exit_status=None),
        "attempt-outcomes",
        [f"{OF_BIG}/reason: not what was missing",
         f"{OF_BIG}/outcome: something was missing, so this is how it ended"],
    ),
    "a process that ended, though none was started": (
        outcome(missing=["boom"], remedies=["Be calm."], outcome="requirement-not-met"),
        "attempt-outcomes",
        [f"{OF_BIG}/exit_status: no process was started, so none ended"],
    ),
    "a signal to a process that was not started": (
        outcome(missing=["boom"], remedies=["Be calm."], outcome="requirement-not-met",
                exit_status=None, signal=9),
        "attempt-outcomes",
        [f"{OF_BIG}/exit_status: no process was started, so none ended"],
    ),
    "two ends of one process": (
        outcome(signal=9),
        "attempt-outcomes",
        [f"{OF_BIG}/exit_status: a process ends with a status or by a signal"],
    ),
    "last lines of another log": (
        log(b"it began\nit went well\n"),
        "attempt-outcomes",
        [f"{OF_BIG}/last_lines: are not the last lines of the log beside it"],
    ),
    "more last lines than the log has": (
        log(b"it went wrong\n"),
        "attempt-outcomes",
        [f"{OF_BIG}/last_lines: are not the last lines of the log beside it"],
    ),
    "last lines of no log": (
        lambda pack: pack.files.pop(LOG),
        "attempt-outcomes",
        [f"{OF_BIG}/last_lines: are not the last lines of the log beside it"],
    ),
    "last lines that were cut elsewhere": (
        outcome(last_lines=["it began", "it goes […] (9 characters more)"]),
        "attempt-outcomes",
        [f"{OF_BIG}/last_lines: are not the last lines of the log beside it"],
    ),
    "a file of an attempt that did not fail": (
        lambda pack: pack.files.update({"attempts/02-toy/note.txt": b"x"}),
        "attempt-evidence",
        ["attempts/02-toy/note.txt: the journal has no attempt that failed and left this"],
    ),
    "a step out of order": (
        put(STEPS, 3, "step", value=9),
        "attempt-evidence",
        [f"{STEPS}#L4/step: step rows count 1, 2, 3, … without a gap"],
    ),
    "a step of another stage": (
        put(STEPS, 3, "stage", value="eval"),
        "attempt-evidence",
        [f"{STEPS}#L4/stage: another stage"],
    ),
    "a step of more rows": (
        put(STEPS, 9, "num_rows", value=2),
        "attempt-evidence",
        [f"{STEPS}#L10/num_rows: another number of rows than its micro-batches hold"],
    ),
    "a step at another rate": (
        put(STEPS, 3, "learning_rate", value=0.5),
        "attempt-evidence",
        [f"{STEPS}#L4/learning_rate: another learning_rate than milestone and step give"],
    ),
    "a step in another epoch": (
        put(STEPS, 3, "epoch", value=1.5),
        "attempt-evidence",
        [f"{STEPS}#L4/epoch: another epoch than milestone and step give"],
    ),
    "more steps than were scheduled": (
        shorter_schedule,
        "attempt-evidence",
        [f"{STEPS}: more steps than the schedule has",
         *(f"{STEPS}#L{line}/learning_rate: another learning_rate than milestone and step give"
           for line in range(4, 11))],
    ),
    "steps without a schedule": (
        no_schedule,
        "attempt-evidence",
        [f"{STEPS}: steps of a training that the journal has no schedule of"],
    ),
    "a sample of another attempt": (
        put(SAMPLES, 1, "attempt", value="toy"),
        "attempt-evidence",
        [f"{SAMPLES}#L2/attempt: a sample of another attempt"],
    ),
    "a sample of a stage that was not begun": (
        put(SAMPLES, 1, "stage", value="eval"),
        "attempt-evidence",
        [f"{SAMPLES}#L2/stage: the journal started no such stage of this attempt"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_failed_attempt_is_found(lie: str) -> None:
    edit, check, expected = LIES[lie]
    pack = crashed_toy()
    edit(pack)
    judged = said(pack, check)
    assert judged.lines == expected
    assert judged.outcome == "fail"


def no_steps(pack: ForgedPack) -> None:
    no_schedule(pack)
    pack.docs[STEPS] = []


HONEST: dict[str, tuple[Edit, str]] = {
    "last lines that were cut, as they say": (
        outcome(last_lines=["it began", "it we […] (8 characters more)"]),
        "attempt-outcomes",
    ),
    "no last lines": (outcome(last_lines=[]), "attempt-outcomes"),
    "an outcome of an attempt that no milestone gives": (of_no_plan, "attempt-outcomes"),
    "steps of such an attempt": (of_no_plan, "attempt-evidence"),
    "no step before the schedule": (no_steps, "attempt-evidence"),
}


@pytest.mark.parametrize("case", HONEST)
def test_what_does_not_contradict_itself_is_none(case: str) -> None:
    edit, check = HONEST[case]
    pack = crashed_toy()
    edit(pack)
    judged = said(pack, check)
    assert (judged.outcome, judged.lines) == ("pass", [])


def test_a_run_that_came_to_its_end_made_every_attempt() -> None:
    pack = failed_toy()
    assert said(pack, "attempts-made").outcome == "pass"
    milestone("[[gate]]", '[[attempt]]\nname = "last"\nbackend = "stub"\n\n[[gate]]')(pack)
    text = "journal.jsonl: other attempts than the milestone asks for, in its order"
    assert said(pack, "attempts-made").lines == [text]
    pack.event("attempt-finished", number=2)["data"]["outcome"] = "interrupted"
    assert said(pack, "attempts-made").outcome == "pass"  # somebody did not want the last one


def test_a_run_whose_files_were_damaged_says_of_no_attempt_that_it_was_made() -> None:
    judged = said(damaged_toy(), "attempts-made")
    assert judged.outcome == "not_checked"
    assert judged.reason == "what its attempts left was set aside when the run was closed"


def test_lines_of_a_log_that_is_not_here_are_not_asked_for() -> None:
    pack = crashed_toy()
    outcome(last_lines=["another line"])(pack)
    assert said(pack, "attempt-outcomes", without=(LOG,)).outcome == "pass"
    assert said(pack, "attempt-outcomes").outcome == "fail"


def test_steps_and_samples_that_are_not_here_are_not_asked_for() -> None:
    pack = crashed_toy()
    put(STEPS, 3, "step", value=9)(pack)
    put(SAMPLES, 1, "attempt", value="toy")(pack)
    assert said(pack, "attempt-evidence", without=(STEPS, SAMPLES)).outcome == "pass"


def test_rows_that_are_no_json_are_left_to_the_form() -> None:
    evidence = evidence_of(crashed_toy())
    evidence = replace(evidence, contents={**evidence.contents, STEPS: b"{\n"})
    judged = said_of(evidence, "attempt-evidence")
    assert judged.outcome == "not_checked"
    assert judged.reason.startswith(f"{STEPS}: ")


def test_an_honest_one_is_intact(tmp_path: Path) -> None:
    report = verify_pack(write(tmp_path / "M90", crashed_toy().all_bytes()))
    assert (report.verdict, report.findings) == ("INTACT", ())
