"""Laws of what attempts lacked: it is what the machine of the run lacked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import OUTCOME, write

from evidence import layout
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from evidence.worker.lacking_words import NO_CARD, NOT_USABLE, UNKNOWN
from tests.fields.rich import rich_toy

DRIVER = "no NVIDIA driver was found (NVML says so)"


def said(*sentences: str) -> Callable[[ForgedPack], None]:
    """What the first attempt lacked."""

    def edit(pack: ForgedPack) -> None:
        reason = "; ".join(sentences)
        outcome = pack.docs[OUTCOME]
        outcome |= {"missing": list(sentences), "reason": reason}
        outcome["remedies"] = ["do it"] * len(sentences)
        pack.event("attempt-finished", number=1)["data"]["reason"] = reason

    return edit


def machine(pack: ForgedPack, gpus: Any) -> None:
    pack.docs[layout.HARDWARE]["gpus"] = gpus


def outcome(pack: ForgedPack, folder: Path) -> str:
    """Of the check, where the run was never resumed."""
    events = pack.docs[layout.JOURNAL]
    events[:] = [one for one in events if one["event"] != "recovered"]
    files = {k: v for k, v in pack.seal().all_bytes().items() if v is not None}
    report = verify_pack(write(folder / "M90", files))
    return {one.id: one.outcome for one in report.checks}["attempt-missing"]


def card(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.docs[layout.HARDWARE]["gpus"][0]
    return found


@pytest.mark.parametrize(
    ("sentence", "gpus", "wanted"),
    [
        (f"{NOT_USABLE}{DRIVER}", {"unavailable": DRIVER}, "pass"),
        (f"{UNKNOWN}{DRIVER}", {"unavailable": DRIVER}, "pass"),
        (f"{NOT_USABLE}{DRIVER}", {"unavailable": "NVML did not answer within 10 s"}, "fail"),
        (f"{NOT_USABLE}{DRIVER}", None, "fail"),
        (f"{UNKNOWN}{DRIVER}", None, "fail"),
        (f"{NOT_USABLE}{DRIVER}", [], "fail"),
        (f"{NOT_USABLE}{NO_CARD}", [], "pass"),
        (f"{NOT_USABLE}{NO_CARD}", None, "fail"),
        (f"{NOT_USABLE}1 NVIDIA GPU is present, but CUDA_VISIBLE_DEVICES='' hides all", None,
         "pass"),
        ("There is no GPU.", None, "pass"),
        ("the Python package torch is not installed", None, "fail"),
        ("the Python package tunix is not installed", None, "pass"),
    ],
)  # fmt: skip
def test_what_was_missing_is_missing_in_the_documents(
    sentence: str, gpus: Any, wanted: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    said(sentence)(pack)
    if gpus is not None:
        machine(pack, gpus)
    assert outcome(pack, tmp_path) == wanted


@pytest.mark.parametrize(
    ("lacks", "wanted"), [(0, "pass"), (1, "fail")], ids=["its memory", "another's memory"]
)
def test_a_card_that_was_too_small_is_the_one_that_is_here(
    lacks: float, wanted: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    one = card(pack)
    has = one["memory_bytes"] / (1 << 30) - lacks
    needs = needed(pack)
    said(f"{one['name']} has {has:.1f} GiB, the attempt needs {needs:g} GiB")(pack)
    assert outcome(pack, tmp_path) == wanted


def needed(pack: ForgedPack) -> float:
    """Memory that the milestone asks for."""
    source = pack.files[layout.MILESTONE]
    assert source is not None
    plans = plan_attempts(parse_milestone(source))
    return next(one.requires.vram_gib for one in plans if one.name == "big")
