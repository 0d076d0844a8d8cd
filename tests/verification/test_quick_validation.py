"""Laws of judging by schema: the quick validator accepts nothing that jsonschema refuses.

jsonschema is the reference. The other way round is allowed: what the quick one refuses, or cannot
take, the reference decides.
"""

from __future__ import annotations

import copy
import datetime
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from toy import intact_bytes, toy, write
from toy_adapter import merged_toy
from toy_jax import jax_toy
from toy_parent import parent_toy
from toy_set import set_toy
from toy_worker import under_another

from evidence import layout
from evidence.catalogue.asked import Asked
from evidence.catalogue.build import update
from evidence.catalogue.query import find
from evidence.encoding import schema
from evidence.encoding.codec import encode
from evidence.self_test.self_test import SelfTest, Trial
from evidence.stages.registry import schema_for
from evidence.stores.push import Pushed
from evidence.system import resources
from tests.importing.made import make_pack

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted(
    path.name.removesuffix(".schema.json")
    for path in resources.folder("schemas").glob("*.schema.json")
)

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 2**53, 2**63 - 1, 1e308, -1e308, 5e-324,
    "", "a", "a\n",
    "0" * 64, "0" * 64 + "\n", "G" * 64, "\u2028", "😀" * 70, "x" * 5000, [], {}, [None],
    {"": None}, {"unavailable": "why"}, {"unavailable": ""}, {"unavailable": 1}, ["a", "a"],
)  # fmt: skip

ALONE: dict[str, tuple[Any, ...]] = {
    "additionalProperties": ({"properties": {"a": True}, "additionalProperties": False},
                             {"additionalProperties": {"type": "string"}}),
    "allOf": ({"allOf": [{"type": "number"}, {"minimum": 1}]},),
    "anyOf": ({"anyOf": [{"type": "null"}, {"type": "string", "minLength": 1}]},),
    "const": ({"const": "a"}, {"const": 1}, {"const": True}),
    "enum": ({"enum": ["a", "b"]}, {"enum": [0, None]}),
    "exclusiveMaximum": ({"exclusiveMaximum": 1},),
    "exclusiveMinimum": ({"exclusiveMinimum": 0},),
    "if": ({"if": {"type": "string"}, "then": {"minLength": 2}},),
    "items": ({"items": {"type": "string"}},),
    "maxItems": ({"maxItems": 1},),
    "maxLength": ({"maxLength": 64}, {"maxLength": 0}),
    "maxProperties": ({"maxProperties": 0},),
    "maximum": ({"maximum": 1}, {"maximum": 1e12}, {"maximum": 2**53 - 1}),
    "minItems": ({"minItems": 1}, {"minItems": 2}),
    "minLength": ({"minLength": 1}, {"minLength": 70}),
    "minProperties": ({"minProperties": 1},),
    "minimum": ({"minimum": 0}, {"minimum": -1e12}),
    "oneOf": ({"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]},),
    "pattern": ({"pattern": "^a$(?!\\n)"}, {"pattern": "^[0-9a-f]{64}$(?!\\n)"}),
    "properties": ({"properties": {"unavailable": {"type": "string", "minLength": 1}}},),
    "propertyNames": ({"propertyNames": {"minLength": 1}},),
    "required": ({"required": ["unavailable"]},),
    "type": tuple({"type": kind} for kind in
                  ("null", "boolean", "integer", "number", "string", "array", "object")),
}  # fmt: skip
"""Every keyword that our schemas use and that can refuse: small schemas of nothing else."""
SAY_NOTHING = {
    "$defs", "$id", "$ref", "$schema", "default", "description", "then", "title", "wanted",
}  # fmt: skip


SCALARS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("0aZ\n/é")


def samples() -> list[tuple[str, Any]]:
    """Schema and document of everything in an intact pack, a few rows of each."""
    found: list[tuple[str, Any]] = []
    for path, value in {
        **toy().docs,
        **under_another(jax_toy()).docs,
        layout.ADAPTER: merged_toy().docs[layout.ADAPTER],
        **set_toy().docs,
        layout.PARENTS: parent_toy().docs[layout.PARENTS],
    }.items():
        name = schema_for(path)
        if name is not None:
            found += [(name, one) for one in (value[:12] if path.endswith(".jsonl") else [value])]
    with tempfile.TemporaryDirectory() as folder:
        pack = make_pack(Path(folder))
        for path in (layout.SOURCES, layout.FINDINGS, layout.MANIFEST, layout.RESULTS):
            found.append((str(schema_for(path)), json.loads((pack / path).read_bytes())))
        rows = (pack / layout.LOGGED).read_bytes().splitlines()
        found += [(str(schema_for(layout.LOGGED)), json.loads(one)) for one in rows[:3]]
        found += answers(Path(folder))
    rendered = json.loads(intact_bytes()[layout.RENDERED])
    milestone = tomllib.loads((ROOT / "milestones/M43.toml").read_text("utf-8"))
    one = {"name": "score", "file": "metrics.py", "sha256": "0" * 64, "size_bytes": 2}
    kept = {"schema": "functions.v1", "functions": [{**one, "source": "a\n"}]}
    found.append(("functions.v1", kept))
    lack = {"milestone": "M1", "attempt": "gpu", "what": "a GPU", "remedy": "Get one."}
    reached = {"file": "a.jsonl", "field": "b", "num_rows_read": 2, "num_rows_learned": None}
    text = {"caption": "In step 1", "parts": [{"text": "a", "carries_loss": True}]}
    tried = {
        "program": ["python", "train.py"],
        "outcome": "stepped",
        "num_steps": 2,
        "num_rows": 2,
        "num_tokens": 9,
        "num_target_tokens": None,
        "num_sequences": 2,
        "num_end_tokens_learned": 0,
        "fields": [reached],
        "texts": [text],
        "not_seen": ["a: b"],
    }
    gate = {"name": "it falls", "required": True, "outcome": "met", "reason": ""}
    done = {
        "schema": "done.v1",
        "command": "run",
        "exit_code": 4,
        "status": "failed",
        "verdict": "UNFINISHED",
        "pack": "runs/M1",
        "root_sha256": "0" * 64,
        "written": ["runs/M1/m1_summary.md"],
        "gates": [gate],
        "missing": [lack],
        "tried": tried,
        "messages": ["a line"],
        "errors": [{"message": "a", "hint": "", "place": "b:1"}],
    }
    found.append(("done.v1", done))
    root = {"path": "predictions.jsonl", "num_rows": 2, "root_sha256": "0" * 64}
    root["salts"] = "predictions_salts.txt"
    algorithm = "rfc6962-sha256-salt32"
    found.append(
        (
            "commitments.v1",
            {"schema": "commitments.v1", "algorithm": algorithm, "files": [root]},
        )
    )
    row = {"index": 1, "row": "{}", "salt": "1" * 64, "audit_path": ["2" * 64]}
    shown = {"schema": "disclosure.v1", "pack_sha256": "3" * 64, "path": "predictions.jsonl"}
    found.append(("disclosure.v1", {**shown, "num_rows": 2, "rows": [row]}))
    return [*found, ("rendered.v1", rendered), ("milestone.v1", milestone)]


def answers(folder: Path) -> list[tuple[str, Any]]:
    """What commands about many packs, and packs elsewhere, print of an intact one and a broken."""
    pack = write(folder / "packs/M90", intact_bytes())
    write(folder / "packs/M91", intact_bytes() | {layout.RESULTS: b"{}\n"})
    done = update([pack.parent], None)
    found = find(Path(done.index), Asked(show=("train.loss_end", "run.name")))
    pushed = Pushed("pushed.v1", "memory://m/M90", "0" * 64, 30, 3, 1, "")
    trial = Trial("flip", "tampering", "a bit", ("digests",), "caught", "NOT INTACT: digests")
    tried = SelfTest("self-test.v1", "runs/M90", (trial,))
    return [(one.schema, encode(one)) for one in (done, found, pushed, tried)]


SAMPLES = samples()


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every part of a value."""
    found: list[tuple[Any, Any]] = []
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def judged(name: str, document: Any) -> None:
    """The quick verdict is never better than the reference's, and `check` gives the latter."""
    reference = schema._reference(name).is_valid(document)
    assert not (schema._quick(name)(document) and not reference), (name, document)
    assert (schema.validate(name, document) == ()) is reference


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """A schema and every schema in it."""
    yield part
    for key, value in part.items():
        if key in ("properties", "$defs"):
            inner = list(value.values())
        elif key in ("anyOf", "oneOf", "allOf"):
            inner = value
        else:
            inner = [value] if key in ("items", "additionalProperties", "if", "then") else []
        for one in inner:
            if isinstance(one, dict):
                yield from parts(one)


PARTS = [part for name in SCHEMAS for part in parts(schema.load(name))]


def never_better(snippet: dict[str, Any], value: Any) -> None:
    if jsonschema_rs.validator_for(snippet).is_valid(value):
        assert Draft202012Validator(snippet).is_valid(value), (snippet, value)


def test_every_keyword_of_our_schemas_is_compared() -> None:
    assert {key for part in PARTS for key in part} == {*ALONE, *SAY_NOTHING}


@pytest.mark.parametrize("keyword", ALONE)
def test_of_no_keyword_the_quick_verdict_is_better(keyword: str) -> None:
    for snippet in ALONE[keyword]:
        valid = [value for value in ODD_VALUES if Draft202012Validator(snippet).is_valid(value)]
        assert 0 < len(valid) < len(ODD_VALUES), f"{snippet} tells nothing apart"
        for value in ODD_VALUES:
            never_better(snippet, value)


def test_of_no_pattern_the_quick_verdict_is_better() -> None:
    patterns = {part["pattern"] for part in PARTS if "pattern" in part}
    assert len(patterns) > 10
    for pattern in patterns:
        for value in filter(lambda value: isinstance(value, str), ODD_VALUES):
            never_better({"pattern": pattern}, value)


@pytest.mark.parametrize("name", SCHEMAS)
def test_both_validators_refuse_what_is_no_document(name: str) -> None:
    for value in (None, True, 1, "", [], {}):
        judged(name, value)


def test_both_validators_accept_what_is_right() -> None:
    assert {name for name, _ in SAMPLES} >= {*layout.SCHEMA_OF.values(), layout.OUTCOME_SCHEMA}
    for name, document in SAMPLES:
        assert schema._quick(name)(document), name
        judged(name, document)


@given(st.data())
def test_both_validators_say_the_same_of_an_edited_document(data: Any) -> None:
    name, original = data.draw(st.sampled_from(SAMPLES))
    document = copy.deepcopy(original)
    container, key = data.draw(st.sampled_from(places(document)))
    how = data.draw(st.sampled_from(("replace", "draw", "remove", "add", "edit")))
    if how == "remove":
        del container[key]
    elif how == "add" and isinstance(container, dict):
        container[data.draw(st.text(max_size=3))] = data.draw(st.sampled_from(ODD_VALUES))
    elif how == "edit" and isinstance(container[key], str):
        container[key] += data.draw(st.sampled_from(("\n", "0", " ", "Z", "\u0661")))
    else:
        container[key] = data.draw(SCALARS if how == "draw" else st.sampled_from(ODD_VALUES))
    judged(name, document)


def test_a_value_that_json_has_not_is_left_to_the_reference() -> None:
    for value in ("\ud800", float, b"", datetime.date(2026, 11, 23)):
        assert schema.validate("withheld.v1", value)


def test_a_reference_outside_our_schemas_is_never_followed() -> None:
    with pytest.raises(ValueError, match="refer to nothing outside"):
        schema._refuse_reference("https://example.org/schema.json")


def test_without_the_quick_validator_every_verdict_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema._quick.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    try:
        for name, document in SAMPLES:
            assert not schema._quick(name)(document)
            assert schema.validate(name, document) == ()
            assert schema.validate(name, {**document, "unheard-of": 1})
    finally:
        schema._quick.cache_clear()


def test_an_intact_pack_is_verified_without_what_it_does_not_need(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    code = (
        "import sys; from evidence.cli.main import main\n"
        f"sys.argv = ['evidence', 'verify', {str(pack)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    modules = set(done.stdout.split("MODULES ")[1].split())
    unneeded = {
        "jsonschema",
        "subprocess",
        "multiprocessing",
        "evidence.pack.sshsig",
        "evidence.results.tiers",
    }
    assert not modules & (unneeded | {"evidence.running", "evidence.self_test", "evidence.attempt"})
