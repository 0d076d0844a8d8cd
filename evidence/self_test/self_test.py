"""verify, tested on a pack of the user's own, whose copy is broken in one way after the other.

Responsible for the order of the whole and for what counts as caught. Writes below a temporary
folder only; the pack itself is read and nothing else.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

from msgspec.structs import replace

from evidence.errors import ExitCode, PackBrokenError, UnfinishedRunError
from evidence.records.finding import Report
from evidence.records.record import Record
from evidence.self_test.bench import Bench
from evidence.self_test.forger import NotPossibleError
from evidence.self_test.forgeries import FORGERIES, Forgery
from evidence.self_test.imported import IMPORTED_FORGERIES, is_imported
from evidence.self_test.programs import PROGRAM_FORGERIES, is_recorded
from evidence.self_test.tamperings import tamperings
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack

_NOT_POSSIBLE_ERRNOS: Final = (
    errno.EPERM,
    errno.EACCES,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EILSEQ,
)
"""What systems and disks say that know no links, FIFOs or odd names."""

TrialKind = Literal["tampering", "forgery", "signature-only"]
Outcome = Literal["caught", "missed", "not-tried"]


class Trial(Record):
    """One way to break the pack, and the answer of verify."""

    id: str
    kind: TrialKind
    what: str
    expected: tuple[str, ...]
    """Checks of which one at least has to fail. Empty: no check can."""
    outcome: Outcome
    answer: str
    """Verdict and failed checks, or why it was not tried."""


class SelfTest(Record):
    """All trials on one pack."""

    schema: Literal["self-test.v1"]
    pack: str
    trials: tuple[Trial, ...]

    @property
    def exit_code(self) -> ExitCode:
        """0 only when everything that verify claims to catch was caught."""
        outcomes = {trial.outcome for trial in self.trials}
        good = "caught" in outcomes and "missed" not in outcomes
        return ExitCode.DONE if good else ExitCode.FINDINGS

    def of(self, kind: TrialKind) -> tuple[Trial, ...]:
        """Trials of one kind, in order."""
        return tuple(trial for trial in self.trials if trial.kind == kind)


def self_test(pack: Path) -> SelfTest:
    """Break a copy of `pack` in every way and verify it each time.

    Raises PackBrokenError when the pack is not without errors to begin with.
    """
    before = verify_pack(pack)
    if before.exit is ExitCode.UNFINISHED and before.root_sha256 is None:
        raise UnfinishedRunError(
            f"{pack} is not a finished pack, so breaking it shows nothing", hint=before.next_step
        )
    if before.exit not in (ExitCode.DONE, ExitCode.UNFINISHED) or before.root_sha256 is None:
        raise PackBrokenError(
            f"{pack} is not intact, so breaking it shows nothing",
            hint=f"evidence verify {pack} says what is wrong with it.",
        )
    with tempfile.TemporaryDirectory(prefix="evidence-self-test-") as folder:
        bench = Bench(pack, Path(folder))
        trials = tuple(_trials(bench, before))
    return SelfTest(schema="self-test.v1", pack=pack.as_posix(), trials=trials)


def _trials(bench: Bench, before: Report) -> Iterator[Trial]:
    grounds = frozenset(check.id for check in before.checks if check.outcome == "pass")
    for way in tamperings(bench):
        blank = Trial(way.id, "tampering", way.what, way.checks, "not-tried", "")
        yield _tried(bench, blank, partial(way.apply, bench), grounds)
    for lie in _lies(bench):
        kind: TrialKind = "forgery" if lie.checks else "signature-only"
        blank = Trial(lie.id, kind, lie.what, lie.checks, "not-tried", "")
        options = VerifyOptions() if lie.checks else VerifyOptions(expect=before.root_sha256)
        yield _tried(bench, blank, partial(lie.apply, bench), grounds, options)


def _lies(bench: Bench) -> tuple[Forgery, ...]:
    if is_imported(bench):
        return IMPORTED_FORGERIES
    return (*FORGERIES, *(PROGRAM_FORGERIES if is_recorded(bench) else ()))


def _tried(
    bench: Bench,
    blank: Trial,
    act: Callable[[], object],
    grounds: frozenset[str],
    options: VerifyOptions | None = None,
) -> Trial:
    with bench.restored():
        try:
            act()
        except NotPossibleError as error:
            return replace(blank, answer=str(error))
        except OSError as error:
            if error.errno not in _NOT_POSSIBLE_ERRNOS:
                raise  # a full disk must not read as 'nothing was missed'
            return replace(blank, answer=f"not possible here: {error.strerror}")
        report = verify_pack(bench.pack, options or VerifyOptions())
    return _judged(blank, report, grounds)


def _judged(blank: Trial, report: Report, grounds: frozenset[str]) -> Trial:
    failed = {check.id for check in report.checks if check.outcome == "fail"}
    answer = f"{report.verdict}: {', '.join(sorted(failed)) or 'no check failed'}"
    if blank.kind == "signature-only":
        seen = sorted(failed - {"expectations"})
        answer = f"a check saw it: {', '.join(seen)}" if seen else "INTACT without --expect"
    wanted = set(blank.expected) or {"expectations"}
    if report.exit_code in (1, 5) and failed & wanted:
        return replace(blank, outcome="caught", answer=answer)
    if blank.kind == "forgery" and not grounds & wanted:
        checks = " and ".join(blank.expected)
        return replace(blank, answer=f"{checks} cannot be checked on this pack, broken or not")
    return replace(blank, outcome="missed", answer=answer)
