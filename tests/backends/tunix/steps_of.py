"""Under JAX: the steps that our optimizers take with the gradients of a file, into another."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evidence.backends.tunix import optimizer
from evidence.encoding.codec import decode
from evidence.records.training import TrainSpec


def main(given: Path, output: Path) -> None:
    arrays = np.load(given)
    cases = json.loads(given.with_suffix(".json").read_text())
    found: dict[str, Any] = {}
    for case, settings in cases.items():
        spec = decode(TrainSpec, settings["train"])
        found |= {f"{case}/{key}": one for key, one in steps(case, arrays, spec, settings)}
    np.savez(output, **found)


def steps(case: str, arrays: Any, spec: TrainSpec, settings: dict[str, Any]) -> Any:
    names, dtype = settings["names"], jnp.dtype(spec.dtype)
    chain = optimizer.optimizer_of_tensors(spec)

    def single(tree: Any) -> Any:
        return jax.tree.map(lambda one: one.astype(jnp.float32), tree)

    @jax.jit
    def step(tensors: Any, gradients: Any, state: Any, rate: Any) -> Any:
        state = jax.tree.map(
            lambda one: optimizer.RateState(rate) if isinstance(one, optimizer.RateState) else one,
            state,
            is_leaf=lambda one: isinstance(one, optimizer.RateState),
        )
        updates, state = chain.update(single(gradients), state, single(tensors))
        norm = optimizer.find(state, optimizer.NormState).norm
        return optax.apply_updates(tensors, updates), state, norm

    tensors = {name: jnp.asarray(arrays[f"{case}/start/{name}"], dtype) for name in names}
    state, norms = chain.init(single(tensors)), []
    for index, rate in enumerate(settings["rates"]):
        gradients = {name: jnp.asarray(arrays[f"{case}/{index}/{name}"], dtype) for name in names}
        tensors, state, norm = step(tensors, gradients, state, jnp.float32(rate))
        norms.append(float(norm))
    yield "norms", np.array(norms)
    for name in names:
        yield name, np.asarray(tensors[name], dtype=np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
