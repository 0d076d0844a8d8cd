"""Predictions for laws about evaluations: what was asked, and which way it came out."""

from __future__ import annotations

from typing import Any

from evidence.records.run import PredictionRow


def answer(index: int, is_right: bool = True, **given: Any) -> PredictionRow:
    """One row; its question is its own unless `prompt` says another."""
    texts = {"prompt": f"question {index}", "target": "1", "output": "1" if is_right else "0"}
    texts |= given
    texts.setdefault("answer", texts["output"])
    return PredictionRow(
        index=index,
        id=texts.pop("id", f"q{index}"),
        scores=texts.pop("scores", {"exact": is_right}),
        finish_reason="eos",
        num_prompt_tokens=1,
        num_output_tokens=1,
        prompt_sha256="0" * 64,
        target_sha256="0" * 64,
        output_sha256="0" * 64,
        groups={},
        **texts,
    )


def answers(verdicts: str, **given: Any) -> list[PredictionRow]:
    """A row for each sign: + is right, - is wrong."""
    return [answer(index, one == "+", **given) for index, one in enumerate(verdicts)]
