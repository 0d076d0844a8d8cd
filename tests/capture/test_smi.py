"""Laws of running nvidia-smi: whatever it does, we go on, and say in words what it did."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from evidence import limits
from evidence.capture import smi
from evidence.capture.gpu import gpu_snapshot

REPORT = r"+------+\n| NVIDIA-SMI 580.1 \033[31m |\n+------+\n"
PROCESSES = r"\n+------+\n| Processes: |\n|======|\n| 1234 C secret |\n+------+\n"


def fake_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_no_nvidia_smi_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: absent."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(smi, "SMI_FOLDERS", ("/no/such/folder",))
    assert gpu_snapshot() == "nvidia-smi is not on PATH, nor in /no/such/folder.\n"


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("exit 9", "status 9, the NVIDIA driver is not loaded"),
        (
            "exit 18",
            "status 18, an NVIDIA driver is there; its library and its kernel",
        ),
        ("echo No devices were found", "a driver is there, but it found no GPU"),
        ("exit 77", "status 77."),
        ("kill -9 $$", "status -9"),
        ("head -c 10000000 /dev/zero", "more than 262144 bytes"),
        ("true", "it printed nothing"),
        (r"printf '\377\000\033[2J'", "not its report"),
        (f"printf '{PROCESSES}'", "not its report"),
        (f"printf 'NVIDIA-SMI has failed {PROCESSES}'; exit 1", "status 1"),
    ],
)
def test_each_failure_has_its_own_words_and_quotes_nothing(
    script: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: a status, a signal, 10 MB, garbage, nothing."""
    fake_smi(tmp_path, script, monkeypatch)
    text = gpu_snapshot()
    assert word in text
    assert text.startswith("nvidia-smi gave nothing to show: ")
    assert text.endswith(".\n")
    assert "secret" not in text
    assert "NVIDIA-SMI" not in text, "verify takes this word for a report"


def test_a_tool_that_is_not_on_the_path_is_found_where_drivers_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_smi(tmp_path, f"printf '{REPORT}'", monkeypatch)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(smi, "SMI_FOLDERS", ("/nowhere", str(tmp_path)))
    assert "NVIDIA-SMI 580.1" in gpu_snapshot()


def test_a_file_that_is_no_program_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_smi(tmp_path, "", monkeypatch)
    (tmp_path / "nvidia-smi").write_bytes(b"\x00\x01")
    assert "cannot be started" in gpu_snapshot()


def test_a_report_is_verbatim_harmless_and_without_other_peoples_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: escape sequences."""
    fake_smi(tmp_path, f"printf '{REPORT}{PROCESSES}'", monkeypatch)
    assert gpu_snapshot() == "+------+\n| NVIDIA-SMI 580.1 \\x1b[31m |\n+------+\n\n"


def test_it_runs_in_the_plain_locale_and_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: localised."""
    fake_smi(tmp_path, 'echo "NVIDIA-SMI $LC_ALL $0"', monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:/usr/bin:/bin")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert gpu_snapshot() == f"NVIDIA-SMI C {tmp_path}/nvidia-smi\n"


def test_endless_output_costs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_smi(tmp_path, "exec yes NVIDIA-SMI", monkeypatch)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    assert f"more than {limits.MAX_NVIDIA_SMI_BYTES} bytes" in gpu_snapshot()
    assert time.monotonic() - began < limits.NVIDIA_SMI_TIMEOUT_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 50_000


@pytest.mark.parametrize("ending", ["sleep 60", "exec sleep 60", "exit 0"])
def test_a_hanging_nvidia_smi_is_killed_with_its_children(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: hanging."""
    monkeypatch.setattr(limits, "NVIDIA_SMI_TIMEOUT_S", 0.3)
    fake_smi(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; {ending}", monkeypatch)
    began = time.monotonic()
    assert "did not answer" in gpu_snapshot()
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
