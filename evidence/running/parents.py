"""The packs that a run begins from, verified before it and again before it goes on.

Responsible for refusing a parent that is not what it says, or not there, before anything is made,
and for what is recorded of it. That a worker loaded those very files is `attempt.stage`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from msgspec import field

from evidence import layout, prose
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_stream
from evidence.errors import EvidenceError, MilestoneError, PackBrokenError, UnsafePackError
from evidence.pack.documents import Documents
from evidence.records.inputs import FileDigest
from evidence.records.milestone import Milestone
from evidence.records.parents import ParentPackRecord, ParentsRecord, ParentValueRecord
from evidence.records.record import Record
from evidence.records.run import ResultsRecord
from evidence.results.parents import names_of
from evidence.rules.questions import Questions
from evidence.running.lineage import questions_of_pack
from evidence.running.place import Where
from evidence.stages.pack_init import (
    PackInit,
    init_of,
    name_problems,
    named_packs,
    pack_init,
    packs_asked,
)
from evidence.stages.stage import BASE, stages_of
from evidence.stages.train import TRAIN
from evidence.system.entries import OF_THIS_PROCESS, open_regular, read_regular
from evidence.text import commands
from evidence.verification.verification import VerifiedPack, open_verified

_WEIGHTS: Final = ".safetensors"


class Parents(Record):
    """What a milestone begins from."""

    records: tuple[ParentPackRecord, ...] = ()
    names: frozenset[str] = frozenset()
    """parent.PACK.NAME of each value that such a pack has."""
    taught: dict[str, Questions] = field(default_factory=dict)
    """What the trainings asked that each checkpoint comes from, by `pack:…`."""
    warnings: tuple[str, ...] = ()
    """Where the model of the milestone is not the one that such a pack says it began from."""


def parents_of(root: Path, milestone: Milestone, where: Where) -> Parents:
    """Each checkpoint of another pack that a milestone names, its pack verified as the command
    does. Raises MilestoneError where one is not there or not what it says; creates nothing."""
    named = named_packs(milestone)
    for pointer, message in name_problems(named):  # on the command line it may be set anew
        raise where.error(pointer, message)
    packs, asked = packs_asked(milestone), [name for _, name in prose.values_named(milestone)]
    pointers = {name: pointer for pointer, name in reversed(named)}
    opened: dict[str, VerifiedPack] = {}
    records: list[ParentPackRecord] = []
    names: set[str] = set()
    taught: dict[str, Questions] = {}
    for one in packs:
        problem = _Problem(where, pointers[one.init])
        if one.pack not in opened:
            opened[one.pack] = _verified(root, one, problem)
        pack = opened[one.pack]
        values = _results(pack).values
        names |= {f"parent.{one.name}.{name}" for name in values}
        copied = [name for name in names_of(one, packs, asked) if name in values]
        records.append(_record(root, one, pack, copied, problem))
        taught[one.init] = questions_of_pack(root, one, pack.documents)
    models = _other_models(milestone, {one.init: opened[one.pack].documents for one in packs})
    told = tuple(_Problem(where, pointers[init]).error(text).message for init, text in models)
    return Parents(tuple(records), frozenset(names), taught, told)


def _other_models(
    milestone: Milestone, packs: Mapping[str, Documents]
) -> Iterator[tuple[str, str]]:
    """Each `pack:…` whose milestone names another model than [model] here, and what to say of it.
    Nothing is said where either is a checkpoint itself: what that began from stands elsewhere."""
    here = _model_name(milestone)
    takes = any(one.init == BASE for one in stages_of(milestone))
    unused = "" if takes else "; no stage here begins from [model], and it is not loaded"
    for init, documents in packs.items():
        there = _model_name(documents.milestone)
        if here and there and here != there:
            yield init, f"[model] is {here}, and {init} was trained from {there}{unused}"


def _model_name(milestone: Milestone) -> str:
    """The model that a milestone names; empty where it is the checkpoint of a pack, or none."""
    model = milestone.given_model
    if model is None or init_of(model) is not None:
        return ""
    return next((one for one in (model.id, model.path, model.config) if one), "")


class _Problem(Record):
    """Where a pack is named, for what is wrong with it."""

    where: Where
    pointer: str

    def error(self, message: str, hint: str = "") -> MilestoneError:
        return self.where.error(self.pointer, message, hint)


def _verified(root: Path, one: PackInit, problem: _Problem) -> VerifiedPack:
    place = root / one.pack
    verify = commands.evidence("verify", str(place))
    if not place.exists() and not layout.is_unfinished(layout.work_dir(place.parent, place.name)):
        raise problem.error(f"there is no pack {one.pack}", _to_make(root, one))
    try:
        return open_verified(place)
    except (PackBrokenError, UnsafePackError) as error:
        text = f"no run begins from {one.pack}, which does not verify: {error.message}"
        raise problem.error(text, error.hint or f"{verify} lists everything.") from error
    except EvidenceError as error:
        raise problem.error(f"{one.pack}: {error.message}", error.hint) from error


def _to_make(root: Path, one: PackInit) -> str:
    """What to do for a pack that is not there; one without a folder was meant to be in runs/."""
    run = commands.run(one.name, (root / one.pack).parent, root=root)
    if "/" in one.pack:
        return f"Make it first: {run}"
    meant = PackInit(f"{layout.RUNS}/{one.pack}", one.stage)
    there = (root / meant.pack).exists()
    more = (
        "" if there else f" Make it first: {commands.run(one.name, root / layout.RUNS, root=root)}"
    )
    return f"Packs are named from the project's root. Did you mean {meant.init!r}?{more}"


def _results(pack: VerifiedPack) -> ResultsRecord:
    results = pack.documents.results
    if results is None:
        raise TypeError("a pack that verifies has results")
    return results


def _record(
    root: Path, one: PackInit, pack: VerifiedPack, copied: Sequence[str], problem: _Problem
) -> ParentPackRecord:
    """What is recorded of a checkpoint. Raises MilestoneError where there is none to load."""
    documents = pack.documents
    manifest, values = documents.manifest, _results(pack).values
    if manifest is None or manifest.status != "complete":
        text = f"{one.pack} is the pack of a run that failed: it has no checkpoint to begin from"
        anew = commands.run(one.name, root / layout.RUNS, "--again")
        raise problem.error(text, f"Run it anew: {anew}")
    _refuse_other_stage(one, documents.milestone, problem)
    files = _checkpoint(one, documents)
    gone = [name for name in files if not (root / one.pack / one.checkpoint / name).is_file()]
    if gone or not any(name.endswith(_WEIGHTS) for name in files):
        what = f"{one.checkpoint}/{gone[0]} is not there" if gone else "it sealed no weights"
        raise problem.error(
            f"the checkpoint of {one.pack} cannot be loaded: {what}",
            "Weights may be withheld from a published copy: put the file back as it was sealed.",
        )
    return ParentPackRecord(
        init=one.init,
        milestone=manifest.milestone,
        stage=one.stage or None,
        root_sha256=pack.root_sha256,
        outcome_sha256=manifest.outcome_sha256,
        status=manifest.status,
        stand_in=manifest.stand_in,
        files=tuple(files.values()),
        values={
            name: ParentValueRecord(
                value=values[name].value,
                unavailable=values[name].unavailable,
                unit=values[name].unit,
                level=values[name].level,
            )
            for name in copied
        },
    )


def _refuse_other_stage(one: PackInit, milestone: Milestone, problem: _Problem) -> None:
    """Raise MilestoneError unless the stage is one that trained, or the only training."""
    trained = [stage.name for stage in stages_of(milestone) if stage.kind is TRAIN]
    if not trained:
        raise problem.error(f"{one.pack} has no training: there is no checkpoint in it")
    if not milestone.is_staged:
        if one.stage:
            text = f"{one.pack} has no stages, and so no {one.stage!r}"
            raise problem.error(text, f"Write: pack:{one.pack}")
        return
    there = ", ".join(f"pack:{one.pack}#{name}" for name in trained)
    if not one.stage:
        text = f"{one.pack} has stages: which of them is meant?"
        raise problem.error(text, f"There are: {there}.")
    if one.stage not in trained:
        close = get_close_matches(one.stage, trained, n=1)
        meant = f"Did you mean {close[0]!r}? " if close else ""
        text = f"{one.pack} has no training stage {one.stage!r}"
        raise problem.error(text, f"{meant}There are: {there}.")


def _checkpoint(one: PackInit, documents: Documents) -> dict[str, FileDigest]:
    """The sealed files of a checkpoint, by their names in its folder."""
    start = f"{one.checkpoint}/"
    return {
        path.removeprefix(start): FileDigest(
            path.removeprefix(start), sha256, documents.sizes[path]
        )
        for path, sha256 in sorted(documents.digests.items())
        if path.startswith(start)
    }


def sealed_as(parents: tuple[ParentPackRecord, ...]) -> bytes:
    """parents.json."""
    return jsonio.dump_document(encode(ParentsRecord("parents.v1", parents)))


def staged_parents(staging: Path) -> tuple[ParentPackRecord, ...]:
    """What an unfinished run begins from. Raises MalformedError where it is not as written."""
    path = staging / layout.PARENTS
    if not path.exists():
        return ()
    return decode(ParentsRecord, jsonio.load_document(read_regular(path))).parents


def changed_parents(root: Path, parents: Iterable[ParentPackRecord]) -> Iterator[str]:
    """Each parent that is not what the run began from, and each file of its checkpoint."""
    told: set[str] = set()
    for one, pack in ((one, _init(one)) for one in parents):
        if not (root / pack.pack).exists():
            if pack.pack not in told:
                told.add(pack.pack)
                yield f"{pack.pack}, which the run begins from, is gone"
            continue
        sums = root / pack.pack / layout.SUMS
        now, was = _digest(sums), one.root_sha256
        if now != was and pack.pack not in told:
            told.add(pack.pack)
            is_now = (
                "has no SHA256SUMS now"
                if now is None
                else f"has the root digest {now[:12]}… now, and had"
            )
            rest = "" if now is None else f" {was[:12]}… when the run began"
            yield f"{pack.pack}, which the run begins from, {is_now}{rest}"
        for file in one.files:
            path = f"{pack.pack}/{pack.checkpoint}/{file.path}"
            found = _digest(root / path)
            if found != file.sha256:
                yield f"{path} is gone" if found is None else f"{path} has other bytes by now"


def _init(one: ParentPackRecord) -> PackInit:
    found = pack_init(one.init)
    if found is None:
        raise MilestoneError(f"{layout.PARENTS} names no pack: {one.init!r}")
    return found


def _digest(path: Path) -> str | None:
    """Of a file; None where it cannot be read."""
    try:
        with open_regular(path) as stream:
            return sha256_stream(stream)[0]
    except OSError as error:
        if error.errno in OF_THIS_PROCESS:
            raise
        return None
