"""docs/format.md is enough to read a pack: a reader written from it alone agrees with the packs.

Nothing of `evidence` reads or digests here; names, schemas and limits of the page are those of the
code.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.records.inputs import SeamRecord
from evidence.stages.registry import schema_for
from tests.docs.pages import ROOT, codes, page, section, table

TEXT: Final = page("format.md")
PACKS: Final = sorted((ROOT / "tests/packs/golden/v1").glob("*/M90"))
GENESIS: Final = "0" * 64
_NAMES: Final = {name: value for name, value in vars(layout).items() if name.isupper()
                 and not name.startswith("_")}  # fmt: skip


@pytest.mark.parametrize("name", [n for n, value in _NAMES.items() if isinstance(value, str)])
def test_every_path_of_the_layout_is_named(name: str) -> None:
    value = _NAMES[name]
    assert f"`{value}`" in TEXT or f"\n{value}\n" in TEXT, f"docs/format.md does not name {value}"


@pytest.mark.parametrize("name", [n for n, v in _NAMES.items() if isinstance(v, re.Pattern)])
def test_every_pattern_of_the_layout_is_given(name: str) -> None:
    assert _NAMES[name].pattern in TEXT


def test_every_schema_is_named_and_no_other() -> None:
    shipped = {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").iterdir()}
    assert set(re.findall(r"`([a-z-]+\.v\d+)`", TEXT)) - {"outcome-digest.v1"} == shipped


def test_files_have_the_schemas_that_the_table_gives_them() -> None:
    for names, _, schema, _ in table(section(TEXT, "Files")):
        for path in codes(names):
            if path == layout.MILESTONE or path.startswith(layout.ATTACHED):
                continue
            stated = codes(schema)[0] if codes(schema) else None
            assert schema_for(path) == stated, path


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.parent.name)
def test_every_file_of_a_pack_is_in_the_table_with_its_set(pack: Path) -> None:
    rows = table(section(TEXT, "Files"))
    sealed = {line[66:] for line in (pack / layout.SUMS).read_text("utf-8").splitlines()}
    for path in (p.relative_to(pack).as_posix() for p in pack.rglob("*") if p.is_file()):
        shape = re.sub(r"^attempts/[^/]+/", "attempts/NN-NAME/", path)
        shape = "<id>_summary.md" if path.endswith("_summary.md") else shape
        kinds = {row[1] for row in rows for name in codes(row[0])
                 if shape == name or shape.startswith(f"{name}/")}  # fmt: skip
        assert kinds, f"docs/format.md does not know {path}"
        assert ("sealed" in kinds) == (path in sealed), path


@pytest.mark.parametrize(("name", "value"), table(section(TEXT, "Limits")))
def test_limits_have_the_values_that_the_page_gives(name: str, value: str) -> None:
    assert getattr(limits, codes(name)[0]) == int(value)


def keys_that_may_be_absent(
    part: Any, whole: Any, place: str = "", needed: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Pointers of the keys that a schema does not require, `*` for any entry."""
    if not isinstance(part, dict):
        return
    if "$ref" in part:
        target = whole
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        yield from keys_that_may_be_absent(target, whole, place)
    needed |= frozenset(part.get("required", ()))
    for key, inside in part.get("properties", {}).items():
        if key not in needed:
            yield f"{place}/{key}"
        yield from keys_that_may_be_absent(inside, whole, f"{place}/{key}")
    for key in ("items", "additionalProperties"):
        yield from keys_that_may_be_absent(part.get(key), whole, f"{place}/*")
    for key in ("anyOf", "oneOf"):
        for inside in part.get(key, ()):
            yield from keys_that_may_be_absent(inside, whole, place, needed)


def test_every_key_that_a_document_may_lack_is_on_the_page_with_what_that_means() -> None:
    documents = {
        codes(schema)[0]: codes(names)[0].rpartition("/")[2]
        for names, _, schema, _ in table(section(TEXT, "Files"))
        if codes(schema) and codes(names) != [layout.MILESTONE]
    }
    optional = set()
    for name, path in documents.items():
        schema = json.loads((ROOT / f"schemas/{name}.schema.json").read_text("utf-8"))
        optional |= {f"{path}#{place}" for place in keys_that_may_be_absent(schema, schema)}
    rows = table(section(TEXT, "Keys that may be absent"))
    assert {codes(key)[0] for key, _, _ in rows} == optional
    assert all(what and absent for _, what, absent in rows)


def test_the_page_names_every_key_of_the_seam() -> None:
    (row,) = [one for one in table(section(TEXT, "Keys that may be absent")) if "/seam`" in one[0]]
    assert set(codes(row[1])) == {field.name for field in fields(SeamRecord)}


def test_events_of_the_journal_have_the_facts_that_the_page_gives() -> None:
    schema = json.loads((ROOT / "schemas/journal-event.v1.schema.json").read_text("utf-8"))
    facts = {
        one["if"]["properties"]["event"]["const"]: set(
            one["then"]["properties"]["data"]["properties"]
        )
        for one in schema["allOf"]
    }
    rows = [row for row in table(section(TEXT, "The journal")) if len(row) == 3]
    assert {codes(name)[0]: set(codes(given)) for name, given, _ in rows} == facts


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def link(previous: str, *parts: bytes) -> str:
    """The next link of a hash chain, as the page says."""
    framed = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return sha256(previous.encode("ascii") + framed)


def fed(stream: str, row: int, ids: Sequence[int], labels: Sequence[int]) -> str:
    parts = [b"".join(one.to_bytes(4, "little", signed=True) for one in of) for of in (ids, labels)]
    return link(stream, row.to_bytes(8, "little", signed=True), *parts)


def number(value: float) -> str:
    """A float in canonical form."""
    digits = "".join(map(str, Decimal(repr(abs(value))).as_tuple().digits)).rstrip("0") or "0"
    sign = "-" if struct.pack(">d", value)[0] & 0x80 else ""
    exponent = Decimal(repr(value)).adjusted() if value else 0
    if not -5 <= exponent <= 15:
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}e{exponent:+d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}.{digits[exponent + 1 :] or '0'}"


def text(value: str) -> str:
    """A string in canonical form: Python escapes just what the page says."""
    return json.dumps(value, ensure_ascii=False)


def written(value: Any, indent: str | None = "") -> str:
    """Canonical JSON, of a document or (no indent) of a row."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return text(value)
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value)
    inner = None if indent is None else indent + "  "
    colon = ":" if indent is None else ": "
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode())
        parts = [f"{text(key)}{colon}{written(value[key], inner)}" for key in keys]
    else:
        parts = [written(one, inner) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if indent is None:
        return f"{opening}{','.join(parts)}{closing}"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_as_the_page_says(value: float) -> None:
    assert jsonio.dump_row(value).decode() == f"{number(value)}\n"


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_value_is_written_as_the_page_says(value: Any) -> None:
    assert jsonio.dump_document(value).decode() == f"{written(value)}\n"
    assert jsonio.dump_row(value).decode() == f"{written(value, None)}\n"


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.parent.name)
def test_a_reader_of_the_page_finds_the_pack_sealed(pack: Path) -> None:
    sums = (pack / "SHA256SUMS").read_bytes()
    listed = {line[66:]: line[:64] for line in sums.decode().splitlines()}
    assert list(listed) == sorted(listed, key=str.encode)
    assert all(sha256((pack / path).read_bytes()) == digest for path, digest in listed.items())
    manifest = json.loads((pack / "manifest.json").read_bytes())
    assert [one["path"] for one in manifest["files"]] == [p for p in listed if p != "manifest.json"]
    rendered = json.loads((pack / "rendered.json").read_bytes())
    assert rendered["root_sha256"] == sha256(sums)
    for path in (one for one in listed if schema_for(one)):
        data = (pack / path).read_bytes()
        if path.endswith(".jsonl"):
            repeated = "".join(f"{written(json.loads(line), None)}\n" for line in data.splitlines())
        else:
            repeated = f"{written(json.loads(data))}\n"
        assert repeated.encode() == data, path


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.parent.name)
def test_a_reader_of_the_page_follows_the_journal(pack: Path) -> None:
    previous, before = GENESIS, ""
    followers = {codes(name)[0]: codes(after) for name, _, after in
                 (row for row in table(section(TEXT, "The journal")) if len(row) == 3)}  # fmt: skip
    inside = ("schedule", "probe", "checkpoint", "final-model", "recovered")
    inside += ("redacted", "stage-finished", "attempt-finished")
    for place, line in enumerate((pack / "journal.jsonl").read_bytes().splitlines(keepends=True)):
        event = json.loads(line)
        assert (event["seq"], event["prev"]) == (place, previous)
        allowed = followers.get(before, ["run-started"])
        assert event["event"] in (allowed or inside), place
        previous, before = sha256(line), event["event"]
    assert before == "sealing"


@pytest.mark.parametrize("pack", [p for p in PACKS if (p / "seen.json").exists()],
                         ids=lambda pack: pack.parent.name)  # fmt: skip
def test_a_reader_of_the_page_follows_the_row_stream(pack: Path) -> None:
    rows = [json.loads(line) for line in (pack / layout.METRICS).read_bytes().splitlines()]
    streams = {0: GENESIS} | {row["step"]: row["stream"] for row in rows}
    seen = json.loads((pack / "seen.json").read_bytes())
    assert seen["batches"]
    for batch in seen["batches"]:
        stream = batch.get("stream_before") or streams[batch["step"] - 1]
        for row in batch["rows"]:
            stream = fed(stream, row["source_row"], row["ids"], row["labels"])
        stream = link(stream, b"step", batch["step"].to_bytes(8, "little", signed=True))
        assert stream == streams[batch["step"]]
    assert seen["stream_sha256"] == streams[len(rows)]


def test_the_example_of_the_row_stream_holds() -> None:
    row = fed(GENESIS, 5, [1, 2, 3], [-100, 2, 3])
    step = link(row, b"step", (1).to_bytes(8, "little", signed=True))
    stated = [codes(digest)[0] for _, digest in table(section(TEXT, "The row stream"))]
    assert stated == [row, step]


def test_a_reader_of_the_page_computes_the_outcome_digest() -> None:
    """But for the plan, which is taken from the code: the page says where its defaults stand."""
    pack = next(one for one in PACKS if one.parent.name == "complete")
    contents = {p.relative_to(pack).as_posix(): p.read_bytes()
                for p in pack.rglob("*") if p.is_file()}  # fmt: skip
    steps = [json.loads(line) for line in contents[layout.METRICS].splitlines()]
    weights = {path.rpartition("/")[2]: sha256(data) for path, data in contents.items()
               if path.endswith(".safetensors")}  # fmt: skip
    content = {
        "form": "outcome-digest.v1",
        "plan": plan_of(contents),
        "stream": steps[-1]["stream"],
        "losses": [row["loss"] for row in steps],
        "learning_rates": [row["learning_rate"] for row in steps],
        "weights": weights,
        "predictions": [json.loads(line) for line in contents[layout.PREDICTIONS].splitlines()],
    }
    stated = {codes(row[0])[0] for row in table(section(TEXT, "The outcome digest"))}
    assert {name.partition("/")[0] for name in stated} >= content.keys() - {"learning_rates"}
    manifest = json.loads(contents[layout.MANIFEST])
    assert sha256(f"{written(content)}\n".encode()) == manifest["outcome_sha256"]


def plan_of(contents: dict[str, bytes]) -> Any:
    from evidence.pack.documents import parse_documents
    from evidence.results.outcome_digest import outcome_content
    from evidence.stages.registry import is_document

    wanted = {path: data for path, data in contents.items() if is_document(path)}
    content = outcome_content(parse_documents(wanted, {}, {}))
    assert isinstance(content, dict)
    return content["plan"]
