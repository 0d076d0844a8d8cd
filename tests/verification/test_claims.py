"""Laws on an attached claim of having been reproduced: it is what the two packs give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from packs.addresses import astray
from toy import toy, write

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.reproduction import ReproductionRecord, SeedRunRecord
from evidence.reproduce.verdict import reproduction_record
from evidence.verification import verification
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import open_verified, verify_pack


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write(tmp_path / "original" / "M90", toy().all_bytes())


def second_pack(folder: Path, parent: str | None, *, same_clocks: bool = False) -> Path:
    """The same run a second time, which names its parent."""
    made = toy()
    parents = (
        []
        if parent is None
        else [{"milestone": "M90", "root_sha256": parent, "relation": "reproduces"}]
    )
    made.docs[layout.MANIFEST]["parents"] = parents
    if not same_clocks:
        for row in made.docs[layout.METRICS]:
            row["elapsed_s"] *= 1.001  # no two runs take the same time
    return write(folder / "again" / "M90", made.seal().all_bytes())


def attach(pack: Path, record: ReproductionRecord, name: str = "") -> None:
    path = name or layout.reproduction_file(record.reproduction.root_sha256)
    write(pack, {path: jsonio.dump_document(encode(record))})


def outcome_of_check(pack: Path, check: str, *beside: Path) -> tuple[str, str]:
    report = verify_pack(pack, VerifyOptions(beside=beside))
    (outcome,) = (one.outcome for one in report.checks if one.id == check)
    assert astray((one for one in report.findings if one.check == check), pack) == []
    return outcome, " ".join(one.message for one in report.findings if one.check == check)


def test_a_claim_holds_beside_the_pack_that_names_its_parent(
    original: Path, tmp_path: Path
) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    attach(original, reproduction_record(opened, open_verified(second)))
    checked = {one.id for one in verify_pack(original, VerifyOptions(beside=(second,))).checks}
    assert "attached-prose" not in checked, "a claim is no prose"
    assert outcome_of_check(original, "attached-form")[0] == "pass"
    assert outcome_of_check(original, "reproduction-claims", second)[0] == "pass"
    assert outcome_of_check(original, "reproduction-claims", tmp_path, second)[0] == "pass"
    assert outcome_of_check(original, "reproduction-claims", tmp_path)[0] == "not_checked"


def test_a_copy_with_other_dates_is_no_second_run(original: Path, tmp_path: Path) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256, same_clocks=True)
    attach(original, reproduction_record(opened, open_verified(second)))
    outcome, message = outcome_of_check(original, "reproduction-claims", second)
    assert (outcome, "a copy, and no second run" in message) == ("fail", True)


def test_a_pack_that_names_no_parent_reproduces_nothing(original: Path, tmp_path: Path) -> None:
    second = second_pack(tmp_path, None)
    attach(original, reproduction_record(open_verified(original), open_verified(second)))
    outcome, message = outcome_of_check(original, "reproduction-claims", second)
    assert (outcome, "does not name it as its parent" in message) == ("fail", True)


def test_a_claim_under_the_name_of_another_pack_is_found(original: Path, tmp_path: Path) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    record = reproduction_record(opened, open_verified(second))
    attach(original, record, layout.reproduction_file("0" * 64))
    outcome, message = outcome_of_check(original, "attached-form")
    assert (outcome, "not named by the pack" in message) == ("fail", True)


def test_a_better_verdict_than_the_packs_give_is_found(original: Path, tmp_path: Path) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    record = reproduction_record(opened, open_verified(second))
    attach(original, replace(record, verdict="different"))
    outcome, message = outcome_of_check(original, "reproduction-claims", second)
    assert (outcome, "not what the two packs give" in message) == ("fail", True)


SEED_TEST = {
    "measure": "train.loss_end",
    "original": 2.0,
    "values": [2.0, 2.1],
    "statistic": 0.5,
    "limit": 3.0,
    "consistent": True,
}
CLAIMED: dict[str, Any] = {
    "original/outcome_sha256": "1" * 64,
    "reproduction/outcome_sha256": "1" * 64,
    "finished_utc": "2030-01-01T00:00:00Z",
    "machine": "another machine",
    "verdict": "different",
    "tiers/0/reached": False,
    "seed_tests": [SEED_TEST],
}


@pytest.mark.parametrize("claim", CLAIMED)
def test_every_part_of_a_claim_is_held_against_the_packs(
    claim: str, original: Path, tmp_path: Path
) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    record = encode(reproduction_record(opened, open_verified(second)))
    target: Any = record
    *above, last = [int(key) if key.isdigit() else key for key in claim.split("/")]
    for key in above:
        target = target[key]
    assert target[last] != CLAIMED[claim]
    target[last] = CLAIMED[claim]
    path = layout.reproduction_file(record["reproduction"]["root_sha256"])
    write(original, {path: jsonio.dump_document(record)})
    report = verify_pack(original, VerifyOptions(beside=(second,)))
    place = claim.partition("/0")[0]
    found = {one.address for one in report.findings if one.check == "reproduction-claims"}
    assert f"{path}#/{place}" in found, report.findings


def test_a_claim_without_the_form_of_one_is_found(original: Path, tmp_path: Path) -> None:
    opened = open_verified(original)
    record = reproduction_record(opened, open_verified(second_pack(tmp_path, opened.root_sha256)))
    path = layout.reproduction_file(record.reproduction.root_sha256)
    for data, words in (
        (jsonio.dump_document({**encode(record), "verdict": "splendid"}), "splendid"),
        (b"{", "JSON"),
        (jsonio.dump_document(encode(record)).replace(b"{", b"{ ", 1), "canonical"),
        (
            jsonio.dump_document(
                encode(replace(record, original=replace(record.original, root_sha256="0" * 64)))
            ),
            "reproduces another pack",
        ),
    ):
        write(original, {path: data})
        outcome, message = outcome_of_check(original, "attached-form")
        assert (outcome, words in message) == ("fail", True), message


def test_a_reproducing_pack_that_does_not_verify_supports_nothing(
    original: Path, tmp_path: Path
) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    attach(original, reproduction_record(opened, open_verified(second)))
    (second / layout.TRAINING_LOG).write_bytes(b"another log\n")
    report = verify_pack(original, VerifyOptions(beside=(second,)))
    (check,) = (one for one in report.checks if one.id == "reproduction-claims")
    assert (check.outcome, "does not verify" in check.reason) == ("not_checked", True)


def test_two_claims_by_one_pack_verify_it_once(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_verified(original)
    second = second_pack(tmp_path, opened.root_sha256)
    again = open_verified(second)
    record = reproduction_record(opened, again)
    twice = SeedRunRecord(seed=1, pack=record.reproduction)
    attach(original, replace(record, seeds=(twice,)))
    asked: list[Path] = []

    def noted(path: Path) -> Documents:
        asked.append(path)
        return again.documents

    monkeypatch.setattr(verification, "_opened", noted)
    outcome_of_check(original, "reproduction-claims", second)
    assert asked == [second]
