"""`evidence verify`: packs in, reports out, one exit code."""

from __future__ import annotations

from pathlib import Path

import click

from evidence import jsonio, layout
from evidence.cli.report import print_report
from evidence.errors import ExitCode
from evidence.records.codec import encode
from evidence.records.finding import Report
from evidence.verify import VerifyOptions, verify_pack

PRECEDENCE = (ExitCode.REFUSED, ExitCode.FINDINGS, ExitCode.UNFINISHED, ExitCode.ORIGIN)


@click.command()
@click.argument(
    "packs", nargs=-1, required=True, metavar="PACK...", type=click.Path(path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Only the verdict of each pack.")
@click.option("--expect", metavar="sha256:…", help="The root digest that the pack must have.")
@click.option("--expect-milestone", metavar="ID", help="The milestone it must be.")
@click.option("--expect-commit", metavar="SHA", help="The commit it must have run from.")
@click.option("--strict", is_flag=True, help="Exit 3 unless its origin is established.")
@click.option("--require-all", is_flag=True, help="Withheld files count as missing.")
def command(
    packs: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
    expect: str | None,
    expect_milestone: str | None,
    expect_commit: str | None,
    strict: bool,
    require_all: bool,
) -> None:
    """Check packs, or every pack below a folder such as runs/.

    Safe on a stranger's pack: reads files only, runs nothing, loads no model, opens no socket,
    writes nothing. Exit 0: intact. 1: not what it says. 3: origin asked for, not established.
    4: honest but unfinished. 5: refused as unsafe.
    """
    options = VerifyOptions(
        expect=expect,
        expect_milestone=expect_milestone,
        expect_commit=expect_commit,
        strict=strict,
        require_all=require_all,
    )
    reports = [verify_pack(path, options) for path in expand(packs)]
    if as_json:
        value = encode(reports[0]) if len(reports) == 1 else [encode(r) for r in reports]
        click.echo(jsonio.dump_document(value), nl=False)
    else:
        for report in reports:
            print_report(report, quiet=quiet)
    raise click.exceptions.Exit(exit_code(reports))


def expand(paths: tuple[Path, ...]) -> list[Path]:
    """Packs named, and the packs below a folder of packs, in order of name."""
    found: list[Path] = []
    for path in paths:
        below = _packs_below(path)
        found.extend(below or [path])
    return found


def _packs_below(path: Path) -> list[Path]:
    if (path / layout.SUMS).exists() or not path.is_dir():
        return []
    children = (child for child in path.iterdir() if not child.name.startswith("."))
    return sorted(child for child in children if (child / layout.SUMS).exists())


def exit_code(reports: list[Report]) -> int:
    """The gravest of the packs' exit codes: 5 > 1 > 4 > 3 > 0."""
    codes = {report.exit for report in reports}
    return int(next((code for code in PRECEDENCE if code in codes), ExitCode.DONE))
