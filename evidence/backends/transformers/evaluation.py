"""The evaluation stage: greedy generation, one prediction a row, and the loss probe.

Responsible for outputs; what they are worth is `scoring`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from evidence.backends.generation import greedy
from evidence.backends.predictions import asked_ids, prediction_row, probe_ids
from evidence.backends.tokenizer import pad_id
from evidence.backends.transformers.likelihood import with_likelihoods
from evidence.data.examples import EvalExample, ProbeText
from evidence.data.tokens import IGNORED
from evidence.records.generation import GenerationRecord
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.records.tensors import LogitsRecord, LogitsRow
from evidence.rules.logits import MAX_PROMPTS, NUM_HIGHEST, kept_ids


def make_greedy(model: Any, tokenizer: Any, spec: EvalSpec) -> GenerationRecord:
    """Put a generation config of our own in place of the model's; say what is in it and what not.

    Passing settings to `generate` would not do: what they leave open is taken from the model's.
    """
    own, record = greedy(model.config, model.generation_config, tokenizer, spec)
    model.generation_config = own
    return record


def predict(
    model: Any, tokenizer: Any, questions: Sequence[EvalExample], spec: EvalSpec
) -> Iterator[PredictionRow]:
    """One row a question, in order, generated in batches padded on the left.

    The model has its `make_greedy` behind it: its own settings are the ones in force.
    """
    ends = frozenset(model.generation_config.eos_token_id or ())
    fill = pad_id(tokenizer)
    model.eval()
    for start in range(0, len(questions), spec.batch_size):
        batch = questions[start : start + spec.batch_size]
        prompts = asked_ids(tokenizer, batch)
        width = max(map(len, prompts))
        ids = [[*[fill] * (width - len(one)), *one] for one in prompts]
        mask = [[*[0] * (width - len(one)), *[1] * len(one)] for one in prompts]
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
            )
        for question, prompt, new in zip(batch, prompts, output[:, width:].tolist(), strict=True):
            row = prediction_row(question, new, len(prompt), tokenizer, spec, ends)
            yield with_likelihoods(row, question, model, tokenizer, spec)


def logits_record(model: Any, tokenizer: Any, questions: Sequence[EvalExample]) -> LogitsRecord:
    """What the model says of the token after each of the first prompts, each fed by itself."""
    was_training = model.training
    model.eval()
    first = questions[:MAX_PROMPTS]
    rows, size = [], 0
    for index, prompt in enumerate(asked_ids(tokenizer, first)):
        with torch.inference_mode():
            found = model(input_ids=torch.tensor([prompt], device=model.device)).logits
        last = found[0, -1].float().cpu()
        size = last.numel()
        ids = kept_ids(size, last.topk(min(NUM_HIGHEST, size)).indices.tolist())
        rows.append(
            LogitsRow(
                index=index,
                num_prompt_tokens=len(prompt),
                log_sum_exp=float(last.double().logsumexp(0)),
                ids=ids,
                logits=tuple(last[list(ids)].tolist()),
            )
        )
    model.train(was_training)
    return LogitsRecord(schema="logits.v1", vocab_size=size, rows=tuple(rows))


def probe_loss(model: Any, tokenizer: Any, texts: Sequence[ProbeText]) -> float:
    """Mean loss in nats per token of `wanted` after `given`, over all texts, no padding."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for one in texts:
            ids, targets = probe_ids(tokenizer, one)
            row = torch.tensor([ids], device=model.device)
            logits = model(input_ids=row).logits[0, :-1].float()
            labels = torch.tensor(targets[1:], device=model.device)
            loss = torch.nn.functional.cross_entropy(
                logits, labels, ignore_index=IGNORED, reduction="sum"
            )
            total += float(loss)
            count += int((labels != IGNORED).sum())
    model.train(was_training)
    return total / count
