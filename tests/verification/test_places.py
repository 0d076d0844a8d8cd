"""Laws of single claims: a lie at the edge of a rule is found, and where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lies import Edit, milestone, put
from packs.addresses import astray
from packs.case import GOLDEN
from toy import N, intact_bytes, toy, write

from evidence import layout, limits
from evidence.errors import UnsafePackError
from evidence.records.finding import Report
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.reading.safetensors_header import read_header
from evidence.verification.verification import verify_pack


def verified(forged: ForgedPack, folder: Path) -> Report:
    pack = write(folder / "M90", forged.seal().all_bytes())
    report = verify_pack(pack)
    assert astray(report.findings, pack) == []
    return report


def places(report: Report) -> set[tuple[str, str]]:
    return {(one.check, one.address) for one in report.findings}


def data(name: str, **values: Any) -> Edit:
    def edit(forged: ForgedPack) -> None:
        forged.docs[layout.INPUTS]["data"][name] |= values

    return edit


def text(key: str, value: object) -> Edit:
    return put(layout.INPUTS, "text", key, value=value)


def overlap(key: str, rows: list[int]) -> Edit:
    return put(layout.INPUTS, "data", "train", "overlap", key, value=rows)


def weights_elsewhere(forged: ForgedPack) -> None:
    place = f"{layout.FINAL_MODEL}/"
    for path in [path for path in forged.files if path.startswith(place)]:
        if path.endswith(".safetensors"):
            forged.files["training_output/other/" + path.removeprefix(place)] = forged.files.pop(
                path
            )


def attempt_longer_than_its_events(forged: ForgedPack) -> None:
    forged.event("attempt-finished", number=2)["data"]["duration_s"] = 99.0


def another_ruleset(forged: ForgedPack) -> None:
    forged.event("run-started")["data"]["ruleset"] += 1


def step_of_another_stage(forged: ForgedPack) -> None:
    forged.docs[layout.METRICS][3]["stage"] = "eval"


def another_milestone(forged: ForgedPack) -> None:
    forged.event("run-started")["data"]["milestone"] = "M91"


def event_of_no_attempt(forged: ForgedPack) -> None:
    forged.event("schedule", stage="train")["attempt"] = None


def other_threads(forged: ForgedPack) -> None:
    forged.docs[layout.ENVIRONMENT]["framework"]["num_threads"] = 3


INPUTS, JOURNAL = layout.INPUTS, layout.JOURNAL
LIES: dict[str, tuple[Edit, str, str]] = {
    "equal digests of a file with CRLF": (
        data("train", line_ends="crlf"), "data-facts", f"{INPUTS}#/data/train/sha256_lf"),
    "an evaluation row that is not there": (
        overlap("evaluation_rows", [8]), "data-facts",
        f"{INPUTS}#/data/train/overlap/evaluation_rows"),
    "a conflicting row that is not there": (
        data("train", conflicting_rows=[N, N + 1], num_conflicting_prompts=1), "data-facts",
        f"{INPUTS}#/data/train/conflicting_rows"),
    "the row after the last": (
        text("rows_doubled_bos", [N]), "text-facts", f"{INPUTS}#/text/rows_doubled_bos"),
    "a row below the first": (
        text("rows_doubled_bos", [-1]), "text-facts", f"{INPUTS}#/text/rows_doubled_bos"),
    "a longer attempt than its events": (
        attempt_longer_than_its_events, "durations", f"{JOURNAL}#L16/data/duration_s"),
    "another data set than was trained on": (
        text("data", "eval"), "text-facts", f"{INPUTS}#/text/data"),
    "lengths that fall": (
        text("length_tokens", {"min": 9, "median": 8, "p90": 10, "p95": 10, "max": 10}),
        "text-facts", f"{INPUTS}#/text/length_tokens"),
    "another template": (
        text("template", "{{ prompt }}"), "text-facts", f"{INPUTS}#/text/template"),
    "a chat template on paper": (
        text("chat_template_applied", True), "text-facts", f"{INPUTS}#/text/chat_template_applied"),
    "fewer rows of text than of data": (
        text("num_rows", N - 1), "text-facts", f"{INPUTS}#/text/num_rows"),
    "a step of another stage": (
        step_of_another_stage, "training-steps", f"{layout.METRICS}#L4/stage"),
    "another milestone in the journal": (
        another_milestone, "journal-milestone", f"{JOURNAL}#L1/data/milestone"),
    "an event inside an attempt that names none": (
        event_of_no_attempt, "journal-order", f"{JOURNAL}#L7/attempt"),
    "more threads in the environment": (
        other_threads, "threads", f"{layout.ENVIRONMENT}#/framework/num_threads"),
    "a scorer of another version": (
        put(INPUTS, "scorers", 1, "version", value=99), "scorers", f"{INPUTS}#/scorers/1/version"),
    "another digest of the milestone in the journal": (
        put(JOURNAL, 0, "data", "milestone_sha256", value="9" * 64), "journal-milestone",
        f"{JOURNAL}#L1/data/milestone_sha256"),
    "another tree of the same commit": (
        put(layout.GIT, "end", "tree", value="8" * 40), "git-identity", f"{layout.GIT}#/end/tree"),
    "another rule set in the journal": (
        another_ruleset, "journal-milestone", f"{layout.MANIFEST}#/ruleset"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_where_it_stands(name: str, tmp_path: Path) -> None:
    edit, check, address = LIES[name]
    forged = toy()
    edit(forged)
    assert (check, address) in places(verified(forged, tmp_path))


def test_the_last_row_is_a_row(tmp_path: Path) -> None:
    forged = toy()
    text("rows_not_round_trip", [N - 1])(forged)
    assert [one for one in verified(forged, tmp_path).findings if one.severity == "error"] == []


def test_a_file_without_line_ends_has_one_digest(tmp_path: Path) -> None:
    forged = toy()
    data("train", line_ends="none")(forged)
    assert (("data-facts", f"{INPUTS}#/data/train/sha256_lf")) not in places(
        verified(forged, tmp_path)
    )


def test_weights_lie_in_the_final_model_or_are_missing(tmp_path: Path) -> None:
    forged = toy()
    weights_elsewhere(forged)
    assert ("missing", layout.FINAL_MODEL) in {
        (one.code, one.address) for one in verified(forged, tmp_path).findings
    }


def test_a_loop_that_was_not_timed_is_not_compared(tmp_path: Path) -> None:
    forged = toy()
    forged.event("stage-finished", stage="eval")["data"]["runtime_s"] = None
    codes = {one.code for one in verified(forged, tmp_path).findings}
    assert "check-broke" not in codes


def test_where_a_config_cannot_be_read_nothing_is_said_of_what_it_runs(tmp_path: Path) -> None:
    forged = toy()
    forged.files[f"{layout.FINAL_MODEL}/generation_config.json"] = b"{"
    outcomes = {one.id: one.outcome for one in verified(forged, tmp_path).checks}
    assert outcomes["checkpoint-config"] == "not_checked"


def test_results_of_another_milestone_are_found(tmp_path: Path) -> None:
    forged = toy().seal()
    forged.docs[layout.RESULTS]["milestone"] = "M91"
    report = verify_pack(write(tmp_path / "M90", forged.seal(["results"]).all_bytes()))
    assert ("milestone-identity", f"{layout.RESULTS}#/milestone") in places(report)


def test_a_count_is_no_measurement(tmp_path: Path) -> None:
    forged = toy().seal()
    value = forged.docs[layout.RESULTS]["values"]["train.num_steps"]
    value["value"] = float(value["value"])
    report = verify_pack(write(tmp_path / "M90", forged.seal(["results"]).all_bytes()))
    place = f"{layout.RESULTS}#/values/train.num_steps/value"
    assert ("results", place) in places(report)


def test_a_model_from_a_folder_is_a_local_one(tmp_path: Path) -> None:
    forged = toy()
    milestone('config = "models/toy"\ninit_seed = 3', 'path = "models/toy"')(forged)
    forged.docs[layout.INPUTS]["model"] |= {"source": "local", "init_seed": None}
    assert "model-identity" not in {check for check, _ in places(verified(forged, tmp_path))}


def test_fewer_labels_than_ids_are_found_and_break_no_check(tmp_path: Path) -> None:
    forged = toy()
    del forged.docs[layout.SEEN]["batches"][0]["rows"][0]["labels"][-1]
    found = {(one.code, one.address) for one in verified(forged, tmp_path).findings}
    assert any(address.endswith("/rows/0/labels") for _, address in found)
    assert "check-broke" not in {code for code, _ in found}


def test_a_row_after_the_last_is_said_to_be_none(tmp_path: Path) -> None:
    forged = toy()
    text("rows_doubled_bos", [N])(forged)
    messages = {one.message for one in verified(forged, tmp_path).findings}
    assert f"row numbers rise, each once, from 0 to {N - 1}" in messages


def test_as_many_folders_as_may_be_are_not_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    count = sum(path.is_dir() for path in pack.rglob("*"))
    for most, exit_code in ((count + 1, 0), (count, 0), (count - 1, 5)):
        monkeypatch.setattr(limits, "MAX_DIRECTORIES", most)
        assert verify_pack(pack).exit_code == exit_code, most


def test_where_no_data_are_recorded_nothing_is_said_of_data(tmp_path: Path) -> None:
    forged = toy()
    forged.docs[layout.INPUTS]["data"] = {}
    outcomes = {one.id: one.outcome for one in verified(forged, tmp_path).checks}
    assert outcomes["data-facts"] == "not_checked"


@pytest.mark.parametrize(
    "start", [b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04"]
)
def test_pickles_and_archives_are_no_weights_whatever_they_are_called(start: bytes) -> None:
    with pytest.raises(UnsafePackError, match="pickle or archive"):
        read_header("m", start + bytes(64), 64 + len(start))


@pytest.mark.parametrize("header", [b"[]", b"1", b'"x"', b"null"])
def test_a_header_that_is_no_object_is_found(header: bytes) -> None:
    data = len(header).to_bytes(8, "little") + header
    assert read_header("m", data, len(data)).problems


@pytest.mark.parametrize(
    ("shape", "offsets", "fits"),
    [
        ("[1]", "[0,4]", True),
        ("[1]", "[0,4,4]", False),
        ("[1]", "[0]", False),
        ("[1]", "[false,4]", False),
        ("[true]", "[0,4]", False),
        ("{}", "[0,4]", False),
        ("1", "[0,4]", False),
    ],
)
def test_a_tensor_has_a_shape_a_begin_and_an_end(shape: str, offsets: str, fits: bool) -> None:
    tensor = f'{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}'
    data = len(tensor).to_bytes(8, "little") + tensor.encode() + bytes(4)
    assert (not read_header("m", data, len(data)).problems) == fits


def test_findings_of_the_bytes_come_in_order_of_path(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    for path in (layout.GIT, layout.PREDICTIONS):
        (pack / path).write_bytes((pack / path).read_bytes() + b" ")
    for path in (layout.ENVIRONMENT, layout.PACKAGES):
        (pack / path).unlink()
    found = [one.address for one in verify_pack(pack).findings if one.check == "digests"]
    assert found == sorted(found)
    assert len(found) == 4


@pytest.mark.parametrize(
    "half",
    [
        VerifyOptions(allowed_signers=GOLDEN / "v1/allowed_signers"),
        VerifyOptions(signer="author@example.org"),
    ],
    ids=["no name", "no file"],
)
def test_half_an_answer_to_whom_to_trust_is_no_trust(half: VerifyOptions) -> None:
    report = verify_pack(GOLDEN / "v1/signed/M90", half)
    assert half.asks_signer
    outcomes = {one.id: one.outcome for one in report.checks}
    assert outcomes["signature"] == "not_checked"
    reasons = {one.id: one.reason for one in report.checks if one.outcome == "not_checked"}
    assert "needed together" in reasons["signature"]
    assert reasons["summary-signature"] == reasons["signature"]
