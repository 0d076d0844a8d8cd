"""Questions with worked steps and correct answers, each drawn from a seeded random source.

Responsible for wording and correctness: a task computes its answer, it never looks one up. Which
tasks make up which data set is decided in `compose`, the row formats in `rows`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

ITEMS = ("pencil", "mug", "lemon", "ticket", "candle", "brick", "stamp", "apple", "button", "spoon")
NAMES = ("Ada", "Bo", "Chidi", "Dana", "Emre", "Freya", "Goran", "Hana", "Ines", "Jun")
WORDS = (
    "harbor", "lantern", "pebble", "velvet", "quartz", "meadow", "signal", "copper", "walnut",
    "breeze", "saddle", "turnip", "magnet", "ribbon", "cactus", "tunnel", "pillow", "garden",
    "rocket", "mirror", "basket", "falcon", "button", "island", "jacket", "kettle", "marble",
    "needle", "orchid", "puzzle", "quiver", "raisin", "sketch", "thimble", "unicorn", "violin",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One question: `steps` are (type, content) pairs that lead to `answer`."""

    task: str
    prompt: str
    steps: tuple[tuple[str, str], ...]
    answer: str


Task = Callable[[Random], Draft]


def unit_price(random: Random) -> Draft:
    """Total divided by count."""
    count, price, item = random.randint(2, 12), random.randint(2, 30), random.choice(ITEMS)
    total = count * price
    return Draft(
        "unit_price",
        f"A box of {count} {item}s costs {total} dollars. How much is one {item}?",
        (
            ("setup", "Divide the total by the number of items."),
            ("calculation", f"{total} / {count} = {price}"),
        ),
        f"{price} dollars",
    )


def distance(random: Random) -> Draft:
    """Speed times time."""
    speed, hours = random.randint(3, 90), random.randint(2, 9)
    who = random.choice(("cyclist", "train", "ferry", "truck"))
    return Draft(
        "distance",
        f"A {who} moves at {speed} km per hour for {hours} hours. How far does it get?",
        (
            ("setup", "Distance is speed times time."),
            ("calculation", f"{speed} * {hours} = {speed * hours}"),
        ),
        f"{speed * hours} km",
    )


def area(random: Random) -> Draft:
    """Area of a rectangle."""
    width, height = random.randint(2, 25), random.randint(2, 25)
    return Draft(
        "area",
        f"What is the area of a rectangle {width} m wide and {height} m high?",
        (
            ("setup", "Area is width times height."),
            ("calculation", f"{width} * {height} = {width * height}"),
        ),
        f"{width * height} square m",
    )


def percent(random: Random) -> Draft:
    """A whole percentage of a round number."""
    part, base = random.choice((5, 10, 20, 25, 50, 75)), random.randint(1, 40) * 20
    value = Fraction(part * base, 100)
    return Draft(
        "percent",
        f"How much is {part} percent of {base}?",
        (
            ("setup", "Multiply by the percentage and divide by 100."),
            ("calculation", f"{part} * {base} / 100 = {value}"),
        ),
        str(value),
    )


def remainder(random: Random) -> Draft:
    """Division with remainder."""
    total, size, item = random.randint(20, 99), random.randint(3, 9), random.choice(ITEMS)
    bags, left = divmod(total, size)
    return Draft(
        "remainder",
        f"{total} {item}s go into bags of {size}. How many are left over?",
        (
            ("calculation", f"{bags} bags hold {bags} * {size} = {bags * size}"),
            ("calculation", f"{total} - {bags * size} = {left}"),
        ),
        str(left),
    )


def shopping(random: Random) -> Draft:
    """Two steps: cost, then change."""
    name, item = random.choice(NAMES), random.choice(ITEMS)
    count, price = random.randint(2, 6), random.randint(2, 8)
    paid = 50
    return Draft(
        "shopping",
        f"{name} buys {count} {item}s at {price} dollars each and pays with {paid}. "
        "What is the change?",
        (
            ("calculation", f"{count} * {price} = {count * price}"),
            ("calculation", f"{paid} - {count * price} = {paid - count * price}"),
        ),
        f"{paid - count * price} dollars",
    )


def sequence(random: Random) -> Draft:
    """Next term of an arithmetic sequence."""
    start, step = random.randint(1, 40), random.randint(2, 12)
    terms = [start + step * i for i in range(4)]
    return Draft(
        "sequence",
        f"What comes next: {', '.join(map(str, terms))}?",
        (
            ("observation", f"Each number grows by {step}."),
            ("calculation", f"{terms[-1]} + {step} = {terms[-1] + step}"),
        ),
        str(terms[-1] + step),
    )


def average(random: Random) -> Draft:
    """Mean of three numbers with a whole result."""
    a, b, mean = random.randint(1, 40), random.randint(1, 40), random.randint(30, 60)
    c = 3 * mean - a - b
    total = a + b + c
    return Draft(
        "average",
        f"What is the average of {a}, {b} and {c}?",
        (
            ("calculation", f"{a} + {b} + {c} = {total}"),
            ("calculation", f"{total} / 3 = {mean}"),
        ),
        str(mean),
    )


def minutes(random: Random) -> Draft:
    """Time between two moments of one morning."""
    begin, length = random.randint(6 * 60, 9 * 60), random.randint(11, 170)
    end = begin + length
    return Draft(
        "minutes",
        f"A lesson runs from {begin // 60}:{begin % 60:02d} to {end // 60}:{end % 60:02d}. "
        "How many minutes is that?",
        (
            ("setup", "Count minutes since midnight."),
            ("calculation", f"{end} - {begin} = {length}"),
        ),
        f"{length} minutes",
    )


def reverse(random: Random) -> Draft:
    """A word backwards."""
    word = random.choice(WORDS)
    return Draft(
        "reverse",
        f"Write the word {word} backwards.",
        (("process", "Take the letters from last to first."), ("result", " ".join(word[::-1]))),
        word[::-1],
    )


def count_letter(random: Random) -> Draft:
    """How often a letter occurs."""
    word = random.choice(WORDS)
    letter = random.choice(sorted(set(word)))
    count = word.count(letter)
    return Draft(
        "count_letter",
        f"How many times is the letter {letter} in {word}?",
        (("process", f"Spell it: {' '.join(word)}"), ("result", f"{letter} occurs {count}")),
        str(count),
    )


def sort_numbers(random: Random) -> Draft:
    """Ascending order of four numbers."""
    numbers = random.sample(range(1, 100), 4)
    ordered = " ".join(map(str, sorted(numbers)))
    return Draft(
        "sort_numbers",
        f"Sort from small to large: {' '.join(map(str, numbers))}",
        (("process", f"The smallest is {min(numbers)}."), ("result", ordered)),
        ordered,
    )


def largest(random: Random) -> Draft:
    """Maximum of five numbers."""
    numbers = random.sample(range(10, 1000), 5)
    return Draft(
        "largest",
        f"Which is the largest of {', '.join(map(str, numbers))}?",
        (("process", "Compare them one by one."), ("result", str(max(numbers)))),
        str(max(numbers)),
    )


def checked_sum(random: Random) -> Draft:
    """An addition that is verified by subtraction."""
    a, b = random.randint(12, 480), random.randint(12, 480)
    return Draft(
        "checked_sum",
        f"Add {a} and {b}, then check the result.",
        (
            ("calculation", f"{a} + {b} = {a + b}"),
            ("verify", f"VERIFY: {a + b} - {b} = {a}, as it should."),
        ),
        str(a + b),
    )


def corrected_product(random: Random) -> Draft:
    """A product whose first guess is corrected."""
    a, b = random.randint(3, 12), random.randint(11, 19)
    return Draft(
        "corrected_product",
        f"Work out {a} times {b} and correct yourself if needed.",
        (
            ("guess", f"About {a * 10}, too small."),
            ("correct", f"CORRECT: {a} * {b} = {a * b}"),
        ),
        str(a * b),
    )
