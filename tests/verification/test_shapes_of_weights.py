"""Shapes of saved weights that config.json allows, and those that it denies."""

from __future__ import annotations

import pytest

from evidence.verification.consistency.checkpoint import shape_problems
from evidence.verification.reading.safetensors_header import Tensor

CONFIG = {"vocab_size": 64, "hidden_size": 32}


@pytest.mark.parametrize(
    ("embedding", "head", "fits"),
    [
        ((64, 32), None, True),
        ((72, 32), (64, 32), True),
        ((65, 32), (64, 32), True),
        ((63, 32), (64, 32), False),
        ((72, 33), (64, 32), False),
        ((72, 32), (72, 32), False),
        ((72, 32), None, False),
    ],
)
def test_an_embedding_may_have_rows_that_are_read_and_never_predicted(
    embedding: tuple[int, int], head: tuple[int, int] | None, fits: bool
) -> None:
    shapes = {"model.embed_tokens.weight": embedding, "lm_head.weight": head}
    tensors = {name: Tensor("F32", shape, 0, 0) for name, shape in shapes.items() if shape}
    for config in (CONFIG, {"text_config": CONFIG}):
        assert (list(shape_problems(config, tensors)) == []) == fits


@pytest.mark.parametrize(("width", "fits"), [(16, True), (32, True), (8, False)])
@pytest.mark.parametrize("key", ["embedding_size", "word_embed_proj_dim", "embed_dim"])
def test_an_embedding_may_have_a_width_of_its_own_that_config_json_names(
    key: str, width: int, fits: bool
) -> None:
    tensors = {"model.embed_tokens.weight": Tensor("F32", (64, width), 0, 0)}
    found = [one.address for one in shape_problems(CONFIG | {key: 16}, tensors)]
    assert found == ([] if fits else ["training_output/final_model/config.json#/vocab_size"])
