"""Text of JSON, YAML and TOML to values, after a look at what parsing it would cost.

Responsible for refusing bombs before they are parsed: brackets, aliases, merges, dotted keys. What
the values mean is `documents`'.
"""

from __future__ import annotations

import re
import tomllib
from itertools import islice
from typing import Any, Final

import yaml

from evidence import limits
from evidence.errors import MalformedError
from evidence.foreign.tables import Written, json_of

MAX_BYTES: Final[dict[str, int]] = {
    ".json": 32 * limits.MIB,
    ".ipynb": 32 * limits.MIB,
    ".yaml": 2 * limits.MIB,
    ".yml": 2 * limits.MIB,
    ".toml": 1 * limits.MIB,
}
MAX_YAML_ALIASES: Final = 50
MAX_YAML_DOCUMENTS: Final = 1_000
MAX_YAML_EVENTS: Final = 400_000
MAX_YAML_DEPTH: Final = 40
_NO_KEY: Final = re.compile(r"[^\w.\"' \t-]")


def parsed(text: str, ending: str) -> Any:
    """The value of a document. Raises MalformedError with why it cannot be read."""
    try:
        if ending in (".json", ".ipynb"):
            return _json(text)
        if ending == ".toml":
            return _toml(text)
        return _yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        shown = " ".join(str(error).split())[:200]
        raise MalformedError(f"cannot be read as {ending[1:].upper()}: {shown}") from error


def _json(text: str) -> Any:
    brackets = text.count("{") + text.count("[")
    if brackets > limits.MAX_JSON_BRACKETS or text.count(",") > limits.MAX_JSON_COMMAS:
        raise ValueError("it has more values than any state of a run")
    return json_of(text.removeprefix("\ufeff"))


def _toml(text: str) -> Any:
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") >= limits.MAX_TOML_KEY_PARTS and any(
            run.count(".") >= limits.MAX_TOML_KEY_PARTS for run in _NO_KEY.split(line)
        ):
            raise ValueError(f"line {number} has a key of too many parts")
    return tomllib.loads(text, parse_float=Written)


def _yaml(text: str) -> Any:
    """Every scalar stays the text that it is: no number loses its digits, `2e-5` is none of YAML's
    and still one, and no tag makes anything."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    aliases = depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=loader)):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if number > MAX_YAML_EVENTS or depth > MAX_YAML_DEPTH:
            raise ValueError("it is larger or deeper than any configuration")
        if aliases > MAX_YAML_ALIASES:
            raise ValueError("it has more aliases than any configuration needs")
    documents = list(islice(yaml.load_all(text, Loader=loader), MAX_YAML_DOCUMENTS))
    return documents[0] if len(documents) == 1 else documents
