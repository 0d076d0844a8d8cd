"""Laws of reading data: every bad row is named, every fact is counted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from evidence.data import read
from evidence.data.asked import questions
from evidence.data.content import content_of_file
from evidence.data.facts import DataSet, lengths, overlap
from evidence.data.read import describe_data, load_data
from evidence.errors import MilestoneError
from evidence.milestone.parse import load_milestone
from evidence.records.availability import Unavailable
from evidence.records.inputs import Lengths, OverlapRecord
from evidence.records.milestone import DataSpec, HubDataSpec
from evidence.rules.wording import ngrams, normalised
from evidence.text.templating import compile_text
from tests.project import STUB, Project, write_rows

NO_BYTES = content_of_file(BytesIO(b""))

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "datasets"
FIELDS = {"prompt": "string", "answer": "string", "n": "integer?", "tags": "array?"}


def load(tmp_path: Path, data: bytes) -> DataSet:
    (tmp_path / "d.jsonl").write_bytes(data)
    declared = DataSpec(path="d.jsonl", fields=FIELDS, answer=("answer",))
    return load_data(tmp_path, "train", declared)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b'{"prompt": "a"}', "field 'answer' is missing"),
        (b'{"prompt": 1, "answer": "x"}', "field 'prompt' is int, declared as string"),
        (b'{"prompt": "a", "answer": ""}', "field 'answer' is empty"),
        (b'{"prompt": "a", "answer": null}', "field 'answer' is NoneType"),
        (b'{"prompt": "a", "answer": "x", "n": true}', "field 'n' is bool"),
        (b'{"prompt": "a", "answer": "x", "n": 1.5}', "field 'n' is float"),
        (b"[1]", "is list, not an object"),
        (b'{"prompt": "a", "prompt": "b", "answer": "x"}', "twice"),
        (b'{"prompt": "\xff", "answer": "x"}', "not UTF-8"),
        (b'{"prompt": NaN, "answer": "x"}', "NaN"),
        (b"{", "not JSON"),
    ],
)
def test_a_bad_row_is_named_by_file_line_field_and_reason(
    row: bytes, problem: str, tmp_path: Path
) -> None:
    good = b'{"prompt": "a", "answer": "x"}\n'
    with pytest.raises(MilestoneError) as caught:
        load(tmp_path, good * 2 + row + b"\n" + good)
    assert caught.value.message.startswith("d.jsonl:3: ")
    assert problem in caught.value.message


def test_all_bad_rows_are_named_up_to_a_limit(tmp_path: Path) -> None:
    with pytest.raises(MilestoneError) as caught:
        load(tmp_path, b'{"prompt": "a"}\n' * 30)
    lines = caught.value.message.split("\n")
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"


def test_line_separators_inside_strings_split_no_row(tmp_path: Path) -> None:
    row = '{"prompt": "a\u2028b\x85c", "answer": "x"}\n'.encode()
    assert len(load(tmp_path, row * 3).rows) == 3


def test_crlf_and_a_missing_last_line_end_are_read(tmp_path: Path) -> None:
    row = b'{"prompt": "a", "answer": "x"}'
    assert len(load(tmp_path, row + b"\r\n" + row).rows) == 2


def test_facts_are_counted(project: Project) -> None:
    values = [
        {"prompt": "one", "answer": "1", "meta": {"i": 0}},
        {"prompt": "one", "answer": "1", "meta": {"i": 1}},
        {"prompt": "two", "answer": "2"},
        {"prompt": "two", "answer": "zwei"},
        {"prompt": " Q3? ", "answer": "3"},
        {"prompt": "ONE ", "answer": "\uff11"},
    ]
    write_rows(project.root / "data/train.jsonl", values)
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    found = describe_data(project.root, "train", milestone)
    assert found.duplicate_rows == (1,)
    assert found.normalised_duplicate_rows == (1, 5)
    assert found.num_conflicting_prompts == 1
    assert found.conflicting_rows == (2, 3)
    assert found.overlap == OverlapRecord((), (4,), (4,), (3,))
    assert found.num_schema_violations == 0
    assert found.length_chars == Lengths(4, 4, 7, 7, 7)
    assert found.line_ends == "lf"
    own = describe_data(project.root, "eval", milestone)
    assert isinstance(own.overlap, Unavailable)
    assert isinstance(own.num_schema_violations, Unavailable)


@pytest.mark.parametrize(("value", "said"), [(None, "null"), (["a"], "no text"), ({}, "no text")])
def test_an_expected_answer_that_is_no_text_is_refused(
    project: Project, value: object, said: str
) -> None:
    rows = [
        {"prompt": "one", "expected_answer": 1, "kind": "k"},
        {"prompt": "two", "expected_answer": value},
    ]
    write_rows(project.root / "data/eval.jsonl", rows)
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    with pytest.raises(
        MilestoneError, match=rf"data/eval\.jsonl:2: field 'expected_answer' is {said}"
    ):
        describe_data(project.root, "eval", milestone)


def a_set(*prompts: str) -> DataSet:
    return DataSet("x", NO_BYTES, tuple({"prompt": one} for one in prompts))


def test_overlap_is_found_by_thirteen_words_in_a_row_and_short_prompts_as_a_whole() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve thirteen"
    asked = a_set(f"Say: {long} and on.", "What is 2 + 2?")
    own = a_set(
        f"now {long.upper()}!",
        f"now {long.removesuffix(' thirteen')}",
        "what is 2 ÷ 2",
        "What is 2 + 2? Think.",
        "What is 2 + 2?",
        "???",
    )
    found = overlap(*(questions(one, "{{ prompt }}", (), compile_text) for one in (own, asked)))
    assert found == OverlapRecord(
        exact_rows=(4,), normalised_rows=(4,), ngram_rows=(0, 4), evaluation_rows=(0, 1)
    )


LONG = "Below stands a question that somebody once asked a teacher of numbers and of words: "


@pytest.mark.parametrize(
    ("text", "row", "met"),
    [
        ("{{ instruction }}\nAnswer: {{ output }}", {"instruction": "What is 3 + 4?"}, True),
        ("{{ instruction }}\nAnswer: {{ output }}", {"instruction": "What is 3 + 5?"}, False),
        (LONG + "{{ q }} {{ output }}", {"q": "WHAT is  3 + 4?"}, True),
        (LONG + "{{ q }} {{ output }}", {"q": "What is 4?"}, False),
        ("What is {{ a }} + {{ b }}?{{ output }}", {"a": 3, "b": 4}, False),
        ("{{ q }} {{ a }} + {{ b }}?{{ output }}", {"q": "What is", "a": 3, "b": 4}, False),
        ("{{ q }} {{ a }} + {{ b }}{{ output }}", {"q": "What is", "a": 3, "b": "4?"}, True),
        ("{{ q }}{{ hint }} {{ output }}", {"q": "What is 3 + 4?", "hint": None}, True),
        (
            "{% for turn in output %}<{{ turn.role }}>{{ turn.text }}{% endfor %}",
            {"output": [{"role": "user", "text": "What is 3 + 4?"}]},
            True,
        ),
    ],
)
def test_questions_meet_by_what_templates_render_whatever_fields_are_called(
    text: str, row: dict[str, object], met: bool
) -> None:
    no_answer = [] if "output" in row else "1"
    others = ({"output": no_answer, "q": "x", "a": 0, "b": 0, "instruction": "y", "hint": "z"},) * 2
    own = DataSet("train", NO_BYTES, ({"output": "7"} | row, *others))
    asked = DataSet("eval", NO_BYTES, ({"Frage": "What is 3 + 4?"}, {"Frage": "Who?"}))
    found = overlap(
        questions(own, text, ("output",), compile_text),
        questions(asked, LONG + "{{ Frage }}\n", (), compile_text),
    )
    assert isinstance(found, OverlapRecord)
    assert (0 in found.normalised_rows) is met
    assert not {1, 2} & {*found.normalised_rows, *found.ngram_rows}


def test_what_every_row_says_makes_no_two_questions_alike() -> None:
    system = "You are a patient teacher who answers each question with a number and nothing else."
    rows = tuple({"system": system, "q": q, "a": "1"} for q in ("one?", "two?"))
    own = questions(
        DataSet("t", NO_BYTES, rows), "{{ system }} {{ q }} {{ a }}", ("a",), compile_text
    )
    other = tuple({"system": system, "q": q} for q in ("three?", "two?"))
    asked = questions(DataSet("e", NO_BYTES, other), "{{ system }} {{ q }}", (), compile_text)
    assert overlap(own, asked) == OverlapRecord((1,), (1,), (1,), (1,))


def test_words_and_percentiles_are_what_they_are_said_to_be() -> None:
    assert normalised("  \ufb01ne\u00a0 STRASSE ") == "fine strasse"
    assert list(ngrams("?!")) == []
    assert len(list(ngrams("w " * 15))) == 3
    assert lengths(range(1, 101)) == Lengths(1, 50, 90, 95, 100)
    assert lengths([7]) == Lengths(7, 7, 7, 7, 7)


def test_crlf_data_have_another_digest_and_the_same_digest_as_lf(project: Project) -> None:
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    lf = describe_data(project.root, "train", milestone)
    path = project.root / "data/train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    crlf = describe_data(project.root, "train", milestone)
    assert crlf.line_ends == "crlf"
    assert crlf.sha256 != lf.sha256
    assert crlf.sha256_lf == lf.sha256_lf == lf.sha256
    assert crlf.num_rows == lf.num_rows


def test_data_on_the_hub_without_the_library_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read, "find_spec", lambda name: None)  # it may be there
    with pytest.raises(MilestoneError, match="datasets") as caught:
        load_data(Path(), "train", DataSpec(hub=HubDataSpec(id="a/b", split="train")))
    assert "pip install" in caught.value.hint


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference material is not beside us")
def test_the_real_data_have_their_known_facts(project: Project) -> None:
    for name in ("dev-reasoning-v2.jsonl", "eval_v2.jsonl"):
        (project.root / "data" / name).write_bytes((REFERENCE / name).read_bytes())
    text = STUB.replace("data/train.jsonl", "data/dev-reasoning-v2.jsonl")
    text = text.replace("data/eval.jsonl", "data/eval_v2.jsonl")
    text = text.replace('answer = "string"', 'final_answer = "string"')
    text = text.replace('answer = ["answer"]', 'answer = ["final_answer"]')
    project.milestone(text.replace("{{ answer }}", "{{ final_answer }}"))
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    found = describe_data(project.root, "train", milestone)
    assert (found.num_rows, found.num_duplicate_rows) == (550, 74)
    assert found.num_conflicting_prompts == 0
    assert found.conflicting_rows == ()
    assert found.overlap == OverlapRecord((), (), (), ())
    assert len(found.duplicate_rows) == 74
    assert found.sha256.startswith("56aec272")
    path = project.root / "data/dev-reasoning-v2.jsonl"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert describe_data(project.root, "train", milestone).sha256.startswith("601441c0")
