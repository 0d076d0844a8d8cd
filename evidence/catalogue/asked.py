"""What `evidence find` is asked: conditions from words to something typed. Pure."""

from __future__ import annotations

from math import isfinite
from string import hexdigits
from typing import Final, Literal

from evidence.errors import UsageError
from evidence.records.record import Number, Record
from evidence.text.package_name import normalised

Op = Literal["<", "<=", ">", ">=", "==", "!="]
_OPS: Final[tuple[Op, ...]] = ("<=", ">=", "==", "!=", "<", ">")
_MIN_DIGEST: Final = 7


class ValueAsked(Record):
    """A value and what it must be: a number, or words for `==` and `!=`."""

    name: str
    op: Op
    number: Number | None
    words: str | None


class Asked(Record):
    """All conditions; a pack must meet every one. Empty: it does not matter."""

    packages: tuple[tuple[str, str], ...] = ()
    """Normalised name and version; an empty version is any."""
    values: tuple[ValueAsked, ...] = ()
    show: tuple[str, ...] = ()
    """Further values to show."""
    data: tuple[str, ...] = ()
    """Beginnings of SHA-256 digests."""
    models: tuple[str, ...] = ()
    milestone: str | None = None
    status: str | None = None
    state: str | None = None
    origin: str | None = None
    stand_in: bool | None = None
    commit: str | None = None
    root: str | None = None

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the values to show, each once."""
        return tuple(dict.fromkeys([*(one.name for one in self.values), *self.show]))


def package_asked(text: str) -> tuple[str, str]:
    """Name and version of `lightning==2.6.2`; an empty version of `lightning`."""
    name, equals, version = text.partition("==")
    if not name.strip() or (equals and not version.strip()) or set("<>~!=;[ ") & set(name.strip()):
        text = f"--package {text}: a name, or a name and its exact version"
        raise UsageError(text, hint="For example --package lightning==2.6.2")
    return normalised(name.strip()), version.strip()


def value_asked(text: str) -> ValueAsked:
    """The condition of `train.loss_end<1.0`."""
    start = next((at for at, letter in enumerate(text) if letter in "<>=!"), len(text))
    op = next((one for one in _OPS if text.startswith(one, start)), None)
    name, wanted = text[:start].strip(), text[start + len(op or "") :].strip()
    if op is None or not name or not wanted or wanted[0] in "<>=!":
        said = f"--value {text}: a name, one of < <= > >= == !=, and a number"
        raise UsageError(said, hint="For example --value 'train.loss_end<1.0'")
    number = _number(wanted)
    if number is None and op not in ("==", "!="):
        raise UsageError(f"--value {text}: {wanted!r} is no number, and words have no order")
    return ValueAsked(name, op, number, wanted if number is None else None)


def digest_asked(option: str, text: str) -> str:
    """The beginning of a digest or of a commit, in small letters."""
    digits = text.removeprefix("sha256:").lower()
    if not _MIN_DIGEST <= len(digits) <= 64 or not set(digits) <= set(hexdigits):
        said = f"{option} {text}: from {_MIN_DIGEST} to 64 hexadecimal digits"
        raise UsageError(said, hint="The beginning of a digest will do.")
    return digits


def _number(text: str) -> Number | None:
    for kind in (int, float):
        try:
            number: Number = kind(text)
        except ValueError:
            continue
        if not isfinite(number) or (isinstance(number, int) and abs(number) >= 2**63):
            raise UsageError(f"--value: {text} is no number that a result can be")
        return number
    return None
