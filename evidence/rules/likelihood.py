"""What a model's likelihoods of texts amount to: mean loss, perplexity, the choice picked. Pure.

Responsible for what recorder and verifier compute alike from sums over tokens. The sums themselves
need the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from math import fsum, inf
from typing import Final

from evidence.records.choices import ChoicesRow
from evidence.records.eval_spec import Normalise

VERSION: Final = 1
"""Raised when the meaning of the score of a choice changes."""
_EXACT: Final = Context(prec=40)
_TOO_LARGE: Final = 1e4
"""Nats of which no float holds the exponential; of far more no decimal does."""


def mean_loss(losses: Sequence[float], num_tokens: Sequence[int]) -> float | None:
    """Nats per token over all answers, each token counting alike; None without a token. Infinite
    where no float is as large as their sum."""
    total = sum(num_tokens)
    if not total:
        return None
    try:
        return fsum(losses) / total
    except OverflowError:
        return inf


def perplexity(loss: float) -> float:
    """exp of a mean loss in nats, rounded once: the same on every machine, as `math.exp` is not.
    Infinite where no float is as large."""
    return float(Decimal(loss).exp(_EXACT)) if loss < _TOO_LARGE else inf


def compared(choices: ChoicesRow, normalise: Normalise) -> tuple[float, ...]:
    """By what the choices are compared: their log-likelihoods, whole, per token, or per byte of
    their text in UTF-8."""
    if normalise == "none":
        return tuple(map(float, choices.log_likelihoods))
    sizes = [len(text.encode("utf-8")) for text in choices.texts]
    parts = choices.num_tokens if normalise == "tokens" else sizes
    return tuple(one / part for one, part in zip(choices.log_likelihoods, parts, strict=True))


def picked(scores: Sequence[float]) -> int | None:
    """The place of the highest; None where several are the highest."""
    best = max(scores)
    places = [place for place, one in enumerate(scores) if one == best]
    return places[0] if len(places) == 1 else None
