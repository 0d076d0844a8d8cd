"""Checks on results: every number computed again from the evidence, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.pointer import escaped
from evidence.records.availability import Unavailable
from evidence.results.compute import results_of
from evidence.results.outcome_digest import outcome_digest
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem


@check("results", "every value of results.json follows from the evidence")
def results(evidence: Evidence) -> Problems:
    """results.compute over the sealed documents, compared entry by entry: values, units,
    addresses, rules, levels, loss table, gates. Exact: the same pure functions and bytes."""
    found = need(evidence.documents.results, "results.json is not there")
    computed = jsonio.dump_document(encode(results_of(evidence.context)))
    if computed == evidence.contents.get(layout.RESULTS):
        _refuse_to_pass(evidence)
        return
    # Through JSON: -0.0, integers in float fields and the like take their sealed form.
    expected, actual = jsonio.load_document(computed), encode(found)
    for pointer, wanted, stated in _differences(expected, actual, ""):
        yield Problem(
            f"{layout.RESULTS}#{pointer}",
            "does not follow from the evidence" + _source(expected, pointer),
            _text(wanted),
            _text(stated),
        )
    _refuse_to_pass(evidence)


def _refuse_to_pass(evidence: Evidence) -> None:
    """Values of rows that this copy lacks were taken as they are sealed: what else there is agrees,
    and they are not checked."""
    if evidence.documents.lacks(layout.PREDICTIONS):
        text = (
            f"{layout.PREDICTIONS} is withheld from this copy: values of it (eval.…) are as sealed"
        )
        raise CannotCheckError(text)


@check("outcome-digest", "the manifest names the digest of what the run computed")
def outcome(evidence: Evidence) -> Problems:
    """outcome.outcome_digest over plan, row stream, losses, weights and predictions. Exact."""
    manifest = need(evidence.documents.manifest, "there is no manifest")
    expected = outcome_digest(evidence.documents)
    place = f"{layout.MANIFEST}#/outcome_sha256"
    text = "not the digest of the deterministic part of this run"
    found = manifest.outcome_sha256
    yield from differs(
        place,
        text,
        "unavailable" if isinstance(expected, Unavailable) else expected,
        "unavailable" if isinstance(found, Unavailable) else found,
    )


def _differences(expected: Any, actual: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            inside = f"{pointer}/{escaped(key)}"
            yield from _differences(expected.get(key, _ABSENT), actual.get(key, _ABSENT), inside)
    elif isinstance(expected, list) and isinstance(actual, list):
        pairs = zip_longest(expected, actual, fillvalue=_ABSENT)
        for index, (wanted, stated) in enumerate(pairs):
            yield from _differences(wanted, stated, f"{pointer}/{index}")
    elif type(expected) is not type(actual) or expected != actual:
        yield pointer, expected, actual


_ABSENT: Any = object()


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    return value if isinstance(value, str) else jsonio.dump_text(value)


def _source(expected: Any, pointer: str) -> str:
    parts = pointer.split("/")
    if len(parts) > 2 and parts[1] == "values":
        entry = expected["values"].get(parts[2], {})
        if isinstance(entry, dict) and entry.get("address"):
            return f" at {entry['address']}"
    return ""
