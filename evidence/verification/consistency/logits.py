"""Checks on logits.json: each row by itself, and with the predictions and the model."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from evidence.records.tensors import LogitsRow
from evidence.rules.logits import MAX_PROMPTS, NUM_HIGHEST, kept_ids
from evidence.stages.eval import EVAL, LOGITS, PREDICTIONS
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    config_path,
    differs,
    need,
)
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=EVAL.name)

_ROOM: Final = 1e-3
"""Of a sum over a large vocabulary in single precision, in nats."""


@check("logits", "logits.json tells of the first prompts, in figures that can be logits")
def logits(evidence: Evidence) -> Problems:
    """One row for each of the first predictions, in order, with their num_prompt_tokens; vocab_size
    as config.json has it; ids ascend, are the evenly spread ones and up to 8 more, and have one
    logit each; the log of the sum over all is at least that over the kept, and at most what it
    would be if all others were as high as the highest kept. Else exact."""
    record = need(evidence.documents.document(LOGITS), "the logits were not kept")
    predictions = evidence.documents.rows(PREDICTIONS)
    wanted = min(MAX_PROMPTS, len(predictions))
    place, text = f"{LOGITS.path}#/rows", "not a row for each of the first prompts"
    yield from differs(place, text, wanted, len(record.rows))
    yield from _vocabulary(evidence, record.vocab_size)
    for index, row in enumerate(record.rows):
        where = f"{place}/{index}"
        yield from differs(f"{where}/index", "rows are in order", index, row.index)
        if index < len(predictions):
            text = "the prediction was made after another number of tokens"
            expected = predictions[index].num_prompt_tokens
            yield from differs(f"{where}/num_prompt_tokens", text, expected, row.num_prompt_tokens)
        yield from _row(where, row, record.vocab_size)


def _vocabulary(evidence: Evidence, stated: int) -> Problems:
    try:
        config = evidence.json(config_path(evidence))
    except CannotCheckError:
        return
    part = config.get("text_config") if isinstance(config, dict) else None
    settings = part if isinstance(part, dict) else config
    size = settings.get("vocab_size") if isinstance(settings, dict) else None
    if isinstance(size, int) and stated < size:
        text = "fewer logits than the vocabulary of config.json has words"
        yield Problem(f"{LOGITS.path}#/vocab_size", text, f"at least {size}", stated)


def _row(where: str, row: LogitsRow, vocab_size: int) -> Problems:
    spread = kept_ids(vocab_size, ())
    known = set(row.ids)
    ascending = list(row.ids) == sorted(known)
    if not ascending or not known.issuperset(spread) or max(row.ids) >= vocab_size:
        text = "ids ascend, within the vocabulary, the evenly spread ones among them"
        yield Problem(f"{where}/ids", text)
        return
    if len(row.ids) > len(spread) + NUM_HIGHEST:
        yield Problem(f"{where}/ids", "more than are kept", actual=len(row.ids))
    extra = [at for at, one in enumerate(row.ids) if one not in set(spread)]
    above = sorted(row.logits, reverse=True)[:NUM_HIGHEST]
    low = [at for at in extra if at < len(row.logits) and row.logits[at] < above[-1]]
    if low:
        text = "is kept beside the evenly spread ones, and is none of the highest"
        yield Problem(
            f"{where}/logits/{low[0]}", text, f"at least {above[-1]!r}", row.logits[low[0]]
        )
    if len(row.logits) != len(row.ids):
        text = "not one for each id"
        yield Problem(f"{where}/logits", text, len(row.ids), len(row.logits))
        return
    highest = max(row.logits)
    kept = highest + math.log(math.fsum(math.exp(one - highest) for one in row.logits))
    most = max(kept, highest + math.log(vocab_size))
    if not kept - _ROOM <= row.log_sum_exp <= most + _ROOM:
        text = "no sum over all logits has this logarithm"
        yield Problem(f"{where}/log_sum_exp", text, f"{kept:.6g} to {most:.6g}", row.log_sum_exp)
