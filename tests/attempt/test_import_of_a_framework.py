"""While a worker imports its framework nothing is looked for that could be thrown away; afterwards
it is again, whatever became of the import."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from evidence.worker.main import _nothing_thrown_away


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_collected_again_after_an_import() -> None:
    with _nothing_thrown_away():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_garbage_is_collected_again_after_an_import_that_failed() -> None:
    with pytest.raises(ModuleNotFoundError), _nothing_thrown_away():
        raise ModuleNotFoundError("torch")
    assert gc.isenabled()
