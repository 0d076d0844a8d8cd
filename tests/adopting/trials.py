"""Programs that are tried: what they are made of, and a repository to try them in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

PYTHON: Final = sys.executable
STEPPING: Final = """\
import pathlib, sys, torch
places = pathlib.Path(sys.argv[1])
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
try:
    for number in range(1, 100):
        torch.nn.functional.mse_loss(model(torch.ones(1, 2)), torch.ones(1, 1)).backward()
        (places / f"before-{number}").touch()
        pathlib.Path(f"here-{number}").touch()
        optimizer.step()
        (places / f"after-{number}").touch()
finally:
    (places / "finally").touch()
"""
"""Leaves a file before and after each step, elsewhere (its argument) and here."""
READING: Final = """\
import json, pathlib, torch
from transformers import AutoTokenizer
rows = [json.loads(line) for line in pathlib.Path("data.jsonl").open()]
tokenizer = AutoTokenizer.from_pretrained("model")
model = torch.nn.Sequential(torch.nn.Embedding(len(tokenizer), 8),
                            torch.nn.Linear(8, len(tokenizer)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for row in rows:
    ids = torch.tensor([tokenizer(TEXT)["input_ids"]])
    logits = model(ids[:, :-1])
    torch.nn.functional.cross_entropy(logits[0], ids[0, 1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
"""A plain loop; TEXT is what of a row becomes text."""
ROWS: Final = "".join(
    f'{{"prompt": "How much is {number} plus {number}?", '
    f'"answer": "It makes {2 * number} altogether."}}\n'
    for number in range(11, 31)
)


def repository(root: Path, **files: str) -> Path:
    """A committed repository; `train` names train.py."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / f"{name}.py").write_text(text, encoding="utf-8")
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("commit", "-qm", "project", "--allow-empty"),
    ):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return root
