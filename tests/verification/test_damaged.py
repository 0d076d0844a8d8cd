"""Laws of a run that was closed when its files were damaged: what it says, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damaged import BYTES, KEPT, damaged_toy
from judged import said
from lies import put
from toy import toy, write

from evidence import layout
from evidence.pack import lost
from evidence.self_test.forger import ForgedPack
from evidence.verification.consistency.damage import of_what_is_known
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.verification import verify_pack

PLACE = "journal.jsonl#L4/data"
WARNING = (
    f"warning {PLACE}: {layout.METRICS} is not as the run wrote it; 2 files were set aside, unread"
)


def facts(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.event("damaged")["data"]
    return found


def told(pack: ForgedPack) -> None:
    """A document that is said to be lost, and tells what kernel it was."""
    pack.docs[layout.HARDWARE] |= {"kernel": "6.1"}


def never_lost(pack: ForgedPack) -> None:
    facts(pack)["hollow"].append(layout.WITHHELD)


def of_an_attempt(pack: ForgedPack) -> None:
    pack.event("recovered")["attempt"] = "toy"


LIES: dict[str, tuple[Callable[[ForgedPack], object], list[str]]] = {
    "one more file set aside": (
        lambda pack: pack.files.update({f"{layout.DAMAGED}/2": b"x"}),
        ["damaged/2: what was set aside and what the journal names are not the same"],
    ),
    "a file that was set aside is gone": (
        lambda pack: pack.files.pop(KEPT),
        [f"{KEPT}: what was set aside and what the journal names are not the same"],
    ),
    "other bytes": (
        lambda pack: pack.files.update({KEPT: BYTES[::-1]}),
        [f"{KEPT}: other bytes than set aside"],
    ),
    "another size": (
        lambda pack: facts(pack)["files"][0].update(size_bytes=3),
        [f"{KEPT}: another size than set aside"],
    ),
    "called complete": (
        put(layout.MANIFEST, "status", value="complete"),
        ["manifest.json#/status: a run that was closed like this is a failed one"],
    ),
    "an event of an attempt": (
        of_an_attempt,
        ["journal.jsonl#L3/attempt: of its attempts nothing is known"],
    ),
    "a lost document that tells": (
        told,
        [f"{layout.HARDWARE}: was lost, as the journal says, and yet tells something"],
    ),
    "a document that is never lost": (
        never_lost,
        [f"{layout.WITHHELD}: was lost, as the journal says, and yet tells something"],
    ),
}
"""Of a run that lost hardware.json: each edit, and what is said beside the warning."""


@pytest.mark.parametrize("lost_documents", [(), lost.DOCUMENTS], ids=["none lost", "all lost"])
def test_an_honest_one_is_a_failed_run_with_a_warning(
    lost_documents: tuple[str, ...], tmp_path: Path
) -> None:
    pack = damaged_toy(*lost_documents)
    assert said(pack, "damaged-files").lines == [WARNING]
    assert said(pack, "damaged-files").findings[0].code == "damaged"
    report = verify_pack(write(tmp_path / "M90", pack.all_bytes()))
    assert report.verdict == "UNFINISHED"
    assert [one.check for one in report.findings] == ["damaged-files"]


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_what_was_damaged_is_found(lie: str) -> None:
    edit, expected = LIES[lie]
    pack = damaged_toy(layout.HARDWARE)
    edit(pack)
    assert said(pack, "damaged-files").lines == [*expected, WARNING]


def test_nothing_is_unknown_or_set_aside_where_nothing_was_damaged() -> None:
    pack = toy()
    pack.files |= {f"{layout.DAMAGED}/{number}": b"x" for number in range(9)}
    lost_one = {"unavailable": "it was lost"}
    pack.docs[layout.ENVIRONMENT]["python_version"] = lost_one
    pack.docs[layout.HARDWARE]["kernel"] = lost_one
    pack.docs[layout.HARDWARE]["cpu"]["architecture"] = lost_one
    pack.docs[layout.PACKAGES]["packages"] = lost_one
    pack.docs[layout.FROZEN]["sets"] = lost_one
    known = "is known of every run whose documents were not lost"
    assert said(pack, "damaged-files").lines == [
        f"environment.json#/python_version: {known}",
        f"hardware.json#/kernel: {known}",
        f"hardware.json#/cpu/architecture: {known}",
        f"packages.json#/packages: {known}",
        f"frozen.json#/sets: {known}",
        *(
            f"damaged/{number}: the journal does not say that it was set aside"
            for number in range(9)
        ),
    ]


def said_twice(pack: ForgedPack) -> None:
    pack.docs[layout.JOURNAL].insert(4, dict(pack.docs[layout.JOURNAL][3]))


ODD: dict[str, tuple[Callable[[ForgedPack], object], str]] = {
    "said twice": (said_twice, "MalformedError: a run is closed once, and damage is said once"),
    "no facts": (lambda pack: facts(pack).clear(), "Missing required argument 'files'"),
    "no file": (lambda pack: facts(pack).update(files=[]), "IndexError: tuple index out of range"),
    "no list": (lambda pack: facts(pack).update(files=3), "at /files/: int does not fit tuple"),
}


@pytest.mark.parametrize("odd", ODD)
def test_damage_of_which_no_sentence_can_be_made_is_an_error_and_stops_no_verification(
    odd: str, tmp_path: Path
) -> None:
    edit, broke = ODD[odd]
    pack = damaged_toy(layout.HARDWARE)
    rendered = pack.all_bytes()
    edit(pack)
    files = {**rendered, **pack.seal().sealed_bytes()}
    report = verify_pack(write(tmp_path / "M90", files))
    assert (report.verdict, report.happened) == ("NOT INTACT", "")
    (found,) = [one for one in report.findings if one.code == "check-broke"
                and one.check == "damaged-files"]  # fmt: skip
    assert found.message.endswith(broke)
    checks = {one.id: one for one in report.checks}
    assert checks["signature"].outcome == "not_checked"  # the last one was still asked


def test_what_a_document_lost_is_not_checked_and_no_lie() -> None:
    told = Problem(f"{layout.HARDWARE}#/os", "another system")
    assert list(of_what_is_known([told], frozenset({layout.PACKAGES}))) == [told]
    with pytest.raises(CannotCheckError, match=r"hardware\.json: the run was closed"):
        list(of_what_is_known([told], frozenset({layout.HARDWARE})))
