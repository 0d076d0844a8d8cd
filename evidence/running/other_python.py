"""A run that goes on under another Python than its own: that of its workers, now and before.

Responsible for the attempt that was under way, of which worker.json tells what its workers ran
under. What of it may be another one by now is decided as for our own Python (`elsewhere`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evidence import layout
from evidence.backends import registry
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import EvidenceError
from evidence.records.capture import WorkerRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.running.elsewhere import computes, differing, minor, versions
from evidence.running.secrets import cleaned, privacy_of
from evidence.system.entries import read_regular
from evidence.worker.interpreter import unusable
from evidence.worker.requirements import worker_python


def refusing(root: Path, output: Path, milestone: Milestone, plan: AttemptPlan) -> Iterator[str]:
    """What enters training and is another one by now, in a sentence each."""
    before = _before(output / layout.WORKER)
    if before is None:
        return
    python = worker_python(plan, registry.find(plan.backend), root)
    trouble = unusable(python, "")
    if trouble is not None:
        yield privacy_of(milestone).clean(trouble[0])
    if trouble is not None or python.record is None:
        return
    now = cleaned(python.record, WorkerRecord, privacy_of(milestone))
    where, end = before.interpreter, "when the attempt began"
    if minor(before.python_version) != minor(now.python_version):
        yield f"{where} is Python {now.python_version} now, and was {before.python_version} {end}"
    own = registry.distribution_of(plan.backend)
    for name, then, here in differing(versions(before.as_packages), versions(now.as_packages)):
        if computes(name) or name == own:
            yield f"the package {name} in {where} is {here} now, and was {then} {end}"


def _before(path: Path) -> WorkerRecord | None:
    """None where no worker began: it is asked when one is about to."""
    try:
        return decode(WorkerRecord, jsonio.load_document(read_regular(path)))
    except (OSError, EvidenceError):
        return None
