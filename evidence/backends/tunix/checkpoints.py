"""Checkpoints: weights, state of the optimizer and state of the recorder, in one folder.

Responsible for writing one whole and for going on from it to the same bits. They are made after an
optimizer step, so that gradients that are added up are none of their state.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from evidence.backends.tunix.model import fill, tensors_of
from evidence.backends.tunix.tensors import read_file, write_file
from evidence.worker.recorder import STATE_FILE, Recorder

_WEIGHTS: Final = "model.safetensors"
_OPTIMIZER: Final = "optimizer.safetensors"
_ADDED_UP: Final = "acc_grads"


def save(folder: Path, model: Any, optimizer: Any, recorder: Recorder) -> dict[str, Any]:
    """Write a checkpoint; return the state of the recorder that is in it."""
    if folder.exists():
        shutil.rmtree(folder)  # what a process that was killed had begun
    folder.mkdir(parents=True)
    write_file(folder / _WEIGHTS, tensors_of(model))
    state = {name: np.asarray(one[...]) for name, one in _variables(optimizer)}
    write_file(folder / _OPTIMIZER, state)
    recorded = recorder.state()
    (folder / STATE_FILE).write_text(json.dumps(recorded), encoding="utf-8")
    return recorded


def restore(folder: Path, model: Any, optimizer: Any) -> None:
    """Put weights and state of a checkpoint in place."""
    fill(model, read_file(folder / _WEIGHTS))
    state = read_file(folder / _OPTIMIZER)
    for name, variable in _variables(optimizer):
        variable[...] = jnp.array(state[name])


def recorder_state(folder: Path) -> dict[str, Any]:
    """The state of the recorder in a checkpoint."""
    state: dict[str, Any] = json.loads((folder / STATE_FILE).read_text("utf-8"))
    return state


def _variables(optimizer: Any) -> list[tuple[str, Any]]:
    """Names and variables of an optimizer's state."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(
        optimizer.opt_state, is_leaf=lambda one: isinstance(one, nnx.Variable)
    )
    named = ((jax.tree_util.keystr(path), one) for path, one in leaves)
    return [(name, one) for name, one in named if _ADDED_UP not in name]
