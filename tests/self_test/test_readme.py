"""The README says which lies only a signature can tell, all of them and no other."""

from __future__ import annotations

import re
from pathlib import Path

from evidence.self_test.forgeries import FORGERIES

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_what_consistency_cannot_catch() -> None:
    text = README.read_text("utf-8")
    after = text.partition("- **What only a signature")[2].partition("\n- ")[0]
    listed = re.findall(r"^  - (.+)$", after, re.MULTILINE)
    assert listed == [one.what for one in FORGERIES if not one.checks]
