"""Laws of records: ours act as those that the standard library makes."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import field
from typing import Any

import pytest

import evidence
from evidence.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    first: Any
    second: Any = 2
    third: list[int] = field(default_factory=list)
    fourth: dict[str, int] = field(default_factory=dict, init=False)
    fifth: int = field(default=5, repr=False, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    first: Any
    second: Any = 2
    third: list[int] = field(default_factory=list)
    fourth: dict[str, int] = field(default_factory=dict, init=False)
    fifth: int = field(default=5, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class One:
    only: Any


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Named:
    """Shows itself in its own way."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


def records_of_the_package() -> Iterator[type]:
    """Every frozen record with slots, `__match_args__` marking what dataclasses made."""
    for module in pkgutil.walk_packages(evidence.__path__, "evidence."):
        if module.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if (
                inspect.isclass(kind)
                and kind.__module__ == module.name
                and dataclasses.is_dataclass(kind)
                and "__slots__" in vars(kind)
                and "__getstate__" in vars(kind)
                and not hasattr(kind, "__post_init__")
            ):
                yield kind


RECORDS = sorted(records_of_the_package(), key=lambda kind: (kind.__module__, kind.__qualname__))


def by_the_standard_library(kind: type) -> type:
    """The same fields under the same name, made by `dataclasses`."""
    fields = [
        (
            one.name,
            one.type,
            field(
                default=one.default,
                default_factory=one.default_factory,
                init=one.init,
                repr=one.repr,
                compare=one.compare,
                kw_only=one.kw_only,
            ),
        )
        for one in dataclasses.fields(kind)
    ]
    made: type = dataclasses.make_dataclass(kind.__name__, fields, frozen=True, slots=True)
    made.__qualname__ = kind.__qualname__
    return made


def parameters(kind: type) -> list[tuple[str, Any, bool]]:
    return [
        (one.name, one.kind, one.default is not inspect.Parameter.empty)
        for one in inspect.signature(kind).parameters.values()
    ]


def test_the_package_has_many_records() -> None:
    assert len(RECORDS) > 150


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_record_is_made_shown_and_compared_as_by_the_standard_library(kind: type) -> None:
    other = by_the_standard_library(kind)
    values = {name: f"value of {name}" for name, _, optional in parameters(other) if not optional}
    ours, theirs = kind(**values), other(**values)
    assert parameters(kind) == parameters(other)
    assert kind.__match_args__ == other.__match_args__
    assert [getattr(ours, one) for one in kind.__match_args__] == [
        getattr(theirs, one) for one in other.__match_args__
    ]
    if "__repr__" in vars(kind) and kind.__repr__.__module__ == "evidence.dataclass":
        assert repr(ours) == repr(theirs)
    assert ours == kind(**values)
    assert ours != theirs
    assert not hasattr(ours, "__dict__")


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_defaults_are_taken_and_made_anew_for_each(kind: Any) -> None:
    one, other = kind(1), kind(1)
    assert (one.first, one.second, one.third, one.fourth, one.fifth) == (1, 2, [], {}, 5)
    assert one.third is not other.third
    assert one.fourth is not other.fourth
    assert kind(1, third=[7]).third == [7]


@pytest.mark.parametrize("kind", [Ours, Theirs])
@pytest.mark.parametrize("arguments", [{}, {"first": 1, "fourth": {}}, {"first": 1, "sixth": 6}])
def test_a_missing_or_unknown_value_is_refused(kind: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        kind(**arguments)


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_no_field_can_be_set_added_or_deleted(kind: Any) -> None:
    record = kind(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'first'"):
        record.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'first'"):
        del record.first
    with pytest.raises((AttributeError, TypeError)):
        record.sixth = 6
    assert record.first == 1


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_records_are_equal_by_class_and_by_what_is_compared(kind: Any) -> None:
    nan = float("nan")
    assert kind(nan) == kind(nan)  # as tuples: the same object
    assert kind(1, fifth=5) == kind(1, fifth=6)
    assert kind(1) != kind(2)
    assert kind(1) != kind(1, 3)
    assert kind(1) != (1, 2, [], {})
    assert kind(1).__eq__(1) is NotImplemented


def test_equal_records_hash_alike_and_hashing_needs_hashable_values() -> None:
    assert hash(One(1)) == hash(One(1))
    assert len({One(1), One(1), One(2), Nothing(), Nothing()}) == 3
    assert One(float("nan")) != One(float("nan"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(1))


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_a_record_is_shown_with_what_is_to_be_shown(kind: Any) -> None:
    assert repr(kind("a")) == f"{kind.__name__}(first='a', second=2, third=[], fourth={{}})"
    own: list[Any] = []
    record = kind(own)
    own.append(record)
    assert "first=[...]" in repr(record)


def test_what_a_class_defines_itself_is_kept() -> None:
    assert repr(Named("me")) == "<me>"
    assert Named.__doc__ == "Shows itself in its own way."
    assert Ours.__doc__ == "Ours(first, second, third, fourth, fifth)"


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_a_record_is_copied_replaced_pickled_and_matched(kind: Any) -> None:
    record = kind(1, 3, [4])
    pickled = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own
    for same in (copy.copy(record), copy.deepcopy(record), pickled):
        assert same == record
        assert same is not record
    assert dataclasses.replace(record, second=9) == kind(1, 9, [4])
    assert dataclasses.asdict(record)["third"] == [4]
    match record:
        case Ours(first, second) | Theirs(first, second):
            assert (first, second) == (1, 3)
        case _:
            pytest.fail("no match")


def test_what_is_no_plain_record_is_the_standard_librarys() -> None:
    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        value: int

    @dataclass(slots=True)
    class Mutable:
        value: int

    @dataclass
    class Plain:
        value: int

    @dataclass(frozen=True, slots=True)
    class Checked:
        value: int

        def __post_init__(self) -> None:
            assert self.value > 0

    assert Ordered(1) < Ordered(2)
    mutable, plain = Mutable(1), Plain(1)
    mutable.value = plain.value = 2
    assert (mutable, plain) == (Mutable(2), Plain(2))
    with pytest.raises(AssertionError):
        Checked(0)
