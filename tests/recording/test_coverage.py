"""Laws of fields in what was fed: what was learned is never said not to have been."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.recording.coverage import Text, fields_reached
from evidence.recording.tables import read_rows


def fed(prompt: str, answer: str, learned: str) -> Text:
    """A sequence of which the prompt, the answer or all of it carries loss."""
    whole = prompt + answer
    start, end = {"answer": (len(prompt), len(whole)), "prompt": (0, len(prompt)),
                  "all": (0, len(whole)), "none": (0, 0)}[learned]  # fmt: skip
    return Text(whole, ((start, end),) if end else ())


def counts(rows: list[dict[str, Any]], texts: list[Text]) -> dict[str, tuple[int, int | None]]:
    found = fields_reached(rows, texts).fields
    return {one.field: (one.num_rows_in_sequence, one.num_rows_in_target) for one in found}


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=300)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_an_answer_that_was_learned_is_never_said_not_to_be(pairs: list[tuple[str, str]]) -> None:
    rows = [{"q": q, "a": a} for q, a in pairs]
    texts = [fed(f"Question: {q} Answer: ", a, "answer") for q, a in pairs]
    assert counts(rows, texts)["a"][1] != 0


@pytest.mark.parametrize(("learned", "question", "answer"), [
    ("all", 3, 3), ("answer", 0, 3), ("prompt", 3, 0), ("none", 0, 0)])  # fmt: skip
def test_each_part_is_counted_where_it_carries_loss(
    learned: str, question: int, answer: int
) -> None:
    rows = [{"q": f"what is the number {n}?", "a": f"it is {n}{n}{n}"} for n in range(3)]
    texts = [fed(f"Q: {one['q']} A: ", one["a"], learned) for one in rows]
    assert counts(rows, texts) == {"q": (3, question), "a": (3, answer)}


def test_a_prompt_alone_teaches_no_answer_though_it_holds_its_words() -> None:
    rows = [{"q": f"is it {n} or {n + 1}, what do you think?", "a": str(n)} for n in range(9)]
    texts = [Text(one["q"], ((0, len(one["q"])),)) for one in rows]
    assert counts(rows, texts) == {"q": (9, 9), "a": (0, 0)}


def test_an_answer_that_the_template_names_too_is_found_where_it_is_learned() -> None:
    rows = [{"q": f"is {n} even, or is it odd?", "a": ("yes", "no")[n % 2]} for n in range(6)]
    texts = [fed(f"Say yes or no. {one['q']} ", one["a"], "answer") for one in rows]
    assert counts(rows, texts)["a"] == (6, 6)


def test_a_long_text_is_learned_where_only_its_end_is() -> None:
    rows = [{"text": f"{n} " + "word " * 80 + f"end {n}"} for n in range(3)]
    texts = [Text(one["text"], ((len(one["text"]) - 5, len(one["text"])),)) for one in rows]
    assert counts(rows, texts)["text"] == (3, 3)


def test_scripts_without_spaces_are_found() -> None:
    texts = [fed("问题天空是什么颜色答案", "蓝色", "answer")]
    assert counts([{"q": "天空是什么颜色", "a": "蓝色"}], texts) == {"q": (1, 0), "a": (1, 1)}


def test_roles_of_a_conversation_are_not_taken_for_constant() -> None:
    rows = [{"messages": [{"role": "user", "content": f"question {n}, please"},
                          {"role": "assistant", "content": f"answer {n}, here"}]}
            for n in range(3)]  # fmt: skip
    texts = [fed(f"question {n}, please ", f"answer {n}, here", "prompt") for n in range(3)]
    found = fields_reached(rows, texts).fields
    assert [one.is_constant for one in found] == [False, False]
    assert [one.num_rows_in_target for one in found] == [3, 0]


def test_a_deep_value_is_no_accident() -> None:
    deep: Any = "x"
    for _ in range(2_000):
        deep = [deep]
    assert fields_reached([{"a": deep, "b": "a text to be found"}], [Text("nothing", ())])


def test_a_row_of_a_table_that_is_too_long_has_fields_with_names(tmp_path: Any) -> None:
    rows = read_rows(tmp_path / "a.csv", b"a,b\n1,2,3\n")
    assert rows == [{"a": "1", "b": "2"}]


def test_rows_cut_into_blocks_are_not_said_to_be_unlearned() -> None:
    rows = [{"q": f"what is number {n} of the list?", "a": f"it is {n} " + "and so on " * 9}
            for n in range(6)]  # fmt: skip
    stream = " ".join(f"{one['q']} {one['a']}" for one in rows)
    blocks = [stream[n : n + 90] for n in range(0, len(stream), 90)]
    assert counts(rows, [Text(one, ((0, len(one)),)) for one in blocks])["a"][1] != 0


def test_a_text_beside_its_prompt_and_completion_hides_neither() -> None:
    rows = [{"prompt": f"what is {n} plus 1?", "completion": f"that is {n + 1}"} for n in range(5)]
    whole = [one | {"text": f"{one['prompt']} {one['completion']}"} for one in rows]
    texts = [fed(one["prompt"] + " ", one["completion"], "answer") for one in rows]
    assert counts(whole, texts)["completion"] == (5, 5)


def test_a_long_prefix_that_all_rows_share_hides_no_answer() -> None:
    prefix = "You are a careful helper who answers in few words. " * 5
    rows = [{"q": f"{prefix}what is {n}?", "a": f"number {n}"} for n in range(40)]
    texts = [fed(one["q"] + " ", one["a"], "answer") for one in rows]
    assert counts(rows, texts)["a"] == (40, 40)


def test_lower_case_and_white_space_hide_no_answer() -> None:
    rows = [{"q": f"What  is\n{n}?", "a": f"It IS\t{n}"} for n in range(5)]
    texts = [fed(f"what is {n}? ", f"it is {n}", "answer") for n in range(5)]
    assert counts(rows, texts)["a"] == (5, 5)


def test_of_rows_that_were_not_found_nothing_is_known() -> None:
    rows = [{"q": f"what is {n}?", "a": f"number {n}"} for n in range(5)]
    assert counts(rows, [Text("completely other words", ((0, 22),))])["a"] == (0, None)


def test_rows_that_are_alike_and_were_not_fed_are_not_counted() -> None:
    rows = [{"q": f"a box of {n} spoons costs {7 * n} dollars. how much is one spoon?", "a": str(n)}
            for n in range(100, 140)]  # fmt: skip
    texts = [fed(f"{one['q']} ", one["a"], "all") for one in rows[:5]]
    assert counts(rows, texts) == {"q": (5, 5), "a": (5, 5)}
