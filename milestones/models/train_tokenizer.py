"""Trains the stand-in's tokenizer on the project's own data, and writes its model configs.

    python milestones/models/train_tokenizer.py           rewrite the files
    python milestones/models/train_tokenizer.py --check   exit 1 where a file differs

A byte-level BPE, so that every text survives encoding and decoding; special tokens as Gemma
numbers them. The weights of the stand-in are not here: they are drawn from the milestone's seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "dev-reasoning.jsonl"
STAND_IN = HERE / "tiny-gemma"
VOCABULARY = 1024
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>")

GEMMA_2B = {
    "architectures": ["GemmaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 2,
    "dtype": "bfloat16",
    "eos_token_id": 1,
    "head_dim": 256,
    "hidden_act": "gelu_pytorch_tanh",
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 16384,
    "max_position_embeddings": 8192,
    "model_type": "gemma",
    "num_attention_heads": 8,
    "num_hidden_layers": 18,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "use_cache": True,
    "vocab_size": 256000,
}
TINY_GEMMA = GEMMA_2B | {
    "dtype": "float32",
    "head_dim": 64,
    "hidden_size": 256,
    "intermediate_size": 1024,
    "max_position_embeddings": 512,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "vocab_size": VOCABULARY,
}
SETTINGS = {
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": "<bos>",
    "clean_up_tokenization_spaces": False,
    "eos_token": "<eos>",
    "model_max_length": 512,
    "pad_token": "<pad>",
    "tokenizer_class": "PreTrainedTokenizerFast",
    "unk_token": "<unk>",
}


def texts() -> Iterator[str]:
    """Every text of the training rows, in order."""
    for line in DATA.read_text("utf-8").split("\n")[:-1]:
        row = json.loads(line)
        steps = "".join(f"{step['content']}\n" for step in row["steps"])
        yield f"{row['prompt']}\n{steps}Answer: {row['final_answer']}"


def train() -> str:
    """tokenizer.json."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)]
    )
    return tokenizer.to_str(pretty=True)


def files() -> dict[Path, str]:
    """Every file with its text."""

    def document(value: object) -> str:
        return json.dumps(value, indent=2, sort_keys=True) + "\n"

    return {
        STAND_IN / "tokenizer.json": train() + "\n",
        STAND_IN / "tokenizer_config.json": document(SETTINGS),
        STAND_IN / "config.json": document(TINY_GEMMA),
        HERE / "gemma-2b" / "config.json": document(GEMMA_2B),
    }


def main() -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Train the stand-in's tokenizer.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    check: bool = parser.parse_args().check
    status = 0
    for path, text in files().items():
        if path.is_file() and path.read_bytes() == text.encode("utf-8"):
            continue
        print(f"{'differs' if check else 'written'}: {path.relative_to(HERE.parent.parent)}")
        status = int(check)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
    return status


if __name__ == "__main__":
    sys.exit(main())
