"""Whether texts fit a model: ids inside its embedding, lengths inside its context.

Responsible for refusing, before the first step, what would end in an index error deep inside a
kernel, or in positions that the model was never trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from evidence.data.examples import EvalExample
from evidence.data.facts import DataSet
from evidence.data.tokens import Coder, Example
from evidence.records.milestone import EvalSpec
from evidence.worker.interface import StageFailure


def refuse_unfit(
    config: Any,
    num_embedded: int,
    coder: Coder,
    sets: Sequence[tuple[DataSet, Sequence[Example]]],
    asked: Sequence[EvalExample],
    spec: EvalSpec | None,
) -> tuple[str, ...]:
    """Raise StageFailure for texts that the model cannot take; return what it may run past.

    `num_embedded` ids have a row in the model's embedding. `sets`: each data set with its examples.
    """
    prompts = [coder.encode(one.prompt)[0] for one in asked]
    measured = () if spec is None else tuple(_measured(coder, asked, spec))
    asks = [(f"{one.place}: the prompt", ids) for one, ids in zip(asked, prompts, strict=True)]
    _refuse_ids(num_embedded, coder, chain(_fed(sets), asks, measured))
    context = context_tokens(config)
    if context is None:
        return ()
    for what, ids in chain(_fed(sets), asks, measured):
        if len(ids) > context:
            raise StageFailure(
                "bad-data",
                f"{what} has {len(ids)} tokens, and the model's context is {context} "
                "(max_position_embeddings in config.json): lower max_length, or shorten the text",
            )
    return () if spec is None else tuple(_past(context, prompts, spec))


def _fed(
    sets: Sequence[tuple[DataSet, Sequence[Example]]],
) -> Iterator[tuple[str, Sequence[int]]]:
    return (
        (f"{data.place(one.source_row)}: the text", one.ids) for data, rows in sets for one in rows
    )


def _measured(
    coder: Coder, asked: Sequence[EvalExample], spec: EvalSpec
) -> Iterator[tuple[str, list[int]]]:
    """What is fed to measure how likely a text is after a prompt."""
    for one in asked:
        wanted = (one.target,) if "mean_loss" in spec.metrics else ()
        for text in (*wanted, *one.choices):
            what = f"{one.place}: the prompt with its answer or a choice"
            yield what, coder.encode(one.prompt + spec.before_target + text)[0]


def context_tokens(config: Any) -> int | None:
    """The longest sequence that a model has positions for; None where it does not say."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def _past(context: int, prompts: Sequence[Sequence[int]], spec: EvalSpec) -> Iterator[str]:
    longest = max((len(ids) for ids in prompts), default=0)
    if longest + spec.max_new_tokens > context:
        yield (
            f"the longest prompt has {longest} tokens, and with max_new_tokens = "
            f"{spec.max_new_tokens} an output may run past the model's context of {context} tokens"
        )


def _refuse_ids(num_rows: int, coder: Coder, texts: Iterable[tuple[str, Sequence[int]]]) -> None:
    for what, ids in texts:
        outside = next((one for one in ids if not 0 <= one < num_rows), None)
        if outside is not None:
            raise StageFailure(
                "bad-data",
                f"{what} has the token {coder.decode([outside])!r} with id {outside}, and the "
                f"model's embedding has {num_rows} rows (vocab_size in config.json): the tokenizer "
                "is of another model, or the embedding must be enlarged first",
            )
