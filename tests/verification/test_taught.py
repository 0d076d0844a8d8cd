"""Laws of what was taught: where the loss falls, which lists lie within which, how tokens read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from judged import evidence_of, said, said_of
from lies import milestone, put
from msgspec.structs import replace
from toy import toy

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
FIRST = "seen.json#/batches/0/rows/0"
AGAIN = FIRST.replace("batches/0", "batches/7")
"""The same row in another epoch."""
NO = {"unavailable": "not known"}
SPECIAL = "inputs.json#/tokenizer/special_tokens/0/text"


def row(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.docs[layout.SEEN]["batches"][0]["rows"][0]
    return found


def every_label(pack: ForgedPack) -> None:
    """The loss falls on all text; the special token in front carries none."""
    one = row(pack)
    one["labels"] = [-100, *one["ids"][1:]]


def gap(pack: ForgedPack) -> None:
    row(pack)["labels"][-2] = -100


def no_labels(pack: ForgedPack) -> None:
    row(pack).update(ids=[], labels=[], pieces=[])


def coverage(index: int, **values: Any) -> Edit:
    return lambda pack: pack.docs[layout.SEEN]["coverage"][index].update(values)


def longer(pack: ForgedPack) -> None:
    """A row of one token more than the longest text has."""
    one = row(pack)
    more = 11 - len(one["ids"])
    one["ids"] += [5] * more
    one["labels"] += [5] * more
    one["pieces"] += [" t5"] * more


def shorter(pack: ForgedPack) -> None:
    """A row of one token less than the shortest text has."""
    for key in ("ids", "labels", "pieces"):
        del row(pack)[key][1:-4]


def truncated(pack: ForgedPack) -> None:
    pack.docs[layout.SEEN]["rows_truncated"] = [row(pack)["source_row"]]


def loss(of: str) -> Edit:
    return milestone('path = "data/train.jsonl"', f'path = "data/train.jsonl"\nloss = "{of}"')


def both(*edits: Edit) -> Edit:
    def edit(pack: ForgedPack) -> None:
        for one in edits:
            one(pack)

    return edit


LIES: dict[str, tuple[Edit, str, list[str]]] = {
    "a gap in the loss": (
        both(loss("completion"), gap),
        "seen-labels",
        [f"{FIRST}/labels: the loss falls on everything behind its first token, and here it has a "
         "gap"],
    ),
    "a loss on all text, though a field is taught in no row": (
        every_label,
        "seen-labels",
        [f"{FIRST}/labels: the loss falls on all of its text, and one of its fields is taught in "
         "no row"],
    ),
    "other fields": (
        coverage(0, field="question", num_rows_in_sequence=0),
        "seen-lists",
        ["seen.json#/coverage: other fields than the data have"],
    ),
    "a field taught in more rows than it is read in": (
        coverage(1, num_rows_in_sequence=18),
        "seen-lists",
        ["seen.json#/coverage/1/num_rows_in_target: taught in more rows than it is read in"],
    ),
    "a field that the template does not name": (
        milestone("{{ prompt }} {{ final_answer }}", "{{ final_answer }}"),
        "seen-lists",
        ["seen.json#/coverage/0/num_rows_in_sequence: the template of the text does not name this "
         "field, so it is read in no row"],
    ),
    "rows that lost some of a field and nothing of their text": (
        coverage(0, rows_cut=[3, 4]),
        "seen-lists",
        ["seen.json#/coverage/0/rows_cut: rows that lost nothing to the length limit lost some of "
         "this field"],
    ),
    "a truncated row that is short": (
        truncated,
        "seen-lists",
        [f"{one}/ids: a truncated row is as long as can be" for one in (FIRST, AGAIN)],
    ),
    "a row longer than the longest text": (
        longer,
        "seen-lists",
        [f"{FIRST}/ids: not a length that inputs.json gives the training text"],
    ),
    "a row shorter than the shortest text": (
        shorter,
        "seen-lists",
        [f"{FIRST}/ids: not a length that inputs.json gives the training text"],
    ),
    "another text of a special token": (
        put(layout.INPUTS, "tokenizer", "special_tokens", 0, "text", value="<s>"),
        "special-tokens",
        [f"{SPECIAL}: another text of the token 0 than in {layout.TOKENIZER}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_what_was_taught_is_found(lie: str) -> None:
    edit, check, expected = LIES[lie]
    pack = toy()
    edit(pack)
    judged = said(pack, check)
    assert (judged.outcome, judged.lines) == ("fail", expected)


def test_a_field_that_no_template_names_is_read_in_no_row() -> None:
    pack = toy()
    milestone("{{ prompt }} {{ final_answer }}", "{{ final_answer }}")(pack)
    (found,) = said(pack, "seen-lists").findings
    assert (found.expected, found.actual) == ("0", "19")


def test_with_loss_on_all_every_token_carries_it() -> None:
    pack = toy()
    loss("all")(pack)
    judged = said(pack, "seen-labels")
    assert judged.lines[0] == f"{FIRST}/labels: the loss falls on every token, and here on some"
    count = len(row(pack)["ids"])
    assert (judged.findings[0].expected, judged.findings[0].actual) == (str(count), "3")
    assert len(judged.lines) == sum(len(one["rows"]) for one in pack.docs[layout.SEEN]["batches"])


HONEST: dict[str, tuple[Edit, str]] = {
    "loss behind the first token of an answer": (loss("completion"), "seen-labels"),
    "a field that is read in some rows alone": (
        both(every_label, coverage(0, num_rows_in_sequence=18)), "seen-labels"
    ),
    "a tokenizer that is not known": (
        both(every_label, coverage(0, num_rows_in_target=1),
             put(layout.INPUTS, "tokenizer", value=NO)),
        "seen-labels",
    ),
    "a field that is taught": (both(every_label, coverage(0, num_rows_in_target=19)),
                               "seen-labels"),
    "data of which nothing is recorded": (
        both(lambda pack: pack.docs[layout.INPUTS]["data"].pop("train"),
             coverage(0, field="question", num_rows_in_sequence=0)),
        "seen-lists",
    ),
    "text facts that are not known": (
        both(longer, put(layout.INPUTS, "text", value=NO)), "seen-lists"
    ),
    "another token than the tokenizer file has": (
        put(layout.INPUTS, "tokenizer", "special_tokens", 0, "id", value=70), "special-tokens"
    ),
    "a tokenizer file that is no table": (
        lambda pack: pack.replace(layout.TOKENIZER, b"[]"), "special-tokens"
    ),
    "a tokenizer file of odd tokens": (
        lambda pack: pack.replace(
            layout.TOKENIZER,
            json.dumps({"added_tokens": [3, {"id": "0", "content": "x"}, {"id": 0}]}).encode(),
        ),
        "special-tokens",
    ),
    "a tokenizer file without tokens": (
        lambda pack: pack.replace(layout.TOKENIZER, b'{"added_tokens": 3}'), "special-tokens"
    ),
    "a template that nobody can read": (
        milestone("{{ prompt }} {{ final_answer }}", "{{ prompt"), "seen-lists"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST)
def test_what_nothing_contradicts_passes(case: str) -> None:
    edit, check = HONEST[case]
    pack = toy()
    edit(pack)
    judged = said(pack, check)
    assert (judged.outcome, judged.lines) == ("pass", [])


def test_a_row_of_the_greatest_length_may_lack_an_end_token() -> None:
    pack = toy()
    count = len(row(pack)["ids"])
    put(layout.INPUTS, "text", "length_tokens", "min", value=count + 1)(pack)
    milestone("max_length = 16", f"max_length = {count}")(pack)
    assert not [one for one in said(pack, "seen-lists").lines if one.startswith(FIRST)]


def test_end_tokens_are_spelled_as_the_tokenizer_spells_them() -> None:
    pack = rich_toy()
    pack.event("generation")["data"]["end_tokens"][0]["text"] = "</s>"
    (line,) = said(pack, "special-tokens").lines
    text = f"/end_tokens/0/text: another text of the token 0 than in {layout.TOKENIZER}"
    assert line.endswith(text)


def test_the_tokenizer_that_was_read_has_its_digest() -> None:
    pack = toy()
    model = pack.docs[layout.INPUTS]["model"]
    model["files"] = [{"path": "models/toy/tokenizer.json", "sha256": "1" * 64, "size_bytes": 9}]
    assert said(pack, "special-tokens").lines == [
        "inputs.json#/tokenizer/sha256: another digest than the file that was read"
    ]
    model["files"][0]["sha256"] = sha256_hex(pack.file(layout.TOKENIZER))
    assert said(pack, "special-tokens").lines == []
    model["files"][0] |= {"path": "models/toy/other.json", "sha256": "1" * 64}
    assert said(pack, "special-tokens").lines == []


def test_without_a_tokenizer_nothing_is_said_of_its_tokens() -> None:
    pack = toy()
    put(layout.INPUTS, "tokenizer", value=NO)(pack)
    unknown = said(pack, "special-tokens")
    away = said(toy(), "special-tokens", without=(layout.TOKENIZER,))
    evidence = evidence_of(toy())
    contents = {**evidence.contents, layout.TOKENIZER: b"{"}
    broken = said_of(replace(evidence, contents=contents), "special-tokens")
    assert unknown.reason == "the tokenizer is not known: not known"
    assert away.reason == f"{layout.TOKENIZER} is not there, or too large"
    assert broken.reason.startswith(f"{layout.TOKENIZER}: ")
    assert {unknown.outcome, away.outcome, broken.outcome} == {"not_checked"}


def test_a_row_of_no_token_is_no_text_that_is_taught() -> None:
    pack = toy()
    no_labels(pack)
    assert said(pack, "seen-labels").lines == []
