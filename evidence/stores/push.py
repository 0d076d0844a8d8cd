"""Pushing a pack into a store: only an intact one, never what is withheld, never over another.

Responsible for what is refused before the first byte leaves: a pack that verify finds anything
wrong with, a secret in any file of it, another pack or other files at the place. SHA256SUMS goes
last where files go one by one, so that what is there is no sealed pack until it is whole; on the
Hub all of it is one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from msgspec.structs import replace

from evidence import layout, limits
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import SecretFoundError, UsageError
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.records.milestone import AllowSpec
from evidence.records.record import Record
from evidence.redact.known import Secrets
from evidence.redact.search import SecretMatch, scan, scan_stream
from evidence.redact.this_process import TAKE_OUT, secrets_of_this_process
from evidence.stores.address import Address, HubAddress, address_of
from evidence.stores.store import Store, commit_to_hub, open_store
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import walk
from evidence.verification.verification import open_checked

_LENGTH_BYTES: Final = 8
MAX_NAMED: Final = 5


class Pushed(Record):
    """What one push did."""

    schema: Literal["pushed.v1"]
    to: str
    root_sha256: str
    num_files: int
    num_sent: int
    """0: all of it was there already."""
    num_withheld: int
    """Files that are here, may be withheld, and were not sent."""
    link: str
    """Of the commit or the pull request on the Hub; empty elsewhere."""


def push(pack: Path, to: str, *, create_pr: bool = False) -> Pushed:
    """Send a pack to an address. Running it again goes on where it was broken off.

    Raises PackBrokenError or UnsafePackError where verify finds an error, SecretFoundError for a
    secret, and UsageError for an address that cannot be used, where another pack or other files
    lie, and for a run that is no complete one.
    """
    address = _in_its_folder(address_of(to), pack)
    if create_pr and not isinstance(address, HubAddress):
        raise UsageError("--create-pr goes with hf:owner/name")
    checked = open_checked(pack)
    if checked.report.exit_code != 0:
        text = f"{pack} is {checked.report.verdict}: {checked.report.happened or 'see verify'}"
        raise UsageError(f"{text}; only an intact pack is pushed")
    withheld = {one.path for one in checked.documents.withheld.files}
    with SafeDirectory(pack) as root:
        here = walk(root).files
    files = {name: one.size_bytes for name, one in here.items() if name not in withheld}
    _refuse_secrets(pack, files, _allowed(checked.documents))
    store = open_store(address)
    missing = _missing(store, pack, files, checked.root_sha256)
    link = ""
    if missing and isinstance(address, HubAddress):
        message = f"Evidence pack {pack.name}, sha256:{checked.root_sha256}"
        link = commit_to_hub(address, store, pack, missing, message, create_pr=create_pr)
    elif missing:
        _send(store, pack, missing)
    return Pushed(
        schema="pushed.v1",
        to=store.shown,
        root_sha256=checked.root_sha256,
        num_files=len(files),
        num_sent=len(missing),
        num_withheld=len(withheld & here.keys()),
        link=link,
    )


def _in_its_folder(address: Address, pack: Path) -> Address:
    """At the top of a repository other files lie: the pack gets a folder of its own name."""
    if isinstance(address, HubAddress) and not address.folder:
        return replace(address, folder=pack.resolve().name)
    return address


def _missing(store: Store, pack: Path, files: dict[str, int], root_sha256: str) -> list[str]:
    """What has to be sent, SHA256SUMS last. What is there is read and compared, not believed."""
    there = store.listing_or_nothing()
    sums = store.read(layout.SUMS, limits.MAX_SUMS_BYTES) if layout.SUMS in there else None
    if sums is not None and sha256_hex(sums) != root_sha256:
        raise UsageError(
            f"at {store.shown} lies another pack, sha256:{sha256_hex(sums)}: never overwritten",
            hint="Name another folder.",
        )
    others = sorted(there.keys() - files.keys())
    if others:
        named = ", ".join(others[:MAX_NAMED]) + (", …" if len(others) > MAX_NAMED else "")
        text = f"at {store.shown} lie other files, which would be in the pack: {named}"
        raise UsageError(text, hint="Name a folder of its own.")
    missing = [
        name
        for name, size_bytes in files.items()
        if there.get(name) != size_bytes or not store.has(name, pack / name, size_bytes)
    ]
    return sorted(missing, key=lambda name: (name == layout.SUMS, name))


def _send(store: Store, pack: Path, missing: Iterable[str]) -> None:
    for name in missing:
        with (pack / name).open("rb") as source:
            store.write(name, source)


def _allowed(documents: PackDocuments) -> tuple[AllowSpec, ...]:
    """What the author said is no secret, when it ran and when it was gone on with."""
    if not isinstance(documents, Documents):
        return () if documents.milestone is None else documents.milestone.secrets.allow
    later = [
        decode(AllowSpec, one)
        for event in documents.journal
        if event.event == "recovered"
        for one in event.data["allowed"]
    ]
    return (*documents.milestone.secrets.allow, *later)


def _refuse_secrets(pack: Path, files: Iterable[str], allow: Iterable[AllowSpec]) -> None:
    """Secrets of this process, the token of the store among them, and whatever looks like one."""
    secrets = secrets_of_this_process(allow)
    found = [
        f"{name}:{one.line}: {one.kind}" for name in files for one in _in_file(pack / name, secrets)
    ]
    if found:
        raise SecretFoundError(
            f"{pack} holds a secret and is not pushed:\n" + "\n".join(found), hint=TAKE_OUT
        )


def _in_file(path: Path, secrets: Secrets) -> Iterator[SecretMatch]:
    with path.open("rb") as stream:
        if path.name.endswith(".safetensors"):  # behind the header there are numbers
            start = stream.read(_LENGTH_BYTES)
            size_bytes = int.from_bytes(start, "little")
            if size_bytes <= limits.MAX_SAFETENSORS_HEADER_BYTES:
                yield from scan(start + stream.read(size_bytes), secrets)
                return
            stream.seek(0)
        yield from scan_stream(stream, secrets)
