"""How likely a model finds texts after a prompt: the expected answer, and the choices.

Responsible for sums over tokens, each text fed by itself. Which of them follow from others is
`rules.likelihood`'s.
"""

from __future__ import annotations

from typing import Any

import torch
from msgspec.structs import replace

from evidence.backends.predictions import probe_ids
from evidence.data.examples import EvalExample, ProbeText
from evidence.data.tokens import IGNORED
from evidence.records.choices import ChoicesRow
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.rules import likelihood, scoring


def with_likelihoods(
    row: PredictionRow, question: EvalExample, model: Any, tokenizer: Any, spec: EvalSpec
) -> PredictionRow:
    """The row with what else the milestone asks for."""

    def measured(text: str) -> tuple[float, int]:
        given = question.prompt + spec.before_target
        return log_likelihood(model, tokenizer, ProbeText(given, text, question.spelled))

    if "mean_loss" in spec.metrics:
        found, count = measured(question.target)
        row = replace(row, answer_loss=0.0 - found, num_answer_tokens=count)
    if spec.choices is None:
        return row
    every = [measured(text) for text in question.choices]
    sums, counts = tuple(one for one, _ in every), tuple(count for _, count in every)
    choices = ChoicesRow(question.choices, sums, counts, question.right, None)
    best = likelihood.picked(likelihood.compared(choices, spec.choices.normalise))
    choices = replace(choices, picked=best)
    scores = scoring.scores(spec, row.output, row.answer, row.target, choices)
    return replace(row, choices=choices, scores=scores)


def log_likelihood(model: Any, tokenizer: Any, one: ProbeText) -> tuple[float, int]:
    """Sum in nats over the tokens of `wanted` after `given`, and how many tokens that are."""
    ids, targets = probe_ids(tokenizer, one)
    labels = torch.tensor(targets[1:], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, :-1].float()
        losses = torch.nn.functional.cross_entropy(
            logits, labels, ignore_index=IGNORED, reduction="none"
        )
    return -float(losses.cpu().double().sum()), int((labels != IGNORED).sum())
