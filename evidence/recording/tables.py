"""Rows of a data file that a program opened, whatever common form it has.

Responsible for telling data from other files by their content, and for saying why one was not
looked at. Rows are plain dictionaries; nothing is checked but that they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from evidence import limits
from evidence.errors import MalformedError

MAX_BYTES: Final = 64 * limits.MIB
"""Parsed, a file takes several times that in memory."""
ENDINGS: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow")
OF_MODELS: Final = (
    "config.json", "tokenizer.json", "vocab.json", "added_tokens.json", "special_tokens_map.json",
    "chat_template.json", "trainer_state.json", "dataset_info.json", "dataset_infos.json",
    ".index.json",
)  # fmt: skip
"""How the names of files end that lie beside models and data sets, and hold no rows."""


def is_data(name: str) -> bool:
    """Whether the name is one of a form that is looked into."""
    return name.lower().endswith(ENDINGS) and not name.lower().endswith(OF_MODELS)


def read_rows(path: Path, data: bytes) -> Sequence[dict[str, Any]]:
    """The rows of a file; none where it holds no rows (a configuration, a state).

    Raises MalformedError with why it was not looked at.
    """
    ending = path.suffix.lower()
    if ending in (".parquet", ".arrow"):
        return _columns(path, ending)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"is not UTF-8 (byte {error.start})") from error
    if ending in (".csv", ".tsv"):
        header = text.partition("\n")[0]
        delimiter = max(",\t;", key=header.count)
        try:
            reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
            return [{key: one for key, one in row.items() if key is not None} for row in reader]
        except csv.Error as error:
            raise MalformedError(f"is no table: {error}") from error
    try:
        if ending in (".jsonl", ".ndjson"):
            values = [json.loads(line) for line in text.split("\n") if line.strip()]
        else:
            values = _listed(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"is no JSON: {error}") from error
    return [one for one in values if isinstance(one, dict)]


def _listed(value: Any) -> list[Any]:
    """The rows of a JSON file: a list, or the one list of objects in an object."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    lists = [one for one in value.values() if isinstance(one, list) and one]
    lists = [one for one in lists if all(isinstance(row, dict) for row in one)]
    return lists[0] if len(lists) == 1 else []


def _columns(path: Path, ending: str) -> Sequence[dict[str, Any]]:
    name = "Parquet" if ending == ".parquet" else "Arrow"
    if find_spec("pyarrow") is None:
        raise MalformedError(f"is {name}, and pyarrow is not installed beside evidence-pack")
    try:
        if ending == ".parquet":
            table = import_module("pyarrow.parquet").read_table(path)
        else:  # as `datasets` writes its cache
            table = import_module("pyarrow.ipc").open_stream(path.open("rb")).read_all()
        rows: Sequence[dict[str, Any]] = table.to_pylist()
    except Exception as error:  # a library of others over a file of others
        raise MalformedError(f"cannot be read as {name}: {error}") from error
    return rows
