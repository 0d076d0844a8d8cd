"""Start-up of `evidence` and of `verify` against a bare click program.

    python benchmarks/startup.py [--small] [--pairs N]

The small pack is the toy of the tests: 27 files, 76 kB, every check.
"""

from __future__ import annotations

import packs
from pairs import HEADER, asked, compare, evidence, machine, python, row, run, say
from scratch import scratch

BARE = """
import click

@click.group()
def cli():
    "A program."

@cli.command()
def one():
    "A command."

cli()
"""


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 15)
    with scratch() as folder:
        bare = folder / "bare.py"
        bare.write_text(BARE)
        packs.many_packs(folder / "runs", 1)
        verify = ["verify", str(folder / "runs" / packs.milestone_of(0))]
        say(machine(), "", HEADER)
        for name, arguments, bar in (
            ("evidence --help / bare click --help", ["--help"], "≤ 1.25"),
            ("evidence --version / bare click --help", ["--version"], "≤ 1.25"),
            ("evidence verify of a small pack / bare click --help", verify, "≤ 4"),
        ):
            measured = compare(
                lambda a=arguments: run([evidence(), *a]),
                lambda: run([python(), str(bare), "--help"]),
                how.pairs,
            )
            say(row(name, measured, "wall_s", bar))


if __name__ == "__main__":
    main()
