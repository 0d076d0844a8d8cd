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
from evidence.errors import UsageError
from evidence.text import commands
from evidence.text.escape import visible

_MAX_LISTED: Final = 10
_RECORDED: Final = "R1"
TIMEOUT_S: Final = 300
"""Of a trial: weights of some gigabytes are loaded in that time."""


@click.command()
@click.argument("program", metavar="[-- PROGRAM [WORD]...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
@click.option(
    "--try",
    "is_tried",
    is_flag=True,
    help="Then run it for two optimizer steps, in a copy, and show what its model saw.",
)
@click.option("--in-place", is_flag=True, help="Try it in the repository itself, not in a copy.")
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=click.IntRange(1),
    default=TIMEOUT_S,
    show_default=True,
    help="End a trial that has made no two steps after so long.",
)
@root_option
@json_option
@without_a_run()
def command(
    program: tuple[str, ...],
    dry_run: bool,
    is_tried: bool,
    in_place: bool,
    timeout_s: int,
    root: Path,
) -> None:
    """Make the repository here ready: a milestone of its training, git settings, a workflow, hooks.

    Finds the command that trains by the names of programs, scripts and targets, runs nothing
    unless --try says so, and asks nothing. A file that is there is left as it is, and the lines to
    add are shown.

    --try runs PROGRAM, or what was found, and ends it after its second step. Exit 0: both steps
    were seen; 4: fewer, with the reason.
    """
    if not is_tried and (program or in_place):
        raise UsageError(
            "nothing is run unless --try says so",
            hint=f"Type: {commands.evidence('init', '--try')} -- python train.py",
        )
    plan = plan_of(root)
    if not dry_run:
        write_plan(plan)
        new = (plan.root / part.path for part in plan.parts if part.state == "new")
        tell(written=tuple(map(as_shown, new)))
    done = "nothing was written (--dry-run)" if dry_run else "the repository is ready"
    with heard(done):
        _say(plan, dry_run=dry_run)
        if plan.candidates and not is_tried:
            tried = commands.evidence("init", "--try")
            echo(f"  what the model would see, from two steps in a copy: {tried}")
    if is_tried:
        from evidence.cli.trying import try_program  # what it needs, init alone does not

        try_program(plan, program, timeout_s, in_place=in_place)


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
