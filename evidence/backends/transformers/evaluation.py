"""The evaluation stage: greedy generation, one prediction a row, and the loss probe.

Responsible for outputs; what they are worth is `scoring`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch

from evidence.backends.transformers.generation import prompt_ids
from evidence.backends.transformers.models import pad_id
from evidence.data.examples import EvalExample
from evidence.data.tokens import IGNORED
from evidence.encoding.digest import sha256_hex
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.rules import scoring


def predict(
    model: Any, tokenizer: Any, questions: Sequence[EvalExample], spec: EvalSpec
) -> Iterator[PredictionRow]:
    """One row a question, in order, generated in batches padded on the left.

    The model has its `generation.make_greedy` behind it: its own settings are the ones in force.
    """
    ends = frozenset(model.generation_config.eos_token_id or ())
    fill = pad_id(tokenizer)
    model.eval()
    for start in range(0, len(questions), spec.batch_size):
        batch = questions[start : start + spec.batch_size]
        prompts = prompt_ids(tokenizer, [question.prompt for question in batch])
        width = max(map(len, prompts))
        ids = [[*[fill] * (width - len(one)), *one] for one in prompts]
        mask = [[*[0] * (width - len(one)), *[1] * len(one)] for one in prompts]
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
            )
        for question, prompt, new in zip(batch, prompts, output[:, width:].tolist(), strict=True):
            yield _row(question, new, len(prompt), tokenizer, spec, ends)


def _row(
    question: EvalExample,
    ids: list[int],
    num_prompt_tokens: int,
    tokenizer: Any,
    spec: EvalSpec,
    ends: frozenset[int],
) -> PredictionRow:
    end = next((place for place, one in enumerate(ids) if one in ends), None)
    output_ids = ids[:end]
    reason: Literal["eos", "length"] = "length" if end is None else "eos"
    output = tokenizer.decode(output_ids, skip_special_tokens=True)
    answer = scoring.extract_answer(output, spec.answer_after)
    return PredictionRow(
        index=question.index,
        id=question.id,
        prompt=question.prompt,
        target=question.target,
        output=output,
        answer=answer,
        finish_reason=reason,
        num_prompt_tokens=num_prompt_tokens,
        num_output_tokens=len(output_ids),
        prompt_sha256=sha256_hex(question.prompt.encode("utf-8")),
        target_sha256=sha256_hex(question.target.encode("utf-8")),
        output_sha256=sha256_hex(output.encode("utf-8")),
        groups=question.groups,
        scores=scoring.scores(spec, output, answer, question.target),
    )


def probe_loss(model: Any, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> float:
    """Mean loss in nats per token of `wanted` after `given`, over all texts, no padding."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for given, wanted in texts:
            found = tokenizer(given + wanted, return_offsets_mapping=True, verbose=False)
            ids = torch.tensor([found["input_ids"]], device=model.device)
            targets = [
                token if end > len(given) else IGNORED
                for token, (_, end) in zip(found["input_ids"], found["offset_mapping"], strict=True)
            ]
            logits = model(input_ids=ids).logits[0, :-1].float()
            labels = torch.tensor(targets[1:], device=model.device)
            loss = torch.nn.functional.cross_entropy(
                logits, labels, ignore_index=IGNORED, reduction="sum"
            )
            total += float(loss)
            count += int((labels != IGNORED).sum())
    model.train(was_training)
    return total / count
