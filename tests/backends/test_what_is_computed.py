"""Laws of what the worker computes: the likeliest token, the loss of the next, on one device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.records.execution import ExecutionRecord
from evidence.records.milestone import EvalSpec
from evidence.records.training import TrainSpec

pytestmark = pytest.mark.torch
MODEL = Path(__file__).parents[2] / "milestones/models/tiny-gemma"
IDS = [2, 70, 71, 72, 73, 74, 75, 76, 77]


def model_of(name: str, **more: Any) -> Any:
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    values = {"vocab_size": 1024, "hidden_size": 32, "intermediate_size": 64, "d_model": 32}
    values |= {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    values |= {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 64}
    values |= {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, **more}
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**values))


@pytest.mark.parametrize(
    ("name", "sees"), [("llama", False), ("mixtral", False), ("bert", True), ("roberta", True)]
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_sees_what_it_predicts_is_told_apart(
    name: str, sees: bool, dtype: str
) -> None:
    import torch

    from evidence.backends.transformers.causality import sees_the_future

    model = model_of(name).to(getattr(torch, dtype))
    assert sees_the_future(model, IDS) is sees
    assert not sees_the_future(model, IDS[:1])
    decoder = model_of("bert", is_decoder=True)
    assert not sees_the_future(decoder, IDS)


@pytest.mark.parametrize(
    ("name", "another", "repeats"), [("llama", False, False), ("bart", True, True)]
)
def test_the_loss_of_the_class_is_held_against_ours(
    name: str, another: bool, repeats: bool
) -> None:
    import torch

    from evidence.backends.transformers.loss import compare_losses

    model, ids = model_of(name), torch.tensor([IDS])
    labels = torch.tensor([[-100, -100, *IDS[2:]]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    items = torch.tensor(20)  # of a step with further rows
    found = compare_losses(model, inputs, items, {"num_items_in_batch": items})
    assert (found.is_another, found.repeats) == (another, repeats)
    logits = model.eval()(input_ids=ids).logits[0].double().log_softmax(-1)
    wanted = -sum(float(logits[i - 1, IDS[i]].detach()) for i in range(2, len(IDS))) / 20
    assert found.ours == pytest.approx(wanted, rel=1e-5)
    assert another or found.framework == found.ours  # to the last digit


class Tokenizer:
    """As much of a tokenizer as generation asks for; it ends each text with its end token."""

    pad_token_id, eos_token_id = None, 1

    def __call__(self, texts: list[str], **_: Any) -> dict[str, Any]:
        return {
            "input_ids": [[2, *(70 + ord(c) % 9 for c in text), 1] for text in texts],
            "offset_mapping": [
                [(0, 0), *((i, i + 1) for i in range(len(t))), (0, 0)] for t in texts
            ],
            "special_tokens_mask": [[1, *[0] * len(text), 1] for text in texts],
        }

    def convert_ids_to_tokens(self, one: int) -> str:
        return f"<{one}>"


def test_nothing_but_the_likeliest_token_is_in_force() -> None:
    import torch
    from transformers import GenerationConfig

    from evidence.backends.tokenizer import prompt_ids
    from evidence.backends.transformers.evaluation import make_greedy

    model, tokenizer = model_of("llama", eos_token_id=[1, 9]), Tokenizer()
    model.generation_config = GenerationConfig(
        repetition_penalty=5.0, no_repeat_ngram_size=1, min_new_tokens=12, do_sample=True,
        temperature=9.0, suppress_tokens=list(range(10, 500)), bad_words_ids=[[600]],
        forced_eos_token_id=3, eos_token_id=[5], num_beams=3,
    )  # fmt: skip
    found = make_greedy(model, tokenizer, EvalSpec(max_new_tokens=12))
    assert found.greedy
    assert found.set_aside["repetition_penalty"] == "5.0"
    assert "suppress_tokens" in found.set_aside
    ends = {one.id: one.declared_by for one in found.end_tokens}
    assert ends == {1: ("config", "tokenizer"), 5: ("generation-config",), 9: ("config",)}
    (prompt,) = prompt_ids(tokenizer, ["abc"])
    assert prompt[-1] != 1, "an end of ours before the answer begins"
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(12):
            ids.append(int(model.eval()(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in ends:
                break
        row = torch.tensor([prompt])
        out = model.generate(input_ids=row, attention_mask=torch.ones_like(row))
    assert out[0].tolist() == ids


def test_a_generation_config_that_its_library_refuses_can_be_saved(tmp_path: Path) -> None:
    from transformers import GenerationConfig

    from evidence.backends.generation import storable

    declared = GenerationConfig(temperature=0.6, do_sample=False, eos_token_id=[1, 5])
    storable(declared).save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert (again.temperature, again.eos_token_id) == (0.6, [1, 5])


@pytest.mark.parametrize(
    "settings",
    [
        {"num_return_sequences": 2},
        {"forced_eos_token_id": 1, "suppress_tokens": [1]},
        {"cache_implementation": "of another version"},
        {"pad_token_id": -1},
    ],
)
def test_settings_that_generating_does_not_use_fail_no_run(
    settings: dict[str, object], tmp_path: Path
) -> None:
    from evidence.backends.generation import declared, storable

    assert declared(tmp_path) is None
    text = json.dumps({"eos_token_id": [1, 5], **settings})
    (tmp_path / "generation_config.json").write_text(text, "utf-8")
    found = declared(tmp_path)
    assert found is not None
    assert found.eos_token_id == [1, 5]
    storable(found).save_pretrained(tmp_path / "saved")


def test_one_process_trains_on_one_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from transformers import TrainingArguments

    from evidence.backends.transformers.arguments import OneDevice

    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda _: 4))
    args = OneDevice(output_dir=str(tmp_path), per_device_train_batch_size=2, use_cpu=True)
    assert (args.n_gpu, args.train_batch_size) == (1, 2)


@pytest.mark.parametrize(
    ("batch", "rows", "switch"),
    [(1, 32, 'execution = "as-written"'), (4, 4, "batch_size"), (1, 1, "max_length")],
)
def test_memory_that_runs_out_names_the_setting(batch: int, rows: int, switch: str) -> None:
    from evidence.backends.memory import memory_named
    from evidence.worker.interface import StageFailure

    execution = ExecutionRecord("fast", rows, 32 // rows, "cuda:0", 1)
    with (
        pytest.raises(StageFailure, match=switch) as found,
        memory_named(TrainSpec(batch_size=batch), execution),
    ):
        raise RuntimeError("CUDA out of memory")
    assert found.value.kind == "out-of-memory"
    with pytest.raises(ValueError, match="else"), memory_named(TrainSpec(), execution):
        raise ValueError("something else")
