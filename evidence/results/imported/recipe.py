"""What a training was told to do: batch, accumulation, epochs, rate, as files or a milestone say.

Responsible for one value a setting, with its place. Where a milestone was given, it states what the
files do not; where both do, the files are taken and a difference is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from evidence import layout
from evidence.foreign.facts import Fact
from evidence.records.record import Record
from evidence.records.run import ValueRecord
from evidence.records.training import Schedule
from evidence.results.context import at, known
from evidence.results.imported.lookup import OF_TRAINING, Lookup
from evidence.results.imported.lookup import SETTINGS as SETTINGS_ALONE
from evidence.results.imported.places import not_said, value_of

Setting = Literal[
    "batch_size",
    "gradient_accumulation",
    "epochs",
    "max_steps",
    "learning_rate",
    "schedule",
    "warmup_steps",
    "log_every_steps",
    "max_length",
    "weight_decay",
    "optimizer",
    "seed",
]
SETTINGS: Final[tuple[Setting, ...]] = get_args(Setting)
NAMES: Final[dict[Setting, tuple[str, ...]]] = {
    "batch_size": (
        *("per_device_train_batch_size", "train_batch_size", "batch_size", "micro_batch_size"),
        "device_batch_size",
    ),
    "gradient_accumulation": (
        *("gradient_accumulation_steps", "gradient_accumulation", "grad_accum_steps", "grad_accum"),
        "accumulate_grad_batches",
    ),
    "epochs": ("num_train_epochs", "num_epochs", "epochs", "max_epochs"),
    "max_steps": ("max_steps", "num_iterations", "max_iters"),
    "learning_rate": ("learning_rate", "lr", "max_lr", "peak_lr"),
    "schedule": ("lr_scheduler_type", "lr_scheduler", "scheduler", "schedule"),
    "warmup_steps": ("warmup_steps", "num_warmup_steps", "warmup_iters"),
    "log_every_steps": ("logging_steps", "log_every_n_steps", "log_every", "log_interval"),
    "max_length": (
        *("max_seq_length", "max_length", "sequence_length", "sequence_len", "block_size"),
        "seq_len",
    ),
    "weight_decay": ("weight_decay",),
    "optimizer": ("optimizer", "optim"),
    "seed": ("seed", "random_seed"),
}
UNITS: Final[dict[Setting, str]] = {
    "batch_size": "rows",
    "gradient_accumulation": "micro-batches",
    "epochs": "epochs",
    "max_steps": "steps",
    "warmup_steps": "steps",
    "log_every_steps": "steps",
    "max_length": "tokens",
}
_TEXTS: Final = ("schedule", "optimizer")
SCHEDULES: Final[tuple[Schedule, ...]] = (
    "linear",
    "cosine",
    "constant",
    "constant_with_warmup",
)
"""Those whose form does not hang on further arguments, of which a log may say nothing."""


class Stated(Record):
    """One setting."""

    name: Setting
    fact: Fact | None
    """In a file."""
    declared: object
    """In the milestone; None where there is none, or it does not say."""
    why_not: str = ""

    @property
    def number(self) -> float | int | None:
        """As a number, of the file where it has one."""
        value = self.declared if self.fact is None else self.fact.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value

    @property
    def text(self) -> str | None:
        """As a text."""
        value = self.declared if self.fact is None else self.fact.value
        return value if isinstance(value, str) else None

    @property
    def record(self) -> ValueRecord:
        """As a value of results.json."""
        unit = UNITS.get(self.name, "")
        if self.fact is not None:
            return value_of(self.fact, unit)
        if isinstance(self.declared, (int, float, str)):
            return known(self.declared, unit, at(layout.MILESTONE, "train", self.name))
        return not_said(self.why_not or "no file says it", unit)


def recipe(lookup: Lookup, train: Mapping[str, Any]) -> dict[Setting, Stated]:
    """Every setting. `train`: the table of the milestone as it is written, without defaults."""
    found: dict[Setting, Stated] = {}
    for name in SETTINGS:
        # The state of a trainer has the number of steps that came of the epochs, set or not.
        kinds = SETTINGS_ALONE if name == "max_steps" else OF_TRAINING
        fact = lookup.one(NAMES[name], numeric=name not in _TEXTS, kinds=kinds)
        stated = train.get(name)
        if isinstance(fact, Fact) and not (name == "max_steps" and _is_off(fact)):
            found[name] = Stated(name, fact, stated)
        else:
            why = fact if isinstance(fact, str) else "no file says it"
            found[name] = Stated(name, None, stated, why)
    return found


def schedule_of(stated: Stated) -> Schedule | None:
    """The schedule by the name that our formulas have for it; None for another or none."""
    text = (stated.text or "").lower()
    return next((one for one in SCHEDULES if text in (one, f"schedulertype.{one}")), None)


def _is_off(fact: Fact) -> bool:
    """Trainer writes -1 where the number of epochs decides."""
    return isinstance(fact.value, (int, float)) and fact.value <= 0
