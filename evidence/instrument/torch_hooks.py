"""PyTorch: puts the hooks into it when the program has imported it.

Responsible for which function of PyTorch leads to which part of the room. Public hook points first;
functions are replaced only where there is none, each by one that calls it with what it was given.
"""

from __future__ import annotations

import functools
import sys
import weakref
from typing import Any, Callable

from . import frameworks, held
from .arrival import Arrival, is_plain, is_within
from .compiled import leave_to_python
from .context import Context
from .evaluation import Evaluation
from .forwards import Calls, Forward, described, named_arguments
from .models import Models, unwrapped
from .modules import Modules
from .steps import Steps
from .targets import Targets
from .written import Writer

NEXT_TOKEN = ("ForCausalLM", "LMHeadModel")
MAX_PAD_ID = 2**31


def install(context: Context, torch: Any) -> None:
    """Hook PyTorch, which was imported."""
    if hasattr(torch, "optim"):
        Torch(context, torch).install()


class Marker:
    """What a compiled step leaves behind: a compiler replays the setting of an attribute."""

    stepped: Any = None


class Torch:
    """The hooks of this process, and what they share."""

    def __init__(self, context: Context, torch: Any) -> None:
        self.context = context
        self.torch = torch
        self.writer = Writer(context)
        self.steps = Steps(torch, self.writer.write)
        self.evaluation = Evaluation(context)
        self.targets = Targets(context, torch, self.steps, self.writer.agrees)
        hook = context.guard.hook
        self.calls = Calls(torch, hook("forward", self._entered))
        self.modules = Modules(torch, hook("modules", self.calls.watch, nested=True))
        self.models = Models(context, torch, self.modules)
        self._tokens: Any = weakref.WeakKeyDictionary()
        self._replaced: list[tuple[Any, str, Any]] = []
        self.before_first_step: list[Callable[[], None]] = []
        self._step_ran = 0
        self._watches_children = False
        self._marker = Marker()

    def install(self) -> None:
        """Put every hook in place."""
        self._say_framework()
        hook = self.context.guard.hook
        optimizer = sys.modules["torch.optim.optimizer"]
        before, after = hook("optimizer", self._before_step), hook("optimizer", self._after_step)
        compiling, marker = self.torch.compiler.is_compiling, self._marker

        def before_step(of: Any, args: Any, kwargs: Any) -> None:
            if not compiling():
                before(of)

        def after_step(of: Any, args: Any, kwargs: Any) -> None:
            if compiling():
                marker.stepped = of
            else:
                after(of)

        leave_to_python(self.torch, before_step)
        leave_to_python(self.torch, after_step)
        leave_to_python(self.torch, before, with_callees=True)
        optimizer.register_optimizer_step_pre_hook(before_step)
        optimizer.register_optimizer_step_post_hook(after_step)
        held.watch(self, optimizer.register_optimizer_step_post_hook)
        self._replaced += self.modules.install()
        unmarked = hook("optimizer", self._compiled_step)
        self.replace(self.torch.optim.lr_scheduler.LRScheduler, "step", lambda *_, **__: unmarked())
        self.replace(self.torch.autograd, "backward", hook("backward", self._backward))
        for name in ("cross_entropy", "nll_loss"):
            of = hook("loss function", functools.partial(self.targets.called, name))
            self.replace(self.torch.nn.functional, name, of)
        self._watch_norms()
        self._watch_scaler()
        self.context.at_end("steps", 10, self.end)
        self.context.after_fork(self._forked)
        frameworks.watch(self)

    def replace(
        self, owner: Any, name: str, before: Callable[..., None], after: Any = None
    ) -> None:
        """Put a function in place that tells us and then does what it did."""
        original = getattr(owner, name)
        compiling = self.torch.compiler.is_compiling

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            if compiling():
                return original(*args, **kwargs)
            before(*args, **kwargs)
            result = original(*args, **kwargs)
            if after is not None:
                after(result)
            return result

        leave_to_python(self.torch, replaced)
        setattr(owner, name, replaced)
        self.replaced(owner, name, replaced)

    def replaced(self, owner: Any, name: str, ours: Any) -> None:
        """A function was replaced by ours: at the end, see whether it still is."""
        self._replaced.append((owner, name, ours))

    def _say_framework(self) -> None:
        torch = self.torch
        started = torch.cuda.is_initialized()
        self.context.spool.write(
            "framework",
            name="torch",
            version=str(torch.__version__),
            device_count=torch.cuda.device_count() if started else None,
            device=torch.cuda.get_device_name() if started else None,
            num_threads=torch.get_num_threads(),
            cuda=torch.version.cuda,
        )

    def _compiled_step(self, rates_are_known: bool = True) -> None:
        """An optimizer stepped within what is compiled, and left its mark."""
        optimizer, self._marker.stepped = self._marker.stepped, None
        if optimizer is not None:
            if rates_are_known:
                self.steps.before_step(optimizer)
            if not self.models.is_known(optimizer):
                why = (
                    "the first step was within what is compiled: the weights before it are unknown"
                )
                self.context.spool.hold("unseen", what="weights", why=why)
            self._after_step(optimizer)

    def _backward(self, tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> None:
        self._compiled_step(rates_are_known=False)
        if not self.steps.is_fed() and not self._watches_children:
            self._watches_children = True
            self.modules.watch_children()
        self.steps.backward(tensors, grad_tensors)

    def _before_step(self, optimizer: Any) -> None:
        if not self._step_ran:
            self._say_framework()
            for action in self.before_first_step:
                action()
        self.steps.before_step(optimizer)
        self.models.before_step(optimizer)
        self.evaluation.training(self.steps.last_num)

    def _after_step(self, optimizer: Any) -> None:
        self._step_ran += 1
        self.steps.after_step(optimizer, self.models.tops_of(optimizer))
        self.context.guard.step = self.steps.last_num

    def _entered(self, module: Any, args: Any, kwargs: Any) -> None:
        """A model was called, from outside of any model."""
        if is_within(self.torch) or (module in self.modules.inner and self.steps.is_fed()):
            return
        self.fed(module, args, kwargs, module.training and self.torch.is_grad_enabled())

    def fed(self, module: Any, args: Any, kwargs: Any, trains: bool) -> None:
        """A batch goes into a model."""
        named = named_arguments(module, args, kwargs)
        found = described(named, "input_ids" in named or self._has_tokens(module))
        ids, first = found.get("ids"), found["first"]
        if not trains:
            self.models.evaluated(module)
            self.evaluation.forward(ids, first)
            return
        self.evaluation.training(self.steps.last_num)
        forward = Forward(id(module))
        batch = ids if ids is not None else first
        if batch is not None:
            forward.num_rows = batch.shape[0] if batch.dim() > 1 or ids is None else 1
        if ids is not None:
            inner = unwrapped(module)
            forward.num_fed = ids.numel()
            forward.pad_id = _pad_id(inner)
            forward.shifts = any(word in type(inner).__name__ for word in NEXT_TOKEN)
            names = ("ids", "labels", "mask", "positions")
            forward.fed = {name: Arrival(found[name]) for name in names if name in found}
        self.steps.forward(forward)

    def _has_tokens(self, module: Any) -> bool:
        if module not in self._tokens:
            kind = self.torch.nn.Embedding
            self._tokens[module] = any(isinstance(each, kind) for each in module.modules())
        return bool(self._tokens[module])

    def _watch_norms(self) -> None:
        utils = self.torch.nn.utils
        keep = self.context.guard.hook("gradient norm", self._norm)
        self.replace(utils, "clip_grad_norm_", lambda *args, **kwargs: None, keep)

    def _norm(self, norm: Any) -> None:
        if is_plain(norm) and norm.numel() == 1:
            self.steps.grad_norm = Arrival(norm.reshape(()))

    def _watch_scaler(self) -> None:
        scaler = self.torch.amp.grad_scaler.GradScaler
        hook = self.context.guard.hook
        scaled, stepped = hook("GradScaler", self._scaled), hook("GradScaler", self._scaler_stepped)
        original_scale, original_step = scaler.scale, scaler.step

        @functools.wraps(original_scale)
        def scale(self: Any, outputs: Any) -> Any:
            result = original_scale(self, outputs)
            scaled(outputs, result)
            return result

        torch = self

        @functools.wraps(original_step)
        def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            ran = torch._step_ran
            result = original_step(self, optimizer, *args, **kwargs)
            stepped(optimizer, ran)
            return result

        scaler.scale, scaler.step = scale, step
        self._replaced += [(scaler, "scale", scale), (scaler, "step", step)]

    def _scaled(self, outputs: Any, result: Any) -> None:
        if result is not outputs and hasattr(result, "dtype") and hasattr(outputs, "dtype"):
            self.steps.known_as(result, outputs)

    def _scaler_stepped(self, optimizer: Any, ran: int) -> None:
        if self._step_ran == ran:
            inner = getattr(optimizer, "optimizer", optimizer)
            self.steps.after_step(inner, self.models.tops_of(inner), skipped=True)
            self.context.guard.step = self.steps.last_num

    def _forked(self) -> None:
        """A child: nothing of the parent's training is its own."""
        self.__dict__.update(dict.fromkeys(("_step_ran",), 0))
        self.writer.__init__(self.context)  # type: ignore[misc]
        self.steps.__init__(self.torch, self.writer.write)  # type: ignore[misc]
        self.evaluation.__init__(self.context)  # type: ignore[misc]
        self.models.__init__(self.context, self.torch, self.modules)  # type: ignore[misc]
        self.targets.__init__(self.context, self.torch, self.steps, self.writer.agrees)  # type: ignore[misc]

    def end(self) -> None:
        """Everything that is said at the end."""
        self._compiled_step(rates_are_known=False)
        self.steps.end()
        self.evaluation.training(self.steps.last_num)
        self.writer.sequences.end()
        self.targets.end()
        self.models.end()
        self._say_replaced()
        self._say_unseen()
        self.context.ended = {
            "steps": self.steps.num_stepped,
            "skipped": self.steps.num_skipped,
            "num_backward": self.steps.num_backward,
        }

    def _say_replaced(self) -> None:
        for owner, name, ours in self._replaced:
            now = getattr(owner, name, None)
            if now is not ours:
                what = "{}.{}".format(getattr(owner, "__name__", "torch"), name)
                self.context.spool.hold("patched", what=what, by=_name_of(now))
        for name in self.calls.num_replaced():
            self.context.spool.hold("patched", what=name + ".__call__", by=None)

    def _say_unseen(self) -> None:
        hold, steps = self.context.spool.hold, self.steps
        if steps.num_backward and not steps.last_num:
            why = "backward was called {} times and no optimizer of torch was seen to step"
            hold("unseen", what="steps", why=why.format(steps.num_backward))
        elif steps.last_num and not steps.num_backward:
            hold("unseen", what="losses", why="backward was not called where it could be seen")
        if steps.last_num and "ids" not in self.writer.seen:
            hold("unseen", what="sequences", why="no ids were seen to enter the model in training")
        elif steps.last_num and "labels" not in self.writer.seen:
            why = "forward was called without labels and no loss function of torch was called"
            hold("unseen", what="labels", why=why)


def _name_of(function: Any) -> str | None:
    name = getattr(function, "__qualname__", None) or type(function).__name__
    return "{}.{}".format(getattr(function, "__module__", None) or "?", name)[:300]


def _pad_id(module: Any) -> int | None:
    pad = getattr(getattr(module, "config", None), "pad_token_id", None)
    return pad if isinstance(pad, int) and 0 <= pad < MAX_PAD_ID else None
