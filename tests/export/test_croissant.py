"""Laws of the descriptions of data: mlcroissant takes them, and each digest is of the very file."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.errors import UsageError
from evidence.export.croissant import files
from evidence.export.facts import Account
from evidence.records.inputs import FileDigest
from tests.command import evidence
from tests.documents import replaced
from tests.export.hub import of_the_hub
from tests.export.packs import account, exported, made

VALIDATED = """
import json, sys
import mlcroissant
issues = mlcroissant.Dataset(jsonld=json.load(sys.stdin)).metadata.ctx.issues
print(json.dumps([sorted(issues.errors), sorted(issues.warnings)]))
"""
NOT_IN_THE_EVIDENCE = ("citeAs", "datePublished", "license", "version", "creator", "url")


def problems(data: bytes) -> list[str]:
    """What mlcroissant finds, but for what evidence has not."""
    if find_spec("mlcroissant") is None:
        pytest.skip("mlcroissant is not here: make test-tools")
    words = [sys.executable, "-c", VALIDATED]
    done = subprocess.run(words, input=data, capture_output=True, timeout=300, check=False)
    if done.returncode:
        return [done.stderr.decode()]
    errors, warnings = json.loads(done.stdout.splitlines()[-1])
    left = [one for one in warnings if not any(word in one for word in NOT_IN_THE_EVIDENCE)]
    return [*errors, *left]


def test_its_own_library_takes_every_description(pack: Path) -> None:
    if pack.name == "OLD":
        pytest.skip("an imported pack tells of no data set; another test asks what is said then")
    for data in exported("croissant", pack).values():
        assert problems(data) == []


def test_an_imported_pack_has_no_data_to_describe(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pack = made("imported", tmp_path_factory)
    ended = evidence("export", "croissant", str(pack), "--output", str(tmp_path / "o"))
    assert (ended.exit, list(tmp_path.iterdir())) == (2, [])
    assert "tells of no data set" in ended.err


def test_every_file_has_the_digest_that_was_read(complete: Path) -> None:
    inputs = json.loads((complete / "inputs.json").read_bytes())["data"]
    found = exported("croissant", complete)
    assert set(found) == {f"{name}.croissant.json" for name in inputs}
    for name, one in inputs.items():
        value = json.loads(found[f"{name}.croissant.json"])
        (file,) = value["distribution"]
        assert (file["contentUrl"], file["sha256"]) == (one["path"], one["sha256"])
        assert (
            f"{one['num_rows']} rows (observed, at inputs.json#/data/{name}/num_rows)"
            in (value["description"])
        )


def test_fields_have_the_types_that_the_milestone_declares(complete: Path) -> None:
    found = exported("croissant", complete)
    (rows,) = json.loads(found["train.croissant.json"])["recordSet"]
    assert {one["name"]: one["dataType"] for one in rows["field"]} == {
        "prompt": "sc:Text",
        "final_answer": "sc:Text",
    }
    assert "recordSet" not in json.loads(found["eval.croissant.json"]), "no type is declared"


def test_data_of_the_hub_have_their_address_and_no_digest_of_a_file(complete: Path) -> None:
    found = files(of_the_hub(account(complete)))
    value = json.loads(found["train.croissant.json"])
    assert value["distribution"] == []
    assert value["url"].startswith("https://huggingface.co/datasets/org/train/tree/000")
    assert problems(found["train.croissant.json"]) == []


TEXTS = st.text(min_size=1) | st.sampled_from(NASTY)


@given(name=TEXTS, field=TEXTS, path=TEXTS)
def test_hostile_names_stay_values(
    name: str, field: str, path: str, complete_account: Account
) -> None:
    """(I4)"""
    run = complete_account.run
    assert run is not None
    digest = FileDigest(path, "0" * 64, 1)
    record = replace(
        run.inputs.data["train"], name=name, path=None, files=(digest,), field_names=(field,)
    )
    spec = replace(run.milestone.data["train"], fields={field: "string"}, file_format="csv")
    documents = replaced(
        run,
        inputs=replace(run.inputs, data={name: record}),
        milestone=replace(run.milestone, data={name: spec}),
    )
    ((called, data),) = files(replace(complete_account, documents=documents)).items()
    assert not set(called) & set("/\\ \n")
    value: Any = json.loads(data)
    (file,) = value["distribution"]
    assert not set(file["contentUrl"]) & set(" \n\"'<>\\?#")
    for rows in value.get("recordSet", ()):
        (one,) = rows["field"]
        assert one["source"]["extract"]["column"] == field
        assert one["source"]["fileObject"]["@id"] == file["@id"]


def test_no_data_is_said(complete: Path) -> None:
    given_ = account(complete)
    run = given_.run
    assert run is not None
    documents = replaced(run, inputs=replace(run.inputs, data={}))
    with pytest.raises(UsageError, match="no data set"):
        files(replace(given_, documents=documents))
