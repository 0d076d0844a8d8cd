"""`evidence export`: a pack in another format."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.export.facts import account_of
from evidence.export.formats import FORMATS, files_of, signed_files_of
from evidence.export.writing import write_files
from evidence.pack.around import refuse_in_a_pack
from evidence.text.escape import visible
from evidence.text.formatting import plural
from evidence.verification.verification import load_sealed


@click.command(epilog="\b\n" + "\n".join(f"{name}: {text}" for name, text in FORMATS.items()))
@click.argument("form", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.argument("pack", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where to write (default: a folder ID-FORMAT in the current one).",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign with this elliptic-curve key in PEM (in-toto, oms).",
)
@click.option("--force", is_flag=True, help="Replace files that are there with other bytes.")
@json_option
@without_a_run()
def command(form: str, pack: Path, output: Path | None, key: Path | None, force: bool) -> None:
    """Write PACK in FORMAT, as what it is: a failed, recorded or imported one too.

    Takes a pack whose sealed set is whole: exit 1 for one that is not, 5 for one that is unsafe to
    read, 4 for a run that is not finished. Whether its numbers follow from the evidence is what
    `evidence verify` says. Nothing is written into the pack.
    """
    if output is not None:
        refuse_in_a_pack(output, "--output")
    account = account_of(load_sealed(pack))
    folder = Path(f"{account.milestone}-{form}") if output is None else output
    made = files_of(form, account) if key is None else signed_files_of(form, account, key)
    written = write_files(folder, made, force=force)
    tell(
        pack=as_shown(pack),
        root_sha256=account.root_sha256,
        written=tuple(as_shown(folder / name) for name in written),
    )
    said = f"wrote {plural(len(written), 'file')} into {folder.as_posix()}"
    if not written:
        said = f"{folder.as_posix()} has it already"
    with heard(said):
        echo(said)
        for name in written:
            echo(f"  {visible(name)}")
        for sentence in account.standing:
            echo(f"  {visible(sentence)}")
