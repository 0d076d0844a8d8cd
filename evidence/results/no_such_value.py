"""Why a milestone has no value of a name that its gates or narrative say, and which is meant.

Responsible for words: the table or key that is missing, the name the other way round, the stage
that a name lacks. Which names there are is `planned_names`' and what was computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

from evidence.records.eval_spec import CHOICE
from evidence.records.milestone import Milestone
from evidence.stages.arms import MAX_PAIRS, arms_of, pairs_of
from evidence.stages.eval import EVAL
from evidence.stages.pack_init import packs_asked
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN

_MAX_NAMED: Final = 6
_ARMS, _PAIR, _PARENT, _SEEDS = "arms", "pair", "parent", "seeds"
_OF_METRICS: Final = (
    ("mean_loss", ("eval.mean_loss", "eval.perplexity", "eval.num_answer_tokens")),
    ("squad_f1", ("eval.squad_f1",)),
)
_OF_CHOICES: Final = f"{EVAL.name}.{CHOICE}."
_HALVES: Final = 2
"""Stages that a name of arms, or of a pair, has."""


def why_none(name: str, known: Collection[str], milestone: Milestone) -> str:
    """Sentences that end with a full stop; empty where nothing is near.

    `known`: every name that there is.
    """
    first, _, rest = name.partition(".")
    if first in (_ARMS, _PAIR) and rest.count(".") >= _HALVES:
        why = _of_two(first, rest, known, milestone)
    elif first == _PARENT:
        why = _of_parent(rest, known, milestone)
    elif first == _SEEDS:
        why = _of_seeds(rest, known, milestone)
    else:
        why = _of_table(name, milestone) or _of_stages(name, known, milestone)
    return why or _nearest(name, known)


def _nearest(name: str, known: Collection[str]) -> str:
    """Of what begins likewise, where anything does: another beginning is another thing."""
    alike = [one for one in known if one.partition(".")[0] == name.partition(".")[0]]
    close = get_close_matches(name, alike, n=1, cutoff=0.6) or get_close_matches(
        name, known, n=1, cutoff=0.6
    )
    return f"Did you mean {close[0]!r}?" if close else ""


def _of_two(room: str, rest: str, known: Collection[str], milestone: Milestone) -> str:
    """Arms and pairs: two stages, in the order of the file."""
    first, second, tail = rest.split(".", _HALVES)
    turned = f"{room}.{second}.{first}.{tail}"
    if turned in known:
        return f"Did you mean {turned!r}? {_order(room)}"
    if any(one.startswith(f"{room}.{first}.{second}.") for one in known):
        return ""
    kind = TRAIN if room == _ARMS else EVAL
    stages = [one for one in stages_of(milestone) if one.is_named and one.kind is kind]
    names = [one.name for one in stages]
    if not names:
        return "This milestone has no [[stage]]: there is nothing to hold against each other."
    for one in (first, second):
        if one not in names:
            what = "training stage" if kind is TRAIN else "evaluation"
            return f"There is no {what} {one!r}. {_meant(one, names)}"
    if room == _ARMS:
        return _no_arms(first, second, milestone, stages)
    return _no_pair(first, second, milestone, stages)


def _order(room: str) -> str:
    if room == _ARMS:
        return "The first of [[arms]] is the one that others are compared with."
    return "The earlier stage stands first; a difference is the second's rate minus the first's."


def _no_arms(first: str, second: str, milestone: Milestone, stages: list[Stage]) -> str:
    there = [f"{one.first.name}.{one.second.name}" for one in arms_of(milestone, stages)]
    also = f" There are: {_listed(there)}." if there else ""
    return f'No [[arms]] names both: stages = ["{first}", "{second}"], varies = […].{also}'


def _no_pair(first: str, second: str, milestone: Milestone, stages: list[Stage]) -> str:
    made = pairs_of(milestone, stages_of(milestone))
    there = [f"{one.first.name}.{one.second.name}" for one in made]
    if len(made) == MAX_PAIRS:
        why = f"At most {MAX_PAIRS} pairs are made"
    else:
        why = (
            "A pair is made of one checkpoint on two data sets, and on one data set of a checkpoint"
            " and the one that it comes from directly, or of two arms"
        )
    also = f" Pairs: {_listed(there)}." if there else ""
    rates = f'metric = "{second}.eval.exact.rate", other = "{first}.eval.exact.rate"'
    scored = next((s.milestone.eval.all_scorers for s in stages if s.name == second), ())
    if "exact" not in scored and scored:
        rates = rates.replace(".exact.", f".{scored[0]}.")
    return f"{why}. A gate may name both rates: {rates}.{also}"


def _of_parent(rest: str, known: Collection[str], milestone: Milestone) -> str:
    packs = packs_asked(milestone)
    if not packs:
        name = rest.partition(".")[0]
        return (
            f'Nothing here begins from a pack {name!r}: init = "pack:runs/{name}#STAGE" in a '
            f'[[stage]], or pack = "runs/{name}" in [model], names one.'
        )
    starts = [f"{_PARENT}.{one.name}." for one in packs]
    if f"{_PARENT}.{rest}".startswith(tuple(starts)):
        return ""
    named = _listed(list(dict.fromkeys(one.name for one in packs)))
    return f"It begins from: {named}. {_nearest(f'{_PARENT}.{rest}', known)}".rstrip()


def _of_seeds(rest: str, known: Collection[str], milestone: Milestone) -> str:
    seeded = [one.name for one in milestone.stage if one.seeds]
    trained = [one.name for one in milestone.stage if one.kind == TRAIN.name]
    stage = rest.partition(".")[0]
    if not milestone.seeds and not seeded:
        where = f"in stage {stage!r}" if stage in trained else "in a training [[stage]]"
        return (
            f"Nothing has several seeds: write seeds = [1, 2, 3] {where if trained else 'on top'}."
        )
    if stage in trained and stage not in seeded:
        return f"Stage {stage!r} has no seeds = […]; those that have: {_listed(seeded)}."
    return ""


def _of_table(name: str, milestone: Milestone) -> str:
    """A name of what the milestone does not ask for: the table, or the key that does."""
    stages = [one.name for one in stages_of(milestone) if one.is_named]
    first, _, rest = name.partition(".")
    own = rest if first in stages else name
    room = own.partition(".")[0]
    train, evaluation = milestone.given_train, milestone.given_eval
    if room in (TRAIN.name, "seen", "validation") and train is None:
        return "This milestone has no [train]."
    if room == EVAL.name and evaluation is None:
        return "This milestone has no [eval]."
    if room == "validation" and train is not None and not train.validate_every_steps:
        return "No validation loss is measured: write validate_every_steps = 50 in [train]."
    if evaluation is None:
        return ""
    for metric, names in _OF_METRICS:
        if own in names and metric not in evaluation.metrics:
            return f'Nothing asks for it: write metrics = ["{metric}"] in [eval].'
    if own.startswith(_OF_CHOICES) and evaluation.choices is None:
        return "No question has choices: write [eval.choices]."
    return ""


def _of_stages(name: str, known: Collection[str], milestone: Milestone) -> str:
    """A name without its stage, or with that of a table which is several stages."""
    found = list(_with_stages(name, known, milestone))
    if not found:
        return ""
    return f"Each stage has its own: {_listed(found)}."


def _with_stages(name: str, known: Collection[str], milestone: Milestone) -> Iterator[str]:
    first, _, rest = name.partition(".")
    written = [number for number, one in enumerate(milestone.stage) if one.name == first]
    for stage in stages_of(milestone) if milestone.is_staged else ():
        if stage.value(name) in known:
            yield stage.value(name)
        elif stage.index in written and stage.value(rest) in known:
            yield stage.value(rest)
    over = [one for one in known if one.startswith(f"{_SEEDS}.") and one.endswith(f"{name}.mean")]
    yield from over[:1]


def _meant(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There are: {_listed(names)}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{', '.join(names[:_MAX_NAMED])}{more}"
