"""A tiny Llama of our own with a chat template, made in the folder that is named."""

from __future__ import annotations

import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

CHAT = (
    "{% for message in messages %}<|turn|>{{ message.role }}\n{{ message.content }}</s>\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
SPECIAL = {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "</s>"}


def make_llama(folder: Path) -> None:
    plain = Tokenizer(models.BPE(unk_token=SPECIAL["unk"]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<unk>", "<s>", "</s>", "<|turn|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    plain.train_from_iterator(["What is 3 plus 4?\nAnswer: 7"] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, **{f"{name}_token": text for name, text in SPECIAL.items()}
    )
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    set_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


if __name__ == "__main__":
    make_llama(Path(sys.argv[1]))
