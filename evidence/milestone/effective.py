"""The milestone that a run follows: the file, with what was set on the command line.

Responsible for judging the two together, and for saying which setting a problem comes from. The
file alone has to be a milestone too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.overrides import Applied, Pointer, applied, said, settings_of, spelled
from evidence.milestone.parse import document_in, judged, parse_milestone
from evidence.milestone.seed_settings import without_effect
from evidence.records.milestone import Milestone
from evidence.records.overrides import OverrideRecord, OverridesRecord, Setting

MAX_SEALED_BYTES: Final = 64 << 10
"""Of overrides.json: what it says stands in one line of the journal too."""
NO_STRING: Final = "is not of type string"


def with_settings(source: bytes, settings: Sequence[Setting]) -> tuple[Milestone, Applied]:
    """The milestone with these settings, and what becomes of each.

    Raises MilestoneError with every problem and the setting that it comes from. The file has been
    parsed before: its own problems name its lines.
    """
    made = applied(document_in(source), settings)
    if made.problems:
        hint = "Keys are those of the milestone file, as train.seed or attempt.NAME.train.seed."
        raise MilestoneError("\n".join(made.problems), hint=hint)
    if len(sealed_as(made.overrides)) > MAX_SEALED_BYTES:
        raise MilestoneError(
            f"the settings, with what the file says, take more than {MAX_SEALED_BYTES} bytes",
            hint="Write a milestone file of its own.",
        )
    milestone, problems = judged(made.document)
    if milestone is None or problems:
        raise MilestoneError(
            "\n".join(_named(made, pointer, message) for pointer, message in problems),
            hint="The milestone file itself is well-formed; nothing was started.",
        )
    lost = list(without_effect(milestone, made))
    if lost:
        raise MilestoneError("\n".join(lost), hint="Nothing was started.")
    return milestone, made


@lru_cache(maxsize=16)
def effective(source: bytes, sealed: bytes | None) -> Milestone:
    """The milestone of milestone.toml and overrides.json. Raises MalformedError for the latter.

    Remembered, as a milestone is.
    """
    milestone = parse_milestone(source)
    if sealed is None:
        return milestone
    try:
        return with_settings(source, settings_in(sealed))[0]
    except MilestoneError as error:
        raise MalformedError(error.message.partition("\n")[0]) from error


def settings_in(sealed: bytes) -> tuple[Setting, ...]:
    """The settings of overrides.json. Raises MalformedError."""
    return settings_of(overrides_in(sealed))


def overrides_in(sealed: bytes) -> tuple[OverrideRecord, ...]:
    """What overrides.json says. Raises MalformedError."""
    return decode(OverridesRecord, jsonio.load_document(sealed)).overrides


def sealed_as(overrides: tuple[OverrideRecord, ...]) -> bytes:
    """overrides.json."""
    return jsonio.dump_document(encode(OverridesRecord("overrides.v1", overrides)))


def origins(made: Applied) -> Mapping[str, str]:
    """By its pointer in the file, the option that a value comes from."""
    return {
        pointer_of(place): said(one) for one, place in zip(made.overrides, made.places, strict=True)
    }


def pointer_of(place: Pointer) -> str:
    """As `parse` spells it."""
    return "".join(f"/{part}" for part in place)


def in_a_sentence(one: OverrideRecord) -> str:
    """What was set, and what the file says."""
    if one.was is None:
        return f"{said(one)}; the milestone file does not say it"
    return f"{said(one)}; the milestone file says {spelled(one.was)}"


def _named(made: Applied, pointer: str, message: str) -> str:
    """A problem with the option that it is about; of none alone, with all of them."""
    own = origins(made)
    key = pointer.strip("/").replace("/", ".") or "(top level)"
    for place, one in zip(made.places, made.overrides, strict=True):
        at = pointer_of(place)
        if pointer == at or pointer.startswith(f"{at}/"):
            quoted = Setting(one.key, str(one.value))
            is_other = not isinstance(one.value, (str, list)) and message.endswith(NO_STRING)
            how = f"; a string is: {said(quoted)}" if is_other else ""
            return f"{said(one)}: {message}{how}"
    return f"{', '.join(own.values())}: {key}: {message}"
