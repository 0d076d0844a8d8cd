"""Checks on scores of the author's own functions: what is kept of them, and who has a score.

Responsible for what follows without running them. Nothing of a pack is ever run here, so that the
scores themselves are the author's word; what is computed from them is `results`'.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final
from unicodedata import normalize

from evidence.encoding.digest import sha256_hex
from evidence.stages.eval import EVAL, FUNCTIONS, PREDICTIONS
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import CannotCheckError, Problem, shown

NOT_RUN: Final = (
    "only the author's code tells how they score an answer, and verify runs none: `evidence "
    "reproduce` does"
)


def _asks_functions(evidence: Evidence) -> bool:
    asked = evidence.documents.milestone.given_eval
    return FUNCTIONS.path in evidence.present or (asked is not None and bool(asked.functions))


check = partial(registry.check, kind=EVAL.name, asked=_asks_functions)

_WORD: Final = re.compile(r"\w+")
_ALL_OF_ANOTHER: Final = re.compile(r"\bimport[\s\\]*\*")
_GIVES_NAMES: Final = frozenset(
    {"__dict__", "__getattr__", "__setattr__", "eval", "exec", "globals", "locals", "setattr"}
    | {"modules", "update", "vars"}
)
"""With one of these a file may give a meaning to a name that it does not hold."""


def _can_have(source: str, name: str) -> bool:
    """Whether running this file can give that name a meaning. The text is searched, and not parsed:
    a parser is not made for what strangers write. Linear. Names are compared as Python does."""
    words = set(_WORD.findall(normalize("NFKC", source)))
    known = normalize("NFKC", name) in words or not words.isdisjoint(_GIVES_NAMES)
    return known or _ALL_OF_ANOTHER.search(source) is not None


@check("functions", "functions of the author's are those of the milestone, as they were run")
def functions(evidence: Evidence) -> Problems:
    """functions.json has each function of eval.metric and eval.metrics, in order, with its file;
    sha256 and size_bytes are those of its source. Each file has one text, and the name of the
    function stands in it, or what could give it one (`import *`, `globals`). Exact."""
    asked = evidence.plan.eval.functions
    found = evidence.documents.document(FUNCTIONS)
    if found is None:
        yield Problem(FUNCTIONS.path, "the functions that scored the answers were not kept")
        return
    place = f"{FUNCTIONS.path}#/functions"
    named = [f"{one.file}:{one.name}" for one in found.functions]
    text = "other functions than the milestone asks for"
    yield from differs(place, text, [f"{one.file}:{one.name}" for one in asked], named)
    of_file: dict[str, str] = {}
    for index, one in enumerate(found.functions):
        data, where = one.source.encode("utf-8"), f"{place}/{index}"
        text = "is not the digest of this source"
        yield from differs(f"{where}/sha256", text, sha256_hex(data), one.sha256)
        text = "is not the size of this source"
        yield from differs(f"{where}/size_bytes", text, len(data), one.size_bytes)
        if of_file.setdefault(one.file, one.source) != one.source:
            text = f"another text of {one.file} than before: it is read once"
            yield Problem(f"{where}/source", text)
        if not _can_have(one.source, one.name):
            yield Problem(f"{where}/source", f"{one.file} has no function {one.name}")


@check("function-scores", "scores of the author's functions are what these give")
def function_scores(evidence: Evidence) -> Problems:
    """Each prediction has a score of each function. That it is what the function gives is never
    checked: it would have to be run. Only a signature holds it."""
    names = sorted(evidence.plan.eval.measured)
    for line, row in enumerate(evidence.documents.rows(PREDICTIONS), 1):
        found = sorted(row.measured)
        text = "other scores than the milestone asks functions for"
        yield from differs(f"{PREDICTIONS.path}#L{line}/measured", text, names, found)
    raise CannotCheckError(f"scores of {shown(', '.join(names))}: {NOT_RUN}")
