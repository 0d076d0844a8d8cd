"""Laws on LoRA in a pack: what agrees passes, and another adapter, base or layer is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packs.addresses import astray
from toy import CONFIG, MODEL, safetensors, write
from toy_adapter import BASE, OF_LLAMA, adapter_file, adapter_toy, merged_toy, tensors_of
from toy_parts import LAYERS

from evidence import layout
from evidence.records.adapter import AdaptedModule
from evidence.records.finding import Finding
from evidence.rules.arithmetic import training_flops
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack

Change = Callable[[ForgedPack], object]
ALL = 'target_modules = ["q_proj", "v_proj"]'


def found(forged: ForgedPack, folder: Path) -> list[Finding]:
    pack = write(folder / "M90", forged.seal().all_bytes())
    findings = verify_pack(pack).findings
    assert astray(findings, pack) == []
    return [one for one in findings if one.severity not in ("advice", "warning")]


def record(**changes: Any) -> Change:
    return lambda pack: pack.docs[layout.ADAPTER].update(changes)


def module(index: int, **changes: Any) -> Change:
    return lambda pack: pack.docs[layout.ADAPTER]["modules"][index].update(changes)


def edited(path: str, **changes: Any) -> Change:
    def edit(pack: ForgedPack) -> None:
        value = json.loads(pack.files[path] or b"")
        pack.files[path] = json.dumps(value | changes).encode()

    return edit


def modules_of(pack: ForgedPack) -> tuple[AdaptedModule, ...]:
    return tuple(AdaptedModule(**one) for one in pack.docs[layout.ADAPTER]["modules"])


def tensors(change: Callable[[dict[str, tuple[int, ...]]], object]) -> Change:
    def edit(pack: ForgedPack) -> None:
        shapes = tensors_of(modules_of(pack))
        change(shapes)
        pack.files[layout.ADAPTER_WEIGHTS] = adapter_file(shapes)

    return edit


def other_model(**changes: Any) -> Change:
    """Other numbers of the model beside the adapter, and the operations that follow from them."""

    def edit(pack: ForgedPack) -> None:
        model = pack.docs[layout.INPUTS]["model"] | changes
        pack.docs[layout.INPUTS]["model"] = model
        fed = sum(row["num_fed_tokens"] for row in pack.docs[layout.METRICS])
        count = model["num_parameters"] + pack.docs[layout.ADAPTER]["num_trainable"]
        flos = training_flops(count, model["num_embedding_parameters"], fed)
        pack.event("stage-finished", stage="train")["data"]["total_flos"] = flos

    return edit


def of_tensor(part: str, **changes: Any) -> Change:
    """What weights.json says of the first tensor with such a name."""

    def edit(pack: ForgedPack) -> None:
        tensors = pack.docs[layout.WEIGHTS]["tensors"]
        next(one for one in tensors if part in one["name"]).update(changes)

    return edit


def tables(*sizes: int) -> list[dict[str, Any]]:
    return [{"name": f"embed_{n}.weight", "num_elements": one} for n, one in enumerate(sizes)]


def deeper(pack: ForgedPack) -> None:
    """The last layer of the adapter becomes one that the model does not have."""
    edited(layout.BASE_CONFIG, model_type="odd", num_hidden_layers=LAYERS - 1)(pack)


def another_shape(shapes: dict[str, tuple[int, ...]]) -> None:
    name = min(shapes)
    shapes[name] = shapes[name][::-1]


def halves(pack: ForgedPack) -> None:
    shapes = tensors_of(modules_of(pack))
    pack.files[layout.ADAPTER_WEIGHTS] = adapter_file(shapes, "I32")


def asked(old: str, new: str) -> Change:
    def edit(pack: ForgedPack) -> None:
        text = (pack.files[layout.MILESTONE] or b"").decode()
        assert old in text
        pack.files[layout.MILESTONE] = text.replace(old, new, 1).encode()
        pack.journal_milestone()

    return edit


def without_lora(pack: ForgedPack) -> None:
    text = (pack.files[layout.MILESTONE] or b"").decode()
    before, _, rest = text.partition("[train.lora]")
    pack.files[layout.MILESTONE] = (before + "[eval]" + rest.partition("[eval]")[2]).encode()
    pack.journal_milestone()


def a_layer_less(pack: ForgedPack) -> None:
    """In everything but the base's configuration."""
    del pack.docs[layout.ADAPTER]["modules"][-1]
    gone = pack.docs[layout.WEIGHTS]["tensors"][-2:]
    del pack.docs[layout.WEIGHTS]["tensors"][-2:]
    pack.docs[layout.ADAPTER]["num_trainable"] -= sum(one["num_compared"] for one in gone)
    tensors(lambda shapes: None)(pack)


def in_place_of(old: str, new: str) -> Change:
    """A layer by another name, in every document."""

    def edit(pack: ForgedPack) -> None:
        for path in (layout.ADAPTER, layout.WEIGHTS):
            text = json.dumps(pack.docs[path]).replace(old, new)
            pack.docs[path] = json.loads(text)
        tensors(lambda shapes: None)(pack)

    return edit


def every_layer(pack: ForgedPack) -> None:
    """Such a milestone would have adapted others too."""
    asked(f"{ALL}\n", "")(pack)


def test_an_adapter_beside_its_model_is_accepted(tmp_path: Path) -> None:
    assert found(adapter_toy(), tmp_path) == []


def test_a_merged_one_is_accepted(tmp_path: Path) -> None:
    assert found(merged_toy(), tmp_path) == []


@pytest.mark.parametrize(
    ("change", "check", "address"),
    [
        (record(base_end_sha256="7" * 64), "adapter-base", "base_end_sha256"),
        (record(base_start_sha256="7" * 64, base_end_sha256="7" * 64), "adapter-base",
         "base_start_sha256"),
        (record(merged_sha256="7" * 64), "adapter-base", "merged_sha256"),
        (without_lora, "adapter-base", layout.ADAPTER),
        (record(num_trainable=57), "adapter-tensors", "num_trainable"),
        (lambda p: p.docs[layout.ADAPTER]["modules"].reverse(), "adapter-tensors", "modules"),
        (module(0, num_out=5), "adapter-tensors", "modules/0"),
        (asked("rank = 2", "rank = 1"), "adapter-tensors", "num_trainable"),
        (asked("rank = 2", "rank = 1"), "adapter-settings", "r"),
        (asked("alpha = 4", "alpha = 8"), "adapter-settings", "lora_alpha"),
        (tensors(another_shape), "adapter-tensors", layout.ADAPTER_WEIGHTS),
        (tensors(lambda shapes: shapes.pop(min(shapes))), "adapter-tensors",
         layout.ADAPTER_WEIGHTS),
        (tensors(lambda shapes: shapes.update(more=(2, 4))), "adapter-tensors",
         layout.ADAPTER_WEIGHTS),
        (halves, "adapter-tensors", layout.ADAPTER_WEIGHTS),
        (a_layer_less, "adapter-settings", "modules"),
        (in_place_of("layers.1.self_attn.v_proj", "layers.1.self_attn.w_proj"),
         "adapter-settings", "modules/3"),
        (in_place_of("v_proj", "w_proj"), "adapter-settings", "modules"),
        (every_layer, "adapter-settings", "modules"),
        (edited(layout.ADAPTER_CONFIG, r=4), "adapter-settings", "r"),
        (edited(layout.ADAPTER_CONFIG, base_model_name_or_path="other/model"),
         "adapter-settings", "base_model_name_or_path"),
        (edited(layout.ADAPTER_CONFIG, use_rslora=True), "adapter-settings", "use_rslora"),
        (edited(layout.ADAPTER_CONFIG, rank_pattern={"v_proj": 1}), "adapter-settings",
         "rank_pattern"),
        (edited(layout.ADAPTER_CONFIG, init_lora_weights="pissa"), "adapter-settings",
         "init_lora_weights"),
        (edited(layout.ADAPTER_CONFIG, init_lora_weights=1), "adapter-settings",
         "init_lora_weights"),
        (edited(layout.ADAPTER_CONFIG, alora_invocation_tokens=[250]), "adapter-settings",
         "alora_invocation_tokens"),
        (edited(layout.ADAPTER_CONFIG, use_bdlora=True), "adapter-settings", "use_bdlora"),
        (edited(layout.ADAPTER_CONFIG, inference_mode=False), "adapter-settings",
         "inference_mode"),
        (edited(layout.ADAPTER_CONFIG, peft_version=1), "adapter-settings", "peft_version"),
        (edited(layout.ADAPTER_CONFIG, fan_in_fan_out=True), "adapter-settings",
         "fan_in_fan_out"),
        (edited(layout.ADAPTER_CONFIG, something_new=3), "adapter-settings", "something_new"),
        (edited(layout.ADAPTER_CONFIG, target_modules=["q_proj"]), "adapter-settings",
         "target_modules"),
        (edited(layout.ADAPTER_CONFIG, target_modules="all"), "adapter-settings",
         "target_modules"),
        (lambda p: p.files.update({layout.ADAPTER_CONFIG: b"{}"}), "adapter-settings",
         layout.ADAPTER_CONFIG),
        (lambda p: p.files.update({layout.ADAPTER_CONFIG: b"[]"}), "adapter-settings",
         layout.ADAPTER_CONFIG),
        (edited(layout.ADAPTER_CONFIG, auto_map={"a": "b"}), "runs-code", "auto_map"),
        (deeper, "adapter-tensors", "modules/2"),
        (other_model(num_parameters=OF_LLAMA + 200), "model-size", "num_parameters"),
        (other_model(num_parameters=OF_LLAMA - 30), "model-size", "num_parameters"),
        (other_model(num_embedding_parameters=0), "model-size", "num_embedding_parameters"),
        (other_model(num_embedding_parameters=512, num_parameters=OF_LLAMA + 256), "model-size",
         "num_embedding_parameters"),
        (other_model(embedding_tables=tables(300)), "model-size", "embedding_tables"),
        (of_tensor("q_proj.lora_B", rms_start=0.01), "adapter-tensors", "rms_start"),
        (of_tensor("q_proj.lora_B", rms_end=0, rms_moved=0), "adapter-tensors", "0/rms_moved"),
    ],
)  # fmt: skip
def test_another_adapter_is_found(change: Change, check: str, address: str, tmp_path: Path) -> None:
    forged = adapter_toy()
    change(forged)
    findings = [one for one in found(forged, tmp_path) if one.code == check]
    assert any(str(one.address).endswith(address) for one in findings), findings


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        (["q_proj"], "target_modules"),
        (["k_proj", "o_proj", "q_proj", "up_proj", "v_proj"], "target_modules"),
    ],
)
def test_what_peft_lists_for_all_layers_leads_to_those_that_were_adapted(
    listed: list[str], address: str, tmp_path: Path
) -> None:
    forged = adapter_toy()
    every_layer(forged)
    forged.files[layout.BASE_CONFIG] = json.dumps({"model_type": "odd"}).encode()
    assert found(forged, tmp_path / "honest") == []
    edited(layout.ADAPTER_CONFIG, target_modules=listed)(forged)
    findings = [one for one in found(forged, tmp_path) if one.code == "adapter-settings"]
    assert any(str(one.address).endswith(address) for one in findings), findings


def test_a_merged_layer_of_another_shape_is_found(tmp_path: Path) -> None:
    forged = merged_toy()
    forged.docs[layout.ADAPTER]["modules"][0]["num_out"] = 5
    assert "adapter-tensors" in {one.code for one in found(forged, tmp_path)}


def test_a_merged_one_without_its_digest_is_found(tmp_path: Path) -> None:
    forged = merged_toy()
    del forged.docs[layout.ADAPTER]["merged_sha256"]
    assert "adapter-base" in {one.code for one in found(forged, tmp_path)}


@pytest.mark.parametrize("of", ["base", "adapter"])
def test_a_merged_model_with_the_digest_of_other_weights_is_found(of: str, tmp_path: Path) -> None:
    forged = merged_toy()
    adapter, weights = forged.docs[layout.ADAPTER], forged.docs[layout.WEIGHTS]
    other = adapter["base_end_sha256"] if of == "base" else weights["end_sha256"]
    adapter["merged_sha256"] = other
    findings = [one for one in found(forged, tmp_path) if one.code == "adapter-base"]
    assert any(str(one.address).endswith("merged_sha256") for one in findings), findings


def test_what_peft_writes_unasked_is_accepted(tmp_path: Path) -> None:
    forged = adapter_toy()
    edited(
        layout.ADAPTER_CONFIG, init_lora_weights=True, inference_mode=True, peft_version="0.21.2",
        megatron_core="megatron.core", qalora_group_size=16, fan_in_fan_out=False,
        loftq_config={}, rank_pattern={}, use_dora=False, corda_config=None,
    )(forged)  # fmt: skip
    assert found(forged, tmp_path) == []


def test_layers_that_all_linear_cannot_mean_are_found(tmp_path: Path) -> None:
    forged = merged_toy()
    config = json.loads(forged.files[CONFIG] or b"")
    llama = {"model_type": "llama", "intermediate_size": 4, "num_attention_heads": 2}
    forged.files[CONFIG] = json.dumps(config | llama).encode()
    codes = [one.message for one in found(forged, tmp_path) if one.code == "adapter-settings"]
    assert any("gives no linear layer" in one for one in codes)


def not_checked(forged: ForgedPack, folder: Path, **asked: Any) -> dict[str, str]:
    pack = write(folder / "M90", forged.seal().all_bytes())
    for path in asked.get("gone", ()):
        (pack / path).unlink()
    report = verify_pack(pack, VerifyOptions())
    return {one.id: one.reason for one in report.checks if one.outcome == "not_checked"}


def test_a_copy_without_the_adapter_is_not_checked_for_its_tensors(tmp_path: Path) -> None:
    gone = not_checked(adapter_toy(), tmp_path, gone=[layout.ADAPTER_WEIGHTS])
    assert "is not in this copy" in gone["adapter-tensors"]
    gone = not_checked(merged_toy(), tmp_path / "merged", gone=[MODEL])
    assert "are not in this copy" in gone["adapter-tensors"]


def test_a_merged_model_with_other_names_is_not_checked_for_its_layers(tmp_path: Path) -> None:
    forged = merged_toy()
    forged.files[MODEL] = safetensors(
        lambda header: header.update(other=header.pop("model.layers.1.mlp.weight"))
    )
    assert "by the name of" in not_checked(forged, tmp_path)["adapter-tensors"]


def test_what_no_digest_is_recorded_of_is_not_checked(tmp_path: Path) -> None:
    forged = adapter_toy()
    assert forged.docs[layout.INPUTS]["model"]["weights_sha256"] == BASE
    del forged.docs[layout.INPUTS]["model"]["weights_sha256"]
    assert "no digest" in not_checked(forged, tmp_path)["adapter-base"]
