"""Every installed distribution of this interpreter.

Responsible for what the installation says of itself. Whether its files still are what RECORD
lists is not looked at.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection
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
_INFO: Final = (".dist-info", ".egg-info")
_QUERY: Final = re.compile(r"(?<=[^?#])\?[^#]*")
"""Signed URLs and tokens are queries; neither git nor pip needs one to say where from."""


def capture_packages() -> PackagesRecord:
    """packages.json: sorted by name, then version. Of several versions the first is imported."""
    try:
        return PackagesRecord(schema="packages.v1", packages=_packages())
    except OSError as error:  # too many open files, say
        reason = f"what is installed cannot be read: {error.strerror}"
        return PackagesRecord(schema="packages.v1", packages=Unavailable(reason))


def _packages() -> tuple[PackageRecord, ...] | Unavailable:
    """Raises OSError."""
    found: dict[tuple[str, str], Distribution] = {}
    first: dict[str, str] = {}
    seen: set[str] = set()
    for one in distributions():  # in the order of the path, as an import looks
        name, version = name_and_version(one)
        found.setdefault((name, version), one)
        first.setdefault(name, version)
        folder = _folder(one)
        seen.update([] if folder is None else [os.path.realpath(folder.parent)])
    if unlisted := _unlisted(seen):
        return Unavailable(unlisted)
    return tuple(
        _package((name, version), found[name, version], shadowed=first[name] != version)
        for name, version in sorted(found)
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


def _unlisted(seen: Collection[str]) -> str:
    """Why the packages of a folder that is searched are not known; empty where all are.

    importlib takes a folder that cannot be listed for an empty one: too many open files, say.
    """
    for entry in dict.fromkeys(sys.path):
        folder = entry or os.curdir
        try:
            holds = any(one.name.endswith(_INFO) for one in Path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"{visible(folder)} cannot be listed: {error.strerror}"
        if holds and os.path.realpath(folder) not in seen:
            return f"{visible(folder)} could not be listed when packages were looked for"
    return ""


def _folder(one: Distribution) -> Path | None:
    """Where a distribution keeps what it says of itself; None in an archive."""
    folder: object = getattr(one, "_path", None)  # importlib has no public name for it
    return folder if isinstance(folder, Path) else None


def _field(one: Distribution, name: str) -> str:
    """A field of METADATA; empty where there is none, in a folder left by a broken removal, say."""
    try:
        return str(one.metadata[name]) if name in one.metadata else ""
    except UnicodeDecodeError:
        return ""


def _package(key: tuple[str, str], one: Distribution, *, shadowed: bool = False) -> PackageRecord:
    name, version = key
    return PackageRecord(
        name=name,
        version=version,
        installer=_installer(one),
        origin=_origin(one),
        record_sha256=_record_sha256(one),
        shadowed=shadowed,
    )


def _installer(one: Distribution) -> str | Unavailable:
    data = _data(one, "INSTALLER")
    if isinstance(data, Unavailable):
        return data
    try:
        said = visible((data or b"").decode().strip())
    except UnicodeDecodeError:
        return Unavailable("INSTALLER is no UTF-8")
    return said or Unavailable("the distribution does not say")


def _data(one: Distribution, name: str) -> bytes | Unavailable | None:
    """The bytes of a file of a distribution, as they are; None where it has none."""
    folder = _folder(one)
    try:
        if folder is not None:
            return (folder / name).read_bytes()
        text = one.read_text(name)
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    except OSError as error:
        return Unavailable(f"{name} cannot be read: {error.strerror}")
    return None if text is None else text.encode()


def _record_sha256(one: Distribution) -> str | Unavailable:
    """Digest of RECORD's bytes, as sha256sum gives it: pip writes CRLF, which text loses."""
    data = None if _folder(one) is None else _data(one, "RECORD")
    if isinstance(data, Unavailable):
        return data
    return Unavailable("the distribution has no RECORD") if data is None else sha256_hex(data)


def _origin(one: Distribution) -> str | Unavailable:
    """PEP 610: where from, for a repository with the commit."""
    source = _data(one, "direct_url.json")
    if isinstance(source, Unavailable):
        return source
    if source is None:
        return Unavailable("installed by name from a package index")
    try:
        direct: dict[str, Any] = json.loads(source)
        url = without_credentials(str(direct["url"]))
        vcs = direct.get("vcs_info")
        return visible(f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else url)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unavailable("direct_url.json cannot be read")
