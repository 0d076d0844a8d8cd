"""Law of all that reads packs: none of it asks for a framework, whether it is installed or not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.frameworks import FRAMEWORKS
from tests.other_python import JAX_PYTHON
from tests.packs.case import GOLDEN

WATCHED = """
import json, sys
frameworks, commands = json.loads(sys.argv[1])
asked = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in frameworks:
            asked.append(name)

sys.meta_path.insert(0, Watch())
from evidence.cli.main import main

ended = []
for words in commands:
    sys.argv = ["evidence", *words]
    try:
        main()
    except SystemExit as status:
        ended.append(status.code or 0)
loaded = sorted(set(frameworks) & {name.partition(".")[0] for name in sys.modules})
print(json.dumps([ended, asked, loaded]))
"""
COMMANDS = (
    ["--help"],
    ["verify", "runs/M90"],
    ["verify", "runs"],
    ["render", "runs/M90", "--check"],
    ["compare", "runs/M90", "runs/other"],
    ["explain", "runs/M90", "train.loss_end"],
    ["audit", "claims.md", "--pack", "runs/M90"],
    ["export", "model-card", "runs/M90"],
)


@pytest.mark.parametrize(
    "python", [Path(sys.executable), pytest.param(JAX_PYTHON, marks=pytest.mark.jax)]
)
def test_what_reads_packs_asks_for_no_framework(python: Path, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "v1/complete/M90", tmp_path / "runs/M90")
    shutil.copytree(GOLDEN / "v1/failed/M90", tmp_path / "runs/other")
    (tmp_path / "claims.md").write_text("The milestone M90 made 4 optimizer steps.\n")
    done = subprocess.run(
        [str(python), "-P", "-c", WATCHED, json.dumps([sorted(FRAMEWORKS), COMMANDS])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ended, asked, loaded = json.loads(done.stdout.splitlines()[-1])
    assert len(ended) == len(COMMANDS)
    assert not {70, 2} & set(ended), (ended, done.stderr)
    assert (asked, loaded) == ([], [])
