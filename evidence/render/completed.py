"""The attempt that completed, as every part of a summary asks for it."""

from __future__ import annotations

from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.records.run import AttemptPlan
from evidence.render.values import Sheet


def completed_plan(documents: Documents, sheet: Sheet) -> AttemptPlan | None:
    """Plan of the attempt that completed."""
    name = sheet.raw("run.attempt")
    plans = plan_attempts(documents.milestone)
    return next((plan for plan in plans if plan.name == name), None)
