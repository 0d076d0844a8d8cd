"""Laws of clocks: a date or a time that the journal's clocks contradict is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from damaged import damaged_toy
from judged import said
from lies import event, put
from toy import toy

from evidence import layout
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
STARTED = "environment.json#/started_utc"
MADE = "git.json#/start/commit_utc"
TRAINED = "journal.jsonl#L12/data/runtime_s"
EVALUATED = "journal.jsonl#L15/data/runtime_s"
RECOVERED = {
    "reason": "it was killed", "after": "killed", "from_step": None, "num_step_rows_cut": 0,
    "num_predictions_cut": 0, "num_incomplete_bytes": 0, "allowed": [],
}  # fmt: skip
FAR_MORE = "the journal's clock shows far more time than the"


def later(seconds: float, first: str, **where: Any) -> Edit:
    """Everything from one event on is so much later, by both clocks of the journal."""

    def edit(pack: ForgedPack) -> None:
        events = pack.docs[layout.JOURNAL]
        begin = next(
            i for i, one in enumerate(events)
            if one["event"] == first and where.items() <= one["data"].items()
        )  # fmt: skip
        for one in events[begin:]:
            one["monotonic_s"] += seconds

    return edit


def nothing_behind(pack: ForgedPack) -> None:
    """A training whose journal has neither model nor probe behind its loop."""
    events = pack.docs[layout.JOURNAL]
    events.remove(pack.event("final-model"))
    events.remove(pack.event("probe", moment="after"))


def without(name: str, **where: Any) -> Edit:
    return lambda pack: pack.docs[layout.JOURNAL].remove(pack.event(name, **where))


def unknown_runtime(stage: str) -> Edit:
    return lambda pack: pack.event("stage-finished", stage=stage)["data"].update(runtime_s=None)


FOUND: dict[str, tuple[Edit, str, list[str]]] = {
    "a start that is no date": (
        put(layout.ENVIRONMENT, "started_utc", value="2026-13-08T20:00:00.500000Z"),
        "started-utc",
        [f"{STARTED}: is no date"],
    ),
    "a start of another day": (
        put(layout.ENVIRONMENT, "started_utc", value="2026-01-09T20:00:00.500000Z"),
        "started-utc",
        [f"{STARTED}: another time than the journal began at"],
    ),
    "a commit of the day after": (
        put(layout.GIT, "start", "commit_utc", value="2026-01-09T19:00:00Z"),
        "started-utc",
        [f"warning {MADE}: the run began before its commit was made: the clock of one of them was "
         "wrong"],
    ),
    "a loop that took a while, which was a second": (
        later(30.0, "probe", moment="after"),
        "loop-time",
        [f"warning {TRAINED}: {FAR_MORE} loop says that it took"],
    ),
    "a loop that took minutes, which were a second": (
        later(300.0, "probe", moment="after"),
        "loop-time",
        [f"{TRAINED}: {FAR_MORE} loop says that it took"],
    ),
    "an evaluation that took a while, which was a second": (
        later(60.0, "stage-finished", stage="eval"),
        "eval-loop-time",
        [f"warning {EVALUATED}: {FAR_MORE} evaluation says that it took"],
    ),
    "an evaluation that took minutes, which were a second": (
        later(300.0, "stage-finished", stage="eval"),
        "eval-loop-time",
        [f"{EVALUATED}: {FAR_MORE} evaluation says that it took"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_a_time_that_the_clocks_contradict_is_found(case: str) -> None:
    edit, check, expected = FOUND[case]
    pack = toy()
    edit(pack)
    assert said(pack, check).lines == expected


def test_answers_in_no_time_are_found() -> None:
    pack = rich_toy()
    event("stage-finished", "runtime_s", 1e-6, stage="eval")(pack)
    judged = said(pack, "eval-time")
    (line,) = judged.lines
    assert line.endswith("/data/runtime_s: shorter than so many tokens take one after the other")
    assert judged.findings[0].expected == "at least 0.000600"  # batches of four, six tokens each


HONEST: dict[str, tuple[Edit, str]] = {
    "a start that was not known": (
        put(layout.ENVIRONMENT, "started_utc", value={"unavailable": "no clock"}),
        "started-utc",
    ),
    "a loop of unknown length": (unknown_runtime("train"), "loop-time"),
    "a training without rows": (put(layout.METRICS, slice(None), value=[]), "loop-time"),
    "an evaluation of unknown length": (unknown_runtime("eval"), "eval-loop-time"),
    "a training without schedule": (without("schedule", stage="train"), "loop-time"),
    "a training with nothing behind it": (nothing_behind, "loop-time"),
    "an evaluation without schedule": (without("schedule", stage="eval"), "eval-loop-time"),
    "answers of another backend": (lambda pack: None, "eval-time"),
}
WHY = {
    "a start that was not known": "it is not known when the run began",
    "a loop of unknown length": "the worker did not report how long its loop took",
    "a training without rows": "the worker did not report how long its loop took",
    "an evaluation of unknown length": "the worker did not report how long its evaluation took",
    "a training without schedule": "there is no schedule of the training stage",
    "a training with nothing behind it": "the journal has nothing behind the training loop",
    "an evaluation without schedule": "the worker did not report how long its evaluation took",
    "answers of another backend": "there are no answers of our own backend",
}


@pytest.mark.parametrize("case", HONEST)
def test_a_time_that_is_not_known_is_not_checked(case: str) -> None:
    edit, check = HONEST[case]
    pack = toy()
    edit(pack)
    judged = said(pack, check)
    assert (judged.outcome, judged.reason) == ("not_checked", WHY[case])


def recovered_at_once(pack: ForgedPack) -> None:
    events = pack.docs[layout.JOURNAL]
    events.insert(1, {**events[1], "event": "recovered", "data": RECOVERED})
    pack.docs[layout.ENVIRONMENT]["started_utc"] = "2026-01-09T20:00:00.500000Z"


PASS: dict[str, Edit] = {
    "a start that somebody came back to": recovered_at_once,
    "a commit at a time that is no date": put(
        layout.GIT, "start", "commit_utc", value="2026-13-08T19:00:00Z"
    ),
    "no commit at all": put(layout.GIT, "start", value={"unavailable": "no git"}),
}


@pytest.mark.parametrize("case", PASS)
def test_a_start_that_nothing_contradicts_passes(case: str) -> None:
    pack = toy()
    PASS[case](pack)
    judged = said(pack, "started-utc")
    assert (judged.outcome, judged.lines) == ("pass", [])


@pytest.mark.parametrize("check", ["started-utc", "loop-time", "eval-time", "eval-loop-time"])
def test_times_that_fit_pass(check: str) -> None:
    judged = said(rich_toy(), check)
    assert (judged.outcome, judged.lines) == ("pass", [])


def test_lost_documents_say_nothing_of_a_start() -> None:
    judged = said(damaged_toy(layout.ENVIRONMENT), "started-utc")
    assert judged.outcome == "not_checked"


def sampled(stage: str, elapsed_s: float) -> Edit:
    """The last sample is said to be of this stage, so long after the start of the run."""
    return lambda pack: pack.docs[layout.TELEMETRY][-1].update(stage=stage, elapsed_s=elapsed_s)


def taken_up_after(name: str, **where: Any) -> Edit:
    """The run died behind this event, and went on by a clock that knows nothing of the pause."""

    def edit(pack: ForgedPack) -> None:
        events = pack.docs[layout.JOURNAL]
        place = events.index(pack.event(name, **where))
        events.insert(place + 1, {**events[place], "event": "recovered", "data": RECOVERED})

    return edit


def test_samples_of_a_stage_that_ended_by_itself_are_held_though_the_run_was_taken_up() -> None:
    pack = toy()
    taken_up_after("stage-finished", stage="train")(pack)
    assert said(pack, "telemetry-stages").outcome == "pass"
    sampled("train", 9999.0)(pack)
    judged = said(pack, "telemetry-stages")
    assert judged.outcome == "fail"
    assert "did not run then" in judged.lines[0]


def test_samples_of_a_stage_that_died_are_held_by_its_start_alone() -> None:
    pack = toy()
    taken_up_after("schedule", stage="train")(pack)
    sampled("train", 9999.0)(pack)
    judged = said(pack, "telemetry-stages")
    assert (judged.outcome, judged.lines) == ("not_checked", [])
    assert "are only not before its start" in judged.reason
    early = toy()
    taken_up_after("stage-started", stage="eval")(early)
    sampled("eval", 0.05)(early)
    judged = said(early, "telemetry-stages")
    assert judged.outcome == "fail"
    assert "eval did not run then" in judged.lines[0]


def apart(seconds: float, first: str, **where: Any) -> Edit:
    """As where a stage before this event is told no more: by both clocks, and in the attempt."""

    def edit(pack: ForgedPack) -> None:
        later(seconds, first, **where)(pack)
        ended = pack.event("attempt-finished", number=2)["data"]
        ended["duration_s"] += seconds

    return edit


@pytest.mark.parametrize("stage", ["train", "eval"])
def test_time_of_an_attempt_that_belongs_to_no_stage_is_warned_of(stage: str) -> None:
    pack = toy()
    apart(600.0, "stage-started", stage=stage)(pack)
    judged = said(pack, "durations")
    assert judged.outcome == "pass"
    (line,) = judged.lines
    assert "warning" in line
    assert "s of this attempt belong to none of its stages, 600." in line


def test_a_slow_start_or_a_run_that_was_taken_up_is_not_warned_of() -> None:
    slow, taken_up = toy(), toy()
    apart(50.0, "stage-started", stage="eval")(slow)
    taken_up_after("stage-finished", stage="train")(taken_up)
    apart(600.0, "stage-started", stage="eval")(taken_up)
    for pack in (slow, taken_up):
        assert said(pack, "durations").lines == []


def test_a_stage_that_did_not_finish_explains_the_time_of_its_attempt() -> None:
    pack = toy()
    apart(600.0, "stage-started", stage="eval")(pack)
    without("stage-finished", stage="eval")(pack)
    assert not [one for one in said(pack, "durations").lines if "none of its stages" in one]
