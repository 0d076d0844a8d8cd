"""The choices of a row to evaluate on, and which is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evidence.data.template_text import as_text
from evidence.errors import DataError, MalformedError
from evidence.records.eval_spec import ChoicesSpec

MAX_CHOICES: Final = 64


def choices_of(row: Mapping[str, Any], spec: ChoicesSpec) -> tuple[tuple[str, ...], int]:
    """Texts of the choices, and the place of the right one, from 0. Raises MalformedError."""
    for name in (spec.field, spec.right):
        if name not in row:
            raise MalformedError(f"has no {name!r}")
    found, right = row[spec.field], row[spec.right]
    if not isinstance(found, list) or not 2 <= len(found) <= MAX_CHOICES:
        raise MalformedError(f"{spec.field!r} is no list of 2 to {MAX_CHOICES} choices")
    texts = tuple(as_text(one) for one in found)
    if not all(isinstance(one, (str, int, float)) for one in found) or not all(texts):
        raise MalformedError(f"a choice in {spec.field!r} is empty, or no text")
    if len(set(texts)) < len(texts):
        raise MalformedError(f"two choices in {spec.field!r} are the same")
    place = _place(right)
    if place is None or not 0 <= place < len(texts):
        raise MalformedError(
            f"{spec.right!r} is {str(right)[:40]!r}, and says which of {len(texts)} choices is "
            "right: a place from 0, or a letter from A"
        )
    return texts, place


def refuse_choices(
    place: str, row: Mapping[str, Any], spec: ChoicesSpec, target_field: str
) -> None:
    """Raise DataError for a row without clear choices; `place`: where it stands."""
    try:
        texts, right = choices_of(row, spec)
    except MalformedError as error:
        raise DataError(f"{place}: {error.message}") from error
    target = as_text(row.get(target_field, texts[right]))
    if target in texts and target != texts[right]:
        text = (
            f"expects {target[:40]!r} in {target_field!r}, which is another choice than the right"
        )
        raise DataError(f"{place}: {text} one, {texts[right][:40]!r}")


def _place(right: Any) -> int | None:
    if isinstance(right, int) and not isinstance(right, bool):
        return right
    is_letter = isinstance(right, str) and len(right) == 1 and right.isascii() and right.isalpha()
    return ord(right.upper()) - ord("A") if is_letter else None
