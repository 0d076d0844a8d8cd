"""The weights before the first step and after the last, by digest and by how many values changed.

Responsible for the event `weights`. The digest is over sorted names: name, type, shape, bytes.
Small models are compared value by value with a copy; of larger ones a sample is, evenly spread over
each parameter. This reads a device once before the first step and once at the end, never on a step.
"""

from __future__ import annotations

import ctypes
import hashlib
from typing import Any

MAX_COMPARED = 16_000_000
MAX_DIGESTED = 300_000_000
NUM_SAMPLED = 1_000_000
WIDTHS = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}


class Weights:
    """One model's weights as they were at one moment."""

    def __init__(self, torch: Any, named: Any, compared: bool = True) -> None:
        self._is_compared = compared
        self.why: str | None = None
        self.sha256: str | None = None
        self.num_values = 0
        self.values: dict[str, Any] = {}
        self.is_sampled = False
        try:
            with torch.no_grad():
                self._read(torch, sorted(named, key=lambda item: item[0]))
        except Unreadable as reason:
            self.why = str(reason)

    def _read(self, torch: Any, named: Any) -> None:
        self.num_values = sum(parameter.numel() for _, parameter in named)
        self.is_sampled = self.num_values > MAX_COMPARED
        whole = hashlib.sha256() if self.num_values <= MAX_DIGESTED else None
        if whole is None:
            self.why = "more than {} values: no digest of all is taken".format(MAX_DIGESTED)
        every = max(1, -(-self.num_values // NUM_SAMPLED)) if self.is_sampled else 1
        for name, parameter in named:
            tensor = _readable(torch, parameter)
            if whole is not None:
                add(whole, name, tensor)
            if not self._is_compared:
                continue
            bits = tensor.reshape(-1)[::every].contiguous()
            self.values[name] = bits.view(getattr(torch, WIDTHS[bits.element_size()])).cpu().clone()
        self.sha256 = None if whole is None else whole.hexdigest()

    def changed_since(self, before: Weights) -> tuple[int, int]:
        """(values that differ in any bit, values compared)."""
        num_changed = num_compared = 0
        for name, values in self.values.items():
            earlier = before.values.get(name)
            if (
                earlier is not None
                and earlier.shape == values.shape
                and earlier.dtype == values.dtype
            ):
                num_changed += int((earlier != values).sum())
                num_compared += values.numel()
        return num_changed, num_compared


class Unreadable(Exception):  # noqa: N818 - a reason, not an error
    """Why the weights cannot be read."""


def _readable(torch: Any, parameter: Any) -> Any:
    tensor = parameter.detach()
    if tensor.device.type == "meta" or tensor.layout is not torch.strided:
        raise Unreadable("parameters are on no device of this process")
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        raise Unreadable("parameters are of a kind of their own: " + type(tensor).__name__)
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if tensor.element_size() not in WIDTHS:
        raise Unreadable("parameters of type {}".format(tensor.dtype))
    return tensor


def add(whole: Any, name: str, tensor: Any) -> None:
    """Add one tensor to a digest."""
    shape = ",".join(str(size) for size in tensor.shape)
    whole.update("{}\0{}\0{}\0".format(name, str(tensor.dtype)[6:], shape).encode("utf-8"))
    here = tensor.detach().cpu().contiguous()
    size_bytes = here.numel() * here.element_size()
    if size_bytes:
        whole.update((ctypes.c_char * size_bytes).from_address(here.data_ptr()))
