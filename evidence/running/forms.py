"""What is fed, taught and waited for, held against each other before a worker is started.

Responsible for what text alone tells (`data.seam`), and for a remedy that holds in tokens too where
a tokenizer is at hand. It is warned of and not refused: a pretrained model may have a form of its
own. What tokens tell of the texts as they are is the worker's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence.data.examples import form_mismatches, seams_of, training_examples
from evidence.data.seam import Mismatch, token_mismatches
from evidence.data.tokens import Coder
from evidence.errors import DataError
from evidence.records.run import AttemptPlan
from evidence.running.fitting import Sets
from evidence.running.text_fit import coder_of

_TRIED_ROWS: Final = 20
"""Of the training data: with how many of them a remedy is tried."""
_LAST_WORD: Final = (
    " (no tokenizer.json is at hand, and the tokenizer has the last word: where it makes a token "
    "of the blank alone, feed that too)"
)


def form_warnings(
    root: Path, plan: AttemptPlan, data: Sets, begins: AttemptPlan
) -> tuple[str, ...]:
    """What does not fit in the texts of one plan, each with what would mend it; `begins`: the plan
    of the stage that its checkpoint comes from, whose tokenizer it has."""
    found = form_mismatches(plan, data[plan.train.data], data[plan.eval.data])
    return tuple(
        f"{one.message}. {_remedy(one, plan, data, (root, begins))}".rstrip() for one in found
    )


def _remedy(
    one: Mismatch, plan: AttemptPlan, data: Sets, tokenizer: tuple[Path, AttemptPlan]
) -> str:
    if one.gap:
        return _fed(one.gap, plan, data, coder_of(*tokenizer))
    if one.is_awaited:
        return "Leave out answer_after, or put it into the text where the loss reaches it"
    return ""


def _fed(gap: str, plan: AttemptPlan, data: Sets, coder: Coder | str) -> str:
    """A prompt with the gap in it: without the blank behind, or with it, as tokens have it."""
    without = " and leave out answer_after" if plan.eval.answer_after else ""
    taught = 'teach it, with loss = "all"'
    prompts = list(dict.fromkeys(plan.eval.prompt + one for one in (gap.rstrip(), gap)))
    if isinstance(coder, str):
        last_word = _LAST_WORD if len(prompts) > 1 else ""
        return f"Feed it, with prompt = {_quoted(prompts[0])}{without}{last_word}; or {taught}"
    for prompt in prompts:
        if _fits(_with_prompt(plan, prompt), data, coder):
            return f"Feed it, with prompt = {_quoted(prompt)}{without}; or {taught}"
    tried = " nor ".join(map(_quoted, prompts))
    return (
        f"{taught.capitalize()}; or feed it: in the tokens of tokenizer.json neither {tried} as a "
        f"prompt fits the first {_TRIED_ROWS} rows, so that the text has to be another one too"
    )


def _with_prompt(plan: AttemptPlan, prompt: str) -> AttemptPlan:
    return replace(plan, given_eval=replace(plan.eval, prompt=prompt, answer_after=None))


def _fits(plan: AttemptPlan, data: Sets, coder: Coder) -> bool:
    """Whether what is fed ends, in tokens, where the loss begins: of the first rows."""
    whole, asked = data[plan.train.data], data[plan.eval.data]
    few = replace(whole, rows=whole.rows[:_TRIED_ROWS])
    try:
        examples = training_examples(plan, few, coder)
    except DataError:  # told of elsewhere: nothing is known of the seam
        return True
    if any(one.gap for one in form_mismatches(plan, few, asked)):
        return False
    seams = seams_of(plan, few.rows, asked.rows[0], coder.chat)
    return not any(
        seam.fed is None
        or any(token_mismatches(seam.text, seam.fed_text, example, coder, plan.train.max_length))
        for example, seam in zip(examples, seams, strict=True)
    )


def _quoted(text: str) -> str:
    """As TOML has it."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'"{escaped}"'
