"""Laws of asking the hub: a model that is not here is asked for, and the answer is not waited for
without end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from evidence.worker import requirements

pytest.importorskip("huggingface_hub")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_never_answers_is_out_of_reach_after_a_while(
    silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", silent_server)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    monkeypatch.setattr(requirements, "HUB_TIMEOUT_S", 0.3)
    began = time.monotonic()
    (missing,) = requirements._hub("someone/some-model", "main")
    assert 0.3 <= time.monotonic() - began < 10
    assert missing[0] == (
        "someone/some-model is not in the local cache and the hub cannot be reached (ReadTimeout)"
    )
    assert "hf download someone/some-model" in missing[1]


@pytest.mark.parametrize(
    ("error", "token", "messages"),
    [
        (None, None, ()),
        (None, "hf_one", ()),
        ("GatedRepoError", None, ("a/b is gated, and there is no Hugging Face token",)),
        ("GatedRepoError", "hf_one", ("the licence of a/b is not accepted for this token",)),
        (
            "RepositoryNotFoundError",
            None,
            ("the hub knows no public a/b, and there is no Hugging Face token",),
        ),
        (
            "RepositoryNotFoundError",
            "hf_one",
            ("the hub knows no a/b, or this token may not see it",),
        ),
    ],
)
def test_a_token_is_missing_only_where_the_hub_asks_for_one(
    error: str | None, token: str | None, messages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    def answer(*_: object, **__: object) -> None:
        if error is not None:
            kind = getattr(errors, error)
            raise kind.__new__(kind)

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: token)
    monkeypatch.setattr(huggingface_hub.HfApi, "auth_check", answer)
    assert tuple(text for text, _ in requirements._hub("a/b", "main")) == messages
