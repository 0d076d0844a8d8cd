"""Under JAX: the logits of a folder's model for the ids beside it, and its tensors again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from flax import nnx

from evidence.backends.tunix import configuration, model, tensors


def main(folder: Path) -> None:
    config = configuration.model_config(json.loads((folder / "config.json").read_bytes()))
    read = tensors.read_folder(folder, model.shapes(config), "float32")
    made = model.make(config, read, 0)
    for name, array in model.tensors_of(made).items():
        assert np.array_equal(array, read[name]), name
    found = nnx.jit(model.logits_of)(made, np.load(folder / "ids.npy"))
    np.save(folder / "found.npy", np.asarray(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
