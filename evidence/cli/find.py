"""`evidence find`: packs by what they say, from an index, with what that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from evidence.catalogue.asked import Asked, digest_asked, package_asked, value_asked
from evidence.catalogue.query import Found, FoundPack, find
from evidence.catalogue.store import NAME
from evidence.cli.answer import own_json_option
from evidence.cli.say import echo, echo_records, secho
from evidence.text.escape import one_line
from evidence.text.formatting import plural, significant

MAX_CHARS: Final = 200
DEFAULT_LIMIT: Final = 50
NO_VERIFICATION: Final = (
    "An index is no verification: this is what packs said when they were read, at the time and\n"
    "root digest shown. Whether one is what it says: evidence verify PACK"
)


@click.command()
@click.argument("folders", nargs=-1, metavar="[FOLDER...]", type=click.Path(path_type=Path))
@click.option("--index", type=click.Path(path_type=Path), metavar="FILE", help="Another index.")
@click.option(
    "--package", "packages", multiple=True, metavar="NAME[==VERSION]", help="Was installed."
)
@click.option(
    "--value", "values", multiple=True, metavar="'NAME<NUMBER'", help="< <= > >= == != a number."
)
@click.option("--show", multiple=True, metavar="NAME", help="Show this value too.")
@click.option("--data-sha256", "data", multiple=True, metavar="DIGEST", help="Data used.")
@click.option("--model", "models", multiple=True, metavar="ID", help="Model it began from.")
@click.option("--milestone", metavar="ID")
@click.option("--status", type=click.Choice(["complete", "failed", "unknown"]))
@click.option("--origin", type=click.Choice(["run", "imported"]))
@click.option("--state", type=click.Choice(["read", "broken", "refused", "unfinished"]))
@click.option("--stand-in/--no-stand-in", default=None, help="Made on a stand-in model, or not.")
@click.option("--commit", metavar="SHA", help="The commit it ran from, or its beginning.")
@click.option("--root-digest", metavar="sha256:…", help="The pack's root digest, or its beginning.")
@click.option("--limit", type=click.IntRange(0), default=DEFAULT_LIMIT, help="0: all of them.")
@own_json_option("Print what was found as JSON.")
@click.pass_context
def command(ctx: click.Context, /, **asked: object) -> None:
    """Packs that meet every condition, from the index of FOLDER (default: runs).

    `evidence index FOLDER` makes that index. It is opened read-only, and nothing of a pack is
    opened: what is shown is what packs said when they were read, and no verification. A value that
    was not measured meets no condition, and how many packs that are is said.
    """
    options = ctx.params
    conditions = _asked(options)
    folders = options["folders"] or (Path("runs"),)
    indexes = [options["index"]] if options["index"] else [one / NAME for one in folders]
    every = options["as_json"] and ctx.get_parameter_source("limit") is ParameterSource.DEFAULT
    limit = 0 if every else options["limit"]
    found = [find(index, conditions, limit) for index in indexes]
    if options["as_json"]:
        echo_records(found)
        return
    for one in found:
        _print(one)
    echo(NO_VERIFICATION)


def _asked(options: dict[str, object]) -> Asked:
    commit, root = options["commit"], options["root_digest"]
    return Asked(
        packages=tuple(package_asked(one) for one in _texts(options["packages"])),
        values=tuple(value_asked(one) for one in _texts(options["values"])),
        show=_texts(options["show"]),
        data=tuple(digest_asked("--data-sha256", one) for one in _texts(options["data"])),
        models=_texts(options["models"]),
        milestone=_text(options["milestone"]),
        status=_text(options["status"]),
        state=_text(options["state"]),
        origin=_text(options["origin"]),
        stand_in=options["stand_in"] if isinstance(options["stand_in"], bool) else None,
        commit=digest_asked("--commit", commit) if isinstance(commit, str) else None,
        root=digest_asked("--root-digest", root) if isinstance(root, str) else None,
    )


def _texts(given: object) -> tuple[str, ...]:
    """Words of the command line; what is no UTF-8 in them is in no index."""
    return tuple(_text(one) or "" for one in given) if isinstance(given, tuple) else ()


def _text(given: object) -> str | None:
    return None if given is None else str(given).encode("utf-8", "replace").decode("utf-8")


def _print(found: Found) -> None:
    packs = plural(found.num_packs, "pack")
    secho(
        f"{found.num_found} of {packs} in {one_line(found.index, MAX_CHARS)}, updated "
        f"{found.updated_utc or 'never to its end'}",
        bold=True,
    )
    for pack in found.packs:
        echo(_line(pack))
    if len(found.packs) < found.num_found:
        echo(f"  and {found.num_found - len(found.packs)} more (--limit 0 shows all)")
    for name, number in found.num_without.items():
        if number:
            packs = f"{plural(number, 'pack')}, not among these for that reason"
            echo(f"  {one_line(name, MAX_CHARS)}: not measured in {packs}")
    for word, near in found.unknown.items():
        hint = f" (did you mean {near}?)" if near else ""
        echo(f"  {one_line(word, MAX_CHARS)}: nothing in this index has it{hint}")
    if found.num_unread:
        echo(
            f"  {plural(found.num_unread, 'pack')} could not be read, and nothing of that was "
            "compared: --state broken, refused, unfinished"
        )


def _line(pack: FoundPack) -> str:
    if pack.state != "read":
        said = f"{pack.state}, not read: {one_line(pack.reason, MAX_CHARS)}"
        return f"  {pack.path}  {said}  (looked at {pack.read_utc})"
    values = "".join(f"  {one_line(n, MAX_CHARS)}={_shown(v)}" for n, v in pack.values.items())
    stand_in = ", stand-in" if pack.stand_in else ""
    imported = ", imported" if pack.origin == "imported" else ""
    digest = (pack.root_sha256 or "")[:12]
    return (
        f"  {pack.path}  {one_line(pack.milestone or '?', MAX_CHARS)} {pack.status}{stand_in}"
        f"{imported}{values}  sha256:{digest}… read {pack.read_utc}"
    )


def _shown(value: float | str | None) -> str:
    if value is None:
        return "not measured"
    return one_line(value, MAX_CHARS) if isinstance(value, str) else significant(value)
