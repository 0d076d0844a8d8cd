"""Fetching a pack onto this disk, to be verified there by the ordinary verify.

Responsible for what is fetched and what is left where it is: files that the pack itself says may be
withheld stay in the store unless they are asked for, and the report says that they were not
checked. Nothing of a pack is believed here; the copy is judged as any stranger's folder.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout, limits
from evidence.encoding.digest import with_lf
from evidence.errors import UnsafePackError, UsageError
from evidence.records.finding import CheckResult, Report
from evidence.records.record import Record
from evidence.stores.address import address_of
from evidence.stores.store import Store, open_store
from evidence.text.formatting import plural
from evidence.verification.reading import sets

AT_ONCE: Final = 8
"""Files that are fetched side by side: a store answers slowly, and many at a time."""
LEFT_ASIDE: Final = frozenset({".gitattributes"})
"""What the Hub puts into every repository, beside whatever lies at its top."""
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Fetched(Record):
    """A copy of a pack, and where it comes from."""

    path: Path
    shown: str
    revision: str | None
    num_files: int
    size_bytes: int
    left: tuple[str, ...]
    """Files that stay in the store."""
    left_bytes: int

    def told(self, report: Report) -> Report:
        """The report on the copy, as one on what lies in the store."""
        return replace(report, pack=self.shown, checks=(self._check(), *report.checks))

    def _check(self) -> CheckResult:
        revision = f" at revision {self.revision}" if self.revision else ", which tells no revision"
        files = f"{plural(self.num_files, 'file')}, {self.size_bytes} bytes"
        title = f"fetched from {self.shown}{revision}: {files}"
        if not self.left:
            return CheckResult("fetched", "pass", title)
        named = ", ".join(self.left[:3]) + (", …" if len(self.left) > 3 else "")
        left = f"{plural(len(self.left), 'file')}, {self.left_bytes} bytes ({named})"
        reason = f"withheld from the fetch: {left}; --weights fetches them"
        return CheckResult("fetched", "not_checked", title, reason)


@contextmanager
def fetched(text: str, *, weights: bool = False) -> Iterator[Fetched]:
    """A copy of the pack at an address, gone when this is left.

    Raises UsageError for an address that cannot be used and where no pack lies there, and
    UnsafePackError past the limits and for names that must not be written.
    """
    store = open_store(address_of(text))
    files = store.listing()
    if layout.SUMS not in files:
        raise _no_pack(store)
    left = set() if weights else _may_stay(store, files)
    wanted = {name: size for name, size in files.items() if name not in left | LEFT_ASIDE}
    with tempfile.TemporaryDirectory(prefix="evidence-fetched-") as folder:
        _refuse_too_large(store, sum(wanted.values()), Path(folder), weights=weights)
        name = store.shown.partition("@")[0].rpartition("/")[2]
        path = Path(folder) / (name if _NAME.fullmatch(name) else "pack")
        path.mkdir()
        _fetch(store, wanted, path)
        yield Fetched(
            path=path,
            shown=store.shown,
            revision=store.revision,
            num_files=len(wanted),
            size_bytes=sum(wanted.values()),
            left=tuple(sorted(left)),
            left_bytes=sum(files[one] for one in left),
        )


def _fetch(store: Store, wanted: dict[str, int], path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [pool.submit(store.copy_to, one, wanted[one], path / one) for one in wanted]
        try:
            for one in done:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _may_stay(store: Store, files: dict[str, int]) -> set[str]:
    """What withheld.json names, which verify does not miss. It is believed of nothing else."""
    if files.get(layout.WITHHELD, limits.MAX_MANIFEST_BYTES + 1) > limits.MAX_MANIFEST_BYTES:
        return set()
    data = store.read(layout.WITHHELD, limits.MAX_MANIFEST_BYTES) or b""
    named = sets.stated_sizes(sets.read_entries(with_lf(data))).keys()
    return {one for one in named if one in files and one not in layout.NEEDED_ALWAYS}


def _refuse_too_large(store: Store, size_bytes: int, folder: Path, *, weights: bool) -> None:
    if not weights and size_bytes > limits.MAX_FETCHED_BYTES:
        text = (
            f"{store.shown}: {size_bytes} bytes besides what may be withheld, more than "
            f"{limits.MAX_FETCHED_BYTES}: not fetched (--weights fetches as much as the disk holds)"
        )
        raise UnsafePackError("past-limit", store.shown, text)
    free_bytes = shutil.disk_usage(folder).free
    if size_bytes > free_bytes:
        text = f"{store.shown}: {size_bytes} bytes, and {folder} has room for {free_bytes}"
        raise UsageError(text, hint="TMPDIR names another place.")


def _no_pack(store: Store) -> UsageError:
    names = store.folders()[:6]
    hint = f"There are folders: {', '.join(names)}. Name one of them." if names else ""
    return UsageError(f"there is no {layout.SUMS} at {store.shown}: no sealed pack", hint=hint)
