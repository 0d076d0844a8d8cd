"""All that is not the same in two arms, and what each of it may come from. Pure.

Responsible for the order: what the model saw, data, start weights, settings, how much training.
Two arms of which one never learned the answer compare nothing else. Left out is what decides
nothing: names of data sets, paths, how often is logged. What an author meant is `arms`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from evidence.encoding.codec import encode
from evidence.records.arms import Arm, ArmKind, NotCompared
from evidence.records.availability import Unavailable
from evidence.records.comparison import Scalar
from evidence.records.inputs import FieldCoverage, SeenRecord
from evidence.records.milestone import DataSpec
from evidence.records.record import Record
from evidence.rules.differences import differences, flat

LEAST_SHARE_APART: Final = 0.05
"""Of rows: where data differ, a field reaches the model in another way from here on, or where it
does so in one arm and not at all in the other."""

DATA: Final = "data"
_TEXT: Final = ("text", "answer", "loss", "append_eos", "format", "learn")
"""Of a data set: how a row becomes text, and where the loss falls."""
_OF_TEXT: Final = tuple(f"{DATA}.{key}" for key in _TEXT)
_OF_TOKENS: Final = (*_OF_TEXT, "tokenizer", "train.max_length")
"""What makes other tokens of the same rows."""
_OF_STEPS: Final = (
    "data.num_rows", "train.epochs", "train.max_steps", "train.batch_size",
    "train.gradient_accumulation",
)  # fmt: skip
_OF_ORDER: Final = (DATA, *_OF_TOKENS, *_OF_STEPS, "train.seed", "budget.steps")
_NO_EFFECT: Final = {
    "train": frozenset({"data", "log_every_steps", "checkpoint_every_steps"}),
    "eval": frozenset({"data", "id_field"}),
    "model": frozenset({"tokenizer", "tokenizer_sha256", "license"}),
}
"""Names and bookkeeping; data sets, tokenizers are compared themselves."""

NO_TRAINING: Final = "one of them has no training"
NO_EVALUATION: Final = "one of them has no evaluation"
NO_MODEL: Final = "one of them names no model"


class Candidate(Record):
    """A difference, before it is known what else differs and what was declared."""

    kind: ArmKind
    name: str
    values: tuple[Scalar, Scalar]
    causes: tuple[str, ...] = ()
    """What it follows from where that differs, by name."""
    misleads: bool = False
    """Said even where its cause is said, unless that was declared."""


Found: TypeAlias = Iterator[Candidate | NotCompared]


def candidates(first: Arm, second: Arm) -> Found:
    """What differs or is not known, in order."""
    yield from _seen(first, second)
    yield from _data(first, second)
    yield from _start(first, second)
    yield from _settings("train", first.train, second.train, NO_TRAINING)
    yield from _evaluation(first, second)
    yield from _budget(first, second)


def _seen(first: Arm, second: Arm) -> Found:
    one, other = first.seen, second.seen
    if isinstance(one, Unavailable):
        yield NotCompared("seen", one.reason)
    elif isinstance(other, Unavailable):
        yield NotCompared("seen", other.reason)
    else:
        yield from _fields(one, other, _have_same_rows(first, second))
        yield from _unlike(
            "seen", "seen.target_share", (_target_share(one), _target_share(other)),
            (DATA, *_OF_TOKENS, "seen"),
        )  # fmt: skip
        streams = (one.stream_sha256, other.stream_sha256)
        yield from _unlike("seen", "seen.order", streams, _OF_ORDER)


def _have_same_rows(first: Arm, second: Arm) -> bool:
    one, other = first.data, second.data
    if isinstance(one, Unavailable) or isinstance(other, Unavailable):
        return False
    return one.sha256_lf == other.sha256_lf and _where(first) == _where(second)


def _where(arm: Arm) -> str:
    """Which rows of its file a training takes, as the milestone says it."""
    asked = {} if arm.text is None else arm.text.where
    told = (f"{field} = {json.dumps(asked[field], ensure_ascii=False)}" for field in sorted(asked))
    return f"rows with {', '.join(told)}" if asked else "all rows"


def _fields(one: SeenRecord, other: SeenRecord, same_rows: bool) -> Found:
    """How far each field reached the model, answers first, and the loss before the rest."""
    sides = [{each.field: each for each in seen.coverage} for seen in (one, other)]
    names = dict.fromkeys((*sides[0], *sides[1]))
    is_answer = {name: any(name in side and side[name].is_answer for side in sides)
                 for name in names}  # fmt: skip
    for name in sorted(names, key=lambda name: not is_answer[name]):
        before, after = sides[0].get(name), sides[1].get(name)
        if before is None or after is None:
            there = tuple("no such field" if side is None else "a field"
                          for side in (before, after))  # fmt: skip
            yield Candidate("seen", f"seen.{name}", (there[0], there[1]), (DATA, *_OF_TEXT))
        else:
            totals = (one.num_rows, other.num_rows)
            yield from _reached(before, after, totals, same_rows)


def _reached(
    before: FieldCoverage, after: FieldCoverage, totals: tuple[int, int], same_rows: bool
) -> Found:
    name = f"seen.{before.field}"
    in_target = (before.num_rows_in_target, after.num_rows_in_target)
    in_sequence = (before.num_rows_in_sequence, after.num_rows_in_sequence)
    cut = (len(before.rows_cut), len(after.rows_cut))
    if _are_apart(in_target, totals, same_rows):
        yield Candidate("seen", f"{name}.loss", _of(in_target, totals), _OF_TOKENS, misleads=True)
    elif _are_apart(in_sequence, totals, same_rows):
        values = _of(in_sequence, totals)
        yield Candidate("seen", f"{name}.sequence", values, _OF_TOKENS, misleads=True)
    if _are_apart(cut, totals, same_rows):
        yield Candidate("seen", f"{name}.cut", _of(cut, totals), (DATA, *_OF_TOKENS))


def _are_apart(counts: tuple[int, int], totals: tuple[int, int], same_rows: bool) -> bool:
    """Of the same rows every one counts; of others, whether it is none, or by far more."""
    if same_rows:
        return counts[0] != counts[1]
    shares = [num / total if total else 0.0 for num, total in zip(counts, totals, strict=True)]
    is_none = [not num for num in counts]
    return is_none[0] != is_none[1] or abs(shares[0] - shares[1]) > LEAST_SHARE_APART


def _of(counts: tuple[int, int], totals: tuple[int, int]) -> tuple[Scalar, Scalar]:
    return f"{counts[0]} of {totals[0]} rows", f"{counts[1]} of {totals[1]} rows"


def _target_share(seen: SeenRecord) -> float | None:
    """Share of the tokens that carry loss."""
    return seen.num_target_tokens / seen.num_tokens if seen.num_tokens else None


def _data(first: Arm, second: Arm) -> Found:
    one, other = first.data, second.data
    if isinstance(one, Unavailable):
        yield NotCompared(DATA, one.reason)
    elif isinstance(other, Unavailable):
        yield NotCompared(DATA, other.reason)
    else:
        # Line ends decide nothing: a row is the same row behind either.
        files = (one.sha256_lf, other.sha256_lf)
        same_file = files[0] == files[1]
        yield from _unlike("data", DATA, (_where(first), _where(second)) if same_file else files)
        yield from _unlike("data", "data.num_rows", (one.num_rows, other.num_rows))
    texts = (_text_of(first.text), _text_of(second.text))
    for row in differences(texts):
        yield Candidate("data", row.key, (row.values[0], row.values[1]))


def _text_of(spec: DataSpec | None) -> dict[str, Scalar]:
    given = {} if spec is None else encode(spec)
    return flat({key: given.get(key) for key in _TEXT}, f"{DATA}.")


def _start(first: Arm, second: Arm) -> Found:
    """By their digests; what the milestone says of the model counts where there are none."""
    start = (first.start_sha256, second.start_sha256)
    reasons = [one.reason for one in start if isinstance(one, Unavailable)]
    if reasons:
        yield NotCompared("start", reasons[0])
    if reasons or start[0] != start[1]:
        values = (str(start[0]), str(start[1]))
        if not reasons:
            yield Candidate("start", "start", values, ("model",), misleads=True)
        yield from _settings("model", first.model, second.model, NO_MODEL)
    tokenizers = (first.tokenizer_sha256, second.tokenizer_sha256)
    for one in tokenizers:
        if isinstance(one, Unavailable):
            yield NotCompared("tokenizer", one.reason)
            return
    # A checkpoint has its tokenizer saved anew, in other bytes.
    files = (str(tokenizers[0]), str(tokenizers[1]))
    yield from _unlike("start", "tokenizer", files, ("start", "model"))


def _settings(room: str, first: Record | None, second: Record | None, reason: str) -> Found:
    """What is stated in a table of the milestone, key by key."""
    if first is None and second is None:
        return
    if first is None or second is None:
        yield NotCompared(room, reason)
        return
    kind: ArmKind = "start" if room == "model" else "setting"
    stated = [_stated(room, encode(one)) for one in (first, second)]
    causes = ("start",) if room == "model" else ()  # it names the weights, which are compared
    for row in differences(stated):
        yield Candidate(kind, row.key, (row.values[0], row.values[1]), causes)


def _stated(room: str, table: Mapping[str, Any]) -> dict[str, Scalar]:
    kept = {key: value for key, value in table.items() if key not in _NO_EFFECT[room]}
    return flat(kept, f"{room}.")


def _evaluation(first: Arm, second: Arm) -> Found:
    yield from _settings("eval", first.evaluation, second.evaluation, NO_EVALUATION)
    if first.evaluation is None or second.evaluation is None:
        return
    one, other = first.evaluation_data, second.evaluation_data
    if isinstance(one, Unavailable):
        yield NotCompared("eval.data", one.reason)
    elif isinstance(other, Unavailable):
        yield NotCompared("eval.data", other.reason)
    else:
        yield from _unlike("setting", "eval.data", (one.sha256_lf, other.sha256_lf))


def _budget(first: Arm, second: Arm) -> Found:
    steps = (first.num_steps, second.num_steps)
    for count in steps:
        if isinstance(count, Unavailable):
            yield NotCompared("budget.steps", count.reason)
            break
    else:
        yield from _unlike("budget", "budget.steps", (_int(steps[0]), _int(steps[1])), _OF_STEPS)
    one, other = first.seen, second.seen
    if isinstance(one, SeenRecord) and isinstance(other, SeenRecord):
        rows = (one.num_rows_fed, other.num_rows_fed)
        yield from _unlike("budget", "budget.rows_fed", rows, (*_OF_STEPS, "budget.steps"))
        tokens, causes = (one.num_tokens, other.num_tokens), (*_OF_ORDER, "budget.rows_fed")
        yield from _unlike("budget", "budget.tokens", tokens, causes)
        targets = (one.num_target_tokens, other.num_target_tokens)
        yield from _unlike("budget", "budget.target_tokens", targets, (*causes, "seen"))


def _int(count: int | Unavailable) -> Scalar:
    return None if isinstance(count, Unavailable) else count


def _unlike(
    kind: ArmKind, name: str, values: tuple[Scalar, Scalar], causes: tuple[str, ...] = ()
) -> Iterator[Candidate]:
    if values[0] != values[1]:
        yield Candidate(kind, name, values, causes)
