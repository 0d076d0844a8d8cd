"""Every installed distribution of this interpreter.

Responsible for what the installation says of itself. Whether its files still are what RECORD
lists is not looked at.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord, PackagesRecord
from evidence.text.escape import visible
from evidence.text.package_name import normalised

_USER_INFO: Final = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#]*:(?!\d*(?:[/?#]|$))[^@]*@)")
"""Up to the last @ before the path; also past slashes, where a password was not escaped."""
_WITHOUT_SCHEME: Final = re.compile(r"^[^/\\:@]+:[^/\\@]+@(?=[^/\\@]+)")
_QUERY: Final = re.compile(r"(?<=[^?#])\?[^#]*")
"""Signed URLs and tokens are queries; neither git nor pip needs one to say where from."""


def capture_packages() -> PackagesRecord:
    """packages.json: sorted by name, then version. Of several versions the first is imported."""
    found: dict[tuple[str, str], Distribution] = {}
    first: dict[str, str] = {}
    for one in distributions():  # in the order of the path, as an import looks
        name, version = name_and_version(one)
        found.setdefault((name, version), one)
        first.setdefault(name, version)
    return PackagesRecord(
        schema="packages.v1",
        packages=tuple(
            _package((name, version), found[name, version], shadowed=first[name] != version)
            for name, version in sorted(found)
        ),
    )


def without_credentials(url: str) -> str:
    """A URL without user, password and query. What is no URL stays as it is."""
    if "://" in url:
        return _QUERY.sub("", _USER_INFO.sub("", url))
    return _WITHOUT_SCHEME.sub("", url)


def name_and_version(one: Distribution) -> tuple[str, str]:
    """Name, as an index would spell it, and version of an installed distribution."""
    shown = visible(_field(one, "Name") or "unnamed")
    return normalised(shown), visible(_field(one, "Version"))


def _field(one: Distribution, name: str) -> str:
    """A field of METADATA; empty where there is none, in a folder left by a broken removal, say."""
    try:
        return str(one.metadata[name]) if name in one.metadata else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _package(key: tuple[str, str], one: Distribution, *, shadowed: bool = False) -> PackageRecord:
    name, version = key
    return PackageRecord(
        name=name,
        version=version,
        installer=visible((_text(one, "INSTALLER") or "").strip())
        or Unavailable("the distribution does not say"),
        origin=_origin(one),
        record_sha256=_record_sha256(one),
        shadowed=shadowed,
    )


def _text(one: Distribution, name: str) -> str | None:
    try:
        return one.read_text(name)
    except (OSError, UnicodeDecodeError):
        return None


def _record_sha256(one: Distribution) -> str | Unavailable:
    """Digest of RECORD's bytes, as sha256sum gives it: pip writes CRLF, which text loses."""
    folder: object = getattr(one, "_path", None)  # importlib has no public name for it
    try:
        if isinstance(folder, Path):
            return sha256_hex((folder / "RECORD").read_bytes())
    except OSError:
        pass
    return Unavailable("the distribution has no RECORD")


def _origin(one: Distribution) -> str | Unavailable:
    """PEP 610: where from, for a repository with the commit."""
    source = _text(one, "direct_url.json")
    if source is None:
        return Unavailable("installed by name from a package index")
    try:
        direct: dict[str, Any] = json.loads(source)
        url = without_credentials(str(direct["url"]))
        vcs = direct.get("vcs_info")
        return visible(f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else url)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unavailable("direct_url.json cannot be read")
