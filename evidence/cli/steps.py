"""`evidence reproduce PACK --steps FROM:TO`: what was asked, and what came of it, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from evidence.cli.answer import as_shown, tell
from evidence.cli.progress import observer
from evidence.cli.say import echo, secho
from evidence.errors import UsageError
from evidence.reproduce.steps import Replay, replay
from evidence.running.signals import StopRequest
from evidence.text.escape import visible
from evidence.text.formatting import plural

_STEPS: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")


def steps_of(text: str) -> tuple[int, int]:
    """The step whose checkpoint is begun from (0: the base model), and the last step.

    1 is the first step; any other number names a checkpoint. Raises UsageError for what is none.
    """
    found = _STEPS.fullmatch(text)
    first, last = (int(one) for one in found.groups()) if found else (0, 0)
    begin = 0 if first == 1 else first
    if not found or first < 1 or last <= begin:
        raise UsageError(
            f"{text!r} names no steps",
            hint="The first three: --steps 1:3\n"
            "  The three after the checkpoint that was kept of step 100: --steps 100:103",
        )
    return begin, last


def replay_steps(pack: Path, project: Path, text: str) -> None:
    """Replay, say what came of it, and exit."""
    steps = steps_of(text)
    with StopRequest() as stop:
        found = replay(pack, project, steps, observer(), stop)
    tell(status=found.closeness, pack=as_shown(pack))
    for line, colour in told(found):
        secho(visible(line), fg=colour, bold=True) if colour else echo(visible(line))
    raise click.exceptions.Exit(int(found.exit_code))


def told(found: Replay) -> list[tuple[str, str]]:
    """The verdict in lines, each with its colour."""
    count = f"{found.num_steps} of {plural(found.total_steps, 'step')}"
    if found.begins_after and found.num_steps:
        count += f" ({found.begins_after + 1} to {found.last})"
    if found.closeness == "otherwise":
        lines = [(f"NOT REPLAYED  {count}: {found.reason}", "red")]
    elif found.closeness == "rounding":
        apart = f"losses apart by {found.largest_difference:.1e} at most"
        lines = [(f"REPLAYED  {count} within rounding, {apart}", "green")]
    elif found.same_weights and found.weights_step == found.last:
        lines = [(f"REPLAYED  {count} to the same losses and the same weights", "green")]
    else:
        lines = [(f"REPLAYED  {count} to the same losses", "green")]
    return [*lines, *((text, "") for text in _facts(found))]


def _facts(found: Replay) -> Iterator[str]:
    """What it began from, how the weights compare, and what nothing of it shows."""
    if found.begins_after:
        yield (
            f"  begun from   the checkpoint after step {found.begins_after}, "
            "each file with its digest in the journal"
        )
    if found.weights_step is None:
        yield "  weights      not compared: the record has no checkpoint within these steps"
    else:
        same = "the same" if found.same_weights else "other bytes"
        is_final = found.weights_step == found.total_steps
        what = "the final model: " if is_final else ""
        yield f"  weights      after step {found.weights_step}: {what}{same}"
    if found.begins_after:
        yield f"  not shown    that the first {found.begins_after} steps led to this checkpoint"
        if found.num_after:
            yield f"               anything of the {found.num_after} later steps"
    else:
        yield f"  not shown    anything of the {found.total_steps - found.num_steps} later steps"
