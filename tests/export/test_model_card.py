"""Laws of the model card: the hub's own reader takes it, and no text of a pack ends its front."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.export.facts import Account, line
from evidence.export.model_card import NOT_ON_THE_HUB, files
from evidence.export.yaml_text import dump
from evidence.pack.documents import Documents
from tests.documents import replaced
from tests.export.hub import of_the_hub
from tests.export.packs import account, exported, holds, values

TEXTS = st.text() | st.sampled_from(NASTY) | st.sampled_from(("---", "a\n---\n# b", "1e3", "no"))


def card(pack: Path) -> Any:
    """The card as the hub's library reads it."""
    hub = pytest.importorskip("huggingface_hub", reason="the hub's library reads cards")
    return hub.ModelCard(exported("model-card", pack)["README.md"].decode("utf-8"))


def front(page: bytes) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(page.decode("utf-8").split("\n---\n")[0][4:])
    return found


def test_the_hubs_library_reads_every_score_with_its_name(complete: Path) -> None:
    read = card(complete).data.eval_results
    assert {(one.metric_type, one.metric_value) for one in read} == {
        ("exact", values(complete)["eval.exact.rate"]["value"]),
        ("numeric", values(complete)["eval.numeric.rate"]["value"]),
    }


def test_every_number_of_the_index_is_a_result_with_its_address(pack: Path) -> None:
    of_pack = values(pack)
    for one in card(pack).data.eval_results or ():
        name, level, address = re.fullmatch(r"(\S+), (\w+) \((.+)\)", one.metric_name).groups()
        assert holds(of_pack, name, one.metric_value)
        assert (of_pack[name]["level"], of_pack[name]["address"]) == (level, address)


def test_every_row_of_the_page_is_a_result_with_its_address_and_level(pack: Path) -> None:
    of_pack = values(pack)
    text = exported("model-card", pack)["README.md"].decode("utf-8")
    row = r"^\| `([^`]+)` \| (.*?) \| (?:.*? \| )?(\w+) \| `?(\S*#[^|`]*)`? \|$"
    found = re.findall(row, text, re.MULTILINE)
    assert len(found) > 8
    for name, shown, level, address in found:
        one = of_pack[name]
        assert (one["level"], one["address"]) == (level, address.strip())
        if isinstance(one["value"], float | int) and not isinstance(one["value"], bool):
            assert float(shown) == one["value"]


def test_a_stand_in_names_no_base_and_no_leaderboard(complete: Path) -> None:
    data = card(complete).data.to_dict()
    assert "base_model" not in data
    assert data["model-index"][0]["name"].endswith("(stand-in)")
    assert list(exported("model-card", complete)) == ["README.md"]


def test_a_failed_and_an_imported_run_have_no_index(pack: Path) -> None:
    data = card(pack).data.to_dict()
    assert ("model-index" in data) == ("complete" in pack.parts)
    if pack.name == "OLD":
        assert "imported-not-observed" in data["tags"]
        assert "base_model" not in data


def test_what_comes_from_the_hub_is_linked(complete: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the hub's library reads cards")
    made = files(of_the_hub(account(complete)))
    data = front(made["README.md"])
    assert (data["base_model"], data["datasets"]) == ("org/base", ["org/train"])
    (result,) = data["model-index"][0]["results"]
    assert result["dataset"] == {
        "type": "org/eval", "name": "org/eval", "config": "main", "split": "test",
        "revision": "0" * 40,
    }  # fmt: skip
    results = [name for name in made if name.startswith(".eval_results/")]
    assert len(results) == 2
    for name in results:
        (entry,) = hub.parse_eval_result_entries(yaml.safe_load(made[name]))
        assert (entry.dataset_id, entry.task_id) == ("org/eval", "main")
        value, _, rest = entry.notes.partition(", ")
        assert holds(values(complete), value, entry.value)
        assert rest.startswith("observed, at predictions.jsonl")


def test_what_is_a_file_has_no_id(complete: Path) -> None:
    data = front(exported("model-card", complete)["README.md"])
    assert data["model-index"][0]["results"][0]["dataset"]["type"] == NOT_ON_THE_HUB
    assert "datasets" not in data


@given(TEXTS)
def test_yaml_says_the_same_text_and_keeps_it_in_quotes(text: str) -> None:
    """A text of a pack is one value (I4), whichever YAML reads it."""
    if any(0xD800 <= ord(sign) < 0xE000 for sign in text):
        return
    written = dump({"key": text, "list": [text]})
    assert yaml.safe_load(written) == {"key": text, "list": [text]}
    assert "\n---" not in written
    assert written.startswith('key: "')


@given(title=TEXTS, reason=TEXTS)
def test_hostile_words_end_no_front_and_act_nowhere(
    title: str, reason: str, complete_account: Account
) -> None:
    documents = complete_account.documents
    assert isinstance(documents, Documents)
    spec = replace(documents.milestone, title=title, objective=reason)
    results = documents.results
    assert results is not None
    name = "train.num_weights_changed"
    value = replace(results.values[name], unavailable=reason or "none")
    told = replace(results, values={**results.values, name: value})
    given_ = replace(
        complete_account,
        documents=replaced(documents, milestone=spec, results=told),
        title=line(title),
        standing=(reason,),
    )
    page = files(given_)["README.md"]
    plain = files(complete_account)["README.md"]
    assert front(page) == front(plain)
    body = page.decode("utf-8").split("\n---\n", 1)[1]
    assert "<script" not in body.lower()
    assert re.search(r"(?<!\\)!\[", body) is None
