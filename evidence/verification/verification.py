"""One verification from path to report, and the doors through which others get a pack.

Responsible for the order of the stages: structure, digests, form, consistency, rendered, origin.
Reads files below the pack only; writes, executes and connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.errors import EvidenceError, PackBrokenError, UnfinishedRunError, UnsafePackError
from evidence.milestone.recorded import to_run_anew
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported, PackDocuments, error_of, of_a_run
from evidence.records.finding import Report
from evidence.verification import rendered as rendered_stage
from evidence.verification.consistency.every_check import check_consistency, skip_consistency
from evidence.verification.consistency.registry import Evidence
from evidence.verification.happened import happened_in
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.named import no_pack
from evidence.verification.options import NOT_OF_PACK, VerifyOptions
from evidence.verification.origin.expectations import EXPECTED, check_expectations
from evidence.verification.origin.signers import SIGNATURE, check_signatures, refuse_unusable
from evidence.verification.problem import Problem
from evidence.verification.reading import sealed as sealed_stage
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.sealed import SealedSet
from evidence.verification.reading.structure import FileStatus
from evidence.verification.report import Subject, build_report
from evidence.verification.ruleset import RULESET
from evidence.verification.unfinished import last_known_state, work_around, work_folder
from evidence.verification.words import check_attached_words

_KEY: Final = object()
_DEFAULTS: Final = VerifyOptions()
_REPOSITORY: Final = Rule("repository", "commit, milestone and data are in the caller's clone")
_DATA_FACTS: Final = Rule("repo-data-facts", "facts about the data, counted again from them")
_MODEL: Final = Rule(
    "repo-model", "the clone has the model's files with the bytes that were loaded"
)
_ASKED: Final = Rule("repo-evaluation", "predictions ask what the rows of the data ask")
_TAUGHT: Final = Rule(
    "repo-rows", "recorded rows are texts of the data, taught from their answers on"
)
_REFS: Final = Rule("repo-refs", "the clone has, at each promise's ref, the digests in frozen.json")
_MODEL_FIGURES: Final = Rule("model-figures", "losses, probes, outputs and tokens, made again")
_NOT_READ: Final = "not read any further"
_RULESET: Final = Rule("ruleset", "this evidence-pack knows the rules that the pack follows")


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A pack whose sealed set is whole and readable. What is rendered from it may be broken."""

    path: Path
    documents: PackDocuments
    root_sha256: str
    key: InitVar[object]

    def __post_init__(self, key: object) -> None:
        """Refuse to exist without verify."""
        if key is not _KEY:
            raise TypeError("only evidence.verification can build this")


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """A pack in which verify found no error. Its warnings are in the report."""

    path: Path
    documents: Documents
    root_sha256: str
    report: Report
    key: InitVar[object]

    def __post_init__(self, key: object) -> None:
        """Refuse to exist without verify."""
        if key is not _KEY:
            raise TypeError("only evidence.verification can build this")


@dataclass(frozen=True, slots=True)
class CheckedPack:
    """A pack of whichever kind, of a run or imported, in which verify found no error."""

    path: Path
    documents: PackDocuments
    root_sha256: str
    report: Report
    key: InitVar[object]

    def __post_init__(self, key: object) -> None:
        """Refuse to exist without verify."""
        if key is not _KEY:
            raise TypeError("only evidence.verification can build this")


class OpenPack:
    """A pack whose sealed set was read once: to render from it, then to judge it."""

    def __init__(self, path: Path, options: VerifyOptions) -> None:
        self._path = path
        self._options = options
        self._ledger = Ledger()
        self._subject = _unfinished(path, options)
        self._root: SafeDirectory | None = None
        self._sealed: SealedSet | None = None

    def read(self, stack: ExitStack) -> None:
        """Read the sealed set, its directory open until the stack is left."""
        if self._subject is not None:
            return
        try:
            self._root = stack.enter_context(SafeDirectory(self._path))
            self._sealed = _read(self._root, self._ledger, self._options)
        except OSError as error:
            self._cannot_open(error)

    def sealed(self) -> SealedPack:
        """The documents, where the sealed set is whole; the rendered set is not looked at.

        Raises PackBrokenError or UnsafePackError; UsageError where there is nothing at all.
        """
        report = build_report(self._subject or Subject(self._path.as_posix()), self._ledger)
        if self._subject is not None and self._subject.unfinished:
            text = f"{self._path} is not a finished pack: {report.happened}"
            raise UnfinishedRunError(text, hint=report.next_step)
        sealed, broken = self._sealed, _why_broken(self._path, report)
        documents = None if sealed is None else sealed.understood
        if broken or sealed is None or documents is None or sealed.sums is None:
            raise broken or PackBrokenError(f"{self._path} is not a finished pack")
        return SealedPack(self._path, documents, sealed.sums.root_sha256, _KEY)

    def report(self, rendered_anew: Sequence[str] = ()) -> Report:
        """The verdict, to be asked for once.

        `rendered_anew` names files of the rendered set that were written since the pack was read.
        """
        if self._root is not None and self._sealed is not None:
            try:
                for name in rendered_anew:
                    with self._root.open(name) as descriptor:
                        self._sealed.tree.files[name] = FileStatus.of(os.fstat(descriptor))
                trusted = _check_consistency_rules(
                    self._root, self._path, self._sealed, self._options, self._ledger
                )
                self._subject = _subject(self._path, self._sealed, self._options, trusted=trusted)
            except OSError as error:
                self._cannot_open(error)
        return build_report(self._subject or Subject(self._path.as_posix()), self._ledger)

    def _cannot_open(self, error: OSError) -> None:
        self._ledger.run_check(sealed_stage.STRUCTURE, [_not_openable(self._path, error)])
        self._sealed = None


@contextmanager
def open_pack(path: Path, options: VerifyOptions = _DEFAULTS) -> Iterator[OpenPack]:
    """Read the sealed set of a pack once. Never raises for anything that is in it.

    Raises UsageError for a trust file or a signer's name in `options` that cannot be used.
    """
    with ExitStack() as stack:
        opened = OpenPack(path, options)
        opened.read(stack)
        yield opened


def verify_pack(path: Path, options: VerifyOptions = _DEFAULTS) -> Report:
    """Verify one pack. Never raises for anything that is in it: the report says it.

    Raises UsageError for a trust file or a signer's name in `options` that cannot be used.
    """
    with open_pack(path, options) as opened:
        return opened.report()


def open_verified(path: Path) -> VerifiedPack:
    """The documents of a run's pack without errors.

    Raises PackBrokenError or UnsafePackError; UsageError where there is nothing at all, and for a
    pack that was imported: nothing of it was observed that could be compared or made again.
    """
    checked = open_checked(path)
    documents = of_a_run(checked.documents, "there is no run that could be compared or made again")
    return VerifiedPack(path, documents, checked.root_sha256, checked.report, _KEY)


def open_checked(path: Path) -> CheckedPack:
    """A pack of whichever kind without errors. Raises as `load_sealed` does."""
    with open_pack(path) as opened:
        report = opened.report()
        sealed = opened.sealed()
    return CheckedPack(path, sealed.documents, sealed.root_sha256, report, _KEY)


def load_sealed(path: Path) -> SealedPack:
    """A pack whose sealed set has its digests, form and records; the rendered set is not looked at.

    Raises PackBrokenError or UnsafePackError; UsageError where there is nothing at all.
    """
    with open_pack(path) as opened:
        return opened.sealed()


def _why_broken(path: Path, report: Report) -> EvidenceError | None:
    """What to raise of a pack with errors; None where it has none."""
    grave = [f for f in report.findings if f.severity in ("error", "refused")]
    if not grave:
        return None
    if not path.exists() and not path.is_symlink():
        return no_pack(path)
    first = grave[0]
    more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
    place = "" if first.address == path.as_posix() else f"{first.address}: "
    text = f"{path}: {place}{first.message}{more}"
    if report.verdict == "REFUSED":
        return UnsafePackError(first.code, first.address, text)
    return PackBrokenError(text, hint=f"evidence verify {path} lists everything.")


def _read(root: SafeDirectory, ledger: Ledger, options: VerifyOptions) -> SealedSet:
    sealed = sealed_stage.read_directory(
        root, ledger, require_all=options.require_all, num_threads=options.num_threads
    )
    if not ledger.refused and sealed.sums is not None:
        sealed_stage.check_form(sealed, ledger)
        manifest = None if sealed.understood is None else sealed.understood.manifest
        ledger.run_check(
            _RULESET, _ruleset_problems(None if manifest is None else manifest.ruleset)
        )
    reason = "not read any further" if ledger.refused else "there is no list of sealed files"
    for rule in (*sealed_stage.RULES, _RULESET):
        if rule.id not in {result.id for result in ledger.results}:
            ledger.skip(rule, reason)
    return sealed


def _check_consistency_rules(
    root: SafeDirectory, path: Path, sealed: SealedSet, options: VerifyOptions, ledger: Ledger
) -> bool:
    """Everything after the sealed set was read; whether a trusted signer signed it."""
    documents = sealed.understood
    refuse_unusable(options, path)
    if ledger.refused:
        _skip_documents(_NOT_READ, options, ledger)
        asked = (EXPECTED,) if options.asks_what_it_is else ()
        for rule in (*rendered_stage.RULES, *asked, SIGNATURE):
            ledger.skip(rule, _NOT_READ)
        return False
    root_sha256 = "" if sealed.sums is None else sealed.sums.root_sha256
    _check_documents(root, path, sealed, options, ledger)
    rendered = rendered_stage.check_rendered(root, sealed.tree, documents, root_sha256, ledger)
    if any(layout.REPRODUCTION.fullmatch(path) for path in rendered):
        from evidence.verification.origin.claims import check_claims  # few packs have one attached

        observed = sealed.documents
        check_claims(rendered, observed, root_sha256, options.beside, _opened, ledger)
    check_attached_words(rendered, documents, ledger)
    if sealed.documents is not None and sealed.documents.parents:
        from evidence.verification.origin.parent_weights import check_parents  # few packs have one

        check_parents(sealed.documents, options.known_as or path, options.beside, ledger)
    manifest = None if documents is None else documents.manifest
    set_then = () if sealed.documents is None else sealed.documents.overrides
    check_expectations(root_sha256 or None, manifest, options, ledger, set_then)
    sums = b"" if sealed.sums is None else sealed.sums.data
    return check_signatures(root, path, sealed.tree, sums, rendered, options, ledger)


def _check_documents(
    root: SafeDirectory, path: Path, sealed: SealedSet, options: VerifyOptions, ledger: Ledger
) -> None:
    """What the documents say, by the checks of whichever kind of pack it is."""
    documents, directory = sealed.understood, (options.known_as or path.resolve()).name
    if isinstance(documents, Imported):
        from evidence.verification.imported.checks import (  # readers of all kinds of files
            WHY_NO_OTHER,
            ImportedEvidence,
            check_imported,
        )

        evidence = ImportedEvidence(documents, root, path, sealed.tree, directory)
        check_imported(evidence, ledger)
        if options.disclosed is not None:
            text = "an imported pack commits to no rows: what is shown is of another one"
            problem = Problem(layout.COMMITMENTS, text, code=NOT_OF_PACK)
            ledger.run_check(options.disclosed.rule, [problem])
        _skip_documents(WHY_NO_OTHER, replace(options, disclosed=None), ledger)
    elif documents is None or documents.manifest is None:
        _skip_documents("the documents could not be read", options, ledger)
    else:
        observed = Evidence(
            documents=documents,
            contents=sealed.contents.documents,
            headers=sealed.contents.headers,
            present=frozenset(sealed.contents.present),
            directory=directory,
            path=options.known_as or path,
            beside=options.beside,
        )
        check_consistency(observed, documents.manifest.ruleset, ledger)
        for one in options.further:
            ledger.run_check(one.rule, one.run(observed))
        if options.disclosed is not None:
            ledger.run_check(options.disclosed.rule, options.disclosed.run(observed))
        _skip_what_is_not_here(options, ledger)


def _skip_documents(reason: str, options: VerifyOptions, ledger: Ledger) -> None:
    """Enter every rule that asks the documents as not checked."""
    skip_consistency(reason, ledger)
    for one in options.further:
        ledger.skip(one.rule, reason)
    if options.disclosed is not None:
        ledger.skip(options.disclosed.rule, reason)
    _skip_what_is_not_here(options, ledger)


def _skip_what_is_not_here(options: VerifyOptions, ledger: Ledger) -> None:
    """Enter the rules that need more than a pack as not checked."""
    if not options.further:
        ledger.skip(_REPOSITORY, "no clone was given to compare with (--repo)")
        ledger.skip(_DATA_FACTS, "the data are not in the pack; --repo counts again in a clone")
        ledger.skip(_MODEL, "no clone was given to compare with (--repo)")
        ledger.skip(_ASKED, "the rows asked are not in the pack; --repo asks again in a clone")
        ledger.skip(_TAUGHT, "the rows taught are not in the pack; --repo compares with a clone")
        ledger.skip(_REFS, "no clone was given to compare with (--repo)")
    ledger.skip(_MODEL_FIGURES, "verify runs neither model nor tokenizer; `reproduce` does")


def _opened(path: Path) -> Documents:
    return open_verified(path).documents


def _ruleset_problems(ruleset: int | None) -> list[Problem]:
    if ruleset is None or ruleset <= RULESET:
        return []
    text = "follows newer rules than this evidence-pack knows: install a newer one"
    place = f"{layout.MANIFEST}#/ruleset"
    return [Problem(place, text, f"at most {RULESET}", ruleset, "refused", "newer-ruleset")]


def _subject(path: Path, sealed: SealedSet, options: VerifyOptions, *, trusted: bool) -> Subject:
    documents = sealed.understood
    manifest = None if documents is None else documents.manifest
    observed = sealed.documents
    return Subject(
        name=(options.known_as or path).as_posix(),
        root_sha256=None if sealed.sums is None else sealed.sums.root_sha256,
        manifest=manifest,
        ruleset=None if manifest is None else manifest.ruleset,
        strict=options.strict or options.asks_signer,
        trusted=trusted,
        values=None if documents is None or documents.results is None else documents.results.values,
        happened=error_of(sealed.imported) if observed is None else happened_in(observed),
        anew="" if observed is None else to_run_anew(observed.milestone, observed.overrides),
    )


def _unfinished(path: Path, options: VerifyOptions) -> Subject | None:
    """A run that was never published: named by its pack, its work folder, or what lies in that."""
    work = work_folder(path)
    if work is None and options.known_as is None:
        work = work_around(path)
    if work is None:
        return None
    state = last_known_state(work)
    return Subject(
        path.as_posix(),
        unfinished=True,
        strict=options.strict,
        happened=state.happened,
        next_step=state.next_step,
    )


def _not_openable(path: Path, error: OSError) -> Problem:
    reason = error.strerror or str(error)
    if path.is_file():
        reason = "a file; packs are directories, and archives are never opened"
    elif path.is_symlink() and not path.exists():
        reason = f"a link to {path.readlink()}, which leads nowhere"
    elif not path.exists():
        reason = "there is no such directory"
    return Problem(path.as_posix(), reason, severity="refused", code="not-a-directory")
