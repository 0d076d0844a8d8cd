"""Laws of the macros: letters alone, one a value, and no text of a pack is a command (I4)."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.export.facts import Account, line
from evidence.export.latex_text import camel, escaped, macros, plain
from evidence.export.numbers import ENTRY, MACROS, files
from evidence.text.escape import visible
from tests.documents import replaced
from tests.export.packs import exported, values

TEXTS = (
    st.text(alphabet=st.characters(codec="utf-8"))
    | st.sampled_from(NASTY)
    | st.sampled_from(
        ("}", "\\input{/etc/passwd}", "a % b", "\\", "^^5c", "#1", "{", "$", '"a', "?`")
    )
)
MACRO = re.compile(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}")
COMMANDS = re.compile(
    r"\\(?:text(?:backslash|braceleft|braceright|asciicircum|asciitilde|less|greater|bar"
    r"|asciigrave)\{\}|char34\{\}|[$&#%_])"
)
"""What a text may hold of LaTeX: signs of its own, spelled."""
SHOWN = {
    "\\textbackslash{}": "\\", "\\textbraceleft{}": "{", "\\textbraceright{}": "}",
    "\\textasciicircum{}": "^", "\\textasciitilde{}": "~", "\\textless{}": "<",
    "\\textgreater{}": ">", "\\textbar{}": "|", "\\char34{}": '"', "\\textasciigrave{}": "`",
    **{f"\\{sign}": sign for sign in "$&#%_"},
}  # fmt: skip


def read(pack: Path) -> dict[str, tuple[str, str]]:
    """Macro and content by the name in the comment above."""
    rows = exported("numbers", pack)[MACROS].decode("utf-8").splitlines()
    found = {}
    for above, row in pairwise(rows):
        match = MACRO.fullmatch(row)
        if match is not None:
            found[above.removeprefix("% ")] = (match[1], match[2])
    return found


def test_every_value_has_a_macro_of_its_own_with_its_address_and_level(pack: Path) -> None:
    of_pack, found = values(pack), read(pack)
    assert len(found) == len(of_pack) == len({macro for macro, _ in found.values()})
    for name, one in of_pack.items():
        unit = f" [{one['unit']}]" if one["unit"] else ""
        if one["value"] is None:
            _, content = found[line(f"{name}: not measured: {one['unavailable']}")]
            assert content.startswith("\\errmessage{")
            continue
        _, content = found[line(f"{name}{unit}, {one['level']}, at {one['address']}")]
        if isinstance(one["value"], str):
            assert content == escaped(one["value"])
        else:
            assert json.loads(content) == one["value"]


def test_a_name_is_easy_to_foresee(complete: Path) -> None:
    found = dict(read(complete).values())
    assert found["MNineZeroTrainNumSteps"] == "20"
    assert camel("M43") == "MFourThree"


@given(prefix=TEXTS, names=st.sets(TEXTS, max_size=8))
def test_macros_are_letters_and_no_two_alike(prefix: str, names: set[str]) -> None:
    found = macros(prefix, names)
    assert set(found) == names
    assert len(set(found.values())) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]*", macro) for macro in found.values())


def test_names_that_would_share_a_macro_are_told_apart() -> None:
    found = macros("M1", ["train.loss_end", "train_loss.end", "train.steps"])
    assert found["train.steps"] == "MOneTrainSteps"
    assert "MOneTrainLossEnd" not in found.values()


@given(text=TEXTS)
def test_a_text_is_shown_as_it_is_and_does_nothing(text: str) -> None:
    written = escaped(text)
    assert not set(COMMANDS.sub("", written)) & set('\\{}$&#%_^~<>|"`\n\r')
    shown = COMMANDS.sub(lambda match: SHOWN[match.group()], written)
    assert shown == visible(text).replace("\n", " ").replace("\t", " ")
    assert re.fullmatch(r"[A-Za-z0-9 .,:;()=+/?-]*", plain(text))


@given(title=TEXTS, reason=TEXTS, value=TEXTS)
def test_hostile_words_end_no_line_and_no_group(
    title: str, reason: str, value: str, complete_account: Account
) -> None:
    results = complete_account.documents.results
    assert complete_account.run is not None
    assert results is not None
    old = results.values
    changed = {
        **old,
        "train.num_weights_changed": replace(old["train.num_weights_changed"], unavailable=reason),
        "git.branch": replace(old["git.branch"], value=value),
    }
    documents = replaced(complete_account.run, results=replace(results, values=changed))
    made = files(replace(complete_account, title=line(title), documents=documents))
    for row in made[MACROS].decode("utf-8").split("\n")[:-1]:
        assert row.startswith("% ") or MACRO.fullmatch(row), row
        assert row.startswith("% ") or row.count("{") == row.count("}")
    entry = made[ENTRY].decode("utf-8")
    assert entry.count("{") == entry.count("}")
    assert re.fullmatch(r"@misc\{[A-Za-z0-9-]+,\n(?:  [a-z]+ = \{[^\n]*\},\n)+\}\n", entry)


def test_bibtex_reads_the_entry(pack: Path) -> None:
    database = pytest.importorskip("pybtex.database", reason="pybtex reads BibTeX")
    read = database.parse_string(exported("numbers", pack)[ENTRY].decode("utf-8"), "bibtex")
    ((key, entry),) = read.entries.items()
    assert key.partition("-")[0] in ("M90", "R1", "OLD")
    assert "sha256:" in entry.fields["note"]
    assert "author" not in entry.persons
