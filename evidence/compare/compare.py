"""Packs side by side: what was configured, where it ran, what came out.

Responsible for gathering the comparison. Takes only packs that verify, and is pure apart from
that; `page` turns it into markdown and `drawing` into overlaid curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.compare.configuration import OF_WHAT_WENT_IN, configurations
from evidence.compare.environment import environments
from evidence.compare.measures import measures
from evidence.compare.pair import Pair
from evidence.compare.reasons import reasons
from evidence.compare.seeds import over_seeds
from evidence.errors import UsageError
from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.comparison import (
    ComparedPack,
    ComparisonRecord,
    PairRecord,
    ReasonRecord,
)
from evidence.records.run import ManifestRecord
from evidence.rules.differences import differences, measured_in_all
from evidence.text.escape import visible
from evidence.verification.verification import VerifiedPack

MAX_PACKS: Final = 12
"""More curves than this cannot be told apart."""
NO_STAGE: Final = (
    ReasonRecord(
        "unknown", "they have no stage of one name and kind in common: nothing was compared", ()
    ),
)


def compare_packs(
    packs: Sequence[VerifiedPack], tolerance: float | None = None
) -> ComparisonRecord:
    """The comparison of two or more packs; the first is what the others are held against.

    `tolerance`: of the losses of every step; None: that of one framework, or of two.
    """
    if not 2 <= len(packs) <= MAX_PACKS:
        raise UsageError(f"give 2 to {MAX_PACKS} packs to compare; there are {len(packs)}")
    documents = [pack.documents for pack in packs]
    first, labels, measured = documents[0], _labels(packs), measures(documents)
    return ComparisonRecord(
        schema="comparison.v1",
        packs=tuple(map(_pack, packs, labels)),
        configuration=differences(measured_in_all(configurations(documents), OF_WHAT_WENT_IN)),
        environment=differences(environments(documents)),
        measures=measured,
        pairs=tuple(
            _pair(index, stage, Pair(*sides, tolerance))
            for index, one in enumerate(documents[1:], 1)
            for stage, sides in _sides(first, one)
        ),
        seeds=over_seeds(labels, documents, measured),
    )


def _sides(first: Documents, other: Documents) -> Iterator[tuple[str, tuple[Documents, Documents]]]:
    """What of two packs is held against each other: stages of one name and kind, else all of it."""
    stages = [{one.name: (one, view) for one, view in views(each)} for each in (first, other)]
    common = [
        name
        for name, (stage, _) in stages[0].items()
        if name in stages[1] and stages[1][name][0].kind is stage.kind
    ]
    yield from ((name, (stages[0][name][1], stages[1][name][1])) for name in common)
    if not common:
        yield "", (first, other)


def _pair(index: int, stage: str, pair: Pair) -> PairRecord:
    has_stages = pair.first.milestone.is_staged or pair.other.milestone.is_staged
    apart = has_stages and not stage
    return PairRecord(
        pack=index,
        stage=stage or None,
        conditions=tuple(
            one
            for one in pair.conditions.values()
            if not apart or one.outcome != "not-checked"  # one reason is given for all of those
        ),
        trajectory=pair.trajectory,
        steps=pair.steps,
        logits=pair.logits,
        predictions=pair.predictions,
        weights=pair.weights,
        reasons=NO_STAGE if apart else reasons(pair),
    )


def manifest_of(pack: VerifiedPack) -> ManifestRecord:
    """The manifest, which every verified pack has."""
    manifest = pack.documents.manifest
    if manifest is None:  # verify refuses a pack without one
        raise TypeError("a verified pack without a manifest")
    return manifest


def _labels(packs: Sequence[VerifiedPack]) -> list[str]:
    names = [visible(pack.path.resolve().name) for pack in packs]
    return [
        name if names.count(name) == 1 else f"{name} ({place}: {pack.root_sha256[:8]})"
        for place, (name, pack) in enumerate(zip(names, packs, strict=True), 1)
    ]


def _pack(pack: VerifiedPack, label: str) -> ComparedPack:
    manifest, results = manifest_of(pack), pack.documents.results
    started = None if results is None else results.values["run.started_utc"].value
    return ComparedPack(
        label=label,
        milestone=manifest.milestone,
        root_sha256=pack.root_sha256,
        status=manifest.status,
        attempt=manifest.attempt,
        stand_in=manifest.stand_in,
        started_utc=started if isinstance(started, str) else None,
    )
