"""`dataclass`, as the standard library has it; its frozen, slotted records are made sooner.

Responsible for what `dataclasses.dataclass(frozen=True, slots=True)` gives a class, with one
function compiled for it in place of six: the other five took a sixth of the time of `verify` of a
small pack. Fields, their defaults, slots and pattern matching stay the standard library's. Leaves
to it whatever is not a plain frozen, slotted record: mutable and ordered ones, those with a
`__post_init__`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, **further):
        """As `dataclasses.dataclass`, which type checkers see in this place."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, slots=slots, **further)
        if not frozen or not slots or further or hasattr(cls, "__post_init__"):
            return dataclasses.dataclass(cls, frozen=frozen, slots=slots, **further)
        return _record(cls)


def _record(cls: type) -> Any:
    """The class anew, with slots, and with the methods that it does not define itself."""
    # Without any, dataclasses looks for a signature, by parsing that of `object`.
    cls.__doc__ = cls.__doc__ or f"{cls.__name__}({', '.join(cls.__annotations__)})"
    made: Any = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=True)
    fields = dataclasses.fields(made)
    methods: dict[str, Callable[..., Any]] = {
        "__init__": _init_of(made, fields),
        "__repr__": _repr,
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }
    if "__eq__" not in vars(made):
        methods |= _comparison([field.name for field in fields if field.compare])
    for name, method in methods.items():
        if name not in vars(made):
            setattr(made, name, method)
    return made


def _init_of(made: Any, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """The one compiled function. Each value goes through its slot: `__setattr__` refuses."""
    parameters, body = ["self"], [" pass"]
    names: dict[str, Any] = {"absent": dataclasses.MISSING}
    for field in fields:
        name, given, otherwise = field.name, field.name, ""
        if field.default_factory is not dataclasses.MISSING:
            names[f"new_{name}"] = field.default_factory
            given, otherwise = f"new_{name}() if {name} is absent else {name}", "absent"
        elif field.default is not dataclasses.MISSING:
            names[f"default_{name}"] = field.default
            otherwise = f"default_{name}"
        names[f"set_{name}"] = getattr(made, name).__set__
        body.append(f" set_{name}(self, {given})")
        if field.init:
            parameters.append(f"{name}={otherwise}" if otherwise else name)
        else:  # found among the names instead
            names[name] = names[otherwise]
    text = f"def __init__({', '.join(parameters)}):\n" + "\n".join(body)
    exec(text, names)  # noqa: S102 - the names are those of a class's own annotations
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _comparison(names: list[str]) -> dict[str, Callable[..., Any]]:
    """Equal are two of the same class with the same values, as tuples are."""
    if len(names) > 1:
        values: Callable[[Any], Any] = attrgetter(*names)
    else:

        def values(self: Any) -> Any:
            return tuple(getattr(self, name) for name in names)

    def equal(self: object, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return {"__eq__": equal, "__hash__": lambda self: hash(values(self))}


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
