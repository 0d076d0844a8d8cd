"""Laws of attempts that failed: how they may have ended, what they lacked, what samples tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crashed import FOLDER, LOG, crashed_toy
from judged import said
from toy import OUTCOME, toy

from evidence import layout
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
BIG = f"{FOLDER}/outcome.json#"
TOOK = "the attempt took longer than 60 s; it was in its train stage"
KILLED = "the worker was killed by {} during the train stage"


def both(*edits: Edit) -> Edit:
    def edit(pack: ForgedPack) -> None:
        for one in edits:
            one(pack)

    return edit


def ended(**facts: Any) -> Edit:
    return lambda pack: pack.docs[OUTCOME].update(facts)


def of_big(setting: str) -> Edit:
    """A line of the milestone that is about the attempt that crashed."""
    return lambda pack: pack.milestone(r'(?<=^backend = ")tunix"$', setting)


def ours(pack: ForgedPack) -> None:
    """The attempt that crashed ran with our own backend."""
    of_big('transformers"')(pack)
    pack.docs[OUTCOME]["backend"] = "transformers"


def anothers(pack: ForgedPack) -> None:
    """It ran with a backend that another package brings."""
    of_big('stub"')(pack)
    pack.docs[OUTCOME]["backend"] = "stub"


def saved(pack: ForgedPack) -> None:
    """It had a checkpoint of its tenth step."""
    events = pack.docs[layout.JOURNAL]
    schedule = next(i for i, one in enumerate(events) if one["event"] == "schedule")
    data = {**pack.event("checkpoint")["data"], "step": 10}
    events.insert(schedule + 1, {**events[schedule], "event": "checkpoint", "data": data})


def unlogged(pack: ForgedPack) -> None:
    pack.files.pop(LOG)
    pack.docs[OUTCOME]["last_lines"] = []


TIMED = of_big('tunix"\ntimeout_s = 60')
ENDS: dict[str, tuple[Edit, str, list[str]]] = {
    "its time ran out": (
        both(TIMED, ended(outcome="timed-out", reason=TOOK, duration_s=60.2)), "attempt-ends", []),
    "its time ran out, early": (
        both(TIMED, ended(outcome="timed-out", reason=TOOK, duration_s=6.2)), "attempt-ends",
        [f"{BIG}/duration_s: shorter than the limit that is said to have run out"]),
    "killed": (
        ended(outcome="killed-by-signal", signal=11, reason=KILLED.format("SIGSEGV")),
        "attempt-ends", []),
    "killed by a signal of this system": (
        ended(outcome="killed-by-signal", signal=30, reason=KILLED.format("SIGUSR1")),
        "attempt-ends", []),
    "killed, by what is not known": (
        ended(outcome="killed-by-signal", signal=None, reason=KILLED.format("SIGSEGV")),
        "attempt-ends", []),
    "a status of success": (
        both(ours, ended(exit_status=0)), "attempt-ends",
        [f"{BIG}/exit_status: a worker that says what failed does not end with status 0"]),
    "a status of success of another's worker": (
        both(anothers, ended(exit_status=0)), "attempt-ends", []),
    "a stage with its log": (both(ours, saved), "attempt-left", []),
    "a stage without its log": (
        both(ours, saved, unlogged), "attempt-left",
        [f"{LOG}: the train stage of this attempt had a log"]),
    "begun without the GPU that it asks for": (
        lambda pack: pack.milestone(r'accelerator = "none"', 'accelerator = "nvidia"'),
        "attempt-missing",
        ["journal.jsonl#L4/attempt: this attempt asks for an NVIDIA GPU, and hardware.json has "
         "none"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_a_failed_attempt_ended_as_one_can(case: str) -> None:
    edit, check, expected = ENDS[case]
    pack = crashed_toy()
    edit(pack)
    found = [one.partition(" (")[0] for one in said(pack, check).lines]
    assert found == expected


def lacking(sentence: str) -> Edit:
    return lambda pack: pack.docs[OUTCOME].update(missing=[sentence], reason=sentence)


def framework(**facts: Any) -> Edit:
    return lambda pack: pack.docs[layout.ENVIRONMENT]["framework"].update(facts)


def driver(version: str) -> Edit:
    return lambda pack: pack.docs[layout.HARDWARE].update(driver_cuda_version=version)


TOO_NEW = "the installed PyTorch was built for CUDA 13.0, the driver supports at most 12.4"
NO_CUDA = "the installed PyTorch is a build without CUDA"
JAX_TOO_NEW = (
    "jax-cuda13-plugin in env/bin/python needs a driver for CUDA 13, the driver (550.54) supports "
    "at most 12.4"
)
UNKNOWN = {"unavailable": "not asked"}
LACKS: dict[str, tuple[Edit, list[str]]] = {
    "this driver": (both(lacking(TOO_NEW), driver("12.4")), []),
    "this driver, for JAX": (both(lacking(JAX_TOO_NEW), driver("12.4")), []),
    "an older driver than this one, for JAX": (
        both(lacking(JAX_TOO_NEW), driver("12.9")),
        ["another CUDA than the driver's in hardware.json"]),
    "an older driver than this one": (
        both(lacking(TOO_NEW), driver("12.9")),
        ["another CUDA than the driver's in hardware.json"]),
    "a build with CUDA": (both(lacking(NO_CUDA), framework(cuda_version=UNKNOWN)), []),
    "a build with CUDA that computed": (
        both(lacking(NO_CUDA), framework(cuda_version="12.6")), ["the build of this run has CUDA"]),
    "memory that nobody asks for": (
        lacking("A card has 1.0 GiB, the attempt needs 999 GiB"),
        ["the milestone asks for other memory", "hardware.json has no such GPU"]),
}  # fmt: skip


@pytest.mark.parametrize("case", LACKS)
def test_an_attempt_lacked_what_the_documents_say_is_not_here(case: str) -> None:
    edit, expected = LACKS[case]
    pack = rich_toy()
    events = pack.docs[layout.JOURNAL]
    events[:] = [one for one in events if one["event"] != "recovered"]
    edit(pack)
    place = f"{OUTCOME}#/missing/0"
    assert said(pack, "attempt-missing").lines == [f"{place}: {text}" for text in expected]


@pytest.mark.parametrize(("pause_s", "severity"), [(10.0, ""), (0.05, "warning ")])
def test_a_stage_of_a_minute_was_sampled_unless_the_machine_slept(
    pause_s: float, severity: str
) -> None:
    pack = toy()
    pack.docs[layout.TELEMETRY] = []
    pack.event("stage-finished", stage="train")["data"]["duration_s"] = 200.0
    for row in pack.docs[layout.METRICS]:
        row["elapsed_s"] = row["step"] * pause_s
    (line,) = said(pack, "telemetry-there").lines
    assert line.startswith(f"{severity}journal.jsonl#")
    assert line.endswith("there is no sample of the train stage, which took this long")


def test_what_a_card_has_is_said_beside_what_it_is_said_to_have() -> None:
    pack = rich_toy()
    events = pack.docs[layout.JOURNAL]
    events[:] = [one for one in events if one["event"] != "recovered"]
    lacking("A card has 1.0 GiB, the attempt needs 999 GiB")(pack)
    (card,) = pack.docs[layout.HARDWARE]["gpus"]
    gib = card["memory_bytes"] / (1 << 30)
    found = [one.expected for one in said(pack, "attempt-missing").findings]
    assert found[1] == f"{card['name']} has {gib:.1f} GiB"


def test_a_failed_attempt_may_keep_what_its_stages_left() -> None:
    pack = crashed_toy()
    pack.files[f"{FOLDER}/{layout.FINAL_MODEL}/shard.bin"] = b"{}"
    assert said(pack, "sealed-names").outcome == "pass"
    page = f"{FOLDER}/{layout.FINAL_MODEL}/look.html"
    pack.files[page] = b"{}"
    (line,) = said(pack, "sealed-names").lines
    assert line.startswith(f"{page}: no run leaves a file of this name")


def test_a_long_evaluation_was_sampled_or_the_machine_slept() -> None:
    pack = toy()
    pack.docs[layout.TELEMETRY] = []
    pack.event("stage-finished", stage="eval")["data"]["duration_s"] = 200.0
    (line,) = said(pack, "telemetry-there").lines
    assert line.startswith("warning journal.jsonl#")


@pytest.mark.parametrize("key", ["prompt", "output"])
def test_a_text_has_tokens(key: str) -> None:
    pack = toy()
    pack.docs[layout.PREDICTIONS][1][f"num_{key}_tokens"] = 0
    place = f"{layout.PREDICTIONS}#L2/num_{key}_tokens"
    assert said(pack, "prediction-lengths").lines == [f"{place}: text without a token"]
