"""S1: thirty secrets in six spellings through ten channels, and none is published."""

from __future__ import annotations

import json
import struct
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.attempt.files import LogFile
from evidence.records.availability import Unavailable
from evidence.records.capture import EnvironmentRecord, GitRecord
from evidence.redact.known import known_secrets
from evidence.redact.privacy import Privacy
from evidence.redact.search import scan
from evidence.redact.stream import Redactor
from evidence.running.secrets import _in_file, cleaned
from tests.redaction.canaries import CANARIES, ENCODINGS, VARIABLES, Canary, traces

SECRETS = known_secrets(VARIABLES)
REFUSED = b""
Channel = Callable[[str, Path], bytes]
"""Text that a secret is in → the bytes that a pack would hold; empty where it is refused."""


def environment(text: str, folder: Path) -> bytes:
    record = EnvironmentRecord(
        "environment.v1", "3", "c", "gcc", "C", "+0", "now", {"LANG": text}, Unavailable(text)
    )
    return json.dumps(cleaned(record, EnvironmentRecord, Privacy(SECRETS)).variables).encode()


def argv(text: str, folder: Path) -> bytes:
    known = known_secrets(VARIABLES, ["run", f"--token={text}"])
    return _log([f"called with ['--token={text}']\n".encode()], folder, Redactor(known))


def stdout(text: str, folder: Path) -> bytes:
    return _log([f"loading with {text} from the hub\n".encode()], folder)


def raw_writes(text: str, folder: Path) -> bytes:
    data = f"before {text} after".encode()
    return _log([data[i : i + 7] for i in range(0, len(data), 7)], folder)


def traceback_of(text: str, folder: Path) -> bytes:
    try:
        raise RuntimeError({"asked": text}) from ValueError(text)
    except RuntimeError as error:
        return _log(["".join(traceback.format_exception(error)).encode()], folder)


def remote(text: str, folder: Path) -> bytes:
    none = Unavailable(f"git said {text}")
    record = GitRecord("git.v1", f"https://git.example.org/{text}", none, none, none, none)
    return repr(cleaned(record, GitRecord, Privacy(SECRETS))).encode()


def toml(text: str, folder: Path) -> bytes:
    return _scanned(f"[narrative]\nsummary = {json.dumps(text)}\n".encode())


def file_name(text: str, folder: Path) -> bytes:
    return _scanned(f"training_output/{text}.json".encode())


def data_row(text: str, folder: Path) -> bytes:
    return _scanned(json.dumps({"prompt": "p", "answer": text}).encode() + b"\n")


def safetensors(text: str, folder: Path) -> bytes:
    header = json.dumps({"__metadata__": {"note": text}}).encode()
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 64)
    return REFUSED if _in_file(path, SECRETS) else header


def _log(pieces: list[bytes], folder: Path, redactor: Redactor | None = None) -> bytes:
    path = folder / "log.txt"
    path.unlink(missing_ok=True)
    log = LogFile(path, redactor or Redactor(SECRETS))
    for piece in pieces:
        log.feed(piece)
    log.close()
    return path.read_bytes() + "\n".join(log.last_lines).encode()


def _scanned(data: bytes) -> bytes:
    return REFUSED if scan(data, SECRETS) else data


CHANNELS: tuple[Channel, ...] = (
    environment,
    argv,
    stdout,
    raw_writes,
    traceback_of,
    remote,
    toml,
    file_name,
    data_row,
    safetensors,
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.__name__)
def test_no_secret_in_any_spelling_gets_through_any_channel(
    channel: Channel, encoding: str, tmp_path: Path
) -> None:
    """S1: channel by channel."""
    assert len(CANARIES) == 30
    for canary in CANARIES:
        published = channel(ENCODINGS[encoding](canary.text), tmp_path)
        leaked = [trace for trace in traces(canary) if trace in published]
        assert not leaked, f"{canary.name}: {published!r}"


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_finding_names_kind_and_line_and_never_the_secret(canary: Canary) -> None:
    found = scan(b"first line\n" + canary.text.encode(), SECRETS)
    assert found
    assert found[0].line >= 2
    assert canary.secret not in repr(found)
