"""`evidence audit`: documents and evidence in, verdicts out."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.audit.audit import audit_folder, audit_markers, audit_pack
from evidence.audit.report import AuditRecord
from evidence.audit.words import counted, lines, page
from evidence.cli.answer import own_json_option
from evidence.cli.boundary import without_a_run
from evidence.cli.forms import chosen, format_option, print_judged
from evidence.cli.say import echo, echo_records, secho
from evidence.errors import ExitCode, UsageError
from evidence.markers.page import is_page, kind_of
from evidence.reporting.verdicts import of_audit

_COLOURS = {
    "contradicted": "red",
    "mislabelled": "red",
    "contradiction": "red",
    "differs": "red",
    "no-value": "red",
    "no-pack": "red",
    "malformed": "red",
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
@click.option(
    "--markers",
    is_flag=True,
    help="Hold only the markers of the pages against their packs; a page without any is fine.",
)
@own_json_option("Print the audit as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print it as a page in markdown.")
@format_option
@click.option("--all", "every", is_flag=True, help="Show claims that are supported, too.")
@click.option("--strict", is_flag=True, help="Exit 1 also for claims that no file supports.")
@without_a_run()
def command(
    documents: tuple[Path, ...],
    pack: Path | None,
    folder: Path | None,
    also: tuple[Path, ...],
    markers: bool,
    as_json: bool,
    as_markdown: bool,
    form: str | None,
    every: bool,
    strict: bool,
) -> None:
    """Hold what a page says against what the files say, claim by claim.

    DOC is markdown, JSON, CSV or TSV. Exit 1 when a claim is contradicted or mislabelled, or a
    marker (<!-- evidence PACK VALUE -->) does not show what its pack says. A page with markers
    needs neither --pack nor --evidence.
    """
    said_as = chosen(form, json=as_json, markdown=as_markdown)
    audit = _audit(documents, also, pack, folder, markers=markers)
    wrong = ["contradicted", "mislabelled", *(["unsupported"] if strict else [])]
    untrue = any(one.outcome != "same" for one in audit.markers)
    found = untrue or any(audit.counts.get(verdict) for verdict in wrong)
    code = int(ExitCode.FINDINGS if found else ExitCode.DONE)
    if said_as == "json":
        echo_records([audit])
    elif said_as == "markdown":
        echo(page(audit), nl=False)
    elif said_as == "text":
        _table(audit, every)
    else:
        print_judged(of_audit(audit, code, strict=strict), said_as, code)
    raise click.exceptions.Exit(code)


def _audit(
    documents: tuple[Path, ...],
    also: tuple[Path, ...],
    pack: Path | None,
    folder: Path | None,
    *,
    markers: bool,
) -> AuditRecord:
    if pack is not None and folder is not None:
        raise UsageError("--pack and --evidence exclude one another", hint="Give one of them.")
    if markers and (pack is not None or folder is not None):
        raise UsageError(
            "--markers names no evidence: each marker does",
            hint="Leave it out; with evidence, markers are looked at, too.",
        )
    if folder is not None:
        return audit_folder(documents, also, folder)
    if pack is not None:
        return audit_pack(documents, also, pack)
    for one in (*documents, *also) if markers else ():
        kind_of(one)
    audit = audit_markers(documents, also)
    if not markers and not (audit.markers and all(map(is_page, documents))):
        raise UsageError(
            "an audit needs evidence: a pack or a folder",
            hint="Add --pack runs/M43, or --evidence and the folder with the logs; or mark values "
            "of the page, and `evidence render` fills them in.",
        )
    return audit


def _table(audit: AuditRecord, every: bool) -> None:
    for verdict, line in lines(audit, every=every):
        secho(f"{verdict:13} {line}", fg=_COLOURS.get(verdict))
    echo(counted(audit))
    for note in audit.notes[:20]:
        echo(f"note: {note}")
    if not audit.evidence:
        return
    echo(
        "Supported: a file says so. Unsupported: no file says so, which is not to say it is wrong."
    )
