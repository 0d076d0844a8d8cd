"""The sealed set from directory to records: structure, digests, lists, form.

Responsible for the order of these stages and for what each later one may rely on. Consistency,
the rendered set and origin come after, in `verification`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from evidence import layout
from evidence.encoding.digest import with_lf
from evidence.errors import MalformedError
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported, PackDocuments, is_imported, parse_imported
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.reading import schemas, sets, structure
from evidence.verification.reading.digests import (
    Claims,
    Contents,
    Reading,
    attempt_read,
    read_sealed,
)
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.names import collisions
from evidence.verification.reading.schemas import RowsRead
from evidence.verification.reading.structure import Tree
from evidence.verification.reading.sums import Sums, parse_sums

STRUCTURE: Final = Rule("structure", "only plain files with safe names, within the limits")
LISTING: Final = Rule("listing", "SHA256SUMS is well formed and lists every file of the directory")
DIGESTS: Final = Rule("digests", "every sealed file is there with the bytes that were sealed")
SETS: Final = Rule("sets", "manifest.json and SHA256SUMS name the same files")
FORM: Final = Rule("form", "every document is strict, canonical and satisfies its schema")
CHAIN: Final = Rule("journal-chain", "the journal's events are numbered and hash-chained")
RECORDS: Final = Rule("records", "the documents fit together into the records of a run")
RULES: Final = (STRUCTURE, LISTING, DIGESTS, SETS, FORM, CHAIN, RECORDS)


class SealedSet(Struct):
    """What was read of the sealed set. `documents` is None where it could not be understood."""

    tree: Tree = field(default_factory=Tree)
    sums: Sums | None = None
    contents: Contents = field(default_factory=Contents)
    sizes: Mapping[str, int] = field(default_factory=dict)
    rows: RowsRead = field(default_factory=RowsRead)
    documents: Documents | None = None
    imported: Imported | None = None
    """Instead of these, of a pack that says it was imported."""

    @property
    def understood(self) -> PackDocuments | None:
        """The documents of whichever kind of pack it is."""
        return self.documents or self.imported


def read_directory(
    root: SafeDirectory, ledger: Ledger, *, require_all: bool = False, num_threads: int = 0
) -> SealedSet:
    """Walk, read SHA256SUMS, hash everything. Stops where reading on would be unsafe.

    With `require_all` a withheld file that is absent counts as missing.
    """
    sealed = SealedSet()
    ledger.run_check(STRUCTURE, _structure(root, sealed))
    if ledger.refused:
        return sealed
    ledger.run_check(LISTING, _listing(root, sealed))
    if ledger.refused or sealed.sums is None:
        return sealed
    claims, done, problems = _claims(root, sealed.tree, sealed.sums)
    if require_all:
        claims = replace(claims, withheld=frozenset())
    sealed.sizes = claims.sizes
    if not _all_safe(ledger, problems):
        return sealed
    sealed.contents = read_sealed(root, sealed.tree, claims, done, num_threads)
    known = sealed.contents.problems
    said = {(problem.address, problem.code, problem.message) for problem in known}
    known += [one for one in problems if (one.address, one.code, one.message) not in said]
    ledger.run_check(DIGESTS, sealed.contents.problems)
    ledger.run_check(SETS, sets.set_problems(claims.manifest, sealed.sums.digests))
    return sealed


def check_form(sealed: SealedSet, ledger: Ledger) -> None:
    """Check the form of every document and build the records."""
    contents = sealed.contents.documents
    ledger.run_check(FORM, _form(sealed.contents, sealed.rows))
    if is_imported(contents.get(layout.MANIFEST)):
        ledger.skip(CHAIN, "an imported pack has no journal: nothing of the run was observed")
        if not ledger.refused:
            ledger.run_check(RECORDS, _imported_records(sealed, ledger))
        return
    ledger.run_check(CHAIN, schemas.chain_problems(contents, sealed.rows))
    if not ledger.refused:
        ledger.run_check(RECORDS, _records(sealed, ledger))


def _structure(root: SafeDirectory, sealed: SealedSet) -> Iterator[Problem]:
    sealed.tree = structure.walk(root)
    yield from sealed.tree.problems
    yield from structure.cannot_be_attached(sealed.tree)
    yield from structure.too_big(sealed.tree)
    yield from collisions([*sealed.tree.files, *sealed.tree.folders])


def _listing(root: SafeDirectory, sealed: SealedSet) -> Iterator[Problem]:
    status = sealed.tree.files.get(layout.SUMS)
    if status is None:
        text = "is not there: this folder is no sealed pack, or its seal was removed"
        yield Problem(layout.SUMS, text, code="missing")
        return
    reading = attempt_read(root, layout.SUMS, status)
    if isinstance(reading, Problem):
        yield reading
        return
    if reading.changed:
        yield Problem(layout.SUMS, "changed while it was read", code="changed-while-reading")
    sealed.sums = parse_sums(reading.content or b"")
    yield from sealed.sums.problems
    yield from structure.unlisted(sealed.tree, sealed.sums.digests)
    names = {*sealed.tree.files, *sealed.tree.folders}
    if not names >= sealed.sums.digests.keys():
        yield from collisions([*names, *sealed.sums.digests])


def _claims(
    root: SafeDirectory, tree: Tree, sums: Sums
) -> tuple[Claims, dict[str, Reading], list[Problem]]:
    """Manifest and withheld list, read first because they bound the reading of the rest."""
    done: dict[str, Reading] = {}
    problems: list[Problem] = []
    listed: dict[str, sets.Entries] = {}
    for path in (layout.MANIFEST, layout.WITHHELD):
        if path not in tree.files or path not in sums.digests:
            continue
        outcome = attempt_read(root, path, tree.files[path])
        if isinstance(outcome, Problem):
            problems.append(outcome)  # it is tried again with the others; this stands either way
            continue
        done[path] = outcome
        listed[path] = sets.read_entries(with_lf(outcome.content or b""))
        problems.extend(sets.unsafe_names(path, listed[path]))
    manifest = listed.get(layout.MANIFEST, ())
    sizes = sets.stated_sizes(manifest)
    withheld = sets.stated_sizes(listed.get(layout.WITHHELD, ()))
    sizes = {path: size for path, size in sizes.items() if path != layout.MANIFEST}
    claims = Claims(sums, manifest, sizes, frozenset(withheld))
    for path in sorted(sums.digests.keys() & tree.files.keys() - done.keys()):
        stated = sizes.get(path)
        if stated is not None:
            problem = structure.much_larger_than_stated(path, tree.files[path].size_bytes, stated)
            problems.extend([problem] if problem else [])
    return claims, done, problems


def _all_safe(ledger: Ledger, problems: Iterable[Problem]) -> bool:
    unsafe = [problem for problem in problems if problem.severity == "refused"]
    if unsafe:
        ledger.run_check(DIGESTS, unsafe)
    return not unsafe


def _form(contents: Contents, read: RowsRead) -> Iterator[Problem]:
    for path in sorted({*contents.documents, *contents.long_rows}):
        if path in contents.long_rows:
            yield from schemas.rows_problems(path, contents.long_rows[path], read)
        else:
            yield from schemas.document_problems(path, contents.documents[path])
    yield from schemas.text_problems(contents.documents)


def _missing(needed: Iterable[str], sealed: SealedSet, ledger: Ledger) -> Iterator[Problem]:
    for path in needed:
        if path not in sealed.contents.present and not ledger.has_error_about(path):
            yield Problem(path, "every pack has this file; this one does not", code="missing")


def _sizes(sealed: SealedSet) -> dict[str, int]:
    sizes = {**sealed.sizes}
    if layout.MANIFEST in sealed.contents.documents:
        sizes[layout.MANIFEST] = len(sealed.contents.documents[layout.MANIFEST])
    return sizes


def _imported_records(sealed: SealedSet, ledger: Ledger) -> Iterator[Problem]:
    yield from _missing(layout.NEEDED_WHEN_IMPORTED, sealed, ledger)
    digests = {} if sealed.sums is None else sealed.sums.digests
    contents = sealed.contents.documents
    rows = {path: rows for path, rows in sealed.rows.records.items() if path == layout.LOGGED}
    try:
        sealed.imported = parse_imported(contents, _sizes(sealed), digests, rows)
    except MalformedError as error:
        path = error.message.partition(":")[0]
        if ledger.has_error_about(path):
            raise CannotCheckError(f"{path} is not readable, see above") from error
        yield Problem(path, error.message, code="record-invalid")


def _records(sealed: SealedSet, ledger: Ledger) -> Iterator[Problem]:
    yield from _missing(layout.NEEDED_ALWAYS, sealed, ledger)
    digests = {} if sealed.sums is None else sealed.sums.digests
    sizes = _sizes(sealed)
    for path in sorted(sealed.contents.long_rows.keys() - sealed.rows.records.keys()):
        if path not in sealed.rows.misfits or ledger.has_error_about(path):
            raise CannotCheckError(f"{path} is not readable, see above")
        yield sealed.rows.misfits[path]
        return
    built = schemas.build_documents(sealed.contents.documents, sizes, digests, sealed.rows)
    if isinstance(built, Documents):
        sealed.documents = built
        return
    if ledger.has_error_about(built.address.partition("#")[0]):
        raise CannotCheckError(f"{built.address} is not readable, see above")
    yield built
