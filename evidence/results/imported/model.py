"""What the files say of the model and the data that it was trained on.

Responsible for names as configurations have them, for counts of an index of weights, and for the
size of embedding tables where the form of the model is known.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.digits import is_sound
from evidence.foreign.facts import Fact
from evidence.foreign.names import key_of
from evidence.records.record import Record
from evidence.records.run import ValueRecord
from evidence.results.context import Values
from evidence.results.imported.lookup import NOT_SAID, Lookup
from evidence.results.imported.places import made_of, not_said, value_of

_MODEL: Final = ("model_name_or_path", "base_model", "model_id", "model_name", "model")
_DATA: Final = (
    *("dataset_name", "dataset", "train_file", "train_data", "data_path", "dataset_path"),
    "loading_dataset_from",
)
_GENERIC: Final = ("dataset", "train", "data", "train_data", "training", "sft")
"""Names of files that say nothing: the folder's says more."""
_PATHLIKE: Final = re.compile(r"[\\/]")
_ROTARY: Final = frozenset(
    (
        *("gemma", "gemma2", "gemma3_text", "llama", "mistral", "mixtral", "qwen2", "qwen3"),
        *("phi3", "olmo", "olmo2", "gpt_neox", "falcon", "stablelm", "starcoder2", "smollm3"),
    )
)
"""Kinds of model that have one embedding table: that of the tokens."""
_INDEX: Final = "no index of weights says it"
DTYPE_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}


class ModelFacts(Record):
    """What the checks of arithmetic need of a model."""

    num_parameters: Fact | None
    total_size: Fact | None
    dtype: Fact | None
    embedding: tuple[int, tuple[Fact, ...]] | None
    """Numbers in all embedding tables, and what tells it."""
    why_not: str = ""


def model_facts(lookup: Lookup) -> ModelFacts:
    """From config.json and the index of the weights, where there is one of each."""
    index = _only(lookup, "safetensors-index")
    config = _only(lookup, "model-config")
    table, why = _embedding(config)
    return ModelFacts(
        num_parameters=index.get("total_parameters"),
        total_size=index.get("total_size"),
        dtype=config.get("dtype") or config.get("torch_dtype"),
        embedding=table,
        why_not=why,
    )


def values(lookup: Lookup, facts: ModelFacts) -> Values:
    """Every `model.*` value, and the name of the training data."""
    yield "model.id", _name(lookup, _MODEL)
    yield "model.revision", _said(lookup.one(("revision", "model_revision")))
    yield "model.num_parameters", _or_unknown(facts.num_parameters, _INDEX, "parameters")
    yield "model.size_bytes", _or_unknown(facts.total_size, _INDEX, "bytes")
    dtype = facts.dtype or lookup.one(("dtype", "torch_dtype"))
    yield "model.dtype", _said(dtype)
    if facts.embedding is None:
        yield "model.num_embedding_parameters", not_said(facts.why_not, "parameters")
    else:
        number, told = facts.embedding
        yield (
            "model.num_embedding_parameters",
            made_of(number, told, "embedding-tables", "parameters"),
        )
    yield "data.train.name", _data_name(lookup)
    yield "data.train.path", _said(lookup.one(_DATA))


def _or_unknown(fact: Fact | None, why: str, unit: str) -> ValueRecord:
    return not_said(why, unit) if fact is None else value_of(fact, unit)


def _said(found: Fact | str) -> ValueRecord:
    return not_said(found, "") if isinstance(found, str) else value_of(found)


def _name(lookup: Lookup, names: tuple[str, ...]) -> ValueRecord:
    """A model by its id: a folder that a program wrote its own into is none."""
    found = lookup.one(names)
    if isinstance(found, Fact) and isinstance(found.value, str):
        return value_of(found)
    return not_said(found if isinstance(found, str) else NOT_SAID, "")


def _data_name(lookup: Lookup) -> ValueRecord:
    found = lookup.one(_DATA)
    if isinstance(found, str):
        return not_said(found, "")
    text = found.text.strip()
    path = PurePosixPath(text.replace("\\", "/"))
    if _PATHLIKE.search(text) is None or not path.suffix:
        return value_of(found)
    stem = path.parent.name if path.stem.lower() in _GENERIC and path.parent.name else path.stem
    return made_of(stem, [found], "name-of-path")


def _only(lookup: Lookup, form: str) -> dict[str, Fact]:
    """Facts of the one file of a form by key; nothing where there are several that differ."""
    sources = lookup.of_format(form)
    if not sources or len({one.text_sha256 for one in sources}) != 1:
        return {}
    return {key_of(fact.name): fact for fact in reversed(sources[0].facts) if len(fact.scope) < 2}


def _embedding(config: dict[str, Fact]) -> tuple[tuple[int, tuple[Fact, ...]] | None, str]:
    kind = config.get("model_type")
    if kind is None:
        return None, "there is no single config.json of a model"
    rows, width = config.get("vocab_size"), config.get("hidden_size") or config.get("n_embd")
    if rows is None or width is None or not (_whole(rows) and _whole(width)):
        return None, "config.json does not say how large the table of tokens is"
    if kind.value in _ROTARY:
        return (int(rows.text) * int(width.text), (rows, width)), ""
    places = config.get("n_positions")
    if kind.value == "gpt2" and places is not None and _whole(places):
        size = (int(rows.text) + int(places.text)) * int(width.text)
        return (size, (rows, places, width)), ""
    return (
        None,
        f"which embedding tables a model of the kind {kind.text[:40]} has is not known here",
    )


def _whole(fact: Fact) -> bool:
    return isinstance(fact.value, int) and is_sound(fact) and fact.value > 0
