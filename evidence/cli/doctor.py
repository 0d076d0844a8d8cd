"""`evidence doctor`: what could run here and what is missing, before anything is begun."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import indent
from typing import Final

import click

from evidence.capture.driver import NO_DRIVER, is_certain, remedy_for
from evidence.cli.answer import json_option, of_error, tell
from evidence.cli.done import Lack
from evidence.cli.options import root_option, runs_option
from evidence.cli.say import echo, secho
from evidence.errors import ExitCode
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.rules.devices import untried
from evidence.running.doctor import (
    Diagnosis,
    Machine,
    Prospect,
    diagnose,
    examine_machine,
    find_milestones,
)
from evidence.running.jax_path import JaxPath
from evidence.text import formatting
from evidence.text.escape import visible
from evidence.worker.visible import first_device

PACK_STATES: Final = {
    "none": "",
    "sealed": "its pack is sealed: a new run needs `evidence run {id} --again`",
    "unfinished": "a run of it is unfinished: `evidence run {id} --resume` (or --close)",
}


@click.command()
@click.argument("milestones", nargs=-1, metavar="[MILESTONE]...")
@root_option
@runs_option
@json_option
def command(milestones: tuple[str, ...], root: Path, runs: Path | None) -> None:
    """Say what could run here and what is missing. Starts nothing, writes nothing.

    Without MILESTONE: every one in milestones/, in short. Exit 2: one of them is not valid; 4: a
    MILESTONE that you name has no attempt that can run on this machine.
    """
    ids = milestones or tuple(find_milestones(root))
    machine = examine_machine(root.resolve())
    _print_machine(machine)
    folder = (runs or root / "runs").resolve()
    found = [diagnose(root.resolve(), folder, one, machine.hardware) for one in ids]
    for diagnosis in found:
        _print_diagnosis(diagnosis, in_full=bool(milestones))
    _tell(found)
    if any(one.problem for one in found):
        raise click.exceptions.Exit(int(ExitCode.USAGE))
    if milestones and not all(one.first for one in found):
        raise click.exceptions.Exit(int(ExitCode.UNFINISHED))


def _tell(found: list[Diagnosis]) -> None:
    lacks = (
        Lack(diagnosis.milestone, prospect.plan.name, what, remedy)
        for diagnosis in found
        for prospect in diagnosis.prospects
        for what, remedy in prospect.missing
    )
    tell(missing=tuple(lacks))
    for problem in filter(None, (one.problem for one in found)):
        of_error(problem)


def _print_machine(machine: Machine) -> None:
    hardware, git = machine.hardware, machine.repository
    cpu = hardware.cpu
    _fact("processor", f"{_measured(cpu.model)}, {_measured(cpu.num_usable_cores)} usable cores")
    _fact("memory", _size(hardware.memory_bytes))
    _fact("disk", f"{_size(hardware.disk_free_bytes)} free")
    if isinstance(hardware.gpus, Unavailable):
        _fact("GPU", _unseen(hardware.gpus.reason))
    elif not hardware.gpus:
        _fact("GPU", "none: a driver is there, but it reports no GPU")
        _fact("driver", _measured(hardware.driver_version))
    else:
        for gpu in hardware.gpus:
            _fact("GPU", _gpu(gpu))
        hidden = first_device(hardware.gpus, os.environ)
        if isinstance(hidden, Unavailable):
            _fact("", f"none is visible to a run: {hidden.reason}")
        _fact("driver", _measured(hardware.driver_version))
    for one in machine.other_gpus:
        _fact("GPU", one)
    for name, version in machine.packages:
        _fact(name, _value_text(version))
    _fact("CUDA", _value_text(machine.torch_cuda))
    _print_jax(machine.jax)
    for name, title in machine.backends:
        _fact("backend", f"{name}, {_value_text(title)}")
    if isinstance(git, Unavailable):
        _fact("git", f"no commit will be recorded: {git.reason}")
    else:
        changed = formatting.plural(git.num_changed_files, "file")
        state = f"{changed} changed; the patch will be recorded" if git.dirty else "clean"
        _fact("git", f"{git.commit[:12]}, {state}")
    _fact("ssh-keygen", _value_text(machine.ssh_keygen))


def _print_jax(path: JaxPath) -> None:
    _fact("JAX path", path.python if path.versions else f"none: {path.python}")
    if path.versions:
        named = (f"{name} {_value_text(version)}" for name, version in path.versions)
        _fact("", ", ".join(named))
    if path.devices:
        _fact("", f"packages are there to compute on: {path.devices}")
    if path.remedy:
        echo(f"{'':15}→ {visible(path.remedy)}")


def _unseen(reason: str) -> str:
    applies = "none" if is_certain(reason) else "not measured"
    if reason.startswith(NO_DRIVER.says):  # nothing to mend on a machine that has no GPU
        return f"{applies}: {reason}"
    return f"{applies}: {reason}\n{'':15}→ {remedy_for(reason)}"


def _gpu(gpu: GpuRecord) -> str:
    if all(isinstance(one, Unavailable) for one in (gpu.name, gpu.uuid, gpu.memory_bytes)):
        return f"number {gpu.index} gives no answer: {_reason(gpu.name)}"
    return f"{_measured(gpu.name)}, {_size(gpu.memory_bytes)}, {_measured(gpu.compute_capability)}"


def _fact(name: str, text: str) -> None:
    echo(f"  {name:<13}{visible(text)}")


def _value_text(value: object) -> str:
    """Of what is there or not."""
    return f"none: {value.reason}" if isinstance(value, Unavailable) else str(value)


def _measured(value: object) -> str:
    """Of what is there in any case."""
    return f"not measured ({value.reason})" if isinstance(value, Unavailable) else str(value)


def _reason(value: object) -> str:
    return value.reason if isinstance(value, Unavailable) else ""


def _size(value: int | Unavailable) -> str:
    return _measured(value) if isinstance(value, Unavailable) else formatting.memory(value)


def _print_diagnosis(diagnosis: Diagnosis, *, in_full: bool) -> None:
    echo("")
    able, problem = diagnosis.first, diagnosis.problem
    name = visible(diagnosis.milestone)
    if problem is not None:
        secho(f"{name}  is not valid", fg="red", bold=True)
        for text in filter(None, (problem.message, problem.hint)):
            echo(indent(visible(text), "  "))
        return
    verdict = f"would run with attempt {able.plan.name}" if able else "cannot run here"
    secho(f"{name}  is valid, {verdict}", fg="green" if able else "yellow", bold=True)
    for prospect in diagnosis.prospects:
        _print_prospect(prospect, diagnosis.milestone, in_full=in_full)
    for warning in diagnosis.warnings:
        echo(f"  {click.style('⚠', fg='yellow')} {visible(warning)}")
    if diagnosis.pack != "none":
        echo(f"  {PACK_STATES[diagnosis.pack].format(id=name)}")


def _print_prospect(prospect: Prospect, milestone: str, *, in_full: bool) -> None:
    plan = prospect.plan
    notes = [note for note, applies in _notes(prospect) if applies]
    kind = f" ({', '.join(notes)})" if notes else ""
    mark = click.style("✗", fg="yellow") if prospect.missing else click.style("✓", fg="green")
    echo(f"  {mark} {plan.name}{kind}")
    if prospect.missing and not in_full:
        lacks = formatting.plural(len(prospect.missing), "thing is", "things are")
        echo(f"      {lacks} missing: `evidence doctor {visible(milestone)}` says which")
        return
    for missing, remedy in prospect.missing:
        echo(f"      {visible(missing)}\n        → {visible(remedy)}")


def _notes(prospect: Prospect) -> tuple[tuple[str, bool], ...]:
    plan = prospect.plan
    said = untried(plan.requires.accelerator)
    return (
        ("a stand-in: says nothing about the real model", plan.stand_in),
        (f"only by --attempt {plan.name}", plan.manual),
        (said, bool(said)),
    )
