"""Laws on what is rare and true: a pack at the edge of a rule is intact, one past it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from packs.case import GOLDEN
from test_recoveries import CUT, recovered
from toy import Toy, intact_bytes, toy, write

from evidence import layout, limits
from evidence.records.finding import Report
from evidence.verify import VerifyOptions, verify_pack


def verified(bent: Toy, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", bent.seal().all_bytes()))


def test_an_output_of_one_token_is_an_output(tmp_path: Path) -> None:
    bent = toy()
    for row in bent.docs[layout.PREDICTIONS]:
        row |= {"num_output_tokens": 1, "num_prompt_tokens": 1, "finish_reason": "eos"}
    assert verified(bent, tmp_path).findings == ()
    bent.docs[layout.PREDICTIONS][1]["num_output_tokens"] = 0
    assert "prediction-lengths" in {one.code for one in verified(bent, tmp_path / "none").findings}


@pytest.mark.parametrize(("num_steps", "said"), [(2, False), (3, True)])
def test_a_loss_that_does_not_move_is_seen_from_three_steps_on(
    num_steps: int, said: bool, tmp_path: Path
) -> None:
    bent = toy()
    del bent.docs[layout.METRICS][num_steps:]
    for row in bent.docs[layout.METRICS]:
        row["loss"] = 2.5
    codes = {one.code for one in verified(bent, tmp_path).findings}
    assert ("frozen-loss" in codes) == said


def test_each_special_token_is_counted_by_its_own_id(tmp_path: Path) -> None:
    bent = toy()
    other = {"name": "pad_token", "text": "t63", "id": 63}
    bent.docs[layout.INPUTS]["tokenizer"]["special_tokens"].insert(0, other)
    assert verified(bent, tmp_path).findings == ()


def test_a_run_that_died_after_its_last_attempt_only_captures_and_seals(tmp_path: Path) -> None:
    bent = toy()
    events = bent.docs[layout.JOURNAL]
    nothing_lost = CUT | {"from_step": None, "num_step_rows_cut": 0}
    before = {key: events[-2][key] for key in ("utc", "monotonic_s")}
    events.insert(len(events) - 2, recovered(None, **nothing_lost) | before)
    failed = {one.check for one in verified(bent, tmp_path).findings if one.severity == "error"}
    assert failed == set()


def test_a_journal_that_was_never_sealed_is_not_compared_with_the_manifest(tmp_path: Path) -> None:
    bent = toy()
    del bent.docs[layout.JOURNAL][-1]
    outcomes = {one.id: one.outcome for one in verified(bent, tmp_path).checks}
    assert (outcomes["journal-order"], outcomes["journal-seal"]) == ("fail", "not_checked")


def test_data_that_are_not_frozen_are_not_compared_with_frozen_files(tmp_path: Path) -> None:
    bent = toy()
    for one in bent.docs[layout.FROZEN]["sets"][0]["files"]:
        one["path"] = one["path"].replace("data/", "other/")
    outcomes = {one.id: one.outcome for one in verified(bent, tmp_path).checks}
    assert outcomes["frozen-data"] == "not_checked"


def test_a_time_that_is_on_no_calendar_is_found_where_it_stands(tmp_path: Path) -> None:
    bent = toy()
    bent.docs[layout.JOURNAL][3]["utc"] = "2026-02-30T00:00:00.000000Z"
    found = {one.address for one in verified(bent, tmp_path).findings if one.severity == "error"}
    assert f"{layout.JOURNAL}#L4/utc" in found


@pytest.mark.parametrize(
    "suffix", ["txt", "md", "json", "jsonl", "toml", "patch", "jinja", "svg", "model"]
)
def test_other_line_ends_are_said_to_be_the_cause_in_every_kind_of_text(
    suffix: str, tmp_path: Path
) -> None:
    bent = toy()
    path = f"{layout.FINAL_MODEL}/extra.{suffix}"
    bent.files[path] = b"one\ntwo\n"
    files = bent.seal().all_bytes()
    pack = write(tmp_path / "M90", files | {path: b"one\r\ntwo\r\n"})
    codes = {one.code for one in verify_pack(pack).findings if one.address == path}
    assert ("line-ends" in codes) == (suffix != "model")
    assert ("size-mismatch" in codes) == (suffix == "model")


CAPS = {
    layout.SUMS: limits.MAX_SUMS_BYTES,
    layout.MANIFEST: limits.MAX_MANIFEST_BYTES,
    layout.RENDERED: limits.MAX_MANIFEST_BYTES,
    layout.SIGNATURE: limits.MAX_SIGNATURE_BYTES,
    layout.MILESTONE: limits.MAX_TOML_BYTES,
    layout.HARDWARE: limits.MAX_JSON_BYTES,
}


@pytest.mark.parametrize("path", CAPS)
def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused(
    path: str, tmp_path: Path
) -> None:
    for more, refused in ((0, False), (1, True)):
        pack = write(tmp_path / str(more) / "M90", intact_bytes())
        (pack / path).touch()
        os.truncate(pack / path, CAPS[path] + more)
        codes = {one.code for one in verify_pack(pack).findings if one.address == path}
        assert ("too-large" in codes) == refused


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors there")
@pytest.mark.parametrize("descriptors", [True, False])
def test_verify_leaves_nothing_open(
    descriptors: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.verify.directory.HAS_DIRECTORY_DESCRIPTORS", descriptors)
    trust = GOLDEN / "v1" / "allowed_signers"
    options = VerifyOptions(allowed_signers=trust, signer="alice@example.org")
    packs = [
        GOLDEN / "v1/signed/M90",
        GOLDEN / "v1/failed/M90",
        write(tmp_path / "M90", {"a": b""}),
    ]
    for pack in packs:
        verify_pack(pack, options)
        before = num_open()
        verify_pack(pack, options)
        assert num_open() == before


def num_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
