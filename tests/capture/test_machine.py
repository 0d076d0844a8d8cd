"""Laws of looking at the machine: what is not there has a reason, and nothing hangs."""

from __future__ import annotations

import os
from pathlib import Path

from evidence.capture import gpu
from evidence.capture.environ import capture_environment
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.packages import capture_packages, without_credentials
from evidence.capture.telemetry import sample
from evidence.encoding import schema
from evidence.encoding.codec import decode, encode
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    GitRecord,
    HardwareRecord,
    PackagesRecord,
    TelemetryRow,
)
from evidence.text.snapshot import env_snapshot

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
        assert schema.validate(name, encode(record)) == ()
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


def test_telemetry_of_ourselves_has_memory_and_satisfies_its_schema() -> None:
    first = sample(os.getpid(), "a", "train", 0.5)
    second = sample(os.getpid(), "a", "train", 1.5)
    assert first is not None
    assert second is not None
    assert isinstance(first.cpu_percent, Unavailable)
    assert isinstance(second.cpu_percent, float)
    assert schema.validate("telemetry-row.v1", encode(second)) == ()
    assert decode(TelemetryRow, encode(second)) == second


def test_a_process_that_is_gone_gives_no_sample() -> None:
    assert sample(2**22 + 1, "a", "train", 0.0) is None
