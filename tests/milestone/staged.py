"""A milestone with a curriculum, as text, and the same with seeds. No file of it is there."""

from __future__ import annotations

STAGED = """schema = "milestone.v1"
id = "W1"
title = "Words"
kind = "fine-tune-and-eval"
objective = "What is wrong is said in words."

[model]
path = "model"

[data.rows]
path = "rows.jsonl"
text = "{{ prompt }} {{ answer }}"
answer = ["answer"]

[data."more"]
path = "more.jsonl"
text = "{{ prompt }} {{ answer }}"
answer = ["answer"]

[data.checks]
path = "checks.jsonl"

[train]
batch_size = 1
gradient_accumulation = 2
learning_rate = 1e-3

[eval]
data = "checks"

[[stage]]
name = "A"
kind = "train"
data = "rows"

[[stage]]
name = "B"
kind = "train"
init = "stage:A"
data = "more"

[[stage]]
name = "check"
kind = "eval"
of = ["A", "B"]

[[attempt]]
name = "tiny"
backend = "transformers"
"""
SEEDED = STAGED.replace('data = "rows"', 'data = "rows"\nseeds = [1, 2]').replace(
    'data = "more"', 'data = "more"\nseeds = [1, 2]'
)
