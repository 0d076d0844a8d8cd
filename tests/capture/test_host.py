"""Laws of describing the machine: every answer is real or has a reason."""

from __future__ import annotations

import sys
import time
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence import limits
from evidence.capture import environ, host, packages, telemetry
from evidence.capture.host import capture_cpu, capture_hardware, recognise_container
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable

NOTHING = Unavailable("nothing")


_REAL = host._cpuinfo


@pytest.fixture(autouse=True)
def _quiet_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the real py-cpuinfo runs, unlike in the rest of the suite."""
    monkeypatch.setattr(host, "_cpuinfo", _REAL)


def test_the_real_processor_has_a_name_and_flags() -> None:
    cpu = capture_cpu()
    assert isinstance(cpu.model, str)
    assert isinstance(cpu.flags, tuple)


@pytest.mark.parametrize("script", ["sleep 60", "echo nonsense", "exit 1", "yes"])
def test_a_py_cpuinfo_that_fails_leaves_the_name_the_kernel_gives(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    monkeypatch.setattr(limits, "PROBE_TIMEOUT_S", 0.3)
    began = time.monotonic()
    cpu = capture_cpu()
    assert time.monotonic() - began < 30
    assert isinstance(cpu.flags, Unavailable)
    assert cpu.model == (host._model_name() or host.NOT_REPORTED)


def test_a_module_of_the_project_is_not_run_in_place_of_py_cpuinfo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo.py").write_text("open('trap', 'w')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(capture_cpu().flags, tuple)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("error", [PermissionError("no"), NotImplementedError(), psutil.Error()])
def test_a_system_that_refuses_leaves_reasons(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(host, "_cpuinfo", dict)
    for name in ("cpu_freq", "cpu_count", "virtual_memory", "disk_usage"):
        monkeypatch.setattr(psutil, name, refuse)
    found = capture_hardware(Path(), capture_cpu(), NOTHING, NOTHING, NOTHING)
    for value in (found.memory_bytes, found.disk_free_bytes, found.cpu.max_mhz):
        assert isinstance(value, Unavailable)


@pytest.mark.parametrize(
    ("signs", "kernel", "variables", "kind"),
    [
        ({".dockerenv": ""}, "6.1", {}, "docker"),
        ({".dockerenv": ""}, "6.1", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"run/.containerenv": ""}, "6.1", {}, "podman"),
        ({"proc/1/cgroup": "12:pids:/docker/0123"}, "6.1", {}, "docker"),
        ({"proc/1/cgroup": "0::/kubepods/pod1"}, "6.1", {}, "kubernetes"),
        ({"proc/1/cgroup": "0::/machine.slice/libpod-1.scope"}, "6.1", {}, "podman"),
        ({"proc/1/cgroup": "0::/"}, "5.15.1-microsoft-standard-WSL2", {}, "wsl"),
        ({".dockerenv": ""}, "5.15.1-microsoft-standard-WSL2", {}, "docker"),
    ],
)
def test_containers_are_known_by_their_signs(
    signs: dict[str, str], kernel: str, variables: dict[str, str], kind: str, tmp_path: Path
) -> None:
    assert isinstance(recognise_container(tmp_path, "6.1", {}), Unavailable)
    for name, text in signs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert recognise_container(tmp_path, kernel, variables) == kind


def distribution(folder: Path, **files: str) -> PathDistribution:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_json", ".json")).write_bytes(text.encode("latin-1"))
    return PathDistribution(folder)


def test_a_record_has_the_digest_that_sha256sum_gives(tmp_path: Path) -> None:
    one = distribution(
        tmp_path / "x-1.dist-info", METADATA="Name: X_y\nVersion: 1\n", RECORD="a,,\r\n"
    )
    key = packages.name_and_version(one)
    assert key == ("x-y", "1")
    assert packages._package(key, one).record_sha256 == sha256_hex(b"a,,\r\n")


def test_an_origin_names_the_commit_and_no_secret(tmp_path: Path) -> None:
    direct = '{"url": "https://u:SECRET@h/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    one = distribution(tmp_path / "x-1.dist-info", direct_url_json=direct)
    assert packages._package(("x", "1"), one).origin == "git+https://h/x@abc"


def test_a_broken_installation_is_listed_not_raised(tmp_path: Path) -> None:
    one = distribution(tmp_path / "x-1.dist-info", METADATA="\xff", INSTALLER="\xff")
    found = packages._package(packages.name_and_version(one), one)
    assert found.name == "unnamed"
    assert isinstance(found.record_sha256, Unavailable)
    assert isinstance(found.installer, Unavailable)


def test_a_variable_cannot_carry_credentials_or_forge_a_line() -> None:
    given = {
        "NVIDIA_PYTORCH_VERSION": "25.01",
        "TZ": "x\nCommit: forged",
        "LANG": "https://u:SECRET@h",
        "NVIDIA_API_KEY": "SECRET",
    }
    found = environ.capture_environment("2026-01-01T00:00:00Z", given)
    assert set(found.variables) == {"NVIDIA_PYTORCH_VERSION", "TZ", "LANG"}
    assert "SECRET" not in str(found)


def test_a_sample_counts_the_children_of_the_worker() -> None:
    script = "import subprocess, sys, time; hold = bytearray({}); {}"
    sleep = "time.sleep(60)"
    inner = script.format(60_000_000, sleep)
    outer = script.format(1, f"subprocess.run([sys.executable, '-c', {inner!r}])")
    with psutil.Popen([sys.executable, "-c", outer]) as worker:
        try:
            for _ in range(100):
                row = telemetry.sample(worker.pid, "a", "train", 0.0)
                assert row is not None
                assert isinstance(row.rss_bytes, int)
                if row.rss_bytes > 60_000_000:
                    break
                time.sleep(0.05)
            else:
                pytest.fail("the child's memory is not counted")
        finally:
            for child in worker.children(recursive=True):
                child.kill()
            worker.kill()


def test_a_worker_that_ended_and_is_not_yet_reaped_gives_no_sample() -> None:
    with psutil.Popen([sys.executable, "-c", ""]) as worker:
        for _ in range(100):
            if worker.status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.05)
        assert telemetry.sample(worker.pid, "a", "train", 0.0) is None
