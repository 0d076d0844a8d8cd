"""A PyTorch that is built for ROCm is named as one. Held with a build's description: no such
machine was at hand."""

from __future__ import annotations

import pytest

from evidence.records.availability import Unavailable

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("hip", "said"),
    [
        ("6.4.43482", "this torch build is for ROCm (HIP 6.4.43482) and has no CUDA"),
        (None, "this torch build has no CUDA"),
    ],
)
def test_a_build_for_rocm_is_named(
    hip: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from evidence.backends.transformers import devices

    monkeypatch.setattr(torch.version, "hip", hip)
    assert devices.without_cuda() == Unavailable(said)
