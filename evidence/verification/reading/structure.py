"""What lies in the pack's directory, before any evidence is read.

Responsible for the walk, for what is refused (links, devices, names, limits) and for the
equality of directory and SHA256SUMS. Leaves contents to `digests`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct, field

from evidence import layout, limits
from evidence.errors import UnsafePackError
from evidence.stages.registry import is_document, kinds
from evidence.verification.problem import Problem
from evidence.verification.reading.directory import SafeDirectory, is_link
from evidence.verification.reading.names import unsafe_on_disk

MAX_COLLECTED_BYTES_IN_MEMORY: Final = 8 * limits.MIB
"""Of a file that a program left and in which a number may be looked for."""
MAX_LOG_BYTES_IN_MEMORY: Final = 16 * limits.MIB
MAX_ATTEMPT_LOG_BYTES_IN_MEMORY: Final = 1 * limits.MIB
"""Of an attempt that failed: there may be many."""
IN_MEMORY_WHERE_SMALL: Final = {
    layout.ENV_SNAPSHOT: MAX_LOG_BYTES_IN_MEMORY,
    layout.GPU_SNAPSHOT: MAX_LOG_BYTES_IN_MEMORY,
    layout.PATCH: MAX_LOG_BYTES_IN_MEMORY,
    layout.TOKENIZER: limits.MAX_TOKENIZER_BYTES,
}
"""What is said of these is checked up to a size in bytes, their digest always."""


_CAPS: Final = {
    layout.SUMS: limits.MAX_SUMS_BYTES,
    layout.MANIFEST: limits.MAX_MANIFEST_BYTES,
    layout.WITHHELD: limits.MAX_MANIFEST_BYTES,
    layout.RENDERED: limits.MAX_MANIFEST_BYTES,
    layout.SIGNATURE: limits.MAX_SIGNATURE_BYTES,
    layout.RENDERED_SIGNATURE: limits.MAX_SIGNATURE_BYTES,
    layout.MILESTONE: limits.MAX_TOML_BYTES,
    layout.NOTES: limits.MAX_NOTE_BYTES,
    layout.JOURNAL: limits.MAX_JOURNAL_BYTES,
}
"""Most bytes that these may have; other documents go by their kind."""
_OF_THE_MODEL: Final = f"{layout.FINAL_MODEL}/"
_OF_ATTEMPTS: Final = f"{layout.ATTEMPTS}/"
_REMADE: Final = {layout.PLOTS, layout.ATTACHED}
"""Folders of the rendered set: what lacks in them is said there, and `evidence render` mends it."""


class FileStatus(NamedTuple):
    """A regular file as the walk saw it. A tuple: three are made and compared for every file."""

    size_bytes: int
    device: int
    inode: int
    modified_ns: int

    @staticmethod
    def of(status: os.stat_result) -> FileStatus:
        """From what stat says. Two equal ones: the file was not touched in between."""
        return FileStatus(status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns)


class Tree(Struct):
    """Regular files by path, folders, and what was wrong on the way."""

    files: dict[str, FileStatus] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def walk(root: SafeDirectory) -> Tree:
    """Everything below the root, opening folders only. Raises UnsafePackError past a cap."""
    tree = Tree()
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            for name, status in root.entries(folder):
                path = f"{folder}/{name}" if folder else name
                if _enter(tree, path, status):
                    pending.append(path)
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            tree.problems.append(Problem(folder or ".", text, code="cannot-read"))
    tree.problems.extend(_empty_folders(tree))
    tree.problems.sort(key=lambda problem: (problem.address, problem.code))
    return tree


def _enter(tree: Tree, path: str, status: os.stat_result) -> bool:
    """Note one entry; whether to descend into it."""
    if len(tree.files) + len(tree.problems) > limits.MAX_FILES:
        raise UnsafePackError("too-many-files", path, f"more than {limits.MAX_FILES} files")
    if len(tree.folders) > limits.MAX_DIRECTORIES:
        text = f"more than {limits.MAX_DIRECTORIES} folders"
        raise UnsafePackError("too-many-folders", path, text)
    reason, code = unsafe_on_disk(path), "unsafe-name"
    if reason is None:
        reason, code = _not_plain(status), "not-a-plain-file"
    if reason is not None:
        tree.problems.append(Problem(path, reason, severity="refused", code=code))
        return False
    if stat.S_ISDIR(status.st_mode):
        tree.folders.add(path)
        return True
    tree.files[path] = FileStatus.of(status)
    return False


def _not_plain(status: os.stat_result) -> str | None:
    if is_link(status):
        return "a link; packs hold regular files only"
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "a device")
        return f"{kind}; packs hold regular files only"
    if status.st_nlink != 1:
        return f"has {status.st_nlink} hard links: it can be changed from outside the pack"
    return None


def _empty_folders(tree: Tree) -> Iterator[Problem]:
    holding = {path.rpartition("/")[0] for path in tree.files}
    inhabited = holding | {folder[:end] for folder in holding for end in _slashes(folder)}
    # A folder that could not be read, or held only refused things, is reported already.
    reported = {p.address[:end] for p in tree.problems for end in _slashes(p.address)}
    reported |= {p.address for p in tree.problems}
    # Of folders in folders only the innermost are named. No loop in a loop: there may be 20,000.
    above = {path[:end] for path in tree.folders for end in _slashes(path)}
    for folder in tree.folders - inhabited - reported - above - _REMADE:
        yield Problem(folder, "an empty folder, which no seal covers", code="empty-folder")


def _slashes(path: str) -> list[int]:
    return [index for index, letter in enumerate(path) if letter == "/"]


def is_read_into_memory(path: str, size_bytes: int = 0) -> bool:
    """Whether later stages parse the bytes of this file, so that it is read into memory."""
    most_bytes = _max_bytes_in_memory(path)
    if most_bytes is not None:
        return size_bytes <= most_bytes
    if path == layout.SUMS:
        return True
    if layout.without_stage(path).startswith(_OF_THE_MODEL):
        name = path.rpartition("/")[2]
        return name.endswith(".json") and name != "vocab.json"
    return is_document(path)


def _max_bytes_in_memory(path: str) -> int | None:
    """The size up to which a text is read into memory; None for what is no such text."""
    path = layout.without_stage(path)
    if any(path == kind.log for kind in kinds()):
        return MAX_LOG_BYTES_IN_MEMORY
    if path.startswith(_OF_ATTEMPTS) and any(path.endswith(f"/{kind.log}") for kind in kinds()):
        return MAX_ATTEMPT_LOG_BYTES_IN_MEMORY
    if any(kind.folder and path.startswith(f"{kind.folder}/") for kind in kinds()):
        return MAX_COLLECTED_BYTES_IN_MEMORY
    if path.endswith(layout.SALTS_END):
        return limits.MAX_JSON_BYTES
    return IN_MEMORY_WHERE_SMALL.get(path)


def unlisted(tree: Tree, listed: Mapping[str, str]) -> Iterator[Problem]:
    """Files that are in the directory and in no list."""
    beside = (layout.SUMS, layout.SIGNATURE)
    for path in sorted(tree.files):
        if path not in listed and path not in beside and not layout.is_rendered(path):
            yield Problem(path, "is in no list: not part of the evidence", code="unlisted-file")


def cannot_be_attached(tree: Tree) -> Iterator[Problem]:
    """Files beside what may be attached; nothing of the pack is read then."""
    for path in sorted(tree.files):
        if layout.is_attached(path) and not layout.is_rendered(path):
            text = "only notes-NAME.md and reproduced-DIGEST.json can be attached to a pack"
            yield Problem(path, text, severity="refused", code="not-to-be-attached")


def too_big(tree: Tree) -> Iterator[Problem]:
    """Files larger than any honest one of their kind; nothing of the pack is read then."""
    rendered = attached = of_the_model = in_memory_bytes = in_lines = 0
    for path in sorted(tree.files):
        size = tree.files[path].size_bytes
        parsed = is_read_into_memory(path, size)
        cap = _cap(path, in_memory=parsed)
        if cap is not None and size > cap:
            yield Problem(
                path,
                f"{size} bytes, more than the {cap} that such a file may have",
                severity="refused",
                code="too-large",
            )
        in_memory_bytes += size if parsed else 0
        if parsed and path.endswith(".jsonl") and size <= (cap or size):
            in_lines += size  # what is too large by itself is said already
        rendered += size if layout.is_rendered(path) else 0
        attached += size if layout.is_attached(path) else 0
        of_model = layout.without_stage(path).startswith(_OF_THE_MODEL)
        of_the_model += size if parsed and of_model else 0
    for place, what, total, most in (
        (layout.RENDERED, "the rendered set has", rendered, limits.MAX_RENDERED_BYTES),
        (layout.ATTACHED, "what is attached has", attached, limits.MAX_ATTACHED_BYTES),
        (
            layout.FINAL_MODEL,
            "its JSON files have",
            of_the_model,
            limits.MAX_MODEL_JSON_BYTES,
        ),
        (layout.MANIFEST, "the JSON lines files have", in_lines, limits.MAX_JSONL_BYTES),
        (layout.MANIFEST, "the documents have", in_memory_bytes, limits.MAX_DOCUMENTS_BYTES),
    ):
        if total > most:
            text = f"{what} {total} bytes together, more than {most}"
            yield Problem(place, text, severity="refused", code="too-large")


def much_larger_than_stated(path: str, size_bytes: int, stated_bytes: int) -> Problem | None:
    """A file so much larger than the manifest states that nothing of the pack is read."""
    if size_bytes <= 2 * stated_bytes + limits.MAX_TEXT_BYTES:
        return None
    return Problem(
        path,
        "is far larger than the manifest states; not read",
        expected=f"{stated_bytes} bytes",
        actual=f"{size_bytes} bytes",
        severity="refused",
        code="too-large",
    )


def _cap(path: str, *, in_memory: bool) -> int | None:
    if path in _CAPS:
        return _CAPS[path]
    if layout.is_attached(path):
        return limits.MAX_NOTE_BYTES
    if not in_memory or _max_bytes_in_memory(path) is not None:
        return None
    return limits.MAX_JSONL_BYTES if path.endswith(".jsonl") else limits.MAX_JSON_BYTES
