"""Checks on the final model: headers, counts, configuration, digests. No tensor is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.inputs import FileDigest
from evidence.results.context import journal_at
from evidence.stages.train import TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown
from evidence.verification.reading.safetensors_header import BITS_OF, Header, Tensor

check = partial(registry.check, kind=TRAIN.name)


CONFIG: Final = f"{layout.FINAL_MODEL}/config.json"
INDEX: Final = f"{layout.FINAL_MODEL}/model.safetensors.index.json"
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks?)\.(\d{1,6})\.")
_EMBEDDING: Final = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings)\.weight$")
_POSITIONS: Final = re.compile(
    r"(?:^|\.)(?:wpe|embed_positions|(?:position|token_type)_embeddings)\."
)
_RUNS_CODE: Final = frozenset(("auto_map", "trust_remote_code"))
_DTYPES: Final = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}


def _weights(evidence: Evidence) -> list[str]:
    _ = evidence.plan
    paths = [
        path
        for path in sorted(evidence.documents.digests)
        if path.startswith(f"{layout.FINAL_MODEL}/") and path.endswith(".safetensors")
    ]
    if not paths:
        raise CannotCheckError("there is no safetensors file of the final model")
    return paths


def _headers(evidence: Evidence) -> dict[str, Header]:
    paths = _weights(evidence)
    absent = [path for path in paths if path not in evidence.headers]
    if absent:
        raise CannotCheckError(f"{absent[0]} is not in this copy")
    return {path: evidence.safetensors(path) for path in paths}


def _tensors(evidence: Evidence) -> dict[str, Tensor]:
    """All tensors of all files by name; the first one where a name comes twice."""
    found: dict[str, Tensor] = {}
    for header in _headers(evidence).values():
        for name, tensor in header.tensors.items():
            found.setdefault(name, tensor)
    return found


def _json(evidence: Evidence, path: str) -> dict[str, Any]:
    data = evidence.contents.get(path)
    if data is None:
        raise CannotCheckError(f"{path} is not there")
    try:
        value = jsonio.load_document(data)
    except MalformedError as error:
        raise CannotCheckError(f"{path}: {error.message}") from error
    if not isinstance(value, dict):
        raise CannotCheckError(f"{path} is no JSON object")
    return value


@check("checkpoint-files", "the final model's files are those the worker saved")
def checkpoint_files(evidence: Evidence) -> Problems:
    """Paths, sizes and SHA-256 of the journal's final-model event = the sealed files below
    training_output/final_model. Exact."""
    _ = evidence.plan
    events = evidence.events("final-model")
    if not events:
        raise CannotCheckError("the journal names no final model")
    files = decode(tuple[FileDigest, ...], events[-1].data["files"])
    place = journal_at(events[-1], "data", "files")
    digests, sizes = evidence.documents.digests, evidence.documents.sizes
    sealed = {path for path in digests if path.startswith(f"{layout.FINAL_MODEL}/")}
    saved = {file.path for file in files}
    for path in sorted(sealed - saved):
        yield Problem(path, "is not among the files that the worker saved")
    for index, file in enumerate(files):
        if file.path not in sealed:
            yield Problem(f"{place}/{index}", f"names {shown(file.path)}, which is not sealed")
            continue
        text = f"another digest than {file.path} has"
        yield from differs(f"{place}/{index}/sha256", text, digests[file.path], file.sha256)
        text = f"another size than {file.path} has"
        size = sizes.get(file.path)
        yield from differs(f"{place}/{index}/size_bytes", text, size, file.size_bytes)


@check("checkpoint-header", "the safetensors files are whole: no overlap, hole, rest or odd shape")
def checkpoint_header(evidence: Evidence) -> Problems:
    """Form of each header (safetensors_header.py); no tensor in two files; the index, where there
    is one, maps each tensor to its file and names the sum of their bytes. Exact."""
    headers = _headers(evidence)
    place_of: dict[str, str] = {}
    for path, header in headers.items():
        yield from header.problems
        for name in header.tensors:
            if place_of.setdefault(name, path) != path:
                text = f"the tensor {shown(name)} is in {place_of[name]} too"
                yield Problem(path, text)
    if INDEX in evidence.contents:
        index = _json(evidence, INDEX)
        expected = {name: path.rpartition("/")[2] for name, path in place_of.items()}
        text = "does not map every tensor to the file that holds it"
        if index.get("weight_map") != expected:
            yield Problem(f"{INDEX}#/weight_map", text)
        metadata = index.get("metadata")
        if isinstance(metadata, dict) and "total_size" in metadata:
            total = sum(_size(t) for header in headers.values() for t in header.tensors.values())
            place = f"{INDEX}#/metadata/total_size"
            yield from differs(place, "not the sum", total, int(metadata["total_size"]))
    elif len(headers) > 1:
        yield Problem(INDEX, "several safetensors files need an index")


def _size(tensor: Tensor) -> int:
    return tensor.num_elements * BITS_OF[tensor.dtype] // 8


@check("checkpoint-parameters", "the weights have as many parameters as the model that was loaded")
def checkpoint_parameters(evidence: Evidence) -> Problems:
    """Sum of elements over all tensors (tied embeddings are saved, and counted, once) =
    inputs.model.num_parameters; the embedding's elements = num_embedding_parameters where its
    name is known; every float tensor in the dtype of training. Exact."""
    model = need(evidence.documents.inputs.model, "the model is not known")
    tensors = _tensors(evidence)
    total = sum(tensor.num_elements for tensor in tensors.values())
    place = f"{layout.INPUTS}#/model"
    text = "another number than the tensors of the final model have"
    yield from differs(f"{place}/num_parameters", text, total, model.num_parameters)
    tables = [t.num_elements for name, t in tensors.items() if _EMBEDDING.search(name)]
    # Models with tables of positions count those as embeddings or not; only one table is sure.
    if len(tables) == 1 and not any(map(_POSITIONS.search, tensors)):
        text = "another number than the embedding of the final model has"
        found = model.num_embedding_parameters
        yield from differs(f"{place}/num_embedding_parameters", text, tables[0], found)
    wanted = _DTYPES[evidence.plan.train.dtype]
    for name, tensor in sorted(tensors.items()):
        if tensor.dtype in _DTYPES.values() and tensor.dtype != wanted:
            text = f"the tensor {shown(name)} has another dtype than training"
            yield Problem(layout.FINAL_MODEL, text, wanted, tensor.dtype)


@check("checkpoint-config", "the shapes of the weights are those of config.json")
def checkpoint_config(evidence: Evidence) -> Problems:
    """The token embedding is vocab_size × hidden_size; as many layers as num_hidden_layers. Exact,
    where config.json names them. Code that loading would run (auto_map) is refused."""
    yield from _runs_code(evidence)
    _ = evidence.plan
    config = _json(evidence, CONFIG)
    text_config, place = config.get("text_config"), f"{CONFIG}#"
    shape: Mapping[str, Any] = config
    if isinstance(text_config, dict):
        shape, place = text_config, f"{place}/text_config"
    tensors = _tensors(evidence)
    vocabulary, hidden = shape.get("vocab_size"), shape.get("hidden_size")
    for name, tensor in sorted(tensors.items()):
        if _EMBEDDING.search(name) and vocabulary is not None and hidden is not None:
            text = f"the shape of {shown(name)} is another"
            yield from differs(
                f"{place}/vocab_size", text, [vocabulary, hidden], list(tensor.shape)
            )
    layers = {int(match[1]) for name in tensors if (match := _LAYER.search(name))}
    stated = shape.get("num_hidden_layers")
    if layers and stated is not None:
        text = "the weights have other layers"
        yield from differs(
            f"{place}/num_hidden_layers", text, sorted(layers), list(range(_bounded(stated)))
        )


def _bounded(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= 10_000 else 0


def _runs_code(evidence: Evidence) -> Problems:
    """Every file is looked at before one that cannot be read ends the check: none hides another.

    But for tokenizer.json: its keys are words, any word may be one, and it loads no code.
    """
    unreadable = ""
    for path in sorted(evidence.contents):
        if not path.startswith(f"{layout.FINAL_MODEL}/") or path == layout.TOKENIZER:
            continue
        data = evidence.contents[path]
        try:
            asked = sorted(_RUNS_CODE & _keys(jsonio.load_document(data)))
        except MalformedError as error:
            # What stands in it cannot be told apart, so that its very words count, escaped or not.
            asked = sorted(key for key in _RUNS_CODE if key.encode() in data or b"\\u" in data)
            unreadable = unreadable or f"{path}: {error.message}"
        for key in asked:
            text = "asks for code to be loaded with the model"
            yield Problem(f"{path}#/{key}", text, severity="refused", code="runs-code")
    if unreadable:
        raise CannotCheckError(unreadable)


def _keys(value: Any) -> set[str]:
    """Every key at any depth, which the strict reader bounds."""
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()
