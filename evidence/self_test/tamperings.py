"""Ways to break a pack without sealing it again: bytes, names, kinds of files, lists.

Responsible for the list; each way says which check of verify claims to catch it. What a forger
can seal consistently is in `forgeries`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from evidence import layout
from evidence.records.record import Record
from evidence.self_test.bench import Bench
from evidence.self_test.forger import NotPossibleError

Break = Callable[[Bench], object]

_NOT_CHECKED_WITHOUT_TRUST: Final = (layout.SIGNATURE, layout.RENDERED_SIGNATURE)


class Tampering(Record):
    """One way to break the copy, and the checks of which one at least must fail."""

    id: str
    what: str
    apply: Break
    checks: tuple[str, ...]


def tamperings(bench: Bench) -> Iterator[Tampering]:
    """Every file flipped and broken in one more way, then what no single file shows."""
    files = [path for path in bench.names if path not in _NOT_CHECKED_WITHOUT_TRUST]
    for index, path in enumerate(files):
        checks = _checks_of(path)
        yield Tampering(f"flip:{path}", "one bit flipped", _flip(path), checks)
        name, what, way = _WAYS[index % len(_WAYS)]
        if path in bench.withheld and way in (_delete, _rename):
            name, what, way = _WAYS[0]  # taking away a withheld file is allowed, and said
        if way in (_cut, _empty) and not (bench.pack / path).stat().st_size:
            name, what, way = _WAYS[1]  # nothing can be taken from an empty file
        yield Tampering(f"{name}:{path}", what, _on(way, path), checks)
    yield from _SPECIAL
    yield from _lists()


def _checks_of(path: str) -> tuple[str, ...]:
    if path == layout.SUMS:
        return ("listing", "digests", "rendered-list")
    return ("rendered-list", "rendered-bytes") if layout.is_rendered(path) else ("digests",)


def _on(way: Callable[[Bench, str], object], path: str) -> Break:
    return lambda bench: way(bench, path)


def _flip(path: str) -> Break:
    def flip(bench: Bench) -> None:
        size = (bench.pack / path).stat().st_size
        if size:
            bench.flip(path, size // 2)
        else:
            bench.write(path, b"x")

    return flip


def _cut(bench: Bench, path: str) -> None:
    target = bench.touch(path)
    os.truncate(target, max(target.stat().st_size - 1, 0))


def _empty(bench: Bench, path: str) -> None:
    os.truncate(bench.touch(path), 0)


def _longer(bench: Bench, path: str) -> None:
    with bench.touch(path).open("ab") as stream:
        stream.write(b"\n")


def _delete(bench: Bench, path: str) -> None:
    bench.touch(path).unlink()


def _rename(bench: Bench, path: str) -> None:
    bench.touch(path).rename(bench.touch(f"{path}.old"))


_WAYS: Final[tuple[tuple[str, str, Callable[[Bench, str], object]], ...]] = (
    ("cut", "its last byte cut off", _cut),
    ("longer", "one line end longer", _longer),
    ("delete", "deleted", _delete),
    ("empty", "emptied", _empty),
    ("rename", "renamed", _rename),
)


def _extra(path: str, data: bytes = b"hello\n") -> Break:
    return lambda bench: bench.write(path, data)


def _empty_folder(bench: Bench) -> None:
    bench.touch("spare").mkdir()


def _two(bench: Bench) -> tuple[str, str]:
    """Two documents that the pack has, whichever kind it is."""
    of_run = layout.HARDWARE, layout.PACKAGES
    return of_run if of_run[0] in bench.names else (layout.SOURCES, layout.FINDINGS)


def _swap(bench: Bench) -> None:
    one, other = _two(bench)
    bench.write(one, bench.bytes_of(other))
    bench.write(other, bench.bytes_of(one))


def _symlink(bench: Bench) -> None:
    name, _ = _two(bench)
    target = bench.touch(name)
    target.unlink()
    target.symlink_to((bench.original / name).resolve())


def _dangling(bench: Bench) -> None:
    bench.touch("spare.json").symlink_to("nowhere")


def _folder_link(bench: Bench) -> None:
    bench.touch("spare").symlink_to(bench.pack / "training_output")


def _hard_link(bench: Bench) -> None:
    os.link(bench.pack / _two(bench)[0], bench.touch("spare.json"))


def _fifo(bench: Bench) -> None:
    make = getattr(os, "mkfifo", None)
    if make is None:
        raise NotPossibleError("this system has no FIFOs in folders")
    make(bench.touch("spare.json"))


def _case_twin(bench: Bench) -> None:
    if (bench.pack / "Manifest.json").exists():
        raise NotPossibleError("this disk does not tell upper from lower case")
    bench.write("Manifest.json", b"{}\n")


def _folder_for_file(bench: Bench) -> None:
    target = bench.touch(_two(bench)[0])
    target.unlink()
    target.mkdir()


_SPECIAL: Final = (
    Tampering("extra-file", "a file that is in no list", _extra("spare.json"), ("listing",)),
    Tampering("extra-nested", "the same in a folder", _extra("a/b/spare.txt"), ("listing",)),
    Tampering("extra-dotfile", "a hidden file", _extra(".DS_Store"), ("listing",)),
    Tampering("extra-sums", "a second list", _extra("SUMS.d/SHA256SUMS"), ("listing",)),
    Tampering("extra-summary", "a second summary", _extra("other_summary.md"), ("rendered-list",)),
    Tampering("extra-pickle", "a file that can run code", _extra("model.bin"), ("structure",)),
    Tampering("extra-note", "a note that was never attached", _extra("attached/notes-999.md"),
              ("rendered-list",)),
    Tampering("case-twin", "two names that differ in case", _case_twin,
              ("structure",)),
    Tampering("odd-name", "a name with an escape in it", _extra("a\x1b[2Jb"), ("structure",)),
    Tampering("empty-folder", "an empty folder", _empty_folder, ("structure",)),
    Tampering("swap", "two files change places", _swap, ("digests",)),
    Tampering("symlink", "a link to the same bytes", _symlink, ("structure",)),
    Tampering("symlink-dangling", "a link to nowhere", _dangling, ("structure",)),
    Tampering("symlink-folder", "a link to a folder", _folder_link, ("structure",)),
    Tampering("hard-link", "a second hard link", _hard_link, ("structure",)),
    Tampering("fifo", "a FIFO, which would block", _fifo, ("structure",)),
    Tampering("folder", "a folder in place of a file", _folder_for_file, ("digests", "structure")),
)  # fmt: skip


def _lines(edit: Callable[[list[bytes]], list[bytes]]) -> Break:
    def change(bench: Bench) -> None:
        lines = bench.bytes_of(layout.SUMS).splitlines(keepends=True)
        bench.write(layout.SUMS, b"".join(edit(lines)))

    return change


def _lists() -> Iterator[Tampering]:
    """SHA256SUMS itself, line by line."""
    edits: dict[str, tuple[str, Callable[[list[bytes]], list[bytes]]]] = {
        "line-left-out": ("a line left out", lambda lines: lines[:-1]),
        "line-twice": ("a line twice", lambda lines: [lines[0], *lines]),
        "line-order": ("lines in another order", lambda lines: lines[::-1]),
        "line-upper": ("upper-case digits", lambda lines: [lines[0].upper(), *lines[1:]]),
        "line-short": ("a digest of 63 digits", lambda lines: [lines[0][1:], *lines[1:]]),
        "line-binary": ("the binary mark", lambda lines: [
            lines[0].replace(b"  ", b" *", 1), *lines[1:]]),
        "line-garbage": ("a line of words", lambda lines: [*lines, b"all is well\n"]),
        "line-end": ("no final line end", lambda lines: [*lines[:-1], lines[-1].rstrip()]),
        "line-outside": ("a path that leaves the pack", lambda lines: [
            *lines, b"0" * 64 + b"  ../outside\n"]),
        "line-none": ("an empty list", lambda lines: []),
    }  # fmt: skip
    for name, (what, edit) in edits.items():
        yield Tampering(f"sums-{name}", f"SHA256SUMS: {what}", _lines(edit), ("listing",))
