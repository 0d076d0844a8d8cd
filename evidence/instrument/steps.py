"""Optimizer steps, each with what led to it.

Responsible for gathering forward passes, losses and gradient norms until an optimizer steps, and
for the queue of steps whose values are still on a device. Who calls it stands in the hooks; how a
step is written, in `written.py`.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any, Callable

from .arrival import Arrival, is_plain
from .forwards import Forward
from .losses import Loss, constant_divisor

MAX_WAITING = 512
"""Steps whose values a device has not delivered; beyond it the oldest is waited for."""
MAX_FORWARDS = 4096


class Step:
    """One call of an optimizer's `step`, before its values are there."""

    def __init__(self, optimizer: int, num: int, name: str) -> None:
        self.optimizer = optimizer
        self.num = num
        self.name = name
        self.rates: list[Any] = []
        self.losses: list[Loss] = []
        self.forwards: list[Forward] = []
        self.grad_norm: Arrival | None = None
        self.skipped: Any = False
        self.epoch: float | None = None
        self.shared_with: int | None = None

    def is_there(self) -> bool:
        """Whether every value has come."""
        waited = [loss.value for loss in self.losses]
        waited += [value for value in self.rates if isinstance(value, Arrival)]
        waited += [value for value in (self.grad_norm, self.skipped) if isinstance(value, Arrival)]
        for forward in self.forwards:
            waited += forward.fed.values()
            if forward.targets is not None:
                waited.append(forward.targets[0])
        return all(arrival.is_there() for arrival in waited)


class Steps:
    """The steps of this process."""

    def __init__(self, torch: Any, write: Callable[[Step], None]) -> None:
        self._torch = torch
        self._write = write
        self._nums: Any = weakref.WeakKeyDictionary()
        self._num_optimizers = 0
        self._rates: list[Any] = []
        self._queue: deque[Step] = deque()
        self._last: Step | None = None
        self.last_num = 0
        self.num_backward = 0
        self.num_stepped = 0
        self.num_skipped = 0
        self.undivided: Any = None
        """(by, loss) while a framework's own backward runs, which divides."""
        self._known: tuple[Any, Any, str] | None = None
        """(reference to what will be given to backward, the loss it was made from, by whom)."""
        self.framework = ""
        self.held: Step | None = None
        """A step whose framework has yet to say its epoch."""
        self._begin()

    def _begin(self) -> None:
        self.forwards: list[Forward] = []
        self.losses: list[Loss] = []
        self.grad_norm: Arrival | None = None
        self._num_before = 0

    def is_fed(self) -> bool:
        """Whether a model was called since the last loss."""
        return any(forward.top for forward in self.forwards[self._num_before :])

    def forward(self, forward: Forward) -> None:
        """A training batch has entered a model."""
        if len(self.forwards) < MAX_FORWARDS:
            self.forwards.append(forward)

    def known_as(self, given: Any, loss: Any, by: str = "") -> None:
        """A framework has scaled or divided a loss: what it makes of it stands for the loss."""
        if self._known is not None and self._known[0]() is loss:
            loss, by = self._known[1], by or self._known[2]
        self._known = (weakref.ref(given), loss.detach(), by)

    def backward(self, tensors: Any, gradients: Any) -> None:
        """A loss is about to be given to backward."""
        tensors = tensors if isinstance(tensors, (list, tuple)) else (tensors,)
        if len(tensors) != 1 or gradients is not None:
            return
        self.num_backward += 1
        self._num_before = len(self.forwards)
        tensor, by = tensors[0], self.framework
        if self.undivided is not None:
            by, tensor = self.undivided
        elif self._known is not None and self._known[0]() is tensor:
            tensor, by = self._known[1], self._known[2] or by
        if is_plain(tensor) and tensor.numel() == 1:
            divisor = (
                None
                if by in ("Trainer", "Accelerator", "training_step")
                else constant_divisor(tensor)
            )
            self.losses.append(Loss(Arrival(tensor.detach().reshape(())), divisor, by))

    def before_step(self, optimizer: Any) -> None:
        """Read the learning rates that the step will use."""
        self._rates = [_rate(group.get("lr")) for group in optimizer.param_groups]

    def after_step(self, optimizer: Any, tops: set[int], skipped: bool = False) -> None:
        """The optimizer, which trains the models `tops`, has stepped or was not let step."""
        step = self._numbered(optimizer)
        if skipped:
            self.before_step(optimizer)
            step.skipped = True
        else:
            found = getattr(optimizer, "found_inf", None)
            step.skipped = Arrival(found) if found is not None and is_plain(found) else False
        step.rates, self._rates = self._rates, []
        self._attribute(step, tops)
        self._begin()
        self._last = step
        self.last_num = max(self.last_num, step.num)
        if self.framework == "Trainer":
            self.held = step
        else:
            self.finish(step)

    def _numbered(self, optimizer: Any) -> Step:
        if optimizer not in self._nums:
            self._nums[optimizer] = [self._num_optimizers, 0]
            self._num_optimizers += 1
        known = self._nums[optimizer]
        known[1] += 1
        return Step(known[0], known[1], type(optimizer).__name__)

    def _attribute(self, step: Step, tops: set[int]) -> None:
        """What was seen since the last step led to this one; if nothing, what led to that one."""
        last = self._last
        if self.losses or self.forwards or last is None or last.optimizer == step.optimizer:
            own = [forward for forward in self.forwards if forward.top in tops]
            step.losses, step.forwards = self.losses, own or self.forwards
        else:
            step.losses, step.forwards = last.losses, last.forwards
            step.shared_with = last.optimizer if last.shared_with is None else last.shared_with
        step.grad_norm = self.grad_norm

    def release(self, epoch: float | None) -> None:
        """The framework has said the epoch of the step that was held."""
        step, self.held = self.held, None
        if step is not None:
            step.epoch = epoch
            self.finish(step)

    def finish(self, step: Step) -> None:
        """Write the step when its values are there, in order."""
        self._queue.append(step)
        while self._queue and (self._queue[0].is_there() or len(self._queue) > MAX_WAITING):
            self._written(self._queue.popleft())

    def end(self) -> None:
        """Write what is left, waiting where it must."""
        self.release(None)
        while self._queue:
            self._written(self._queue.popleft())

    def _written(self, step: Step) -> None:
        if isinstance(step.skipped, Arrival):
            step.skipped = bool(step.skipped.value())
        self.num_skipped += step.skipped
        self.num_stepped += not step.skipped
        self._write(step)


def _rate(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return None if value is None else float(value)
    return Arrival(value) if hasattr(value, "dtype") and is_plain(value) else float(value)
