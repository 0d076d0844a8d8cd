"""Laws of packs whose answers are scored by the author's functions: one name may be two of them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from evidence.compare.configuration import configurations
from evidence.compare.measures import measures
from evidence.compare.pair import Pair
from evidence.compare.reasons import reasons
from evidence.encoding.digest import sha256_hex
from evidence.pack.documents import Documents
from evidence.records.functions import FunctionRecord, FunctionsRecord
from evidence.rules.differences import differences
from evidence.stages.eval import FUNCTIONS
from evidence.verification.verification import VerifiedPack

Packs = Callable[[str], VerifiedPack]
TENTHS = "def score(prediction, row):\n    return len(prediction) / 10\n"
HALVES = "def score(prediction, row):\n    return len(prediction) / 2\n"


def scored(documents: Documents, source: str, mean: float) -> Documents:
    """The same, its answers scored by a function besides."""
    data, results = source.encode(), documents.results
    one = FunctionRecord("score", "metrics.py", sha256_hex(data), len(data), source)
    kept = FunctionsRecord("functions.v1", (one,))
    asked = replace(documents.milestone.eval, metrics=("metrics.py:score",))
    assert results is not None
    value = replace(results.values["eval.num_examples"], value=mean, unit="")
    return replace(
        documents,
        milestone=replace(documents.milestone, given_eval=asked),
        of_stages={**documents.of_stages, FUNCTIONS.path: kept},
        results=replace(results, values={**results.values, "eval.score.mean": value}),
    )


def sides(packs: Packs, *given: tuple[str, float]) -> list[Documents]:
    return [scored(packs("as-it-is").documents, *one) for one in given]


def test_means_of_two_functions_of_one_name_stand_in_two_rows(packs: Packs) -> None:
    every = measures(sides(packs, (TENTHS, 0.1), (HALVES, 0.5), (TENTHS, 0.2)))
    rows = [one for one in every if one.name == "eval.score.mean"]
    assert [[each.value for each in one.values] for one in rows] == [
        [0.1, None, 0.2],
        [None, 0.5, None],
    ]
    assert "metrics.py of another text" in str(rows[0].values[1].unavailable)
    assert sha256_hex(HALVES.encode())[:12] in rows[1].title


def test_another_function_of_one_name_is_configured_differently_and_a_reason(packs: Packs) -> None:
    first, other = sides(packs, (TENTHS, 0.1), (HALVES, 0.5))
    digests = tuple(sha256_hex(one.encode()) for one in (TENTHS, HALVES))
    (row,) = differences(configurations([first, other]))
    assert (row.key, row.values) == ("content.function.metrics.py:score", digests)
    (reason,) = reasons(Pair(first, other))
    assert reason.kind == "function"
    assert all(one[:12] in reason.explanation for one in digests)


def test_one_function_in_both_is_no_difference(packs: Packs) -> None:
    first, other = sides(packs, (TENTHS, 0.1), (TENTHS, 0.1))
    (row,) = (one for one in measures([first, other]) if one.name == "eval.score.mean")
    assert (row.title, [one.value for one in row.values]) == ("Mean of score", [0.1, 0.1])
    assert differences(configurations([first, other])) == ()
    assert reasons(Pair(first, other)) == ()
