"""docs/wanted.md: what it says is said so is accepted by preflight, and what it says is refused is
refused in that sentence."""

from __future__ import annotations

import csv
import json
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from evidence.errors import EvidenceError, MilestoneError
from evidence.milestone.parse import parse_milestone
from evidence.running.preflight import prepare
from tests.command import evidence
from tests.docs.pages import ROOT, page, table
from tests.project import write_rows

TINY: Final = ROOT / "milestones/models/tiny-gemma"
TEMPLATE: Final = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
HEAD: Final = """schema = "milestone.v1"
id = "W1"
title = "A row of the table"
kind = "fine-tune-and-eval"
objective = "To be told whether it can be run."
"""
TABLES: Final = {
    "[model]": 'config = "model"\ninit_seed = 1\ntokenizer = "model"\n'
    f'chat_template = "{TEMPLATE}"\n',
    "[data.train]": 'path = "data/train.jsonl"\nanswer = ["answer"]\n'
    'text = "{{ prompt }}\\nAnswer: {{ answer }}"\n',
    "[data.eval]": 'path = "data/eval.jsonl"\n',
    "[data.easy]": 'path = "data/easy.jsonl"\n',
    "[train]": "batch_size = 1\ngradient_accumulation = 4\nlearning_rate = 0.01\n"
    'dtype = "float32"\nmax_length = 256\n',
    "[eval]": 'prompt = "{{ prompt }}\\nAnswer:"\n',
    "[[attempt]]": 'name = "here"\nbackend = "transformers"\n',
}
WHOLE: Final = ("[data.train]",)
"""Tables that a row of the page gives as a whole; of others it gives single lines."""
UNTOLD: Final = (
    "torchrun",
    "hub = {",
    'id = "owner/name"',
    "CUDA_VISIBLE_DEVICES",
    'backend = "tunix"',
)
"""What preflight cannot tell here: it would ask the hub, the shell, or JAX."""
ROWS: Final = table(page("wanted.md"))
SAID: Final = [row for row in ROWS if row[1]]
REFUSED: Final = [row for row in ROWS if row[2]]
CODE: Final = re.compile(r"`((?:[^`])+)`")
Part = tuple[str, list[str]]


def parts(cell: str) -> list[Part]:
    """Header lines and the lines below each; an empty header is the top of the file."""
    found: list[Part] = []
    for code in CODE.findall(cell):
        if re.fullmatch(r"\[\[?[a-z_.]+\]\]?", code):
            found.append((code, []))
        else:
            if not found:
                found.append(("", []))
            found[-1][1].append(code)
    return found


def milestone(changes: list[Part]) -> str:
    """A milestone with these lines in the place of those of its own."""
    head, tables, more = HEAD, dict(TABLES), ""
    for header, lines in changes:
        text = "".join(f"{line}\n" for line in lines)
        keys = {line.partition(" =")[0] for line in lines}
        if not header:
            head += text
        elif header in WHOLE and any(key in keys for key in ("path", "hub")):
            tables[header] = text
        elif header in tables:
            if header == "[model]" and keys & {"path", "id"}:
                kept = f'chat_template = "{TEMPLATE}"\n'
            else:
                own = tables[header].splitlines(keepends=True)
                kept = "".join(one for one in own if one.partition(" =")[0] not in keys)
            tables[header] = text + kept
        else:
            more += f"{header}\n{text}"
    if "format = " in tables["[data.train]"]:  # asked as they were taught
        tables["[data.eval]"] = re.sub(r"(?m)^learn.*\n", "", tables["[data.train]"])
        tables["[eval]"] = ""
    return head + "".join(f"\n{one}\n{text}" for one, text in tables.items()) + f"\n{more}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the rows of the page name: data in several forms, and models."""
    root = tmp_path_factory.mktemp("wanted")
    data = root / "data"
    data.mkdir()
    rows = [
        {"prompt": f"{a} plus 1?", "answer": f"{a + 1}", "level": a % 3, "kind": f"k{a % 2}"}
        for a in range(6)
    ]
    write_rows(data / "train.jsonl", rows)
    with (data / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for name in ("eval", "easy"):
        asked = [{**one, "prompt": f"{name} {one['prompt']}"} for one in rows]
        more = {"expected_answer": "1", "choices": ["1", "2"], "right": "A"}
        write_rows(data / f"{name}.jsonl", [{**one, **more} for one in asked])
    pairs = [(f"Say {a}.", f"Here is {a}.") for a in range(4)]
    write_rows(data / "chat.jsonl", [{"messages": turns(*pair)} for pair in pairs])
    sharegpt = [[{"from": "human", "value": a}, {"from": "gpt", "value": b}] for a, b in pairs]
    write_rows(data / "sharegpt.jsonl", [{"conversations": one} for one in sharegpt])
    alpaca = [{"instruction": a, "input": "", "output": b} for a, b in pairs]
    write_rows(data / "alpaca.jsonl", alpaca)
    shutil.copytree(TINY, root / "model")
    models(root)
    (root / "metrics.py").write_text("def score(prediction, row):\n    return True\n")
    (root / "milestones").mkdir()
    return root


def turns(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def models(root: Path) -> None:
    """Folders that are looked at and never loaded."""
    shutil.copytree(TINY, root / "models/mine")
    (root / "models/mine/model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    for name, config in (
        ("t5", {"model_type": "t5", "is_encoder_decoder": True}),
        (
            "classifier",
            {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]},
        ),
    ):
        (root / name).mkdir()
        (root / name / "config.json").write_text(json.dumps(config), "utf-8")


def prepared(project: Path, cell: str) -> None:
    (project / "milestones/W1.toml").write_text(milestone(parts(cell)), "utf-8")
    prepare(project, "W1", None)


def test_the_page_has_something_of_each_kind() -> None:
    assert len(SAID) > 20
    assert len(REFUSED) > 10
    assert [row for row in ROWS if bool(row[1]) == bool(row[2])] == []


@pytest.mark.parametrize("row", SAID, ids=lambda row: row[0])
def test_what_is_said_so_is_accepted(row: list[str], project: Path) -> None:
    if any(one in row[1] for one in UNTOLD):
        if "[" in row[1]:
            parse_milestone(milestone(parts(row[1])).encode())
        return
    prepared(project, row[1])
    wanted = [line for _, lines in parts(row[1]) for line in lines]
    assert wanted
    written = (project / "milestones/W1.toml").read_text("utf-8")
    for line in wanted:
        assert line in written
        tomllib.loads(line)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_what_is_refused_is_refused_in_that_sentence(row: list[str], project: Path) -> None:
    shown, _, sentence = row[2].rpartition("`: ")
    assert sentence, row
    with pytest.raises(EvidenceError) as found:
        prepared(project, f"{shown}`")
    assert isinstance(found.value, MilestoneError)
    assert sentence in found.value.message
    ended = evidence("doctor", "W1", "--root", str(project))
    assert ended.exit == 2
    assert " ".join(sentence.split()) in " ".join(ended.out.split())


def test_a_line_that_no_milestone_has_would_be_found(project: Path) -> None:
    with pytest.raises(MilestoneError, match="unknown key"):
        prepared(project, "`[train]` `no_such_key = 1`")


def test_the_tables_of_the_base_are_told_apart() -> None:
    def headers(text: str) -> Iterator[str]:
        yield from re.findall(r"(?m)^\[.*\]$", text)

    assert list(headers(milestone([]))) == list(TABLES)
