"""transformers: Trainer's own log and epoch of each step, and the tokenizers that were loaded.

Responsible for the event `logged`, for the epoch of a step, and for handing tokenizers on. Trainer
is followed by a default callback, its public hook point.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from .tokenizers_used import Tokenizers

if TYPE_CHECKING:
    from .torch_hooks import Torch

EVENTS = ("on_train_begin", "on_step_begin", "on_step_end", "on_log", "on_train_end")
MAX_LOGGED = 100


def watch(torch: Torch) -> None:
    """Hook the Trainer and the tokenizers after their import."""

    def imported(module: Any) -> None:
        callback = _callback_of(torch, module)
        if callback not in module.DEFAULT_CALLBACKS:
            module.DEFAULT_CALLBACKS.append(callback)

    tokenizers = Tokenizers(torch)

    def tokenizers_imported(module: Any) -> None:
        tokenizers.watch(module.PreTrainedTokenizerBase)

    torch.context.after_import("transformers.trainer", imported)
    torch.context.after_import("transformers.tokenization_utils_base", tokenizers_imported)


def _callback_of(torch: Torch, module: Any) -> Any:
    """A class: Trainer makes one of each default callback."""
    trainer = Followed(torch)
    hook = torch.context.guard.hook
    events = {name: hook("Trainer " + name, getattr(trainer, name)) for name in EVENTS}
    base: Any = module.TrainerCallback

    class EvidenceCallback(base):  # type: ignore[misc]
        """Tells the recorder of a recorded run what Trainer does; changes nothing."""

    def method(event: Any) -> Any:
        @functools.wraps(event)
        def told(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            event(args, state, kwargs)

        return told

    for name, event in events.items():
        setattr(EvidenceCallback, name, method(event))
    return EvidenceCallback


class Followed:
    """One Trainer after the other."""

    def __init__(self, torch: Torch) -> None:
        self._torch = torch

    def on_train_begin(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        """Trainer takes over: it divides losses and says epochs."""
        self._torch.steps.framework = "Trainer"

    def on_step_begin(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        """A step that nobody has released is done."""
        self._torch.steps.release(None)

    def on_step_end(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        """The step's epoch is known."""
        epoch = state.epoch
        self._torch.steps.release(float(epoch) if epoch is not None else None)

    def on_log(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        """What Trainer logs, and prints."""
        logs = more.get("logs") or {}
        values = {
            str(name): value
            for name, value in list(logs.items())[:MAX_LOGGED]
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        self._torch.context.spool.write(
            "logged", by="Trainer", step=int(state.global_step), values=values
        )

    def on_train_end(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        """Training is over; what comes is no longer divided."""
        self._torch.steps.release(None)
        self._torch.steps.framework = ""
