"""Laws on what is rare and true: a pack at the edge of a rule is intact, one past it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lies import milestone
from msgspec.structs import fields, replace
from test_recoveries import CUT, recovered
from toy import CONFIG, MODEL, intact_bytes, safetensors, toy, write

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.records.finding import Report, Severity
from evidence.records.inputs import ModelRecord
from evidence.records.milestone import ModelSpec
from evidence.self_test.forger import ForgedPack
from evidence.verification.consistency.identity import _model_id, _possible
from evidence.verification.consistency.registry import close
from evidence.verification.ledger import MAX_FINDINGS, Ledger, Rule
from evidence.verification.problem import Problem
from evidence.verification.reading.safetensors_header import read_header
from evidence.verification.verification import open_verified, verify_pack

SIZES = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip
"""Bits of an element, from the format's own description."""


def verified(forged: ForgedPack, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", forged.seal().all_bytes()))


def test_an_output_of_one_token_is_an_output(tmp_path: Path) -> None:
    forged = toy()
    for row in forged.docs[layout.PREDICTIONS]:
        row |= {"num_output_tokens": 1, "num_prompt_tokens": 1, "finish_reason": "eos"}
    assert verified(forged, tmp_path).findings == ()
    forged.docs[layout.PREDICTIONS][1]["num_output_tokens"] = 0
    assert "prediction-lengths" in {
        one.code for one in verified(forged, tmp_path / "none").findings
    }


def test_an_output_that_was_stopped_at_its_length_has_just_that_length(tmp_path: Path) -> None:
    for num_tokens, wrong in ((12, False), (11, True), (13, True)):
        forged = toy()
        stopped = {"num_output_tokens": num_tokens, "finish_reason": "length"}
        forged.docs[layout.PREDICTIONS][1] |= stopped
        codes = {one.code for one in verified(forged, tmp_path / str(num_tokens)).findings}
        assert ("prediction-lengths" in codes) == wrong


def test_one_prediction_alone_is_not_called_constant(tmp_path: Path) -> None:
    forged = toy()
    del forged.docs[layout.PREDICTIONS][1:]
    codes = {one.code for one in verified(forged, tmp_path).findings}
    assert "prediction-count" in codes
    assert not codes & {"constant-field", "degenerate-outputs"}


@pytest.mark.parametrize(("num_rows", "said"), [(1, False), (2, True)])
def test_a_group_of_one_value_is_said_from_two_predictions_on(
    num_rows: int, said: bool, tmp_path: Path
) -> None:
    forged = toy()
    del forged.docs[layout.PREDICTIONS][num_rows:]
    for row in forged.docs[layout.PREDICTIONS]:
        row["groups"] = {"section": "even"}
    codes = {one.code for one in verified(forged, tmp_path).findings}
    assert ("constant-group" in codes) == said


def test_tensors_may_stand_in_any_order_in_the_header(tmp_path: Path) -> None:
    def turn(header: dict[str, Any]) -> None:
        turned = dict(reversed(header.items()))
        header.clear()
        header.update(turned)

    forged = toy()
    forged.files[MODEL] = safetensors(turn)
    assert verified(forged, tmp_path).findings == ()


@pytest.mark.parametrize(("dtype", "bits"), SIZES.items())
def test_every_dtype_has_its_size(dtype: str, bits: int) -> None:
    for end, fits in ((bits, True), (bits + 1, False)):  # eight elements
        entry = {"dtype": dtype, "shape": [8], "data_offsets": [0, end]}
        data = json.dumps({"t": entry}).encode()
        head = len(data).to_bytes(8, "little") + data
        assert (read_header("m", head, len(head) + end).problems == []) == fits


@pytest.mark.parametrize("severity", ["refused", "error", "warning"])
def test_of_findings_too_many_to_list_the_gravest_counts(severity: Severity) -> None:
    ledger, rule = Ledger(), Rule("toy-many", "many things")
    light: Severity = "warning"
    others = [Problem(f"p{n}", "odd", severity=light) for n in range(MAX_FINDINGS + 2)]
    grave = [Problem("grave", "bad", severity=severity), Problem("later", "bad", severity="error")]
    ledger.run_check(rule, [*others, *grave[: 1 if severity == "warning" else 2]])
    assert len(ledger.findings) == MAX_FINDINGS + 1
    assert ledger.findings[-1].severity == severity
    assert ledger.refused == (severity == "refused")
    assert ledger.findings[-1].address == ("grave" if severity != "warning" else "p25")


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_are_close_by_their_size_and_whatever_their_sign(sign: int) -> None:
    assert close(sign * 1.0, sign * (1 + 1e-12), 1e-9)
    assert not close(sign * 1.0, sign * (1 + 1e-6), 1e-9)
    assert not close(sign * 1.0, -sign * 1.0, 1e-9)
    assert close(0.0, 0.0, 1e-9)
    for one, other in ((2.0, 1.1), (1.1, 2.0)):  # by the larger of the two, whichever that is
        assert close(sign * one, sign * other, 0.5)
        assert not close(sign * one, sign * other, 0.4)


def test_a_header_that_is_cut_off_is_said_to_be(tmp_path: Path) -> None:
    data = json.dumps({"t": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}).encode()
    head = len(data).to_bytes(8, "little") + data
    for cut in (3, 8, len(head) - 1):
        problems = read_header("m", head[:cut], len(head) + 8).problems
        assert [one.message for one in problems] == ["ends before its header does"]


@pytest.mark.parametrize("num_dimensions", [64, 65, 500_000])
def test_a_shape_has_no_more_dimensions_than_a_tensor_can_have(num_dimensions: int) -> None:
    entry = {"dtype": "U8", "shape": [1] * num_dimensions, "data_offsets": [0, 1]}
    data = json.dumps({"t": entry}, separators=(",", ":")).encode()
    head = len(data).to_bytes(8, "little") + data
    assert bool(read_header("m", head, len(head) + 1).problems) == (num_dimensions > 64)


@pytest.mark.parametrize("key", ["vocab_size", "hidden_size", "num_hidden_layers"])
def test_what_config_json_does_not_name_is_not_compared(key: str, tmp_path: Path) -> None:
    forged = toy()
    config = json.loads(forged.files[CONFIG])
    del config[key]
    forged.files[CONFIG] = json.dumps(config).encode()
    assert verified(forged, tmp_path).findings == ()


def test_the_settings_of_a_text_model_may_stand_in_a_part_of_their_own(tmp_path: Path) -> None:
    forged = toy()
    settings = json.loads(forged.files[CONFIG])
    forged.files[CONFIG] = json.dumps({"text_config": settings}).encode()
    assert verified(forged, tmp_path).findings == ()
    forged.files[CONFIG] = json.dumps({"text_config": settings | {"vocab_size": 5}}).encode()
    found = {one.address for one in verified(forged, tmp_path / "other").findings}
    assert f"{CONFIG}#/text_config/vocab_size" in found


def test_weights_whose_names_count_no_layers_are_compared_with_no_number_of_them(
    tmp_path: Path,
) -> None:
    def renamed(header: dict[str, Any]) -> None:
        for name in [name for name in header if "layers" in name]:
            header[name.replace(".layers.", ".steps_")] = header.pop(name)

    forged = toy()
    forged.files[MODEL] = safetensors(renamed)
    assert "checkpoint-config" not in {one.code for one in verified(forged, tmp_path).findings}


@pytest.mark.parametrize(("num_chars", "known"), [(21, True), (20, True), (19, False)])
def test_the_name_of_a_gpu_may_be_cut_to_twenty_characters(
    num_chars: int, known: bool, tmp_path: Path
) -> None:
    forged, name, no = toy(), "NVIDIA H100 80GB HBM3", {"unavailable": "not asked"}
    entry = dict.fromkeys(field.name for field in fields(GpuRecord)) | {"index": 0, "name": name}
    gpu = {key: no if value is None else value for key, value in entry.items()}
    forged.docs[layout.HARDWARE]["gpus"] = [gpu]
    shown = f"| NVIDIA-SMI 580.95 |\n| 0 {name[:num_chars]} |\n"
    forged.files[layout.GPU_SNAPSHOT] = shown.encode()
    found = {(one.code, one.address) for one in verified(forged, tmp_path).findings}
    assert (("snapshots", f"{layout.HARDWARE}#/gpus/0/name") not in found) == known


NOT_ASKED = {"unavailable": "not asked"}


PART = {"uuid": "MIG-1", "memory_bytes": 1 << 30}


def card(**fields_of: Any) -> dict[str, Any]:
    nothing = {field.name: NOT_ASKED for field in fields(GpuRecord) if field.required}
    return nothing | {"index": 0} | fields_of


@pytest.mark.parametrize(
    ("gpus", "device", "codes"),
    [
        ([card(name="NVIDIA H100")], "NVIDIA H100", set()),
        ([card(name="NVIDIA H100", mig=True)], "NVIDIA H100 MIG 1g.10gb", set()),
        (
            [card(name="NVIDIA H100", mig=False, parts=[PART])],
            "NVIDIA H100",
            {"framework-identity"},
        ),
        ([card(name="NVIDIA H100", mig=True, parts=[PART])], "NVIDIA H100 MIG 1g", set()),
        ([card(name="NVIDIA H100")], "NVIDIA H100 PCIe", {"framework-identity"}),
        ([card(name="NVIDIA H100")], NOT_ASKED, {"gpu-not-compared"}),
        ([card(name=NOT_ASKED)], "NVIDIA H100", {"gpu-not-compared"}),
        ({"unavailable": "NVML did not answer within 10 s"}, "NVIDIA H100", {"gpu-not-compared"}),
        ({"unavailable": "no NVIDIA driver was found"}, "NVIDIA H100", {"framework-identity"}),
        ([], "NVIDIA H100", {"framework-identity"}),
    ],
)
def test_a_gpu_that_nvml_does_not_name_is_compared_with_none_and_nobody_is_accused(
    gpus: Any, device: Any, codes: set[str], tmp_path: Path
) -> None:
    forged = toy()
    forged.docs[layout.HARDWARE]["gpus"] = gpus
    framework = forged.docs[layout.ENVIRONMENT]["framework"]
    framework |= {"device": "cuda:0", "device_name": device}
    found = verified(forged, tmp_path).findings
    concerned = ("framework-identity", "gpu-not-compared")
    assert {one.code for one in found if one.code in concerned} == codes


@pytest.mark.parametrize(("shown", "found"), [("H100", set()), ("A100", {1})])
def test_a_gpu_without_a_name_is_looked_for_in_no_snapshot(
    shown: str, found: set[int], tmp_path: Path
) -> None:
    """And one with a name is looked for, wherever it stands among them."""
    forged = toy()
    forged.docs[layout.HARDWARE]["gpus"] = [card(name=NOT_ASKED), card(name="NVIDIA H100", index=1)]
    forged.files[layout.GPU_SNAPSHOT] = f"| NVIDIA-SMI |\n| NVIDIA {shown} |\n".encode()
    places = {one.address for one in verified(forged, tmp_path).findings if one.code == "snapshots"}
    assert places == {f"{layout.HARDWARE}#/gpus/{index}/name" for index in found}


@pytest.mark.parametrize(("name", "codes"), [("eval", set()), ("train", {"conflicts-unknown"})])
def test_where_no_answer_is_declared_no_other_answer_is_missed(
    name: str, codes: set[str], tmp_path: Path
) -> None:
    forged = toy()
    none = {"unavailable": "no answer fields are declared"}
    record = forged.docs[layout.INPUTS]["data"][name]
    record |= {"num_conflicting_prompts": none, "conflicting_rows": none}
    assert {one.code for one in verified(forged, tmp_path).findings} == codes


def test_files_that_are_promised_against_no_ref_are_compared_with_none(tmp_path: Path) -> None:
    forged = toy()
    milestone('ref = "HEAD"\n', "")(forged)
    none = {"unavailable": "the milestone names no ref to compare with"}
    (promise,) = forged.docs[layout.FROZEN]["sets"]
    promise |= {"ref": None, "ref_commit": none, "equal_to_ref": none}
    for file in promise["files"]:
        file["ref_sha256"] = none
    assert verified(forged, tmp_path).findings == ()


@pytest.mark.parametrize("edit", ["twice", "gone", "unsorted"])
def test_the_list_of_the_rendered_set_is_exact(edit: str, tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    rendered = json.loads((pack / layout.RENDERED).read_bytes())
    files = rendered["files"]
    edits = {"twice": [files[0], *files], "gone": files[:1], "unsorted": files[::-1]}
    rendered["files"] = edits[edit]
    (pack / layout.RENDERED).write_bytes(jsonio.dump_document(rendered))
    failed = {one.id for one in verify_pack(pack).checks if one.outcome == "fail"}
    assert "rendered-list" in failed


def test_the_id_of_a_model_is_what_the_milestone_says_of_it() -> None:
    assert _model_id(ModelSpec(id="a/b")) == "a/b"
    assert _model_id(ModelSpec(path="models/a")) == "models/a"
    assert _model_id(ModelSpec(config="models/c")) == "models/c"


def test_names_that_are_refused_are_counted_as_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 30)
    pack = write(tmp_path / "M90", intact_bytes() | {f"a{n}\\": b"" for n in range(20)})
    assert "too-many-files" in {one.code for one in verify_pack(pack).findings}


def test_a_model_of_the_hub_is_odd_only_where_its_revision_is_not_known(tmp_path: Path) -> None:
    model = open_verified(write(tmp_path / "M90", intact_bytes())).documents.inputs.model
    assert isinstance(model, ModelRecord)
    known = replace(model, source="hub", init_seed=None, revision="0" * 40)
    assert list(_possible(known)) == []
    assert list(_possible(replace(known, num_embedding_parameters=0))) == []
    assert list(_possible(replace(known, num_embedding_parameters=-1))) != []
    unknown = replace(known, revision=Unavailable("not said"))
    assert [one.code for one in _possible(unknown)] == ["revision-unknown"]


def test_what_was_wrong_with_a_document_is_said_every_time(tmp_path: Path) -> None:
    forged = toy().seal()
    files = forged.all_bytes()
    odd = files[layout.PACKAGES].replace(b"\n", b" \n")
    reports = [
        verify_pack(write(tmp_path / str(number) / "M90", files | {layout.PACKAGES: odd}))
        for number in range(3)
    ]
    assert "not-canonical" in {one.code for one in reports[0].findings}
    assert reports[0].findings == reports[1].findings == reports[2].findings


def test_words_of_a_vocabulary_are_no_settings(tmp_path: Path) -> None:
    forged = toy()
    forged.files[f"{layout.FINAL_MODEL}/vocab.json"] = b'{"auto_map": 1}\n'
    assert verified(forged, tmp_path).findings == ()
    forged.files[f"{layout.FINAL_MODEL}/other.json"] = b'{"auto_map": 1}\n'
    assert verified(forged, tmp_path / "other").exit_code == 5


@pytest.mark.parametrize(("num_steps", "expected_text"), [(2, False), (3, True)])
def test_a_loss_that_does_not_move_is_seen_from_three_steps_on(
    num_steps: int, expected_text: bool, tmp_path: Path
) -> None:
    forged = toy()
    del forged.docs[layout.METRICS][num_steps:]
    for row in forged.docs[layout.METRICS]:
        row["loss"] = 2.5
    codes = {one.code for one in verified(forged, tmp_path).findings}
    assert ("frozen-loss" in codes) == expected_text


def test_each_special_token_is_counted_by_its_own_id(tmp_path: Path) -> None:
    forged = toy()
    other = {"name": "pad_token", "text": "t63", "id": 63}
    forged.docs[layout.INPUTS]["tokenizer"]["special_tokens"].insert(0, other)
    assert verified(forged, tmp_path).findings == ()


def test_a_run_that_died_after_its_last_attempt_only_captures_and_seals(tmp_path: Path) -> None:
    forged = toy()
    events = forged.docs[layout.JOURNAL]
    nothing_lost = CUT | {"from_step": None, "num_step_rows_cut": 0}
    before = {key: events[-2][key] for key in ("utc", "monotonic_s")}
    events.insert(len(events) - 2, recovered(None, **nothing_lost) | before)
    failed = {one.check for one in verified(forged, tmp_path).findings if one.severity == "error"}
    assert failed == set()


def test_a_journal_that_was_never_sealed_is_not_compared_with_the_manifest(tmp_path: Path) -> None:
    forged = toy()
    del forged.docs[layout.JOURNAL][-1]
    outcomes = {one.id: one.outcome for one in verified(forged, tmp_path).checks}
    assert (outcomes["journal-order"], outcomes["journal-seal"]) == ("fail", "not_checked")


def test_where_there_is_no_log_nothing_is_said_of_logs(tmp_path: Path) -> None:
    forged = toy()
    for path in [path for path in forged.files if path.endswith(".txt")]:
        del forged.files[path]
    outcomes = {one.id: one.outcome for one in verified(forged, tmp_path).checks}
    assert outcomes["log-text"] == "not_checked"


def test_data_that_are_not_frozen_are_not_compared_with_frozen_files(tmp_path: Path) -> None:
    forged = toy()
    for one in forged.docs[layout.FROZEN]["sets"][0]["files"]:
        one["path"] = one["path"].replace("data/", "other/")
    outcomes = {one.id: one.outcome for one in verified(forged, tmp_path).checks}
    assert outcomes["frozen-data"] == "not_checked"


def test_a_time_that_is_on_no_calendar_is_found_where_it_stands(tmp_path: Path) -> None:
    forged = toy()
    forged.docs[layout.JOURNAL][3]["utc"] = "2026-02-30T00:00:00.000000Z"
    found = {one.address for one in verified(forged, tmp_path).findings if one.severity == "error"}
    assert f"{layout.JOURNAL}#L4/utc" in found
