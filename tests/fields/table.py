"""docs/fields.toml: what becomes of another value at each field, and what a trial of it shows.

Responsible for reading the table and for one trial. Which packs are tried is `packs`'s.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from evidence.records.finding import Report
from evidence.records.record import Record
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.fields.changes import Place, changed, places

TABLE: Final = Path(__file__).parents[2] / "docs" / "fields.toml"
TOPICS: Final = "only-a-signature"
"""The table of the file that says in a sentence what each kind of declared fields is."""
FILES: Final = "files"
"""The table of files that are no documents."""

Way = Literal["found", "warned", "repo", "declared"]


class Trial(Record):
    """One place with another value, and what verify makes of it."""

    place: Place
    way: Way
    checks: tuple[str, ...]
    """Those that failed, with a clone where nothing failed without one."""
    cloned: bool
    """Whether there was a clone to ask."""


def read_table() -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, str]]:
    """Lines by document and field, and the sentences of what is declared."""
    found: dict[str, Any] = tomllib.loads(TABLE.read_text("utf-8"))
    topics: dict[str, str] = found.pop(TOPICS)
    found.pop(FILES, None)
    return found, topics


def chosen(pack: Path, folder: Path, most: int) -> list[Place]:
    """At most so many places of each field of a pack, evenly spread."""
    by_field: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places(ForgedPack(Bench(pack, folder))):
        by_field[place.document, place.field].append(place)
    return [one for all_of in by_field.values() for one in _spread(all_of, most)]


def trials(pack: Path, folder: Path, wanted: list[Place]) -> Iterator[Trial]:
    """Each of the places with another value, one after the other."""
    bench = Bench(pack, folder)
    before = verify_pack(bench.pack)
    assert before.exit_code in (0, 4), f"{pack} is not intact to begin with"
    clone = pack.parents[1] if (pack.parents[1] / ".git").is_dir() else None
    for place in wanted:
        with bench.restored():
            bench.put(changed(bench, place))
            yield _tried(bench, place, before, clone)


def _tried(bench: Bench, place: Place, before: Report, clone: Path | None) -> Trial:
    report = verify_pack(bench.pack)
    if report.exit_code in (1, 5):
        return Trial(place, "found", _failed(report), clone is not None)
    if clone is not None:
        further = verify_pack(bench.pack, VerifyOptions(further=repository_checks(clone)))
        if further.exit_code in (1, 5):
            return Trial(place, "repo", _failed(further), cloned=True)
    known = [(one.code, one.address) for one in before.findings]
    new = [one for one in report.findings if (one.code, one.address) not in known]
    warned = any(one.severity == "warning" for one in new)
    return Trial(place, "warned" if warned else "declared", (), clone is not None)


def _failed(report: Report) -> tuple[str, ...]:
    failed = {one.id for one in report.checks if one.outcome == "fail"}
    return tuple(sorted(failed - {"rendered-bytes", "rendered-list"} or failed))


def _spread(found: list[Place], most: int) -> list[Place]:
    apart = max(1.0, len(found) / most)
    return list({found[int(i * apart)]: None for i in range(min(most, len(found)))})
