"""What no likelihood of a text can be, by the tokenizer, the logits and the probe of the same pack.

Responsible for limits that hold whatever the model is. They are asked for only where it is sure
that the same tokens were fed; what one row says by itself is `likelihood`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from evidence import layout
from evidence.records.inputs import SEAM_CHARS
from evidence.records.run import PredictionRow
from evidence.results.context import journal_at
from evidence.rules import likelihood
from evidence.rules.sampling import NUM_PROBED
from evidence.stages.eval import LOGITS, PREDICTIONS
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import CannotCheckError, Problem

_BACKEND: Final = "transformers"
_MARK: Final = "[redacted:"
_BYTES_OF_A_TOKEN: Final = 12
"""To how many bytes a normaliser makes one at most, outside of ASCII (U+FDFA: 3 become 33)."""
_MOST_CHOICES: Final = 64
"""That a question can have: of a stranger's pack more are not compared with one another."""
_SUM_ROOM: Final = 0.5
"""Of probabilities from several passes in bfloat16; they are at most 1 together."""
_LOGIT_ROOM: Final = 0.5
"""In nats, of one token in two passes in bfloat16."""
_LOSS_ROOM: Final = 0.02
"""Of one mean loss measured twice in float32: of itself, and in nats where it is below 1."""
_SPLITS: Final = (r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\s*[\r\n]+")
"""In a pattern that ends a word behind a line feed; ByteLevel's own one does so, too."""
_BEGINS: Final = re.compile(r"[A-Za-z0-9]")


def limit_problems(evidence: Evidence) -> Problems:
    """Of all predictions of this evaluation that have likelihoods."""
    rows, spec = evidence.documents.rows(PREDICTIONS), evidence.plan.eval
    if evidence.plan.backend != _BACKEND:
        return
    for line, row in enumerate(rows, 1):
        yield from _token_counts(row, f"{layout.PREDICTIONS}#L{line}")
    if _parts_at_line_feeds(evidence):
        highest = _highest(evidence)
        for index, row in enumerate(rows):
            place, given = f"{layout.PREDICTIONS}#L{index + 1}", row.prompt + spec.before_target
            if _is_whole(row) and given.endswith("\n"):
                yield from _sum_of_choices(row, f"{place}/choices/log_likelihoods")
                if spec.before_target == "" and index in highest:
                    yield from _first_tokens(row, highest[index], place)
    yield from _probed_loss(evidence, rows)


def _is_whole(row: PredictionRow) -> bool:
    """Whether nothing was cut out of its texts, and all that is measured begins a word."""
    texts = (row.target, *(row.choices.texts if row.choices else ()))
    whole = not any(_MARK in text for text in (row.prompt, *texts))
    return whole and all(_BEGINS.match(text) for text in texts)


def _token_counts(row: PredictionRow, place: str) -> Iterator[Problem]:
    """A token has a byte of the text at least, and one may stand for the start of a word."""
    counted = [(f"{place}/num_answer_tokens", row.target, row.num_answer_tokens)]
    if row.choices is not None:
        pairs = zip(row.choices.texts, row.choices.num_tokens, strict=False)
        counted += [(f"{place}/choices/num_tokens/{at}", *one) for at, one in enumerate(pairs)]
    for where, said, count in counted:
        factor = 1 if said.isascii() else _BYTES_OF_A_TOKEN
        most = factor * len(said.encode("utf-8")) + 1
        if count is not None and count > most and _MARK not in said:
            yield Problem(where, "more tokens than the text has bytes", f"at most {most}", count)


def _parts_at_line_feeds(evidence: Evidence) -> bool:
    """Whether tokens are bytes of the text, another text is other tokens, and none reaches over a
    line feed into a word: by the final model's tokenizer.json, where there is one."""
    try:
        found = evidence.json(layout.TOKENIZER)
    except CannotCheckError:
        return False
    model = found.get("model") if isinstance(found, dict) else None
    if not isinstance(model, dict) or found.get("normalizer") or model.get("dropout"):
        return False
    added = found.get("added_tokens")
    for one in added if isinstance(added, list) else ():
        if not isinstance(one, dict) or one.get("lstrip") or "\n" in str(one.get("content")):
            return False
    return model.get("type") == "BPE" and _splits(found.get("pre_tokenizer"))


def _splits(found: Any) -> bool:
    """Whether a pre-tokenizer is ByteLevel and parts a line feed from a word."""
    parts = found.get("pretokenizers") if isinstance(found, dict) else None
    parts = parts if isinstance(parts, list) else [found]
    if not all(isinstance(one, dict) for one in parts) or parts[-1].get("type") != "ByteLevel":
        return False
    patterns = [one.get("pattern") for one in parts if one.get("type") == "Split"]
    known = [one.get("Regex") for one in patterns if isinstance(one, dict)]
    said = any(isinstance(one, str) and all(part in one for part in _SPLITS) for one in known)
    return said or parts[-1].get("use_regex") is True


def _sum_of_choices(row: PredictionRow, place: str) -> Iterator[Problem]:
    """Texts of which none begins another exclude one another: their probabilities are at most 1
    together. Of those that begin alike the shortest is taken."""
    if row.choices is None or len(row.choices.texts) > _MOST_CHOICES:
        return
    taken: list[str] = []
    total = 0.0
    pairs = zip(row.choices.texts, row.choices.log_likelihoods, strict=False)
    for text, found in sorted(pairs, key=lambda one: len(one[0])):
        if not text.startswith(tuple(taken)) and found <= 0:
            taken.append(text)
            total += math.exp(found)
    if total > 1 + _SUM_ROOM:
        why = "texts that exclude one another have probabilities of more than one together"
        yield Problem(place, why, "at most 1", f"{total:.6g}")


def _highest(evidence: Evidence) -> dict[int, float]:
    """By index of the prediction: the log-probability of the likeliest token after the prompt."""
    record = evidence.documents.document(LOGITS)
    rows = getattr(record, "rows", ())
    return {one.index: max(one.logits) - one.log_sum_exp for one in rows if one.logits}


def _first_tokens(row: PredictionRow, most: float, place: str) -> Iterator[Problem]:
    """No text is likelier than the token that the model finds likeliest."""
    told = [] if row.answer_loss is None else [(f"{place}/answer_loss", -row.answer_loss)]
    if row.choices is not None:
        where = f"{place}/choices/log_likelihoods"
        told += [(f"{where}/{at}", one) for at, one in enumerate(row.choices.log_likelihoods)]
    for where, found in told:
        if found > most + _LOGIT_ROOM:
            why = "likelier than logits.json has any token after this prompt"
            yield Problem(where, why, f"a log-likelihood of at most {most:.6g}", f"{found!r}")


def _probed_loss(evidence: Evidence, rows: Sequence[PredictionRow]) -> Problems:
    """The probe after training measures the same loss where it is of the same texts and weights."""
    milestone, plan = evidence.documents.milestone, evidence.plan
    train, text = milestone.given_train, evidence.documents.inputs.text
    given = getattr(getattr(text, "seam", None), "probe_given", None)
    measured = [one for one in rows if one.answer_loss is not None and one.num_answer_tokens]
    if train is None or not isinstance(given, str) or not 0 < len(rows) <= NUM_PROBED:
        return
    alike = (
        plan.train.dtype == "float32"
        and not plan.train.keep_best
        and not (milestone.stage or milestone.seeds)
    )
    alike = alike and plan.train.mixed_precision == "no" and len(measured) == len(rows)
    short = len(given) < SEAM_CHARS and given == rows[0].prompt + plan.eval.before_target
    after = [one for one in evidence.events("probe") if one.data["moment"] == "after"]
    if not (alike and short and after) or after[-1].data["num_examples"] != len(rows):
        return
    losses = [one.answer_loss or 0.0 for one in rows]
    counts = [one.num_answer_tokens or 0 for one in rows]
    found, expected = likelihood.mean_loss(losses, counts), after[-1].data["loss"]
    if found is None or not isinstance(expected, int | float):
        return
    if abs(found - expected) > _LOSS_ROOM * max(1.0, expected):
        place, why = journal_at(after[-1], "data", "loss"), "not the mean loss of the predictions"
        yield Problem(place, why, f"about {found!r}", expected)
