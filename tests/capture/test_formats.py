"""Laws of the six formats: a schema says exactly what its record holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import fields

from evidence.encoding import schema
from evidence.records import capture as records

ROOTS: dict[str, type] = {
    "environment.v1": records.EnvironmentRecord,
    "hardware.v1": records.HardwareRecord,
    "git.v1": records.GitRecord,
    "packages.v1": records.PackagesRecord,
    "frozen.v1": records.FrozenRecord,
    "telemetry-row.v1": records.TelemetryRow,
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_fields_of_records_are_the_properties_of_schemas(name: str) -> None:
    document = schema.load(name)
    assert document["$id"] == f"urn:evidence-pack:schema:{name}"
    known = {kind: getattr(records, kind) for kind in document["$defs"] if kind != "unavailable"}
    pairs = [(ROOTS[name], document), *((known[k], document["$defs"][k]) for k in known)]
    for record, part in pairs:
        names = [field.name for field in fields(record)]
        assert list(part["properties"]) == names
        needed = [field.name for field in fields(record) if field.required]
        assert part["required"] == needed  # what has a default was added later
        assert part["additionalProperties"] is False


@pytest.mark.parametrize("name", ROOTS)
def test_every_property_is_described_and_nothing_refers_outside(name: str) -> None:
    for part in _parts(schema.load(name)):
        for key, value in part.get("properties", {}).items():
            assert value.get("description"), f"{name}: {key}"
        assert part.get("$ref", "#").startswith("#")
        assert "uniqueItems" not in part


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from _parts(child)
