"""Write docs/fields.toml as verify judges now: `python -m tests.fields.approve [PACK…]`.

With names of packs only those are tried, and what they show is added to what stands there. A reader
of the change approves it. What declared fields are about stays as it was written, and so do the
lines of files and what a clock's seconds may come to; a field that is new is about `?`, which the
tests refuse.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.fields.files import LINES as FILE_LINES
from tests.fields.packs import PACKS
from tests.fields.schemas import DOCUMENTS, OF_A_STAGE, every_field
from tests.fields.table import FILES, TABLE, TOPICS, Trial, chosen, read_table, trials

MOST: Final = 3
_CLOCKS: Final = ("elapsed_s", "duration_s", "monotonic_s", "runtime_s")
"""A tenth more of these is too late in one run and not in the next."""
_HEAD: Final = """\
# What becomes of another value at each field of each document of a pack.
#
# A forger edits one field, seals and renders the whole pack anew, and computes all that follows
# (results.json, the outcome digest, the chain of the journal, every digest). Then:
#
# found     `evidence verify PACK` ends with an error of one of these checks, since the value is
#           recomputed from other documents or must agree with them. What each check does is said by
#           its docstring in evidence/verification/consistency.
# warned    verify says so in a warning: the value is odd, and may be honest.
# repo      `evidence verify PACK --repo DIR` finds it in a clone of the project.
# declared  nothing in the pack contradicts it: only a signature, or a root digest known from
#           elsewhere, can tell. What it is about stands in the table below.
# untried   why no test changes it.
#
# Where a line has several, it depends on the place: a step may be recorded or not, an attempt may
# be the one that completed or not; a clock's seconds, on how long things took. `x/unavailable` is
# the reason why there is no x.
# tests/fields changes a place of every line and holds verify to it. The table of files is about
# those that are no documents: a line more in a text, a byte or a key more in a file of the model.

"""


def approve(names: list[str]) -> None:
    """Try every field of these packs, or of every one, and write the table."""
    with ProcessPoolExecutor(2) as pool:
        found = [one for some in pool.map(_of_pack, names or PACKS) for one in some]
    TABLE.write_text(_text(found, added=bool(names)), encoding="utf-8")


def _of_pack(name: str) -> list[Trial]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        pack = PACKS[name](folder / "made")
        return list(trials(pack, folder / "tried", chosen(pack, folder / "read", MOST)))


def _text(found: list[Trial], *, added: bool) -> str:
    lines, topics = read_table() if TABLE.exists() else ({}, {})
    ways: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    by_repo = {(one.place.document, one.place.field) for one in found if one.way == "repo"}
    if added:
        by_repo |= {
            (path, key) for path in lines for key in lines[path] if "repo" in lines[path][key]
        }
    for one in found:
        field = one.place.document, one.place.field
        if one.way == "declared" and not one.cloned and field in by_repo:
            continue  # nobody gave a clone that tells
        ways[field][one.way] |= set(one.checks)
    text = [_HEAD, f"[{TOPICS}]\n"]
    text += [f"{name} = {json.dumps(said, ensure_ascii=False)}\n" for name, said in topics.items()]
    text.append(f"\n[{FILES}]\n")
    text += [f"{_key(name)} = {_inline(line)}\n" for name, line in FILE_LINES.items()]
    for document in DOCUMENTS:
        fields = {field for path, field in ways if path == document} | set(every_field(document))
        fields |= set(lines.get(document, ())) if added else set()
        text.append(f'\n["{document}"]\n')
        for field in sorted(fields):
            old = _told(lines, document, field)
            seen = ways.get((document, field))
            if added:
                seen = _with(seen, old)
            elif seen is not None and field.endswith(_CLOCKS):
                for way, checks in old.items():
                    seen[way] |= set(checks) if way in ("found", "repo") else set()
            text.append(f"{_key(field)} = {_line(seen, old)}\n")
    return "".join(text)


def _with(seen: dict[str, set[str]] | None, old: dict[str, Any]) -> dict[str, set[str]] | None:
    """What was seen, and what stands there already."""
    both = {way: set(old[way]) for way in ("found", "repo") if way in old}
    both |= {way: set[str]() for way in ("warned", "declared") if way in old}
    for way, checks in (seen or {}).items():
        both[way] = both.get(way, set()) | checks
    return both or None


def _told(lines: dict[str, dict[str, Any]], document: str, field: str) -> dict[str, Any]:
    """What was written of a field; of a new one of a stage, what is written of it at the top."""
    known = lines.get(document, {}).get(field)
    if known is None and document.startswith(OF_A_STAGE):
        alike = lines.get(document.removeprefix(OF_A_STAGE), {}).get(field, {})
        return {"untried": "no stage that is tried has a value here", **alike}
    return known or {}


def _line(ways: dict[str, set[str]] | None, old: dict[str, Any]) -> str:
    parts = []
    if ways is None:
        parts.append(f"untried = {json.dumps(old.get('untried', '?'))}")
    for way in ("found", "repo"):
        if ways is not None and way in ways:
            parts.append(f"{way} = {json.dumps(sorted(ways[way]))}")
    if ways is not None and "warned" in ways:
        parts.append("warned = true")
    if ways is not None and "declared" in ways:
        parts.append(f"declared = {json.dumps(old.get('declared', '?'))}")
    return "{" + ", ".join(parts) + "}"


def _inline(line: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{way} = {json.dumps(line[way])}" for way in line) + "}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


if __name__ == "__main__":
    sys.exit(approve(sys.argv[1:]))
