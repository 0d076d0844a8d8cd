"""The typed 'not available': a value that carries its reason instead of a null or a guess."""

from evidence.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Something was looked for and could not be had. In JSON: `{"unavailable": reason}`."""

    reason: str
