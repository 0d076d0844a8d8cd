"""Start-up of `evidence` and of `verify` against a bare click program.

python benchmarks/startup.py PACK
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pairs import HEADER, compare, machine, python, row, run

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
PAIRS = 15


def main() -> None:
    """Print the table."""
    pack = sys.argv[1]
    evidence = str(Path(python()).parent / "evidence")
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)

        def click_help() -> object:
            return run([python(), str(bare), "--help"])

        print(machine(), HEADER, sep="\n\n")
        for name, arguments, bar in (
            ("evidence --help / bare click --help", ["--help"], "≤ 1.25"),
            ("evidence --version / bare click --help", ["--version"], "≤ 1.25"),
            ("evidence verify of a small pack / bare click --help", ["verify", pack], "≤ 4"),
        ):
            measured = compare(lambda a=arguments: run([evidence, *a]), click_help, PAIRS)
            print(row(name, measured, "wall_s", bar))


if __name__ == "__main__":
    main()
