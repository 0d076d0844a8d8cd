"""The weights with the smallest validation loss, kept on disk until the training ends.

Responsible for their file, also within checkpoints, so that a resumed training keeps the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import torch

FILE: Final = "best_weights.pt"
"""In the scratch folder, and in each checkpoint."""


class KeptBest:
    """The weights of one moment. Tensors that several names share are written once."""

    def __init__(self, model: Any, scratch: Path) -> None:
        self._model, self._path = model, scratch / FILE

    def keep(self) -> None:
        """The weights as they are now, in the place of those before."""
        torch.save(self._model.state_dict(), self._path)

    def into_checkpoint(self, folder: Path) -> None:
        """What is kept so far becomes a part of a checkpoint."""
        if self._path.exists():
            shutil.copyfile(self._path, folder / FILE)

    def from_checkpoint(self, folder: Path) -> None:
        """What was kept when the checkpoint was made is kept again, and nothing later."""
        self._path.unlink(missing_ok=True)
        if (folder / FILE).exists():
            shutil.copyfile(folder / FILE, self._path)

    def put_back(self) -> None:
        """The model has the kept weights again; the file is gone."""
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        self._model.load_state_dict(state)
        self._path.unlink()
