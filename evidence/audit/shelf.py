"""Everything that is known, to be looked up by what a claim measures.

Responsible for finding: values of a measure, those of one step, those that some word of the claim
tells from the rest. No verdict is formed here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from evidence.audit.claims import Claim
from evidence.audit.known import Known
from evidence.audit.meaning import Meaning, words_of
from evidence.audit.mentions import Stages
from evidence.audit.sections import Said, others_than, said_of
from evidence.audit.spans import stands_in
from evidence.audit.vocabulary import IDENTITIES, SCORES
from evidence.records.record import Record

Whose: TypeAlias = Literal["own", "other's", "nobody's"]
MAX_FOUND: Final = 400
"""Values that are looked at for one claim."""
MIN_SEARCHED_CHARS: Final = 3
_OF_STAGES: Final = frozenset(("arm", "arms", "stage", "stages"))
_DATED: Final = re.compile(r"(?<!\d)20\d{2}-\d{2}-\d{2}(?!\d)")
_TOGETHER: Final = {
    "throughput": ("samples_per_s", "steps_per_s", "tokens_per_s", "throughput"),
    "memory": ("memory",),
    "size": ("size", "memory"),
    "num_tokens": ("num_tokens", "tokens"),
    "rows": ("rows",),
    "steps": ("steps", "step"),
    "epochs": ("epochs", "epoch"),
    "warmup_steps": ("warmup_steps",),
}
"""Measures whose values a claim of one may be."""


class Group:
    """Values of one measure."""

    def __init__(self, knowns: Sequence[Known]) -> None:
        self.all = tuple(knowns)
        self.summaries = tuple(one for one in knowns if not one.is_row)
        self.of_stage: dict[str, Group] = {}
        """What was told apart of it before."""

    @cached_property
    def by_step(self) -> dict[Decimal, list[Known]]:
        """Logged rows by their step."""
        found: dict[Decimal, list[Known]] = {}
        for one in self.all:
            if one.step is not None:
                found.setdefault(one.step, []).append(one)
        return found

    @cached_property
    def subjects(self) -> frozenset[str]:
        """Words that tell some of the values from others."""
        if not self.all:
            return frozenset()
        every = frozenset.intersection(*(one.subject for one in self.all))
        return frozenset().union(*(one.subject for one in self.all)) - every

    @cached_property
    def _sorted(self) -> tuple[list[Decimal], list[Known]]:
        valued = sorted(
            (one for one in self.all if one.value is not None), key=lambda one: one.value or 0
        )
        return [one.value or Decimal(0) for one in valued], valued

    def between(self, low: Decimal, high: Decimal) -> Sequence[Known]:
        """Values from `low` to `high`, at most a few hundred."""
        values, knowns = self._sorted
        start = bisect_left(values, low)
        return knowns[start : min(bisect_right(values, high), start + MAX_FOUND)]


class Shelf:
    """All that is known, by measure."""

    def __init__(self, knowns: Iterable[Known]) -> None:
        by_measure: dict[str, list[Known]] = {}
        self._words: set[str] = set()
        for one in knowns:
            by_measure.setdefault(_key_of(one), []).append(one)
            self._words |= one.subject - one.meaning.rest
            is_package = "package" in one.subject
            self._words |= set(words_of(one.name)) if is_package else set()
            if (one.meaning.measure in IDENTITIES or is_package) and len(one.text) < 80:
                self._words |= set(words_of(one.text))
        self._groups = {key: Group(found) for key, found in by_measure.items()}
        named = (one.stage for found in by_measure.values() for one in found if one.stage)
        self._stages = Stages(frozenset(named))
        self._words |= _OF_STAGES if self._stages.names else frozenset()

    def group(self, meaning: Meaning) -> Group:
        """Values of what a claim measures."""
        if not meaning.is_named and not meaning.rest:
            return Group(())  # `Total`, `Result`: no name of anything
        keys = _TOGETHER.get(meaning.measure, (key_of(meaning),))
        found = [self._groups[key] for key in keys if key in self._groups]
        if not found and not meaning.is_named:
            return self._by_words(meaning.rest) or self._of_task(meaning.rest)
        if len(found) == 1:
            return found[0]
        return Group([one for group in found for one in group.all])

    def _by_words(self, rest: frozenset[str]) -> Group | None:
        """Names without a measure: those all of whose words the claim has."""
        found: list[Known] = []
        for key, group in self._groups.items():
            if key.startswith("?") and set(key[1:].split()) <= rest and key != "?":
                found += group.all
        return Group(found) if found else None

    def _of_task(self, rest: frozenset[str]) -> Group:
        """Scores of what the words name: a task, a seed, a folder."""
        scores = (one for key in SCORES for one in self.measure(key).all)
        return Group([one for one in scores if rest and rest <= one.subject])

    def said_of(self, claim: Claim) -> Said:
        """Which stages a claim names."""
        return said_of(claim, self._stages)

    def others_than(self, stage: str) -> frozenset[str]:
        """Stages whose values are none of that one."""
        return others_than(stage, self._stages.names)

    def whose(self, one: Known, stage: str) -> Whose:
        """Whether a value is of a stage, where one is sought; also one of results.json as the file
        has it, by its name there."""
        first = {one.stage, *(part.partition(".")[0] for part in one.scope)}
        named = first & self._stages.names
        if not stage:
            return "own"
        if one.is_of_several:
            return "other's"
        return "nobody's" if not named else "other's" if named <= self.others_than(stage) else "own"

    def of_stage(self, stage: str, group: Group) -> Group:
        """Those of a group that are of no other stage, without its name in theirs."""
        others = self.others_than(stage)
        if not stage or not any(one.stage for one in group.all):
            return group
        if stage not in group.of_stage:
            own = (one for one in group.all if one.stage not in others and not one.is_of_several)
            group.of_stage[stage] = Group([_without_its_stage(one) for one in own])
        return group.of_stage[stage]

    def everything(self) -> Iterable[Group]:
        """Every group, for a value that stands under no name that is known."""
        return self._groups.values()

    def measure(self, measure: str) -> Group:
        """Values of one measure, by its key."""
        return self._groups.get(measure, Group(()))

    @cached_property
    def _texts(self) -> list[tuple[str, Known]]:
        """What is said in words, as it is compared."""
        return [
            (_plain(one.text), one)
            for group in self._groups.values()
            for one in group.all
            if one.value is None or not one.is_row
        ]

    def text_with(self, words: str) -> Known | None:
        """A text that has these words one after the other."""
        wanted = _plain(words)
        if len(wanted) < MIN_SEARCHED_CHARS:
            return None
        return next((one for text, one in self._texts if stands_in(wanted, text)), None)

    def identity_with(self, words: str, but: str) -> Known | None:
        """A name of another kind that is this one exactly."""
        wanted = _plain(words)
        return next(
            (
                one
                for key in IDENTITIES - {but}
                for one in self.measure(key).all
                if _plain(one.text) == wanted
            ),
            None,
        )

    def hex_with(self, digits: str) -> Known | None:
        """A value in hexadecimal digits that begins with these, or with which these begin."""
        return next(
            (
                one
                for text, one in self._texts
                if text.startswith(digits) or (len(text) >= 7 and digits.startswith(text))
            ),
            None,
        )

    def dated(self) -> Iterator[Known]:
        """Values that name a day."""
        for text, one in self._texts:
            if _DATED.search(text):
                yield one

    def dated_runs(self) -> Iterator[Known]:
        """Those that are called a date, and are of no evaluation."""
        return (one for one in self.dated() if one.meaning == Meaning("date"))

    def explains(self, words: Iterable[str]) -> bool:
        """Whether each word stands somewhere in the evidence as a name."""
        return all(word in self._words and not word.isdigit() for word in words)

    def explains_around(
        self,
        claim: Claim,
        known: frozenset[str] = frozenset(),
        telling: frozenset[str] = frozenset(),
    ) -> bool:
        """Whether what stands around a claim names nothing that is not known. A heading that names
        what tells these values from others (`Stage 2: DPO` over a folder `dpo`) is of them."""
        headings = (one for one in claim.above if not one & telling)
        return self.explains((claim.around | frozenset().union(*headings)) - known)


def _key_of(one: Known) -> str:
    """A name that nobody knows is the same in each stage."""
    return key_of(_without_its_stage(one).meaning) if one.stage else key_of(one.meaning)


def _without_its_stage(one: Known) -> Known:
    """A value named without its stage, unless that is all that names it."""
    rest = one.meaning.rest - set(words_of(one.stage))
    if rest == one.meaning.rest or not (rest or one.meaning.is_named):
        return one
    return replace(one, meaning=replace(one.meaning, rest=rest))


def key_of(meaning: Meaning) -> str:
    """Under what a value is kept."""
    return meaning.measure or "?" + " ".join(sorted(meaning.rest))


def named_rows(group: Group, claim: Claim) -> tuple[Known, ...] | None:
    """The values that the claim's keys point to; None where it has none."""
    if not claim.keys:
        return None
    found: list[Known] = []
    if all(_is_no_key(group, name) for name, _ in claim.keys):
        return None
    for name, value in claim.keys:
        if name == "step":
            found += group.by_step.get(_decimal(value), ())
        elif name == "since":
            continue
        elif name == "epoch":
            found += [one for one in group.all if _same_epoch(one, value)]
        else:
            found += [one for one in group.all if (name, value) in one.keys]
    return tuple(found)


def _is_no_key(group: Group, name: str) -> bool:
    """Whether no value is told from others by such a key: `the seed 1234` is a setting."""
    if name in ("step", "epoch", "since", "file"):
        return False
    return not any(name == key for one in group.all for key, _ in one.keys)


def _same_epoch(one: Known, shown: str) -> bool:
    if one.epoch is None:
        return False
    claimed = _decimal(shown)
    ulp = Decimal(1).scaleb(int(claimed.as_tuple().exponent))
    return abs(one.epoch - claimed) <= ulp / 2 if ulp < 1 else one.epoch == claimed


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except ArithmeticError:
        return Decimal(-1)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


class Sought(Record):
    """What a claim points to, before its number is looked at."""

    exact: tuple[Known, ...]
    """Values that have the claim's name and nothing else."""
    loose: tuple[Known, ...]
    """Values whose name says more than the claim's: they can bear it out, not contradict it."""
    near: tuple[Known, ...]
    """Of the loose, those of the row before, where a store counts from 0."""
    group: Group
    is_named: bool
    """Whether the claim names one of several: a step, an aggregate, a seed, a stage."""


def sought(shelf: Shelf, claim: Claim, stage: str = "") -> Sought:
    """The values that a claim can be of; of a stage where it names one."""
    group = shelf.group(claim.meaning)
    own = shelf.of_stage(stage, group)
    rows = named_rows(own, claim)
    is_lost = rows == () and all(name == "file" for name, _ in claim.keys)
    if is_lost:
        rows = None  # of a file that is not there the value may stand elsewhere
    pool = own.summaries if rows is None else rows
    is_of_rows = rows is None and not own.summaries
    if is_of_rows:
        pool = own.all[:MAX_FOUND]
    telling = claim.meaning.rest & group.subjects
    # Of a task that is named alone, any of its scores may be meant.
    one_of_task = frozenset() if claim.meaning.is_named else claim.meaning.rest
    of_file = frozenset(("file",)) if "file" in dict(claim.keys) else frozenset()
    exact: list[Known] = []
    loose: list[Known] = []
    for one in pool:
        if one.value is not None and agrees(claim.meaning, one, telling, has_key=rows is not None):
            said = claim.meaning.rest | one_of_task | of_file
            says_more = is_lost or is_of_rows or not one.meaning.rest <= said
            says_more = says_more or _is_of_other_split(claim.meaning, one.meaning)
            (loose if says_more else exact).append(one)
    near: list[Known] = []
    if rows is not None:
        near = [
            one
            for one in _one_before(own, claim)
            if one.value is not None and agrees(claim.meaning, one, telling, has_key=True)
        ]
        exact, near = (exact, near) if exact else (near, [])
        loose += near if exact else _last_before(own, claim, telling)
    is_named = rows is not None or own is not group
    is_named = is_named or bool(claim.meaning.aggregate or claim.meaning.split or telling)
    return Sought(
        tuple(exact[:MAX_FOUND]), tuple(loose[:MAX_FOUND]), tuple(near[:MAX_FOUND]), group, is_named
    )


def _one_before(group: Group, claim: Claim) -> list[Known]:
    """Rows of a store that counts from 0, of which a page may count from 1."""
    keys = dict(claim.keys)
    if "step" in keys and Decimal(0) in group.by_step:
        return list(group.by_step.get(_decimal(keys["step"]) - 1, ()))
    if "epoch" in keys and any(one.epoch == 0 for one in group.all):
        before = _decimal(keys["epoch"]) - 1
        return [one for one in group.all if one.epoch == before]
    return []


def _is_of_other_split(meaning: Meaning, theirs: Meaning) -> bool:
    """A test set may be called the evaluation's, and need not be it."""
    return bool(meaning.split and theirs.split and meaning.split != theirs.split)


def _last_before(group: Group, claim: Claim, telling: frozenset[str]) -> list[Known]:
    """What was logged last before a step at which nothing was: a table of evaluations shows it."""
    step = _decimal(dict(claim.keys).get("step", ""))
    earlier = [
        one
        for one in group.all
        if one.step is not None and one.step < step and agrees(claim.meaning, one, telling)
    ]
    last = max((one.step for one in earlier if one.step is not None), default=None)
    return [one for one in earlier if one.step == last and one.value is not None][:MAX_FOUND]


def agrees(meaning: Meaning, one: Known, telling: frozenset[str], *, has_key: bool = False) -> bool:
    """Whether a value can be what the name means."""
    theirs = one.meaning
    splits = {meaning.split, theirs.split} - {""}
    if len(splits) == 2 and splits != {"eval", "test"}:
        return False
    of_a_step = one.is_row and has_key  # the step says which, whatever else the name says
    is_any = of_a_step or not meaning.aggregate
    if not (is_any or _same_aggregate(meaning.aggregate, theirs.aggregate, one)):
        return False
    return telling <= one.subject


def _same_aggregate(claimed: str, known: str, one: Known) -> bool:
    if claimed == known:
        return True
    if claimed in ("max", "min") and known in ("", "best"):
        return not one.is_row and known == ""
    return known == "" and not one.is_row and not one.how
