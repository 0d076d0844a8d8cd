"""`evidence run`: arguments in, use case, where the pack is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from msgspec.structs import replace

from evidence import layout
from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.done import GateOutcome, Lack
from evidence.cli.options import root_option, runs_option
from evidence.cli.progress import observer
from evidence.cli.report import COLOURS, print_outcome, print_problems
from evidence.cli.say import echo, secho
from evidence.cli.streams import heard
from evidence.errors import ExitCode, UsageError
from evidence.milestone.effective import overrides_in
from evidence.milestone.overrides import options, read_settings
from evidence.milestone.parse import parse_milestone
from evidence.milestone.recorded import command_of, to_run_anew
from evidence.records.run import GateResult
from evidence.running.following import follow
from evidence.running.launching import Launched, launched_in
from evidence.running.leading import folder_of, leading
from evidence.running.run import RunOptions, RunResult, run_milestone
from evidence.running.signals import StopRequest
from evidence.text import commands, endings, formatting
from evidence.text.escape import visible

SHOWN_LINES: Final = 8
"""Of the log of an attempt that did not complete."""


@click.command()
@click.argument("milestone")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.option("--attempt", metavar="NAME", help="Run only this attempt (also a manual one).")
@click.option("--resume", is_flag=True, help="Go on with a run that was killed or stopped.")
@click.option("--close", is_flag=True, help="Seal such a run as failed, with what there is.")
@click.option("--again", is_flag=True, help="Archive the sealed pack and start anew.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Take another value of the milestone for this run, as train.seed=7; may be repeated.",
)
@root_option
@runs_option
@json_option
def command(
    milestone: str,
    words: tuple[str, ...],
    attempt: str | None,
    resume: bool,
    close: bool,
    again: bool,
    settings: tuple[str, ...],
    root: Path,
    runs: Path | None,
) -> None:
    """Run milestones/MILESTONE.toml and leave a sealed evidence pack.

    Exit 0: complete and every required gate met. 4: failed, stopped or a required gate not met;
    the evidence says why. 1: the sealed pack does not verify. 2: nothing was started. 75: another
    run holds this pack.

    The pack of a failed run, closed or not, holds no weights. What its trainings (or stages) saved
    at their end is kept in runs/.work/.weights, and where is said; checkpoints are removed.

    --set: KEY is a dotted path in the milestone, with entries of [[attempt]], [[gate]] and the
    like by their name (attempt.stand-in.train.seed). VALUE is TOML; what is none is a string, and a
    string that looks like a number is quoted: --set 'train.data="7"'. The pack keeps both values.
    """
    if words:
        raise UsageError(
            "`evidence run` takes one milestone, and no program",
            hint="Record a program as it is: " + commands.record("R1", (milestone, *words)),
        )
    options = RunOptions(
        root=root.resolve(),
        runs=(runs or root / "runs").resolve(),
        again=again,
        attempt=attempt,
        resume=resume,
        close=close,
        settings=read_settings(settings),
    )
    launched = launched_in(os.environ)
    if launched is not None:
        _launched(launched, milestone, options)
        return
    with StopRequest() as stop:
        result = run_milestone(milestone, options, observer(), stop)
    report(result)


def _launched(launched: Launched, milestone: str, options: RunOptions) -> None:
    """One of several processes: the first makes the run, the others start workers for it."""
    folder = folder_of(launched, options.runs, milestone)
    if not launched.is_first:
        with StopRequest() as stop:
            over = follow(launched, folder, options.root, stop)
        line = f"rank {launched.rank} of {launched.world}: as rank 0: {over.line}"
        echo(visible(line), err=bool(over.exit_code))
        if over.exit_code:
            raise click.exceptions.Exit(over.exit_code)
        return
    with StopRequest() as stop, leading(launched, folder) as lead:
        result = run_milestone(milestone, replace(options, lead=lead), observer(), stop)
        lead.end(int(result.exit_code), f"{result.status}: {result.pack}")
    report(result)


def report(result: RunResult) -> None:
    """Say how a run ended. Raises click's Exit with its exit code."""
    _tell(result)
    with heard(f"{result.status}: {_shown(result.pack)}"):
        _report(result)
    if result.exit_code:
        raise click.exceptions.Exit(int(result.exit_code))


def _tell(result: RunResult) -> None:
    gates = (GateOutcome(one.name, one.required, one.outcome, one.reason) for one in result.gates)
    lacks = (
        Lack(result.milestone, outcome.name, what, remedy)
        for outcome in result.outcomes
        for what, remedy in zip(outcome.missing, outcome.remedies, strict=True)
    )
    tell(
        status=result.status,
        verdict=result.report.verdict,
        pack=as_shown(result.pack),
        root_sha256=result.root_sha256,
        written=(as_shown(result.summary),),
        gates=tuple(gates),
        missing=tuple(lacks),
    )


def _report(result: RunResult) -> None:
    pack = _shown(result.pack)
    for record in result.outcomes:
        ending = endings.of_attempt(replace(record, reason="") if record.missing else record)
        echo(visible(f"{ending}:" if record.missing else ending))
        for line in record.last_lines[-SHOWN_LINES:]:
            echo(f"    {visible(line)}")
        for missing, remedy in zip(record.missing, record.remedies, strict=True):
            echo(f"    {missing}\n      → {remedy}")
    if result.attempt is not None:
        note = " (a stand-in: says nothing about the real model)" if result.stand_in else ""
        echo(f"attempt {result.attempt}: completed{note}")
    for gate in result.gates:
        weight = "required" if gate.required else "advisory"
        echo(visible(f"gate {gate.outcome} ({weight}): {gate.name}"))
    if result.status == "complete" and result.exit_code == ExitCode.UNFINISHED:
        _say_open_gates(result.gates)
    colour = "green" if result.exit_code == ExitCode.DONE else "yellow"
    headline = result.status.upper()
    if not result.intact:
        colour, headline = COLOURS[result.report.verdict], result.report.verdict
        print_problems(result.report)
    echo("")
    secho(f"{headline}  {pack}", fg=colour, bold=True)
    echo(f"  root digest  sha256:{result.root_sha256}")
    echo(f"  summary      {_shown(result.summary)}")
    echo(f"  check it     {commands.evidence('verify', pack)}")
    if result.status != "complete":
        echo(f"  run anew     {_anew(result)}")
    print_outcome(result.report)


def _say_open_gates(gates: Sequence[GateResult]) -> None:
    """Which gates keep a complete run from exit 0, and by what."""
    parted = endings.by_openness(gates)
    num_required = formatting.plural(sum(gate.required for gate in gates), "required gate")
    counted = [f"{len(some)} of {num_required} {what}" for what, some in parted]
    echo(f"the run is complete, but {' and '.join(counted)} (exit 4):")
    for what, some in parted:
        unchecked = "" if what == "not met" else f"{what}: "
        for gate in some:
            echo(visible(f"    {gate.name}: {unchecked}{endings.measured(gate)}"))


def _anew(result: RunResult) -> str:
    milestone = parse_milestone((result.pack / layout.MILESTONE).read_bytes())
    if command_of(milestone) is not None:
        return to_run_anew(milestone)
    return commands.run(result.milestone, result.pack.parent, "--again", *_set_again(result.pack))


def _set_again(pack: Path) -> tuple[str, ...]:
    path = pack / layout.OVERRIDES
    found = overrides_in(path.read_bytes()) if path.exists() else ()
    return options(found)


def _shown(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
