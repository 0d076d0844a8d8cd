"""Laws of packing: the rule, the tensors, that no row sees another, and what is refused."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from evidence.data.tokens import IGNORED
from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.rules.packing import num_fed_tokens, packed
from tests.backends.test_training import MILESTONE

SEVERAL = "[launch]\nprocesses = 2\n"


def test_rows_keep_their_order_and_begin_a_sequence_only_where_there_is_no_room() -> None:
    assert packed([3, 4, 2, 9, 1], 9) == [[0, 1, 2], [3], [4]]
    assert packed([], 9) == []
    drawn = Random(1)
    for _ in range(200):
        lengths = [drawn.randint(1, 10) for _ in range(drawn.randint(1, 20))]
        sequences = packed(lengths, 10)
        assert [one for places in sequences for one in places] == list(range(len(lengths)))
        sums = [sum(lengths[one] for one in places) for places in sequences]
        assert max(sums) <= 10
        for before, after in zip(sums, sequences[1:], strict=False):
            assert before + lengths[after[0]] > 10
        inside = [[lengths[one] for one in places] for places in sequences]
        assert num_fed_tokens(inside) == len(sums) * max(sums)


def items(count: int, seed: int = 1) -> list[dict[str, Any]]:
    drawn = Random(seed)
    found = []
    for row in range(count):
        ids = [drawn.randrange(3, 60) for _ in range(drawn.randint(1, 9))]
        labels = [one if drawn.random() < 0.7 else IGNORED for one in ids]
        found.append({"ids": ids, "labels": labels, "row": row})
    return found


def test_what_was_packed_is_told_row_by_row_as_it_was() -> None:
    from evidence.backends.transformers.loss import num_targets_of
    from evidence.backends.transformers.packing import collate_packed, rows_of

    for seed in range(20):
        rows = items(7, seed)
        batch: dict[str, Any] = dict(collate_packed(rows, 0, 16))
        targets = sum(label != IGNORED for one in rows for label in one["labels"][1:])
        assert int(num_targets_of([batch["labels"]])) == targets
        told = rows_of(batch)
        assert [(row, ids, labels) for row, ids, labels, _ in told] == [
            (one["row"], one["ids"], one["labels"]) for one in rows
        ]
        assert batch.keys() == {"input_ids", "labels", "position_ids"}


def model_of(family: str) -> Any:
    import transformers as hf

    hf.set_seed(3)
    small: dict[str, Any] = {"vocab_size": 64, "initializer_range": 0.5}
    body: dict[str, Any] = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
        "max_position_embeddings": 64, **small,
    }  # fmt: skip
    configs = {
        "gemma": lambda: hf.GemmaConfig(**body),
        "llama": lambda: hf.LlamaConfig(**body),
        "gpt2": lambda: hf.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=64, **small),
        "bloom": lambda: hf.BloomConfig(hidden_size=16, n_layer=2, n_head=2, **small),
    }
    return hf.AutoModelForCausalLM.from_config(configs[family]()).eval()


@pytest.mark.torch
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["gemma", "llama", "gpt2"])
def test_the_logits_and_the_loss_of_a_packed_row_are_those_of_the_row_alone(
    family: str, attention: str
) -> None:
    import torch

    from evidence.backends.transformers.loss import token_loss
    from evidence.backends.transformers.packing import collate_packed

    model, rows = model_of(family), items(6)
    model.set_attn_implementation(attention)
    batch = collate_packed(rows, 0, 24)
    fed = {key: batch[key] for key in ("input_ids", "position_ids")}
    with torch.no_grad():
        outputs = model(**fed, use_cache=False)
        alone = [model(input_ids=torch.tensor([one["ids"]])) for one in rows]
    at = [0] * len(batch["input_ids"])
    for number, row, out in zip(batch["sequence"].tolist(), rows, alone, strict=True):
        own = outputs["logits"][number, at[number] : at[number] + len(row["ids"])]
        assert torch.allclose(own, out["logits"][0], rtol=1e-4, atol=1e-4)
        at[number] += len(row["ids"])
    losses = [
        float(token_loss(out, torch.tensor([row["labels"]]), 1))
        for row, out in zip(rows, alone, strict=True)
    ]
    assert float(token_loss(outputs, batch["labels"], 1)) == pytest.approx(sum(losses), rel=1e-5)


@pytest.mark.torch
def test_a_model_that_reads_across_seams_or_takes_no_positions_is_refused() -> None:
    from evidence.backends.transformers import packing
    from evidence.data.tokens import Example
    from evidence.worker.interface import StageFailure

    def example(row: int) -> Example:
        ids = [3 + (7 * row + at) % 60 for at in range(8)]
        return Example(**{**_blank(Example), "source_row": row, "ids": ids, "labels": ids})

    examples = [example(row) for row in range(2)]
    good = model_of("llama")
    assert packing.refuse_crossing(good, examples) < 1e-5
    whole = good.forward

    def crossing(position_ids: Any = None, **given: Any) -> Any:
        return whole(position_ids=position_ids, attention_mask=given["input_ids"] * 0 + 1, **given)

    good.forward = crossing
    with pytest.raises(StageFailure, match="reads across rows"):
        packing.refuse_crossing(good, examples)
    good.forward = lambda input_ids, use_cache: whole(input_ids=input_ids)
    with pytest.raises(StageFailure, match="LlamaForCausalLM takes no positions"):
        packing.refuse_crossing(good, examples)
    with pytest.raises(StageFailure, match="BloomForCausalLM reads across rows"):
        packing.refuse_crossing(model_of("bloom"), examples)


def _blank(record: Any) -> dict[str, Any]:
    from msgspec.structs import fields

    return {one.name: () for one in fields(record) if one.required}


@pytest.mark.parametrize(
    ("more", "launch", "said"),
    [
        ("batch_size = 1", "", "batch_size says that it has one: raise it"),
        ("neftune_noise_alpha = 5", "", "NEFTune scales its noise"),
        ("", SEVERAL, "is of trainings in one process"),
    ],
)
def test_what_packing_cannot_be_beside_is_refused(more: str, launch: str, said: str) -> None:
    text = MILESTONE.replace("seed = 5", "seed = 5\npacking = true")
    text = text.replace("batch_size = 2\n", f"{more}\n", 1) if "batch" in more else text.replace(
        "seed = 5", f"seed = 5\n{more}"
    )  # fmt: skip
    with pytest.raises(MalformedError) as found:
        parse_milestone(f"{text}\n{launch}".encode())
    assert found.value.message.startswith("train.packing: ")
    assert said in found.value.message
