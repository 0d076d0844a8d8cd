"""Counts that two reported numbers imply, held against one another across the runs of a folder.

Responsible for loss with perplexity, loss with bits per byte, a duration with its rate. Each count
is an interval, since its numbers are rounded; intervals that have nothing in common are said, with
what may explain them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.digits import Shown, shown
from evidence.foreign.facts import Fact, Source
from evidence.foreign.finding import Finding, note, said, warning
from evidence.foreign.names import key_of
from evidence.foreign.trainings import Training
from evidence.records.record import Record

SAMPLES: Final = "implied-samples"
MIN_RUNS: Final = 3
"""Of which one may be told from the others."""
MAX_PERPLEXITY_LOSS: Final = 50.0
_LN2: Final = Decimal(repr(math.log(2)))
_PERPLEXITY: Final = ("perplexity", "ppl")
_BITS: Final = ("bpb", "bits_per_byte")


class Implied(Record):
    """A count between two numbers, and the facts that give it."""

    low: Decimal
    high: Decimal
    one: Fact
    other: Fact

    @property
    def text(self) -> str:
        """To be read."""
        return f"{(self.low + self.high) / 2:.6g}"

    def agrees(self, other: Implied) -> bool:
        """Whether one count can be both."""
        return self.low <= other.high and other.low <= self.high


def findings(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[Finding]:
    """Of perplexities, bytes and samples."""
    yield from _perplexities(sources)
    ratios = {one.path: found for one in sources if (found := _bytes_per_token(one)) is not None}
    text = "bytes per token (loss over bits per byte)"
    why = "another validation text, tokenizer or count of bytes?"
    yield from _outliers(ratios, text, "implied-bytes", why)
    fed = {one.file: found for one in trainings if (found := _samples(one)) is not None}
    text = "samples fed (runtime times rate)"
    yield from _outliers(fed, text, SAMPLES, "other data, epochs or batches?")


def _pairs(source: Source, ends: tuple[str, ...]) -> Iterator[tuple[Fact, Fact]]:
    """A loss and the measure beside it: of one line or row, of one scope, of one split."""
    rows: dict[tuple[object, ...], dict[str, Fact]] = {}
    for fact in source.facts:
        if fact.row is not None or fact.place.line is not None:
            where = (fact.row, fact.place.line, fact.scope)
            rows.setdefault(where, {}).setdefault(key_of(fact.name), fact)
    for row in rows.values():
        for key, fact in row.items():
            end = next((one for one in ends if key == one or key.endswith(f"_{one}")), None)
            loss = None if end is None else row.get(key.removesuffix(end) + "loss")
            if loss is not None:
                yield loss, fact


def _perplexities(sources: Sequence[Source]) -> Iterator[Finding]:
    """exp(loss); a mean over batches is another number, and more."""
    for source in sources:
        for loss, perplexity in _pairs(source, _PERPLEXITY):
            left, right = shown(loss), shown(perplexity)
            if left is None or right is None or not 0 <= left.value < MAX_PERPLEXITY_LOSS:
                continue
            low, high = (Decimal(repr(math.exp(float(one)))) for one in (left.low, left.high))
            slack = right.value * Decimal("1e-9")
            if right.high + slack < low or right.low - slack > high:
                text = (
                    f"{said(perplexity)} is not exp({said(loss)}), which is "
                    f"{math.exp(float(left.value)):.6g}: a mean over batches, or another loss?"
                )
                yield note("perplexity", text, (perplexity.place, loss.place))
                break


def _bytes_per_token(source: Source) -> Implied | None:
    """bytes / tokens = loss / (ln 2 · bits per byte), as narrowly as a pair of the file tells."""
    found = []
    for loss, bits in _pairs(source, _BITS):
        left, right = shown(loss), shown(bits)
        if left is not None and right is not None and left.low > 0 and right.low > 0:
            low, high = left.low / (_LN2 * right.high), left.high / (_LN2 * right.low)
            found.append(Implied(low, high, loss, bits))
    return min(found, key=lambda one: one.high / one.low, default=None)


def _samples(training: Training) -> Implied | None:
    """runtime · samples per second."""
    if training.totals is None:
        return None
    runtime = training.totals.get(("train_runtime",))
    rate = training.totals.get(("train_samples_per_second",))
    left = None if runtime is None else shown(runtime)
    right = None if rate is None else shown(rate)
    if runtime is None or rate is None or left is None or right is None or right.low <= 0:
        return None
    return Implied(*_product(left, right), runtime, rate)


def _product(left: Shown, right: Shown) -> tuple[Decimal, Decimal]:
    return left.low * right.low, left.high * right.high


def _outliers(found: dict[str, Implied], what: str, code: str, why: str) -> Iterator[Finding]:
    """Runs of one folder of which most agree, and some do not."""
    folders: dict[PurePosixPath, dict[str, Implied]] = {}
    for path, one in found.items():
        parent = PurePosixPath(path).parent
        folders.setdefault(parent, {})[path] = one
    tops = {parent.parent for parent in folders}
    if len(tops) == 1 and all(len(one) == 1 for one in folders.values()):
        folders = {next(iter(tops)): found}  # a folder a run
    for several in folders.values():
        if len(several) < MIN_RUNS:
            continue
        agreed = max(
            several.values(),
            key=lambda one: sum(one.agrees(other) for other in several.values()),
        )
        apart = {path: one for path, one in several.items() if not one.agrees(agreed)}
        if not 0 < len(apart) * 2 < len(several):
            continue
        for path, one in apart.items():
            text = (
                f"{path} implies {one.text} {what}, {len(several) - len(apart)} others of this "
                f"folder {agreed.text}: {why}"
            )
            places = (one.one.place, one.other.place, agreed.one.place)
            make = note if code == SAMPLES else warning  # runs that were set up otherwise have them
            yield make(code, text, places)
