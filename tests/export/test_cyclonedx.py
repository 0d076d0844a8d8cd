"""Laws of the bill of materials: the schema of CycloneDX 1.7 takes it, whatever its texts are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.export.cyclonedx import BOM, files
from evidence.export.facts import Account, line
from evidence.records.capture import PackagesRecord
from tests.documents import replaced
from tests.export.packs import exported, holds, values

TEXTS = st.text(alphabet=st.characters(codec="utf-8")) | st.sampled_from(NASTY)


def bom(pack: Path) -> Any:
    return json.loads(exported("cyclonedx", pack)[BOM])


def problem(data: bytes) -> str:
    """What the validator of the standard's own library says; empty where it takes it."""
    pytest.importorskip("cyclonedx", reason="CycloneDX's own library has its schemas")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    found = JsonStrictValidator(SchemaVersion.V1_7).validate_str(data.decode("utf-8"))
    return "" if found is None else str(found)


def test_the_schema_of_the_standard_takes_it(pack: Path) -> None:
    assert problem(exported("cyclonedx", pack)[BOM]) == ""


def test_the_schema_would_say_what_is_wrong(complete: Path) -> None:
    value = bom(complete)
    value["metadata"]["component"]["type"] = "weights"
    assert problem(json.dumps(value).encode()) != ""


def references(value: Any) -> list[str]:
    """Every bom-ref below a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value["bom-ref"]] if isinstance(value, dict) and "bom-ref" in value else []
    return own + [one for part in inner for one in references(part)]


def test_every_reference_is_there_once_and_leads_somewhere(pack: Path) -> None:
    value = bom(pack)
    found = references(value)
    assert len(found) == len(set(found))
    named = {one for part in value["dependencies"] for one in part.get("dependsOn", ())}
    card = value["metadata"]["component"].get("modelCard", {})
    named |= {one["ref"] for one in card.get("modelParameters", {}).get("datasets", ())}
    assert named <= set(found)


def test_every_number_is_a_result_with_address_and_level(pack: Path) -> None:
    main = bom(pack)["metadata"]["component"]
    told = {one["name"].removeprefix("evidence-pack:"): one["value"] for one in main["properties"]}
    of_pack = values(pack)
    numbers = (
        main.get("modelCard", {}).get("quantitativeAnalysis", {}).get("performanceMetrics", [])
    )
    assert bool(numbers) == (main["type"] == "machine-learning-model")
    for one in numbers:
        name, bounds = one["type"], one.get("confidenceInterval", {})
        assert holds(of_pack, name, json.loads(one["value"]))
        assert told[f"address:{name}"] == line(of_pack[name]["address"])
        assert told[f"level:{name}"] == of_pack[name]["level"] != "declared"
        for bound, ending in (("lowerBound", "low"), ("upperBound", "high")):
            if bounds:
                of_bound = f"{name.removesuffix('rate')}{ending}"
                assert holds(of_pack, of_bound, json.loads(bounds[bound]))
    for name, value in told.items():
        if name.startswith(("setting:", "value:")):
            shown = of_pack[name.partition(":")[2]]["value"]
            assert value == (shown if isinstance(shown, str) else json.dumps(shown))
        if name.startswith("not-measured:"):
            assert of_pack[name.partition(":")[2]]["value"] is None


def test_a_failed_run_is_no_model(pack: Path) -> None:
    main = bom(pack)["metadata"]["component"]
    if "failed" in pack.parts:
        assert main["type"] == "data"
        assert "The run failed" in main["description"]
    if "complete" in pack.parts:
        assert main["type"] == "machine-learning-model"
        assert len(main["components"]) == 3


@given(title=TEXTS, reason=TEXTS, name=TEXTS, version=TEXTS)
def test_hostile_words_stay_values(
    title: str, reason: str, name: str, version: str, complete_account: Account
) -> None:
    """(I4)"""
    run, results = complete_account.run, complete_account.documents.results
    assert run is not None
    assert results is not None
    value = replace(results.values["train.num_weights_changed"], unavailable=reason or "none")
    told = replace(results, values={**results.values, "train.num_weights_changed": value})
    (first, *_) = run.packages.known
    packages = PackagesRecord("packages.v1", (replace(first, name=name, version=version),))
    documents = replaced(run, results=told, packages=packages)
    made = files(replace(complete_account, title=line(title), documents=documents))[BOM]
    assert problem(made) == ""
    (library,) = (one for one in json.loads(made)["components"] if one["type"] == "library")
    assert library["name"] == line(name)
