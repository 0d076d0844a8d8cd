"""The gate's law for terminals: no command prints what acts, whatever it is given to print."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from render.nasty import NASTY

from evidence.cli import say
from evidence.encoding import jsonio
from evidence.text.escape import acts_at, visible

CLI = Path(say.__file__).parent
ACTING = (
    *NASTY,
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b31m",
    "a\rb",
    "\x1b[1;31mred",
    "\u202eevil\u2066",
    "\U000e0041",
    "\x7f",
)


def without_colours(text: str) -> str:
    return say._OURS.sub("", text)


@given(st.text() | st.sampled_from(ACTING), st.text() | st.sampled_from(ACTING))
def test_a_line_has_our_colours_and_nothing_else_that_acts(first: str, second: str) -> None:
    """Text that looks like a colour of ours is escaped where it comes from, by `visible`."""
    line = f"{click.style(visible(first), fg='red', bold=True)} {second}"
    assert acts_at(without_colours(say.harmless(line)).replace("\ufe0f", "")) is None
    assert say.harmless(say.harmless(line)) == say.harmless(line)


@given(st.dictionaries(st.text(), st.text() | st.sampled_from(ACTING)))
def test_a_document_says_the_same_and_does_not_act(value: dict[str, str]) -> None:
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(click, "echo", lambda text, nl: printed.append(text))
        say.echo_json(jsonio.dump_document(value))
    assert json.loads(printed[0]) == value
    assert acts_at(printed[0]) is None


def test_commands_print_in_one_way_only() -> None:
    """Whoever adds a line to a command says it by `say`, which spells what acts."""
    others = {"click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write"}
    for path in CLI.glob("*.py"):
        calls = {
            ast.unparse(one.func)
            for one in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(one, ast.Call)
        }
        assert path.name == "say.py" or not calls & others, path.name


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "\x1b[2J\u202epack"],
        ["explain", "\x1b[2J\u202epack", "\x1b[1mname"],
        ["compare", "\x1b[2J\u202ea", "b"],
        ["render", "\x1b[2J\u202ea"],
        ["note", "\x1b[2J\u202ea", "\x1b[1mnote.md"],
        ["sign", "\x1b[2J\u202ea", "--key", "\x1b[1mkey"],
        ["reproduce", "\x1b[2J\u202ea"],
        ["run", "\x1b[2J\u202eM1"],
        ["doctor", "\x1b[2J\u202eM1"],
        ["new", "\x1b[2J\u202eM1"],
        ["\x1b[2J\u202e"],
        ["verify", "--\x1b[2J\u202e"],
    ],
)
def test_what_a_command_is_given_does_not_act_when_it_is_said(
    words: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evidence", *words],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = (done.stdout + done.stderr).decode("utf-8")
    assert said
    assert acts_at(said) is None, said
