"""What a stage begins from: the checkpoint of another stage of the same pack, or of another pack.

Responsible for holding what was loaded against what is sealed here. Which stage or pack it is, the
milestone says; the other pack itself is looked at by `origin.parents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from evidence import layout, prose
from evidence.pack import lost
from evidence.pack.stage_view import inputs_of
from evidence.records.availability import Unavailable
from evidence.records.inputs import FileDigest, ModelRecord
from evidence.records.parents import ParentPackRecord
from evidence.records.run import ParentRecord
from evidence.results.parents import BEGINS_FROM, begun_from, names_of
from evidence.stages.pack_init import PackInit, packs_asked
from evidence.stages.stage import stages_of
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_NO_FILE: Final = "no such file"
_OF_A_PACK: Final = ("milestone", "root_sha256", "outcome_sha256", "status", "stand_in")


def of_parent(evidence: Evidence, model: ModelRecord) -> Problems:
    """A stage that begins from another has loaded what that stage left."""
    stage = evidence.documents.stage
    if stage is None or not stage.parent:
        return
    known = need(model.files, "the files of the checkpoint are not recorded")
    what = f"that of stage {stage.parent}, which it begins from"
    yield from _loaded(f"{layout.INPUTS}#/model/files", what, known, evidence.parent_sha256)


def _loaded(
    place: str, what: str, known: Sequence[FileDigest], sealed: Mapping[str, str]
) -> Problems:
    loaded = {one.path: one.sha256 for one in known}
    for name in sorted(loaded.keys() | sealed.keys()):
        text = f"{shown(name)} is not {what}"
        yield from differs(place, text, sealed.get(name, _NO_FILE), loaded.get(name, _NO_FILE))


def begins_elsewhere(evidence: Evidence) -> bool:
    """Whether a pack asks for, or tells of, a checkpoint of another pack."""
    documents = evidence.documents
    told = () if documents.manifest is None else documents.manifest.parents
    return (
        bool(packs_asked(documents.milestone) or documents.parents)
        or layout.PARENTS in documents.digests
        or any(one.relation == BEGINS_FROM for one in told)
    )


@check(
    "parents",
    "the packs that it begins from are those that its milestone names, and were loaded",
    asked=begins_elsewhere,
)
def parents(evidence: Evidence) -> Problems:
    """parents.json has the checkpoints that the milestone names, in its order, with the values
    that its gates and narrative name; checkpoints of one pack agree on it; manifest.parents has
    each such pack once; the files that a stage loaded have the digests recorded there. Exact.
    What such a pack is, is not told by this one: see parent-packs."""
    documents = evidence.documents
    if lost.damaged_in(documents.journal) is not None and not documents.parents:
        raise CannotCheckError("what it began from was set aside when the run was closed")
    packs, found = packs_asked(documents.milestone), documents.parents
    place = f"{layout.PARENTS}#/parents"
    text = "not the checkpoints that the milestone names, in its order"
    yield from differs(place, text, _listed(p.init for p in packs), _listed(p.init for p in found))
    manifest = need(documents.manifest, "there is no manifest")
    told = tuple(one for one in manifest.parents if one.relation == BEGINS_FROM)
    text = f"not the packs that {layout.PARENTS} names"
    expected = _packs(begun_from(found))
    yield from differs(f"{layout.MANIFEST}#/parents", text, expected, _packs(told))
    if tuple(p.init for p in packs) == tuple(p.init for p in found):
        yield from _facts(packs, found)
        yield from _values(evidence, packs)
    yield from _stages(evidence)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _packs(told: Sequence[ParentRecord]) -> str:
    return _listed(f"{one.milestone} {one.root_sha256}" for one in told)


def _facts(packs: Sequence[PackInit], found: Sequence[ParentPackRecord]) -> Problems:
    first: dict[str, ParentPackRecord] = {}
    for index, (pack, one) in enumerate(zip(packs, found, strict=True)):
        place = f"{layout.PARENTS}#/parents/{index}"
        text = "another stage than the milestone names"
        yield from differs(f"{place}/stage", text, pack.stage or "none", one.stage or "none")
        before = first.setdefault(pack.pack, one)
        for key in _OF_A_PACK:
            text = f"another {key} than another checkpoint of the same pack has"
            yield from differs(f"{place}/{key}", text, getattr(before, key), getattr(one, key))
        names = [file.path for file in one.files]
        if names != sorted(set(names)):
            yield Problem(f"{place}/files", "not each file once, sorted by name")


def _values(evidence: Evidence, packs: Sequence[PackInit]) -> Problems:
    documents = evidence.documents
    asked = [name for _, name in prose.values_named(documents.milestone)]
    for index, (pack, one) in enumerate(zip(packs, documents.parents, strict=True)):
        place = f"{layout.PARENTS}#/parents/{index}/values"
        text = "not the values that gates and narrative of the milestone name"
        expected = sorted(names_of(pack, packs, asked))
        yield from differs(place, text, expected, sorted(one.values))
        for name, value in one.values.items():
            if (value.value is None) == (value.unavailable is None):
                text = "a value that is both measured and not, or neither"
                yield Problem(f"{place}/{shown(name)}", text)


def _stages(evidence: Evidence) -> Problems:
    """What each stage that begins from a pack has loaded, as far as it came."""
    documents = evidence.documents
    recorded = {one.init: one for one in documents.parents}
    for stage in stages_of(documents.milestone):
        inputs = inputs_of(documents, stage) if stage.is_named else documents.inputs
        one = recorded.get(stage.of_pack)
        if not stage.of_pack or one is None or inputs is None:
            continue
        if isinstance(inputs.model, Unavailable) or isinstance(inputs.model.files, Unavailable):
            continue  # no attempt came to an end
        place = f"{stage.path(layout.INPUTS)}#/model/files"
        what = f"that of {one.init}, as it was verified before the run"
        sealed = {file.path: file.sha256 for file in one.files}
        yield from _loaded(place, what, inputs.model.files, sealed)
        sizes = {file.path: file.size_bytes for file in one.files}
        for file in inputs.model.files:
            text = f"another size of {shown(file.path)} than {layout.PARENTS} has"
            yield from differs(place, text, sizes.get(file.path, file.size_bytes), file.size_bytes)
