"""`evidence init --try`: which program is tried, and what is said of it.

Responsible for the words around the table, and for the exit code: 0 where both steps were seen, 4
where fewer were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from evidence import layout
from evidence.adopting import shown
from evidence.adopting.copied import Copy, copy_into, scratch_folder
from evidence.adopting.init import Plan
from evidence.adopting.told import TrialRecord, TriedField, TriedPart, TriedText
from evidence.adopting.trial import NUM_STEPS, Asked, Tried, try_out
from evidence.cli.answer import tell
from evidence.cli.say import echo, secho
from evidence.cli.streams import heard
from evidence.errors import ExitCode, StoppedError, UsageError
from evidence.milestone.parse import load_milestone
from evidence.records.record import Record
from evidence.render.program import examples
from evidence.running.signals import StopRequest
from evidence.stages.command import COMMAND
from evidence.text import commands
from evidence.text.escape import visible


class Program(Record):
    """What is to be tried, and from which folder of the repository."""

    command: tuple[str, ...]
    cwd: str = "."


def try_program(plan: Plan, given: tuple[str, ...], timeout_s: int, *, in_place: bool) -> None:
    """Run a program for two steps and show what its model was fed.

    Raises click's Exit with 4 where fewer steps were seen, StoppedError when asked to stop.
    """
    program = Program(given) if given else _found(plan)
    with StopRequest() as stop, scratch_folder() as folder:

        def should_stop() -> bool:
            return stop.asked > 0

        copy = None if in_place else copy_into(folder, plan.root, should_stop)
        _say_beginning(program, copy, timeout_s)
        asked = Asked(
            command=program.command,
            cwd=program.cwd,
            root=plan.root.resolve() if copy is None else copy.root,
            scratch=folder,
            timeout_s=timeout_s,
            original=plan.root,
        )
        tried = try_out(asked, should_stop)
    tell(tried=_record(tried))
    with heard(shown.ending(tried)):
        _say(tried)
    if tried.outcome == "stopped":
        text = "stopped, as asked; the program was ended, and nothing of it is left"
        raise StoppedError(text, by_sigterm=stop.by_sigterm)
    if tried.num_steps < NUM_STEPS:
        raise click.exceptions.Exit(int(ExitCode.UNFINISHED))


def _found(plan: Plan) -> Program:
    """The command of a milestone, into which its author may have put arguments; else the likeliest
    of those that were found."""
    for name in plan.milestones:
        milestone, _ = load_milestone(layout.milestone_file(plan.root, name))
        settings = milestone.stages.get(COMMAND.name)
        if settings is not None:
            return Program(tuple(map(str, settings["run"])), str(settings.get("cwd", ".")))
    if not plan.candidates:
        raise UsageError(
            "there is no program to try: none that trains was found by its name",
            hint=f"Name it: {_typed('python', 'PROGRAM.py')}",
        )
    return Program(plan.candidates[0].command)


def _typed(*program: str) -> str:
    return f"{commands.evidence('init', '--try')} -- {visible(' '.join(program))}"


def _say_beginning(program: Program, copy: Copy | None, timeout_s: int) -> None:
    with _on_stderr():
        words = visible(" ".join(program.command))
        echo(f"Trying {words} for {NUM_STEPS} optimizer steps, {timeout_s} s at most.", err=True)
        for line in shown.where(copy):
            echo(line, err=True)
        echo("Its output is not shown. Ctrl-C ends it.", err=True)


@contextmanager
def _on_stderr() -> Iterator[None]:
    """What is said while there is nothing to show yet; nobody need hear it."""
    try:
        yield
    except OSError:
        return


def _say(tried: Tried) -> None:
    has_steps = tried.num_steps > 0
    echo("")
    secho(shown.ending(tried), fg="green" if tried.num_steps >= NUM_STEPS else "yellow")
    if tried.outcome in ("failed", "too-long") or not has_steps:
        _say_why(tried)
    if has_steps:
        echo("")
        secho("What the model saw", bold=True)
        for line in shown.what_the_model_saw(tried):
            echo(line)
        for line in shown.conclusions(tried):
            secho(line, fg="yellow")
    lacks = shown.unseen(tried)
    if lacks:
        echo("Not seen")
        for line in lacks:
            echo(f"  {line}")
    echo("")
    echo(shown.PROVES_NOT if has_steps else shown.CANNOT_SEE)


def _say_why(tried: Tried) -> None:
    if tried.last_lines:
        echo("  the end of what it printed:")
        for line in tried.last_lines:
            echo(f"    {visible(line)}")
    if tried.outcome == "too-long":
        echo(f"  More time: {commands.evidence('init', '--try', '--timeout', 'SECONDS')}")
        return
    if tried.has_asked_for_input:
        echo("  It asked for input, and a trial reads nothing from a terminal.")
    program = (*tried.command, "ARGUMENTS") if tried.outcome == "failed" else ("PROGRAM",)
    echo(f"  With other words: {_typed(*program)}")


def _record(tried: Tried) -> TrialRecord:
    seen = tried.seen
    return TrialRecord(
        program=tuple(map(visible, tried.command)),
        outcome=tried.outcome,
        num_steps=tried.num_steps,
        num_rows=seen.num_rows,
        num_tokens=seen.num_tokens,
        num_target_tokens=seen.num_target_tokens,
        num_sequences=seen.num_sequences,
        num_end_tokens_learned=seen.num_with_eos_in_target,
        fields=tuple(
            TriedField(
                visible(data.path),
                visible(one.field),
                one.num_rows_in_sequence,
                one.num_rows_in_target,
            )
            for data in seen.data
            if data.num_rows_found
            for one in data.fields
        ),
        texts=tuple(
            TriedText(
                one.caption,
                tuple(
                    TriedPart(text, carries_loss)
                    for _, block in one.parts
                    for text, carries_loss in shown.parts_of(block)
                ),
            )
            for one in examples(seen)
        ),
        not_seen=shown.unseen(tried),
    )
