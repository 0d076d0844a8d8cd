"""Laws of the run for TensorBoard: its scalars are results and steps of the pack, and it reads
them."""

from __future__ import annotations

import builtins
import json
import math
import struct
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.errors import UsageError
from evidence.export.facts import Account
from evidence.export.formats import files_of
from evidence.export.tensorboard import files
from evidence.export.tracked import tag_of
from evidence.export.writing import write_files
from tests.documents import replaced
from tests.export.events import events, words
from tests.export.packs import account, exported, values

pytest.importorskip("tensorboard", reason="tensorboard is not here: evidence-pack[trackers]")

TEXTS = st.text(min_size=1) | st.sampled_from(NASTY)


def single(value: float) -> float:
    """The nearest number of single precision."""
    found: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return found


def scalars(pack: Path) -> dict[str, list[Any]]:
    found = defaultdict(list)
    (data,) = exported("tensorboard", pack).values()
    for event in events(data):
        for value in event.summary.value:
            if value.tensor.float_val:
                found[value.tag].append(event)
    return dict(found)


def described(found: dict[str, list[Any]], tag: str) -> str:
    text: str = found[tag][0].summary.value[0].metadata.summary_description
    return text


def test_every_number_is_a_result_with_address_and_level(pack: Path) -> None:
    of_pack, found = values(pack), scalars(pack)
    single_ones = {tag.partition("/")[2]: tag for tag in found if tag.startswith("results/")}
    assert single_ones
    for name, tag in single_ones.items():
        (event,) = found[tag]
        (value,) = event.summary.value
        one = of_pack[name]
        assert list(value.tensor.float_val) == [single(one["value"])]
        assert one["level"] != "declared"
        text = described(found, tag).replace("\\", "")
        assert f", {one['level']}, at " in text
        assert one["address"].replace("\\", "") in text
        assert f"`{json.dumps(one['value'])}`" in text, "in full precision, in words"


def test_every_curve_says_where_its_rows_are(pack: Path) -> None:
    found = scalars(pack)
    for tag in found:
        if tag.startswith("curves/"):
            assert "#L1-L" in described(found, tag)


def test_the_curve_is_the_steps_of_the_pack(complete: Path) -> None:
    rows = (complete / "training_output/metrics.jsonl").read_bytes().splitlines()
    steps = [json.loads(row) for row in rows]
    curve = scalars(complete)["curves/train.by_step.loss"]
    assert [[event.step, event.summary.value[0].tensor.float_val[0]] for event in curve] == [
        [one["step"], single(one["loss"])] for one in steps
    ]
    times = [event.wall_time for event in curve]
    assert times == sorted(times)


def test_what_was_not_measured_is_a_reason_and_no_scalar(pack: Path) -> None:
    of_pack, found = values(pack), scalars(pack)
    (data,) = exported("tensorboard", pack).values()
    text = words(data)
    for name, one in of_pack.items():
        if one["value"] is None:
            assert f"results/{name}" not in found
            assert f"`{name}`" in text


def test_the_name_of_the_file_is_that_of_the_pack(pack: Path) -> None:
    (path,) = exported("tensorboard", pack)
    folder, _, name = path.partition("/")
    assert folder == json.loads((pack / "manifest.json").read_bytes())["milestone"]
    assert name.startswith("events.out.tfevents.")
    assert name.endswith(".evidence-pack")


def test_tensorboard_reads_every_scalar_and_text(pack: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.util.tensor_util import make_ndarray

    write_files(tmp_path / "o", files_of("tensorboard", account(pack)), force=False)
    read = EventMultiplexer(tensor_size_guidance={"scalars": 0, "text": 0})
    read.AddRunsFromDirectory(str(tmp_path / "o"))
    read.Reload()
    (run,) = read.Runs()
    for tag, told in scalars(pack).items():
        shown = [
            (one.step, one.wall_time, make_ndarray(one.tensor_proto).item())
            for one in read.Tensors(run, tag)
        ]
        assert shown == [
            (one.step, one.wall_time, one.summary.value[0].tensor.float_val[0]) for one in told
        ]
        assert read.SummaryMetadata(run, tag).plugin_data.plugin_name == "scalars"
    assert read.SummaryMetadata(run, "pack/about").plugin_data.plugin_name == "text"


def test_a_number_past_single_precision_is_words(complete_account: Account) -> None:
    results = complete_account.documents.results
    assert results is not None
    assert complete_account.run is not None
    changed = {**results.values}
    changed["train.loss_end"] = replace(changed["train.loss_end"], value=1e39)
    documents = replaced(complete_account.run, results=replace(results, values=changed))
    (data,) = files(replace(complete_account, documents=documents)).values()
    assert isinstance(data, bytes)
    for event in events(data):
        for value in event.summary.value:
            assert value.tag != "results/train.loss_end"
            assert all(math.isfinite(one) for one in value.tensor.float_val)
    assert "`train.loss_end` | `1e+39`" in words(data) or "`train.loss_end` | `1e39`" in words(data)


@given(title=TEXTS, value=TEXTS, reason=TEXTS, name=TEXTS)
def test_hostile_words_end_nothing(
    title: str, value: str, reason: str, name: str, complete_account: Account
) -> None:
    """(I4)"""
    results = complete_account.documents.results
    assert complete_account.run is not None
    assert results is not None
    old = results.values
    changed = {
        **old,
        "train.optimizer": replace(old["train.optimizer"], value=value),
        "train.num_weights_changed": replace(old["train.num_weights_changed"], unavailable=reason),
        f"eval.by.{name}.rate": old["eval.exact.rate"],
    }
    documents = replaced(complete_account.run, results=replace(results, values=changed))
    (data,) = files(replace(complete_account, title=title, documents=documents)).values()
    assert isinstance(data, bytes)
    texts = [one for event in events(data) for one in event.summary.value]
    for one in texts:
        assert len(one.tag.splitlines()) == 1
        assert len(one.metadata.summary_description.splitlines()) <= 1
    tables = {one.tag: one.tensor.string_val[0].decode() for one in texts if one.tensor.string_val}
    assert len(tables["pack/about"].splitlines()) == 1
    for tag, columns in (("pack/settings", 5), ("pack/not measured", 3)):
        for row in tables[tag].splitlines():
            assert row.startswith("| ")
            assert row.replace("\\|", "").count("|") == columns


@given(names=st.sets(TEXTS, max_size=6))
def test_no_two_names_share_a_tag(names: set[str]) -> None:
    """(I4)"""
    assert len({tag_of(name) for name in names}) == len(names)


def test_without_the_package_it_says_what_to_install(
    complete_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_import = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return given_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match="not installed") as caught:
        files(complete_account)
    assert "evidence-pack[trackers]" in str(caught.value.hint)
