"""Where a pack lies elsewhere, as it is typed: `hf:owner/name@revision`, `s3://bucket/pack`.

Responsible for what is an address at all, and for what of one may be shown. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.errors import UsageError
from evidence.records.record import Record

HUB: Final = "hf:"
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HUB: Final = re.compile(
    r"hf:(?://)?(datasets/)?([A-Za-z0-9][A-Za-z0-9._-]*)/([A-Za-z0-9][A-Za-z0-9._-]*)"
    r"((?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*)/?(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?"
)
_HOLDS_OTHERS: Final = frozenset(
    {"zip", "tar", "libarchive", "reference", "simplecache", "filecache", "blockcache", "cached"}
)
"""What opens archives, or keeps copies where nobody asked for them."""


class HubAddress(Record):
    """A folder of a repository of the Hugging Face Hub."""

    repo: str
    repo_type: str
    folder: str
    """Inside the repository; empty: all of it."""
    revision: str | None

    @property
    def shown(self) -> str:
        """As it is typed."""
        kind = "datasets/" if self.repo_type == "dataset" else ""
        folder = f"/{self.folder}" if self.folder else ""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{HUB}{kind}{self.repo}{folder}{revision}"


class UrlAddress(Record):
    """A folder of a store that fsspec knows."""

    url: str
    protocol: str

    @property
    def shown(self) -> str:
        """Without what may be a signature in it."""
        return self.url.partition("?")[0]


Address = HubAddress | UrlAddress


def is_address(text: str) -> bool:
    """Whether a word of the command line names a store and no path."""
    return text.startswith(HUB) or _URL.fullmatch(text) is not None


def address_of(text: str) -> Address:
    """The address. Raises UsageError for one that cannot be used; credentials are not repeated."""
    if text.startswith(HUB):
        return _on_the_hub(text)
    found = _URL.fullmatch(text)
    protocol = found[1].lower() if found else ""
    rest = found[2] if found else ""
    if "::" in text or protocol in _HOLDS_OTHERS:
        raise UsageError(
            f"{protocol}: packs are folders; archives and chains of stores are never opened",
            hint="Name the folder that holds SHA256SUMS, for example s3://bucket/runs/M43",
        )
    host = rest.partition("/")[0]
    if ":" in host.rpartition("@")[0]:
        raise UsageError(
            f"{protocol}: an address with a password in it is not used",
            hint="Stores take credentials from the environment or from their own files.",
        )
    if protocol == "hf":
        return _on_the_hub(text)
    return UrlAddress(text.rstrip("/"), protocol)


def _on_the_hub(text: str) -> HubAddress:
    found = _HUB.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text} names no repository",
            hint="hf:owner/name, hf:owner/name/folder@revision or hf:datasets/owner/name",
        )
    kind = "dataset" if found[1] else "model"
    return HubAddress(f"{found[2]}/{found[3]}", kind, found[4].strip("/"), found[5])
