"""Checks on several processes that trained together: which there were, which rows were whose.

Responsible for their numbers, rows, tokens and weights. What they say of the machine they ran on is
`rank_machines`'s.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.run import JournalEvent, StepRow
from evidence.results.context import journal_at
from evidence.stages.train import SEEN, STEPS, TRAIN, WEIGHTS
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import TRANSFORMERS
from evidence.verification.consistency.rank_rules import (
    FedStep,
    Trained,
    alike_weights,
    numbered,
    once,
    shared,
)
from evidence.verification.consistency.rank_shares import held
from evidence.verification.consistency.registry import Evidence, Problems, differs, need

check = partial(registry.check, kind=TRAIN.name)

_STATE: Final = re.compile(r"rng_state(_[0-9]{1,6})?\.pth")
_SUMS: Final = (
    ("num_rows", "num_rows_fed"),
    ("num_tokens", "num_tokens"),
    ("num_fed_tokens", "num_fed_tokens"),
    ("num_target_tokens", "num_target_tokens"),
)


def _events(evidence: Evidence, name: str) -> tuple[JournalEvent, ...]:
    return evidence.events(name, TRAIN.name)


@check("ranks", "every process of the training is named once, and each was fed its share")
def ranks(evidence: Evidence) -> Problems:
    """The journal's events `ranks` and `ranks-fed` are there where [launch] asks for several
    processes, and nowhere else: `ranks` once a segment that trained, `ranks-fed` once at
    the end, each with the numbers 0 … w − 1 in order. Rows, tokens, tokens fed and target tokens of
    all sum to those of seen.json. Rows and rows_sha256 of each are drawn anew (up to 200,000 rows
    fed): step by step the rows of the epoch's order, of which row p goes to process (p // r) mod w
    (rules/ranks.py). Its tokens are such as these rows can have: of a row in a recorded step what
    it has there, of another from the shortest to the longest of inputs.json, and in each step what
    the rows of the others leave; tokens fed are the rows of a pass times the longest of them. All
    end with the same weights. Each says how many numbers of the weights it held: with strategy
    "fsdp" they add up to the num_parameters of inputs.json, and where weights.json names all
    weights each is ceil(n / w) of the n rows of each tensor, in turn; with "ddp" each is all of
    them, where it says so. Checkpoints of PyTorch have the state of random numbers of each process.
    Exact."""
    world = evidence.plan.processes
    yield from _states(evidence, world)
    trained = _trained(evidence)
    yield from numbered(trained)
    if world == 1:
        return
    yield from once(trained)
    for event in trained.began:
        yield from held(evidence, event)
    fed = trained.fed
    if fed and len(fed[-1].data["ranks"]) == world:
        yield from _sums(evidence, fed[-1])
        yield from _weights(evidence, fed[-1])
        yield from shared(trained, fed[-1])


def _trained(evidence: Evidence) -> Trained:
    text, steps = evidence.documents.inputs.text, evidence.documents.rows(STEPS)
    data = evidence.plan.train.data
    lengths = None if isinstance(text, Unavailable) or text.data != data else text.length_tokens
    several = evidence.plan.processes > 1
    return Trained(
        plan=evidence.plan,
        is_complete=True,
        began=_events(evidence, "ranks"),
        fed=_events(evidence, "ranks-fed"),
        executions=_events(evidence, "execution"),
        finished=_events(evidence, "stage-finished"),
        steps=tuple(_fed(row) for row in steps) if several else (),
        num_rows=evidence.rows_of(data) if several else 0,
        seen=evidence.documents.document(SEEN),
        lengths=lengths,
    )


def _fed(row: StepRow) -> FedStep:
    tokens = (row.num_tokens, row.num_fed_tokens, row.num_target_tokens)
    return FedStep(row.step, row.num_rows, *tokens)


def _states(evidence: Evidence, world: int) -> Problems:
    """The Trainer saves `rng_state.pth`, or `rng_state_0.pth` and so on where there are several."""
    if evidence.plan.backend != TRANSFORMERS:
        return
    expected = (
        [f"rng_state_{rank}.pth" for rank in range(world)] if world > 1 else ["rng_state.pth"]
    )
    for event in _events(evidence, "checkpoint"):
        names = [one["path"] for one in event.data["files"] if _STATE.fullmatch(one["path"])]
        if not names:
            continue
        text = "not the state of random numbers of each process"
        yield from differs(
            journal_at(event, "data", "files"), text, sorted(expected), sorted(names)
        )


def _sums(evidence: Evidence, event: JournalEvent) -> Problems:
    seen = need(evidence.documents.document(SEEN), "seen.json is not there")
    for key, whole in _SUMS:
        text = f"{key} of all processes is not the {whole} of seen.json"
        total = sum(one[key] for one in event.data["ranks"])
        yield from differs(journal_at(event, "data", "ranks"), text, getattr(seen, whole), total)


def _weights(evidence: Evidence, event: JournalEvent) -> Problems:
    weights = evidence.documents.document(WEIGHTS)
    yield from alike_weights(event, None if weights is None else weights.end_sha256)
