"""Laws of odd hosts: whatever the system answers, or not, the record is valid and says so."""

from __future__ import annotations

import locale
import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from evidence import limits
from evidence.capture import cgroups, host
from evidence.capture.environ import capture_environment
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.records.availability import Unavailable
from evidence.records.capture import HardwareRecord

NOTHING = Unavailable("nothing")


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*_: object, **__: object) -> None:
        raise error

    return call


def giving(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


ODD: dict[str, Callable[..., Any]] = {
    "nothing": giving(None),
    "empty": giving(""),
    "bytes": giving(b"\xff\xfe"),
    "a surrogate": giving("\udcff\x1b[31m"),
    "zero": giving(0),
    "minus one": giving(-1),
    "2^70": giving(2**70),
    "no number": giving(float("nan")),
    "infinite": giving(float("inf")),
    "absurd parts": giving(SimpleNamespace(total=-1, free=2**70, max=float("nan"), current=-1)),
    "no parts": giving(SimpleNamespace()),
    "a long text": giving("x\n" * 100_000),
    "no permission": raising(PermissionError(13, "denied")),
    "not there": raising(FileNotFoundError(2, "no such file")),
    "no text": raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")),
    "an index beyond": raising(IndexError("list index out of range")),
    "a key not there": raising(KeyError("MemTotal:")),
    "psutil's own": raising(psutil.AccessDenied(1)),
    "not for this system": raising(NotImplementedError()),
}
PROBES = (
    (psutil, "cpu_count"),
    (psutil, "cpu_freq"),
    (psutil, "virtual_memory"),
    (psutil, "disk_usage"),
    (os, "sched_getaffinity"),
    (host, "_cpuinfo"),
    (host, "_model_name"),
    (platform, "freedesktop_os_release"),
)


WITHIN: dict[str, Callable[[object], dict[str, object]]] = {
    "_cpuinfo": lambda odd: {"brand_raw": odd, "flags": odd},
    "freedesktop_os_release": lambda odd: {"PRETTY_NAME": odd},
}


def hardware() -> HardwareRecord:
    return host.capture_hardware(Path(), host.capture_cpu(), NOTHING, NOTHING, NOTHING)


@pytest.fixture(autouse=True)
def _known_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """py-cpuinfo takes a third of a second."""
    monkeypatch.setattr(host, "_cpuinfo", lambda: {"brand_raw": "A CPU", "flags": ["avx"]})


@pytest.mark.parametrize(("module", "name"), PROBES, ids=[name for _, name in PROBES])
@pytest.mark.parametrize("kind", ODD)
def test_whatever_one_probe_answers_the_record_is_valid(
    module: Any, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ODD[kind]
    if name in WITHIN:  # the oddity is what stands in the table
        try:
            answer = giving(WITHIN[name](answer()))
        except (OSError, ValueError) as error:
            answer = raising(error) if name == "freedesktop_os_release" else giving({})
        except Exception:  # no reader of a file raises these
            answer = giving({})
    monkeypatch.setattr(module, name, answer)
    record = encode(hardware())
    assert schema.validate("hardware.v1", record) == ()
    jsonio.dump_document(record).decode("utf-8")


def test_a_disk_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(limits, "PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(psutil, "disk_usage", lambda _: released.wait())
    try:
        found = hardware()
    finally:
        released.set()
    assert found.disk_free_bytes == Unavailable("the system did not answer within 0.2 s")
    assert isinstance(found.memory_bytes, int)


def test_an_instruction_set_is_no_name_of_a_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "_cpuinfo", dict)
    monkeypatch.setattr(host, "_CPU_FILE", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "processor", platform.machine)
    for text in (b"", b"model name :\n", b"processor\t: 0\n\xff\xfe"):
        (tmp_path / "cpuinfo").write_bytes(text)
        assert host.capture_cpu().model == host.NOT_REPORTED
    (tmp_path / "cpuinfo").write_bytes(b"model name\t: A  CPU \xff\n")
    assert host.capture_cpu().model == "A CPU \ufffd"


def group(root: Path, membership: str, files: dict[str, str]) -> Path:
    """A file system in which a process is in a control group."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(membership)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


NO_LIMIT = "9223372036854771712\n"


@pytest.mark.parametrize(
    ("membership", "files", "memory", "cores"),
    [
        ("0::/\n", {}, None, None),
        (
            "0::/a/b\n",
            {"a/b/memory.max": "max", "a/b/cpu.max": "max 1"},
            None,
            None,
        ),
        ("0::/a/b\n", {"a/memory.max": "1048576\n"}, 1 << 20, None),
        ("0::/a\n", {"a/memory.max": "7\n", "memory.max": "5\n"}, 5, None),
        ("0::/../..\n", {"memory.max": "5\n", "cpu.max": "150000 100000\n"}, 5, 1.5),
        (
            "4:memory:/x\n",
            {"memory/memory.limit_in_bytes": NO_LIMIT},
            None,
            None,
        ),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "64\n"}, 64, None),
        ("2:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n"}, None, None),
        ("2:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "50000\n"}, None, 0.5),
        ("\x00\xff garbage", {}, None, None),
    ],
)
def test_the_lowest_limit_of_a_container_counts(
    membership: str, files: dict[str, str], memory: int | None, cores: float | None, tmp_path: Path
) -> None:
    root = group(tmp_path, membership, files)
    assert cgroups.memory_limit_bytes(root) == memory
    assert cgroups.core_limit(root) == cores


@pytest.mark.parametrize("text", ["", "-5", "many", "1e9", "\ufffd"])
def test_a_garbled_limit_is_unknown_and_not_absent(text: str, tmp_path: Path) -> None:
    root = group(tmp_path, "0::/\n", {"memory.max": text, "cpu.max": text})
    for found in (cgroups.memory_limit_bytes(root), cgroups.core_limit(root)):
        assert isinstance(found, Unavailable)
        assert "holds no number" in found.reason


def test_what_a_container_leaves_is_what_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "memory_limit_bytes", lambda: 1 << 20)
    monkeypatch.setattr(host, "core_limit", lambda: 0.5)
    found = hardware()
    assert (found.memory_bytes, found.cpu.num_usable_cores) == (1 << 20, 1)
    garbled = Unavailable("memory.max of the control group holds no number")
    monkeypatch.setattr(host, "memory_limit_bytes", lambda: garbled)
    assert hardware().memory_bytes == garbled


def test_a_locale_that_nothing_knows_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getlocale", raising(ValueError("unknown locale")))
    monkeypatch.setattr(locale, "setlocale", raising(locale.Error("unsupported")))
    odd = {"LANG": "\udcff\x1b", "TZ": "x" * 10_000, "LC_ALL": ""}
    found = capture_environment("2026-01-01T00:00:00.0Z", odd)
    assert found.locale == "not said"
    assert schema.validate("environment.v1", encode(found)) == ()
    jsonio.dump_document(encode(found))
