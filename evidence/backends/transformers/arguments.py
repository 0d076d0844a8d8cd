"""The arguments of the Trainer, from what a milestone says.

Responsible for every TrainingArguments that is set here, and for what a milestone adds by
[train.extra]: a name or value that transformers does not take ends the stage before its first step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from transformers import TrainingArguments

from evidence.backends.transformers.devices import device_of, refuse_without_bfloat16
from evidence.records.execution import ExecutionRecord
from evidence.rules.arguments import not_there
from evidence.rules.arithmetic import warm_up
from evidence.worker.interface import Job, StageFailure


class OneDevice(TrainingArguments):  # type: ignore[misc]  # transformers ships no types
    """Arguments of a Trainer that leaves further GPUs alone.

    It would spread each batch over all that are visible, and count rows and steps by them.
    """

    @property
    def n_gpu(self) -> int:
        """GPUs that this process trains on."""
        return min(1, int(super().n_gpu))


def arguments_of(job: Job, execution: ExecutionRecord, num_steps: int) -> TrainingArguments:
    """All of them. Raises StageFailure for what is not taken."""
    spec = job.plan.train
    if spec.mixed_precision != "no":
        refuse_without_bfloat16(device_of(job.plan))
    stated: dict[str, Any] = {
        "output_dir": job.scratch,
        "per_device_train_batch_size": execution.rows_per_forward,
        "gradient_accumulation_steps": execution.accumulation,
        "num_train_epochs": spec.epochs,
        "max_steps": spec.max_steps if spec.max_steps is not None else -1,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.schedule,
        "warmup_steps": warm_up(num_steps, spec.warmup_steps, spec.warmup_ratio),
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "neftune_noise_alpha": spec.neftune_noise_alpha or None,
        "gradient_checkpointing": spec.gradient_checkpointing,
        "bf16": spec.mixed_precision == "bf16",
        "optim": spec.optimizer,
        "adam_beta1": spec.adam_beta1,
        "adam_beta2": spec.adam_beta2,
        "adam_epsilon": spec.adam_epsilon,
        "seed": spec.seed,
        "data_seed": spec.seed,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a NaN must be seen, not replaced by an average
        "save_strategy": "steps" if spec.checkpoint_every_steps else "no",
        "save_steps": spec.checkpoint_every_steps or 500,
        "remove_unused_columns": False,
        "use_cpu": job.plan.requires.accelerator == "none",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": job.plan.requires.accelerator in ("nvidia", "amd"),
    }
    refuse_unknown(spec.extra)
    if not spec.extra:
        return OneDevice(**stated)
    try:
        return OneDevice(**stated, **spec.extra)
    except (ImportError, TypeError, ValueError) as error:
        raise StageFailure(
            "requirement-not-met",
            f"TrainingArguments does not take what [train.extra] gives: {error}",
        ) from error


def refuse_unknown(extra: dict[str, Any]) -> None:
    """Raise StageFailure for a name that the installed transformers does not have."""
    known = [one.name for one in fields(TrainingArguments) if one.init]
    for name in extra:
        if name not in known:
            text = f"train.extra.{name}: {not_there(name, known)}"
            raise StageFailure("requirement-not-met", text)


@contextmanager
def extra_named(extra: Mapping[str, Any], *names: str) -> Iterator[None]:
    """Where optimizer or schedule cannot be made with what a milestone adds, say what it adds.

    `names`: the arguments that are used there. Raises StageFailure.
    """
    given = [name for name in names if extra.get(name)]
    try:
        yield
    except StageFailure:
        raise
    except Exception as error:
        if not given:
            raise
        told = ", ".join(f"train.extra.{name} = {extra[name]!r}" for name in given)
        text = f"transformers does not take {told}: {type(error).__name__}: {error}"
        raise StageFailure("requirement-not-met", text) from error
