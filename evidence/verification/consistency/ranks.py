"""Checks on several processes that trained together: which there were, which rows were whose.

Responsible for their numbers, rows, tokens and weights. What they say of the machine they ran on is
`rank_machines`'s.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from evidence import layout
from evidence.backends.row_order import MAX_ROWS, rows_of_step
from evidence.records.run import JournalEvent
from evidence.results.context import journal_at
from evidence.rules.ranks import START, add_step, share
from evidence.stages.train import SEEN, STEPS, TRAIN, WEIGHTS
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import TRANSFORMERS
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)

MAX_RECOMPUTED: Final = 200_000
"""Rows fed whose order is drawn anew: past it the time for it would be no longer short."""
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
    (rules/ranks.py). All end with the same weights. Checkpoints of PyTorch have the state of random
    numbers of each process. Exact."""
    world = evidence.plan.processes
    yield from _states(evidence, world)
    began, fed = _events(evidence, "ranks"), _events(evidence, "ranks-fed")
    if world == 1:
        for event in (*began, *fed):
            yield Problem(journal_at(event), "[launch] asks for no several processes")
        return
    yield from _once(evidence, began, fed)
    for event in (*began, *fed):
        text = "not each process once, by number"
        found = [one["rank"] for one in event.data["ranks"]]
        yield from differs(journal_at(event, "data", "ranks"), text, [*range(world)], found)
    if fed and len(fed[-1].data["ranks"]) == world:
        yield from _sums(evidence, fed[-1])
        yield from _weights(evidence, fed[-1])
        yield from _rows(evidence, fed[-1], world)


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


def _once(
    evidence: Evidence, began: tuple[JournalEvent, ...], fed: tuple[JournalEvent, ...]
) -> Problems:
    segments = [event.data["segment"] for event in began]
    text = "the processes are not named once in each segment that trained"
    for event in _events(evidence, "execution"):
        segment = event.data["segment"]
        if segments.count(segment) != 1:
            yield Problem(journal_at(event), text, 1, segments.count(segment))
    finished = [event.data["segment"] for event in _events(evidence, "stage-finished")]
    text = "what each process was fed is not said once, by the segment that ended the stage"
    yield from differs(layout.JOURNAL, text, finished, [event.data["segment"] for event in fed])


def _sums(evidence: Evidence, event: JournalEvent) -> Problems:
    seen = need(evidence.documents.document(SEEN), "seen.json is not there")
    for key, whole in _SUMS:
        text = f"{key} of all processes is not the {whole} of seen.json"
        total = sum(one[key] for one in event.data["ranks"])
        yield from differs(journal_at(event, "data", "ranks"), text, getattr(seen, whole), total)


def _weights(evidence: Evidence, event: JournalEvent) -> Problems:
    weights = evidence.documents.document(WEIGHTS)
    for index, one in enumerate(event.data["ranks"]):
        first = event.data["ranks"][0]["weights_sha256"]
        expected = first if weights is None else weights.end_sha256
        place = f"{journal_at(event, 'data', 'ranks')}/{index}/weights_sha256"
        text = "this process ends with other weights than those that were kept"
        yield from differs(place, text, expected, one["weights_sha256"])


def _rows(evidence: Evidence, event: JournalEvent, world: int) -> Problems:
    train, steps = evidence.plan.train, evidence.documents.rows(STEPS)
    num_rows = evidence.rows_of(train.data)
    executions = _events(evidence, "execution")
    if not executions or not steps:
        raise CannotCheckError("how rows went through the model is not recorded")
    if sum(row.num_rows for row in steps) > MAX_RECOMPUTED or num_rows >= MAX_ROWS:
        reason = f"more than {MAX_RECOMPUTED} rows were fed: their order is not drawn anew"
        raise CannotCheckError(reason)
    at_once = executions[-1].data["rows_per_forward"]
    digests, counts = [START] * world, [0] * world
    for row in steps:
        per_step = train.batch_size * train.gradient_accumulation
        rows = rows_of_step(row.step, num_rows, per_step, train.seed)
        for rank in range(world):
            own = [one for some in share(rows, rank, world, at_once) for one in some]
            counts[rank] += len(own)
            digests[rank] = add_step(digests[rank], row.step, own)
    for rank, one in enumerate(event.data["ranks"]):
        place = f"{journal_at(event, 'data', 'ranks')}/{rank}"
        text = "not the rows that fall to this process"
        yield from differs(f"{place}/rows_sha256", text, digests[rank], one["rows_sha256"])
        text = "not as many rows as fall to this process"
        yield from differs(f"{place}/num_rows", text, counts[rank], one["num_rows"])
