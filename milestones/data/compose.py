"""Which questions make up the training and the evaluation set.

Responsible for counts, edge cases, facts and keeping the two sets apart. The wording of drawn
questions is `tasks`'s, the row formats are `rows`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import tasks
from tasks import Draft, Task

REASONING: tuple[Task, ...] = (
    tasks.unit_price, tasks.distance, tasks.area, tasks.percent, tasks.remainder, tasks.shopping,
    tasks.sequence, tasks.average, tasks.minutes,
)  # fmt: skip
SYNTHETIC: tuple[Task, ...] = (
    tasks.reverse, tasks.count_letter, tasks.sort_numbers, tasks.largest,
)  # fmt: skip
GOLDEN: tuple[Task, ...] = (tasks.checked_sum, tasks.corrected_product)

LONG = (
    "A storehouse keeper writes down what comes in on every day of a long week: "
    "on the first day 4 crates of lemons, on the second day 4 crates of candles, on the third day "
    "4 crates of stamps, on the fourth day 4 crates of bricks, on the fifth day 4 crates of mugs, "
    "on the sixth day 4 crates of spoons, and on the seventh day 4 crates of {item}s, each crate "
    "weighing exactly {weight} kg, none of them opened, none of them moved again, and all of them "
    "stacked along the north wall beside the old scales, where the keeper counts them once more "
    "before closing the door. How many kg came in over the whole week?"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One evaluation question."""

    draft: Draft
    section: str
    category: str
    difficulty: str


def training_drafts(random: Random) -> list[tuple[str, Draft]]:
    """(category, draft) of the 550 training rows, no prompt twice, in shuffled order."""
    seen: set[str] = set()
    rows = [("edge-case", draft) for draft in edge_cases()]
    seen.update(draft.prompt for _, draft in rows)
    for category, sources, count in (
        ("golden-style", GOLDEN, 35),
        ("synthetic", SYNTHETIC, 110),
        ("reasoning", REASONING, 385),
    ):
        rows += [(category, draft) for draft in draw(sources, count, seen, random)]
    random.shuffle(rows)
    return rows


def draw(sources: Sequence[Task], count: int, seen: set[str], random: Random) -> Iterator[Draft]:
    """`count` drafts, the sources in turn, none with a prompt in `seen`, which grows."""
    for index in range(count):
        while True:
            draft = sources[index % len(sources)](random)
            if draft.prompt not in seen:
                break
        seen.add(draft.prompt)
        yield draft


def edge_cases() -> list[Draft]:
    """Twenty fixed rows at the edges: zero, signs, units, scripts, and texts that get cut."""

    def case(prompt: str, step: str, answer: str) -> Draft:
        return Draft("edge_case", prompt, (("note", step),), answer)

    short = [
        case("What is 0 times 981?", "Anything times zero is zero.", "0"),
        case("What is 7 minus 12?", "7 - 12 = -5", "-5"),
        case("Divide 1 by 8 as a decimal.", "1 / 8 = 0.125", "0.125"),
        case("What is 10 to the power 9?", "A one and nine zeros.", "1000000000"),
        case("How many letters has the empty word?", "There is nothing to count.", "0"),
        case("Reverse the word 'noon'.", "It reads the same both ways.", "noon"),
        case("Reverse the word 'äöü'.", "Three letters, last to first.", "üöä"),
        case("How many letters are in 東京?", "Two characters stand there.", "2"),
        case("What is -3 times -4?", "Two minus signs give plus: 3 * 4 = 12", "12"),
        case("Is 1 a prime number? Yes or no.", "A prime has two divisors, 1 has one.", "no"),
        case("How many metres are 2.5 km?", "2.5 * 1000 = 2500", "2500 m"),
        case("What is 1/2 + 1/3?", "3/6 + 2/6 = 5/6", "5/6"),
        case("Sort: 5 -1 0", "The negative number comes first.", "-1 0 5"),
        case("What is 100 percent of 37?", "All of it.", "37"),
        case("Round 2.5 to even.", "2 and 3 are equally near; 2 is even.", "2"),
        case("What is the sum of no numbers?", "Nothing to add.", "0"),
        case("How many seconds are in an hour?", "60 * 60 = 3600", "3600"),
    ]
    long = [
        case(
            LONG.format(item=item, weight=weight),
            f"7 days times 4 crates times {weight} kg: 7 * 4 * {weight} = {28 * weight}",
            f"{28 * weight} kg",
        )
        for item, weight in (("button", 15), ("apple", 22), ("ticket", 9))
    ]
    return short + long


FACTS: tuple[tuple[str, str, str], ...] = (
    ("Which planet is closest to the Sun?", "Mercury", "easy"),
    ("What is the chemical symbol of gold?", "Au", "easy"),
    ("How many sides has a hexagon?", "6", "easy"),
    ("What is the capital of Kenya?", "Nairobi", "medium"),
    ("Which ocean lies between Africa and Australia?", "Indian Ocean", "medium"),
    ("How many minutes are in a day?", "1440", "medium"),
    ("What is the freezing point of water in degrees Celsius?", "0", "easy"),
    ("Which gas do plants take from the air?", "carbon dioxide", "medium"),
    ("What is the square root of 144?", "12", "easy"),
    ("In which year did the first human walk on the Moon?", "1969", "medium"),
    ("What is the smallest prime number?", "2", "easy"),
    ("How many bits are in a byte?", "8", "easy"),
)

TRICKY: tuple[tuple[str, str, str], ...] = (
    ("What is 0 divided by 5?", "0", "easy"),
    ("What is 3 minus 11?", "-8", "easy"),
    ("How many letters are in the word 'ñandú'?", "5", "medium"),
    ("What is 1/4 + 1/6?", "5/12", "hard"),
    ("Reverse the word 'level'.", "level", "easy"),
    ("What is 0.1 + 0.2, exactly?", "0.3", "medium"),
    ("Write 1000000 in words.", "one million", "medium"),
    ("How many days has February in a leap year?", "29", "easy"),
    ("What is -6 times 7?", "-42", "medium"),
    ("Is 51 a prime number? Yes or no.", "no", "hard"),
    ("How many grams are 0.75 kg?", "750 g", "medium"),
    ("What is 2 to the power 0?", "1", "medium"),
    ("Sort: 9 -2 4", "-2 4 9", "easy"),
    ("What is 250 percent of 4?", "10", "hard"),
    ("How many vowels are in 'rhythm', counting only a, e, i, o, u?", "0", "hard"),
)


def evaluation_questions(random: Random, seen: set[str]) -> list[Question]:
    """100 questions: 60 core, 25 trace_sensitive, 15 edge_case. No prompt is in `seen`."""
    groups: tuple[tuple[str, tuple[Task, ...], int, str], ...] = (
        ("arithmetic", (tasks.unit_price, tasks.distance, tasks.area, tasks.percent), 24, "easy"),
        ("string", (tasks.reverse, tasks.count_letter), 12, "medium"),
        ("ordering", (tasks.largest, tasks.sort_numbers, tasks.sequence), 12, "easy"),
    )
    core = [
        Question(draft, "core", category, difficulty)
        for category, sources, count, difficulty in groups
        for draft in draw(sources, count, seen, random)
    ]
    core += [_fixed(fact, "core", "knowledge") for fact in FACTS]
    random.shuffle(core)
    several = (tasks.shopping, tasks.average, tasks.remainder, tasks.minutes, tasks.checked_sum)
    traces = [
        Question(draft, "trace_sensitive", "multi-step", "medium" if index % 2 else "hard")
        for index, draft in enumerate(draw(several, 25, seen, random))
    ]
    return core + traces + [_fixed(fact, "edge_case", "formatting") for fact in TRICKY]


def _fixed(fact: tuple[str, str, str], section: str, category: str) -> Question:
    prompt, answer, difficulty = fact
    return Question(Draft("fact", prompt, (), answer), section, category, difficulty)
