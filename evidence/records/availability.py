"""The typed 'not available': a value that carries its reason instead of a null or a guess."""

from evidence.records.record import Record


class Unavailable(Record, rename={"reason": "unavailable"}):
    """Something was looked for and could not be had. In JSON: `{"unavailable": reason}`."""

    reason: str
