"""What was set on the command line, instead of what the milestone file says: overrides.json."""

from typing import Any, Literal

from evidence.records.record import Record

OVERRIDES_SCHEMA = "overrides.v1"


class Setting(Record):
    """A key of the milestone, and the value that was asked for it."""

    key: str
    """A dotted path; an entry of an array of tables goes by its name."""
    value: Any
    """A string, number or boolean, or a list of these."""


class OverrideRecord(Record):
    """A setting that takes the place of the one in the milestone file."""

    key: str
    value: Any
    was: Any
    """What the file says; None: it does not say it."""
    origin: Literal["command line"]


class OverridesRecord(Record):
    """overrides.json, in the order in which they were given. Only where there are any."""

    schema: Literal["overrides.v1"]
    overrides: tuple[OverrideRecord, ...]
