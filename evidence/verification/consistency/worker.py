"""The check on the Python that workers ran under, where an attempt names one.

Responsible for worker.json against the milestone. That its packages agree with the framework is
`identity`'s; nothing in a pack tells of packages that computed nothing.
"""

from __future__ import annotations

import re
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.pack import lost
from evidence.records.capture import WorkerRecord
from evidence.records.run import AttemptPlan
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import CannotCheckError, Problem

_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\b.*")
_OLDEST: Final = (3, 11)


@check("worker-python", "workers ran under the Python that their attempt names")
def worker_python(evidence: Evidence) -> Problems:
    """worker.json is there where the attempt that completed names an interpreter, and in the
    folder of a failed one that does and began a stage; it names that interpreter; its Python is
    3.11 or newer; its packages have each name and version once. Exact. That these were
    the packages, nothing in a pack can tell, but for the framework's (framework-identity)."""
    documents = evidence.documents
    if lost.damaged_in(documents.journal) is not None:
        raise CannotCheckError("what its attempts left was set aside when the run was closed")
    begun = {one.attempt for one in documents.journal if one.event == "stage-started"}
    completed = evidence.context.plan
    if completed is not None:
        yield from _of(evidence, layout.WORKER, completed, is_owed=True)
    elif layout.WORKER in evidence.contents:
        yield Problem(layout.WORKER, "no attempt completed whose workers it could tell of")
    failed = {one.name: one.number for one in documents.outcomes}
    for plan in evidence.plans:
        if plan.name in failed:
            path = f"{layout.attempt_dir(failed[plan.name], plan.name)}/{layout.WORKER}"
            yield from _of(evidence, path, plan, is_owed=plan.name in begun)


def _of(evidence: Evidence, path: str, plan: AttemptPlan, *, is_owed: bool) -> Problems:
    data = evidence.contents.get(path)
    if data is None:
        if is_owed and plan.interpreter is not None:
            text = "the attempt names an interpreter, and it is not told what ran there"
            yield Problem(path, text, plan.interpreter, code="missing")
        return
    if plan.interpreter is None:
        yield Problem(path, "the attempt names no interpreter", "no such file")
        return
    worker = decode(WorkerRecord, jsonio.load_document(data))
    text = "not the interpreter that the attempt names"
    yield from differs(f"{path}#/interpreter", text, plan.interpreter, worker.interpreter)
    version = _VERSION.fullmatch(worker.python_version)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        text = "no Python that workers run under"
        least = ".".join(map(str, _OLDEST))
        yield Problem(f"{path}#/python_version", text, f"{least} or newer", worker.python_version)
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(worker.packages):
        key = (one.name, one.version)
        if key in seen:
            text = "is told twice"
            yield Problem(f"{path}#/packages/{index}", text, actual=" ".join(key))
        seen.add(key)
