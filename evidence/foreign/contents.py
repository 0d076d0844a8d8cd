"""What a file is by its first bytes, where no reader of ours opens it: archives, pickles, images.

Responsible for naming what is left unread. Nothing is unpacked, and no pickle is loaded.
"""

from __future__ import annotations

from typing import Final

_ARCHIVE: Final = "is an archive, which is not opened: what is inside is not read"
_PICKLE: Final = "is a pickle or holds one, which is never loaded"
_OPAQUE: Final = "is in a binary form that is not read"
_POINTER: Final = "is a pointer of Git LFS: the file that it stands for is not here"
_FIRST: Final[tuple[tuple[bytes, str], ...]] = (
    (b"version https://git-lfs.github.com/spec/", _POINTER),
    (b"PK\x03\x04", _ARCHIVE),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ\0", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x80\x02", _PICKLE),
    (b"\x80\x03", _PICKLE),
    (b"\x80\x04", _PICKLE),
    (b"\x80\x05", _PICKLE),
    (b"PAR1", _OPAQUE),
    (b"\x93NUMPY", _OPAQUE),
    (b"\x89HDF", _OPAQUE),
    (b"\x89PNG", _OPAQUE),
    (b"\xff\xd8\xff", _OPAQUE),
    (b"GIF8", _OPAQUE),
    (b"%PDF", _OPAQUE),
    (b"\x7fELF", _OPAQUE),
    (b"GGUF", _OPAQUE),
)
_TAR_AT: Final = 257
_PICKLED: Final = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


def unread(head: bytes, ending: str) -> str:
    """Why the file is left unread; empty where its first bytes do not tell."""
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return _ARCHIVE
    said = next((why for first, why in _FIRST if head.startswith(first)), "")
    if said == _ARCHIVE and ending in _PICKLED:  # torch saves a pickle in a zip
        return _PICKLE
    return said


def is_pointer(head: bytes) -> bool:
    """Whether Git LFS left a few lines in the place of the file."""
    return head.startswith(_FIRST[0][0])
