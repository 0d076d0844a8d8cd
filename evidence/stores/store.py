"""A folder of a store, through fsspec: listing it within limits, reading and writing files.

Responsible for everything that a store's library does: it is imported here and nowhere else, what
it raises becomes one sentence, and nothing that a process keeps secret is repeated from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from evidence import layout, limits
from evidence.errors import EvidenceError, UnsafePackError, UsageError
from evidence.redact.stream import Redactor
from evidence.redact.this_process import secrets_of_this_process
from evidence.stores.address import Address, HubAddress
from evidence.text.escape import one_line
from evidence.verification.problem import shown
from evidence.verification.reading.names import collisions, unsafe_on_disk

CHUNK_BYTES: Final = 4 * limits.MIB
MAX_SAID_CHARS: Final = 500


class Store:
    """One folder of a store. What it says of itself is bounded before it is believed."""

    def __init__(self, files: Any, root: str, shown: str, revision: str | None) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self.shown = shown
        self.revision = revision
        """The revision that is read, where the store has any."""

    def listing(self) -> dict[str, int]:
        """Path and size in bytes of every file. Raises UnsafePackError past a limit, and for names
        that must not be written to a disk."""
        found: dict[str, int] = {}
        folders = [""]
        for folder in folders:
            for name, entry in self._entries(folder):
                if entry.get("type") == "directory":
                    folders.append(name)
                    if len(folders) > limits.MAX_DIRECTORIES:
                        raise self._past("too-many-folders", f"{limits.MAX_DIRECTORIES} folders")
                else:
                    found[name] = self._size_bytes(name, entry)
                    if len(found) > limits.MAX_FILES:
                        raise self._past("too-many-files", f"{limits.MAX_FILES} files")
        for problem in collisions([*found, *folders[1:]]):
            raise UnsafePackError(
                problem.code, problem.address, f"{problem.address}: {problem.message}"
            )
        return found

    def listing_or_nothing(self) -> dict[str, int]:
        """The same, where there may be no such folder yet."""
        with _said(self.shown):
            is_there = self._files.exists(self._root)
        return self.listing() if is_there else {}

    def has(self, name: str, path: Path, size_bytes: int) -> bool:
        """Whether a file there has the bytes of one here."""
        with (
            _said(self.shown),
            self._files.open(self._path(name), "rb") as there,
            path.open("rb") as here,
        ):
            return file_sha256(there, size_bytes) == file_sha256(here, size_bytes)

    def folders(self) -> list[str]:
        """Names of the folders directly in it."""
        return [name for name, one in self._entries("") if one.get("type") == "directory"]

    def copy_to(self, name: str, size_bytes: int, target: Path) -> None:
        """Read one file onto the disk: as many bytes as the listing says, and no more."""
        target.parent.mkdir(parents=True, exist_ok=True)
        left_bytes = size_bytes
        with (
            _said(self.shown),
            self._files.open(self._path(name), "rb") as source,
            target.open("xb") as sink,
        ):
            while piece := source.read(min(CHUNK_BYTES, left_bytes + 1)):
                left_bytes -= len(piece)
                if left_bytes < 0:
                    break
                sink.write(piece)
        if left_bytes:
            text = f"{shown(name)} has another size than the store's own listing says"
            raise UnsafePackError("changed-while-reading", name, text)

    def read(self, name: str, limit_bytes: int) -> bytes | None:
        """A small file; None where there is none. Raises UnsafePackError where it is larger."""
        with _said(self.shown):
            try:
                with self._files.open(self._path(name), "rb") as source:
                    data: bytes = source.read(limit_bytes + 1)
            except FileNotFoundError:
                return None
        if len(data) > limit_bytes:
            raise self._past("past-limit", f"{limit_bytes} bytes in {shown(name)}")
        return data

    def write(self, name: str, source: BinaryIO) -> None:
        """Put one file there. Stores of objects show it whole or not at all."""
        with _said(self.shown):
            path = self._path(name)
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._files.open(path, "wb") as sink:
                while piece := source.read(CHUNK_BYTES):
                    sink.write(piece)

    def _entries(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        path = self._path(folder)
        with _said(self.shown):
            try:
                entries = self._files.ls(path, detail=True)
            except FileNotFoundError as error:
                if folder:
                    raise
                raise UsageError(f"there is nothing at {self.shown}") from error
        for entry in entries:
            whole = str(entry["name"]).rstrip("/")
            if whole == path:
                continue  # an object that stands for the folder itself
            name = whole.removeprefix(f"{self._root}/")
            reason = _unsafe(name) if name != whole else "a name outside of the folder"
            if reason is None and (entry.get("islink") or entry.get("type") not in _KINDS):
                reason = "no plain file; packs hold nothing else"
            if reason is not None:
                raise UnsafePackError("unsafe-name", name, f"{shown(name)}: {reason}")
            yield name, entry

    def _size_bytes(self, name: str, entry: dict[str, Any]) -> int:
        size_bytes = entry.get("size")
        if not isinstance(size_bytes, int) or size_bytes < 0:
            text = f"{shown(name)}: the store does not say how large it is"
            raise UnsafePackError("past-limit", name, text)
        return size_bytes

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _past(self, code: str, what: str) -> UnsafePackError:
        return UnsafePackError(code, self.shown, f"{self.shown}: more than {what}")


_KINDS: Final = ("file", "directory")


def open_store(address: Address) -> Store:
    """The folder of an address. Raises UsageError where its library is not here."""
    with _said(address.shown):
        if isinstance(address, HubAddress):
            return _open_hub(address)
        from fsspec.core import url_to_fs

        files, root = url_to_fs(address.url)
        files.invalidate_cache()
        return Store(files, root, address.shown, None)


def _open_hub(address: HubAddress) -> Store:
    """At one commit, whatever the revision that was named becomes meanwhile."""
    from huggingface_hub import HfApi, HfFileSystem

    info = HfApi().repo_info(address.repo, repo_type=address.repo_type, revision=address.revision)
    kind = "datasets/" if address.repo_type == "dataset" else ""
    folder = f"/{address.folder}" if address.folder else ""
    root = f"{kind}{address.repo}@{info.sha}{folder}"
    return Store(HfFileSystem(skip_instance_cache=True), root, address.shown, info.sha)


def commit_to_hub(
    address: HubAddress,
    store: Store,
    pack: Path,
    names: Sequence[str],
    message: str,
    *,
    create_pr: bool,
) -> str:
    """Send files in one commit on the revision that was looked at; returns where it is to be seen.

    The token is the one that huggingface_hub finds (HF_TOKEN, or that of `hf auth login`).
    """
    with _said(address.shown):
        from huggingface_hub import HfApi

        done = HfApi().upload_folder(
            repo_id=address.repo,
            repo_type=address.repo_type,
            folder_path=pack,
            path_in_repo=address.folder,
            revision=address.revision,
            commit_message=message,
            create_pr=create_pr,
            parent_commit=store.revision,
            allow_patterns=list(names),
        )
        return str(done.pr_url or done.commit_url)


def file_sha256(stream: BinaryIO, size_bytes: int) -> str:
    """Of so many bytes of a stream, in constant memory."""
    state = sha256()
    while size_bytes > 0 and (piece := stream.read(min(CHUNK_BYTES, size_bytes))):
        state.update(piece)
        size_bytes -= len(piece)
    return state.hexdigest()


def _unsafe(name: str) -> str | None:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or ":" in name:
        return "a name that leads out of the folder"
    if any(layout.is_reserved(part) or part[-1] in ". " for part in parts):
        return "a name that another system reads as something else"
    return unsafe_on_disk(name)


@contextmanager
def _said(where: str) -> Iterator[None]:
    """What a store's library raises, as one sentence."""
    try:
        yield
    except EvidenceError:
        raise
    except ImportError as error:
        name = one_line(str(error), MAX_SAID_CHARS)
        hint = "pip install 'evidence-pack[stores]' brings fsspec, s3fs and huggingface_hub."
        raise UsageError(f"{where}: {name}", hint=hint) from error
    except Exception as error:  # each store has errors of its own
        redactor = Redactor(secrets_of_this_process())
        text = one_line(redactor.text(str(error)), MAX_SAID_CHARS)
        raise UsageError(f"{where}: {type(error).__name__}: {text}") from error
