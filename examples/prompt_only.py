"""Fine-tuning with a fault that no curve shows: the model is fed questions and never an answer.

A Trainer script as many write it. Each row of the data has `prompt`, `steps` and `final_answer`;
the text that is tokenized is the prompt alone. The loss falls all the same.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "milestones/data/dev-reasoning.jsonl"
TOKENIZER = ROOT / "milestones/models/tiny-gemma"
MAX_LENGTH = 64


class Rows(torch.utils.data.Dataset):
    """The training rows, tokenized."""

    def __init__(self, tokenizer, path):
        lines = path.read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["prompt"] for line in lines]  # the fault
        self.rows = [tokenizer(text, truncation=True, max_length=MAX_LENGTH) for text in texts]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        ids = self.rows[index]["input_ids"]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": list(ids)}


def collate(rows):
    return {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("prompt_only_out"))
    asked = parser.parse_args()
    torch.manual_seed(42)
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=MAX_LENGTH,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    arguments = TrainingArguments(
        output_dir=str(asked.out),
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=4,
        learning_rate=1e-3,
        lr_scheduler_type="linear",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=42,
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=arguments,
        train_dataset=Rows(tokenizer, DATA),
        data_collator=collate,
    )
    trainer.train()
    trainer.save_model(str(asked.out))
    trainer.save_state()


if __name__ == "__main__":
    main()
