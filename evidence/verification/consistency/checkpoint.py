"""Checks on the final model: headers, counts, configuration, digests. No tensor is loaded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.inputs import FileDigest, ModelRecord, TensorRecord
from evidence.records.training import saves_adapter
from evidence.results.context import journal_at
from evidence.stages.train import TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown
from evidence.verification.reading.safetensors_header import BITS_OF, Header, Tensor

check = partial(registry.check, kind=TRAIN.name)


CONFIG: Final = layout.CONFIG
INDEX: Final = f"{layout.FINAL_MODEL}/model.safetensors.index.json"
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks?)\.(\d{1,6})\.")
_EMBEDDING: Final = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings)\.weight$")
_HEAD: Final = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.weight$")
_EMBEDDING_WIDTH: Final = re.compile(r"embedding_size$|embed_proj_dim$|embed(?:ding)?_dim$")
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
    value = evidence.json(path)
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
    inputs.model.num_parameters + those of its buffers; the embedding tables and buffers it names
    are among the tensors, and the tables' sum is num_embedding_parameters; every float tensor in
    the dtype of training, num_kept_in_float32 aside. Exact. The sealed size of the files, withheld
    or not, holds that many parameters. An adapter's are those of adapter.json (adapter-tensors)."""
    if saves_adapter(evidence.plan.train):
        return
    model = need(evidence.documents.inputs.model, "the model is not known")
    wanted = evidence.plan.train.dtype
    if any(path not in evidence.headers for path in _weights(evidence)):
        yield from _sizes(evidence, model, wanted)
    tensors = _tensors(evidence)
    yield from parameter_problems(model, tensors)
    yield from dtype_problems(model, tensors, _DTYPES[wanted])


def _sizes(evidence: Evidence, model: ModelRecord, dtype: str) -> Problems:
    size_bytes = sum(evidence.documents.sizes[path] for path in _weights(evidence))
    most = size_bytes * 8 // BITS_OF[_DTYPES[dtype]]
    if model.num_parameters > most:
        text = f"the files of the weights have {size_bytes} bytes, too few for so many parameters"
        place = f"{layout.INPUTS}#/model/num_parameters"
        yield Problem(place, text, f"at most {most}", model.num_parameters)


def parameter_problems(model: ModelRecord, tensors: Mapping[str, Tensor]) -> Problems:
    """What is wrong with the counts of a model, held against the tensors that were saved."""
    place = f"{layout.INPUTS}#/model"
    total = sum(tensor.num_elements for tensor in tensors.values())
    of_buffers = sum(buffer.num_elements for buffer in model.buffers)
    text = "another number than the tensors of the final model have"
    yield from differs(f"{place}/num_parameters", text, total - of_buffers, model.num_parameters)
    for key in ("embedding_tables", "buffers"):
        yield from _named(f"{place}/{key}", getattr(model, key), tensors)
    text, found = "not the sum of the embedding tables", model.num_embedding_parameters
    if model.embedding_tables:
        counted = sum(table.num_elements for table in model.embedding_tables)
        yield from differs(f"{place}/num_embedding_parameters", text, counted, found)
    known = {table.name for table in model.embedding_tables}
    tables = {name: t for name, t in tensors.items() if _EMBEDDING.search(name)}
    text = "another number than the embedding of the final model has"
    if not known and len(tables) == 1 and not any(map(_POSITIONS.search, tensors)):
        (only,) = tables.values()
        yield from differs(f"{place}/num_embedding_parameters", text, only.num_elements, found)
    elif known:
        sizes = {table.num_elements for table in model.embedding_tables}
        for name, table in sorted(tables.items()):
            if table.num_elements not in sizes:
                text = f"{shown(name)} is not counted among the embedding tables"
                yield Problem(f"{place}/embedding_tables", text)


def _named(place: str, named: Sequence[TensorRecord], tensors: Mapping[str, Tensor]) -> Problems:
    """Each is among the tensors: by its name, or by its size where it was saved under another."""
    names = {one.name for one in named}
    others = Counter(t.num_elements for name, t in tensors.items() if name not in names)
    for index, one in enumerate(named):
        tensor = tensors.get(one.name)
        if tensor is not None:
            text = f"another number than {shown(one.name)} of the final model has"
            address = f"{place}/{index}/num_elements"
            yield from differs(address, text, tensor.num_elements, one.num_elements)
        elif not others[one.num_elements]:
            text = f"the final model has no {shown(one.name)}, nor a tensor of its size"
            yield Problem(f"{place}/{index}", text)
        else:
            others[one.num_elements] -= 1


def dtype_problems(model: ModelRecord, tensors: Mapping[str, Tensor], wanted: str) -> Problems:
    """Float tensors in another number format than training has; buffers have their own."""
    buffers = {buffer.name: buffer.num_elements for buffer in model.buffers}
    renamed = sum(count for name, count in buffers.items() if name not in tensors)
    others = {
        name: tensor
        for name, tensor in sorted(tensors.items())
        if tensor.dtype in _DTYPES.values() and tensor.dtype != wanted and name not in buffers
    }
    kept, found = model.num_kept_in_float32, 0
    if all(tensor.dtype == "F32" for tensor in others.values()):
        found = sum(tensor.num_elements for tensor in others.values())
        if kept <= found <= kept + renamed:
            return
    if kept:
        text = "another number of the final model's parameters are float32"
        yield Problem(f"{layout.INPUTS}#/model/num_kept_in_float32", text, str(found), str(kept))
        return
    for name, tensor in others.items():
        text = f"the tensor {shown(name)} has another dtype than training"
        yield Problem(layout.FINAL_MODEL, text, wanted, tensor.dtype)


@check("checkpoint-config", "the shapes of the weights are those of config.json")
def checkpoint_config(evidence: Evidence) -> Problems:
    """The token embedding is vocab_size × hidden_size, or a width that config.json names for
    embeddings; where an output head of its own has vocab_size rows, it may have further ones,
    which are read and never predicted. As many layers as num_hidden_layers, where several stacks
    have layers in one of them. Exact, where config.json names them. Code that loading would run
    (auto_map) is refused. The layers of an adapter are those of adapter.json."""
    yield from _runs_code(evidence)
    if saves_adapter(evidence.plan.train):
        return
    yield from shape_problems(_json(evidence, CONFIG), _tensors(evidence))


def shape_problems(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Problems:
    """Shapes that config.json denies."""
    text_config, place = config.get("text_config"), f"{CONFIG}#"
    shape = config
    if isinstance(text_config, dict):
        shape, place = text_config, f"{place}/text_config"
    vocabulary, hidden = shape.get("vocab_size"), shape.get("hidden_size")
    own = {v for key, v in shape.items() if _EMBEDDING_WIDTH.search(key) and isinstance(v, int)}
    predicted = {t.shape for name, t in tensors.items() if _HEAD.search(name)}
    for name, tensor in sorted(tensors.items()):
        if _EMBEDDING.search(name) and vocabulary is not None and hidden is not None:
            text, found = f"the shape of {shown(name)} is another", list(tensor.shape)
            expected = [vocabulary, hidden]
            if (
                _is_in(predicted, vocabulary, hidden)
                and found[1:] == [hidden]
                and found[0] > vocabulary
            ):
                continue  # rows for what is read and never predicted, such as where an image begins
            if found[:1] != [vocabulary] or len(found) != 2 or found[1] not in own:
                yield from differs(f"{place}/vocab_size", text, expected, found)
    stacks: dict[str, set[int]] = {}
    for name in tensors:
        if match := _LAYER.search(name):
            stacks.setdefault(name[: match.start()], set()).add(int(match[1]))
    stated = shape.get("num_layers_per_stack") or shape.get("num_hidden_layers")  # run repeatedly
    if stacks and stated is not None:
        expected = list(range(_bounded(stated)))
        if expected not in map(sorted, stacks.values()):
            found = sorted(next(iter(stacks.values())))
            text = "the weights have other layers"
            yield from differs(f"{place}/num_hidden_layers", text, found, expected)


def _is_in(shapes: Collection[tuple[int, ...]], rows: object, width: object) -> bool:
    return isinstance(rows, int) and isinstance(width, int) and (rows, width) in shapes


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
