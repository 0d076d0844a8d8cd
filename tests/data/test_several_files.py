"""Laws of data sets of several files: their order, their names, and what may be no such set."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from evidence.data.content import content_of_file
from evidence.data.facts import DataSet
from evidence.data.files import wrong_list
from evidence.data.read import load_data
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.parse import parse_milestone
from evidence.records.milestone import DataSpec
from tests.project import STUB, Project


def spec(path: str) -> DataSpec:
    """What `path` of a milestone comes to, spelled as in TOML."""
    text = STUB.replace('path = "data/train.jsonl"', f"path = {path}", 1)
    return parse_milestone(text.encode()).data["train"]


def read(root: Path, path: str) -> DataSet:
    return load_data(root, "train", spec(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "d/in").mkdir(parents=True)
    (tmp_path / "d/b.jsonl").write_text('{"prompt": "b1", "answer": "1"}\n')
    (tmp_path / "d/a.csv").write_text("answer,prompt\n2,a1\n3,a2\n")
    (tmp_path / "d/in/c.jsonl").write_text('{"prompt": "c1", "answer": "4"}\n')
    (tmp_path / "d/Z.jsonl").write_text('{"prompt": "z1", "answer": "5"}\n')
    return tmp_path


@pytest.mark.parametrize(
    ("path", "prompts"),
    [
        ('["d/b.jsonl", "d/a.csv"]', ["b1", "a1", "a2"]),
        ('"d/*.jsonl"', ["z1", "b1"]),
        ('"d/?.*"', ["z1", "a1", "a2", "b1"]),
        ('"d/**/*.jsonl"', ["z1", "b1", "c1"]),
        ('["d/in/*", "d/*.csv", "d/b.jsonl"]', ["c1", "a1", "a2", "b1"]),
        ('["d/b.jsonl"]', ["b1"]),
    ],
)
def test_rows_come_entry_by_entry_and_of_a_pattern_in_sorted_order(
    path: str, prompts: list[str], root: Path
) -> None:
    assert [row["prompt"] for row in read(root, path).rows] == prompts


def test_one_file_in_a_list_is_one_file(root: Path) -> None:
    assert spec('["d/b.jsonl"]') == spec('"d/b.jsonl"')
    assert read(root, '["d/b.jsonl"]').files == ()


def test_each_file_has_its_digest_and_the_rows_have_one(root: Path) -> None:
    found = read(root, '["d/b.jsonl", "d/a.csv"]')
    for one in found.files:
        content = (root / one.path).read_bytes()
        assert (one.sha256, one.size_bytes) == (sha256_hex(content), len(content))
    assert found.content == content_of_file(BytesIO(b"".join(map(jsonio.dump_row, found.rows))))
    other = read(root, '["d/a.csv", "d/b.jsonl"]')
    assert other.content.sha256 != found.content.sha256


def test_a_row_is_named_by_its_own_file_and_line(root: Path) -> None:
    found = read(root, '["d/b.jsonl", "d/a.csv"]')
    assert [found.place(index) for index in range(3)] == ["d/b.jsonl:1", "d/a.csv:2", "d/a.csv:3"]
    (root / "d/a.csv").write_text("answer,prompt\n2,a1\n,a2\n")
    with pytest.raises(MilestoneError, match=r"^d/a\.csv:3: field 'answer' is empty"):
        read(root, '["d/b.jsonl", "d/a.csv"]')


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('"d/*.json"', "'d/*.json' matches no file"),
        ('["d/b.jsonl", "d/gone.jsonl"]', "there is no file d/gone.jsonl"),
        ('["d/*.jsonl", "d/b.jsonl"]', "names d/b.jsonl, which an entry before it names too"),
    ],
)
def test_an_entry_that_names_no_file_or_one_again_is_refused(
    path: str, said: str, root: Path
) -> None:
    with pytest.raises(MilestoneError) as caught:
        read(root, path)
    assert said in caught.value.message


@pytest.mark.parametrize("path", ['"../*.jsonl"', '["a.jsonl", "/etc/b"]', '["d/../../*", "a"]'])
def test_several_files_lie_in_the_project(path: str) -> None:
    with pytest.raises(MalformedError, match=r"data\.train\.path: .* leads out of the project"):
        spec(path)


@pytest.mark.parametrize("path", ["[]", '["a", "a"]', "7", '[""]'])
def test_a_list_of_files_names_each_once(path: str) -> None:
    with pytest.raises(MalformedError, match="path"):
        spec(path)


def test_a_pattern_reaches_behind_no_link(root: Path) -> None:
    (root / "d/L.jsonl").symlink_to(root / "d/b.jsonl")
    assert [one.path for one in read(root, '"d/*.jsonl"').files] == ["d/Z.jsonl", "d/b.jsonl"]


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        (["x", "d/a", "d/b"], ""),
        (["x", "d/b"], ""),
        ([], "no file of 'x' is listed"),
        (["x"], "no file of 'd/*' is listed"),
        (["d/a"], "no file of 'x' is listed before d/a"),
        (["x", "d/b", "d/a"], "d/a does not stand in the order of `path`"),
        (["d/a", "x"], "no file of 'x' is listed before d/a"),
        (["x", "d/a", "d/a"], "d/a does not stand in the order of `path`"),
        (["x", "d/a", "y"], "no entry of `path` names y"),
    ],
)
def test_a_list_of_files_follows_from_the_entries(files: list[str], wrong: str) -> None:
    assert wrong_list(["x", "d/*"], files) == wrong


def test_a_missing_file_of_several_is_named_at_its_key(project: Project) -> None:
    project.edit('path = "data/train.jsonl"', 'path = "data/part-*.jsonl"')
    with pytest.raises(MilestoneError) as caught:
        project.run()
    assert "T1.toml:" in caught.value.message
    assert "data.train.path: 'data/part-*.jsonl' matches no file" in caught.value.message
