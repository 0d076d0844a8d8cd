"""A tiny Llama with the tokenizer of a shape, and a project of files that is one commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.chat.shapes import Shape, tokenizer_of


def save_llama(folder: Path, shape: Shape, *, layers: int, inner: int, context: int) -> None:
    """Random weights, the same each time. `inner`: width between two of its linear layers;
    `context`: its longest sequence in tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    tokenizer = tokenizer_of(shape)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)
    set_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=inner,
        num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=context, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


def committed(root: Path) -> Path:
    """The folder, of which everything is in one commit."""
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return root
