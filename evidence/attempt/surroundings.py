"""What a stage needs besides its job: the run that it is part of.

Responsible for the form only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import field

from evidence.attempt.early import EarlyWorker
from evidence.attempt.lead import Lead
from evidence.pack.journal import Journal
from evidence.progress import Observer
from evidence.records.parents import ParentPackRecord
from evidence.records.record import Record
from evidence.redact.privacy import Privacy
from evidence.system.durable import Written


class Surroundings(Record):
    """What a stage needs besides its job."""

    journal: Journal
    observer: Observer
    stop_level: Callable[[], int]
    """0: go on; 1: stop at the next step; 2: stop now."""
    environment: Mapping[str, str]
    run_stage: str
    """`module:function` of the backend."""
    interpreter: str
    """The Python of the workers."""
    started_s: float
    """Monotonic seconds when the run began; telemetry counts from it."""
    data_sha256: Mapping[str, str]
    """Digests that the supervisor saw; the worker must have read the same bytes."""
    changed_data: Callable[[], Iterable[str]]
    changed_models: Callable[[], Iterable[str]]
    """Each file of data, or of models and tokenizers, that is another one by now than when the run
    began, in a sentence."""
    parents: tuple[ParentPackRecord, ...]
    """Checkpoints of other packs that the run begins from; a worker loads those files."""
    changed_parents: Callable[[], Iterable[str]]
    """The same of them as of the other inputs."""
    keep: Callable[[Mapping[Path, Written]], None]
    """Called where what is written so far has begun to count: a later process relies on it."""
    lead: Lead | None = None
    """Speaks with the other processes, where a launcher started several for this run."""
    early: EarlyWorker | None = None
    """The worker of the next stage, which may import its framework already."""
    interrupted: Callable[[], bool] = lambda: False
    """Whether it was Ctrl-C that asked to stop."""
    kept_steps: tuple[int, ...] = ()
    """Steps of the training whose checkpoint is not removed for later ones."""
    privacy: Privacy = field(default_factory=Privacy)
    """What is cut out of logs and messages."""
