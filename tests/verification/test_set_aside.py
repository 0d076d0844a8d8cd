"""What was set aside when a run was closed is told once, in our words, with what a file has."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write

from evidence import layout
from evidence.text import endings
from evidence.verification.verification import verify_pack
from tests.fields.rich import RECOVERED

Edit = Callable[[dict[str, Any], dict[str, Any]], object]


def problems(folder: Path, edit: Edit | None) -> list[tuple[str, str]]:
    """What the check says of the toy with two recoveries before its first stage."""
    made = toy()
    events = made.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(events) if one["event"] == "stage-started")
    first, second = deepcopy(RECOVERED), deepcopy(RECOVERED)
    second["set_aside"] = []
    if edit is not None:
        edit(first, second)
    like = events[place - 1]
    events[place:place] = [
        {**deepcopy(like), "event": "recovered", "data": data} for data in (first, second)
    ]
    report = verify_pack(write(folder / "M90", made.seal().all_bytes()))
    if edit is None:
        assert report.verdict == "INTACT", report.findings
    return [
        (one.check, one.address.partition("/data/")[2])
        for one in report.findings
        if one.severity == "error"
    ]


def test_what_a_run_tells_is_right(tmp_path: Path) -> None:
    assert problems(tmp_path, None) == []


def put(number: int, **new: Any) -> Edit:
    return lambda first, _: first["set_aside"][number].update(new)


OF_NOTHING = sha256(b"").hexdigest()
A_FOLDER = endings.set_aside(endings.none_of_the_runs("folder"))


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (put(0, reason="was a virus; kept beside the run"), "set_aside/0/reason"),
        (put(0, reason=A_FOLDER), "set_aside/0/reason"),
        (put(1, reason=endings.set_aside(endings.none_of_the_runs("file"))), "set_aside/1/reason"),
        (put(0, size_bytes=None), "set_aside/0/size_bytes"),
        (put(1, size_bytes=4), "set_aside/1/size_bytes"),
        (put(0, size_bytes=0), "set_aside/0/size_bytes"),
        (put(0, sha256=OF_NOTHING), "set_aside/0/size_bytes"),
        (lambda first, second: second.update(set_aside=first["set_aside"][:1]), "set_aside/0"),
    ],
)
def test_what_no_run_tells_is_found(edit: Edit, place: str, tmp_path: Path) -> None:
    assert problems(tmp_path, edit) == [("set-aside", place)]
