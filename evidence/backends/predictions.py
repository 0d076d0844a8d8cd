"""What an evaluation records, whatever computes it: predictions, logits, and what a probe measures.

Responsible for the rows. The ids and the logits in them are a backend's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from evidence.backends.tokenizer import prompt_ids
from evidence.data.examples import EvalExample, ProbeText
from evidence.data.tokens import IGNORED
from evidence.encoding.digest import sha256_hex
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.rules import scoring


def prediction_row(
    question: EvalExample,
    ids: Sequence[int],
    num_prompt_tokens: int,
    tokenizer: Any,
    spec: EvalSpec,
    ends: frozenset[int],
) -> PredictionRow:
    """The row of one question. `ids` were generated; those from the first end token on are none."""
    end = next((place for place, one in enumerate(ids) if one in ends), None)
    output_ids = list(ids[:end])
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
        under_test=question.under_test,
    )


def asked_ids(tokenizer: Any, questions: Sequence[EvalExample]) -> list[list[int]]:
    """Ids of what is fed of each question of one data set."""
    spelled = any(one.spelled for one in questions)
    return prompt_ids(tokenizer, [one.prompt for one in questions], spelled=spelled)


def probe_ids(tokenizer: Any, one: ProbeText) -> tuple[list[int], list[int]]:
    """Ids of a probe's text, and the label of each: only `wanted`, after `given`, is measured."""
    found = tokenizer(
        one.given + one.wanted,
        add_special_tokens=not one.spelled,
        return_offsets_mapping=True,
        verbose=False,
    )
    labels = [
        token if end > len(one.given) else IGNORED
        for token, (_, end) in zip(found["input_ids"], found["offset_mapping"], strict=True)
    ]
    return found["input_ids"], labels
