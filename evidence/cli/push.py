"""`evidence push`: an intact pack, sent to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence.cli.answer import own_json_option
from evidence.cli.say import echo, echo_records
from evidence.cli.streams import heard
from evidence.stores.push import Pushed, push
from evidence.text.escape import one_line
from evidence.text.formatting import plural

MAX_CHARS: Final = 500


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.argument("to", metavar="TO")
@click.option("--create-pr", is_flag=True, help="On the Hub: as a pull request.")
@own_json_option("Print what was done as JSON.")
def command(pack: Path, to: str, create_pr: bool, as_json: bool) -> None:
    """Send PACK to TO: hf:owner/name, s3://bucket/pack, or another store of fsspec.

    Verifies it first: only an intact pack of a complete run goes. What it may withhold (weights)
    stays here, a pack with a secret in it is refused, and another pack at the place is never
    overwritten. SHA256SUMS goes last; on the Hub all is one commit. Typed again, it goes on where
    it was broken off. Credentials are those of the store's own library (HF_TOKEN, AWS_…).
    """
    done = push(pack, to, create_pr=create_pr)
    with heard(_line(done)):
        if as_json:
            echo_records([done])
        else:
            echo(_line(done))
            echo(f"  root digest  sha256:{done.root_sha256}")
            if done.num_withheld:
                stayed = plural(done.num_withheld, "file")
                echo(f"  withheld     {stayed} stayed here, as the pack says")
            if done.link:
                echo(f"  link         {one_line(done.link, MAX_CHARS)}")


def _line(done: Pushed) -> str:
    every = plural(done.num_files, "file")
    sent = f"{done.num_sent} of {every} sent" if done.num_sent else "there already"
    return f"{one_line(done.to, MAX_CHARS)}: {sent}"
