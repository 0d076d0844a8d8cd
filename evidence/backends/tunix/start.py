"""The weights that training starts from, wherever the milestone says that they are.

Responsible for finding them, as transformers does for its own: a folder, the hub's cache, or random
ones, which PyTorch draws in a process of its own, so that both backends start from the same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from huggingface_hub import snapshot_download
from transformers import AutoConfig

from evidence.records.milestone import ModelSpec
from evidence.worker.interface import Job, StageFailure

_FILES: Final = ("*.json", "*.safetensors", "tokenizer.model")
_ASKED: Final = "import torch, transformers, evidence"
_NO_TORCH: Final = (
    "the model is given as a config with init_seed: such weights are drawn by PyTorch, "
    "so that every backend starts from the same, and neither {} nor {} has it. Install it beside "
    "evidence-pack (pip install torch transformers), or save the drawn model once and name its "
    "folder as path"
)
DRAWN: Final = "start"
"""Below the scratch folder: weights that were drawn."""


def config_of(spec: ModelSpec, root: Path) -> Any:
    """The model's configuration, as transformers reads it."""
    folder = spec.config or spec.path
    if folder is not None:
        return AutoConfig.from_pretrained(root / folder)
    return AutoConfig.from_pretrained(spec.id, revision=spec.revision or "main")


def weights_folder(job: Job, spec: ModelSpec, root: Path) -> Path:
    """The folder with the safetensors to start from."""
    if spec.config is not None:
        return _drawn(job, spec, root)
    if spec.path is not None:
        return root / spec.path
    revision = spec.revision or "main"
    return Path(snapshot_download(spec.id, revision=revision, allow_patterns=list(_FILES)))


def discard(job: Job) -> None:
    """Remove weights that were drawn, once the model holds them."""
    shutil.rmtree(Path(job.scratch) / DRAWN, ignore_errors=True)


def _drawn(job: Job, spec: ModelSpec, root: Path) -> Path:
    output = Path(job.scratch) / DRAWN
    if output.exists():
        shutil.rmtree(output)
    device = "cpu" if job.plan.requires.accelerator == "none" else "cuda"
    arguments = [
        str(root / str(spec.config)), str(spec.init_seed or 0), job.plan.train.dtype, device,
        str(output),
    ]  # fmt: skip
    command = [_with_torch(job), "-P", "-m", "evidence.backends.transformers.draw", *arguments]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    print(done.stdout, end="")
    if done.returncode:
        print(done.stderr, file=sys.stderr, end="")
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise StageFailure("exception", f"PyTorch could not draw the weights: {last}")
    return output


def _with_torch(job: Job) -> str:
    """The first interpreter that has PyTorch: this one, or that of the supervisor."""
    if find_spec("torch") is not None:
        return sys.executable
    if job.supervisor:
        asked = subprocess.run(
            [job.supervisor, "-P", "-c", _ASKED],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if asked.returncode == 0:
            return job.supervisor
    other = job.supervisor or "the supervisor's"
    raise StageFailure("requirement-not-met", _NO_TORCH.format(sys.executable, other))
