"""The check on which inputs git.json names: they follow from the milestone.

Responsible for their keys and paths. What holds each of them is `identity`'s, and with a clone
`origin`'s.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.milestone.parse import PROGRAM
from evidence.records.availability import Unavailable
from evidence.records.capture import InputPlaceRecord
from evidence.records.inputs import InputsRecord
from evidence.records.milestone import Milestone, ModelSpec
from evidence.redact.marks import is_cut_from
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem, shown

MILESTONE: Final = "milestone"


@check("git-inputs", "git.json names the inputs that the milestone names, and where they lie")
def git_inputs(evidence: Evidence) -> Problems:
    """git.inputs are the milestone file, each data set that is a file, each file of functions that
    score answers, and each folder of a model, in this order, by key and by path: from the top of
    the working tree (git.prefix), or, where nothing holds it because it lies elsewhere, as the
    milestone names it; of a recorded program, whose milestone may lie in no file, it may be left
    out. Exact, but for secrets and names that were cut out of a path."""
    git, milestone = evidence.documents.git, evidence.documents.milestone
    if git.inputs is None:
        said = git.start.reason if isinstance(git.start, Unavailable) else "the run did not say"
        raise CannotCheckError(f"it is not known what holds the inputs: {said}")
    expected = list(_named(milestone, evidence.documents.inputs))
    names_file = any(one.input == MILESTONE for one in git.inputs)
    if PROGRAM in milestone.stages and not names_file:
        expected = [one for one in expected if one[0] != MILESTONE]
    keys, found = [key for key, _ in expected], [one.input for one in git.inputs]
    if keys != found:
        text = "not the inputs that the milestone names, in its order"
        yield Problem(f"{layout.GIT}#/inputs", text, ", ".join(keys), shown(", ".join(found)))
        return
    for index, ((_, path), one) in enumerate(zip(expected, git.inputs, strict=True)):
        ways = list(_places(path, one, git.prefix))
        if ways and not any(
            is_cut_from(way, one.path, names=milestone.publish.pseudonyms) for way in ways
        ):
            text = "not where the milestone says that this input lies"
            place = f"{layout.GIT}#/inputs/{index}/path"
            yield Problem(place, text, shown(ways[0]), shown(one.path))


def _named(milestone: Milestone, inputs: InputsRecord) -> Iterator[tuple[str, str]]:
    """Keys and paths, as `evidence.running.inputs` lists them."""
    yield MILESTONE, layout.milestone_file(Path(), milestone.id).as_posix()
    for name, spec in sorted(milestone.data.items()):
        if spec.path is not None:
            yield f"data.{name}.path", spec.path
        elif spec.paths and name in inputs.data:  # what patterns name is `data-identity`'s
            yield from ((key, file.path) for key, file in inputs.data[name].sources)
    if milestone.given_eval is not None:
        yield from (("eval.metric", file) for file in milestone.eval.files)
    if milestone.given_model is not None:
        yield from _folders("model", milestone.given_model)
    for one in milestone.attempts:
        if one.model is not None:
            yield from _folders(f"attempt.{one.name}.model", one.model)


def _folders(key: str, model: ModelSpec) -> Iterator[tuple[str, str]]:
    if model.named is not None:
        return  # of another pack, which parents.json tells of
    folders = {"path": model.path, "config": model.config, "tokenizer": model.tokenizer}
    for name, folder in folders.items():
        if folder is not None:
            yield f"{key}.{name}", folder


def _places(path: str, one: InputPlaceRecord, prefix: str | None) -> Iterator[str]:
    """Where it may be said to lie; nothing where that cannot be told from here."""
    if prefix is None or "\\" in path or ":" in path:
        return  # a path of Windows, or a pack without the project's place in its tree
    if not path.startswith("/"):
        yield posixpath.normpath(prefix + path)
    elif one.held_by != "nothing":
        name = posixpath.normpath(path)  # the project's own folder is not in the pack
        inside = name.endswith(f"/{one.path}") and one.path not in ("", ".", "..")
        yield one.path if inside else name
    if one.held_by == "nothing":
        yield path
        if path.startswith("/") and posixpath.normpath(path).endswith(f"/{one.path}"):
            yield one.path
