"""What enters a model: the arguments of the outermost call of a model that was found.

Responsible for reading ids, mask, labels and positions from a forward pass, whatever they are
called, and for telling training from evaluation. The class of the model gets a `__call__` of its
own; the module itself is left as it is, so that it is copied, compiled and pickled as before.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import weakref
from typing import Any, Callable, Mapping

from .arrival import Arrival, is_plain
from .compiled import leave_to_python

IDS = ("input_ids", "idx", "tokens", "token_ids", "ids", "inputs", "input", "x", "src")
LABELS = ("labels", "targets", "target", "label", "y")
MASKS = ("attention_mask", "mask", "padding_mask", "src_key_padding_mask")


class Forward:
    """One call of a model, and what belongs to it."""

    __slots__ = ("fed", "has_targets", "num_fed", "num_rows", "pad_id", "shifts", "targets", "top")

    def __init__(self, top: int) -> None:
        self.top = top
        self.fed: dict[str, Arrival] = {}
        self.num_rows: int | None = None
        self.num_fed: int | None = None
        self.pad_id: int | None = None
        self.shifts = False
        """Whether the model is known to predict the next token from labels aligned with ids."""
        self.targets: Any = None
        """Of the loss function: (Arrival of its targets or of their number, ignored number)."""
        self.has_targets = False
        """Whether they are of as many tokens as were fed."""


class Calls:
    """Watches the classes of models."""

    def __init__(self, torch: Any, entered: Callable[[Any, Any, Any], None]) -> None:
        self._torch = torch
        self._entered = entered
        self._tops: Any = weakref.WeakSet()
        self._classes: dict[type, Callable[..., Any]] = {}
        self._thread = threading.local()

    def watch(self, top: Any) -> None:
        """Be told of the calls of this module."""
        kind = type(top)
        if top in self._tops:
            return
        self._tops.add(top)
        if kind not in self._classes:
            self._classes[kind] = call = self._call_of(kind)
            setattr(kind, "__call__", call)  # noqa: B010 - mypy: a method cannot be assigned

    def pause(self, paused: bool) -> None:
        """Whether a framework tells of batches itself, in this thread."""
        self._thread.depth = 1 if paused else 0

    def num_replaced(self) -> list[str]:
        """Names of watched classes whose `__call__` is another one by now."""
        return [
            kind.__name__
            for kind, call in self._classes.items()
            if kind.__dict__.get("__call__") is not call
        ]

    def _call_of(self, kind: Any) -> Callable[..., Any]:
        own = kind.__dict__.get("__call__")
        tops, thread, entered = self._tops, self._thread, self._entered
        compiling = self._torch.compiler.is_compiling

        @functools.wraps(own or self._torch.nn.Module.__call__)
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            above: Any = super(kind, self)
            call = above.__call__ if own is None else functools.partial(own, self)
            if compiling() or getattr(thread, "depth", 0) or self not in tops:
                return call(*args, **kwargs)
            entered(self, args, kwargs)
            thread.depth = 1
            try:
                return call(*args, **kwargs)
            finally:
                thread.depth = 0

        leave_to_python(self._torch, __call__)
        return __call__


def named_arguments(module: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names; of a lone mapping, what is in it."""
    named: dict[str, Any] = {}
    kind: Any = type(module)
    names = _names_of(kind) if args else ()
    for place, value in enumerate(args):
        named[names[place] if place < len(names) else "argument {}".format(place)] = value
    named.update(kwargs)
    for value in list(named.values()):
        if isinstance(value, Mapping):
            named.update({str(key): item for key, item in value.items()})
    return named


@functools.lru_cache(maxsize=256)
def _names_of(kind: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(kind.forward).parameters)[1:]
    except (TypeError, ValueError):
        return ()


def is_numbers(value: Any) -> bool:
    """Whether a tensor holds whole numbers that may be ids."""
    torch = sys.modules["torch"]
    return value.dtype is torch.int64 or value.dtype is torch.int32


def described(named: Mapping[str, Any], has_tokens: bool) -> dict[str, Any]:
    """Which tensors are ids, labels, mask and positions, by name and then by shape."""
    tensors = {
        name: value for name, value in named.items() if hasattr(value, "dtype") and is_plain(value)
    }
    whole = {name: value for name, value in tensors.items() if is_numbers(value) and value.dim()}
    found: dict[str, Any] = {"first": next((v for v in tensors.values() if v.dim()), None)}
    if not has_tokens:
        return found
    ids = _first(whole, IDS)
    if ids is None:
        ids = next((v for name, v in whole.items() if name not in LABELS and v.dim() <= 2), None)
    if ids is None or ids.dim() > 2:
        return found
    found["ids"] = ids
    labels = _first(whole, LABELS)
    if labels is not None and labels.dim() <= 2:
        found["labels"] = labels
    for name in MASKS:
        mask = tensors.get(name)
        if mask is not None and mask.shape == ids.shape:
            found["mask"] = mask
            break
    positions = whole.get("position_ids")
    if positions is not None and positions.shape == ids.shape:
        found["positions"] = positions
    return found


def _first(tensors: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((tensors[name] for name in names if name in tensors), None)
