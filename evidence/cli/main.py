"""The `evidence` command: which commands there are, and nothing of what they do.

Responsible for the table of commands, loaded only when used, so that `--help` stays instant. Each
command is a file of this package; `boundary` turns errors into messages and exit codes.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Final

import click

from evidence import __version__
from evidence.cli.boundary import guarded
from evidence.cli.streams import prepare

COMMANDS: Final = {
    "run": "Run a milestone and leave a sealed evidence pack.",
    "record": "Run a program as it is and leave a sealed evidence pack.",
    "import": "Make a sealed pack of files that exist already: imported, not observed.",
    "verify": "Check packs: intact, consistent, and what is not checked.",
    "render": "Regenerate the summaries of packs, only from their evidence.",
    "explain": "Show where a number of a pack comes from, down to file and line.",
    "compare": "Packs side by side: what differs in setup, then in results.",
    "index": "Make or update an index over many packs, to find some again.",
    "find": "Packs by package, data, model, status or value: from an index.",
    "site": "Make one page over many packs: filter, sort, loss curves, links.",
    "audit": "Hold what a page says against what logs and results say.",
    "reproduce": "Run a pack again from its own commit and say how close it came.",
    "disclose": "Show single rows of a pack that withholds them, with proof that they are its.",
    "export": "Write a pack in another format: model card, provenance, numbers for a paper.",
    "sign": "Sign a pack with an SSH key, so that others can see whose it is.",
    "push": "Send an intact pack to a store: s3://bucket/pack, hf:owner/name.",
    "note": "Attach later words of the author to a pack.",
    "doctor": "Say what could run here and what is missing.",
    "init": "Make an existing repository ready: milestone, git settings, workflow, hooks.",
    "new": "Write a commented milestone to start from.",
    "keys": "Print what may stand in a milestone: each key, its values and default.",
}

_MODULES: Final = {"import": "importing"}
"""A module cannot be named by a word of the language."""


def _module_of(name: str) -> ModuleType:
    return import_module(f"evidence.cli.{_MODULES.get(name, name)}")


class LazyGroup(click.Group):
    """Imports the module of a command only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table: the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = _module_of(cmd_name).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table itself, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evidence")
def cli() -> None:
    """Prove what you ran.

    `evidence run M43` runs milestones/M43.toml and leaves a sealed pack in runs/M43.
    `evidence verify runs/M43` checks one, yours or a stranger's, offline.
    `evidence render` rewrites the summaries from the evidence.
    """


def main() -> None:
    """The `evidence` command, begun by `start`."""
    # What a command makes lives until it ends; looking for garbage among it takes a quarter of
    # the time of a short one.
    gc.set_threshold(50_000, 20, 20)
    prepare()
    for name in sys.argv[1:2]:
        if name in COMMANDS:
            with suppress(Exception):  # it fails again where that is told
                _module_of(name)  # still under `start`: an exception could be lost in here
    guarded(cli)
