"""The page runs/README.md: every pack in one line, newest first. Pure.

Responsible for words, order and escaping. The verdict comes with each entry; the page says that
it is as old as the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.records.reproduction import ReproductionRecord
from evidence.records.run import ManifestRecord, Relation, ResultsRecord
from evidence.render.render import TEMPLATE, fill
from evidence.text import endings, formatting, markdown

BLOCKS: Final = "▁▂▃▄▅▆▇█"
MAX_BLOCKS: Final = 8
MODEL_CHARS: Final = 60
SHORT_COMMIT: Final = 7
SHORT_ROOT: Final = 12
REPRODUCES: Final[Relation] = "reproduces"
ANOTHER_SEED: Final[Relation] = "runs-again-with-another-seed"
ANOTHER_ATTEMPT: Final[Relation] = "runs-again-in-another-attempt"
BEGINS_FROM: Final[Relation] = "begins-from"
_RELATIONS: Final[Mapping[Relation, str]] = {
    REPRODUCES: "reproduces",
    ANOTHER_SEED: "another seed of",
    ANOTHER_ATTEMPT: "another attempt of",
    BEGINS_FROM: "begins from",
}


class IndexEntry(Record):
    """What the page knows of one pack; `problem` is set where it shows no numbers of it."""

    name: str
    verdict: str
    """The verdict of verify on it, beside all other packs of the page."""
    manifest: ManifestRecord | None = None
    results: ResultsRecord | None = None
    reproductions: tuple[ReproductionRecord, ...] = ()
    root_sha256: str = ""
    problem: str = ""


def index_page(entries: Sequence[IndexEntry]) -> bytes:
    """The whole page. The same packs give the same bytes."""
    newest_first = sorted(entries, key=lambda entry: entry.name)
    newest_first.sort(key=_started, reverse=True)
    listed_roots = frozenset(entry.root_sha256 for entry in entries)
    rows = [_row(entry, listed_roots) for entry in newest_first]
    return fill(
        TEMPLATE, "index.md.j2", {"rows": rows, "count": formatting.plural(len(rows), "pack")}
    )


def sparkline(values: Sequence[float]) -> str:
    """One block a value from its lowest to its highest; evenly spaced ones of a long series."""
    if not values:
        return ""
    count = min(len(values), MAX_BLOCKS)
    last = len(values) - 1
    picked = [values[round(i * last / max(1, count - 1))] for i in range(count)]
    low, high = min(picked), max(picked)
    if high == low:
        return BLOCKS[0] * count
    return "".join(
        BLOCKS[min(len(BLOCKS) - 1, int((value - low) / (high - low) * len(BLOCKS)))]
        for value in picked
    )


def _started(entry: IndexEntry) -> str:
    value = None if entry.results is None else _value(entry.results, "run.started_utc")
    return value if isinstance(value, str) else ""


def _value(results: ResultsRecord, name: str) -> float | int | str | bool | None:
    record = results.values.get(name)
    return None if record is None else record.value


def _row(entry: IndexEntry, listed_roots: frozenset[str]) -> dict[str, Any]:
    name = markdown.inline(entry.name)
    if entry.manifest is None or entry.results is None:
        problem = markdown.inline(entry.problem, 120)
        return {"name": name, "verdict": entry.verdict, "problem": problem}
    manifest, results = entry.manifest, entry.results
    summary = f"{entry.name}/{layout.summary_name(manifest.milestone)}"
    link = f"[{name}]({summary})" if layout.SEALED_PATH.fullmatch(summary) else name
    commit = manifest.commit
    return {
        "name": link,
        "problem": "",
        "verdict": entry.verdict,
        "status": "; ".join([manifest.status, *_missed(manifest, results), *_imported(manifest)]),
        "date": markdown.inline(str(_value(results, "run.date") or "–")),
        "model": _model(results, stand_in=manifest.stand_in),
        "steps": _steps(results),
        "loss": _loss(results),
        "curve": sparkline([row.loss for row in results.loss_table]),
        "score": _best(results),
        "commit": "–" if isinstance(commit, Unavailable) else markdown.code(commit[:SHORT_COMMIT]),
        "reproduced": _reproduced(entry, listed_roots),
    }


def _missed(manifest: ManifestRecord, results: ResultsRecord) -> list[str]:
    """Required gates that were not met, by their number, and of a complete run those that were not
    checked: of another none could be."""
    complete = manifest.status == "complete"
    return [
        f"{formatting.plural(len(some), 'gate')} {what}"
        for what, some in endings.by_openness(results.gates)
        if complete or what == "not met"
    ]


def _imported(manifest: ManifestRecord) -> list[str]:
    return ["*imported, not observed*"] if manifest.origin == "imported" else []


def _model(results: ResultsRecord, *, stand_in: bool) -> str:
    value = str(_value(results, "model.id") or "–")
    if not stand_in:
        return markdown.inline(value, MODEL_CHARS)
    return f"{markdown.inline(value.rsplit('/', 1)[-1], MODEL_CHARS)} (stand-in)"


def _number(results: ResultsRecord, name: str, form: Any) -> str:
    value = _value(results, name)
    return str(form(value)) if isinstance(value, (int, float)) else "–"


def _steps(results: ResultsRecord) -> str:
    name = "program.num_steps" if "program.num_steps" in results.values else "train.num_steps"
    return _number(results, name, formatting.count)


def _loss(results: ResultsRecord) -> str:
    """Of the last logging interval; of a recorded program, which has none, of its last step."""
    if isinstance(_value(results, "program.loss_last"), (int, float)):
        return f"{_number(results, 'program.loss_last', formatting.fixed)} (last step)"
    return _number(results, "train.loss_end", formatting.fixed)


def _best(results: ResultsRecord) -> str:
    """The highest rate with the name of its scorer."""
    rates = [
        (value, name.split(".")[1])
        for name in sorted(results.values)
        if name.startswith("eval.") and name.endswith(".rate") and name.count(".") == 2
        if isinstance(value := _value(results, name), (int, float))
    ]
    if not rates:
        return "–"
    rate, scorer = max(rates, key=lambda pair: pair[0])
    return f"{formatting.share(rate)} ({markdown.inline(scorer)})"


def _closeness(record: ReproductionRecord) -> str:
    """Bitwise, or every tier by itself: none of the others implies the next."""
    if record.verdict == "bitwise":
        return record.verdict
    return ", ".join(tier.name for tier in record.tiers if tier.reached) or record.verdict


def _not_checked_note(record: ReproductionRecord, listed_roots: frozenset[str]) -> str:
    """verify recomputed it beside the packs that it names, or it had not all of them."""
    named = {record.reproduction.root_sha256, *(one.pack.root_sha256 for one in record.seeds)}
    return "" if named <= listed_roots else " (not checked: its pack is not here)"


def _reproduced(entry: IndexEntry, listed_roots: frozenset[str]) -> str:
    parts = [
        f"{_closeness(one)} by {markdown.code(one.reproduction.root_sha256[:SHORT_ROOT])}"
        f"{_not_checked_note(one, listed_roots)}"
        for one in entry.reproductions
    ]
    parents = () if entry.manifest is None else entry.manifest.parents
    parts += [
        f"*{_RELATIONS[parent.relation]} {markdown.code(parent.root_sha256[:SHORT_ROOT])}*"
        for parent in parents
    ]
    return "; ".join(parts) or "–"
