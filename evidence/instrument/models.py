"""The model that is trained: its size, its weights before the first step and after the last.

Responsible for the events `model` and `weights`. The model is the one whose parameters the stepping
optimizer holds; where nothing has trained yet, what is called to evaluate is a model too. None is
kept alive: where the program drops it before it ends, its weights are read as it goes.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections import Counter
from typing import Any

from .context import Context
from .modules import Modules
from .weights import Weights

MAX_OF_OPTIMIZER = 8
MAX_EVALUATED = 8


class Models:
    """The models whose optimizers stepped, and those that were called before any did."""

    def __init__(self, context: Context, torch: Any, modules: Modules) -> None:
        self._context = context
        self._torch = torch
        self._modules = modules
        self._tops: Any = weakref.WeakKeyDictionary()
        self._known: list[_Known] = []

    def before_step(self, optimizer: Any) -> None:
        """Before the first step of each optimizer, read the model that it trains."""
        if optimizer in self._tops:
            return
        held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        tops = self._modules.of_parameters({id(parameter) for parameter in held})
        self._tops[optimizer] = {id(top) for top in tops}
        if not tops:
            named = [("parameter {}".format(i), parameter) for i, parameter in enumerate(held)]
            self._said(None, named).begin(named)
        for top in tops[:MAX_OF_OPTIMIZER]:
            known = self._of(top)
            if known is None or not known.has_begun:
                named = list(top.named_parameters())
                (known or self._said(top, named)).begin(named)

    def evaluated(self, top: Any) -> None:
        """A model is called without training, and none was trained before: read it, once."""
        if self._tops or len(self._known) >= MAX_EVALUATED or self._of(top) is not None:
            return
        named = list(top.named_parameters())
        if named:
            self._said(top, named).say("evaluated", Weights(self._torch, named, compared=False))

    def _of(self, top: Any) -> _Known | None:
        return next((known for known in self._known if known.is_of(top)), None)

    def _said(self, top: Any, named: Any) -> _Known:
        self._context.spool.write("model", model=len(self._known), **described(top, named))
        self._known.append(_Known(self._context, self._torch, len(self._known), top))
        return self._known[-1]

    def is_known(self, optimizer: Any) -> bool:
        """Whether the optimizer was seen before its first step."""
        return optimizer in self._tops

    def tops_of(self, optimizer: Any) -> set[int]:
        """Which modules' parameters the optimizer holds, by identity."""
        return self._tops.get(optimizer) or set()

    def end(self) -> None:
        """Read each model once more."""
        for known in self._known:
            known.say_after()


class _Known:
    """One model, in training once it has begun."""

    def __init__(self, context: Context, torch: Any, number: int, top: Any) -> None:
        self._context = context
        self._torch = torch
        self._number = number
        self._top = None if top is None else weakref.ref(top)
        self._named: Any = []
        self._before: Weights | None = None
        self._process = os.getpid()
        self.has_begun = False

    def is_of(self, top: Any) -> bool:
        return self._top is not None and self._top() is top

    def begin(self, named: Any) -> None:
        """Training begins: of the model, its weights as they are."""
        self.has_begun, self._named = True, named
        top = self._top() if self._top is not None else None
        if top is not None:
            goes = self._context.guard.hook("weights", self.say_after, nested=True)
            weakref.finalize(top, goes).atexit = False
        self._before = Weights(self._torch, named)
        self.say("before", self._before)

    def say_after(self) -> None:
        """Once: when the model goes, or at the end."""
        before, self._before = self._before, None
        if before is None or self._process != os.getpid():
            return  # what a forked child drops is not what was trained
        top = self._top() if self._top is not None else None
        named = list(top.named_parameters()) if top is not None else self._named
        after, self._named = Weights(self._torch, named), []
        changed, compared = after.changed_since(before)
        known = compared > 0 or after.num_values == 0
        self.say(
            "after",
            after,
            num_changed=changed if known else None,
            num_compared=compared if known else None,
            sampled=after.is_sampled,
        )

    def say(self, moment: str, weights: Weights, **more: Any) -> None:
        self._context.spool.write(
            "weights",
            model=self._number,
            moment=moment,
            after_step=self._context.guard.step,
            sha256=weights.sha256,
            num_values=weights.num_values,
            why=weights.why,
            **more,
        )


def unwrapped(module: Any) -> Any:
    """The module within what only hands on to it."""
    for _ in range(5):
        kind = type(module).__name__
        inner = None
        if kind in ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel"):
            inner = getattr(module, "module", None)
        elif kind == "OptimizedModule":
            inner = getattr(module, "_orig_mod", None)
        if inner is None:
            break
        module = inner
    return module


def described(top: Any, named: Any) -> dict[str, Any]:
    """What a model is."""
    module = unwrapped(top)
    config = getattr(module, "config", None)
    parameters = [parameter for _, parameter in named]
    types: Counter[str] = Counter()
    for parameter in parameters:
        types[str(parameter.dtype)[6:]] += parameter.numel()
    return {
        "class": None if module is None else type(module).__name__,
        "name_or_path": _text(getattr(config, "_name_or_path", None)),
        "num_parameters": sum(parameter.numel() for parameter in parameters),
        "num_trainable": sum(each.numel() for each in parameters if each.requires_grad),
        "dtypes": dict(sorted(types.items())),
        "devices": sorted({str(parameter.device) for parameter in parameters}),
        "config_sha256": _config_digest(config),
        "config": _config(config),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _config(config: Any) -> dict[str, Any] | None:
    to_dict = getattr(config, "to_dict", None)
    if to_dict is None:
        return None
    found: dict[str, Any] = json.loads(json.dumps(to_dict(), sort_keys=True, default=str))
    return found


def _config_digest(config: Any) -> str | None:
    found = _config(config)
    if found is None:
        return None
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
