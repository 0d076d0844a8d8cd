"""What was attached as a reproduction: its form always, its claim where the other pack is given.

Responsible for recomputing every tier from the two packs, and when and where the second ran.
Without the reproducing pack a claim stays a claim, whoever signed it: it is not checked. The
causes that are given for a difference are read as what they are: what somebody concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError, MalformedError
from evidence.pack.documents import Documents
from evidence.records.reproduction import ReproductionRecord
from evidence.records.run import ManifestRecord
from evidence.results.seed_test import seed_of, seed_tests
from evidence.results.tiers import are_one_run, reached_tiers, strictest_tier, when_and_where
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem

FORM: Final = Rule("attached-form", "what is attached as a reproduction has the form of one")
CLAIMS: Final = Rule("reproduction-claims", "the reproduction came as close as is attached")

Open = Callable[[Path], Documents]
"""Documents of a pack that verifies. Raises EvidenceError for one that does not."""


def check_claims(
    files: Mapping[str, bytes],
    documents: Documents | None,
    root_sha256: str,
    beside: tuple[Path, ...],
    opened: Open,
    ledger: Ledger,
) -> None:
    """Enter both checks. `files` are those of the rendered set, reproductions among them."""
    attached = {path: data for path, data in files.items() if layout.REPRODUCTION.fullmatch(path)}
    problems: list[Problem] = []
    records: dict[str, ReproductionRecord] = {}
    for path, data in sorted(attached.items()):
        found = _parsed(path, data, root_sha256)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            records[path] = found
    ledger.run_check(FORM, problems)
    if documents is None:
        ledger.skip(CLAIMS, "the evidence could not be read")
    else:
        ledger.run_check(CLAIMS, _claims(records, documents, beside, opened))


def _parsed(path: str, data: bytes, root_sha256: str) -> ReproductionRecord | Problem:
    try:
        value = jsonio.load_document(data)
        for error in schema.validate(layout.REPRODUCTION_SCHEMA, value):
            return Problem(f"{path}#{error.pointer}", error.message, code="schema")
        record = decode(ReproductionRecord, value)
    except MalformedError as error:
        return Problem(path, error.message, code="malformed")
    if jsonio.dump_document(value) != data:
        return Problem(path, "is not in canonical form", code="not-canonical")
    if record.original.root_sha256 != root_sha256:
        place, found = f"{path}#/original/root_sha256", record.original.root_sha256
        return Problem(place, "reproduces another pack than this one", root_sha256, found)
    expected = layout.reproduction_file(record.reproduction.root_sha256)
    if path != expected:
        return Problem(path, "is not named by the pack that reproduces", expected, path)
    return record


def _claims(
    records: Mapping[str, ReproductionRecord],
    documents: Documents,
    beside: tuple[Path, ...],
    opened: Open,
) -> Iterator[Problem]:
    unseen: list[str] = []
    given = _Given(beside, opened)
    for path, record in records.items():
        claimed = record.reproduction.root_sha256
        roots = [claimed, *(one.pack.root_sha256 for one in record.seeds)]
        try:
            other, *others = map(given.documents, roots)
        except CannotCheckError as error:
            unseen.append(f"{record.verdict} by the pack {claimed[:12]}: {error}")
            continue
        yield from _differs(path, record, documents, other, others)
    if unseen:
        raise CannotCheckError(f"a claim that nothing here supports: {'; '.join(unseen)}")


class _Given:
    """The packs that the caller named, each verified once, when it is first asked for."""

    def __init__(self, beside: tuple[Path, ...], opened: Open) -> None:
        self._beside = beside
        self._opened = opened
        self._found: dict[str, Documents | None] = {}

    @cached_property
    def _packs(self) -> dict[str | None, Path]:
        return {_root_of(one): one for one in reversed(self._beside)}

    def documents(self, root_sha256: str) -> Documents:
        """Documents of the pack with this root. Raises CannotCheckError."""
        pack = self._packs.get(root_sha256)
        if pack is None:
            raise CannotCheckError(
                f"the pack {root_sha256[:12]} was not given (name it after this one)"
            )
        if root_sha256 not in self._found:
            self._found[root_sha256] = self._open(pack)
        found = self._found[root_sha256]
        if found is None:
            raise CannotCheckError(f"{pack.as_posix()} does not verify")
        return found

    def _open(self, pack: Path) -> Documents | None:
        try:
            return self._opened(pack)
        except EvidenceError:
            return None


def _differs(
    path: str,
    record: ReproductionRecord,
    documents: Documents,
    other: Documents,
    others: Sequence[Documents],
) -> Iterator[Problem]:
    tiers = reached_tiers(documents, other, others)
    finished_utc, machine = when_and_where(other)
    facts: tuple[tuple[str, object, object], ...] = (
        ("original/outcome_sha256", _outcome(documents.manifest), record.original.outcome_sha256),
        (
            "reproduction/outcome_sha256",
            _outcome(other.manifest),
            record.reproduction.outcome_sha256,
        ),
        ("finished_utc", finished_utc, record.finished_utc),
        ("machine", machine, record.machine),
        ("verdict", strictest_tier(tiers), record.verdict),
        ("tiers", tiers, record.tiers),
        (
            "seeds",
            [(seed_of(one), _outcome(one.manifest)) for one in others],
            [(one.seed, one.pack.outcome_sha256) for one in record.seeds],
        ),
        ("seed_tests", seed_tests(documents, others), record.seed_tests),
    )
    for pointer, expected, found in facts:
        if expected != found:
            text = "is not what the two packs give"
            yield Problem(f"{path}#/{pointer}", text, str(expected), str(found))
    parents = () if other.manifest is None else other.manifest.parents
    if record.original.root_sha256 not in {parent.root_sha256 for parent in parents}:
        text = "the pack that is said to reproduce this one does not name it as its parent"
        yield Problem(f"{path}#/reproduction/root_sha256", text)
    for one in (other, *others):
        if are_one_run(documents, one):
            text = "the steps of both packs took the very same time: a copy, and no second run"
            yield Problem(f"{path}#/reproduction/root_sha256", text)


def _outcome(manifest: ManifestRecord | None) -> object:
    return None if manifest is None else manifest.outcome_sha256


def _root_of(pack: Path) -> str | None:
    """Root digest of a folder that may be the pack looked for; only then is it verified."""
    sums = pack / layout.SUMS
    if sums.is_symlink() or not sums.is_file() or sums.stat().st_size > limits.MAX_SUMS_BYTES:
        return None
    return sha256_hex(sums.read_bytes())
