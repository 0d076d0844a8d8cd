"""`evidence record`: a program as it is, and the pack that it leaves."""

from __future__ import annotations

import os
from pathlib import Path

import click

from evidence import layout
from evidence.cli.answer import json_option
from evidence.cli.options import root_option, runs_option
from evidence.cli.progress import observer
from evidence.cli.run import report
from evidence.errors import UsageError
from evidence.milestone.recorded import Recording, written
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.text import commands


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("name", metavar="ID")
@click.argument("program", metavar="-- PROGRAM [WORD]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--data", metavar="FILE", multiple=True, help="A data file that it trains on.")
@click.option(
    "--answer", metavar="FIELD", multiple=True, help="A field of --data that must be learned."
)
@click.option("--collect", metavar="PATTERN", multiple=True, help="Files to keep in the pack.")
@click.option("--frozen", metavar="PATTERN", multiple=True, help="Files it must not change.")
@click.option("--timeout", metavar="SECONDS", type=click.IntRange(1), help="End it after so long.")
@click.option("--resume", is_flag=True, help="Go on with a recording that was killed or stopped.")
@click.option("--close", is_flag=True, help="Seal such a recording as failed.")
@click.option("--again", is_flag=True, help="Archive the sealed pack, record anew.")
@root_option
@runs_option
@json_option
def command(
    name: str,
    program: tuple[str, ...],
    data: tuple[str, ...],
    answer: tuple[str, ...],
    collect: tuple[str, ...],
    frozen: tuple[str, ...],
    timeout: int | None,
    resume: bool,
    close: bool,
    again: bool,
    root: Path,
    runs: Path | None,
) -> None:
    """Run PROGRAM as it is and leave a sealed evidence pack in runs/ID.

    What it prints is shown and kept. Hooks in its own Python processes record optimizer steps,
    what the model was fed and learned, its weights' digests and the files that it read; they
    change no number. Exit codes are those of `evidence run`.
    """
    recovering = resume or close
    anew = again and not program
    _refuse(name, program, bool(answer and not data), root, recovering=recovering, anew=anew)
    asked = Recording(
        id=name,
        command=program,
        cwd=os.path.relpath(Path.cwd(), root.resolve()),
        data=tuple((os.path.relpath(one, root.resolve()), answer) for one in data),
        collect=collect,
        frozen=frozen,
        timeout_s=timeout,
    )
    options = RunOptions(
        root=root.resolve(),
        runs=(runs or root / "runs").resolve(),
        again=again,
        resume=resume,
        close=close,
        written=None if recovering or anew else written(asked),
    )
    with StopRequest() as stop:
        result = run_milestone(name, options, observer(), stop)
    report(result)


def _refuse(
    name: str,
    program: tuple[str, ...],
    is_lonely: bool,
    root: Path,
    *,
    recovering: bool,
    anew: bool,
) -> None:
    """`is_lonely`: an answer without data. `anew`: what the sealed pack recorded."""
    if recovering and program:
        raise UsageError(
            "--resume and --close take no program: the recording knows its own",
            hint=f"Type: {commands.evidence('record', name, '--resume')}",
        )
    if not recovering and not anew and not any(program[:1]):
        raise UsageError(
            "there is no program to record",
            hint="Give it after two dashes: " + commands.record(name, ("python", "train.py")),
        )
    if is_lonely:
        raise UsageError("--answer names fields of a data file", hint="Add --data FILE.")
    path = layout.milestone_file(root, name)
    if not recovering and path.exists():
        raise UsageError(
            f"there is a milestone of this name: {path}",
            hint=f"Run it: {commands.evidence('run', name)}; or record under another name.",
        )
