"""Laws of lies that are possible in themselves: another document of the pack contradicts each."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toy import write

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.self_test.forgeries import STORIES, Forgery
from evidence.verification.verification import verify_pack
from tests.fields.rich import rich_toy


def outcomes(pack: ForgedPack, folder: Path) -> dict[str, str]:
    made = write(
        folder / "M90", {k: v for k, v in pack.seal().all_bytes().items() if v is not None}
    )
    report = verify_pack(made)
    warned = {one.code: "warned" for one in report.findings if one.severity == "warning"}
    return {**{one.id: one.outcome for one in report.checks}, **warned}


@pytest.mark.parametrize("lie", STORIES, ids=lambda lie: lie.id)
def test_a_story_that_the_pack_contradicts_is_found(lie: Forgery, tmp_path: Path) -> None:
    pack = rich_toy()
    lie.edit(pack)
    found = outcomes(pack, tmp_path)
    assert {"fail"} == {found[check] for check in lie.checks if found[check] != "pass"}, found


def test_the_story_that_happened_is_intact(tmp_path: Path) -> None:
    found = outcomes(rich_toy(), tmp_path)
    assert "fail" not in found.values(), found
    assert "loop-time" not in {key for key, how in found.items() if how == "warned"}


def asked(pack: ForgedPack, name: str) -> None:
    pack.event("run-started")["data"]["only_attempt"] = name


def without_first(pack: ForgedPack) -> None:
    events = pack.docs[layout.JOURNAL]
    events[:] = [one for one in events if one["attempt"] != "big"]
    del pack.docs["attempts/01-big/outcome.json"]


@pytest.mark.parametrize(("name", "outcome"), [("toy", "pass"), ("big", "fail"), ("none", "fail")])
def test_who_asks_for_one_attempt_passes_over_the_others_and_the_journal_says_so(
    name: str, outcome: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    without_first(pack)
    asked(pack, name)
    assert outcomes(pack, tmp_path)["attempts-made"] == outcome


def slower(pack: ForgedPack, seconds: float, *, paused: bool = False) -> None:
    """All events behind the schedule of the training so much later: the loop says it was fast.
    A pause moves the wall clock, too."""
    events = pack.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(events) if one["event"] == "checkpoint")
    for one in events[place:]:
        one["monotonic_s"] += seconds
        one["utc"] = later(one["utc"], seconds * paused)
    for one in events:
        if one["event"] == "stage-finished" and one["data"]["stage"] == "train":
            one["data"]["duration_s"] += seconds
        if one["event"] == "attempt-finished" and one["attempt"] == "toy":
            one["data"]["duration_s"] += seconds


@pytest.mark.parametrize(("seconds", "outcome"), [(1, "pass"), (60, "warned"), (600, "fail")])
def test_a_loop_far_faster_than_the_journals_clock_is_odd_and_at_last_impossible(
    seconds: float, outcome: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    slower(pack, seconds)
    found = outcomes(pack, tmp_path)
    # a warning has the name of the check: where it warns, that is what is said last
    assert found["loop-time"] == ("fail" if outcome == "fail" else outcome)


def later(utc: str, seconds: float) -> str:
    moved = datetime.fromisoformat(utc) + timedelta(seconds=seconds)
    digits = len(utc.partition(".")[2]) - 1
    return f"{moved:%Y-%m-%dT%H:%M:%S}.{f'{moved.microsecond:06d}'[:digits]}Z"


@pytest.mark.parametrize("seconds", [120, 7200, 10**6])
def test_a_pause_between_a_loop_and_the_event_behind_it_is_a_warning_at_most(
    seconds: float, tmp_path: Path
) -> None:
    pack = rich_toy()
    slower(pack, seconds, paused=True)
    found = outcomes(pack, tmp_path)
    assert [key for key, how in found.items() if how == "fail"] == []
    assert found["loop-time"] == "warned"


def paused_at(pack: ForgedPack, event: str, seconds: float) -> None:
    """Whoever supervises stood still before this event, and not while a duration was taken. Samples
    that were taken behind it came later, too."""
    events = pack.docs[layout.JOURNAL]
    place = max(i for i, one in enumerate(events) if one["event"] == event)
    moment = events[place]["monotonic_s"] - events[0]["monotonic_s"]
    begun = [one["data"]["stage"] for one in events[place:] if one["event"] == "stage-started"]
    for sample in pack.docs[layout.TELEMETRY]:
        if sample["elapsed_s"] >= moment or sample["stage"] in begun:
            sample["elapsed_s"] += seconds
    for one in events[place:]:
        one["monotonic_s"] += seconds
        one["utc"] = later(one["utc"], seconds)


@pytest.mark.parametrize(
    "event",
    ["captured", "attempt-started", "stage-started", "schedule", "checkpoint", "final-model",
     "probe", "stage-finished", "attempt-finished", "sealing"],
)  # fmt: skip
def test_a_pause_before_any_event_is_a_warning_at_most(event: str, tmp_path: Path) -> None:
    pack = rich_toy()
    paused_at(pack, event, 5000)
    found = outcomes(pack, tmp_path)
    assert [key for key, how in found.items() if how == "fail"] == []


def put(*keys: Any, value: Any) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        target = pack.doc(keys[0])
        for key in keys[1:-1]:
            target = target[key]
        target[keys[-1]] = value

    return edit


def unlisted(pack: ForgedPack) -> None:
    pack.docs[layout.ENVIRONMENT]["framework"]["torch_version"] = "2.9.0a0+git1234"
    del pack.docs[layout.PACKAGES]["packages"][0]


ODD_AND_HONEST: dict[str, Callable[[ForgedPack], None]] = {
    "a development build of torch is in no list": unlisted,
    "a commit whose author's clock is a little ahead": put(
        layout.GIT, "start", "commit_utc", value="2026-01-08T20:01:00Z"
    ),
    "a build of another vendor": put(
        layout.ENVIRONMENT, "framework", "torch_version", value="2.9.0+nv25"
    ),
}


@pytest.mark.parametrize("case", ODD_AND_HONEST)
def test_what_is_odd_and_honest_is_accused_of_nothing(case: str, tmp_path: Path) -> None:
    pack = rich_toy()
    ODD_AND_HONEST[case](pack)
    pack.docs[layout.GIT]["end"] = deepcopy(pack.docs[layout.GIT]["start"])
    names = pack.docs[layout.PACKAGES]["packages"]
    version = pack.docs[layout.ENVIRONMENT]["framework"]["torch_version"]
    for one in names:
        if one["name"] == "torch":
            one["version"] = version
    assert "fail" not in outcomes(pack, tmp_path).values()
