"""The words that make a number a measurement: units, magnitudes, metrics, and their opposite.

Responsible for the vocabulary alone. A word that is missing here costs a warning, never a wrong
number: what counts is which values a unit can be compared with, and by which factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from evidence.records.record import Record


class Unit(Record):
    """What a number counts, in the terms of results.json."""

    of: tuple[str, ...] = ()
    """Units of results.json that it can be compared with; none: any."""
    factor: Decimal = Decimal(1)
    """One of this unit in units of results.json: 60 for a minute, 0.01 for a per cent."""
    is_noun: bool = False
    """Whether an adjective may stand before it: 138 *optimizer* steps."""


_ROWS: Final = Unit(("rows", "examples", "samples"), is_noun=True)
_SHARE: Final = Unit(("", "%"), Decimal("0.01"))


def _nouns(unit: str, *words: str) -> dict[str, Unit]:
    return dict.fromkeys(words, Unit((unit,), is_noun=True))


def _scaled(unit: str, **factors: str) -> dict[str, Unit]:
    return {word: Unit((unit,), Decimal(factor)) for word, factor in factors.items()}


UNITS: Final[Mapping[str, Unit]] = {
    **_nouns("steps", "step", "steps"),
    **_nouns("epochs", "epoch", "epochs"),
    **_nouns("tokens", "token", "tokens"),
    **_nouns("parameters", "parameter", "parameters", "params"),
    **_nouns("files", "file", "files"),
    **_nouns("attempts", "attempt", "attempts"),
    **_nouns("segments", "segment", "segments"),
    **dict.fromkeys(
        (
            *("row", "rows", "sample", "samples", "example", "examples", "question", "questions"),
            *("prompt", "prompts", "prediction", "predictions", "answer", "answers", "correct"),
        ),
        _ROWS,
    ),
    **_scaled("s", s="1", sec="1", secs="1", second="1", seconds="1", ms="0.001"),
    **_scaled("s", millisecond="0.001", milliseconds="0.001", min="60", minute="60"),
    **_scaled("s", minutes="60", h="3600", hr="3600", hour="3600", hours="3600"),
    **_scaled("bytes", byte="1", bytes="1", kB="1e3", KB="1e3", MB="1e6", GB="1e9", TB="1e12"),
    **_scaled("bytes", KiB="1024", MiB="1048576", GiB="1073741824", TiB="1099511627776"),
    **dict.fromkeys(("%", "percent", "per-cent", "pp"), _SHARE),
    "‰": Unit(_SHARE.of, Decimal("0.001")),
    **_nouns("nats", "nat", "nats"),
    **_nouns("W", "W", "watt", "watts"),
    **dict.fromkeys(("samples/s", "samples/sec", "samples/second"), Unit(("samples/s",))),
    **dict.fromkeys(("steps/s", "steps/sec", "steps/second", "it/s"), Unit(("steps/s",))),
    **dict.fromkeys(("tokens/s", "tokens/sec", "tok/s"), Unit(("tokens/s",))),
    **dict.fromkeys(("x", "×", "times", "-fold", "-times"), Unit()),
    **dict.fromkeys(("FLOPs", "FLOPS", "TFLOPs", "TFLOPS", "points"), Unit()),
}
"""Words after a number."""

SPELLED: Final = (("", "%"),)
"""What a number in words must count to be a measurement. Of all else (three epochs, an hour, two
files) words are told and planned more often than measured."""

MAGNITUDES: Final[Mapping[str, Decimal]] = {
    "k": Decimal(10) ** 3,
    "K": Decimal(10) ** 3,
    "thousand": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "million": Decimal(10) ** 6,
    "B": Decimal(10) ** 9,
    "billion": Decimal(10) ** 9,
}

METRICS: Final = frozenset(
    {
        "loss",
        "accuracy",
        "perplexity",
        "score",
        "precision",
        "recall",
        "f1",
        "bleu",
        "rouge",
        "match",
        "rate",
        "error",
        "throughput",
        "speed",
        "runtime",
        "reward",
        "kl",
        "mfu",
        "lr",
        "auc",
        "wer",
        "padding",
        "overlap",
    }
)
"""Words before a number that make it a measurement even without unit or decimals."""

SOFTWARE: Final = frozenset(
    {
        "version",
        "release",
        "driver",
        "python",
        "torch",
        "pytorch",
        "transformers",
        "tokenizers",
        "accelerate",
        "cuda",
        "cudnn",
        "nccl",
        "jax",
        "tunix",
        "gemma",
        "llama",
        "qwen",
        "gpt",
        "windows",
        "ubuntu",
        "debian",
        "linux",
        "macos",
        "kernel",
        "section",
        "table",
        "figure",
        "chapter",
        "page",
        "apache",
    }
)
"""Words after which a number is a version or a reference, in whatever case they are written."""
