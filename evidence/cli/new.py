"""`evidence new`: a commented milestone to start from."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.options import root_option
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.errors import UsageError
from evidence.running.guess import Given
from evidence.running.scaffold import write_milestone

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.argument("milestone")
@click.option(
    "--data",
    type=_FILE,
    help="Training data, such as FILE.jsonl or FILE.csv: its fields are looked at.",
)
@click.option("--eval", "evaluation", type=_FILE, help="Rows to evaluate (default: the data).")
@click.option("--model", metavar="FOLDER|ID", help="A model's folder, or its id on the hub.")
@root_option
@json_option
@without_a_run()
def command(
    milestone: str, data: Path | None, evaluation: Path | None, model: str | None, root: Path
) -> None:
    """Write milestones/MILESTONE.toml, with every key you are likely to need explained.

    With --data and --model it is one that runs: fields are guessed, and each guess says so.
    """
    if data is None and (evaluation is not None or model is not None):
        raise UsageError("--eval and --model go with --data", hint="Add --data FILE.jsonl.")
    given = None if data is None else Given(data, evaluation, model)
    path = write_milestone(root, milestone, given)
    tell(written=(as_shown(path),))
    said = f"wrote {path.as_posix()}; next: look at it, then `evidence doctor {milestone}`"
    with heard(said):
        echo(said)
        echo(f"and `evidence run {milestone}`")
        if given is None:
            echo("Its paths are examples; with --data FILE --model FOLDER it is one that runs.")
