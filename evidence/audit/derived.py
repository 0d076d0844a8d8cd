"""What follows from the evidence by arithmetic: first, last, mean, extremes, counts, spreads.

Responsible for values that no file states but that a page may well give. Each says how it follows
and from which places. Formulas are those of `docs/arithmetic.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations, islice
from math import prod
from typing import Final

from msgspec.structs import replace

from evidence.audit.known import (
    Known,
    decimal_of,
    known_of,
    stage_in,
    stage_of_path,
    subject_of_path,
)
from evidence.audit.meaning import Meaning, words_of
from evidence.audit.vocabulary import IDENTITIES, LOWER_IS_BETTER, SCORES, SETTINGS
from evidence.foreign import names
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.trainings import Training, is_endless

MAX_GROUP: Final = 200
"""Of values whose spread is looked at together."""
_RIGHT: Final = frozenset(
    (
        *("correct", "is_correct", "acc", "accuracy", "exact_match", "passed", "success", "match"),
        *("right", "contains", "score", "em"),
    )
)
"""Names under which files of predictions say that an answer is right."""
_AT_ENDS: Final = ("first", "last")
MAX_SETTINGS: Final = 4
_RUN_KEYS: Final = ("seed", "fold", "run", "trial")
MAX_LOSSES: Final = 2_000
MOST_NATS: Final = 50
_SUMMED: Final = ("runtime_s", "flops", "rows", "num_tokens", "steps")
_ROWS: Final = ("json-lines", "csv", "tsv")
_NEVER: Final = (*IDENTITIES, *SETTINGS, "step", "epoch", "steps", "num_tokens")


def of_trainings(trainings: Sequence[Training], partial: frozenset[str]) -> Iterator[Known]:
    """Losses at both ends, the mean, extremes, how many rows were logged, and what rates imply.

    Of a file that was read in part (`partial`) no extreme, count or mean follows.
    """
    for training in trainings:
        subject = subject_of_path(training.file)
        said = {stage_of_path(training.file) or stage_in(row.facts) for row in training.rows}
        stage, is_of_several = _together(said or {stage_of_path(training.file)})
        for one in _of_training(training):
            is_whole = training.file not in partial or one.meaning.aggregate in _AT_ENDS
            if is_whole:
                one = replace(one, subject=one.subject | subject, stage=stage)
                yield replace(one, is_of_several=is_of_several)


def _together(stages: set[str]) -> tuple[str, bool]:
    """The one stage that values are of, and whether they are of several; of none, neither."""
    return (next(iter(stages)), False) if len(stages) == 1 else ("", True)


def _of_training(training: Training) -> Iterator[Known]:
    losses = [fact for row in training.rows if (fact := row.loss) is not None]
    if losses and not training.endless:
        values = [decimal_of(fact) or Decimal(0) for fact in losses]
        mean = sum(values, Decimal(0)) / len(values)
        how = f"the mean of the {len(values)} losses that were logged"
        yield _value(Meaning("loss", "train", "mean"), mean, how, losses[0].place)
    if losses:
        num_rows = len(losses) + len(training.endless)
        yield _count("rows", num_rows, "rows logged", losses[0].place, "logged")
    if training.mean_loss is not None:
        how = "the mean over all steps of the run"
        yield replace(
            known_of(training.mean_loss),
            meaning=Meaning("loss", "train", "mean"),
            how=how,
            is_row=False,
            step=None,
        )
    yield from _of_totals(training)


def _of_totals(training: Training) -> Iterator[Known]:
    totals = training.totals
    if totals is None:
        return
    for fact in totals.facts:
        known = replace(known_of(fact), is_row=False, step=None)
        if known.meaning.measure not in ("loss", "epoch"):
            yield known
        elif known.meaning.measure == "epoch":
            yield replace(known, meaning=Meaning("epochs", "train"))
    runtime = totals.get(("train_runtime",))
    for key, measure in (
        ("train_samples_per_second", "rows"),
        ("train_steps_per_second", "steps"),
    ):
        rate = totals.get((key,))
        if runtime is not None and rate is not None:
            yield from _implied(runtime, rate, measure, totals.get(names.EPOCH))


def _implied(runtime: Fact, rate: Fact, measure: str, epochs: Fact | None) -> Iterator[Known]:
    """Runtime · rate is a count, over all epochs; what the rounding of both leaves open is its
    precision. It can bear a claim out, not contradict it."""
    seconds, each = decimal_of(runtime), decimal_of(rate)
    if not seconds or not each:
        return
    count = seconds * each
    ulp = known_of(rate).ulp * seconds + known_of(runtime).ulp * each
    how = f"{runtime.text} s × {rate.text} per second"
    meaning = Meaning(measure, "train", rest=frozenset(("implied",)))
    places = (runtime.place, rate.place)
    yield Known(meaning, how, f"{count:.1f}", places, count, ulp, how=how)
    passes = None if epochs is None else decimal_of(epochs)
    if passes and measure == "rows":
        how = f"{how}, over {passes} epochs"
        yield Known(meaning, how, f"{count / passes:.1f}", places, count / passes, ulp, how=how)


def series(knowns: Iterable[Known], partial: frozenset[str]) -> Iterator[Known]:
    """First, last and extremes of what was logged again and again, by file and name: of two losses
    of training either may be meant. What was logged first or last as NaN or infinite is no number:
    of that end none follows."""
    found: dict[tuple[str, str, str, str], list[Known]] = {}
    for one in knowns:
        is_logged = one.value is not None or is_endless(one.text)
        if one.is_row and is_logged and one.meaning.measure not in _NEVER:
            file = one.places[0].file
            store = file.rpartition("/")[0] if "tfevents" in file else file
            found.setdefault((store, one.name, one.meaning.split, one.stage), []).append(one)
    for (store, *_), group in found.items():
        yield from _series(group, is_whole=store not in partial)


def _series(group: list[Known], *, is_whole: bool) -> Iterator[Known]:
    if all(one.step is not None for one in group):
        group = sorted(group, key=lambda one: one.step or Decimal(0))
    meaning, name = group[0].meaning, group[0].name
    ends = ((group[0], "first"), (group[-1], "last"))
    for one, aggregate in (end for end in ends if end[0].value is not None):
        step = "" if one.step is None else f", of step {one.step.normalize():f}"
        yield _as(one, aggregate, f"the {aggregate} {name} that was logged{step}")
    group = [one for one in group if one.value is not None]
    if not is_whole or not group:
        return
    low = min(group, key=lambda one: one.value or Decimal(0))
    high = max(group, key=lambda one: one.value or Decimal(0))
    best = low if meaning.measure in LOWER_IS_BETTER else high
    for one, aggregate in ((low, "min"), (high, "max"), (best, "best")):
        yield _as(one, aggregate, f"the {aggregate} of {len(group)} values of {name}")


def _as(one: Known, aggregate: str, how: str) -> Known:
    meaning = replace(one.meaning, aggregate=aggregate)
    return replace(one, meaning=meaning, how=how, is_row=False, step=None, epoch=None)


def perplexities(knowns: Iterable[Known]) -> Iterator[Known]:
    """exp of every loss that is no row: of which one a perplexity is, a page seldom says."""
    losses = (one for one in knowns if one.meaning.measure == "loss" and not one.is_row)
    for one in islice(losses, MAX_LOSSES):
        if one.value is not None and 0 <= one.value < MOST_NATS:
            result = one.value.exp()
            how = f"exp({one.text})"
            yield replace(
                one,
                meaning=replace(one.meaning, measure="perplexity"),
                name=how,
                text=f"{result:.6g}",
                value=result,
                ulp=result * one.ulp,
                how=how,
            )


def batches(knowns: Sequence[Known]) -> Iterator[Known]:
    """Products of batch size, accumulation and devices: what a batch is, a page seldom says."""

    def values(measure: str) -> list[Known]:
        return [
            one for one in knowns if one.meaning.measure == measure and one.value and not one.is_row
        ]

    for size in values("batch_size")[:MAX_SETTINGS]:
        others = [*values("accumulation")[:MAX_SETTINGS], *values("num_gpus")[:MAX_SETTINGS]]
        for picked in (*((one,) for one in others), *combinations(others, 2)):
            product = prod(
                (one.value or Decimal(1) for one in picked), start=size.value or Decimal(1)
            )
            how = " × ".join(one.text for one in (size, *picked))
            places = tuple(one.places[0] for one in (size, *picked))
            stages = {one.stage for one in (size, *picked)} - {""}
            stage, is_of_several = _together(stages or {""})
            for measure in ("total_batch_size", "batch_size"):
                meaning = Meaning(measure, rest=frozenset(("product",)))
                known = Known(meaning, how, str(product), places, product, how=how)
                yield replace(known, stage=stage, is_of_several=is_of_several)


def counts(sources: Sequence[Source]) -> Iterator[Known]:
    """How many records a file has, and how many files there are."""
    for source in sources:
        size = Decimal(source.size_bytes)
        place, name = Place(source.path), f"the size of {source.path}"
        meaning = Meaning("size", rest=frozenset(("file",)))
        keys = file_keys(source.path)
        words = frozenset(words_of(source.path))
        known = Known(meaning, name, str(size), (place,), size, unit="bytes", keys=keys, how=name)
        yield replace(known, subject=words)
        if source.format not in _ROWS:
            continue
        rows = {fact.row for fact in source.facts if fact.row is not None}
        if rows and not source.is_partial:
            how = f"rows of {source.path}"
            known = _count("rows", len(rows), how, Place(source.path), "")
            yield replace(
                known,
                subject=subject_of_path(source.path),
                stage=stage_of_path(source.path),
                keys=keys,
            )
    if sources:
        yield _count("files", len(sources), "files of the evidence", Place(sources[0].path), "")


def shares(sources: Sequence[Source]) -> Iterator[Known]:
    """In how many rows of a file a field is true: of predictions, how many are right."""
    for source in sources:
        if source.format not in _ROWS or source.is_partial:
            continue
        by_name: dict[str, list[Fact]] = {}
        for fact in source.facts:
            if fact.row is not None and fact.name.lower().rpartition(".")[2] in _RIGHT:
                by_name.setdefault(fact.name, []).append(fact)
        for name, facts in by_name.items():
            if all(fact.value in (0, 1) for fact in facts):
                yield from _share(source, name, facts)


def _share(source: Source, name: str, facts: list[Fact]) -> Iterator[Known]:
    right = sum(fact.value == 1 for fact in facts)
    how = f"{right} of {len(facts)} rows of {source.path} have {name}"
    place = next((fact.place for fact in facts if fact.value == 1), facts[0].place)
    value = Decimal(right) / len(facts)
    known = _value(Meaning("accuracy", "eval"), value, how, place)
    yield replace(known, subject=subject_of_path(source.path), stage=stage_of_path(source.path))
    key = names.key_of(name)
    if key not in ("accuracy", "acc"):
        measure = key if key in SCORES else ""
        rest = frozenset() if measure else frozenset(key.split("_"))
        yield replace(known, meaning=Meaning(measure, "", rest=rest))


def file_keys(path: str) -> tuple[tuple[str, str], ...]:
    """Keys of a file: its name, and each longer end of its path."""
    parts = path.split("/")
    return tuple(("file", "/".join(parts[start:])) for start in range(len(parts)))


def spreads(knowns: Iterable[Known]) -> Iterator[Known]:
    """Mean, spread and extremes of what several runs, seeds or tasks state under one name."""
    groups: dict[tuple[str, str, str], list[Known]] = {}
    for one in knowns:
        if one.value is None or one.meaning.measure in _NEVER:
            continue
        kind = f"{one.unit} {one.meaning.aggregate} {' '.join(one.scope)}"
        is_keyed = any(name in _RUN_KEYS for name, _ in one.keys)  # seeds are a group of their own
        key = (one.name, one.meaning.measure, f"{kind} {is_keyed}")
        groups.setdefault(key, []).append(one)
    for (name, _, _), group in groups.items():
        kept = list(islice(group, MAX_GROUP + 1))
        if 1 < len(kept) <= MAX_GROUP and (kept[0].step is None or _of_seeds(kept)):
            stages = {one.stage for one in kept}
            stage, is_of_several = _together(stages)
            for one in _spread(name, kept):
                is_apart = is_of_several or stages == {""}
                yield replace(one, stage=stage, is_of_several=is_apart)


def spreads_of_ends(followed: Iterable[Known]) -> Iterator[Known]:
    """The same over the last, the best, … that several files logged: `final` means their mean."""
    ends = [one for one in followed if one.how and one.meaning.aggregate and len(one.places) == 1]
    for one in spreads(ends):
        yield one
        kept = next((end for end in ends if end.places[0] == one.places[0]), None)
        if kept is not None and one.meaning.aggregate == "mean":
            aggregate = kept.meaning.aggregate
            yield replace(one, meaning=replace(one.meaning, aggregate=aggregate))


def _of_seeds(group: list[Known]) -> bool:
    """Whether each is of a seed, a fold or a run of its own."""
    keys = [tuple(key for key in one.keys if key[0] in _RUN_KEYS) for one in group]
    return all(keys) and len(set(keys)) == len(group)


def _spread(name: str, group: list[Known]) -> Iterator[Known]:
    values = [one.value for one in group if one.value is not None]
    mean = sum(values, Decimal(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Decimal(0))
    places = tuple(one.places[0] for one in group[:8])
    meaning = group[0].meaning
    numbers = (
        ("mean", mean),
        ("min", min(values)),
        ("max", max(values)),
        ("best", min(values) if meaning.measure in LOWER_IS_BETTER else max(values)),
        ("median", sorted(values)[len(values) // 2] if len(values) % 2 else _middle(values)),
    )
    for aggregate, value in numbers:
        of = f"the {meaning.aggregate} {name}" if group[0].how else name
        how = f"the {aggregate} of {len(values)} values of {of}"
        known = _value(replace(meaning, aggregate=aggregate), value, how, *places)
        is_over_runs = _of_seeds(group)
        yield replace(known, unit=group[0].unit, members=tuple(values), is_over_runs=is_over_runs)
    if meaning.measure in _SUMMED:
        how = f"the sum of {len(values)} values of {name}"
        known = _value(meaning, sum(values, Decimal(0)), how, *places)
        yield replace(known, unit=group[0].unit, is_sum=True)
    for divisor, kind in ((len(values) - 1, "sample"), (len(values), "population")):
        how = f"the {kind} standard deviation of {len(values)} values of {name}"
        spread = (squares / divisor).sqrt()
        known = _value(Meaning("std", meaning.split, rest=meaning.rest), spread, how, *places)
        yield replace(known, unit=group[0].unit, members=tuple(values))


def _middle(values: list[Decimal]) -> Decimal:
    ordered = sorted(values)
    return (ordered[len(values) // 2 - 1] + ordered[len(values) // 2]) / 2


def _value(meaning: Meaning, value: Decimal, how: str, *places: Place) -> Known:
    return Known(meaning, how, f"{value:.6g}", tuple(places), value, how=how)


def _count(measure: str, count: int, how: str, place: Place, word: str) -> Known:
    meaning = Meaning(measure, "", "", frozenset((word,)) if word else frozenset())
    return Known(meaning, how, str(count), (place,), Decimal(count), how=how)
