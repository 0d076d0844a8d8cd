"""The vocabulary of case.toml: what can be done to a pack, one function an operation.

Responsible for changing a copy of a pack as an attacker, an accident or another system would.
README.md beside this file lists the operations for those who write cases.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from packs.sealing import reseal, resum
from toy import prediction, safetensors

from evidence import layout
from evidence.encoding import jsonio
from evidence.pack import sshsig

Operation = Callable[..., Path | None]
OPERATIONS: Final[dict[str, Operation]] = {}


def operation(function: Operation) -> Operation:
    """Register a function under its name, `_` written as `-`."""
    OPERATIONS[function.__name__.strip("_").replace("_", "-")] = function
    return function


def apply(pack: Path, edit: dict[str, Any]) -> Path:
    """Do one `[[edit]]` of a case to the pack. Returns where the pack is now."""
    parameters = {key: value for key, value in edit.items() if key != "do"}
    return OPERATIONS[edit["do"]](pack, **parameters) or pack


@operation
def flip(pack: Path, path: str, at: int | None = None, bit: int = 0) -> None:
    """Flip one bit: of the byte `at`, or of the one in the middle."""
    data = bytearray((pack / path).read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1 << bit
    (pack / path).write_bytes(data)


@operation
def truncate(pack: Path, path: str, by: int = 0, to: int | None = None) -> None:
    """Cut the end off."""
    size = (pack / path).stat().st_size
    os.truncate(pack / path, size - by if to is None else to)


@operation
def append(pack: Path, path: str, text: str) -> None:
    """Add to the end."""
    with (pack / path).open("ab") as stream:
        stream.write(text.encode())


@operation
def _write(
    pack: Path, path: str, text: str = "", raw: str = "", encoding: str = "utf-8", times: int = 1
) -> None:
    """Put a file there, from text or from bytes in hexadecimal, so many times over."""
    target = pack / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((bytes.fromhex(raw) or text.encode(encoding)) * times)


@operation
def write_many(pack: Path, folder: str, number: int) -> None:
    """So many empty files."""
    (pack / folder).mkdir(parents=True)
    for index in range(number):
        (pack / folder / f"f{index}").touch()


@operation
def bytes_name(pack: Path, name: str) -> None:
    """A file whose name is these bytes in hexadecimal."""
    os.close(os.open(os.fsencode(pack) + b"/" + bytes.fromhex(name), os.O_CREAT | os.O_WRONLY))


@operation
def replace(pack: Path, path: str, old: str, new: str, times: int = 1) -> None:
    """Replace the first occurrence of a text; `times` repeats the new one."""
    text = (pack / path).read_text("utf-8")
    assert old in text, f"{path} has no {old!r}"
    (pack / path).write_text(text.replace(old, new * times, 1), "utf-8")


@operation
def encode(pack: Path, path: str, encoding: str) -> None:
    """Write a text file in another encoding."""
    (pack / path).write_bytes((pack / path).read_text("utf-8").encode(encoding))


@operation
def line_ends(pack: Path, path: str) -> None:
    """LF to CRLF, as a checkout on another system does."""
    (pack / path).write_bytes((pack / path).read_bytes().replace(b"\n", b"\r\n"))


@operation
def delete(pack: Path, path: str) -> None:
    """Take a file or a folder away."""
    shutil.rmtree(pack / path) if (pack / path).is_dir() else (pack / path).unlink()


@operation
def rename(pack: Path, path: str, to: str) -> None:
    """Move a file within the pack."""
    (pack / to).parent.mkdir(parents=True, exist_ok=True)
    (pack / path).rename(pack / to)


@operation
def rename_pack(pack: Path, to: str) -> Path:
    """Another name for the pack's folder."""
    return pack.rename(pack.with_name(to))


@operation
def copy(pack: Path, path: str, to: str) -> None:
    """Copy a file within the pack."""
    (pack / to).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pack / path, pack / to)


@operation
def swap(pack: Path, path: str, other: str) -> None:
    """Exchange the bytes of two files."""
    one, two = (pack / path).read_bytes(), (pack / other).read_bytes()
    (pack / path).write_bytes(two)
    (pack / other).write_bytes(one)


@operation
def symlink(pack: Path, path: str, target: str) -> None:
    """A symbolic link in place of a file or folder, whose content goes to `../aside`."""
    aside = pack.parent / "aside"
    if (pack / path).exists():
        shutil.move(pack / path, aside)
    (pack / path).symlink_to(target)


@operation
def hardlink(pack: Path, path: str, to: str) -> None:
    """A second name of a file, inside the pack or beside it (`../name`)."""
    os.link(pack / path, pack / to)


@operation
def special(pack: Path, path: str, kind: str) -> None:
    """A fifo, socket or device in place of a file."""
    (pack / path).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(pack / path)
    elif kind == "device":
        os.mknod(pack / path, 0o600 | 0o020000, os.makedev(1, 5))
    else:
        with socket.socket(socket.AF_UNIX) as server:  # names of sockets are short: from inside
            before = os.open(".", os.O_RDONLY)
            try:
                os.chdir((pack / path).parent)
                server.bind(Path(path).name)
            finally:
                os.fchdir(before)
                os.close(before)


@operation
def sparse(pack: Path, path: str, size: int) -> None:
    """A file of that size that takes no room."""
    (pack / path).unlink(missing_ok=True)
    (pack / path).touch()
    os.truncate(pack / path, size)


@operation
def folder(pack: Path, path: str, depth: int = 1) -> None:
    """An empty folder, or one in another to that depth."""
    (pack / "/".join([path] * depth)).mkdir(parents=True)


@operation
def archive(pack: Path, form: str) -> None:
    """A zip or tar file in place of the pack's folder."""
    files = sorted(p for p in pack.rglob("*") if p.is_file())
    made = pack.with_suffix(f".{form}")
    if form == "zip":
        with zipfile.ZipFile(made, "w") as zipped:
            for file in files:
                zipped.write(file, f"../{file.relative_to(pack)}")
    else:
        with tarfile.open(made, "w") as tarred:
            tarred.add(pack, arcname="..")
    shutil.rmtree(pack)
    made.rename(pack)


@operation
def set(pack: Path, path: str, at: str, value: Any, line: int | None = None) -> None:  # noqa: A001
    """Set a place (JSON pointer) of a JSON document, or of one line of a JSON lines file."""
    with _Edited(pack / path, line) as root:
        target, key = _place(root, at)
        target[key] = value


@operation
def unset(pack: Path, path: str, at: str, line: int | None = None) -> None:
    """Take a place away."""
    with _Edited(pack / path, line) as root:
        target, key = _place(root, at)
        del target[key]


@operation
def times(pack: Path, path: str, at: str, factor: float, lines: bool = False) -> None:
    """Multiply a number: one place, or the place in every line."""
    rows = (pack / path).read_bytes().count(b"\n") if lines else 0
    for line in range(1, rows + 1) if lines else [None]:
        with _Edited(pack / path, line) as root:
            target, key = _place(root, at)
            target[key] *= factor


@operation
def drop_line(pack: Path, path: str, line: int) -> None:
    """Take one line away; negative numbers count from the end."""
    rows = (pack / path).read_bytes().split(b"\n")[:-1]
    del rows[line - 1 if line > 0 else line]
    (pack / path).write_bytes(b"".join(row + b"\n" for row in rows))


@operation
def repeat_line(pack: Path, path: str, line: int, times: int = 1) -> None:
    """Add one line again behind itself."""
    rows = (pack / path).read_bytes().split(b"\n")[:-1]
    rows[line:line] = [rows[line - 1]] * times
    (pack / path).write_bytes(b"".join(row + b"\n" for row in rows))


@operation
def output(pack: Path, line: int, text: str) -> None:
    """Another output of one prediction, with all that follows from it in its row."""
    rows = [json.loads(row) for row in (pack / layout.PREDICTIONS).read_bytes().splitlines()]
    rows[line - 1] = prediction(line - 1, text)
    made = b"".join(json.dumps(row, sort_keys=True).encode() + b"\n" for row in rows)
    (pack / layout.PREDICTIONS).write_bytes(made)


@operation
def weights(pack: Path, path: str, tensor: str = "", change: dict[str, Any] | None = None,
            trailing: int = 0, header_size: int | None = None) -> None:  # fmt: skip
    """The toy's weights with one tensor's header entry changed, bytes behind, or a false length."""
    edits = change or {}

    def edit(header: dict[str, Any]) -> None:
        name = tensor or next(key for key in header if key != "__metadata__")
        header[name] = {**header[name], **edits} if name in header else edits

    data = safetensors(edit) + b"\0" * trailing
    if header_size is not None:
        data = header_size.to_bytes(8, "little") + data[8:]
    (pack / path).write_bytes(data)


@operation
def seal(pack: Path, forget: list[str] | None = None) -> None:
    """Seal again as a forger with this project's code could, all that follows recomputed."""
    reseal(pack, forget or [])


@operation
def hashes(pack: Path) -> None:
    """Write sizes and SHA256SUMS again, and nothing else: bytes stay as they are."""
    resum(pack)


@operation
def sign(pack: Path, namespace: str = sshsig.EVIDENCE_NAMESPACE, of: str = layout.SUMS) -> None:
    """Sign with a key that nobody trusts."""
    key = pack.parent / "stranger"
    quiet = {"check": True, "capture_output": True}
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], **quiet)
    command = ["ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace]
    done = subprocess.run(command, input=(pack / of).read_bytes(), **quiet)
    (pack / layout.SIGNATURE).write_bytes(done.stdout)


class _Edited:
    """The value of a JSON document or line, written back as canonical JSON."""

    def __init__(self, path: Path, line: int | None) -> None:
        self.path, self.line = path, line
        data = path.read_bytes()
        self.rows = data.split(b"\n")[:-1] if line is not None else [data]
        self.index = 0 if line is None else line - 1
        self.value = json.loads(self.rows[self.index])

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, *_: object) -> None:
        dump = jsonio.dump_document if self.line is None else jsonio.dump_row
        self.rows[self.index] = dump(self.value).rstrip(b"\n")
        self.path.write_bytes(b"".join(row + b"\n" for row in self.rows))


def _place(root: Any, pointer: str) -> tuple[Any, Any]:
    *parents, last = pointer.strip("/").split("/")
    for part in parents:
        root = root[int(part)] if isinstance(root, list) else root[part.replace("~1", "/")]
    return root, int(last) if isinstance(root, list) else last.replace("~1", "/")
