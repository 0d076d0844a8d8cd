"""done.v1: the document of commands that have none of their own, and of every one that failed.

Responsible for its form alone. What goes into it is gathered by `answer`, which `--help` loads too,
and so without records.
"""

from __future__ import annotations

from typing import Literal

from evidence.adopting.told import TrialRecord
from evidence.records.record import Record


class Problem(Record):
    """An error, as it is told on stderr."""

    message: str
    hint: str
    """What to do next; may be empty."""
    place: str
    """File and line, or address; empty where the message alone knows."""


class GateOutcome(Record):
    """A gate of the run, as it came out."""

    name: str
    required: bool
    outcome: Literal["met", "not-met", "skipped", "not-checked"]
    reason: str


class Lack(Record):
    """Something that an attempt lacks on this machine."""

    milestone: str
    attempt: str
    what: str
    remedy: str


class Done(Record):
    """done.v1: what came of a command."""

    schema: Literal["done.v1"]
    command: str
    exit_code: int
    status: str | None = None
    """Of the run that the pack is of; of `reproduce`, how close it came."""
    verdict: str | None = None
    """Of verify, on the pack as the command left it."""
    pack: str | None = None
    root_sha256: str | None = None
    written: tuple[str, ...] = ()
    """Files and folders that the command made or changed, the pack aside."""
    gates: tuple[GateOutcome, ...] = ()
    missing: tuple[Lack, ...] = ()
    tried: TrialRecord | None = None
    """Of `init --try`."""
    messages: tuple[str, ...] = ()
    """The lines that it prints where no JSON is asked for."""
    errors: tuple[Problem, ...] = ()
