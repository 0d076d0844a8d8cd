"""Each demand of a policy, answered from what verify read of a pack: pass, fail, or not checked.

Responsible for the answers alone. Signatures are asked of ssh-keygen by `signed`; nothing else here
reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from evidence import layout
from evidence.encoding.schema import nearest
from evidence.pack.imported import Imported, PackDocuments
from evidence.policy.licences import licence_answer
from evidence.policy.models import model_answer
from evidence.policy.policy import PolicyFile
from evidence.policy.signed import is_signed
from evidence.records.availability import Unavailable
from evidence.records.finding import CheckOutcome, DemandRecord, Report
from evidence.records.record import Record
from evidence.records.run import LEVELS, Level, ValueRecord
from evidence.results.licences import Kind
from evidence.text import formatting
from evidence.text.escape import one_line
from evidence.verification.verification import SealedPack

Answer = tuple[CheckOutcome, str]
PASS: Final[Answer] = ("pass", "")
AHEAD: Final = timedelta(days=1)
"""By which clocks of two machines may differ; more is no age."""
_SETTINGS: Final = (layout.MILESTONE, layout.OVERRIDES)
_NAMED: Final = 5
_NOT_OBSERVED: Final = "the pack was imported: nothing of the run was observed"


class Case(Record):
    """A pack that is what it says, and what is asked of it."""

    pack: SealedPack
    report: Report
    asked: PolicyFile
    now: datetime

    @property
    def documents(self) -> PackDocuments:
        """What verify read."""
        return self.pack.documents


Question = tuple[str, str, Callable[[Case], Answer]]
"""Id, the demand in words, and what answers it."""


def answers(asked: PolicyFile, case: Case | None, why_not: str) -> tuple[DemandRecord, ...]:
    """Every demand, in the order of the format. Without a case none could be checked."""
    found: list[DemandRecord] = []
    for name, demand, ask in _questions(asked):
        unasked: Answer = ("not_checked", why_not)
        outcome, reason = unasked if case is None else ask(case)
        found.append(DemandRecord(name, demand, outcome, one_line(reason, 500)))
    return tuple(found)


def _questions(asked: PolicyFile) -> Iterator[Question]:
    policy = asked.policy
    if policy.signed is not None:
        yield "signed.by", f"signed by {_either(policy.signed.by)}", _signed
    yield from _of_run(asked)
    level = policy.evidence.min_level
    if level is not None:
        yield "evidence.min_level", f"every value is {level} or better", _level
    for name, least in policy.evidence.values.items():
        demand = f"{one_line(name, 100)} is measured, and {least} or better"
        yield f"evidence.values.{one_line(name, 300)}", demand, _of_value(name, least)
    if policy.inputs.tracked:
        yield "inputs.tracked", "git holds every input that is a file", _tracked
    if policy.inputs.models:
        yield "inputs.models", f"its model is {_either(policy.inputs.models)}", _models
    asked_of: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("model", policy.licences.model),
        ("data", policy.licences.data),
    )
    for what, allowed in asked_of:
        if allowed:
            demand = f"the licence of its {what} is {_either(allowed)}"
            yield f"licences.{what}", demand, _licence(what, allowed)
    if policy.checks.allowed_unchecked is not None:
        text = f"nothing but {_either(policy.checks.allowed_unchecked)} is unchecked"
        yield "checks.allowed_unchecked", text, _allowed_unchecked
    if policy.checks.forbidden_unchecked:
        text = f"{_either(policy.checks.forbidden_unchecked)} was checked".replace(" or ", " and ")
        yield "checks.forbidden_unchecked", text, _forbidden_unchecked


def _of_run(asked: PolicyFile) -> Iterator[Question]:
    run = asked.policy.run
    if run.complete:
        yield "run.complete", "it ran to its end", _complete
    if run.no_stand_in:
        yield "run.no_stand_in", "it was made on no stand-in model", _stand_in
    if run.not_imported:
        yield "run.not_imported", "it was observed, and not imported", _imported
    if run.clean_tree:
        yield "run.clean_tree", "its working tree was a commit", _clean_tree
    if run.gates:
        yield "run.gates", "it has required gates, and each is met", _gates
    if run.max_age_days is not None:
        days = formatting.plural(run.max_age_days, "day")
        yield "run.max_age_days", f"it was sealed at most {days} ago", _age
    if run.min_ruleset is not None:
        yield "run.min_ruleset", f"it follows rule set {run.min_ruleset} or later", _ruleset


def _either(names: tuple[str, ...]) -> str:
    shown = [one_line(one, 100) for one in names[:_NAMED]]
    if len(names) > _NAMED:
        return f"{', '.join(shown)} or one of {len(names) - _NAMED} more"
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(one_line(one, 100) for one in names[:_NAMED]) + more


def _signed(case: Case) -> Answer:
    return is_signed(case.pack, case.asked)


def _complete(case: Case) -> Answer:
    """That of an imported pack is what its files say."""
    status = case.report.status
    if status == "complete":
        is_imported = isinstance(case.documents, Imported)
        return ("not_checked", _NOT_OBSERVED) if is_imported else PASS
    return "fail", f"its status is {status}"


def _stand_in(case: Case) -> Answer:
    if case.report.stand_in is not False:
        return "fail", "it was made on a stand-in model"
    documents = case.documents
    if isinstance(documents, Imported):
        return "not_checked", _NOT_OBSERVED
    return ("fail", "it begins from one") if documents.begins_at_stand_in else PASS


def _imported(case: Case) -> Answer:
    return ("fail", _NOT_OBSERVED) if isinstance(case.documents, Imported) else PASS


def _clean_tree(case: Case) -> Answer:
    documents = case.documents
    if isinstance(documents, Imported):
        return "not_checked", _NOT_OBSERVED
    for when, state in (("start", documents.git.start), ("end", documents.git.end)):
        if isinstance(state, Unavailable):
            return "not_checked", state.reason
        if state.dirty:
            count = formatting.plural(state.num_changed_files, "file")
            return "fail", f"{count} differed from commit {state.commit[:12]} at the {when}"
    changed = documents.git.changed_during_run
    if isinstance(changed, Unavailable):
        return "not_checked", changed.reason
    return ("fail", "the repository changed while it ran") if changed else PASS


def _gates(case: Case) -> Answer:
    results = case.documents.results
    required = [one for one in (results.gates if results else ()) if one.required]
    if not required:
        return "fail", "it has no required gate"
    for outcome in ("not-met", "not-checked", "skipped"):
        names = [one.name for one in required if one.outcome == outcome]
        if names:
            failed: CheckOutcome = "fail" if outcome == "not-met" else "not_checked"
            return failed, f"{outcome.replace('-', ' ')}: {_listed(names)}"
    unchecked = [one.reason for one in case.report.checks if one.id == "results" and one.reason]
    return ("not_checked", unchecked[0]) if unchecked else PASS


def _age(case: Case) -> Answer:
    documents = case.documents
    if isinstance(documents, Imported):
        return "not_checked", _NOT_OBSERVED
    try:
        sealed = datetime.fromisoformat(documents.journal[-1].utc)
        age = case.now - sealed
    except (IndexError, TypeError, ValueError, OverflowError):
        return "not_checked", "the journal does not say when it was sealed"
    if age < -AHEAD:
        return "fail", f"it says that it was sealed in the future: {documents.journal[-1].utc}"
    most = case.asked.policy.run.max_age_days or 0
    if age > timedelta(days=most):
        return "fail", f"it was sealed {formatting.plural(age.days, 'day')} ago"
    return PASS


def _ruleset(case: Case) -> Answer:
    least, found = case.asked.policy.run.min_ruleset or 0, case.report.ruleset
    if found is None:
        return "not_checked", "its rule set could not be read"
    return PASS if found >= least else ("fail", f"it follows rule set {found}")


def _is_worse(level: Level, least: Level) -> bool:
    return LEVELS.index(level) > LEVELS.index(least)


def _level(case: Case) -> Answer:
    """What the milestone sets is no measurement, and is left out."""
    least, results = case.asked.policy.evidence.min_level, case.documents.results
    if least is None or results is None:
        return "not_checked", "there are no results"
    measured = {
        name: one
        for name, one in results.values.items()
        if one.value is not None and not _is_setting(one)
    }
    worse = [name for name, one in measured.items() if _is_worse(one.level, least)]
    if worse:
        levels = sorted({measured[name].level for name in worse}, key=LEVELS.index)
        return "fail", f"{', '.join(levels)}: {_listed(worse)}"
    return PASS if measured else ("not_checked", "nothing was measured")


def _is_setting(record: ValueRecord) -> bool:
    files = {part.partition("#")[0] for part in record.address.split(" + ")}
    return record.level == "declared" and not files.isdisjoint(_SETTINGS)


def _of_value(name: str, least: Level) -> Callable[[Case], Answer]:
    def ask(case: Case) -> Answer:
        results = case.documents.results
        values: dict[str, ValueRecord] = {} if results is None else results.values
        record = values.get(name)
        if record is None:
            return "fail", f"there is no such value{nearest(name, list(values))}"
        if record.value is None:
            return "not_checked", f"not measured: {record.unavailable}"
        return ("fail", f"it is {record.level}") if _is_worse(record.level, least) else PASS

    return ask


def _tracked(case: Case) -> Answer:
    documents = case.documents
    if isinstance(documents, Imported):
        return "not_checked", _NOT_OBSERVED
    if isinstance(documents.git.start, Unavailable):
        return "not_checked", documents.git.start.reason
    if documents.git.inputs is None:
        return "not_checked", "it is not recorded what holds the inputs"
    loose = [one.path for one in documents.git.inputs if one.held_by == "nothing"]
    return ("fail", f"nothing holds {_listed(loose)}") if loose else PASS


def _models(case: Case) -> Answer:
    return model_answer(case.documents, case.asked.policy.inputs.models)


def _licence(what: Kind, allowed: tuple[str, ...]) -> Callable[[Case], Answer]:
    return lambda case: licence_answer(case.documents, what, allowed)


def _unchecked(case: Case) -> dict[str, str]:
    return {one.id: one.reason for one in case.report.checks if one.outcome == "not_checked"}


def _allowed_unchecked(case: Case) -> Answer:
    allowed = case.asked.policy.checks.allowed_unchecked or ()
    others = [name for name in _unchecked(case) if name not in allowed]
    return ("fail", f"not checked: {_listed(others)}") if others else PASS


def _forbidden_unchecked(case: Case) -> Answer:
    forbidden = case.asked.policy.checks.forbidden_unchecked
    known = {one.id for one in case.report.checks}
    unchecked = _unchecked(case)
    missing = [name for name in forbidden if name in unchecked]
    if missing:
        return "fail", f"{missing[0]} was not checked: {unchecked[missing[0]]}"
    unknown = [name for name in forbidden if name not in known]
    if unknown:
        hint = nearest(unknown[0], list(known))
        return "not_checked", f"verify asked no {unknown[0]!r} of this pack{hint}"
    return PASS
