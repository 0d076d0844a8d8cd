"""`evidence audit`: documents and evidence in, verdicts out."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.audit.audit import audit_folder, audit_pack
from evidence.audit.report import AuditRecord
from evidence.audit.words import counted, lines, page
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo, echo_json, secho
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import ExitCode, UsageError

_COLOURS = {
    "contradicted": "red",
    "mislabelled": "red",
    "contradiction": "red",
    "unsupported": "yellow",
    "warning": "yellow",
}


@click.command()
@click.argument(
    "documents", nargs=-1, required=True, metavar="DOC...", type=click.Path(path_type=Path)
)
@click.option("--pack", type=click.Path(path_type=Path), help="Hold them against this pack.")
@click.option(
    "--evidence",
    "folder",
    type=click.Path(path_type=Path),
    help="Hold them against the files of this folder: logs, results, configurations.",
)
@click.option(
    "--also",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A second page to audit; a page is never evidence.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print it as a page in markdown.")
@click.option("--all", "every", is_flag=True, help="Show claims that are supported, too.")
@click.option("--strict", is_flag=True, help="Exit 1 also for claims that no file supports.")
@without_a_run()
def command(
    documents: tuple[Path, ...],
    pack: Path | None,
    folder: Path | None,
    also: tuple[Path, ...],
    as_json: bool,
    as_markdown: bool,
    every: bool,
    strict: bool,
) -> None:
    """Hold what a page says against what the files say, claim by claim.

    DOC is markdown, JSON, CSV or TSV. Exit 1 when a claim is contradicted or mislabelled.
    """
    if (pack is None) == (folder is None):
        raise UsageError(
            "an audit needs evidence: a pack or a folder",
            hint="Add --pack runs/M43, or --evidence and the folder with the logs.",
        )
    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude one another", hint="Give one of them.")
    audit = (
        audit_folder(documents, also, folder)
        if folder is not None
        else audit_pack(documents, also, pack or Path())
    )
    if as_json:
        echo_json(jsonio.dump_document(encode(audit)))
    elif as_markdown:
        echo(page(audit), nl=False)
    else:
        _table(audit, every)
    wrong = ["contradicted", "mislabelled", *(["unsupported"] if strict else [])]
    if any(audit.counts.get(verdict) for verdict in wrong):
        raise click.exceptions.Exit(int(ExitCode.FINDINGS))


def _table(audit: AuditRecord, every: bool) -> None:
    for verdict, line in lines(audit, every=every):
        secho(f"{verdict:13} {line}", fg=_COLOURS.get(verdict))
    echo(counted(audit))
    for note in audit.notes[:20]:
        echo(f"note: {note}")
    echo(
        "Supported: a file says so. Unsupported: no file says so, which is not to say it is wrong."
    )
