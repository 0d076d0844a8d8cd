"""Laws of the wheel: unpacked far from the checkout, it is whole by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.packs.case import GOLDEN

ROOT = Path(__file__).parents[2]
PROBE = """
import sys
at_start = set(sys.modules)  # a .pth file of another package may have loaded something
import json
from importlib.metadata import packages_distributions
import evidence
from evidence.cli.main import main

report, results = evidence.verify("M90"), evidence.read_results("M90")
sys.argv = ["evidence", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    status = ended.code
owners = packages_distributions()
loaded = {module.partition(".")[0] for module in sys.modules.keys() - at_start}
used = sorted({owner for name in loaded for owner in owners.get(name, ())})
print(json.dumps([evidence.__file__, report.verdict, len(results), status, used]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def probed(unpacked: Path, empty: Path, *words: str) -> Any:
    """What the probe says, run below an empty folder that holds one pack."""
    shutil.copytree(GOLDEN / "v1/complete/M90", empty / "M90")
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE, *words],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def core(unpacked: Path) -> set[str]:
    """Distributions that come with the wheel where no extra is asked for, and what they need."""
    found = {"evidence-pack"}
    (ours,) = metadata.distributions(path=[str(unpacked)])
    left = list(ours.requires or ())
    while left:
        requirement = left.pop()
        name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
        if "extra ==" in requirement or normal(name) in found:
            continue
        with suppress(metadata.PackageNotFoundError):  # needed on another system only
            left += metadata.requires(name) or ()
            found.add(normal(name))
    return found


def normal(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    "words",
    [("verify", "M90"), ("render", "--check", "M90"), ("explain", "M90", "train.loss_end")],
    ids=lambda words: words[0],
)
def test_an_unpacked_wheel_checks_a_pack_with_the_core_alone(
    unpacked: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Its schemas and templates are found; nothing of an extra, so no PyTorch, is loaded."""
    place, verdict, num_values, status, used = probed(unpacked, tmp_path, *words)
    assert Path(place) == unpacked / "evidence/__init__.py"
    assert (verdict, status) == ("INTACT", 0)
    assert num_values > 100
    needed = core(unpacked)
    assert {"orjson", "click"} <= {normal(name) for name in used} <= needed
    assert not needed & {"torch", "transformers", "numpy"}


def test_the_wheel_is_typed_and_can_be_called_by_both_names(unpacked: Path) -> None:
    assert (unpacked / "evidence/py.typed").is_file()
    (info,) = unpacked.glob("*.dist-info")
    scripts = (info / "entry_points.txt").read_text("utf-8")
    for name in ("evidence", "evidence-pack"):
        assert f"{name} = evidence.cli.start:main" in scripts


def test_the_wheel_holds_the_package_with_its_schemas_and_templates_and_nothing_else(
    unpacked: Path,
) -> None:
    tops = {path.name.partition("-")[0] for path in unpacked.iterdir()}
    assert tops == {"evidence", "evidence_pack"}
    for kind in ("schemas", "templates"):
        here = sorted(p.relative_to(ROOT) for p in (ROOT / kind).rglob("*") if p.is_file())
        shipped = unpacked / "evidence/_shipped"
        assert here == sorted(
            p.relative_to(shipped) for p in (shipped / kind).rglob("*") if p.is_file()
        )
