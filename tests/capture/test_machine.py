"""Laws of looking at the machine: what is not there has a reason, and nothing hangs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evidence import limits, schema
from evidence.capture import gpu
from evidence.capture.environ import capture_environment, env_snapshot
from evidence.capture.frozen import compare_frozen, digest_set, match_paths
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.packages import capture_packages, without_credentials
from evidence.capture.telemetry import sample
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    FrozenRecord,
    GitRecord,
    HardwareRecord,
    PackagesRecord,
    TelemetryRow,
)
from evidence.records.codec import decode, encode
from evidence.records.milestone import FrozenSpec

NOTHING = Unavailable("nothing")


def hardware() -> HardwareRecord:
    found = gpu.capture_gpus()
    return capture_hardware(
        Path(), capture_cpu(), found.gpus, found.driver_version, found.driver_cuda_version
    )


def test_every_document_satisfies_its_schema_and_comes_back_equal() -> None:
    for name, record in (
        ("hardware.v1", hardware()),
        ("packages.v1", capture_packages()),
        ("environment.v1", capture_environment("2026-01-01T00:00:00.0Z", os.environ)),
    ):
        assert schema.check(name, encode(record)) == ()
        assert decode(type(record), encode(record)) == record


def test_packages_are_sorted_and_hold_ourselves() -> None:
    names = [package.name for package in capture_packages().packages]
    assert names == sorted(names)
    assert {"evidence-pack", "jsonschema"} <= set(names)


def test_a_url_loses_its_credentials() -> None:
    assert without_credentials("git+https://u:p@h/x@v1") == "git+https://h/x@v1"


def test_only_allow_listed_variables_are_recorded() -> None:
    given = {"OMP_NUM_THREADS": "2", "HF_TOKEN": "hf_x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/"}
    found = capture_environment("2026-01-01T00:00:00.0Z", given)
    assert found.variables == {"OMP_NUM_THREADS": "2"}


def test_the_snapshot_has_one_plain_line_a_fact() -> None:
    environment: EnvironmentRecord = capture_environment("2026-01-01T00:00:00.0Z", {"TZ": "\x1b"})
    git = GitRecord("git.v1", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
    packages = PackagesRecord("packages.v1", ())
    text = env_snapshot(environment, hardware(), git, packages)
    assert "Commit: not available (nothing)\n" in text
    assert "\x1b" not in text
    assert text.endswith("\n")


# nvidia-smi


def fake_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_no_nvidia_smi_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not on this machine" in gpu.gpu_snapshot()


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("exit 9", "status 9"),
        ("head -c 1000000 /dev/zero", "more than"),
        ("kill -9 $$", "status -9"),
    ],
)
def test_a_failing_nvidia_smi_has_its_own_reason(
    script: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_smi(tmp_path, script, monkeypatch)
    assert word in gpu.gpu_snapshot()


def test_a_hanging_nvidia_smi_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NVIDIA_SMI_TIMEOUT_S", 0.3)
    fake_smi(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; sleep 60", monkeypatch)
    began = time.monotonic()
    assert "did not answer" in gpu.gpu_snapshot()
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not is_running(child):
            return
        time.sleep(0.1)
    pytest.fail("the child of nvidia-smi is still there")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_garbage_is_shown_harmless_and_the_process_table_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = r"+-------+\n| Processes:   |\n| 1234 secret |"
    fake_smi(tmp_path, rf"printf 'GPU \033[31m\377\n{table}\n'", monkeypatch)
    text = gpu.gpu_snapshot()
    assert text.startswith("GPU \\x1b[31m")
    assert "secret" not in text


# NVML has no real part here without a GPU: a module object of the same shape stands in.


class FakeError(Exception):
    pass


def fake_nvml(**overrides: Any) -> SimpleNamespace:
    def unsupported(*_: object) -> None:
        raise FakeError("Not Supported")

    values: dict[str, Any] = {
        "NVMLError": FakeError,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlSystemGetCudaDriverVersion": lambda: 13010,
        "nvmlSystemGetDriverVersion": lambda: b"580.1",
        "nvmlDeviceGetName": lambda _: "NVIDIA H100",
        "nvmlDeviceGetUUID": lambda _: "GPU-1",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=80 << 30),
        "nvmlDeviceGetCudaComputeCapability": lambda _: (9, 0),
        "nvmlDeviceGetClockInfo": lambda _, kind: 1000 + kind,
        "nvmlDeviceGetPowerManagementLimit": lambda _: 700_000,
        "nvmlDeviceGetEccMode": lambda _: (1, 1),
        "nvmlDeviceGetMigMode": unsupported,
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [
            SimpleNamespace(pid=7, usedGpuMemory=5 << 30),
            SimpleNamespace(pid=8, usedGpuMemory=1 << 30),
        ],
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=93),
        "nvmlDeviceGetPowerUsage": lambda _: 350_000,
    }
    return SimpleNamespace(**(values | overrides))


def test_a_gpu_is_described_and_what_it_lacks_has_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "_nvml", fake_nvml)
    found = gpu.capture_gpus()
    assert not isinstance(found.gpus, Unavailable)
    card = found.gpus[0]
    assert (card.compute_capability, card.architecture) == ("sm_90", "Hopper")
    assert found.driver_cuda_version == "13.1"
    assert found.driver_version == "580.1"
    assert isinstance(card.mig, Unavailable)


@pytest.mark.parametrize(
    ("capability", "name"),
    [((12, 0), "Blackwell"), ((8, 9), "Ada Lovelace"), ((8, 6), "Ampere"), ((7, 5), "Turing")],
)
def test_architectures_have_their_names(
    capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = fake_nvml(nvmlDeviceGetCudaComputeCapability=lambda _: capability)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    found = gpu.capture_gpus().gpus
    assert not isinstance(found, Unavailable)
    assert found[0].architecture == name


def test_only_memory_of_our_own_process_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_nvml", fake_nvml)
    assert gpu.sample_gpu(7).memory_bytes == 5 << 30


def test_a_gpu_lost_during_the_run_is_unavailable_not_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(*_: object) -> None:
        raise FakeError("GPU is lost")

    nvml = fake_nvml(nvmlDeviceGetUtilizationRates=lost)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert gpu.sample_gpu(7).utilisation_percent == Unavailable("NVML: GPU is lost")


def test_telemetry_of_ourselves_has_memory_and_satisfies_its_schema() -> None:
    first = sample(os.getpid(), "a", "train", 0.5)
    second = sample(os.getpid(), "a", "train", 1.5)
    assert first is not None
    assert second is not None
    assert isinstance(first.cpu_percent, Unavailable)
    assert isinstance(second.cpu_percent, float)
    assert schema.check("telemetry-row.v1", encode(second)) == ()
    assert decode(TelemetryRow, encode(second)) == second


def test_a_process_that_is_gone_gives_no_sample() -> None:
    assert sample(2**22 + 1, "a", "train", 0.0) is None


# frozen paths


def test_a_promise_names_what_changed_and_what_is_gone(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "deep/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    spec = FrozenSpec(name="all", paths=("**/*.txt",), ref=None)
    assert match_paths(tmp_path, spec.paths) == ("a.txt", "b.txt", "deep/c.txt")
    before = digest_set(tmp_path, spec)
    (tmp_path / "a.txt").write_text("changed")
    (tmp_path / "b.txt").unlink()
    found = compare_frozen(tmp_path, [spec], [before], NOTHING)
    one = found.sets[0]
    assert not one.unchanged_during_run
    assert isinstance(one.equal_to_ref, Unavailable)
    changed = {f.path for f in one.files if f.before_sha256 != f.after_sha256}
    assert changed == {"a.txt", "b.txt"}
    assert schema.check("frozen.v1", encode(found)) == ()
    assert decode(FrozenRecord, encode(found)) == found


def test_a_link_is_never_frozen(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert match_paths(tmp_path, ("*",)) == ("real",)
