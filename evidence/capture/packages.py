"""Every installed distribution of this interpreter."""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution, distributions
from typing import Final

from evidence.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord, PackagesRecord

CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")


def capture_packages() -> PackagesRecord:
    """packages.json: sorted by name, then version."""
    found = {(_name(one), one.version or ""): one for one in distributions()}
    return PackagesRecord(
        schema="packages.v1",
        packages=tuple(_package(key, found[key]) for key in sorted(found)),
    )


def without_credentials(url: str) -> str:
    """A URL without user name and password."""
    return CREDENTIALS.sub("", url)


def _name(one: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", one.metadata["Name"] or "unnamed").lower()


def _package(key: tuple[str, str], one: Distribution) -> PackageRecord:
    name, version = key
    installer = (one.read_text("INSTALLER") or "").strip()
    record = one.read_text("RECORD")
    return PackageRecord(
        name=name,
        version=version,
        installer=installer or Unavailable("the distribution does not say"),
        origin=_origin(one),
        record_sha256=sha256_hex(record.encode("utf-8"))
        if record
        else Unavailable("the distribution has no RECORD"),
    )


def _origin(one: Distribution) -> str | Unavailable:
    source = one.read_text("direct_url.json")
    if source is None:
        return Unavailable("installed by name from a package index")
    try:
        return without_credentials(str(json.loads(source)["url"]))
    except (ValueError, KeyError, TypeError):
        return Unavailable("direct_url.json cannot be read")
