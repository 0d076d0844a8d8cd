"""Laws of settings of the command line: a pack says them, and a lie about them is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write
from toy_parts import SEED
from toy_set import set_toy

from evidence import layout
from evidence.results.context import Context
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import open_verified, verify_pack

Edit = Callable[[ForgedPack], object]


def sealed(pack: ForgedPack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pack.docs[layout.OVERRIDES]["overrides"]
    return found


def told(pack: ForgedPack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pack.event("run-started")["data"]["overrides"]
    return found


def both(number: int, **values: Any) -> Edit:
    """The same lie in the document and in the journal."""

    def edit(pack: ForgedPack) -> None:
        sealed(pack)[number].update(values)
        told(pack)[number].update(values)

    return edit


def deleted(pack: ForgedPack) -> None:
    del pack.docs[layout.OVERRIDES]


def deleted_with_its_word(pack: ForgedPack) -> None:
    """The journal, chain and all, knows nothing of it either: the seed of the rows tells."""
    deleted(pack)
    del pack.event("run-started")["data"]["overrides"]


def never_told(pack: ForgedPack) -> None:
    del pack.event("run-started")["data"]["overrides"]


LIES: dict[str, tuple[Edit, str]] = {
    "deleted": (deleted, "overrides"),
    "deleted everywhere": (deleted_with_its_word, "seen-batches"),
    "not in the journal": (never_told, "overrides"),
    "another value": (lambda pack: sealed(pack)[0].update(value=SEED + 2), "overrides"),
    "one fewer": (lambda pack: sealed(pack).pop(), "overrides"),
    "another order": (lambda pack: sealed(pack).reverse(), "overrides"),
    "the old value was another": (both(0, was=SEED), "overrides"),
    "there was an old value": (both(1, was=12), "overrides"),
    "there was no old value": (both(2, was=None), "overrides"),
    "the same number as a float": (both(0, was=float(SEED + 1)), "overrides"),
    "a value of another kind": (both(0, value="x"), "records"),
    "a value past its limits": (both(0, value=-1), "records"),
    "a key that the file does not allow": (both(0, key="train.sed"), "records"),
    "a key of identity": (both(0, key="id", value="M91", was="M90"), "records"),
    "a name": (both(0, key="attempt.toy.name", value="real", was="toy"), "records"),
    "a table": (both(0, key="train"), "records"),
    "a key twice": (both(1, key="train.seed"), "records"),
    "a key in another spelling, twice": (both(1, key="'train'.seed"), "records"),
    "an attempt that is none": (both(0, key="attempt.huge.train.seed"), "records"),
    "no key": (both(0, key="train..seed"), "records"),
    "somebody else's": (both(0, origin="the author"), "form"),
    "a nested value": (both(0, value=[[1]]), "form"),
    "an empty list of them": (lambda pack: sealed(pack).clear(), "form"),
}


def test_a_pack_says_what_was_set_and_is_intact(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", set_toy().seal().all_bytes())
    report = verify_pack(pack)
    assert (report.verdict, report.findings) == ("INTACT", ())
    documents = open_verified(pack).documents
    assert documents.milestone.train.seed == SEED
    assert documents.milestone.eval.max_new_tokens == 12
    values = documents.results.values if documents.results else {}
    assert values["train.seed"].address == "overrides.json#/overrides/0/value"
    assert values["train.seed"].level == "declared"
    context = Context(documents)
    assert context.stated("train", "dtype")[0] == "milestone.toml#/train/dtype"
    assert context.stated("eval", "max_new_tokens")[0] == "overrides.json#/overrides/1/value"
    text = (pack / "m90_summary.md").read_text("utf-8").partition("\n---\n")[0]
    assert f"**Run with:** `--set train.seed={SEED}`; the milestone file says `{SEED + 1}`" in text
    assert "`--set eval.max_new_tokens=12`; the milestone file does not say it" in text


def test_a_pack_without_settings_has_none(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", toy().all_bytes())
    assert "Run with" not in (pack / "m90_summary.md").read_text("utf-8")
    outcomes = {one.id: one.outcome for one in verify_pack(pack).checks}
    assert outcomes["overrides"] == "pass"


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_a_setting_is_found(name: str, tmp_path: Path) -> None:
    """Settings of the command line that nobody gave, or other ones, or none (T21)."""
    edit, check = LIES[name]
    pack = set_toy().seal()
    edit(pack)
    unread = check in ("records", "form")  # nothing can be computed of such a pack
    pack = pack.seal(("results", "outcome") if unread else ())
    report = verify_pack(write(tmp_path / "M90", pack.all_bytes()))
    assert report.exit_code == 1, report.findings
    failed = {one.id for one in report.checks if one.outcome == "fail"}
    assert check in failed, report.findings


def test_what_a_finding_says_of_a_setting_names_place_and_both_values(tmp_path: Path) -> None:
    pack = set_toy()
    both(0, was=3)(pack)
    report = verify_pack(write(tmp_path / "M90", pack.seal().all_bytes()))
    (found,) = [one for one in report.findings if one.check == "overrides"]
    assert found.address == "overrides.json#/overrides/0/was"
    assert found.message == "another value than milestone.toml has for train.seed"
    assert (found.expected, found.actual) == (str(SEED + 1), "3")


def test_who_expects_a_milestone_is_told_of_settings(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", set_toy().seal().all_bytes())
    report = verify_pack(pack, VerifyOptions(expect_milestone="M90"))
    assert report.exit_code == 0
    (advice,) = report.findings
    assert (advice.severity, advice.code) == ("advice", "other-settings")
    assert f"--set train.seed={SEED}" in advice.message
    plain = write(tmp_path / "plain" / "M90", toy().all_bytes())
    assert verify_pack(plain, VerifyOptions(expect_milestone="M90")).findings == ()


def test_hostile_text_in_a_setting_acts_nowhere(tmp_path: Path) -> None:
    pack = set_toy()
    hostile = "<img src=x>\x1b[31m![a](http://evil.example/a.png)\n# Heading `x`"
    for entries in (sealed(pack), told(pack)):
        entries.append(
            {"key": "objective", "value": hostile, "was": "A pack for tests.",
             "origin": "command line"}
        )  # fmt: skip
    made = write(tmp_path / "M90", pack.seal().all_bytes())
    text = (made / "m90_summary.md").read_text("utf-8")
    assert "<img" not in text.partition("\n---\n")[0]
    assert "![a](" not in text
    assert "\x1b" not in text
