"""Lightning: its batches, its epochs, what it logs, and by what it divides the loss.

Responsible for following `Trainer.fit` by a callback, which is offered where Lightning asks for
those of other packages. Its modules compute losses in `training_step`, not in a call of the module,
so that the batch is read where Lightning hands it over.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Mapping

from .arrival import is_plain

if TYPE_CHECKING:
    from .torch_hooks import Torch

PLACES = ("lightning.pytorch", "pytorch_lightning")
GROUP = "callbacks_factory"
EVENTS = (
    "on_train_start",
    "on_train_batch_start",
    "on_train_batch_end",
    "on_train_end",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_test_batch_start",
    "on_test_batch_end",
)
MAX_LOGGED = 100


def watch(torch: Torch) -> None:
    """Hook Lightning after its import, under both of its names."""
    for place in PLACES:
        connector = place + ".trainer.connectors.callback_connector"
        torch.context.after_import(connector, functools.partial(_hook, torch))
        loop = place + ".loops.optimization.automatic"
        torch.context.after_import(loop, functools.partial(_hook_division, torch))


def _hook_division(torch: Torch, module: Any) -> None:
    """Lightning divides what `training_step` returns: keep it as it was returned."""
    result = module.ClosureResult
    original = result.from_training_step_output.__func__
    keep = torch.context.guard.hook("Lightning loss", functools.partial(_keep, torch))

    @functools.wraps(original)
    def from_training_step_output(kind: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
        divided = original(kind, output, *args, **kwargs)
        keep(output, divided)
        return divided

    result.from_training_step_output = classmethod(from_training_step_output)


def _keep(torch: Torch, output: Any, divided: Any) -> None:
    whole: Any = output.get("loss") if isinstance(output, Mapping) else output
    if hasattr(whole, "dtype") and divided.closure_loss is not None:
        torch.steps.known_as(divided.closure_loss, whole.detach(), "training_step")


def _hook(torch: Torch, module: Any) -> None:
    original = module._load_external_callbacks
    callback = _callback_of(torch, module.Callback)

    @functools.wraps(original)
    def _load_external_callbacks(group: str) -> Any:
        found = original(group)
        return [*found, callback()] if group.endswith(GROUP) else found

    module._load_external_callbacks = _load_external_callbacks


def _callback_of(torch: Torch, base: Any) -> Any:
    followed = Followed(torch)
    hook = torch.context.guard.hook

    class EvidenceCallback(base):  # type: ignore[misc]
        """Tells the recorder of a recorded run what Lightning does; changes nothing."""

    def method(event: Any) -> Any:
        @functools.wraps(event)
        def told(self: Any, trainer: Any, module: Any, *args: Any, **kwargs: Any) -> None:
            event(trainer, module, args, kwargs)

        return told

    for name in EVENTS:
        setattr(EvidenceCallback, name, method(hook("Lightning " + name, getattr(followed, name))))
    return EvidenceCallback


class Followed:
    """One call of `fit` after the other."""

    def __init__(self, torch: Torch) -> None:
        self._torch = torch

    def on_train_start(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """Lightning takes over: it divides losses and hands out batches."""
        self._torch.steps.framework = "Lightning"

    def on_train_batch_start(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """A batch goes into `training_step`."""
        self._begins(module, args, kwargs, module.training)

    def _begins(self, module: Any, args: Any, kwargs: Any, trains: bool) -> None:
        batch = args[0] if args else kwargs.get("batch")
        self._torch.calls.pause(True)
        given = batch if isinstance(batch, (list, tuple)) else (batch,)
        self._torch.fed(module, given, {}, trains)

    def on_validation_batch_start(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """A batch goes into `validation_step` or `test_step`."""
        self._begins(module, args, kwargs, False)

    def on_validation_batch_end(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """That batch is done."""
        self._torch.calls.pause(False)

    on_test_batch_start = on_validation_batch_start
    on_test_batch_end = on_validation_batch_end

    def on_train_batch_end(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """The batch is done; what Lightning logged of it is known."""
        self._torch.calls.pause(False)
        connector = getattr(trainer, "_logger_connector", None)
        if not getattr(connector, "should_update_logs", False):
            return
        logged = list(trainer.logged_metrics.items())[:MAX_LOGGED]
        values = {str(name): _number(value) for name, value in logged}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            self._torch.context.spool.write(
                "logged", by="Lightning", step=int(trainer.global_step), values=known
            )

    def on_train_end(self, trainer: Any, module: Any, args: Any, kwargs: Any) -> None:
        """Training is over."""
        self._torch.calls.pause(False)
        self._torch.steps.framework = ""


def _number(value: Any) -> float | None:
    """What is in main memory; a value on a device is not waited for."""
    if isinstance(value, (int, float)):
        return float(value)
    if hasattr(value, "dtype") and is_plain(value) and value.numel() == 1:
        return float(value) if value.device.type == "cpu" else None
    return None
