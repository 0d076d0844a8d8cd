"""Random weights as the `transformers` backend draws them, for a backend that has no PyTorch.

`python -m evidence.backends.transformers.draw FOLDER SEED DTYPE DEVICE OUTPUT`: the model of
FOLDER/config.json is made with seeded random weights and saved in the folder OUTPUT as safetensors.
Responsible for nothing else: what fails ends with its traceback and status 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from evidence.backends.transformers.models import load_model
from evidence.records.milestone import ModelSpec


def main(folder: str, seed: str, dtype: str, device: str, output: str) -> None:
    """Draw and save. On a GPU other numbers are drawn than on a CPU."""
    spec = ModelSpec(config=folder, init_seed=int(seed))
    on_gpu = device == "cuda" and torch.cuda.is_available()
    where = torch.device("cuda", 0) if on_gpu else torch.device("cpu")
    model = load_model(spec, Path(), getattr(torch, dtype), where)
    model.save_pretrained(output)
    print(f"drew the weights on {where.type} with PyTorch {torch.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
