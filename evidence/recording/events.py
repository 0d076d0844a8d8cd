"""What the hooks of `evidence.instrument` may tell, one record an event.

Responsible for the form: a line of the spool is read into one of these, or refused. Unknown keys
are ignored, so that a newer set of hooks can tell more.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from msgspec import Struct, ValidationError, convert, field

from evidence.errors import MalformedError
from evidence.records.program import NotFinite

Real = float | int | NotFinite
E = TypeVar("E", bound="Event")


class Event(Struct, frozen=True):
    """A line of the spool."""

    t: float = 0.0
    """Monotonic seconds."""


class Process(Event, frozen=True):
    """A process begins."""

    pid: int = 0
    ppid: int = 0
    argv: tuple[str, ...] = ()
    executable: str = ""
    python: str = ""
    cwd: str = ""
    rank: int | None = None
    world_size: int | None = None
    forked: bool = False


class Framework(Event, frozen=True):
    """A framework as it is, and was at the first step."""

    name: str = ""
    version: str = ""
    device: str | None = None
    device_count: int | None = None
    num_threads: int | None = None
    cuda: str | None = None


class Library(Event, frozen=True):
    """A library was imported."""

    name: str = ""
    version: str = ""


class Opened(Event, frozen=True):
    """A file was opened."""

    path: str = ""
    mode: str = "read"
    how: str = ""
    size_bytes: int | None = None
    mtime_ns: int | None = None


class Step(Event, frozen=True):
    """An optimizer stepped, or was kept from it."""

    optimizer: int = 0
    num: int = 0
    loss: Real | None = None
    loss_rule: str = ""
    losses: tuple[Real, ...] | None = None
    num_losses: int = 0
    learning_rates: tuple[float, ...] = ()
    grad_norm: Real | None = None
    num_rows: int | None = None
    num_tokens: int | None = None
    num_fed_tokens: int | None = None
    num_target_tokens: int | None = None
    num_targets: int | None = None
    shared_with: int | None = None
    skipped: bool = False
    epoch: float | None = None


class Logged(Event, frozen=True):
    """A framework's own callback got these values to log."""

    by: str = ""
    step: int = 0
    values: dict[str, Any] = field(default_factory=dict)


class Row(Struct, frozen=True):
    """A row of a batch."""

    ids: tuple[int, ...] = ()
    labels: tuple[int, ...] | None = None


class Batch(Event, frozen=True):
    """A forward pass of the sample."""

    step: int = 0
    forward: int = 0
    rows: tuple[Row, ...] = ()


class Sequence(Event, frozen=True):
    """A sequence that was not fed before."""

    ids: tuple[int, ...] = ()
    labels: tuple[int, ...] | None = None


class Sequences(Event, frozen=True):
    """How many there were."""

    num_fed: int = 0
    complete: bool = True
    why: str = ""


class Tokenizer(Event, frozen=True):
    """A tokenizer that was used."""

    name: str = field(default="", name="class")
    name_or_path: str = ""
    vocab_size: int | None = None
    pad_id: int | None = None
    eos_id: int | None = None
    bos_id: int | None = None
    file: str | None = None
    pieces: dict[str, str] | None = None
    chat_template_sha256: str | None = None


class Model(Event, frozen=True):
    """A model whose parameters an optimizer holds."""

    name: str = field(default="", name="class")
    name_or_path: str = ""
    model: int = 0
    num_parameters: int = 0
    num_trainable: int = 0
    dtypes: dict[str, int] = field(default_factory=dict)
    devices: tuple[str, ...] = ()


class Weights(Event, frozen=True):
    """The numbers of that model: before the first step, after the last, or when first evaluated."""

    moment: str = ""
    model: int = 0
    sha256: str | None = None
    num_changed: int | None = None
    num_compared: int | None = None
    sampled: bool = False
    why: str | None = None


class LossCalls(Event, frozen=True):
    """A loss function was called."""

    name: str = ""
    ignore_index: int | None = None
    reduction: str = ""
    num_calls: int = 0


class Evaluated(Event, frozen=True):
    """Forward passes without training."""

    after_step: int = 0
    num_forwards: int = 0
    num_rows: int | None = None
    num_tokens: int | None = None


class Reported(Event, frozen=True):
    """A value that the program tells."""

    what: str = "metric"
    name: str = ""
    value: Real | str = ""
    unit: str = ""
    step: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """Of a step: each name with its value."""
    path: str = ""
    refused: str = ""


class MemoryPeak(Event, frozen=True):
    """The most memory that the process had."""

    max_rss_bytes: int | None = None
    cuda_max_allocated_bytes: int | None = None


class Failed(Event, frozen=True):
    """A hook failed, and stopped."""

    hook: str = ""
    why: str = ""
    from_step: int | None = None


class Unseen(Event, frozen=True):
    """Something that the hooks cannot see."""

    what: str = ""
    why: str = ""


class Patched(Event, frozen=True):
    """A hooked function is another one by now."""

    what: str = ""
    by: str = ""


class End(Event, frozen=True):
    """The process ends."""

    how: str = "exit"
    steps: int = 0


KINDS: Final[dict[str, type[Event]]] = {
    "process": Process,
    "framework": Framework,
    "library": Library,
    "opened": Opened,
    "step": Step,
    "logged": Logged,
    "batch": Batch,
    "sequence": Sequence,
    "sequences": Sequences,
    "tokenizer": Tokenizer,
    "model": Model,
    "weights": Weights,
    "loss-function": LossCalls,
    "evaluated": Evaluated,
    "reported": Reported,
    "memory": MemoryPeak,
    "hook-failed": Failed,
    "unseen": Unseen,
    "patched": Patched,
    "end": End,
}


def read(event: dict[str, Any]) -> Event:
    """The record of an event. Raises MalformedError."""
    kind = KINDS.get(event["event"])
    if kind is None:
        raise MalformedError(f"unknown event {event['event'][:40]!r}")
    try:
        return convert({key: one for key, one in event.items() if one is not None}, kind)
    except ValidationError as error:
        raise MalformedError(f"{event['event']}: {error}") from error
