"""The Trainer, for a model whose weights may be divided among processes (FSDP).

Responsible for its checkpoints, which hold whole tensors and have the files of one process alone,
and for the gradient norm over all shares. The Trainer's own way to FSDP goes through a plugin of
accelerate, which divides on accelerators alone; a model that is divided already is left as it is.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from transformers import Trainer

from evidence.backends.transformers.sharding import (
    is_sharded,
    load_whole,
    load_whole_optimizer,
    whole,
    whole_optimizer,
    whole_state,
)

_WEIGHTS: Final = "model*.safetensors"
_OPTIMIZER: Final = "optimizer.pt"
_SCHEDULER: Final = "scheduler.pt"


class WholeCheckpoints(Trainer):  # type: ignore[misc]  # transformers ships no types
    """As the Trainer does, where the model is whole."""

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(model=model, **kwargs)
        self.is_divided = is_sharded(model)
        if self.is_divided:  # else accelerate would put DDP around the shares
            prepared = self.accelerator.prepare_model
            self.accelerator.prepare_model = partial(prepared, evaluation_mode=True)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """All put the weights together, and the first writes them."""
        if not self.is_divided:
            super().save_model(output_dir, _internal_call)
            return
        state = whole_state(self.model, is_kept=self.args.should_save)
        if self.args.should_save:
            self._save(output_dir, state_dict=state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_divided:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = whole_optimizer(self.optimizer, is_kept=self.args.should_save)
        if self.args.should_save:
            folder = Path(output_dir)
            torch.save(state, folder / _OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), folder / _SCHEDULER)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if not self.is_divided:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        state: dict[str, Any] = {}
        for path in sorted(Path(resume_from_checkpoint).glob(_WEIGHTS)):
            state |= load_file(path)
        load_whole(self.model, state)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self.is_divided or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        folder = Path(checkpoint)
        load_whole_optimizer(self.optimizer, folder / _OPTIMIZER)
        with warnings.catch_warnings():  # of a rate that is set before a step was made
            warnings.simplefilter("ignore")
            self.lr_scheduler.load_state_dict(torch.load(folder / _SCHEDULER, weights_only=True))

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Over all shares."""
        return whole(super()._get_grad_norm(model, grad_norm))
