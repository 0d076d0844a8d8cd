"""Laws of the statements of in-toto: its own library takes them, and nothing passes unchecked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.export.facts import Account
from evidence.export.in_toto import PROVENANCE, TEST_RESULT, files
from evidence.export.lineage import purl_of
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.records.run import GateResult
from tests.documents import replaced
from tests.export.packs import account, exported, holds, values


def statements(pack: Path) -> dict[str, Any]:
    return {name: json.loads(data) for name, data in exported("in-toto", pack).items()}


def test_its_own_library_takes_every_statement(pack: Path) -> None:
    statement = pytest.importorskip(
        "in_toto_attestation.v1.statement", reason="in-toto's library judges its statements"
    )
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2

    kinds = {PROVENANCE: provenance_pb2.Provenance, TEST_RESULT: test_result_pb2.TestResult}
    for name, value in statements(pack).items():
        read = json_format.ParseDict(value, statement_pb2.Statement())
        statement.Statement.copy_from_pb(read).validate()
        predicate = json_format.ParseDict(value["predicate"], kinds[name]())
        if name == PROVENANCE:
            assert predicate.build_definition.build_type
            assert predicate.run_details.builder.id


def test_every_sealed_file_is_a_subject_or_a_by_product_with_its_digest(pack: Path) -> None:
    value = statements(pack)[PROVENANCE]
    named = [*value["subject"], *value["predicate"]["runDetails"]["byproducts"]]
    lines = (pack / "SHA256SUMS").read_text("ascii").splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    found = {one["name"]: one["digest"]["sha256"] for one in named}
    assert {name: one for name, one in found.items() if name != "SHA256SUMS"} == listed
    assert len(named) == len(listed) + 1


def test_a_failed_run_made_no_model_and_passes_no_test(pack: Path) -> None:
    found = statements(pack)
    subjects = {one["name"] for one in found[PROVENANCE]["subject"]}
    models = {name for name in subjects if "final_model" in name}
    assert bool(models) == ("complete" in pack.parts)
    if "failed" in pack.parts:
        assert found[TEST_RESULT]["predicate"]["result"] == "FAILED"
        assert found[TEST_RESULT]["predicate"]["passedTests"] == []


def test_an_import_is_provenance_of_the_import_alone(
    pack: Path,
) -> None:
    definition = statements(pack)[PROVENANCE]["predicate"]["buildDefinition"]
    imported = definition["internalParameters"]["origin"] == "imported"
    assert definition["buildType"].split(":")[3] == ("import" if imported else "run")
    if imported:
        kinds = {one["annotations"]["kind"] for one in definition["resolvedDependencies"]}
        assert kinds == {"original"}
        assert "Imported, not observed" in definition["internalParameters"]["standing"][0]


def test_numbers_of_gates_are_results_with_their_address(complete: Path) -> None:
    (_, results) = statements(complete)[TEST_RESULT]["predicate"]["configuration"]
    (gate,) = results["annotations"]["gates"]
    assert holds(values(complete), gate["metric"], gate["actual"])
    one = values(complete)[gate["metric"]]
    assert (gate["address"], gate["level"]) == (one["address"], one["level"])


def test_a_stand_in_is_no_passed_test(complete: Path) -> None:
    found = statements(complete)[TEST_RESULT]["predicate"]
    assert (found["result"], found["passedTests"]) == ("WARNED", ["all steps"])


GATES = st.lists(
    st.builds(
        GateResult,
        name=st.text(min_size=1) | st.sampled_from(NASTY),
        metric=st.just("train.num_steps"),
        op=st.just("=="),
        required=st.booleans(),
        outcome=st.sampled_from(("met", "not-met", "skipped", "not-checked")),
        actual=st.just(20),
        limit=st.just(20),
        reason=st.text(max_size=20),
    ),
    min_size=1,
    max_size=5,
)


@given(gates=GATES, stand_in=st.booleans())
def test_only_a_gate_that_was_met_passes(
    gates: list[GateResult], stand_in: bool, complete_account: Account
) -> None:
    """And the whole passes where all of them did (I4: their names end nothing)."""
    results = complete_account.documents.results
    assert results is not None
    documents = replaced(complete_account.run, results=replace(results, gates=tuple(gates)))  # type: ignore[arg-type]
    manifest = replace(complete_account.manifest, stand_in=stand_in)
    made = files(replace(complete_account, documents=documents, manifest=manifest))
    found = json.loads(made[TEST_RESULT])["predicate"]
    met = [one for one in gates if one.outcome == "met"]
    assert len(found["passedTests"]) == len(met)
    tests = sum(len(found[name]) for name in ("passedTests", "warnedTests", "failedTests"))
    assert tests == len(gates)
    assert (found["result"] == "PASSED") == (len(met) == len(gates) and not stand_in)
    assert (found["result"] == "FAILED") == any(one.is_open for one in gates)


def test_no_gate_is_no_test(complete: Path) -> None:
    given_ = account(complete)
    results = given_.documents.results
    assert results is not None
    documents = replaced(given_.run, results=replace(results, gates=()))  # type: ignore[arg-type]
    assert set(files(replace(given_, documents=documents))) == {PROVENANCE}


NAMES = st.text(alphabet=st.characters(codec="utf-8"), min_size=1) | st.sampled_from(NASTY)


OF_THE_INDEX = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True)


@given(name=OF_THE_INDEX, version=NAMES)
def test_a_package_url_is_read_back_as_the_package(name: str, version: str) -> None:
    packageurl = pytest.importorskip("packageurl", reason="its own reader judges a package URL")
    nowhere = Unavailable("installed by name from a package index")
    record = PackageRecord(name, version, "pip", nowhere, nowhere)
    read = packageurl.PackageURL.from_string(purl_of(record))
    assert read.type == "pypi"
    assert read.name == name.lower().replace("_", "-")
    assert (read.version or "").strip() == version.strip()


@given(name=NAMES, version=NAMES)
def test_a_hostile_name_stays_one_part_of_a_package_url(name: str, version: str) -> None:
    """(I4)"""
    record = PackageRecord(name, version, "pip", "file:///x", Unavailable("none"))
    url = purl_of(record)
    assert url.count("@") == 1
    assert url.count("/") == 1
    assert not set(url) & set("?# \n\"'<>\\")
