"""`Record`, the base of every frozen record.

Responsible for what all records have in common: fields are given once and cannot be changed, two
are equal when class and values are. `msgspec` makes the classes; a changed copy is made by
`msgspec.structs.replace`. What changes as it is filled is a plain `msgspec.Struct`.
"""

from __future__ import annotations

from typing import TypeAlias, dataclass_transform

from msgspec import Struct, field

Number: TypeAlias = int | float
"""As it was written: 20 stays 20, where a field of floats would make it 20.0 for its readers."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """Frozen and slotted. Type checkers learn from the decorator that subclasses are, too."""
