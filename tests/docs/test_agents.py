"""What agents are told: every command and option is there, and exit codes mean what they mean."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

import click
import pytest
import yaml

from evidence.cli.main import cli
from evidence.errors import ExitCode
from tests.docs.pages import DOCS, ROOT, codes, page, section, table

TEXT: Final = page("agents.md")
LLMS: Final = (ROOT / "llms.txt").read_text("utf-8")
SCHEMAS: Final = {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").iterdir()}


def said(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each command in a listing, or in backticks in a table."""
    for line in text.splitlines():
        if line.startswith("evidence "):
            yield tuple(shlex.split(line, comments=True))
        elif line.startswith("| `evidence"):
            yield tuple(shlex.split(codes(line)[0]))


COMMANDS: Final = sorted(set(said(TEXT)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_there(words: tuple[str, ...]) -> None:
    command = cli.get_command(click.Context(cli), words[1])
    assert command is not None, words
    known = {option for parameter in command.params for option in parameter.opts}
    ours = words[: words.index("--")] if "--" in words else words
    assert {one for one in ours if one.startswith("--")} <= known


def test_the_commands_that_an_agent_needs_are_told() -> None:
    assert {words[1] for words in COMMANDS} >= {"record", "run", "verify", "audit", "explain"}


def test_exit_codes_are_those_of_the_code_of_the_readme_and_of_the_page_of_threats() -> None:
    first = {int(code): meaning for code, meaning in table(section(TEXT, "Exit codes"))}
    assert set(first) == {int(one) for one in ExitCode}
    threats = table(section(page("threats.md"), "Exit codes"))
    assert {int(code): meaning for code, _, meaning in threats if code.isdigit()} == first
    readme = section((ROOT / "README.md").read_text("utf-8"), "Exit codes")
    there = {int(code) for row in table(readme) for code in re.findall(r"\d+", row[0])}
    assert there <= set(first)


def test_every_schema_that_is_named_is_there() -> None:
    assert set(re.findall(r"`([a-z-]+\.v\d+)`", TEXT)) <= SCHEMAS


def test_every_command_that_answers_in_json_is_in_the_table() -> None:
    rows = table(section(TEXT, "What answers in JSON"))
    listed = {codes(row[0])[0].split()[1] for row in rows}
    answers = set()
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        options = {option for one in command.params for option in one.opts}
        if options & {"--json", "--format"}:
            answers.add(name)
    assert listed == answers == set(cli.list_commands(click.Context(cli)))


def test_the_head_of_the_page_is_that_of_a_skill() -> None:
    head = yaml.safe_load(TEXT.split("---\n")[1])
    assert set(head) == {"name", "description"}
    assert re.fullmatch(r"[a-z0-9-]{1,64}", head["name"])
    assert 0 < len(head["description"]) <= 1024


def test_llms_txt_has_its_form_and_its_links_lead_somewhere() -> None:
    lines = LLMS.splitlines()
    assert lines[0] == "# evidence-pack"
    assert lines[2].startswith("> ")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", LLMS, re.MULTILINE)
    assert links
    assert [one for one in links if not (ROOT / one).exists()] == []
    assert f"{DOCS.name}/agents.md" == links[0]
