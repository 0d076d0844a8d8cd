"""Whatever is asked of `explain`, it answers or says what is wrong; it never breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy import intact_bytes, toy, write

from evidence import layout
from evidence.cli.explain import command
from evidence.errors import EvidenceError, PackBrokenError, UsageError
from evidence.explain import explain as explaining
from evidence.explain.explain import Explanation, explain
from evidence.verification.verification import SealedPack, load_sealed
from tests.packs.case import GOLDEN

PATHS = (*layout.NEEDED_ALWAYS, layout.METRICS, layout.PREDICTIONS, "SHA256SUMS", "../x", "")
NUMBERS = ("0", "1", "2", "10", "999999", "1" * 30, "-1", "+1", "01", "1.0", "1e1", " 1")
NUMBERS += ("١", "１", "²", "Ⅷ", "")
PARTS = (
    *NUMBERS,
    "values",
    "loss",
    "files",
    "data",
    "train.loss_end",
    "value",
    "gates",
    "~0",
    "~1",
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("packs") / "T1", intact_bytes())


@pytest.fixture
def _read_once(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question costs its address only."""
    sealed = load_sealed(pack)
    monkeypatch.setattr(explaining, "load_sealed", lambda path: sealed)


def asked(pack: Path, address: str) -> Explanation | EvidenceError:
    try:
        return explain(pack, address)
    except (UsageError, PackBrokenError) as error:
        return error


@pytest.mark.parametrize(
    "address",
    [
        f"{layout.MANIFEST}#/files/99999",
        f"{layout.MANIFEST}#/files/99999/path",
        f"{layout.MANIFEST}#/files/-1",
        f"{layout.MANIFEST}#/files/١/path",
        f"{layout.MANIFEST}#/files/１",
        f"{layout.MANIFEST}#/files/²",
        f"{layout.MANIFEST}#/files/01",
        f"{layout.MANIFEST}#/files/0/path/0",
        f"{layout.MANIFEST}#/nothing/0",
        f"{layout.METRICS}#L٣/loss",
        f"{layout.METRICS}#L0/loss",
        f"{layout.METRICS}#L2-L1/loss",
        f"{layout.METRICS}#L99999/loss",
        f"{layout.METRICS}#L1-L99999/loss",
        f"{layout.METRICS}#L{'9' * 5000}/loss",
        f"{layout.METRICS}#L1/loss/0",
        f"{layout.MANIFEST}#L1/files",
        f"{layout.MANIFEST}#/loss/" + "x" * 5000,
        "#",
        "#/",
        " + #",
        "../secret#/x",
    ],
)
def test_an_address_that_leads_nowhere_is_a_message(address: str, pack: Path) -> None:
    error = asked(pack, address)
    assert isinstance(error, UsageError), error
    assert len(error.message) < 1000
    result = CliRunner().invoke(command, [str(pack), address])
    assert isinstance(result.exception, UsageError)


def test_what_is_there_is_shown_with_its_line(pack: Path) -> None:
    found = explain(pack, f"{layout.MANIFEST}#/files/0/path")
    (place,) = found.places
    assert place.shown in (pack / layout.MANIFEST).read_text().splitlines()[place.line - 1]
    rows = explain(pack, f"{layout.METRICS}#L1-L4/loss")
    assert [one.line for one in rows.places] == [1, 2, 4]
    assert rows.num_more == 1


@pytest.mark.parametrize(
    "address",
    [
        f"{layout.MANIFEST}#/files/99999/path",
        f"{layout.METRICS}#L99999/loss",
        f"{layout.METRICS}#L1/no-such-key",
        f"{layout.MANIFEST}#/files/١/path",
        "nowhere.json#/x",
        "no address at all",
    ],
)
def test_results_that_hold_such_an_address_make_the_pack_broken(
    address: str, tmp_path: Path
) -> None:
    forged = toy()
    forged.doc(layout.RESULTS)["values"]["train.loss_end"]["address"] = address
    files = forged.seal(forget=["results"]).all_bytes()
    lying = write(tmp_path / "T1", {name: data for name, data in files.items() if data})
    error = asked(lying, "train.loss_end")
    assert isinstance(error, PackBrokenError), error
    assert "train.loss_end" in error.message
    assert isinstance(asked(lying, "train.loss_mean"), Explanation)


def addresses() -> Any:
    pointers = st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=5).map(
        lambda parts: "".join(f"/{part}" for part in parts)
    )
    lines = st.lists(st.sampled_from(NUMBERS), max_size=2).map(
        lambda found: "-".join(f"L{number}" for number in found)
    )
    one = st.tuples(st.sampled_from(PATHS), lines, pointers).map(lambda p: f"{p[0]}#{p[1]}{p[2]}")
    return st.lists(one | st.text(max_size=20), min_size=1, max_size=3).map(" + ".join)


@pytest.mark.usefixtures("_read_once")
@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(addresses())
@example("manifest.json#/files/0/size_bytes")
def test_no_address_breaks_it(pack: Path, address: str) -> None:
    found = asked(pack, address)
    if isinstance(found, Explanation):
        assert all(place.path in layout.NEEDED_ALWAYS or place.path for place in found.places)


@pytest.mark.usefixtures("_read_once")
def test_every_address_of_the_results_leads_somewhere(pack: Path) -> None:
    sealed: SealedPack = explaining.load_sealed(pack)
    assert sealed.documents.results is not None
    for name in sealed.documents.results.values:
        assert isinstance(asked(pack, name), Explanation), name


@pytest.mark.parametrize("status", ["complete", "failed"])
def test_every_value_of_an_intact_pack_can_be_explained(status: str) -> None:
    """What was not measured, too: a pack is not broken for it."""
    golden = GOLDEN / "v1" / status / "M90"
    results = load_sealed(golden).documents.results
    assert results is not None
    for name, value in results.values.items():
        found = asked(golden, name)
        assert isinstance(found, Explanation), name
        assert (value.value is None) == found.value.startswith("not measured"), name


def _walk(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, value
    named = dict(enumerate(value)) if isinstance(value, list) else value
    for key, part in named.items() if isinstance(named, dict) else ():
        step = str(key).replace("~", "~0").replace("/", "~1")
        yield from _walk(part, f"{pointer}/{step}")


@pytest.mark.usefixtures("_read_once")
def test_every_place_of_a_document_has_an_address(pack: Path) -> None:
    for pointer, value in _walk(toy().doc(layout.MANIFEST), ""):
        found = explain(pack, f"{layout.MANIFEST}#{pointer}")
        assert found.places[0].pointer == pointer
        if not isinstance(value, (dict, list)):
            assert found.value[:20] in found.places[0].shown
