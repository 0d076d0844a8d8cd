"""What a process says of its machine is made anonymous as all else in a pack."""

from __future__ import annotations

from typing import Any

from evidence.attempt.facts import fact_of
from evidence.encoding.codec import encode
from evidence.redact.identity import Identity

RANK: dict[str, Any] = {
    "rank": 0,
    "host": "gpu-node-7.example.org",
    "device": "cpu",
    "device_name": {"unavailable": "no GPU is in use"},
    "gpu_uuid": {"unavailable": "no GPU is in use"},
    "driver_version": {"unavailable": "no GPU is in use"},
    "python_version": "3.11.7",
    "torch_version": "2.13.0",
    "packages_sha256": "0" * 64,
    "num_threads": 1,
}


def test_the_name_of_the_machine_is_replaced_and_nothing_else() -> None:
    clean = Identity(home="/home/ann", user="ann", host="gpu-node-7.example.org").anonymous
    found = fact_of({"event": "ranks", "ranks": [RANK]}, clean)
    assert encode(found) == {"ranks": [{**RANK, "host": "host"}]}


def test_a_name_of_another_machine_stays_and_can_be_told_from_it() -> None:
    clean = Identity(host="gpu-node-8").anonymous
    found = fact_of({"event": "ranks", "ranks": [RANK]}, clean)
    assert encode(found)["ranks"][0]["host"] == RANK["host"]
