"""Parts of a recorded pack that cannot all be true, and honest ones that look odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.recording.gathering import ODD_NUMBER
from evidence.self_test.forger import ForgedPack
from tests.recording.programs import Recorded
from tests.recording.test_forged import (
    DOCUMENT,
    FILES,
    SEEN,
    STEPS,
    judged,
    put,
    recorded,
)

__all__ = ["recorded"]
Edit = Callable[[ForgedPack], object]
OTHER = "0" * 64


def framework(**facts: Any) -> Edit:
    return lambda pack: pack.doc(DOCUMENT)["frameworks"][0].update(facts)


def begun_before(**parts: Any) -> Edit:
    """An earlier start, of no process."""
    start = {"segment": 1, "processes": [], "models": [], "not_seen": [], "replaced": [], **parts}
    return put(DOCUMENT, "earlier", value=[start])


def opened(path: str = "data.jsonl", sha256: Any = OTHER) -> Edit:
    """A file that the program read."""
    one = {"path": path, "mode": "read", "how": "open", "size_bytes": 3, "sha256": sha256,
           "is_as_opened": True}  # fmt: skip
    return lambda pack: pack.doc(FILES)["opened"].append(one)


def read_as_it_is(pack: ForgedPack) -> None:
    opened(sha256=pack.doc(layout.INPUTS)["data"]["train"]["sha256"])(pack)


def promised(pack: ForgedPack, path: str = "data.jsonl") -> None:
    file = {"path": path, "before_sha256": "1" * 64, "after_sha256": "1" * 64,
            "ref_sha256": None}  # fmt: skip
    pack.doc(layout.FROZEN)["sets"] = [
        {"name": "kept", "ref": None, "ref_commit": {"unavailable": "none"}, "policy": "record",
         "unchanged_during_run": True, "equal_to_ref": {"unavailable": "none"}, "files": [file]}
    ]  # fmt: skip


def all_of(*edits: Edit) -> Edit:
    def edit(pack: ForgedPack) -> None:
        for one in edits:
            one(pack)

    return edit


def rows(count: int) -> Edit:
    return lambda pack: pack.doc(SEEN)["data"][0].update(num_rows=count, num_rows_looked_at=count)


def of_csv(pack: ForgedPack) -> None:
    """The data are a table: how many rows it has, nobody counts twice."""
    pack.milestone(r"data\.jsonl", "data.csv")
    pack.doc(SEEN)["data"][0]["path"] = "data.csv"


UNSAID = all_of(read_as_it_is, put(SEEN, "data", value=[]))
SAID: dict[str, tuple[Edit, str, str]] = {
    "a step that ended before the one before it": (
        put(STEPS, 1, "elapsed_s", value=0.0), "program-clock", "ended before the step before it"),
    "a card of a build without any": (
        framework(version="2.0+cpu", device="cuda:0"), "program-models",
        "is of CUDA, and the build has none"),
    "something of a process that an earlier start never had": (
        begun_before(not_seen=[{"what": "w", "why": "y", "process": 1, "from_step": None}]),
        "program-processes", "there are 0 processes"),
    "fields found where there is no sequence": (
        put(SEEN, "num_sequences", value=0), "program-fields",
        "was found in sequences, and there is none"),
    "learned, and no row found": (
        put(SEEN, "data", 0, "num_rows_found", value=0), "program-fields",
        "is not known, since no row was found"),
    "kept, and a reason why not": (
        put(FILES, "collected", 0, "why_not", value="too large"), "program-files",
        "is kept, or else it is said why not"),
    "other data than at the start": (
        opened(), "program-inputs",
        "was another file when the program read it than [data.train] at the start"),
    "other data than when they were looked into": (
        opened(), "program-inputs",
        "was another file when the program read it than when its fields were looked for"),
    "other data than a promise has": (
        all_of(promised, opened()), "program-inputs",
        "was another file when the program read it than promised in kept"),
    "more rows than the same bytes have": (
        rows(1_000), "program-inputs",
        "is not how many rows inputs.json counts in the same bytes"),
    "data that were read and nothing said of them": (
        all_of(opened("other.txt"), UNSAID), "program-inputs",
        "is a data file, and seen.json does not say what was seen of it"),
}  # fmt: skip
NOTHING: dict[str, tuple[Edit, str]] = {
    "an earlier start of which nothing is known": (
        begun_before(not_seen=[{"what": "w", "why": "y", "process": None, "from_step": None}]),
        "program-processes"),
    "a CPU of such a build": (framework(version="2.0+cpu", device="cpu"), "program-models"),
    "a file that nothing else tells of": (opened("other.txt"), "program-inputs"),
    "a file whose digest is not known": (
        opened(sha256={"unavailable": "is gone"}), "program-inputs"),
    "data that were looked into when they were others": (
        all_of(put(SEEN, "data", 0, "sha256", value=OTHER), rows(1_000)), "program-inputs"),
    "data of which it is said why nobody looked": (
        all_of(UNSAID, put(SEEN, "data_not_looked_at", value=[
            {"what": "data.jsonl", "why": "is large", "process": None, "from_step": None}])),
        "program-inputs"),
    "data that were never read": (put(SEEN, "data", value=[]), "program-inputs"),
    "a table": (all_of(of_csv, rows(1_000)), "program-inputs"),
    "data of which inputs.json knows nothing": (
        lambda pack: pack.doc(layout.INPUTS)["data"].pop("train"), "program-inputs"),
    "a promise of another file": (
        all_of(lambda pack: promised(pack, "other.txt"), read_as_it_is), "program-inputs"),
    "a batch of a step that is not kept, since its numbers cannot be so": (
        all_of(put(SEEN, "batches", 0, "step", value=9), put(DOCUMENT, "not_seen", value=[
            {"what": ODD_NUMBER, "why": "y", "process": None, "from_step": None}])),
        "program-sequences"),
    "a path with a name cut out": (put(SEEN, "data", 0, "path", value="~/x.jsonl"),
                                   "program-fields"),
}  # fmt: skip


@pytest.mark.parametrize("what", SAID)
def test_what_cannot_be_is_said(what: str, recorded: Recorded, tmp_path: Path) -> None:
    edit, check, text = SAID[what]
    found = [one.message for one in judged(recorded, tmp_path, edit).findings if one.check == check]
    assert any(text in message for message in found), found


@pytest.mark.parametrize("what", NOTHING)
def test_of_what_may_be_nothing_is_said(what: str, recorded: Recorded, tmp_path: Path) -> None:
    edit, check = NOTHING[what]
    found = [one for one in judged(recorded, tmp_path, edit).findings if one.check == check]
    assert found == []
