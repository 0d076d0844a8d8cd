"""Pages with markers, filled or compared, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from evidence.cli.answer import add_written
from evidence.cli.boundary import complain
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.errors import EvidenceError, ExitCode
from evidence.markers.page import MarkerRecord, Page, fill, read_page
from evidence.text import formatting
from evidence.text.escape import visible


def render_pages(paths: Sequence[Path], *, check: bool) -> None:
    """Fill pages, or say where they differ. The gravest error is raised when all are done."""
    lines: list[str] = []
    errors: list[EvidenceError] = []
    stale = False
    for path in paths:
        try:
            page = read_page(path)
            stale = stale or bool(page.wrong)
            changed = bool(page.wrong) if check else fill(page)
            add_written(*((path,) if changed and not check else ()))
        except EvidenceError as error:
            errors.append(error)
            lines.append(f"{visible(path.as_posix())}: not filled")
            continue
        lines += [f"{visible(path.as_posix())}: {_what(page, changed=changed, check=check)}"]
        lines += [f"  {line_of(one)}" for one in page.wrong] if check else []
        lines += [f"  note: {one}" for one in page.told]
    with nullcontext() if check else heard(lines[-1]):
        echo("\n".join(lines))
    errors.sort(key=lambda one: one.exit_code == ExitCode.REFUSED)  # the gravest is the last
    for one in errors[:-1]:
        complain(one)
    if errors:
        raise errors[-1]
    if check and stale:
        raise click.exceptions.Exit(int(ExitCode.FINDINGS))


def line_of(one: MarkerRecord) -> str:
    """What is wrong with a marker, with its place, in one line."""
    return f"{one.document}:{one.line}:{one.column}  {one.message}"


def _what(page: Page, *, changed: bool, check: bool) -> str:
    verb = "differs" if check else "written"
    said = f"{verb if changed else 'same'}, {formatting.plural(len(page.markers), 'marker')}"
    return said + (f", {page.num_in_code} in code left alone" if page.num_in_code else "")
