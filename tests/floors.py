"""The oldest versions that pyproject.toml allows, as constraints for pip.

`make test-lowest` installs what this prints. Packages that pyproject.toml does not name are left to
pip, which has no option that picks the lowest of them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def floors(text: str) -> Iterator[str]:
    """`name==version` for every requirement with a floor, those of extras too."""
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"].values()
    for requirement in [*project["dependencies"], *(one for extra in extras for one in extra)]:
        match = re.match(r"([A-Za-z0-9._-]+)>=([0-9][0-9.]*)", requirement)
        if match is not None:
            yield f"{match[1]}=={match[2]}"


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in floors(PYPROJECT.read_text("utf-8"))))
