"""Checks on identity: one milestone, one model, one commit, the same bytes, wherever named."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from evidence import layout, limits
from evidence.data.conversations import fields_left
from evidence.data.files import wrong_list
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    GitStateRecord,
    InputPlaceRecord,
    JaxRecord,
    PackagesRecord,
    TorchRecord,
    why_left_out,
)
from evidence.records.finding import Severity
from evidence.records.inputs import ModelRecord
from evidence.records.milestone import ModelSpec
from evidence.records.record import Record
from evidence.results.computed import present
from evidence.results.context import journal_at
from evidence.rules.program import num_new_files
from evidence.stages.command import COMMAND
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.text.formatting import plural
from evidence.verification.consistency.cards import as_required, on_its_card
from evidence.verification.consistency.parents import of_parent
from evidence.verification.consistency.registry import ANY, Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_VERSIONS: Final[dict[type[Record], tuple[tuple[str, str], ...]]] = {
    TorchRecord: (("torch", "torch_version"), ("transformers", "transformers_version")),
    JaxRecord: (
        ("jax", "jax_version"),
        ("jaxlib", "jaxlib_version"),
        ("flax", "flax_version"),
        ("optax", "optax_version"),
        ("google-tunix", "tunix_version"),
        ("transformers", "transformers_version"),
    ),
}
"""Packages whose versions a worker says itself: as they are installed, and in its record."""


@check("milestone-identity", "manifest, milestone and results name the same milestone")
def milestone_identity(evidence: Evidence) -> Problems:
    """manifest.milestone = milestone.id = results.milestone. Exact. Advice where the directory
    is called something else (a copy may be)."""
    documents = evidence.documents
    expected = documents.milestone.id
    manifest = need(documents.manifest, "there is no manifest")
    place = f"{layout.MANIFEST}#/milestone"
    yield from differs(place, "another milestone", expected, manifest.milestone)
    if documents.results is not None:
        place = f"{layout.RESULTS}#/milestone"
        yield from differs(place, "another milestone", expected, documents.results.milestone)
    name = evidence.directory
    if name != expected and not name.startswith(f"{expected}-"):
        text = f"the directory is called {shown(name)}"
        place = f"{layout.MANIFEST}#/milestone"
        yield Problem(place, text, expected, name, "advice", "directory-name")


@check("git-identity", "manifest, journal and git.json name the same commit and state")
def git_identity(evidence: Evidence) -> Problems:
    """manifest.commit = git.start.commit; captured(start/end) = git.start/end commit and dirty;
    changed_during_run ⇔ commit, branch
    or files differ; one commit has one tree, subject and date; git.inputs name the data of
    inputs.json, and give a reason exactly where
    nothing holds them; a patch holds what differed from the commit. Exact.
    Warnings: dirty tree, repository changed meanwhile (advice where a program that is recorded
    only left new files), an input that
    no commit holds.
    """
    git = evidence.documents.git
    manifest = need(evidence.documents.manifest, "there is no manifest")
    for event in evidence.documents.journal:
        if event.event != "captured":
            continue
        moment = event.data["moment"]
        state = git.start if moment == "start" else git.end
        for key in ("commit", "dirty"):
            place = f"{layout.GIT}#/{moment}/{key}"
            text = f"another {key} than the journal captured at the {moment}"
            yield from differs(place, text, _plain(event.data[key]), _of(state, key))
    place, text = f"{layout.MANIFEST}#/commit", "another commit than the run started from"
    yield from differs(place, text, _of(git.start, "commit"), _of_commit(manifest.commit))
    yield from _states(evidence)
    yield from _inputs(evidence)
    if isinstance(git.start, GitStateRecord) and git.start.left_out is not None and git.inputs:
        text = f"which inputs differed from the commit: {shown(git.start.left_out.reason)}"
        raise CannotCheckError(text)


def _inputs(evidence: Evidence) -> Problems:
    git, data = evidence.documents.git, evidence.documents.inputs.data
    if git.inputs is None:
        return
    named = {one.input for one in git.inputs if one.input.startswith("data.")}
    expected = sorted(key for one in data.values() for key, _ in one.sources)
    text = "other data than were read from files"
    yield from differs(f"{layout.GIT}#/inputs", text, expected, sorted(named))
    changed, all_named = None, True
    if isinstance(git.start, GitStateRecord):
        changed = sorted(file.path for file in git.start.files)
        all_named = git.start.left_out is None
    for index, one in enumerate(git.inputs):
        place = f"{layout.GIT}#/inputs/{index}"
        text = "a reason is given exactly where nothing holds the input"
        if (one.held_by == "nothing") != bool(one.reason):
            wanted = "a reason" if one.held_by == "nothing" else "no reason"
            yield Problem(f"{place}/reason", text, wanted, one.reason)
        if changed is not None:
            yield from _as_changed(f"{place}/held_by", one, changed, all_named=all_named)
        if one.held_by == "nothing":
            text = f"the commit does not hold {shown(one.path)}: {shown(one.reason)}"
            yield Problem(place, text, severity="warning", code="input-not-in-commit")


def _as_changed(
    place: str, one: InputPlaceRecord, changed: Sequence[str], *, all_named: bool
) -> Problems:
    """A patch holds what differed from the commit (sorted paths), and the commit what did not."""
    is_changed = _first_from(one.path, changed) == one.path
    if one.held_by == "commit" and is_changed:
        text = f"{shown(one.path)} differed from the commit when the run began"
        yield Problem(place, text, "patch", one.held_by)
    if not all_named:
        return  # what is not named may have changed, too
    folder = f"{one.path}/"
    below = is_changed or _first_from(folder, changed).startswith(folder)
    if one.held_by == "patch" and not below and not (changed and one.path in ("", ".")):
        text = f"{shown(one.path)} did not differ from the commit when the run began"
        yield Problem(place, text, "commit", one.held_by)


def _first_from(path: str, paths: Sequence[str]) -> str:
    """The first of sorted paths that is not before this one; empty where all are."""
    place = bisect_left(paths, path)
    return paths[place] if place < len(paths) else ""


def _states(evidence: Evidence) -> Problems:
    git = evidence.documents.git
    for moment, state in (("start", git.start), ("end", git.end)):
        if isinstance(state, GitStateRecord):
            place = f"{layout.GIT}#/{moment}/dirty"
            text = "a tree is dirty exactly where files differ from the commit"
            yield from differs(place, text, bool(state.files), state.dirty)
            yield from _left_out(f"{layout.GIT}#/{moment}/left_out", state)
            if state.left_out_tags is not None and len(state.tags) < limits.MAX_TAGS:
                text = "tags are left out though more could have been named"
                actual = f"{len(state.tags)} named, {state.left_out_tags.num_tags} left out"
                yield Problem(f"{layout.GIT}#/{moment}/left_out_tags", text, actual=actual)
    if isinstance(git.start, GitStateRecord) and git.start.dirty:
        files = plural(git.start.num_changed_files, "file")
        text = f"{files} differed from the commit when the run began"
        yield Problem(f"{layout.GIT}#/start/files", text, severity="warning", code="dirty-tree")
    if isinstance(git.start, GitStateRecord) and isinstance(git.end, GitStateRecord):
        moments = [
            (one.commit, one.branch, one.files, one.left_out) for one in (git.start, git.end)
        ]
        changed = moments[0] != moments[1]
        place = f"{layout.GIT}#/changed_during_run"
        text = "whether start and end of the run differ"
        yield from differs(place, text, changed, git.changed_during_run)
        if git.start.commit == git.end.commit:
            for key in ("tree", "subject", "commit_utc"):
                text = f"another {key} of the same commit than at the start"
                expected, found = getattr(git.start, key), getattr(git.end, key)
                yield from differs(f"{layout.GIT}#/end/{key}", text, expected, found)
        if changed:
            text = "the repository changed while the run went on"
            left = num_new_files(git) if COMMAND.name in evidence.documents.milestone.stages else 0
            if left:
                text = f"new files lie in the working tree since the program ran: {left}"
            severity: Severity = "advice" if left else "warning"
            yield Problem(place, text, severity=severity, code="changed-during-run")


def _left_out(place: str, state: GitStateRecord) -> Problems:
    """Changed files are named up to the cap; only beyond it is there a rest."""
    rest = state.left_out
    if rest is None:
        return
    # In bytes by half: what privacy takes out of names is no longer in them.
    named_bytes = sum(len(jsonio.dump_row(encode(one))) for one in state.files)
    if (
        len(state.files) < limits.MAX_CHANGED_FILES
        and named_bytes < limits.MAX_CHANGED_FILES_BYTES // 2
    ):
        text = "files are left out though more could have been named"
        yield Problem(place, text, actual=f"{len(state.files)} named, {rest.num_files} left out")
    text = "why files are left out"
    reason = why_left_out(state.num_changed_files, len(state.files))
    yield from differs(f"{place}/reason", text, reason, rest.reason)


def _plain(value: object) -> object:
    return "unavailable" if isinstance(value, dict) else value


def _of(state: GitStateRecord | Unavailable, key: str) -> object:
    return "unavailable" if isinstance(state, Unavailable) else getattr(state, key)


def _of_commit(value: str | Unavailable) -> object:
    return "unavailable" if isinstance(value, Unavailable) else value


@check("patch-identity", "the patch of a dirty tree is the one that git.json names")
def patch_identity(evidence: Evidence) -> Problems:
    """git.patch_sha256 = digest of git_diff.patch; a digest without the file, or a file without
    the digest, is an error. Exact."""
    stated = evidence.documents.git.patch_sha256
    found = evidence.documents.digests.get(layout.PATCH)
    place = f"{layout.GIT}#/patch_sha256"
    expected = "unavailable" if found is None else found
    actual = "unavailable" if isinstance(stated, Unavailable) else stated
    yield from differs(place, "not the digest of git_diff.patch", expected, actual)


@check("data-identity", "the data are those that the milestone declares")
def data_identity(evidence: Evidence) -> Problems:
    """Same names, path or hub id, of several files each one that an entry of `path` names and in
    its order, and declared sha256 and rows; every declared field that is not optional occurs, or
    became a part of conversations. Exact."""
    milestone, data = evidence.documents.milestone, evidence.documents.inputs.data
    text = "other data sets than the milestone names"
    yield from differs(f"{layout.INPUTS}#/data", text, sorted(milestone.data), sorted(data))
    for name in sorted(milestone.data.keys() & data.keys()):
        spec, record = milestone.data[name], data[name]
        place = f"{layout.INPUTS}#/data/{name}"
        facts = (
            ("name", name, record.name),
            ("path", spec.path, record.path),
            ("hub", None if spec.hub is None else spec.hub.id, record.hub),
            ("sha256", spec.sha256 or record.sha256, record.sha256),
            ("num_rows", spec.rows or record.num_rows, record.num_rows),
        )
        for key, expected, found in facts:
            yield from differs(f"{place}/{key}", "not what the milestone declares", expected, found)
        wrong = wrong_list(spec.paths, [one.path for one in record.files])
        if wrong:
            text = f"not the files that the milestone names: {shown(wrong)}"
            yield Problem(f"{place}/files", text)
        for field in sorted(fields_left(spec) - set(record.field_names)):
            text = f"the declared field {shown(field)} is in no row"
            yield Problem(f"{place}/field_names", text)


@check(
    "model-identity",
    "the model is the one that the completed attempt asks for",
    of_stages=ANY,
)
def model_identity(evidence: Evidence) -> Problems:
    """Source and id by the kind of [model] (id → hub, path → local, config → random weights with
    init_seed), requested revision, dtype = train.dtype (or eval.dtype), embedding
    ≤ parameters; the declared tokenizer digest. A checkpoint of another stage is the one that is
    sealed of that stage, file for file. Exact. A hub model needs a resolved commit."""
    plan = evidence.plan
    spec = need(plan.given_model, "the milestone names no model")
    model = need(evidence.documents.inputs.model, "the model is not known")
    source = "hub" if spec.id else "local" if spec.path else "random"
    facts = (
        ("source", source, model.source),
        ("id", _model_id(spec), model.id),
        ("init_seed", spec.init_seed if source == "random" else None, model.init_seed),
        ("revision_requested", spec.revision, model.revision_requested),
        ("dtype", plan.numerics.dtype, model.dtype),
    )
    for key, expected, found in facts:
        place = f"{layout.INPUTS}#/model/{key}"
        yield from differs(place, "not what the attempt asks for", expected, found)
    yield from _possible(model)
    yield from of_parent(evidence, model)
    tokenizer = evidence.documents.inputs.tokenizer
    if spec.tokenizer_sha256 is not None and not isinstance(tokenizer, Unavailable):
        place = f"{layout.INPUTS}#/tokenizer/sha256"
        text = "not the declared tokenizer"
        yield from differs(place, text, spec.tokenizer_sha256, tokenizer.sha256)


def _model_id(spec: ModelSpec) -> str:
    return spec.called


def _possible(model: ModelRecord) -> Problems:
    place = f"{layout.INPUTS}#/model"
    if model.source == "hub" and isinstance(model.revision, Unavailable):
        text = "a model from the hub without the commit that was loaded"
        yield Problem(f"{place}/revision", text, severity="warning", code="revision-unknown")
    if not 0 <= model.num_embedding_parameters <= model.num_parameters:
        text = "more embedding parameters than parameters"
        limit = f"at most {model.num_parameters}"
        yield Problem(
            f"{place}/num_embedding_parameters", text, limit, model.num_embedding_parameters
        )


@check("framework-identity", "packages, framework and hardware tell of one and the same machine")
def framework_identity(evidence: Evidence) -> Problems:
    """The versions of environment.framework = those of packages.json, or of worker.json where the
    workers ran under another Python (local build tags aside; of several versions on the path the
    one that is imported, and a shadowed one has one that shadows it); a CUDA device needs a GPU in
    hardware.json with that name, or a part of one, and with its UUID where that is recorded; an
    attempt that requires an accelerator ran on one; only a partitioned card has parts. Exact. A
    warning where NVML did not answer, and of AMD's and Apple's GPUs, which it does not list."""
    path, packages = evidence.documents.packages_used
    yield from _shadowed(layout.PACKAGES, evidence.documents.packages)
    if path != layout.PACKAGES:
        yield from _shadowed(path, packages)
    framework = evidence.documents.environment.framework
    if isinstance(framework, Unavailable):
        raise CannotCheckError(f"the framework is not known: {framework.reason}")
    versions = {p.name.lower(): p.version for p in packages.imported}
    for name, key in _VERSIONS[type(framework)]:
        found = getattr(framework, key)
        if name in versions:
            place = f"{layout.ENVIRONMENT}#/framework/{key}"
            text = f"another {name} than {path} lists"
            yield from differs(place, text, _public(versions[name]), _public(found))
    yield from on_its_card(framework, evidence.documents.hardware)
    yield from as_required(framework, evidence.plan.requires)
    for index, card in enumerate(present(evidence.documents.hardware)):
        if card.parts and card.mig is not True:
            text = "has parts, but is not partitioned"
            yield Problem(f"{layout.HARDWARE}#/gpus/{index}/parts", text, "no parts")


def _shadowed(path: str, packages: PackagesRecord) -> Problems:
    imported: dict[str, str] = {}
    for one in packages.imported:
        imported.setdefault(one.name, one.version)
    for index, one in enumerate(packages.known):
        place = f"{path}#/packages/{index}"
        if not one.shadowed:
            text = "of several versions on the path one is imported, and the others are shadowed"
            yield from differs(f"{place}/version", text, imported[one.name], one.version)
            continue
        if one.name not in imported:
            yield Problem(place, "shadowed, and no other version is there that is imported")
            continue
        text = f"{shown(one.name)} {shown(one.version)} is on the path too, behind the imported one"
        name = shown(imported[one.name])
        yield Problem(place, text, None, name, severity="warning", code="shadowed-package")


def _public(version: str) -> str:
    return version.partition("+")[0]


@check(
    "stage-data",
    "rows and steps that the journal states are those of the data",
    of_stages=EVAL.name,
)
def stage_data(evidence: Evidence) -> Problems:
    """schedule(eval).num_rows = predictions, where the worker reports it. Exact."""
    events = evidence.events("schedule", "eval")
    if not events or not evidence.documents.rows(PREDICTIONS):
        raise CannotCheckError("there is no schedule of the evaluation, or no predictions")
    for event in events:
        place = journal_at(event, "data", "num_steps")
        text = "another number of examples than there are predictions"
        count = len(evidence.documents.rows(PREDICTIONS))
        yield from differs(place, text, count, event.data["num_steps"])
