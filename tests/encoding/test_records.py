"""Laws of records: given once, never changed, equal by class and values."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

import evidence
from evidence.records.record import Record
from tests.frameworks import FRAMEWORKS


class Pair(Record):
    first: Any
    second: Any = 2
    third: list[int] = field(default_factory=list)


class Other(Record):
    first: Any
    second: Any = 2
    third: list[int] = field(default_factory=list)


class One(Record):
    only: Any


def structs_of_the_package() -> Iterator[type[Struct]]:
    for module in pkgutil.walk_packages(evidence.__path__, "evidence."):
        if not module.name.endswith("__main__"):
            for kind in vars(imported(module.name)).values():
                if isinstance(kind, type(Struct)) and kind.__module__ == module.name:
                    yield kind


def imported(name: str) -> ModuleType:
    """A module; an empty one for those that need JAX, which has an environment of its own."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if name.startswith("evidence.backends.tunix.") and missing in {*FRAMEWORKS, "ml_dtypes"}:
            return ModuleType(name)
        raise


def test_all_but_the_few_that_are_filled_as_a_pack_is_read_are_frozen() -> None:
    kinds = list(structs_of_the_package())
    mutable = {kind.__name__ for kind in kinds if not kind.__struct_config__.frozen}
    assert mutable == {
        "Contents",
        "Fed",
        "Gathering",
        "Header",
        "Models",
        "RenderedSet",
        "RowsRead",
        "SealedSet",
        "Tree",
        "Truncation",
        "View",
        "_File",
        "_Process",
    }
    assert len(kinds) > 150


def test_no_field_can_be_set_added_or_deleted() -> None:
    record: Any = Pair(1)
    with pytest.raises(AttributeError, match="immutable"):
        record.first = 2
    with pytest.raises(AttributeError, match="immutable"):
        del record.first
    with pytest.raises(AttributeError):
        record.fourth = 4
    assert record == Pair(1)


def test_records_are_equal_by_class_and_values() -> None:
    assert Pair(1) == Pair(1, 2, [])
    assert Pair(1) != Pair(2)
    assert Pair(1) != Other(1)
    assert len({One(1), One(1), One(2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair(1))


@pytest.mark.parametrize("arguments", [{}, {"first": 1, "fourth": 4}])
def test_a_missing_or_unknown_value_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"first|fourth"):
        Pair(**arguments)


def test_a_default_is_made_anew_for_each() -> None:
    assert Pair(1).third is not Pair(1).third


def test_a_record_is_copied_changed_pickled_and_matched() -> None:
    record = Pair(1, 3, [4])
    pickled = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own
    for same in (copy.copy(record), copy.deepcopy(record), pickled):
        assert same == record
    assert replace(record, second=9) == Pair(1, 9, [4])
    match record:
        case Pair(first, second):
            assert (first, second) == (1, 3)
