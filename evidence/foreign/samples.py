"""Scores of evaluation harnesses computed again from the samples that were logged with them.

Responsible for scores that are plain means of samples, their standard errors, and how many samples
there are; of lm-eval (results_*.json beside samples_*.jsonl) and of Inspect's logs in JSON. Groups
of tasks, weighted and corpus-level metrics, other reducers than the mean and files of which a part
was left out are not computed, each with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from evidence.foreign.aggregations import Aggregations
from evidence.foreign.digits import shown, summed
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.finding import Finding, cut, said, warning
from evidence.foreign.inspect_log import INSPECT, scores_of
from evidence.foreign.samples_files import SamplesFile, samples_files
from evidence.foreign.trainings import is_number
from evidence.records.record import Record
from evidence.rules.arithmetic import mean
from evidence.rules.spread import standard_error

MEANS: Final = frozenset({"acc", "acc_norm", "exact_match", "em", "prompt_level_strict_acc"})
STDERR: Final = "_stderr"
EFFECTIVE: Final = "effective"
"""Of lm-eval's n-samples: how many documents were evaluated."""
RELATIVE: Final = Decimal("1e-9")
NO_FILTER: Final = "none"


class Held(Record):
    """A score of an evaluation, and what its samples give."""

    task: str
    fact: Fact
    found: float | None = None
    """None: not computed, for a reason."""
    what: str = "mean"
    num_samples: int = 0
    file: str = ""
    place: Place | None = None
    """Where the first of the samples stands."""
    why_not: str = ""

    @property
    def differs(self) -> bool:
        """Whether the samples do not give what is said."""
        score = shown(self.fact)
        if self.found is None or score is None:
            return False
        return abs(score.value - Decimal(repr(self.found))) > score.half + RELATIVE


def held(sources: Sequence[Source]) -> Iterator[Held]:
    """Every score of the files, in their order."""
    for source in sources:
        if source.format == "lm-eval-results":
            yield from _of_results(source, sources)
        elif source.format == INSPECT:
            for one in scores_of(source):
                where = (one.num_samples, source.path, one.place)
                yield Held(one.task, one.fact, one.found, one.what, *where, one.why_not)


def findings(sources: Sequence[Source]) -> Iterator[Finding]:
    """Each score that its samples do not give."""
    for one in held(sources):
        if one.differs and one.found is not None:
            text = (
                f"{one.fact.name} of {one.task} is {said(one.fact)}; the {one.what} of its "
                f"{one.num_samples} samples in {one.file} is {one.found:.6g}: samples of another "
                "evaluation?"
            )
            places = (one.fact.place, one.fact.place if one.place is None else one.place)
            yield warning("score-of-samples", text, places)


def is_no_number(fact: Fact) -> bool:
    """Whether a score is one of the words that Python's JSON has for what is no number: the mean
    of such scores."""
    return fact.value in ("NaN", "Infinity", "-Infinity")


def _of_results(results: Source, sources: Sequence[Source]) -> Iterator[Held]:
    beside = samples_files(results, sources)
    rows: dict[str, list[dict[str, Fact]]] = {}
    how = Aggregations(results)
    for fact in results.facts:
        is_score = fact.place.address.startswith("/results/") and bool(fact.scope)
        if is_score and is_no_number(fact):
            yield Held(fact.scope[0], fact, why_not=f"it is {fact.value}, and no number")
        elif is_score and is_number(fact):
            task, metric = fact.scope[0], fact.name.removesuffix(STDERR)
            source, why = _source_of(metric, beside.get(task))
            why = why or how.why_no_mean(task, metric)
            if why or source is None:
                yield Held(task, fact, why_not=why)
                continue
            known = rows.setdefault(task, _rows(source))
            wanted = fact.scope[1] if len(fact.scope) > 1 else NO_FILTER
            yield _of_rows(task, fact, known, wanted, source.path)
        elif fact.place.address.startswith("/n-samples/") and fact.name == EFFECTIVE:
            task = fact.scope[-1] if fact.scope else ""
            source, why = _source_of("acc", beside.get(task))
            if is_number(fact) and source is not None and not why:
                yield _of_count(task, fact, rows.setdefault(task, _rows(source)), source.path)


def _source_of(metric: str, beside: SamplesFile | None) -> tuple[Source | None, str]:
    """The file of a score's samples, or why it has none."""
    if metric not in MEANS:
        return None, "it is not known to be a mean of samples"
    if beside is None:
        return None, "no samples of it lie beside it"
    return beside.source, beside.why_not


def _of_rows(task: str, fact: Fact, rows: list[dict[str, Fact]], wanted: str, file: str) -> Held:
    """A filter's rows are its own; where rows name none, they are of all."""
    name = fact.name.removesuffix(STDERR)
    own = [row for row in rows if "filter" not in row or row["filter"].value == wanted]
    values = [row[name].value for row in own if name in row]
    numbers = [number for one in values if (number := summed(one)) is not None]
    why = _unlike_documents(own, rows, wanted)
    if not numbers or len(numbers) != len(values):
        why = why or f"its samples have no number {name} each"
    elif len(values) != len(own):
        why = why or f"{len(own) - len(values)} of its {len(own)} samples have no {name}"
    if why:
        return Held(task, fact, why_not=why)
    place = next(row[name].place for row in own if name in row)
    if fact.name == name:
        found = mean(numbers)
        return Held(task, fact, found, "mean", len(numbers), file, place)
    if len(numbers) < 2:
        return Held(task, fact, why_not="one sample has no standard error")
    found = standard_error(numbers)
    return Held(task, fact, found, "standard error", len(numbers), file, place)


def _unlike_documents(own: list[dict[str, Fact]], rows: list[dict[str, Fact]], wanted: str) -> str:
    """Why the rows of a filter are not one of each document, as lm-eval logs them; empty where
    they are."""
    if not own:
        return f"its samples have none of the filter {cut(wanted)}"
    counted = Counter(row["doc_id"].value for row in own if "doc_id" in row)
    if counted.total() < len(own):
        return "its samples do not say of which document they are"
    document, count = counted.most_common(1)[0]
    if count > 1:
        return f"document {cut(str(document))} has {count} samples of the filter {cut(wanted)}"
    every = {row["doc_id"].value for row in rows if "doc_id" in row}
    left = f"{len(every) - len(counted)} of its {len(every)} documents have no sample of the filter"
    return "" if len(every) == len(counted) else f"{left} {cut(wanted)}"


def _of_count(task: str, fact: Fact, rows: list[dict[str, Fact]], file: str) -> Held:
    """A document has a row for each filter."""
    documents = {row["doc_id"].value for row in rows if "doc_id" in row}
    place = next((row["doc_id"].place for row in rows if "doc_id" in row), None)
    if not documents:
        return Held(task, fact, why_not="its samples do not say of which document they are")
    return Held(task, fact, float(len(documents)), "number", len(documents), file, place)


def _rows(source: Source) -> list[dict[str, Fact]]:
    found: dict[int, dict[str, Fact]] = {}
    names: Mapping[str, None] = dict.fromkeys((*MEANS, "filter", "doc_id"))
    for fact in source.facts:
        if fact.row is not None and not fact.scope and fact.name in names:
            found.setdefault(fact.row, {})[fact.name] = fact
    return list(found.values())
