"""Names of one thing in the spellings of those who write them: one key for each.

Responsible for spelling alone: `train/loss`, `train_loss` and `metrics.train_loss` are one name.
What a name means is the caller's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WRAPPERS: Final = ("metrics", "log", "logs", "summary", "scalars", "data", "results", "value")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[^a-z0-9@]+")

LOSS: Final = frozenset(
    (
        *("loss", "train_loss", "training_loss", "loss_train", "train_loss_step", "lm_loss"),
        *("train_loss_epoch", "loss_step", "train_loss_loss", "loss_training", "trn_loss"),
    )
)
"""What a trained model is trained by, of one logged row."""
MEAN_LOSS: Final = ("train_loss", "training_loss", "loss")
"""Of the whole run, in the row that Trainer prints last."""
TOTALS: Final = frozenset(
    (
        *("train_runtime", "train_samples_per_second", "train_steps_per_second"),
        "train_tokens_per_second",
    )
)
"""A row with one of these is of a whole run."""
RATE: Final = ("learning_rate", "lr", "train_learning_rate", "train_lr")
EPOCH: Final = ("epoch", "train_epoch", "epochs")
GRADIENT: Final = ("grad_norm", "gradient_norm", "train_grad_norm")
STEP: Final = ("global_step", "train_global_step", "trainer_global_step")
EVERY: Final = ("logging_steps", "log_every_n_steps", "log_every", "log_interval", "logging_every")


@lru_cache(maxsize=4096)  # of a long log every row has the same few
def key_of(name: str) -> str:
    """A name in lower case, its parts joined by `_`, wrappers such as `metrics.` left off."""
    spaced = _CAMEL.sub("_", name).lower()
    parts = [part for part in _BETWEEN.split(spaced) if part]
    while len(parts) > 1 and parts[0] in _WRAPPERS:
        parts = parts[1:]
    return "_".join(parts)
