"""`evidence reproduce PACK --steps 1:N`: what was asked, and what came of it, in words."""

from __future__ import annotations

import re
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

_STEPS: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")


def last_step(text: str) -> int:
    """The last of the steps asked for. Raises UsageError for what is no range from step 1 on."""
    found = _STEPS.fullmatch(text)
    first, last = (int(one) for one in found.groups()) if found else (0, 0)
    if not found or first < 1 or last < first:
        raise UsageError(
            f"{text!r} names no steps", hint="Say the first and the last one: --steps 1:3"
        )
    if first > 1:
        raise UsageError(
            f"no pack keeps the weights before step {first}, so steps are replayed from 1 on",
            hint=f"--steps 1:{last} replays those before it too.",
        )
    return last


def replay_steps(pack: Path, project: Path, text: str) -> None:
    """Replay, say what came of it, and exit."""
    last = last_step(text)
    with StopRequest() as stop:
        found = replay(pack, project, last, observer(), stop)
    tell(status=found.closeness, pack=as_shown(pack))
    for line, colour in told(found):
        secho(visible(line), fg=colour, bold=True) if colour else echo(visible(line))
    raise click.exceptions.Exit(int(found.exit_code))


def told(found: Replay) -> list[tuple[str, str]]:
    """The verdict in lines, each with its colour."""
    count = f"{found.num_steps} of {found.total_steps} steps"
    if found.closeness == "otherwise":
        lines = [(f"NOT REPLAYED  {count}: {found.reason}", "red")]
    elif found.closeness == "rounding":
        apart = f"losses apart by {found.largest_difference:.1e} at most"
        lines = [(f"REPLAYED  {count} within rounding, {apart}", "green")]
    elif found.same_weights and found.weights_step == found.num_steps:
        lines = [(f"REPLAYED  {count} to the same losses and the same weights", "green")]
    else:
        lines = [(f"REPLAYED  {count} to the same losses", "green")]
    if found.weights_step is None:
        text = "  weights      not compared: the record has no checkpoint within these steps"
    else:
        same = "the same" if found.same_weights else "other bytes"
        text = f"  weights      after step {found.weights_step}: {same}"
    later = f"  not shown    anything of the {found.total_steps - found.num_steps} later steps"
    return [*lines, (text, ""), (later, "")]
