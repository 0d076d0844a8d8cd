"""Packs of any size that verify: the toy pack of the tests, grown in one direction at a time.

Responsible for weights of so many bytes, so many further files, so many step rows, so many packs.
Every pack made here is sealed and rendered as a run would leave it: all checks of verify hold.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests/verification"))

from large import long_run, set_parameters  # noqa: E402
from toy import CONFIG, MODEL, toy, write  # noqa: E402
from toy_parts import HIDDEN, VOCAB  # noqa: E402

from evidence import layout  # noqa: E402
from evidence.encoding.digest import sha256_hex  # noqa: E402
from evidence.self_test.forger import FilesElsewhere, ForgedPack  # noqa: E402

MIB = 1 << 20
SHARDS = 3
LAYERS_PER_SHARD = 6
_BLOCK = 16 * MIB
INDEX = f"{layout.FINAL_MODEL}/model.safetensors.index.json"


def pack_with_weights(folder: Path, size_bytes: int) -> Path:
    """The toy with `size_bytes` of float32 weights in three shards, and eight small model files."""
    made = toy()
    del made.files[MODEL]
    shards = _shards(size_bytes)
    made.files[CONFIG] = json.dumps(
        {
            "vocab_size": VOCAB,
            "hidden_size": HIDDEN,
            "num_hidden_layers": SHARDS * LAYERS_PER_SHARD,
        }
    ).encode()
    places = {name: path for path, shapes in shards.items() for name in shapes}
    made.files[INDEX] = json.dumps(
        {
            "metadata": {"total_size": 4 * sum(_elements(s) for s in shards.values())},
            "weight_map": {name: path.rpartition("/")[2] for name, path in places.items()},
        }
    ).encode()
    for name in ("generation_config", "tokenizer_config", "special_tokens_map", "added_tokens"):
        made.files[f"{layout.FINAL_MODEL}/{name}.json"] = b"{}"
    made.files[f"{layout.FINAL_MODEL}/merges.txt"] = b"a b\n"
    large = {path: _write_shard(folder / path, shapes) for path, shapes in shards.items()}
    set_parameters(made, sum(_elements(shapes) for shapes in shards.values()))
    made.docs[layout.WITHHELD]["files"] = [
        {"path": path, "size_bytes": size, "reason": "weights"}
        for path, (size, _) in sorted(large.items())
    ]
    return _seal(made, folder, large)


def pack_with_files(folder: Path, num_files: int, size_bytes: int = 4096) -> Path:
    """The toy with files of `size_bytes` beside the weights of an attempt that did not complete,
    where a run may leave any, until `num_files` lie there."""
    made = toy()
    missing = max(0, num_files - len(made.all_bytes()))
    source = Random(20)
    for number in range(missing):
        path = f"{layout.ATTEMPTS}/01-big/{layout.FINAL_MODEL}/{number:05d}.dat"
        made.files[path] = source.randbytes(size_bytes)
    return _seal(made, folder, {})


def pack_with_steps(folder: Path, num_steps: int) -> Path:
    """The toy with `num_steps` optimizer steps, a multiple of 10, or of 10,000 above 100,000."""
    return long_run(folder, num_steps)


def many_packs(runs: Path, num_packs: int) -> None:
    """Small packs of as many milestones, in `runs`. Losses, times and memory differ in each."""
    for number in range(num_packs):
        name = milestone_of(number)
        made = toy()
        text = made.files[layout.MILESTONE].decode().replace('"M90"', f'"{name}"')
        made.files[layout.MILESTONE] = text.encode()
        made.docs[layout.MANIFEST]["milestone"] = name
        began = made.event("run-started")["data"]
        began |= {"milestone": name, "milestone_sha256": sha256_hex(text.encode())}
        for row in made.docs[layout.METRICS]:
            row["loss"] += number * 1e-4
        for row in made.docs[layout.TELEMETRY]:
            row["rss_bytes"] += number
        write(runs / name, made.seal().all_bytes())


def milestone_of(number: int) -> str:
    """Id of one of many milestones, which is the name of its pack's folder too."""
    return f"B{number:03d}"


def _shards(size_bytes: int) -> dict[str, dict[str, list[int]]]:
    """Shapes by tensor name by file."""
    num_layers = SHARDS * LAYERS_PER_SHARD
    rows = max(1, (size_bytes // 4 - VOCAB * HIDDEN) // (num_layers * HIDDEN))
    found: dict[str, dict[str, list[int]]] = {}
    for shard in range(SHARDS):
        shapes = {"model.embed_tokens.weight": [VOCAB, HIDDEN]} if shard == 0 else {}
        for layer in range(shard * LAYERS_PER_SHARD, (shard + 1) * LAYERS_PER_SHARD):
            shapes[f"model.layers.{layer}.mlp.weight"] = [rows, HIDDEN]
        name = f"model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        found[f"{layout.FINAL_MODEL}/{name}"] = shapes
    return found


def _elements(shapes: Mapping[str, list[int]]) -> int:
    return sum(rows * columns for rows, columns in shapes.values())


def _write_shard(path: Path, shapes: Mapping[str, list[int]]) -> tuple[int, str]:
    """Size and digest of what was written: one random block, over and over."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, shape in shapes.items():
        end = position + 4 * shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [position, end]}
        position = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    start = struct.pack("<Q", len(encoded)) + encoded
    block = Random(path.name).randbytes(_BLOCK)
    state = sha256(start)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(start)
        for begin in range(0, position, _BLOCK):
            piece = memoryview(block)[: min(_BLOCK, position - begin)]
            state.update(piece)
            stream.write(piece)
    return len(start) + position, state.hexdigest()


def _seal(made: ForgedPack, folder: Path, large: Mapping[str, tuple[int, str]]) -> Path:
    """Seal values together with files that lie in the folder already: path to size, digest."""
    made.original = FilesElsewhere(
        digests={path: digest for path, (_, digest) in large.items()},
        sizes={path: size for path, (size, _) in large.items()},
    )
    return write(folder, made.seal().all_bytes())
