"""`evidence sign`: a pack and a key in, two signature files out."""

from __future__ import annotations

from pathlib import Path

import click

from evidence import layout
from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo, secho
from evidence.cli.streams import heard
from evidence.pack.sshsig import EVIDENCE_NAMESPACE, SUMMARY_NAMESPACE
from evidence.publish.signing import Signed, sign_pack
from evidence.text.escape import visible


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Private key, or public key whose private half is in ssh-agent (default: ssh's own).",
)
@json_option
@without_a_run()
def command(pack: Path, key: Path | None) -> None:
    """Sign PACK with an SSH key: its evidence, and its summary with what was attached.

    The pack is verified first; one with errors is not signed. Only SHA256SUMS.sig and
    rendered.json.sig are written. The private key is used by ssh-keygen, never read by us.
    """
    signed = sign_pack(pack, key)
    tell(
        pack=as_shown(pack),
        root_sha256=signed.root_sha256,
        written=(as_shown(pack / layout.SIGNATURE), as_shown(pack / layout.RENDERED_SIGNATURE)),
    )
    with heard(f"SIGNED  {visible(pack.as_posix())}"):
        _report(pack, signed)


def _report(pack: Path, signed: Signed) -> None:
    made = signed.signature
    secho(f"SIGNED  {visible(pack.as_posix())}", fg="green", bold=True)
    echo(f"  root digest  sha256:{signed.root_sha256}")
    echo(f"  key          {made.key_type} {made.fingerprint}")
    echo("  Whoever checks it puts this line into an allowed_signers file of their own:")
    namespaces = f'namespaces="{EVIDENCE_NAMESPACE},{SUMMARY_NAMESPACE}"'
    echo(f"    YOU@EXAMPLE.ORG {namespaces} {made.public_line}")
    echo(
        f"  check it     evidence verify {visible(pack.as_posix())} "
        "--allowed-signers FILE --signer YOU@EXAMPLE.ORG"
    )
