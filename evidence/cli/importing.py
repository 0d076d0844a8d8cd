"""`evidence import`: files that exist already, and the pack that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.options import root_option, runs_option
from evidence.cli.report import IMPORTED, print_outcome
from evidence.cli.say import echo, secho
from evidence.cli.streams import heard
from evidence.importing.import_folder import ImportOptions, ImportResult, import_folder
from evidence.records.imported import FindingRecord
from evidence.text import formatting
from evidence.text.escape import one_line, visible

MAX_SHOWN: Final = 8
MAX_LINE_CHARS: Final = 300
MARKS: Final = {"holds": "✓", "contradicts": "✗", "warning": "!", "not-checked": "–"}
"""Notes are in the summary alone."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--id", "name", required=True, metavar="ID", help="Name of the pack: runs/ID.")
@click.option(
    "--milestone",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A milestone that states the recipe: sealed, and held against the files.",
)
@click.option("--again", is_flag=True, help="Archive the sealed pack, import anew.")
@click.option(
    "--not-secret",
    metavar="SHA256",
    multiple=True,
    help="What was named as a secret and is none, by its digest.",
)
@root_option
@runs_option
@json_option
@without_a_run()
def command(
    folder: Path,
    name: str,
    milestone: Path | None,
    again: bool,
    not_secret: tuple[str, ...],
    root: Path,
    runs: Path | None,
) -> None:
    """Make a sealed pack runs/ID of the files in DIR: imported, not observed.

    Logs, metrics, configurations, snapshots and predictions are kept byte for byte and read; every
    number of the summary is one of theirs, with file and line. Weights are named by their digests
    and not copied. Such a pack is never VERIFIED: nothing of the run was observed.
    """
    options = ImportOptions(
        runs=runs or root / "runs", milestone=milestone, again=again, not_secret=not_secret
    )
    result = import_folder(folder, name, options)
    tell(
        status=result.status,
        verdict=result.report.verdict,
        pack=as_shown(result.pack),
        root_sha256=result.root_sha256,
        written=(as_shown(result.summary),),
    )
    with heard(f"IMPORTED  {visible(result.pack.as_posix())}"):
        _report(result)


def _report(result: ImportResult) -> None:
    sources = result.sources
    secho(f"IMPORTED  {visible(result.pack.as_posix())}", fg="green", bold=True)
    files = formatting.plural(len(sources.files), "file")
    left = f", {len(sources.left_out)} left out" if sources.left_out else ""
    echo(f"  origin       {IMPORTED}: {files}{left}")
    echo(f"  status       {result.status}, as the files say")
    rows = formatting.plural(result.num_rows, "logged row")
    known = sum(one.value is not None for one in result.results.values.values())
    echo(f"  read         {rows}, {formatting.plural(known, 'value')}")
    for outcome, mark in MARKS.items():
        found = [one for one in result.findings if one.outcome == outcome]
        for one in found[:MAX_SHOWN]:
            _print_finding(mark, one)
        if len(found) > MAX_SHOWN:
            echo(f"    {mark} and {len(found) - MAX_SHOWN} more in findings.json")
    print_outcome(result.report)
    echo(f"  root digest  sha256:{result.root_sha256}")
    echo(f"  summary      {visible(result.summary.as_posix())}")


def _print_finding(mark: str, one: FindingRecord) -> None:
    echo(f"    {mark} {one.rule}: {one_line(one.message, MAX_LINE_CHARS)}")
    if one.outcome == "contradicts" and one.expected is not None:
        echo(f"      expected  {one_line(one.expected, MAX_LINE_CHARS)}")
        echo(f"      found     {one_line(str(one.actual), MAX_LINE_CHARS)}")
        echo(f"      at        {one_line(one.address, MAX_LINE_CHARS)}")
