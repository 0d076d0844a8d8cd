"""How the evaluation generates: greedily, with nothing else of the model's settings in force.

Responsible for the settings in effect, for the tokens that end an answer and for what is recorded
of both. Generating is a backend's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from transformers import GenerationConfig

from evidence.backends.tokenizer import pad_id
from evidence.encoding.codec import encode
from evidence.records.generation import EndToken, GenerationRecord, Source
from evidence.records.milestone import EvalSpec

_GENERATION_FILE: Final = "generation_config.json"
_TOKENS: Final = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
_NO_SETTING: Final = (
    *_TOKENS,
    "transformers_version",
    "_from_model_config",
    "use_cache",
    "cache_implementation",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "output_logits",
    "return_dict_in_generate",
)
"""Of a generation config: which tokens there are, where it comes from, how it is computed and what
is returned beside the tokens. None of it chooses a token."""


def declared(folder: Path) -> GenerationConfig | None:
    """The generation config that lies in a model's folder; None where none does.

    Settings that transformers refuses are no reason to fail, for generating uses none of them: only
    the tokens are taken then, and what was left out is said.
    """
    if not (folder / _GENERATION_FILE).is_file():
        return None
    try:
        return GenerationConfig.from_pretrained(folder)
    except ValueError as error:
        why = str(error).strip().split("\n", 1)[0]
        print(f"transformers refuses {_GENERATION_FILE}, of which only the tokens are used: {why}")
        return GenerationConfig(**_tokens(json.loads((folder / _GENERATION_FILE).read_bytes())))


def storable(found: GenerationConfig) -> GenerationConfig:
    """A generation config that can be saved: some of the hub are refused by their own library.

    Mostly they set a temperature and do not say that they sample, as their authors mean.
    """
    settings = found.to_dict()
    tokens = _tokens(settings)
    settings = {k: v for k, v in settings.items() if k not in _TOKENS} | tokens
    for tried in (settings, settings | {"do_sample": True}):
        try:
            candidate = GenerationConfig(**tried)
            candidate.validate(strict=True)
        except ValueError:
            continue
        return candidate
    print(f"the model's {_GENERATION_FILE} is refused by transformers: only its tokens are saved")
    return GenerationConfig(**tokens)


def _tokens(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens that a generation config names. The id -1 of some models names none."""
    found = {key: settings.get(key) for key in _TOKENS}
    return {key: ids for key, ids in found.items() if any(one >= 0 for one in _listed(ids))}


def end_tokens(config: Any, declared: GenerationConfig, tokenizer: Any) -> tuple[EndToken, ...]:
    """Every token that generation config, config or tokenizer declare as an end, by id."""
    every: tuple[tuple[Source, Any], ...] = (
        ("generation-config", declared.eos_token_id),
        ("config", getattr(config, "eos_token_id", None)),
        ("config", getattr(config.get_text_config(), "eos_token_id", None)),
        ("tokenizer", tokenizer.eos_token_id),
    )
    found: dict[int, list[Source]] = {}
    for source, ids in every:
        for one in (one for one in _listed(ids) if one >= 0):
            sources = found.setdefault(one, [])
            if source not in sources:
                sources.append(source)
    return tuple(
        EndToken(one, tokenizer.convert_ids_to_tokens(one) or "", tuple(sources))
        for one, sources in sorted(found.items())
    )


def greedy(
    config: Any, declared: GenerationConfig, tokenizer: Any, spec: EvalSpec
) -> tuple[GenerationConfig, GenerationRecord]:
    """A generation config of our own in place of the model's; and what is in it and what not."""
    ends = end_tokens(config, declared, tokenizer)
    own = GenerationConfig(
        max_new_tokens=spec.max_new_tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=pad_id(tokenizer),
        eos_token_id=[one.id for one in ends] or None,
    )
    return own, GenerationRecord(
        settings=_settings(own.to_dict()),
        set_aside=_settings(declared.to_dict()),
        end_tokens=ends,
    )


def recorded(found: GenerationRecord) -> dict[str, Any]:
    """The facts of the journal's event."""
    facts: dict[str, Any] = encode(found)
    return facts


def _listed(ids: Any) -> list[int]:
    if ids is None:
        return []
    return [int(one) for one in (ids if isinstance(ids, (list, tuple)) else [ids])]


def _settings(found: Mapping[str, Any]) -> dict[str, str]:
    """What is in force, each value as JSON text."""
    return {
        name: json.dumps(value, default=str)[:200]
        for name, value in sorted(found.items())
        if value is not None and name not in _NO_SETTING
    }
