"""Pages on disk: `evidence render PAGE` fills what is marked, `evidence audit PAGE` holds it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.encoding import schema
from evidence.markers.shown import inert
from evidence.text.formatting import FORMATS
from tests.command import evidence
from tests.importing.made import make_pack

GOLDEN = Path(__file__).parents[1] / "packs/golden/v1"
CLOSE = "<!-- /evidence -->"


def marked(value: str, content: str = "", more: str = "", pack: str = "M90") -> str:
    name = f'"{value}"' if " " in value else value
    return f"<!-- evidence {pack} {name}{more} -->{content}{CLOSE}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(GOLDEN / "complete/M90", tmp_path / "M90")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def value_of(pack: Path, name: str) -> float:
    found = json.loads((pack / "results.json").read_bytes())["values"][name]["value"]
    assert isinstance(found, (int, float))
    return found


def page(text: str | bytes, name: str = "README.md") -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_page_is_filled_from_the_evidence_and_then_supported(folder: Path) -> None:
    loss = value_of(folder / "M90", "train.loss_end")
    path = page(f"Loss {marked('train.loss_end')}, {marked('train.loss_end', '9', ' decimals=4')}.")
    assert evidence("audit", "README.md").exit == 1
    assert evidence("render", "README.md", "--check").exit == 1
    ended = evidence("render", "README.md")
    assert (ended.exit, ended.err) == (0, "")
    exact = f"{loss:.4f}"
    assert path.read_text("utf-8") == (
        f"Loss {marked('train.loss_end', f'{loss:.2f}')}, "
        f"{marked('train.loss_end', exact, ' decimals=4')}."
    )
    assert evidence("render", "README.md", "--check").exit == 0
    assert evidence("audit", "README.md").exit == 0


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_what_is_marked_changes_and_a_second_time_nothing(folder: Path, end: str) -> None:
    before = (
        f"\ufeff# \u00e9{end}{end}a {marked('train.loss_end')} b{end}\tc  ".encode() + b"\xff\xfe"
    )
    path = page(before)
    if os.name == "posix":
        path.chmod(0o640)
    assert evidence("render", "README.md").exit == 0
    first = path.read_bytes()
    start, _, rest = first.partition(b"-->")
    assert start + b"-->" + rest[rest.index(b"<!-- /") :] == before
    assert "same" in evidence("render", "README.md").out
    assert path.read_bytes() == first
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in folder.iterdir() if one.name.endswith(".partial")] == []


_KILLED = """
import os, signal
from evidence.system import durable
class System:
    def __getattr__(self, name):
        return getattr(os, name)
    def replace(self, *_):
        os.kill(os.getpid(), signal.SIGKILL)
durable.os = System()
from evidence.cli.main import main
main()
"""
"""`evidence`, killed as a file that is whole is about to take its place."""


@pytest.mark.skipif(os.name != "posix", reason="nothing is killed here")
@pytest.mark.parametrize("changes", [True, False], ids=["written", "same"])
def test_what_a_killed_render_leaves_beside_a_page_the_next_takes_away_and_nothing_else(
    folder: Path, changes: bool
) -> None:
    path = page(marked("train.loss_end"))
    before = path.read_bytes()
    killed = subprocess.run([sys.executable, "-c", _KILLED, "render", "README.md"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    (left,) = folder.glob(".*.partial")
    others = [".README.md~old.partial", ".README.md.7.partial", ".NOTES.md~NOTES.md.7.partial"]
    for name in others:
        (folder / name).touch()
    (folder / ".README.md~README.md.8.partial").mkdir()
    (folder / ".README.md~README.md.9.partial").symlink_to("README.md")
    if not changes:
        path.write_bytes(left.read_bytes())
    assert evidence("render", "README.md", "--check").exit == int(changes)
    assert left.exists()
    assert evidence("render", "README.md").exit == 0
    assert "-->0." in path.read_text("utf-8")
    assert not left.exists()
    assert all((folder / name).exists() for name in others)
    assert len(list(folder.glob(".README.md~README.md.*"))) == 2


def test_a_page_that_a_link_leads_to_is_filled_and_the_link_stays(folder: Path) -> None:
    page(marked("train.loss_end", pack="../M90"), "docs/paper.md")
    (folder / "README.md").symlink_to("docs/paper.md")
    assert evidence("render", "README.md").exit == 0
    assert (folder / "README.md").is_symlink()
    assert "-->0." in (folder / "docs/paper.md").read_text("utf-8")


def test_what_was_not_measured_says_so_with_its_reason_and_is_never_0(folder: Path) -> None:
    path = page(marked("hardware.num_gpus"))
    assert evidence("render", "README.md").exit == 0
    text = path.read_text("utf-8")
    assert "-->not measured (" in text
    assert ">0<" not in text


def test_texts_and_addresses_are_shown_as_they_stand(folder: Path) -> None:
    row = json.loads((folder / "M90/training_output/metrics.jsonl").read_bytes().splitlines()[0])
    at = "training_output/metrics.jsonl#L1/loss"
    path = page(f"{marked('model.dtype')} {marked(at)} {marked(at, more=' decimals=1')}")
    assert evidence("render", "README.md").exit == 0
    text = path.read_text("utf-8")
    assert f"-->{json.dumps(row['loss'])}<" in text
    assert f"-->{row['loss']:.1f}<" in text
    assert "-->float32<" in text


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (marked("train.loss_ended"), 2, "train.loss_end"),
        (marked("results.json#/values/nothing"), 2, "there is nothing at"),
        (marked("training_output/metrics.jsonl#L1-L2/loss"), 2, "more than one place"),
        (marked("model.dtype", more=" decimals=2"), 2, "no number"),
        (marked("train.loss_end", pack="M91"), 2, "from the folder of the page"),
        (f"{marked('train.loss_end')} {CLOSE}", 2, "closes no marker"),
    ],
)
def test_a_page_with_a_marker_that_cannot_be_filled_is_not_written(
    folder: Path, text: str, code: int, says: str
) -> None:
    path = page(f"{marked('train.loss_end', '9')} {text}")
    before = path.read_bytes()
    ended = evidence("render", "README.md")
    assert ended.exit == code, ended
    assert says in ended.err
    assert path.read_bytes() == before
    ended = evidence("audit", "README.md")
    assert ended.exit == 1, ended
    assert says in ended.out


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("train.learning_rate", "count"),
        ("train.loss_end", "count"),
        ("train.loss_end", "size"),
        ("train.loss_end", "share"),
        ("train.num_steps", "percent"),
        ("train.num_steps", "memory"),
        ("training_output/metrics.jsonl#L1/loss", "count"),
        ("training_output/metrics.jsonl#L2/step", "whole_percent"),
    ],
)
def test_a_format_that_would_say_something_else_is_refused(
    folder: Path, value: str, form: str
) -> None:
    page(marked(value, "1", f" format={form}"))
    ended = evidence("render", "README.md")
    assert ended.exit == 2, ended
    assert f"format={form} is for" in ended.err
    assert evidence("audit", "README.md").exit == 1


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("eval.exact.rate", "percent"),
        ("checkpoint.size_bytes", "size"),
        ("train.num_steps", "count"),
        ("train.learning_rate", "rate"),
        ("train.loss_end", "tenths"),
        ("results.json#/values/checkpoint.size_bytes/value", "memory"),
    ],
)
def test_a_format_that_says_what_the_value_is_fills_the_page(
    folder: Path, value: str, form: str
) -> None:
    page(marked(value, more=f" format={form}"))
    ended = evidence("render", "README.md")
    assert ended.exit == 0, ended


def test_a_pack_that_is_broken_is_not_quoted(folder: Path) -> None:
    results = folder / "M90/results.json"
    results.write_bytes(results.read_bytes().replace(b"0", b"1", 1))
    path = page(marked("train.loss_end", "0.72"))
    ended = evidence("render", "README.md")
    assert ended.exit == 1, ended
    assert "results.json" in ended.err
    assert path.read_text("utf-8") == marked("train.loss_end", "0.72")
    assert "no-pack" in evidence("audit", "README.md").out


def test_a_pack_that_is_unsafe_is_refused(folder: Path) -> None:
    (folder / "M90/link").symlink_to("/etc/hostname")
    page(marked("train.loss_end", "0.72"))
    assert evidence("render", "README.md").exit == 5


def test_a_failed_run_is_quoted_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(GOLDEN / "failed/M90", tmp_path / "M90")
    monkeypatch.chdir(tmp_path)
    path = page(marked("train.loss_end"))
    assert evidence("render", "README.md").exit == 0
    assert "-->not measured (" in path.read_text("utf-8")


def test_what_a_number_does_not_say_of_its_pack_is_said_where_it_is_filled(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(make_pack(tmp_path / "made"), folder / "OLD")
    page(f"{marked('train.loss_end')} and {marked('train.loss_end', pack='OLD')}")
    for words in (("render", "README.md"), ("audit", "README.md")):
        said = evidence(*words).out
        assert "M90 was made on a stand-in model" in said
        assert "OLD was imported, and nothing of its run was observed" in said


def test_what_lies_in_a_pack_is_not_filled(folder: Path) -> None:
    ended = evidence("render", "M90/m90_summary.md")
    assert ended.exit == 2, ended
    assert "lies in a pack" in ended.err


def test_other_files_are_no_pages(folder: Path) -> None:
    page("x", "a.tex")
    assert evidence("render", "a.tex").exit == 5, "it is taken for a pack"
    page(b"a" * ((2 << 20) + 1))
    assert "bytes" in evidence("render", "README.md").err


def test_a_project_with_a_manifest_of_its_own_is_no_pack(folder: Path) -> None:
    page("{}", "manifest.json")
    page("{}", "results.json")
    page(marked("train.loss_end"))
    assert evidence("render", "README.md").exit == 0


def test_packs_and_pages_are_rendered_together(folder: Path) -> None:
    page(marked("train.loss_end"))
    (folder / "M90/m90_summary.md").unlink()
    ended = evidence("render", "README.md", "M90")
    assert ended.exit == 0, ended
    assert "README.md: written, 1 marker" in ended.out


def test_the_audit_of_markers_is_a_document_of_its_schema(folder: Path) -> None:
    page(f"A {marked('train.loss_end', '9')} {marked('x.y')} {CLOSE} `{marked('a.b')}`")
    ended = evidence("audit", "README.md", "--json")
    assert ended.exit == 1
    document = json.loads(ended.out)
    assert schema.validate("audit.v1", document) == ()
    outcomes = [one["outcome"] for one in document["markers"]]
    assert outcomes == ["differs", "no-value", "malformed"]
    assert document["notes"] == [
        "README.md: markers in code are left alone: 1",
        "README.md: M90 was made on a stand-in model: a marker does not say so, the page has to",
    ]
    assert "| differs |" in evidence("audit", "README.md", "--markdown").out


def test_an_audit_of_markers_needs_markers_unless_it_is_asked_for(folder: Path) -> None:
    page("Nothing is marked.")
    assert evidence("audit", "README.md").exit == 2
    assert evidence("audit", "README.md", "--markers").exit == 0
    assert evidence("audit", "README.md", "--markers", "--pack", "M90").exit == 2


def test_a_page_that_is_not_there_is_called_no_pack(folder: Path) -> None:
    ended = evidence("render", "gone.md")
    assert ended.exit == 2
    assert "cannot read gone.md" in ended.err


@pytest.mark.parametrize("name", ["README.mdd", "README.md ", "docs", "paper.tex", "gone.md"])
def test_what_is_no_page_is_no_page_whose_markers_are_true(folder: Path, name: str) -> None:
    page(f"Loss {marked('train.loss_end')}.")
    assert evidence("render", "README.md").exit == 0
    Path("docs").mkdir()
    Path("paper.tex").write_text("The loss is 9.")
    for words in ([name, "--markers"], ["README.md", name, "--markers"], ["README.md", name]):
        ended = evidence("audit", *words)
        assert ended.exit == 2, ended
        assert name in ended.err or "needs evidence" in ended.err


def test_claims_and_markers_are_held_together(folder: Path) -> None:
    page(f"| a | value |\n|---|---|\n| steps | 7 |\n\nLoss {marked('train.loss_end', '9')}.")
    ended = evidence("audit", "README.md", "--pack", "M90", "--json")
    document = json.loads(ended.out)
    assert document["claims"]
    assert [one["outcome"] for one in document["markers"]] == ["differs"]


def test_a_page_that_is_filled_is_not_accused_by_an_audit_of_its_claims(folder: Path) -> None:
    page(f"The final loss was {marked('train.loss_end')}, of {marked('train.num_steps')} steps.")
    assert evidence("render", "README.md").exit == 0
    ended = evidence("audit", "README.md", "--pack", "M90")
    assert ended.exit == 0, ended.out


HOSTILE = [
    "--> <script>x</script>",
    f"{CLOSE} **b**",
    "`<!-- /evidence -->`",
    "[a](http://evil.example) www.evil.example a@evil.example",
    "a | b\n# c\r\x1b[31m\u202e",
    "<!-- evidence M90 x.y -->",
    "&lt;b&gt; \\ $x$ ~y~ @name #1",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["README.md", "page.html"])
def test_no_value_closes_its_marker_or_is_markup(text: str, name: str) -> None:
    from markdown_it import MarkdownIt

    from evidence.markers.comment import Kind
    from evidence.markers.marker import markers_in

    kind: Kind = "html" if name.endswith("html") else "markdown"
    line = f"x {marked('a.b', inert(text))} y"
    found = markers_in(line, kind)
    assert not found.bad
    assert [one.content for one in found.found] == [inert(text)]
    tokens = MarkdownIt("commonmark").parse(line)[1].children or []
    kinds = {one.type for one in tokens}
    assert kinds <= {"text", "html_inline", "text_special"}, kinds
    assert all(one.content.startswith("<!--") for one in tokens if one.type == "html_inline")
    assert "http://" not in line
    assert "www." not in line


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with names")
def test_a_pipe_is_no_page(folder: Path) -> None:
    os.mkfifo(folder / "README.md")
    assert evidence("audit", "README.md").exit == 2


def test_the_formats_of_the_page_of_documentation_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs/numbers.md").read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `format="))
    assert re.findall(r"`(\w+)`", row.rpartition("one of")[2]) == list(FORMATS)
