"""Laws of the research object: each attempt is an action, the copy verifies as the pack does."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evidence.encoding.digest import sha256_hex
from evidence.export.formats import files_of
from evidence.export.ro_crate import METADATA
from evidence.export.writing import write_files
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.documents import replaced
from tests.export.packs import account, copied, exported, holds, values

FAILED = "http://schema.org/FailedActionStatus"
VALIDATED = """
import io, json, pathlib, sys
import requests_cache, rocrate, urllib3
from requests.adapters import HTTPAdapter
from rocrate_validator import models, services

crate, cache = sys.argv[1:]
terms = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
known = (pathlib.Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_bytes()
documents = {
    "https://w3id.org/ro/crate/1.1/context": known,
    "https://w3id.org/ro/terms/workflow-run/context": json.dumps({"@context": terms}).encode(),
}

class Seed(HTTPAdapter):
    def send(self, request, **options):
        headers = {"Content-Type": "application/ld+json"}
        body = io.BytesIO(documents[request.url])
        return self.build_response(request, urllib3.HTTPResponse(
            body=body, headers=headers, status=200, preload_content=False, request_url=request.url))

session = requests_cache.CachedSession(cache_name=cache, backend="sqlite", expire_after=-1)
session.mount("https://", Seed())
for address in documents:
    session.get(address)
session.close()
result = services.validate(services.ValidationSettings(
    rocrate_uri=crate, profile_identifier="process-run-crate", offline=True, cache_path=cache,
    requirement_severity=models.Severity.RECOMMENDED, abort_on_first=False))
print(json.dumps([[one.severity.name, one.message] for one in result.get_issues()]))
"""
"""Its contexts come from a cache that is filled without a network: that of RO-Crate as the rocrate
package ships it, and the one term of the profile's that a crate of ours uses."""
NOT_IN_THE_EVIDENCE = ("agent", "`author`", "`publisher`", "SHOULD have a url", "absolute URI")
"""What a crate should have and evidence has not."""


def graph(data: bytes) -> dict[str, Any]:
    entities = json.loads(data)["@graph"]
    found = {one["@id"]: one for one in entities}
    assert len(found) == len(entities), "an entity is there twice"
    return found


def crate(pack: Path) -> dict[str, Any]:
    return graph(exported("ro-crate", pack)[METADATA])


def many(value: Any) -> list[Any]:
    """Values of a property: one stands as itself."""
    return value if isinstance(value, list) else [value]


def references(value: Any) -> set[str]:
    """Every entity that a value points to."""
    if isinstance(value, dict):
        return {value["@id"]} if set(value) == {"@id"} else set()
    return {one for part in value for one in references(part)} if isinstance(value, list) else set()


def test_its_own_validator_finds_nothing_but_what_evidence_has_not(
    pack: Path, tmp_path: Path
) -> None:
    if find_spec("rocrate_validator") is None or find_spec("rocrate") is None:
        pytest.skip("roc-validator and rocrate are not here: make test-tools")
    write_files(tmp_path / "crate", files_of("ro-crate", account(pack)), force=False)
    words = [sys.executable, "-c", VALIDATED, str(tmp_path / "crate"), str(tmp_path / "cache")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    issues = json.loads(done.stdout.splitlines()[-1])
    left = [one for one in issues if not any(word in one[1] for word in NOT_IN_THE_EVIDENCE)]
    assert left == []
    assert {severity for severity, _ in issues} <= {"RECOMMENDED"}


def test_whatever_is_pointed_to_is_there(pack: Path) -> None:
    found = crate(pack)
    outside = {"https://w3id.org/ro/crate/1.1"}
    for one in found.values():
        for value in one.values():
            assert references(value) - outside <= set(found)


def test_every_file_is_there_with_its_bytes(pack: Path) -> None:
    made, found = exported("ro-crate", pack), crate(pack)
    of_files = {name: one for name, one in found.items() if one["@type"] == "File"}
    for name, one in of_files.items():
        assert sha256_hex(made[name]) == one["sha256"]
        assert one.get("contentSize", str(len(made[name]))) == str(len(made[name]))
    assert {part["@id"] for part in found["./"]["hasPart"]} >= set(of_files)


def test_the_copy_verifies_as_the_pack_does(pack: Path, tmp_path: Path) -> None:
    assert evidence("export", "ro-crate", str(pack), "--output", str(tmp_path / "o")).exit == 0
    again, before = verify_pack(tmp_path / "o" / pack.name), verify_pack(pack)
    assert (again.verdict, again.root_sha256) == (before.verdict, before.root_sha256)
    assert again.findings == before.findings


def test_every_attempt_is_an_action_and_one_that_failed_says_why(pack: Path) -> None:
    actions = [one for one in crate(pack).values() if one["@type"] == "CreateAction"]
    failed = [one for one in actions if one["actionStatus"] == FAILED]
    manifest = json.loads((pack / "manifest.json").read_bytes())
    if manifest.get("origin") == "imported":
        assert [one["@id"] for one in actions] == ["#import"]
        return
    told = [json.loads(one.read_bytes()) for one in sorted(pack.glob("attempts/*/outcome.json"))]
    assert len(actions) == len(told) + (manifest["status"] == "complete")
    assert len(failed) == len(told)
    for one, outcome in zip(failed, told, strict=True):
        assert outcome["outcome"] in one["error"]
        assert outcome["reason"] in one["error"]
        results = [result["@id"] for result in many(one["result"])]
        folder = f"{outcome['number']:02d}-{outcome['name']}"
        assert results == [f"{pack.name}/attempts/{folder}/outcome.json"]
    for one in actions:
        assert ("error" in one) == (one in failed)


def test_every_number_is_a_result_with_its_address_and_level(pack: Path) -> None:
    of_pack = values(pack)
    found = [one for one in crate(pack).values() if one["@type"] == "PropertyValue"]
    assert found
    for one in found:
        assert holds(of_pack, one["name"], one["value"])
        record = of_pack[one["name"]]
        assert one["description"].startswith(f"{record['level']}, at {record['address'][:100]}")


def test_what_is_withheld_is_said_and_not_listed(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    weights = "training_output/final_model/model.safetensors"
    (pack / weights).unlink()
    made = exported("ro-crate", pack)
    found = graph(made[METADATA])
    assert f"M90/{weights}" not in made
    assert f"M90/{weights}" not in found
    assert weights in found["M90/"]["description"]


def test_a_file_that_changed_since_it_was_read_is_not_copied(
    complete: Path, tmp_path: Path
) -> None:
    pack = copied(complete, tmp_path)
    read = account(pack)
    (pack / "training_log.txt").write_bytes(b"other\n")
    evidence_of = files_of("ro-crate", read)
    with pytest.raises(Exception, match="no longer those") as raised:
        write_files(tmp_path / "o", evidence_of, force=False)
    assert raised.typename == "DurabilityError"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["M90"]


def test_the_same_again_copies_nothing(complete: Path, tmp_path: Path) -> None:
    folder = tmp_path / "o"
    assert write_files(folder, files_of("ro-crate", account(complete)), force=False)
    assert write_files(folder, files_of("ro-crate", account(complete)), force=False) == ()


def test_hostile_names_are_spelled_in_identifiers(complete: Path) -> None:
    given = account(complete)
    results = given.documents.results
    assert results is not None
    name = 'eval.by."> <#/.exact.rate'
    changed = {name: results.values["eval.exact.rate"]}
    documents = replaced(given.run, results=replace(results, values=changed))  # type: ignore[arg-type]
    made = files_of("ro-crate", replace(given, documents=documents))[METADATA]
    assert isinstance(made, bytes)
    (one,) = (one for one in graph(made).values() if one["@type"] == "PropertyValue")
    assert one["name"] == name
    assert not set(one["@id"][1:]) & set('"<>#/ ')
