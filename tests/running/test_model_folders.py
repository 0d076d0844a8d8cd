"""Laws of models that cannot be trained on: refused by their folder, in one sentence each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence.records.milestone import ModelSpec
from evidence.worker import model_folders
from evidence.worker.model_folders import unfit, why_not_causal

CAUSAL = frozenset(("llama", "gpt2", "bert", "bart", "gemma3"))
SEQUENCES = frozenset(("bart", "t5"))
ASKED = model_folders._classes
"""As it is, before a test puts its own in its place."""
LLAMA: dict[str, Any] = {"model_type": "llama", "vocab_size": 10}


def folder(root: Path, config: dict[str, Any] = LLAMA) -> Path:
    """A model folder with nothing wrong but what the configuration says."""
    made = root / "model"
    made.mkdir(parents=True)
    (made / "config.json").write_text(json.dumps(config), "utf-8")
    words = {"model": {"vocab": {str(n): n for n in range(10)}}}
    (made / "tokenizer.json").write_text(json.dumps(words), "utf-8")
    (made / "model.safetensors").write_bytes(b"")
    return made


def messages(root: Path, **spec: str) -> list[str]:
    """What is wrong with the folder as a model's `path`."""
    found = list(unfit(root, ModelSpec(**(spec or {"path": "model"}))))
    for _, message, hint in found:
        assert message
        assert hint
        assert len(message) < 200
        assert "\n" not in message
    return [message for _, message, _ in found]


@pytest.fixture(autouse=True)
def _classes(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {model_folders._CAUSAL: CAUSAL, model_folders._SEQUENCES: SEQUENCES}
    monkeypatch.setattr(model_folders, "_classes", known.__getitem__)


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (LLAMA, ""),
        ({"model_type": "gpt2"}, ""),
        ({"model_type": "gemma3", "text_config": {"vocab_size": 10}}, ""),
        ({"model_type": "bert", "is_decoder": True}, ""),
        ({"model_type": "bart", "is_encoder_decoder": False, "is_decoder": True}, ""),
        ({"model_type": "bert"}, "it is an encoder (bert)"),
        ({"model_type": "bart"}, "it is an encoder-decoder (bart)"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "it is an encoder-decoder (t5)"),
        ({"model_type": "vit"}, "it is of the type 'vit'"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, ""),
        (
            {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]},
            "it classifies or rates texts (LlamaForSequenceClassification)",
        ),
        (
            {"model_type": "gpt2", "architectures": ["GPT2ForTokenClassification"]},
            "it classifies tokens",
        ),
        ({}, "it names no model_type"),
        (LLAMA | {"quantization_config": {"quant_method": "gptq"}}, "weights are quantised"),
    ],
)
def test_only_a_decoder_with_float_weights_is_let_through(
    config: dict[str, Any], part: str
) -> None:
    found = why_not_causal(config, CAUSAL, SEQUENCES)
    assert part in found
    assert bool(part) == bool(found)


def test_without_transformers_no_class_is_called_unknown() -> None:
    assert why_not_causal({"model_type": "vit"}, frozenset()) == ""


def _only_pickle(made: Path) -> None:
    (made / "model.safetensors").rename(made / "pytorch_model.bin")


def _only_gguf(made: Path) -> None:
    (made / "model.safetensors").rename(made / "model.gguf")


def _no_weights(made: Path) -> None:
    (made / "model.safetensors").unlink()


def _no_tokenizer(made: Path) -> None:
    (made / "tokenizer.json").unlink()


def _long_vocabulary(made: Path) -> None:
    words = {"model": {"vocab": {str(n): n for n in range(11)}}}
    (made / "tokenizer.json").write_text(json.dumps(words), "utf-8")


def _long_list(made: Path) -> None:
    words = {"model": {"vocab": [[str(n), 0.0] for n in range(11)]}}
    (made / "tokenizer.json").write_text(json.dumps(words), "utf-8")


def _written(name: str, text: str) -> Callable[[Path], object]:
    return lambda made: (made / name).write_text(text, "utf-8")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("config.json", '{\n"model_type": "llama",}', "config.json:2: not JSON"),
        ("generation_config.json", "{'eos_token_id': 1}", "generation_config.json:1: not JSON"),
        ("generation_config.json", "[]", "generation_config.json: holds no JSON object"),
        ("tokenizer.json", '{"model": {', "tokenizer.json:1: not JSON"),
        ("tokenizer_config.json", "", "tokenizer_config.json:1: not JSON"),
        ("tokenizer.json", POINTER, "tokenizer.json is a Git LFS pointer"),
        ("model.safetensors", POINTER, "model.safetensors is a Git LFS pointer"),
    ],
)
def test_a_file_that_nothing_could_load_is_named_with_its_line(
    name: str, text: str, part: str, tmp_path: Path
) -> None:
    _written(name, text)(folder(tmp_path))
    (found,) = messages(tmp_path)
    assert part in found


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.safetensors", "notes.json"])
def test_what_is_not_loaded_may_be_anything(name: str, tmp_path: Path) -> None:
    _written(name, POINTER)(folder(tmp_path))
    assert messages(tmp_path) == []


def test_weights_that_are_drawn_may_lie_there_as_a_pointer(tmp_path: Path) -> None:
    _written("model.safetensors", POINTER)(folder(tmp_path))
    assert messages(tmp_path, config="model", tokenizer="model") == []


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda made: None, ""),
        (_only_pickle, "pytorch_model.bin only, a pickle"),
        (_only_gguf, "quantised weights (.gguf) only"),
        (_no_weights, "has no weights"),
        (_no_tokenizer, "has no tokenizer"),
        (_long_vocabulary, "its tokenizer has the id 10, and the model's embedding ends at 9"),
        (_long_list, "its tokenizer has the id 10, and the model's embedding ends at 9"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_told_by_its_files(
    edit: Callable[[Path], None], part: str, tmp_path: Path
) -> None:
    edit(folder(tmp_path))
    found = messages(tmp_path)
    assert [part in one for one in found] == ([True] if part else [])


def test_an_added_token_past_the_embedding_is_no_reason_by_itself(tmp_path: Path) -> None:
    made = folder(tmp_path)
    words = json.loads((made / "tokenizer.json").read_bytes())
    words["added_tokens"] = [{"id": 10, "content": "<image>"}]
    (made / "tokenizer.json").write_text(json.dumps(words), "utf-8")
    assert messages(tmp_path) == []


def test_random_weights_need_no_file_of_weights(tmp_path: Path) -> None:
    _no_weights(folder(tmp_path))
    assert messages(tmp_path, config="model", tokenizer="model") == []


def test_the_classes_are_those_of_the_installed_transformers() -> None:
    pytest.importorskip("transformers")
    assert {"llama", "gpt2", "gemma"} <= ASKED(model_folders._CAUSAL)
    assert "t5" in ASKED(model_folders._SEQUENCES)


@pytest.mark.parametrize("name", ["hidden_act", "activation_function"])
def test_an_activation_that_transformers_does_not_know_is_refused_with_the_nearest(
    name: str, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    made = folder(tmp_path)
    config = json.loads((made / "config.json").read_bytes())
    (made / "config.json").write_text(json.dumps({**config, name: "gelu_fastt"}), "utf-8")
    ((_, message, hint),) = model_folders.unfit(tmp_path, ModelSpec(path="model"))
    assert f"{name} is 'gelu_fastt', which transformers does not know" in message
    assert "gelu_fast" in hint


def test_every_activation_that_transformers_knows_is_taken() -> None:
    activations = pytest.importorskip("transformers.activations")
    assert set(model_folders._known_activations()) == set(activations.ACT2CLS)


@pytest.mark.parametrize(("heads", "shared", "fits"), [(4, 2, True), (3, 2, False), (2, 4, False)])
def test_heads_that_do_not_go_into_each_other_are_refused(
    heads: int, shared: int, fits: bool, tmp_path: Path
) -> None:
    folder(tmp_path, LLAMA | {"num_attention_heads": heads, "num_key_value_heads": shared})
    found = messages(tmp_path)
    assert (found == []) == fits
    assert fits or f"num_attention_heads is {heads}, no multiple" in found[0]
