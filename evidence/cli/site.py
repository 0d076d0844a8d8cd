"""`evidence site`: one index.html over a folder of packs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.publish.site import Site, write_site
from evidence.text.escape import one_line
from evidence.text.formatting import plural

MAX_NAMED: Final = 5
MAX_LINE_CHARS: Final = 300


@click.command()
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where index.html is written (default: into the folder of packs).",
)
@json_option
@without_a_run()
def command(folder: Path, to: Path | None) -> None:
    """Make index.html over the packs in FOLDER (default: runs), for any browser.

    Reads each pack within the limits of verify, its sealed files whole and by their digests, and
    runs nothing of it. The page is no verification, and says so in each row. It leads to report
    and summary of each pack by relative paths: move it together with the packs. A file that this
    command did not write is never replaced.
    """
    done = write_site(folder, to)
    tell(written=(as_shown(done.page),) if done.is_new else ())
    with heard(_line(done)):
        _print(done)


def _line(done: Site) -> str:
    made = "written" if done.is_new else "up to date"
    page = one_line(str(done.page), MAX_LINE_CHARS)
    return f"{page}: {made}, {plural(done.num_packs, 'pack')}, none of them verified here"


def _print(done: Site) -> None:
    echo(_line(done))
    for one in done.unread[:MAX_NAMED]:
        path, reason = (one_line(text, MAX_LINE_CHARS) for text in (one.argument, one.reason))
        echo(f"  {one.state:<10} {path}: {reason}")
    if len(done.unread) > MAX_NAMED:
        echo(f"  {len(done.unread)} could not be read; the page lists each with its reason")
