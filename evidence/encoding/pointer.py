"""JSON pointers (RFC 6901): keys as they stand in one, and read out of one."""

from __future__ import annotations


def escaped(key: object) -> str:
    """A key, or a place in a list, as a part of a pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def parts_of(pointer: str) -> list[str]:
    """The keys of a pointer; none of the empty one, which is the whole document."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
