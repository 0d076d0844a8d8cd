"""A model of the hub whose configuration is in the local cache is told before a run; the hub itself
is not asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from evidence.records.milestone import ModelSpec
from evidence.worker.model_folders import RECORD_IT, unfit

pytest.importorskip("huggingface_hub")

COMMIT: Final = "a" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def keep(cache: Path, config: dict[str, object], revision: str = "main") -> None:
    """What a download of owner/name leaves."""
    model = cache / "models--owner--name"
    for folder in ("refs", f"snapshots/{COMMIT}", "blobs"):
        (model / folder).mkdir(parents=True)
    (model / "refs" / revision).write_text(COMMIT, "utf-8")
    (model / "snapshots" / COMMIT / "config.json").write_text(json.dumps(config), "utf-8")


def told(name: str = "owner/name", revision: str | None = None) -> list[tuple[str, str, str]]:
    return list(unfit(Path(), ModelSpec(id=name, revision=revision)))


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({"model_type": "t5", "is_encoder_decoder": True}, "it is an encoder-decoder (t5)"),
        (
            {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]},
            "it classifies or rates texts",
        ),
    ],
)
def test_what_is_not_trained_here_is_told_of_the_cache(
    config: dict[str, object], part: str, cache: Path
) -> None:
    keep(cache, config)
    ((key, message, hint),) = told()
    assert key == "id"
    assert message.startswith(f"owner/name: {part}")
    assert RECORD_IT in hint


def test_a_decoder_and_a_model_that_is_not_in_the_cache_are_let_through(cache: Path) -> None:
    assert told() == []
    keep(cache, {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]})
    assert told() == []
    assert told(revision="another") == []


@pytest.mark.parametrize("name", ["a//b", "a/b/c", "-", "owner/..", "x" * 200])
def test_a_name_that_the_hub_cannot_have_is_told_by_who_downloads_it(
    name: str, cache: Path
) -> None:
    assert told(name) == []
