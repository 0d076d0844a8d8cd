"""Values of tensors, without waiting for the device that computes them.

Responsible for taking a copy of a tensor now and telling later what it was: at once where it is in
main memory; from a GPU by a copy that runs behind the computation, read when an event says that it
is there. What is no plain tensor (traced, fake, batched by a transform) is not taken.
"""

from __future__ import annotations

import sys
from typing import Any

MAX_AGE = 8
"""A device without events is read this many steps later."""


class Arrival:
    """The value of one tensor, which may still be on its way."""

    __slots__ = ("_age", "_event", "_host", "_value", "dtype")

    def __init__(self, tensor: Any) -> None:
        self.dtype = tensor.dtype
        self._event: Any = None
        self._host: Any = None
        self._value: Any = None
        self._age = 0
        tensor = tensor.detach()
        if tensor.is_cpu:
            self._value = tensor.tolist()
        elif tensor.device.type == "cuda":
            torch = sys.modules["torch"]
            self._host = tensor.to("cpu", non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record(torch.cuda.current_stream(tensor.device))
        else:
            self._host = tensor.clone()

    def is_there(self) -> bool:
        """Whether `value` answers without waiting. Asked once a step."""
        if self._host is None:
            return True
        if self._event is not None:
            return bool(self._event.query())
        self._age += 1
        return self._age > MAX_AGE

    def value(self) -> Any:
        """A number, or nested lists. Waits where it must."""
        if self._host is not None:
            if self._event is not None:
                self._event.synchronize()
            self._value, self._host, self._event = self._host.tolist(), None, None
        return self._value


def is_plain(tensor: Any) -> bool:
    """Whether the tensor is there and is the program's own, not one of a tracer or transform."""
    torch = sys.modules["torch"]
    kind = type(tensor)
    if kind is not torch.Tensor and kind is not torch.nn.Parameter:
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return False
    if tensor.is_cpu:  # the common case, in few calls
        return tensor.layout is torch.strided and not torch._is_functional_tensor(tensor)
    if tensor.device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return False
    return tensor.device.type != "meta" and tensor.layout is torch.strided


def is_within(torch: Any) -> bool:
    """Whether PyTorch itself calls: within backward, a transform or the tracing of a graph."""
    if getattr(torch._C, "_current_graph_task_id", lambda: -1)() >= 0:
        return True
    if torch._C._get_tracing_state() is not None:
        return True
    return torch._C._functorch.peek_interpreter_stack() is not None
