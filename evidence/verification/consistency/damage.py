"""Checks on a run that was closed when its files were no longer as it had written them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from evidence import layout
from evidence.errors import MalformedError
from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.run import DamagedFile
from evidence.results.context import journal_at
from evidence.text import endings
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_OF_ENVIRONMENT: Final = (
    "python_version",
    "python_implementation",
    "python_compiler",
    "locale",
    "timezone",
    "started_utc",
    "variables",
)


@check("damaged-files", "what was set aside is named with its digest, and no complete run has any")
def damaged_files(evidence: Evidence) -> Problems:
    """The journal's `damaged` names each file below damaged/ with digest and size of SHA256SUMS,
    and no other; status failed, and no attempt in the journal; each document that it calls hollow
    is one in which nothing is known, and no other lacks what every run knows. Exact. What is wrong
    with a file that was set aside is told by the run alone: nothing here shows what it held
    before. A warning says what was damaged."""
    documents = evidence.documents
    sealed = {path for path in documents.digests if path.startswith(f"{layout.DAMAGED}/")}
    found = lost.damaged_in(documents.journal)
    hollow = () if found is None else found.hollow
    for address, value in _always_known(documents):
        if isinstance(value, Unavailable) and address.partition("#")[0] not in hollow:
            yield Problem(address, "is known of every run whose documents were not lost")
    if found is None:
        for path in sorted(sealed):
            yield Problem(path, "the journal does not say that it was set aside")
        return
    place = journal_at(next(one for one in documents.journal if one.event == "damaged"), "data")
    named = {one.kept_as: one for one in found.files if one.kept_as is not None}
    for path in sorted(sealed ^ named.keys()):
        yield Problem(path, "what was set aside and what the journal names are not the same")
    for path in sorted(sealed & named.keys()):
        yield from _same_bytes(evidence, path, named[path])
    status = need(documents.manifest, "there is no manifest").status
    text = "a run that was closed like this is a failed one"
    yield from differs(f"{layout.MANIFEST}#/status", text, "failed", status)
    for event in documents.journal:
        if event.attempt is not None:
            yield Problem(journal_at(event, "attempt"), "of its attempts nothing is known")
    for path in found.hollow:
        if path not in lost.DOCUMENTS or evidence.contents.get(path) != lost.in_its_place(path):
            yield Problem(path, "was lost, as the journal says, and yet tells something")
    yield Problem(place, shown(endings.of_damage(found)), severity="warning", code="damaged")


def _always_known(documents: Documents) -> Iterator[tuple[str, object]]:
    """Address and value of what is unknown in a hollow document alone."""
    environment, hardware = documents.environment, documents.hardware
    for key in _OF_ENVIRONMENT:
        yield f"{layout.ENVIRONMENT}#/{key}", getattr(environment, key)
    for key in ("os", "kernel"):
        yield f"{layout.HARDWARE}#/{key}", getattr(hardware, key)
    yield f"{layout.HARDWARE}#/cpu/architecture", hardware.cpu.architecture
    yield f"{layout.PACKAGES}#/packages", documents.packages.packages
    yield f"{layout.FROZEN}#/sets", documents.frozen.sets


def _same_bytes(evidence: Evidence, path: str, named: DamagedFile) -> Problems:
    documents = evidence.documents
    yield from differs(path, "other bytes than set aside", named.sha256, documents.digests[path])
    size_bytes = documents.sizes.get(path)
    yield from differs(path, "another size than set aside", named.size_bytes, size_bytes)


def hollow_documents(evidence: Evidence) -> frozenset[str]:
    """Documents in which nothing is known, since theirs were lost."""
    try:
        found = lost.damaged_in(evidence.documents.journal)
    except MalformedError:
        return frozenset()
    return frozenset(() if found is None else found.hollow)


def of_what_is_known(problems: Iterable[Problem], hollow: frozenset[str]) -> Problems:
    """The problems of a check. Raises CannotCheckError for one in a document that was lost."""
    for problem in problems:
        path = problem.address.partition("#")[0]
        if path in hollow:
            raise CannotCheckError(f"{path}: {lost.WHY}")
        yield problem
