"""Conversations in which only the assistant's words carry loss, the mask made by hand.

Labels of everything else are -100, as TRL's `assistant_only_loss` makes them. Rows are padded to
the longest of their batch.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "milestones/data/dev-reasoning.jsonl"
TOKENIZER = ROOT / "milestones/models/tiny-gemma"
TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }}: {{ turn['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
IGNORED = -100


def encoded(tokenizer, row):
    """Ids of a conversation, and labels for what the assistant says."""
    asked = [{"role": "user", "content": row["prompt"]}]
    said = [*asked, {"role": "assistant", "content": row["final_answer"]}]
    template = {"chat_template": TEMPLATE, "tokenize": False}
    start = tokenizer.apply_chat_template(asked, add_generation_prompt=True, **template)
    whole = tokenizer.apply_chat_template(said, **template)
    before = tokenizer(start)["input_ids"]
    after = tokenizer(whole[len(start) :], add_special_tokens=False)["input_ids"]
    after.append(tokenizer.eos_token_id)
    return before + after, [IGNORED] * len(before) + after


def batch_of(rows, pad_id):
    """Tensors of one batch."""
    width = max(len(ids) for ids, _ in rows)
    ids = [row + [pad_id] * (width - len(row)) for row, _ in rows]
    labels = [row + [IGNORED] * (width - len(row)) for _, row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row, _ in rows]
    return {
        "input_ids": torch.tensor(ids),
        "labels": torch.tensor(labels),
        "attention_mask": torch.tensor(mask),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("chat_masking_out"))
    asked = parser.parse_args()
    torch.manual_seed(3)
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    lines = DATA.read_text(encoding="utf-8").splitlines()[:128]
    rows = [encoded(tokenizer, json.loads(line)) for line in lines]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step, start in enumerate(range(0, len(rows), 8), 1):
        loss = model(**batch_of(rows[start : start + 8], tokenizer.pad_token_id)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(json.dumps({"step": step, "loss": loss.item(), "learning_rate": 2e-3}))
    model.save_pretrained(asked.out)
    tokenizer.save_pretrained(asked.out)


if __name__ == "__main__":
    main()
