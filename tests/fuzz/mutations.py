"""Ways to break a pack at random, from single bytes to whole structures.

Responsible for turning a pack's files into other files. Each function takes a source of chance and
the files, and changes them in place. What verify must say to it is `campaign`'s.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final, TypeAlias

from toy import MODEL

from evidence import layout
from evidence.encoding import jsonio

Files: TypeAlias = dict[str, bytes]
Mutation: TypeAlias = Callable[[Random, Files], None]

NUMBERS: Final = (
    *(0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 10**40, 0.0, -0.0, 1e-320, 1e308, -1e308, 0.1),
)
TEXTS: Final = (
    "", "0", "null", "NaN", "../x", "/etc/passwd", "\u202e", "\x1b[31m", "\u0000", "a" * 70_000,
    "<script>", "{{7*7}}", "{% raw %}", "|", "\n\n# x", "sha256:", "M90", "CON", "e\u0301", "é",
    "::set-output", "1e999", "=cmd()", "-rf", "\\", "%2e%2e", "\u2028", "2026-01-01T00:00:00Z",
)  # fmt: skip
TOKENS: Final = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-0", b"true", b"null", b'"\\ud800"', b"[" * 40,
    b"{" * 40, b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\xe2\x80\xa8", b'"', b",", b"}", b"]",
    b"\n", b"[[" * 200, b"a." * 40, b"#", b"=", b"'''", b"\x1b]8;;x\x07", b"0x1", b"1_000", b"+1",
)  # fmt: skip


def flip_bits(random: Random, files: Files) -> None:
    """One to eight bits of one file."""
    path = _path(random, files)
    data = bytearray(files[path])
    for _ in range(random.choice((1, 1, 1, 2, 8)) if data else 0):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    files[path] = bytes(data)


def cut_and_splice(random: Random, files: Files) -> None:
    """Remove, repeat, insert or move a piece of one file."""
    path = _path(random, files)
    data = files[path]
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice((1, 2, 7, 64, 1000)))
    piece = data[start:end]
    match random.randrange(5):
        case 0:
            data = data[:start] + data[end:]
        case 1:
            data = data[:end] + piece * random.choice((1, 2, 50)) + data[end:]
        case 2:
            data = data[:start] + random.choice(TOKENS) + data[end:]
        case 3:
            data = data[:start]
        case _:
            other = files[_path(random, files)]
            data = data[:start] + other[: random.randrange(len(other) + 1)] + data[end:]
    files[path] = data


def stretch(random: Random, files: Files) -> None:
    """One character, line or place of a structure many times over: what is slow in it shows."""
    path = _path(random, files)
    data = files[path]
    if random.randrange(4) == 0 and path.endswith((".json", ".toml")):
        opens, closes = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")")))
        depth = random.choice((30, 1_000, 20_000))
        at = random.randrange(len(data) + 1)
        files[path] = data[:at] + opens * depth + closes * depth + data[at:]
        return
    if random.randrange(3) == 0:
        lines = data.split(b"\n")
        at = random.randrange(len(lines))
        lines[at : at + 1] = [lines[at]] * (1 + random.choice((100, 3_000)))
        files[path] = b"\n".join(lines)
        return
    at = random.randrange(len(data) + 1)
    own = data[at : at + random.choice((1, 1, 1, 2, 3))]
    piece = random.choice((own or b" ", b" ", b"\t", b"\\", b'"', b"'", b"a", b"0", b"-", b"."))
    files[path] = data[:at] + piece * random.choice((200, 3_000, 60_000)) + data[at:]


def restructure(random: Random, files: Files) -> None:
    """Delete, repeat, retype or blow up one place of a JSON document or row."""
    path = random.choice([p for p in files if p.endswith((".json", ".jsonl"))])
    lines = files[path].split(b"\n") if path.endswith("l") else [files[path]]
    index = random.randrange(len(lines))
    try:
        value = json.loads(lines[index])
    except (ValueError, RecursionError):
        return
    _bend(random, value)
    dump = jsonio.dump_row if path.endswith("l") else jsonio.dump_document
    try:
        text = dump(value)
    except (ValueError, TypeError, RecursionError):
        # what our own writer refuses, another writer writes
        text = json.dumps(value).encode("utf-8", "surrogatepass")
    lines[index] = text.rstrip(b"\n") if path.endswith("l") else text
    files[path] = b"\n".join(lines)


def reorder_lines(random: Random, files: Files) -> None:
    """Drop, repeat, swap or blank lines of a text."""
    path = random.choice([p for p in files if p.endswith(("l", "s", "S", "t"))])
    lines = files[path].split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            del lines[one]
        case 1:
            lines[one:one] = [lines[other]] * random.choice((1, 2, 100))
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case _:
            lines[one] = random.choice(TOKENS)
    files[path] = b"\n".join(lines)


def retell_milestone(random: Random, files: Files) -> None:
    """Another value for one key of the milestone."""
    lines = files.get(layout.MILESTONE, b"").split(b"\n")
    keys = [number for number, line in enumerate(lines) if b" = " in line]
    if not keys:
        return
    chosen = random.choice(keys)
    key = lines[chosen].partition(b" = ")[0]
    number, text = random.choice(NUMBERS), random.choice(TEXTS)
    value = random.choice((repr(number), json.dumps(text), "[]", "{}", "[[1]]", "inf", "true"))
    lines[chosen] = key + b" = " + value.encode()
    files[layout.MILESTONE] = b"\n".join(lines)


def misstate_tensors(random: Random, files: Files) -> None:
    """Another header of the weights, or a false length of it."""
    data = files.get(MODEL, b"")
    if len(data) < 9:
        return
    (length,) = struct.unpack("<Q", data[:8])
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        return
    _bend(random, header)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    stated = random.choice((len(text), len(text), 0, 2**63, 10**9))
    files[MODEL] = struct.pack("<Q", stated) + text + data[8 + length :]


def come_and_go(random: Random, files: Files) -> None:
    """A file more, a file less, or one under another name."""
    path = _path(random, files)
    match random.randrange(3):
        case 0:
            del files[path]
        case 1:
            files[random.choice((f"{path}.orig", f"x/{path}", path.upper()))] = files[path]
        case _:
            files[f"x{path}"] = files.pop(path)


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip_bits,
    cut_and_splice,
    stretch,
    stretch,
    restructure,
    restructure,
    restructure,
    reorder_lines,
    retell_milestone,
    misstate_tensors,
    come_and_go,
)


def _path(random: Random, files: Files) -> str:
    return random.choice(sorted(files))


def _bend(random: Random, value: Any) -> None:
    """Change one place inside a value."""
    places = list(_places(value))
    if not places:
        return
    holder, key = random.choice(places)
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = random.choice(NUMBERS)
        case 2:
            holder[key] = random.choice(TEXTS)
        case 3:
            holder[key] = random.choice((None, True, False, [], {}, [[]], {"unavailable": "no"}))
        case 4:
            holder[key] = [holder[key]] * random.choice((2, 1000))
        case _:
            other, there = random.choice(places)  # copied, or a value could hold itself
            holder[key] = deepcopy(other[there])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    else:
        return
    for key, one in inside:
        yield value, key
        yield from _places(one)
