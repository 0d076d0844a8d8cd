"""`evidence explain`: where a number comes from."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.answer import own_json_option
from evidence.cli.say import echo, echo_json, secho
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.explain.explain import explain
from evidence.text.escape import visible


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.argument("address")
@own_json_option("Print it as JSON (explanation.v1).")
def command(pack: Path, address: str, as_json: bool) -> None:
    """Show where ADDRESS of PACK comes from: a name such as train.loss_end, or path#L10/loss."""
    found = explain(pack, address)
    if as_json:
        head = {"schema": "explanation.v1", "pack": visible(pack.as_posix())}
        echo_json(jsonio.dump_document({**head, **encode(found)}))
        return
    unit = f" {found.unit}" if found.unit and found.unit != "1" else ""
    secho(f"{visible(found.name)} = {visible(found.value)}{unit}", bold=True)
    echo(f"  level     {found.level}")
    echo(f"  rule      {found.rule}: {found.rule_text}")
    echo(f"  address   {visible(found.address)}")
    for place in found.places:
        line = f":{place.line}" if place.line else ""
        echo(f"    {visible(pack.as_posix())}/{place.path}{line}  {visible(place.pointer)}")
        if place.shown:
            echo(f"      {visible(place.shown)}")
    if found.num_more:
        echo(f"    and {found.num_more} more lines of the range")
    echo(
        f"  guarded   if it were changed, these checks of verify would fail: "
        f"{', '.join(found.checks)}"
    )
