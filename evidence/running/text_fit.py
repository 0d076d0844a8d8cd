"""Texts that cannot fit, told by tokenizer.json alone before anything is started.

Responsible for what the worker would refuse once its framework is there: rows that teach no answer
at this max_length, and texts beyond the model's context. Tokens are counted without special ones
and with a margin, so that nothing is refused here that the worker would take. Where there is no
tokenizer.json or no `tokenizers` package, and for large data, the worker says it, and why it was
not looked at before is returned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from evidence.data.examples import EvalExample, training_examples
from evidence.data.facts import DataSet, texts
from evidence.data.tokens import Coder
from evidence.errors import DataError
from evidence.records.run import AttemptPlan

MAX_ROWS: Final = 20_000
MAX_BYTES: Final = 32 << 20
MARGIN_TOKENS: Final = 2
"""By which the worker's tokenizer may count otherwise: it may be built anew from the same
file, with a blank more or less."""
_COUNTED: Final = "(tokens of tokenizer.json, special ones not counted)"


def refuse_unfit_texts(
    root: Path, plan: AttemptPlan, data: DataSet, asked: Sequence[EvalExample]
) -> str:
    """Raise DataError for what the worker is certain to refuse; return why that could not be told,
    or nothing. The model of `plan` is one that is there by now."""
    tables = (plan.given_train, plan.given_eval)
    sets = (plan.data[one.data] for one in tables if one is not None)
    if any(one.format is not None for one in sets):
        return "they are made by a chat template, which the worker has"
    if len(data.rows) > MAX_ROWS or _size_bytes(data) > MAX_BYTES:
        return "its data are too large to be counted beforehand"
    coder = coder_of(root, plan)
    if isinstance(coder, str):
        return coder
    longest = plan.train.max_length
    lenient = replace(plan, given_train=replace(plan.train, max_length=longest + MARGIN_TOKENS))
    try:
        examples = training_examples(lenient, data, coder)
    except DataError:
        try:
            training_examples(plan, data, coder)  # the same, in words that name the real length
        except DataError as error:
            raise DataError(f"{error.message} {_COUNTED}") from error
        return ""
    context = _context_tokens(root, plan)
    if context is not None:
        lengths = [(data.place(one.source_row), min(len(one.ids), longest)) for one in examples]
        _refuse_long(context, lengths, asked, coder)
    return ""


def _refuse_long(
    context: int, fed: Sequence[tuple[str, int]], asked: Sequence[EvalExample], coder: Coder
) -> None:
    prompts = (
        (f"{one.place}: the prompt", len(coder.encode(one.prompt)[0])) for one in asked[:MAX_ROWS]
    )
    rows = ((f"{place}: the text", length) for place, length in fed)
    for what, length in chain(rows, prompts):
        if length > context + MARGIN_TOKENS:
            raise DataError(
                f"{what} has {length} tokens {_COUNTED}, and the model's context is {context} "
                "(config.json): lower max_length, or shorten the text"
            )


def _size_bytes(data: DataSet) -> int:
    """Of the rows as text, whether their file is compressed or not."""
    if data.content.is_text:
        return data.content.size_bytes
    return sum(len(text) for row in data.rows for text in texts(row))


def coder_of(root: Path, plan: AttemptPlan) -> Coder | str:
    """The tokenizer as plain functions, or why there is none."""
    folder = plan.model.tokenizer or plan.model.path
    if folder is None:
        return "its tokenizer is the hub's"
    if not (root / folder / "tokenizer.json").is_file():
        return f"there is no {folder}/tokenizer.json"
    try:
        from tokenizers import Tokenizer  # of the torch extra: a wheel alone goes without

        found = Tokenizer.from_file(str(root / folder / "tokenizer.json"))
    except ImportError:
        return "the package `tokenizers` is not here"
    except Exception:  # whatever is wrong with it, the worker says it in its own words
        return f"{folder}/tokenizer.json cannot be read here"
    found.no_truncation()
    found.no_padding()

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = found.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    return Coder(encode, lambda ids: str(found.decode(list(ids))), None, None)


def _context_tokens(root: Path, plan: AttemptPlan) -> int | None:
    """Positions that config.json declares; None where it says nothing of them."""
    folder = plan.model.config or plan.model.path
    if folder is None:
        return None
    try:
        config: Any = json.loads((root / folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    if isinstance(config, Mapping) and isinstance(config.get("text_config"), Mapping):
        config = config["text_config"]
    names = ("max_position_embeddings", "n_positions")
    declared = [config.get(name) for name in names] if isinstance(config, Mapping) else []
    return next((one for one in declared if isinstance(one, int) and one > 0), None)
