"""What a model's folder tells before anything of it is loaded: whether it can be trained on at all.

Responsible for one sentence a reason, each with what to do. Imports no ML framework: the classes
that the installed transformers has are read from its source. What only a loaded model tells is
said by the worker.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from evidence.data.read import LFS_POINTER
from evidence.records.milestone import ModelSpec

Unfit = tuple[str, str, str]
"""(key of the model's table, what is wrong, what to do)."""

ENCODERS: Final = frozenset(
    (
        "bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie",
        "megatron-bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer",
        "xlm-roberta", "xlm-roberta-xl", "xmod",
    )
)  # fmt: skip
"""Types that have a causal class, and see every token unless `is_decoder` is set."""
_AUTO: Final = ("models", "auto", "modeling_auto.py")
_CAUSAL: Final = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"
_SEQUENCES: Final = "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES"
_TOKENIZERS: Final = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json",
    "vocab.txt", "tekken.json",
)  # fmt: skip
_TEMPLATES: Final = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")
_OF_TOKENIZER: Final = ("tokenizer_config.json", "special_tokens_map.json", *_TOKENIZERS)
_OF_CONFIG: Final = ("config.json", "generation_config.json")
_ACTIVATIONS: Final = ("hidden_act", "hidden_activation", "activation_function")
_PULL: Final = "`git lfs pull` brings the file."
_COPY: Final = "Mend it, or copy it anew from where the model comes from."
_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt")
TAKE_ANOTHER: Final = "Take a decoder with float weights, such as Llama, Gemma, Qwen or GPT-2."
_OTHER_HEADS: Final = {
    "ForSequenceClassification": "it classifies or rates texts",
    "ForTokenClassification": "it classifies tokens",
    "ForQuestionAnswering": "it marks answers in a text",
    "ForMultipleChoice": "it chooses among texts",
}
"""Ends of names of classes whose weights have a head that a causal model has no use for."""
RECORD_IT: Final = (
    "Or train it with a program of your own and seal that: `evidence record ID -- python train.py`."
)
_MERGE: Final = (
    "Take the model that it is for; or train it with merge = true in [train.lora], which leaves a "
    "whole model."
)
_CONVERT: Final = (
    "Convert it where you trust it: load it with transformers, then save_pretrained(FOLDER)."
)


def _of_cache(spec: ModelSpec) -> Iterator[Unfit]:
    """Of a model whose configuration was downloaded before; the hub itself is not asked."""
    if spec.id is None or find_spec("huggingface_hub") is None:
        return
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(spec.id, "config.json", revision=spec.revision or "main")
    except ValueError:  # a name that no repository can have: who downloads it says so
        return
    config = _read(Path(found)) if isinstance(found, str) else {}
    reason = why_not_causal(config, causal_types(), sequence_types()) if config else ""
    if reason:
        yield "id", f"{spec.id}: {reason}", f"{TAKE_ANOTHER} {RECORD_IT}"


def has_chat_template(folder: Path) -> bool:
    """Whether a tokenizer that is saved there brings a chat template along."""
    if any((folder / name).exists() for name in _TEMPLATES):
        return True
    try:
        found = json.loads((folder / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, Mapping) and bool(found.get("chat_template"))


def unfit(root: Path, spec: ModelSpec) -> Iterator[Unfit]:
    """Why the folders of a model cannot be trained on; of one on the hub, what its cache tells."""
    folder = spec.path or spec.config
    if folder is None:
        yield from _of_cache(spec)
        return
    key = "path" if spec.path else "config"
    if (root / folder / "adapter_config.json").is_file():
        text = f"{folder} is an adapter (adapter_config.json), which is no model without its base"
        yield key, text, _MERGE
        return
    broken = [*_unreadable(root, folder, key, _OF_CONFIG)]
    if spec.path is not None:
        weights = sorted(one.name for one in (root / spec.path).glob("model*.safetensors*"))
        broken += _unreadable(root, spec.path, key, weights)
    tokens, named = spec.tokenizer or spec.path, "tokenizer" if spec.tokenizer else "path"
    broken += [] if tokens is None else _unreadable(root, tokens, named, _OF_TOKENIZER)
    if broken:
        yield from broken
        return
    config = _read(root / folder / "config.json")
    reason = why_not_causal(config, causal_types(), sequence_types())
    if reason:
        yield key, f"{folder}: {reason}", f"{TAKE_ANOTHER} {RECORD_IT}"
    yield from _settings(f"{folder}/config.json", config, key)
    if spec.path is not None:
        yield from _files(root / spec.path, spec)
    tokenizer = spec.tokenizer or spec.path
    if tokenizer is not None:
        yield from _ids(root / tokenizer, config, "tokenizer" if spec.tokenizer else "path")


def why_not_causal(
    config: Mapping[str, Any], causal: frozenset[str], sequences: frozenset[str] = frozenset()
) -> str:
    """Why a configuration is not that of a causal language model with float weights.

    `causal` and `sequences` are the types that transformers has such classes for; where nothing is
    known of them they are empty.
    """
    kind = config.get("model_type")
    is_decoder = config.get("is_decoder") is True
    both = config.get("is_encoder_decoder", kind in sequences and not is_decoder)
    if config.get("quantization_config"):
        return "its weights are quantised, which cannot be trained on"
    if both is True:
        return f"it is an encoder-decoder ({kind}), and only decoders can be trained on here"
    if kind in ENCODERS and not is_decoder:
        return f"it is an encoder ({kind}), which sees the tokens that it is to predict"
    for name in _names(config.get("architectures")):
        head = next((end for end in _OTHER_HEADS if name.endswith(end)), None)
        if head is not None:
            return (
                f"{_OTHER_HEADS[head]} ({name}), and only models that write text are trained here"
            )
    if causal and kind not in causal:
        if kind is None:
            return "it names no model_type, so that nobody knows which class of model it is"
        return f"it is of the type {kind!r}, which is no causal language model of transformers here"
    return ""


def _names(value: object) -> tuple[str, ...]:
    """Names in a list of a configuration; none where it is something else."""
    return tuple(map(str, value)) if isinstance(value, list) else ()


def causal_types() -> frozenset[str]:
    """Model types that the installed transformers has a causal class for; empty without it."""
    return _classes(_CAUSAL)


def sequence_types() -> frozenset[str]:
    """Those that it has an encoder-decoder for."""
    return _classes(_SEQUENCES)


@cache
def _classes(name: str) -> frozenset[str]:
    """Model types of one of transformers' tables of classes; empty where there is none here."""
    table = _table(_AUTO, name)
    pairs = () if table is None else (one for one in ast.walk(table) if isinstance(one, ast.Tuple))
    firsts = (one.elts[0] for one in pairs if len(one.elts) == 2)
    return frozenset(str(one.value) for one in firsts if isinstance(one, ast.Constant))


def _table(path: Sequence[str], name: str) -> ast.expr | None:
    """What a module of the installed transformers assigns to a name, read and never run."""
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return None
    source = Path(spec.origin).parent.joinpath(*path)
    if not source.is_file():
        return None
    for node in ast.parse(source.read_bytes()).body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            return node.value if isinstance(node, ast.Assign) else None
    return None


def _settings(place: str, config: Mapping[str, Any], key: str) -> Iterator[Unfit]:
    """Settings that no model can be made of: unknown activations, heads that do not go into each
    other."""
    part = config.get("text_config")
    settings = part if isinstance(part, dict) else config
    heads, shared = (settings.get(f"num_{one}_heads") for one in ("attention", "key_value"))
    if isinstance(heads, int) and isinstance(shared, int) and shared > 0 and heads % shared:
        text = f"num_attention_heads is {heads}, no multiple of num_key_value_heads, {shared}"
        yield key, f"{place}: {text}", "Each key and value head serves the same number of heads."
    known = _known_activations()
    for name in _ACTIVATIONS:
        value = settings.get(name)
        if known and isinstance(value, str) and value not in known:
            close = get_close_matches(value, known, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
            yield key, f"{place}: {name} is {value!r}, which transformers does not know", hint


@cache
def _known_activations() -> tuple[str, ...]:
    """Names of transformers' table of activation functions; empty where there is none here."""
    table = _table(("activations.py",), "ACT2CLS")
    keys = table.keys if isinstance(table, ast.Dict) else ()
    return tuple(sorted(str(one.value) for one in keys if isinstance(one, ast.Constant)))


def _unreadable(root: Path, folder: str, key: str, names: Iterable[str]) -> Iterator[Unfit]:
    """Those files of a folder that are not what their names say, so that loading would fail."""
    for name in names:
        path = root / folder / name
        if not path.is_file():
            continue
        with path.open("rb") as stream:
            is_pointer = stream.read(len(LFS_POINTER)) == LFS_POINTER
        if is_pointer:
            yield key, f"{folder}/{name} is a Git LFS pointer, not the file itself", _PULL
        elif path.suffix == ".json" and (why := _why_no_object(path)):
            yield key, f"{folder}/{name}{why}", _COPY


def _why_no_object(path: Path) -> str:
    try:
        found = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        return f":{error.lineno}: not JSON: {error.msg} (column {error.colno})"
    except (ValueError, RecursionError):
        return ": not JSON in UTF-8"
    return "" if isinstance(found, dict) else ": holds no JSON object"


def _read(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where there is none that can be read: loading will say why."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _files(folder: Path, spec: ModelSpec) -> Iterator[Unfit]:
    names = {path.name for path in folder.iterdir()}
    endings = {Path(name).suffix for name in names}
    if ".safetensors" not in endings:
        pickles = sorted(name for name in names if Path(name).suffix in _PICKLES)
        if pickles:
            text = f"{spec.path} has its weights as {pickles[0]} only, a pickle, which can run code"
            yield "path", text, _CONVERT
        elif ".gguf" in endings:
            text = f"{spec.path} has quantised weights (.gguf) only, which cannot be trained on"
            yield "path", text, TAKE_ANOTHER
        else:
            text = f"{spec.path} has no weights (no .safetensors file)"
            hint = "Copy them there, or name the folder as `config` for random weights."
            yield "path", text, hint
    if spec.tokenizer is None and not names.intersection(_TOKENIZERS):
        text = f"{spec.path} has no tokenizer (no tokenizer.json)"
        hint = "Copy the model's tokenizer there, or name its folder as `tokenizer`."
        yield "path", text, hint


def _ids(folder: Path, config: Mapping[str, Any], key: str) -> Iterator[Unfit]:
    """Words that the embedding has no row for. Added tokens need not: text may never use them."""
    part = config.get("text_config")
    rows = (part if isinstance(part, dict) else config).get("vocab_size")
    model = _read(folder / "tokenizer.json").get("model")
    words = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(words, dict):
        highest = max((one for one in words.values() if isinstance(one, int)), default=0)
    else:
        highest = len(words) - 1 if isinstance(words, list) else 0
    if isinstance(rows, int) and highest >= rows:
        text = f"its tokenizer has the id {highest}, and the model's embedding ends at {rows - 1}"
        yield key, text, "Take the tokenizer that belongs to this model."
