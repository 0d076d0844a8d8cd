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
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import intact_bytes, toy, write

from evidence import layout
from evidence.encoding import schema
from evidence.stages.registry import schema_for
from evidence.system import resources

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted(
    path.name.removesuffix(".schema.json")
    for path in resources.folder("schemas").glob("*.schema.json")
)

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 2**53, 2**63 - 1, 1e308, 5e-324, "", "a", "a\n",
    "0" * 64, "0" * 64 + "\n", "G" * 64, "\u2028", "😀" * 70, "x" * 5000, [], {}, [None],
    {"": None}, {"unavailable": "why"}, {"unavailable": ""}, {"unavailable": 1}, ["a", "a"],
)  # fmt: skip


SCALARS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("0aZ\n/é")


def samples() -> list[tuple[str, Any]]:
    """Schema and document of everything in an intact pack, a few rows of each."""
    found: list[tuple[str, Any]] = []
    for path, value in toy().docs.items():
        name = schema_for(path)
        if name is not None:
            found += [(name, one) for one in (value[:12] if path.endswith(".jsonl") else [value])]
    rendered = json.loads(intact_bytes()[layout.RENDERED])
    milestone = tomllib.loads((ROOT / "milestones/M43.toml").read_text("utf-8"))
    return [*found, ("rendered.v1", rendered), ("milestone.v1", milestone)]


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
    assert (schema.check(name, document) == ()) is reference


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: repr(value)[:20])
def test_both_validators_refuse_an_odd_document(name: str, value: Any) -> None:
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
        assert schema.check("withheld.v1", value)


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
            assert schema.check(name, document) == ()
            assert schema.check(name, {**document, "unheard-of": 1})
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
