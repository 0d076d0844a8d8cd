"""`evidence compare`: packs in, one page or one JSON document out."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.answer import own_json_option
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo, echo_records
from evidence.cli.streams import heard
from evidence.compare.compare import compare_packs
from evidence.compare.drawing import draw
from evidence.compare.page import comparison_markdown
from evidence.rules.closeness import ACROSS_FRAMEWORKS, WITHIN_A_FRAMEWORK
from evidence.system.durable import write_file
from evidence.verification.verification import open_verified

PLOT = "comparison.svg"
PAGE = "comparison.md"


@click.command()
@click.argument(
    "packs", nargs=-1, required=True, metavar="PACK...", type=click.Path(path_type=Path)
)
@own_json_option("Print the comparison as JSON.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Write {PAGE} and {PLOT} into this folder.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, 1.0),
    metavar="SHARE",
    help="Relative difference of a step's losses that still counts as close (default: "
    f"{WITHIN_A_FRAMEWORK.later_steps:g}; of two frameworks {ACROSS_FRAMEWORKS.first_step:g} at "
    f"step 1 and {ACROSS_FRAMEWORKS.later_steps:g} later).",
)
@without_a_run()
def command(
    packs: tuple[Path, ...], as_json: bool, output: Path | None, tolerance: float | None
) -> None:
    """Compare packs side by side; the first is what the others are held against.

    Says what is the same, what was configured and what ran differently before it shows any
    result: curves, steps, logits, predictions, weights. Last come the causes that the facts
    allow. Takes only packs that verify: exit 1 for one that does not, 5 for one that is unsafe
    to read.
    """
    verified = [open_verified(path) for path in packs]
    comparison = compare_packs(verified, tolerance)
    picture = None
    if output is not None:
        labels = [pack.label for pack in comparison.packs]
        documents = [pack.documents for pack in verified]
        picture = draw(list(zip(labels, documents, strict=True)), comparison.pairs)
        if picture is not None:
            write_file(output / PLOT, picture)
        page = comparison_markdown(comparison, PLOT if picture is not None else "")
        write_file(output / PAGE, page.encode("utf-8"))
    if as_json:
        echo_records([comparison])
    elif output is None:
        echo(comparison_markdown(comparison, ""), nl=False)
    else:
        written = f"{PAGE} and {PLOT}" if picture is not None else PAGE
        said = f"wrote {written} into {output.as_posix()}"
        with heard(said):
            echo(said)
