"""Verdicts on numbers: a value, its name, and what the evidence has under that name.

Responsible for the rule that nobody is falsely accused: a number is contradicted only where its
name is certain, the evidence has that very thing, and no value of the kind is the number; it is
mislabelled only where the number is another value of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim, Judged
from evidence.audit.fitting import Fit, fit
from evidence.audit.intervals import interval
from evidence.audit.known import Known
from evidence.audit.meaning import words_of
from evidence.audit.quantities import Quantity
from evidence.audit.sections import Said
from evidence.audit.shelf import Group, Shelf, Sought, Whose, sought
from evidence.audit.vocabulary import AGGREGATES, LINKING, NO_MEASUREMENT, OF_A_JOB, SCORES
from evidence.foreign.facts import Place

FEW_DIGITS: Final = 2
"""A number with fewer may be anything by chance."""
TELLING_DIGITS: Final = 3
"""A number with as many is recognised without a name."""
MAX_SHOWN: Final = 4
MAX_SCANNED: Final = 3_000
MANY_THINGS: Final = frozenset(
    ("rows", "size", "files", "memory_used", "num_tokens", "memory", "parameters", "time")
)
"""Of which there are several in every run: only one that is named in full contradicts."""
_SCALES: Final = tuple(
    Decimal(one) for one in ("1", "100", "0.01", "60", "3600", "0.001", "1e9", "1073741824")
)


def judge_number(claim: Claim, shelf: Shelf) -> Judged:
    """A number under its name, and of the stage that is named beside it."""
    said = shelf.said_of(claim)
    if not said.names:
        return _judge(claim, shelf)
    meaning = replace(claim.meaning, rest=claim.meaning.rest - said.words)
    if said.is_apart:
        told = (AGGREGATES[one] for one in words_of(claim.before) if one in AGGREGATES)
        meaning = replace(meaning, aggregate=next(told, ""))
    bare = replace(
        claim,
        meaning=meaning,
        around=claim.around - said.words,
        above=tuple(one - said.words for one in claim.above),
    )
    own = _judge(bare, shelf, said.names[0]) if len(said.names) == 1 else None
    if own is None or not (said.is_sure or own.verdict == "supported"):
        wide = _judge(bare, shelf)
        own = _open(wide) if said.is_open or own is None else _of_any(own, wide, said)
    if said.is_apart and own.verdict in ("contradicted", "mislabelled"):
        message = f"its words go from one stage to another: {own.message}"
        own = replace(own, verdict="unsupported", message=message)
    return replace(own, claim=claim)


def _open(wide: Judged) -> Judged:
    """Of words that name several stages, or compare with something."""
    if wide.verdict != "supported" or wide.message:
        return wide
    return replace(wide, message="its words name several stages, or compare: it may be of any")


def _of_any(own: Judged, wide: Judged, said: Said) -> Judged:
    """Of a sentence that names one stage, and does not say for certain that the number is of it."""
    if wide.verdict != "supported":
        return wide
    start = f"no file says it of {said.names[0]}"
    message = own.message if own.message.startswith(start) else f"{start}; {own.message}"
    message = message if own.message else ""
    return replace(own, verdict="unsupported", message=message or wide.message)


def _judge(claim: Claim, shelf: Shelf, stage: str = "") -> Judged:
    """A number under its name, of a stage or of any."""
    quantity = _quantity(claim)
    found = sought(shelf, claim, stage)
    edge: tuple[Known, Fit] | None = None
    own = interval(claim, shelf.of_stage(stage, found.group))
    pools = tuple(_of_all_rows(claim, pool) for pool in (found.exact, own, found.loose))
    for pool in pools:
        best = _best(quantity, pool, claim.meaning.measure)
        if best is not None and best[1] != "edge":
            return _agreed(claim, *best)
        edge = edge or best
    part = _best(quantity, (*found.exact, *found.loose), claim.meaning.measure)
    if part is not None and edge is None:
        return _uncertain(claim, part[0])
    if claim.hedge and not shelf.explains((claim.hedge,)):
        message = f"its words ({claim.hedge}) may speak of something else than this run"
        return Judged(claim, "not-checked", message)
    if edge is not None:
        return _agreed(claim, *edge)
    if not claim.meaning.is_named and not found.group.all:
        return _unnamed(claim, quantity, shelf, stage)
    # Of an arm that several evaluations are of, their sum may be meant.
    sums = tuple(one for one in found.group.all if one.is_sum) if stage else ()
    total = _best(quantity, sums, claim.meaning.measure)
    if total is not None:
        return _uncertain(claim, total[0])
    other = _elsewhere(quantity, found.group, claim.meaning.measure)
    if not found.exact:
        return _silent(claim, found, other)
    known = _own(found)
    beside = claim.meaning.rest - known
    is_told = shelf.explains(beside) and shelf.explains_around(
        claim, known, known & found.group.subjects
    )
    if not (is_told and _is_sure(claim, found) and _is_run(claim, shelf, found)):
        return _uncertain(claim, other)
    if _may_be_its_step(claim, found):
        return _uncertain(claim, other)
    if other is not None:
        return _other(claim, found, other)
    there = (*found.exact, *found.near)
    message = f"the evidence has {shown(there)}{_inferred(there)}"
    return Judged(claim, "contradicted", message, shown(there), _places(there))


def _of_all_rows(claim: Claim, pool: Sequence[Known]) -> tuple[Known, ...]:
    """Without rates over some of the rows, unless the claim says a word of which these are."""
    if not any(one.group for one in pool):
        return tuple(pool)
    beside = (claim.label, claim.subject, claim.header, *claim.headings)
    words = frozenset(words_of(" ".join((*beside, claim.text, claim.before, claim.after))))
    return tuple(one for one in pool if not one.group or one.group & words)


def _quantity(claim: Claim) -> Quantity:
    assert claim.quantity is not None  # noqa: S101 - kinds of numbers have one
    return claim.quantity


def _is_sure(claim: Claim, found: Sought) -> bool:
    """Whether the claim can only be of the values that were found under its name."""
    meaning = claim.meaning
    if not claim.is_certain or not _is_duration_of(claim, found):
        return False
    if meaning.aggregate == "mean" and not any(_is_its_mean(one) for one in found.exact):
        return False  # of which values it is the mean, the name does not say
    if meaning.measure == "learning_rate" and not meaning.aggregate and not claim.keys:
        return any(not one.how for one in found.exact)  # the rates of steps are no setting
    if meaning.aggregate == "first" and _may_be_earlier(claim, found):
        return False
    if not meaning.is_named:  # a name that only these files have: it must be the whole of it
        return all(
            (
                not one.meaning.is_named
                and one.meaning.rest <= meaning.rest <= one.subject | one.meaning.rest
            )
            or (one.meaning.measure in SCORES and meaning.rest <= _own_words(one))
            for one in found.exact
        )
    if meaning.measure in MANY_THINGS:
        named = any(name == "file" for name, _ in claim.keys)
        telling = meaning.rest & found.group.subjects
        return named or bool(telling) or _is_of_predictions(claim, found) or _is_full(claim, found)
    return True


def _is_run(claim: Claim, shelf: Shelf, found: Sought) -> bool:
    """Whether a seed that the claim names is one that the files have."""
    for name, value in claim.keys:
        keys = {key for one in found.group.all for key, _ in one.keys}
        if name == "seed" and name not in keys:
            return any(one.text.strip() == value for one in shelf.measure("seed").all)
    return True


def _is_its_mean(one: Known) -> bool:
    """Whether a mean can only be this one: of a run, or of one thing over runs; of which tasks an
    average is, a page seldom says."""
    if one.meaning.measure == "loss" and not one.is_row and not one.how:
        return True  # which Trainer calls `train_loss`
    return one.meaning.aggregate == "mean" and (one.is_over_runs or not one.members)


def _may_be_its_step(claim: Claim, found: Sought) -> bool:
    """Whether a row that does not say its step has the value: it may be the one."""
    if "step" not in dict(claim.keys):
        return False
    rows = (one for one in found.group.all if one.is_row and one.step is None)
    pool = list(islice(rows, MAX_SCANNED))
    return _best(_quantity(claim), pool, claim.meaning.measure) is not None


def _is_full(claim: Claim, found: Sought) -> bool:
    """Whether some value is of the same split, or has the very words of the claim for a name."""
    split = claim.meaning.split
    return any(
        (one.meaning.split == split != "" and not one.is_row) or _has_its_name(claim, one)
        for one in found.exact
    )


def _has_its_name(claim: Claim, one: Known) -> bool:
    """Whether a claim names a value by the very words that the file has."""
    name = [word for word in words_of(one.name) if word != "total"]
    label = [word for word in words_of(claim.label) if word != "total"]
    while label and label[-1] in LINKING:
        label.pop()
    return len(name) > 1 and label[-len(name) :] == name


def _is_of_predictions(claim: Claim, found: Sought) -> bool:
    """Of questions and answers there are as many as the one file of predictions has rows."""
    words = set(words_of(claim.label))
    files = [one for one in found.exact if one.name.startswith("rows of ")]
    return bool(words & {"questions", "predictions", "answers"}) and (
        len(files) == len(found.exact) == 1 and "pred" in files[0].name
    )


def _own_words(one: Known) -> frozenset[str]:
    """Words of the task that a score is of; a file of that name may hold many."""
    return frozenset(word for part in one.scope for word in words_of(part)) | frozenset(
        word for _, value in one.keys for word in words_of(value)
    )


def _is_duration_of(claim: Claim, found: Sought) -> bool:
    """A duration may be a limit, or of the whole job: then only a shorter one says anything."""
    if claim.meaning.measure != "runtime_s":
        return True
    words = set(words_of(claim.label))
    if words & NO_MEASUREMENT:
        return False
    if any(_has_its_name(claim, one) for one in found.exact):
        return True
    if claim.meaning.split or ("runtime" in words and not words & OF_A_JOB):
        return True
    known = [one.value for one in found.exact if one.value is not None]
    return _quantity(claim).value < min(known)


def _may_be_earlier(claim: Claim, found: Sought) -> bool:
    """What is of the start may be of a step before the first that was logged; a loss is not likely
    to have been lower then."""
    if claim.meaning.measure != "loss":
        return True
    known = [one.value for one in found.exact if one.value is not None]
    return _quantity(claim).value > max(known)


def _own(found: Sought) -> frozenset[str]:
    return frozenset().union(*(one.subject | one.meaning.rest for one in found.exact))


def _best(quantity: Quantity, pool: Sequence[Known], measure: str) -> tuple[Known, Fit] | None:
    fits = [(one, how) for one in pool if (how := fit(quantity, one, measure)) is not None]
    order = ("exact", "bound", "cut", "coarse", "edge")
    return min(fits, key=lambda pair: (order.index(pair[1]), bool(pair[0].how)), default=None)


def _agreed(claim: Claim, known: Known, how: Fit) -> Judged:
    if how == "coarse":
        message = (
            f"agrees as far as any file shows it ({known.text}); its further digits are in none"
        )
        return Judged(claim, "unsupported", message, known.text, known.places)
    if how == "edge":
        message = (
            f"agrees only if a digit was cut before the file rounded its own: it has {known.text}"
        )
        return Judged(claim, "unsupported", message, known.text, known.places)
    if how == "cut":
        message = f"a digit was cut, not rounded: the evidence has {known.text}"
        return Judged(claim, "supported", message, "", known.places)
    return Judged(claim, "supported", known.how, "", known.places)


def _unnamed(claim: Claim, quantity: Quantity, shelf: Shelf, stage: str) -> Judged:
    """A number whose words are no name that any file has."""
    found: dict[Whose, Known] = {}
    if quantity.num_digits >= TELLING_DIGITS and quantity.relation == "equal":
        for group in shelf.everything():
            for one in _alike(claim, quantity, group):
                found.setdefault(shelf.whose(one, stage), one)
            if "own" in found:
                break
    # What is of no stage may be anything: it yields to a value of another.
    if "other's" in found and "own" not in found:
        beside = found["other's"]
        message = f"no file says it of {stage}; the value stands there as {described(beside)}"
        return Judged(claim, "unsupported", message, "", beside.places)
    known = found.get("own") or found.get("nobody's")
    if known is not None:
        return Judged(claim, "supported", f"stands there as {known.name}", "", known.places)
    return Judged(claim, "unsupported", "no file says anything of that name")


def _alike(claim: Claim, quantity: Quantity, group: Group) -> Iterator[Known]:
    """Values that a number is, in its unit. A whole number was counted: it is no share, and nobody
    writes it with decimals."""
    for known in _pool(quantity, group):
        is_alike = known.unit in ("", quantity.unit) and not (
            (quantity.unit == "%" and known.unit != "%" and _is_no_share(known))
            or ("." in quantity.text and "." not in known.text)
        )
        if is_alike and fit(quantity, known, claim.meaning.measure) == "exact":
            yield known


def _is_no_share(known: Known) -> bool:
    value = known.value or Decimal(0)
    is_counted = abs(value) > 1 and value == value.to_integral_value()
    return is_counted or known.meaning.measure in ("step", "epoch", "steps", "epochs")


def _silent(claim: Claim, found: Sought, other: Known | None) -> Judged:
    if other is not None:
        message = f"no file says it of this; the value stands there as {described(other)}"
        return Judged(claim, "unsupported", message, "", other.places)
    what = f"step {dict(claim.keys)['step']}" if dict(claim.keys).get("step") else "it"
    return Judged(claim, "unsupported", f"no file says anything of {what}")


def _uncertain(claim: Claim, other: Known | None) -> Judged:
    if other is not None:
        message = f"the value stands there as {described(other)}; whether that is meant is not sure"
        return Judged(claim, "unsupported", message, "", other.places)
    return Judged(claim, "unsupported", "no file says it, and what it is of is not sure")


def _other(claim: Claim, found: Sought, other: Known) -> Judged:
    """The number is another value of the kind."""
    if not found.is_named:
        message = f"the value stands there as {described(other)} only"
        return Judged(claim, "unsupported", message, shown(found.exact), other.places)
    message = (
        f"{_quantity(claim).text} is {described(other)}; under this name the evidence has "
        f"{shown(found.exact)}{_inferred(found.exact)}"
    )
    places = (*other.places, *_places(found.exact))
    return Judged(claim, "mislabelled", message, shown(found.exact), places[:MAX_SHOWN])


def _elsewhere(quantity: Quantity, group: Group, measure: str) -> Known | None:
    """Another value of the kind that the number is."""
    if quantity.num_digits < FEW_DIGITS or quantity.relation != "equal":
        return None
    best = _best(quantity, tuple(_pool(quantity, group)), measure)
    return best[0] if best is not None and best[1] == "exact" else None


def _pool(quantity: Quantity, group: Group) -> Iterable[Known]:
    return group.all if len(group.all) <= MAX_SCANNED else _near(quantity, group)


def _near(quantity: Quantity, group: Group) -> Iterator[Known]:
    for scale in _SCALES:
        ends = sorted(
            ((quantity.value - quantity.ulp) * scale, (quantity.value + quantity.ulp) * scale)
        )
        yield from group.between(*ends)


def described(known: Known) -> str:
    """What a value is, in words."""
    if known.how:
        is_of = known.stage and known.stage not in words_of(known.how)
        return f"{known.how} of stage {known.stage}" if is_of else known.how
    if known.meaning.aggregate == "mean":
        return f"the mean over all steps of the run ({known.name})"
    if known.name == "value" and len(known.scope) > 1:
        return known.scope[-1]  # of results.json
    at = "" if known.step is None else f" of step {known.step:f}"
    of = "".join(f" of {name} {value}" for name, value in known.keys)
    is_told = not known.stage or known.name.startswith(f"{known.stage}.")
    return f"{known.name}{at}{of}{'' if is_told else f' of stage {known.stage}'}"


def shown(knowns: Sequence[Known]) -> str:
    """Values as the evidence has them, the first few."""
    texts = list(dict.fromkeys(one.text for one in knowns))
    more = "" if len(texts) <= MAX_SHOWN else f" and {len(texts) - MAX_SHOWN} more"
    return ", ".join(texts[:MAX_SHOWN]) + more


def _places(knowns: Sequence[Known]) -> tuple[Place, ...]:
    return tuple(place for one in knowns[:MAX_SHOWN] for place in one.places[:1])


def _inferred(knowns: Sequence[Known]) -> str:
    return " (its step follows from how often was logged)" if knowns[0].is_inferred else ""
