"""Whether a pack with something more attached is one that verify still reads.

Responsible for the limits of reading, asked before anything is written. Every command that attaches
does so by `summaries.attach_file`, which asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import limits
from evidence.errors import UsageError

_ROOM_FOR_SIGNATURES_BYTES: Final = 1 << 20
_HINT: Final = "Attach a shorter note; what was attached before stays in the pack."


def refuse_too_much(
    attached: Mapping[str, bytes], name: str, data: bytes, rendered: Mapping[str, bytes]
) -> None:
    """Raise UsageError where verify would refuse the pack with `data` attached as `name`.

    `rendered` is its rendered set as it would be then.
    """
    if len(data) > limits.MAX_NOTE_BYTES:
        raise UsageError(
            f"{name} would have {len(data)} bytes, more than verify reads "
            f"({limits.MAX_NOTE_BYTES}); nothing was attached",
            hint=_HINT,
        )
    after = {**attached, name: data}
    attached_bytes = sum(map(len, after.values()))
    _refuse_attached(attached_bytes)
    total_bytes = attached_bytes + sum(map(len, rendered.values()))
    if total_bytes > limits.MAX_RENDERED_BYTES - _ROOM_FOR_SIGNATURES_BYTES:
        raise UsageError(
            f"with {name} the summary and what is attached would have {total_bytes} bytes, more "
            f"than verify reads ({limits.MAX_RENDERED_BYTES}); nothing was attached",
            hint=_HINT,
        )


def refuse_without_room(attached: Mapping[str, bytes], more_bytes: int) -> None:
    """Raise UsageError where so much more could not be attached: asked before it is made."""
    _refuse_attached(sum(map(len, attached.values())) + more_bytes)


def _refuse_attached(total_bytes: int) -> None:
    if total_bytes > limits.MAX_ATTACHED_BYTES:
        raise UsageError(
            f"{total_bytes} bytes would be attached to the pack, more than verify reads "
            f"({limits.MAX_ATTACHED_BYTES}); nothing was attached",
            hint=_HINT,
        )
