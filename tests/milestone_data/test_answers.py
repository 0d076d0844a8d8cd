"""Every answer of the two data sets, worked out again from the words of its question.

Nothing of the generator is used here. Only questions of general knowledge cannot be worked out;
they are listed, so that no other question escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.milestone_data.committed import (
    CLEAN,
    CONTROL,
    CORRECT,
    EVALUATION,
    INJECTED,
    STAGES,
    TRAINING,
)

TRACES = [*TRAINING, *(row for rows in STAGES.values() for row in rows), *CONTROL, *CORRECT]

# A whole prompt, and how its answer follows from the groups of the pattern.
DRAWN: dict[str, Callable[..., object]] = {
    r"A box of (\d+) (\w+)s costs (\d+) dollars\. How much is one \2\?": (
        lambda count, _, total: f"{Fraction(int(total), int(count))} dollars"
    ),
    r"A \w+ moves at (\d+) km per hour for (\d+) hours\. How far does it get\?": (
        lambda speed, hours: f"{int(speed) * int(hours)} km"
    ),
    r"What is the area of a rectangle (\d+) m wide and (\d+) m high\?": (
        lambda width, height: f"{int(width) * int(height)} square m"
    ),
    r"How much is (\d+) percent of (\d+)\?": lambda part, base: Fraction(
        int(part) * int(base), 100
    ),
    r"(\d+) \w+s go into bags of (\d+)\. How many are left over\?": (
        lambda total, size: int(total) % int(size)
    ),
    r"\w+ buys (\d+) \w+s at (\d+) dollars each and pays with (\d+)\. What is the change\?": (
        lambda count, price, paid: f"{int(paid) - int(count) * int(price)} dollars"
    ),
    r"What comes next: (\d+), (\d+), (\d+), (\d+)\?": lambda *terms: _next_term(*map(int, terms)),
    r"What is the average of (\d+), (\d+) and (\d+)\?": lambda *n: Fraction(sum(map(int, n)), 3),
    r"A lesson runs from (\d+):(\d\d) to (\d+):(\d\d)\. How many minutes is that\?": (
        lambda h, m, to_h, to_m: f"{(int(to_h) - int(h)) * 60 + int(to_m) - int(m)} minutes"
    ),
    r"(?:Write the word (\w+) backwards|Reverse the word '(\w+)')\.": (
        lambda word, quoted: "".join(reversed(word or quoted))
    ),
    r"How many times is the letter (\w) in (\w+)\?": lambda letter, word: word.count(letter),
    r"Sort(?: from small to large)?: ([-\d ]+)": (
        lambda numbers: " ".join(sorted(numbers.split(), key=int))
    ),
    r"Which is the largest of ([\d, ]+)\?": lambda numbers: max(map(int, numbers.split(", "))),
    r"Add (\d+) and (\d+), then check the result\.": lambda a, b: int(a) + int(b),
    r"Work out (\d+) times (\d+) and correct yourself if needed\.": lambda a, b: int(a) * int(b),
    r"How many letters are in (?:the word )?'?(\w+?)'?\?": len,
    r"What is (-?\d+) times (-?\d+)\?": lambda a, b: int(a) * int(b),
    r"What is (\d+) minus (\d+)\?": lambda a, b: int(a) - int(b),
    r"What is (\d+) divided by (\d+)\?": lambda a, b: Fraction(int(a), int(b)),
    r"Divide (\d+) by (\d+) as a decimal\.": lambda a, b: Decimal(a) / Decimal(b),
    r"What is (\d+) to the power (\d+)\?": lambda a, b: int(a) ** int(b),
    r"What is (\d+/\d+) \+ (\d+/\d+)\?": lambda a, b: Fraction(a) + Fraction(b),
    r"What is ([\d.]+) \+ ([\d.]+), exactly\?": lambda a, b: Decimal(a) + Decimal(b),
    r"What is (\d+) percent of (\d+)\?": lambda part, base: Fraction(int(part) * int(base), 100),
    r"Is (\d+) a prime number\? Yes or no\.": lambda n: "yes" if _is_prime(int(n)) else "no",
    r"How many metres are ([\d.]+) km\?": lambda km: f"{Fraction(km) * 1000} m",
    r"How many grams are ([\d.]+) kg\?": lambda kg: f"{Fraction(kg) * 1000} g",
    r"Round ([\d.]+) to even\.": lambda n: round(float(n)),
    r"How many vowels are in '(\w+)', counting only a, e, i, o, u\?": (
        lambda word: sum(letter in "aeiou" for letter in word)
    ),
    r"What is the square root of (\d+)\?": lambda n: round(int(n) ** 0.5),
    r"A storehouse .*, each crate weighing exactly (\d+) kg, .* over the whole week\?": (
        lambda kg: f"{7 * 4 * int(kg)} kg"  # seven days, four crates on each
    ),
}
SINGLE: dict[str, object] = {
    "How many letters has the empty word?": len(""),
    "What is the sum of no numbers?": sum(()),
    "How many seconds are in an hour?": 60 * 60,
    "How many minutes are in a day?": 24 * 60,
    "What is the smallest prime number?": 2,
    "How many days has February in a leap year?": (date(2024, 3, 1) - date(2024, 2, 1)).days,
}
KNOWLEDGE = {
    "Which planet is closest to the Sun?": "Mercury",
    "What is the chemical symbol of gold?": "Au",
    "How many sides has a hexagon?": "6",
    "What is the capital of Kenya?": "Nairobi",
    "Which ocean lies between Africa and Australia?": "Indian Ocean",
    "What is the freezing point of water in degrees Celsius?": "0",
    "Which gas do plants take from the air?": "carbon dioxide",
    "In which year did the first human walk on the Moon?": "1969",
    "How many bits are in a byte?": "8",
    "Write 1000000 in words.": "one million",
}
QUESTIONS = [(row["prompt"], row["final_answer"]) for row in TRACES] + [
    # Behind the question of a check stands a step, which is another law's.
    (row["prompt"].partition("\n")[0], row["expected_answer"])
    for row in (*EVALUATION, *CLEAN, *INJECTED)
]


def _next_term(*terms: int) -> int:
    differences = {b - a for a, b in pairwise(terms)}
    assert len(differences) == 1
    return terms[-1] + differences.pop()


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % divisor for divisor in range(2, n))


def worked_out(prompt: str) -> list[str]:
    """Every answer that a rule of this file gives to a prompt."""
    found = [str(SINGLE[prompt])] if prompt in SINGLE else []
    for pattern, answer in DRAWN.items():
        if match := re.fullmatch(pattern, prompt):
            found.append(str(answer(*match.groups())))
    return found


def test_every_question_but_general_knowledge_is_worked_out_in_one_way() -> None:
    unexplained = {prompt for prompt, _ in QUESTIONS if len(worked_out(prompt)) != 1}
    assert unexplained == set(KNOWLEDGE)


def test_every_answer_is_right() -> None:
    wrong = [
        (prompt, given, right)
        for prompt, given in QUESTIONS
        if given != (right := KNOWLEDGE.get(prompt) or worked_out(prompt)[0])
    ]
    assert wrong == []


NUMBER = r"-?\d+(?:\.\d+)?(?:/\d+)?"
CALCULATION = re.compile(rf"({NUMBER}(?: [-+*/] {NUMBER})+) = ({NUMBER})")


def left_to_right(expression: str) -> Fraction:
    """The value of `a op b op c`, whose operators here are all of one precedence."""
    first, *rest = expression.split(" ")
    value = Fraction(first)
    for sign, operand in zip(rest[::2], map(Fraction, rest[1::2]), strict=True):
        steps = {"+": value + operand, "-": value - operand, "*": value * operand}
        value = value / operand if sign == "/" else steps[sign]
    return value


def test_every_calculation_in_a_step_is_right() -> None:
    calculations = [
        found
        for row in TRACES
        for step in row["steps"]
        if step["type"] != "mistake"
        for found in CALCULATION.findall(step["content"])
    ]
    assert [c for c in calculations if left_to_right(c[0]) != Fraction(c[1])] == []
    assert len(calculations) > 500


def test_every_equals_sign_of_a_step_belongs_to_a_checked_calculation() -> None:
    for row in TRACES:
        for step in row["steps"]:
            text = step["content"]
            assert text.count(" = ") == len(CALCULATION.findall(text)), text


def results(text: str) -> tuple[Fraction, Fraction]:
    """What the one calculation in a text gives, and what the text says of it."""
    (found,) = CALCULATION.findall(text)
    return left_to_right(found[0]), Fraction(found[1])


def test_every_mistake_is_one_and_the_next_step_puts_the_same_calculation_right() -> None:
    for row in CORRECT:
        kinds = [step["type"] for step in row["steps"]]
        assert kinds.count("mistake") == kinds.count("correct") == 1
        place = kinds.index("mistake")
        wrong, right = row["steps"][place]["content"], row["steps"][place + 1]["content"]
        true, said = results(wrong)
        assert true != said > 0
        assert right == f"CORRECT: {wrong.rpartition(' = ')[0]} = {true}"


def test_an_error_that_was_put_in_is_wrong_and_what_stands_in_its_place_is_right() -> None:
    for clean, injected in zip(CLEAN, INJECTED, strict=True):
        question, _, step = clean["prompt"].partition("\n")
        assert injected["prompt"] == f"{question}\n{injected['error']}"
        true, said = results(step)
        assert true == said
        true, said = results(injected["error"])
        assert true != said > 0
        assert step.rpartition(" = ")[0] == injected["error"].rpartition(" = ")[0]


@pytest.mark.parametrize(
    ("expression", "value"), [("3 - 11", -8), ("5 * 560 / 100", 28), ("3/6 + 2/6", Fraction(5, 6))]
)
def test_the_check_itself_calculates(expression: str, value: Fraction) -> None:
    assert left_to_right(expression) == value
