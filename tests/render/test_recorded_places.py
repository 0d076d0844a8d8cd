"""The gate's law at every place of a recorded program: its words act nowhere.

Each text of its documents, one after the other, in the summary; all at once, in a terminal.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from render.sample import ROOT
from render.test_every_place import TEXTS, WORD, Counted, changed, is_authors, texts_of

from evidence.cli.boundary import guarded
from evidence.cli.main import cli
from evidence.errors import EvidenceError
from evidence.pack.documents import Documents
from evidence.render.render import render_pack
from evidence.results.compute import compute_results
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from tests.fields.packs import PACKS
from tests.shared import made_once

NAMES = ("recorded", "recorded-resumed")
QUICK = 8
ACTS = "\x1b]52;c;YQ==\x07\u202e\u200b\r\x1b[2K| `x` <b>\n# all is well ✅"


@pytest.fixture(scope="module", params=NAMES)
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, f"fields-{request.param}", PACKS[request.param])


@pytest.fixture
def documents(pack: Path, tmp_path: Path) -> Documents:
    return ForgedPack(Bench(pack, tmp_path)).documents()


def shown(documents: Documents, path: tuple[str | int, ...], text: str) -> str | None:
    """The summary; None where no pack can have such a text there."""
    try:
        made = changed(replace(documents, results=None), path, text)
        made = replace(made, results=compute_results(made))
        return render_pack(made, ROOT, {})["r1_summary.md"].decode()
    except (EvidenceError, LookupError, ValueError, TypeError, AttributeError):
        return None


def of_places(documents: Documents, every: int) -> int:
    places = [
        path
        for path in sorted(texts_of(replace(documents, results=None)), key=repr)
        if path[0] not in ("sizes", "digests", "milestone_text", "manifest", "packages")
    ]
    num_shown = 0
    for index, path in enumerate(places[::every]):
        plain = shown(documents, path, WORD)
        if plain is None or plain == shown(documents, path, "other"):
            continue
        num_shown += 1
        for text in TEXTS if every == 1 else [TEXTS[index % len(TEXTS)]]:
            page = shown(documents, path, text)
            if page is None or is_authors(path):
                continue
            before, after = Counted(plain), Counted(page)
            bold = {"b"} if "pieces" in path else set()  # each line of a token that carries loss
            assert (after.tags - before.tags).keys() <= {"code", "em", "p"} | bold, (path, text)
            assert not after.leads - before.leads, (path, text)
            lost = before.tags - after.tags
            assert lost.keys() <= {"code", "p", "b", "br", "em"}, (path, text, lost)
    return num_shown


def test_a_text_at_some_places_of_a_recorded_program_brings_nothing(documents: Documents) -> None:
    assert of_places(documents, QUICK) >= 2


@pytest.mark.full
def test_a_text_at_every_place_of_a_recorded_program_brings_nothing(documents: Documents) -> None:
    assert of_places(documents, 1) >= 20


def everywhere(value: Any, key: str = "") -> Any:
    """A document with a text that acts behind each of its texts, where one is free."""
    if isinstance(value, dict):
        return {name: everywhere(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [everywhere(inner, key) for inner in value]
    free = isinstance(value, str) and "sha256" not in key
    return value + ACTS if free and key not in ("schema", "kind", "mode", "file", "kept_as",
                                                "loss", "what", "loss_rule") else value  # fmt: skip


@pytest.mark.parametrize("asked", [
    ("verify",), ("verify", "--json"), ("explain", "program.num_steps"), ("compare",),
    ("render",)])  # fmt: skip
def test_no_text_of_a_recorded_program_acts_in_a_terminal(
    asked: tuple[str, ...],
    pack: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench = Bench(pack, tmp_path)
    forged = ForgedPack(bench)
    for path in forged.names:
        if path.startswith("program/") and path.endswith(".json"):
            forged.docs[path] = everywhere(forged.doc(path))
    bench.put(forged.seal().all_bytes())
    command, *rest = asked
    packs = [str(bench.pack)] * (2 if command == "compare" else 1)
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("sys.argv", ["evidence", command, *packs, *rest])
    with pytest.raises(SystemExit) as ended:
        guarded(cli)
    signal.signal(signal.SIGTERM, handler)
    assert ended.value.code in (0, 1, 4)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    summary = (bench.pack / "r1_summary.md").read_text("utf-8")
    for said in (out, err, summary):
        assert not {"\x1b", "\x07", "\u202e", "\u200b", "\r"} & set(said)
        assert "\n# all is well" not in said
    if "--json" in asked:
        json.loads(out)


def test_places_of_a_recorded_program_are_found(documents: Documents) -> None:
    found = {str(path[-1]) for path in texts_of(documents)}
    assert {"how_it_ended", "loss_rule", "text", "place", "why_not"} <= found
