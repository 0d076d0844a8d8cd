"""Machine and repository of the toy pack, as its documents and its snapshot tell of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from evidence import layout
from evidence.encoding.digest import sha256_hex

COMMIT: Final = "c0ffee" * 6 + "c0ff"
NO: Final = {"unavailable": "not asked"}


def machine_of_toy() -> dict[str, Any]:
    """environment.json, hardware.json and packages.json."""
    return {
        layout.ENVIRONMENT: {
            "schema": "environment.v1",
            "python_version": "3.11.7",
            "python_implementation": "CPython",
            "python_compiler": "GCC",
            "locale": "C.UTF-8",
            "timezone": "UTC",
            "started_utc": "2026-01-08T20:00:00.500000Z",
            "variables": {},
            "framework": {
                "torch_version": "2.9.0+cpu",
                "transformers_version": "5.1.0",
                "cuda_version": deepcopy(NO),
                "cudnn_version": deepcopy(NO),
                "device": "cpu",
                "device_name": deepcopy(NO),
                "num_threads": 2,
                "num_interop_threads": 1,
                "deterministic_algorithms": True,
                "matmul_precision": "highest",
            },
        },
        layout.HARDWARE: {
            "schema": "hardware.v1",
            "cpu": {
                "model": "A CPU",
                "architecture": "x86_64",
                "num_physical_cores": 1,
                "num_logical_cores": 2,
                "num_usable_cores": 2,
                "max_mhz": deepcopy(NO),
                "flags": deepcopy(NO),
            },
            "memory_bytes": 16 * 2**30,
            "disk_total_bytes": 10**12,
            "disk_free_bytes": 10**11,
            "gpus": {"unavailable": "no NVIDIA driver"},
            "driver_version": deepcopy(NO),
            "driver_cuda_version": deepcopy(NO),
            "os": "Linux",
            "kernel": "6.1",
            "container": deepcopy(NO),
        },
        layout.PACKAGES: {
            "schema": "packages.v1",
            "packages": [
                {
                    "name": name,
                    "version": version,
                    "installer": "pip",
                    "origin": deepcopy(NO),
                    "record_sha256": deepcopy(NO),
                }
                for name, version in (("torch", "2.9.0"), ("transformers", "5.1.0"))
            ],
        },
    }


def repository_of_toy() -> dict[str, Any]:
    """git.json and frozen.json."""
    state = {
        "commit": COMMIT,
        "tree": "7" * 40,
        "branch": "main",
        "tags": [],
        "commit_utc": "2026-01-08T19:00:00Z",
        "subject": "Toy",
        "dirty": False,
        "files": [],
        "shallow": False,
        "num_not_checked_out": 0,
    }
    frozen = [
        {
            "path": f"data/{name}.jsonl",
            "before_sha256": sha256_hex(name.encode()),
            "after_sha256": sha256_hex(name.encode()),
            "ref_sha256": sha256_hex(name.encode()),
        }
        for name in ("eval", "train")
    ]
    return {
        layout.GIT: {
            "schema": "git.v1",
            "remote": deepcopy(NO),
            "start": state,
            "end": deepcopy(state),
            "changed_during_run": False,
            "patch_sha256": {"unavailable": "clean"},
        },
        layout.FROZEN: {
            "schema": "frozen.v1",
            "sets": [
                {
                    "name": "data",
                    "ref": "HEAD",
                    "ref_commit": COMMIT,
                    "policy": "fail",
                    "unchanged_during_run": True,
                    "equal_to_ref": True,
                    "files": frozen,
                }
            ],
        },
    }
