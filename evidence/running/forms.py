"""What is fed, taught and waited for, held against each other before a worker is started.

Responsible for what text alone tells (`data.seam`). It is warned of and not refused: a pretrained
model may have a form of its own. What tokens tell needs a tokenizer, and is the worker's.
"""

from __future__ import annotations

from evidence.data.examples import form_mismatches
from evidence.data.seam import Mismatch
from evidence.records.run import AttemptPlan
from evidence.running.fitting import Sets


def form_warnings(plan: AttemptPlan, data: Sets) -> tuple[str, ...]:
    """What does not fit in the texts of one plan, each with what would mend it."""
    found = form_mismatches(plan, data[plan.train.data], data[plan.eval.data])
    return tuple(f"{one.message}. {_remedy(one, plan)}".rstrip() for one in found)


def _remedy(one: Mismatch, plan: AttemptPlan) -> str:
    if one.gap:
        fed = plan.eval.prompt + one.gap.rstrip()
        quoted = fed.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        without = " and leave out answer_after" if plan.eval.answer_after else ""
        return f'Feed it, with prompt = "{quoted}"{without}; or teach it, with loss = "all"'
    if one.is_awaited:
        return "Leave out answer_after, or put it into the text where the loss reaches it"
    return ""
