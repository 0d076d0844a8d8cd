"""Machines whose driver says odd things: what computed is named, and no run ends for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import CASES, project_of
from tests.project import Project

STAND_IN = CASES / "nvml-stand-in"
PLAIN = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library that stands in for NVML."""
    compiler = shutil.which("gcc")
    if compiler is None or not (STAND_IN / "fake.c").is_file():
        pytest.skip("there is no compiler, or the cases do not lie beside the project")
    folder = tmp_path_factory.mktemp("nvml")
    target = str(folder / "libnvidia-ml.so.1")
    source = str(STAND_IN / "fake.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, source], check=True)
    return folder


def evidence(project: Project, library: Path, *words: str, **fake: str) -> tuple[int, str]:
    """The command in a process of its own: a library is loaded once, and for good."""
    folders = f"{STAND_IN}:{PLAIN['PATH']}" if "FAKE_NVML_SMI" in fake else PLAIN["PATH"]
    ended = subprocess.run(
        [sys.executable, "-m", "evidence", *words],
        cwd=project.root,
        env=PLAIN | {"LD_LIBRARY_PATH": str(library), "PATH": folders} | fake,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return ended.returncode, ended.stdout + ended.stderr


def summary(project: Project, name: str) -> str:
    return (project.runs / name / f"{name.lower()}_summary.md").read_text("utf-8")


@pytest.mark.torch
@pytest.mark.full
def test_four_gpus_that_computed_nothing_are_not_the_headline(
    tmp_path: Path, library: Path
) -> None:
    project, name = project_of("r20-four-gpus-none-used", tmp_path)
    code, said = evidence(project, library, "run", name, FAKE_NVML="ok", FAKE_NVML_N="4")
    assert code == 0, said
    (line,) = [one for one in summary(project, name).splitlines() if "**Hardware:**" in one]
    assert line.endswith("; 4 GPUs present, none used)")
    assert not line.startswith("**Hardware:** 4")
    assert "NVIDIA" not in line
    assert "| GPU 3 (not used) | NVIDIA H100 80GB HBM3 |" in summary(project, name)
    code, said = evidence(project, library, "verify", f"runs/{name}")
    assert code == 0, said


@pytest.mark.torch
@pytest.mark.full
def test_a_name_that_is_no_text_ends_no_run(tmp_path: Path, library: Path) -> None:
    project, name = project_of("r19-garbled-device-name", tmp_path)
    code, said = evidence(project, library, "run", name, FAKE_NVML="garbage")
    assert code == 0, said
    found = project.root / "runs" / name / "hardware.json"
    assert '"unavailable": "NVML: what it says is not UTF-8 text"' in found.read_text("utf-8")
    code, said = evidence(project, library, "doctor", FAKE_NVML="garbage")
    assert code == 0, said
    assert "GPU          not measured (NVML: what it says is not UTF-8 text), 80 GiB, sm_90" in said


def test_a_driver_of_two_versions_is_there_and_needs_a_reboot(
    tmp_path: Path, library: Path
) -> None:
    project, name = project_of("r19e-driver-mismatch", tmp_path)
    code, said = evidence(project, library, "doctor", name, FAKE_NVML="mismatch", FAKE_NVML_SMI="1")
    assert code == 4
    assert "no NVIDIA driver" not in said
    assert "its library and its kernel module are of different versions; reboot" in said
    assert "→ reboot, so that the kernel loads the module" in said


def test_a_driver_of_two_versions_is_said_by_a_run_too(tmp_path: Path, library: Path) -> None:
    project, name = project_of("r19e-driver-mismatch", tmp_path)
    code, said = evidence(project, library, "run", name, FAKE_NVML="mismatch", FAKE_NVML_SMI="1")
    assert code != 0, said
    text = summary(project, name)
    assert "its library and its kernel module are of different versions; reboot" in text
    assert "no NVIDIA driver" not in text
    shown = (project.root / "runs" / name / "gpu_snapshot.txt").read_text("utf-8")
    assert "status 18, an NVIDIA driver is there; its library" in shown


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CUDA_VISIBLE_DEVICES": ""}, "2 NVIDIA GPUs are present, but CUDA_VISIBLE_DEVICES=''"),
        pytest.param(
            {"CUDA_VISIBLE_DEVICES": "-1"},
            "CUDA_VISIBLE_DEVICES='-1' hides all",
            marks=pytest.mark.full,
        ),
        pytest.param(
            {"CUDA_VISIBLE_DEVICES": "7"},
            "CUDA_VISIBLE_DEVICES='7' names none of them",
            marks=pytest.mark.full,
        ),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1"}, "names GPU-1, which no GPU here is"),
        ({"FAKE_NVML_N": "0"}, "a driver is there, but it reports no GPU"),
        pytest.param(
            {"FAKE_NVML_N": "-1"},
            "it gives 4294967295 GPUs, which cannot be",
            marks=pytest.mark.full,
        ),
        ({"FAKE_NVML": "unknowninit"}, "NVML does not start (Unknown Error)"),
    ],
)
def test_gpus_that_a_run_cannot_use_are_said_to_be_there(
    variables: dict[str, str], words: str, tmp_path: Path, library: Path
) -> None:
    project, name = project_of("r19e-driver-mismatch", tmp_path)
    fake = {"FAKE_NVML": "ok", "FAKE_NVML_N": "2"} | variables
    code, said = evidence(project, library, "doctor", name, **fake)
    assert code == 4
    assert words in said
