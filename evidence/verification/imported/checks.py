"""The checks of an imported pack: its originals are read again, and all it says computed anew.

Responsible for what an import can be held to: names, sources, rows, values, findings, status. That
the originals tell the truth is nobody's to say here; where they contradict one another, that is a
warning. Writes nothing, and runs nothing of what it reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from evidence import layout
from evidence.encoding.codec import encode
from evidence.encoding.digest import combine
from evidence.foreign.facts import Source
from evidence.foreign.originals import originals
from evidence.pack.imported import Imported
from evidence.records.availability import Unavailable
from evidence.records.imported import SourceRecord
from evidence.records.record import Record
from evidence.results.imported import findings
from evidence.results.imported.derive import Derived, derived, source_record
from evidence.verification.imported.names import pack_names
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import FileStatus, Tree

Problems = Iterator[Problem]
NOT_OBSERVED: Final = Unavailable("imported: nothing of the run was observed")
WHY_NO_OTHER: Final = (
    "the pack was imported: nothing of the run was observed, so there is no record"
)
_DOCUMENTS: Final = (*layout.NEEDED_WHEN_IMPORTED, layout.MILESTONE)


class ImportedEvidence(Record, dict=True):
    """One imported pack, as read."""

    documents: Imported
    root: SafeDirectory
    path: Path
    tree: Tree
    directory: str
    """Name of the pack's folder."""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The originals, read again. Raises CannotCheckError where one is not what was sealed."""
        names = [(one.path, one.found_as or one.path) for one in self.documents.sources.files]
        for path, _ in names:
            self._must_be_plain(path)
        try:
            found = originals(self.path, names)
        except OSError as error:
            raise CannotCheckError(f"an original cannot be read: {error.strerror}") from error
        for source in found:
            self._must_be_plain(source.path)
            if source.sha256 != self.documents.digests.get(source.path):
                raise CannotCheckError(f"{source.path} is not what was sealed, see above")
        return found

    def _must_be_plain(self, path: str) -> None:
        status = self.tree.files.get(path)
        if status is None:
            raise CannotCheckError(f"{path} is not there")
        try:
            with self.root.open(path) as descriptor:
                now = FileStatus.of(os.fstat(descriptor))
        except OSError as error:
            raise CannotCheckError(f"{path} cannot be read: {error.strerror}") from error
        if now != status:
            raise CannotCheckError(f"{path} changed while it was read")

    @cached_property
    def again(self) -> Derived:
        """What the originals give."""
        documents = self.documents
        return derived(documents.manifest.milestone, self.sources, documents.milestone_bytes)


def _names(evidence: ImportedEvidence) -> Problems:
    """Every sealed file is a document of an imported pack or an original that sources.json names;
    each original has the name that its own gives."""
    documents = evidence.documents
    files = documents.sources.files
    listed = [one.path for one in files]
    for path in sorted(documents.digests.keys() - {*listed, *_DOCUMENTS}):
        yield Problem(path, "no import leaves a file of this name: it was put here")
    for path in sorted({*listed} - documents.digests.keys()):
        yield Problem(layout.SOURCES, f"names {path}, which is not sealed")
    if listed != sorted(set(listed)):
        yield Problem(f"{layout.SOURCES}#/files", "is not sorted, each file once")
    told = {_own_name(one): one.path for one in files}
    names = pack_names(told)
    for index, one in enumerate(files):
        expected = names.paths.get(_own_name(one))
        if expected != one.path or len(told) != len(files):
            text = "is not the name that a pack gives to what was found so"
            yield Problem(f"{layout.SOURCES}#/files/{index}/path", text, expected, one.path)
    kept = set(told)
    for index, left in enumerate(documents.sources.left_out):
        if left.found_as in kept:
            text = "is said to be left out, and is in the pack"
            yield Problem(f"{layout.SOURCES}#/left_out/{index}", text, actual=left.found_as)


def _own_name(one: SourceRecord) -> str:
    return one.found_as or one.path.removeprefix(f"{layout.ORIGINAL}/")


def _sources(evidence: ImportedEvidence) -> Problems:
    """Size, digests, encoding, form, number of values and notes of each original. Exact."""
    for index, (said, source) in enumerate(
        zip(evidence.documents.sources.files, evidence.sources, strict=True)
    ):
        expected = source_record(source, said.found_as)
        yield from _compared(f"{layout.SOURCES}#/files/{index}", encode(expected), encode(said))


def _rows(evidence: ImportedEvidence) -> Problems:
    """Each row that the originals log, digit for digit. Exact."""
    expected, found = evidence.again.rows, evidence.documents.rows
    if len(expected) != len(found):
        text = "has another number of rows than the originals log"
        yield Problem(layout.LOGGED, text, len(expected), len(found))
    for number, (wanted, said) in enumerate(zip(expected, found, strict=False), 1):
        yield from _compared(f"{layout.LOGGED}#L{number}", encode(wanted), encode(said))


def _results(evidence: ImportedEvidence) -> Problems:
    """Each value, with its address, rule, level and digits. Exact."""
    expected, found = encode(evidence.again.results), encode(evidence.documents.results)
    for key in sorted({*expected} - {"values"}):
        yield from _compared(f"{layout.RESULTS}#/{key}", expected[key], found[key])
    values, said = expected["values"], found["values"]
    for name in sorted({*values, *said}):
        where = f"{layout.RESULTS}#/values/{name}"
        if name not in said:
            yield Problem(where, "the originals give this value, and it is not there")
        elif name not in values:
            yield Problem(where, "the originals give no value of this name")
        else:
            yield from _compared(where, values[name], said[name])


def _findings(evidence: ImportedEvidence) -> Problems:
    """How the originals agree with one another. Exact."""
    expected, found = evidence.again.findings.findings, evidence.documents.findings
    if len(expected) != len(found):
        text = "has another number of findings than the originals give"
        yield Problem(f"{layout.FINDINGS}#/findings", text, len(expected), len(found))
    for index, (wanted, said) in enumerate(zip(expected, found, strict=False)):
        where = f"{layout.FINDINGS}#/findings/{index}"
        yield from _compared(where, encode(wanted), encode(said))


def outcome_of(digests: Mapping[str, str]) -> str:
    """What two imports of the same files have in common, whatever their names and times: the digest
    of originals, sources, rows, findings and recipe, from which the values follow."""
    left_out = (layout.MANIFEST, layout.RESULTS)
    return combine((path, value) for path, value in digests.items() if path not in left_out)


def _status(evidence: ImportedEvidence) -> Problems:
    """The manifest claims of the run what its files say, and nothing that was observed. Exact."""
    documents, manifest = evidence.documents, evidence.documents.manifest
    digest = outcome_of(documents.digests)
    for key, expected in (
        ("status", evidence.again.status),
        ("outcome_sha256", digest),
        ("attempt", None),
        ("stand_in", False),
        ("commit", NOT_OBSERVED),
        ("parents", ()),
    ):
        said = getattr(manifest, key)
        if said != expected:
            text = "is not what an import of these files claims"
            where = f"{layout.MANIFEST}#/{key}"
            yield Problem(where, text, encode(expected), encode(said))
    if manifest.imported_utc is None:
        text = "an imported pack says when it was imported"
        yield Problem(f"{layout.MANIFEST}#/imported_utc", text)
    if evidence.directory not in (manifest.milestone, ""):
        text = "the folder is named otherwise than the pack it holds"
        yield Problem(
            f"{layout.MANIFEST}#/milestone",
            text,
            manifest.milestone,
            evidence.directory,
            "warning",
            "directory-name",
        )


def _withheld(evidence: ImportedEvidence) -> Problems:
    """Nothing of an imported pack may be absent: its values are read from what is there."""
    for index, one in enumerate(evidence.documents.withheld.files):
        text = "no file of an imported pack may be absent"
        yield Problem(f"{layout.WITHHELD}#/files/{index}", text, actual=one.path)


def _of_rule(name: str) -> Callable[[ImportedEvidence], Problems]:
    def problems(evidence: ImportedEvidence) -> Problems:
        found = [one for one in evidence.again.findings.findings if one.rule == name]
        wrong = [one for one in found if one.outcome in ("contradicts", "warning")]
        for one in wrong:
            yield Problem(
                one.address or layout.FINDINGS, one.message, one.expected, one.actual, "warning"
            )
        silent = [one for one in found if one.outcome == "not-checked"]
        if not wrong and (silent or not found):
            raise CannotCheckError(silent[0].message if silent else "no file says anything of it")

    return problems


def _among(evidence: ImportedEvidence) -> Problems:
    """What the files say of one another besides: another run, other models, logs that were cut."""
    for one in evidence.again.findings.findings:
        if one.rule not in findings.RULES and one.outcome in ("contradicts", "warning"):
            address = one.address.partition(" + ")[0] or layout.FINDINGS
            yield Problem(address, one.message, severity="warning")


class ImportedCheck(Record):
    """A rule with the function that checks it."""

    rule: Rule
    run: Callable[[ImportedEvidence], Problems]


_FORM: Final[Mapping[str, tuple[str, Callable[[ImportedEvidence], Problems]]]] = {
    "names": ("every sealed file is one that an import leaves, under its own name", _names),
    "sources": ("sources.json says of each original what reading it gives", _sources),
    "rows": ("logged.jsonl has the rows that the originals log", _rows),
    "results": ("every value stands in an original, as it is written there", _results),
    "findings": ("findings.json says how the originals agree", _findings),
    "status": ("the manifest claims what the originals say, and nothing observed", _status),
    "withheld": ("no original is missing", _withheld),
}
CHECKS: Final = (
    *(ImportedCheck(Rule(f"imported-{name}", one[0]), one[1]) for name, one in _FORM.items()),
    *(
        ImportedCheck(Rule(f"imported-{name}", title), _of_rule(name))
        for name, title in findings.RULES.items()
    ),
    ImportedCheck(Rule("imported-among", "files that lie together are of one run"), _among),
)


def check_imported(evidence: ImportedEvidence, ledger: Ledger) -> None:
    """Run every check of an imported pack."""
    for one in CHECKS:
        ledger.run_check(one.rule, one.run(evidence))


def _compared(where: str, expected: Any, found: Any) -> Problems:
    """A problem at each place where two JSON values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            yield from _compared(f"{where}/{key}", expected.get(key), found.get(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (wanted, said) in enumerate(zip(expected, found, strict=True)):
            yield from _compared(f"{where}/{index}", wanted, said)
    elif expected != found or type(expected) is not type(found):
        text = "is not what the originals give"
        yield Problem(where, text, _text(expected), _text(found))


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
