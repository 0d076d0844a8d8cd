"""`evidence init`: an existing repository made ready."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Final

import click

from evidence.adopting.candidates import Candidate
from evidence.adopting.init import ID, Part, Plan, plan_of, write_plan
from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.options import root_option
from evidence.cli.say import echo, secho
from evidence.cli.streams import heard
from evidence.text import commands
from evidence.text.escape import visible

_MAX_LISTED: Final = 10
_RECORDED: Final = "R1"


@click.command()
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
@root_option
@json_option
@without_a_run()
def command(dry_run: bool, root: Path) -> None:
    """Make the repository here ready: a milestone of its training, git settings, a workflow, hooks.

    Finds the command that trains by the names of programs, scripts and targets, runs nothing, and
    asks nothing. A file that is there is left as it is, and the lines to add are shown.
    """
    plan = plan_of(root)
    if not dry_run:
        write_plan(plan)
        new = (plan.root / part.path for part in plan.parts if part.state == "new")
        tell(written=tuple(map(as_shown, new)))
    done = "nothing was written (--dry-run)" if dry_run else "the repository is ready"
    with heard(done):
        _say(plan, dry_run=dry_run)


def _say(plan: Plan, *, dry_run: bool) -> None:
    for part in plan.parts:
        _say_part(part, dry_run=dry_run)
    if not plan.candidates:
        echo("No program that trains was found by its name (train.py, finetune.py, make train).")
        echo(f"  any program: {commands.record(_RECORDED, ('python', 'PROGRAM.py'))}")
        echo(f"  or a milestone: {commands.evidence('new', ID)}")
        return
    first, *others = plan.candidates[:_MAX_LISTED]
    echo("Next")
    if plan.milestones:
        echo(f"  there are milestones: {visible(', '.join(plan.milestones[:_MAX_LISTED]))}")
        echo(f"  what could run here: {commands.evidence('doctor')}")
    else:
        echo(f"  run it: {commands.evidence('run', ID)}   (found: {_where(first)})")
        echo(f"  or once, without a milestone: {commands.record(_RECORDED, first.command)}")
    for one in others:
        said = commands.record(_RECORDED, one.command)
        echo(f"  it may train, too ({_where(one)}): {visible(said)}")


def _where(candidate: Candidate) -> str:
    place = visible(candidate.found_in)
    return place if candidate.line is None else f"{place}:{candidate.line}"


def _say_part(part: Part, *, dry_run: bool) -> None:
    if part.state == "there":
        echo(f"there      {part.path}")
        return
    if part.state == "add":
        secho(f"add        to {part.path}, which is left as it is: {part.why}", fg="yellow")
    else:
        secho(f"{'would be' if dry_run else 'wrote   '}   {part.path}", fg="green")
    echo(indent(visible(part.text.rstrip("\n")), "    "))
