"""Logs of Inspect (inspect_ai) in JSON: what was evaluated, its scores, and those of its samples.

Responsible for their facts, and for computing `accuracy`, `mean` and `stderr` again as its metrics
do: C is 1, P is 0.5, I and N are 0; of several epochs the mean of a sample's values stands for it.
Conversations, events and stores of samples are not gone through: the original has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Any, Final, Protocol

from evidence.encoding.pointer import escaped
from evidence.foreign.digits import summed
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.finding import cut
from evidence.foreign.tables import fact
from evidence.foreign.trainings import is_number
from evidence.records.record import Record
from evidence.rules.arithmetic import mean
from evidence.rules.spread import standard_error

INSPECT: Final = "inspect-log"
_LETTERS: Final = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS: Final = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_MEANS: Final = ("accuracy", "mean")
_TOTAL: Final = "/results/total_samples"
_OWN: Final = "inspect_ai/"
_STDERR: Final = "stderr"
_OF_SAMPLES: Final = ("id", "epoch")
_ERROR: Final = "error"
"""Of a sample that ended with one: whatever it was, Inspect takes the mean of the others."""


class Walk(Protocol):
    """What goes through a document (`documents`)."""

    def new_row(self) -> int:
        """The number of one more row."""

    def place(self, pointer: str) -> Place:
        """Where a pointer points to."""

    def leaves(self, value: Any, parts: tuple[str, ...] = ()) -> Iterator[Fact]:
        """Facts of all leaves below."""


class InspectScore(Record):
    """One metric of a log, and what its samples give; None with the reason why not."""

    task: str
    fact: Fact
    found: float | None
    what: str
    num_samples: int
    place: Place | None
    why_not: str = ""


def is_log(value: Mapping[str, Any]) -> bool:
    """Whether a document is one, by its shape."""
    asked = value.get("eval")
    names = isinstance(asked, dict) and {"task", "model"} <= asked.keys()
    return names and "status" in value and ("results" in value or "samples" in value)


def log_facts(value: Mapping[str, Any], walk: Walk) -> Iterator[Fact]:
    """Metrics under task and scorer, samples as rows with their scores, all else by its leaves."""
    task, results = str(value["eval"]["task"]), value.get("results")
    scores = results.get("scores") if isinstance(results, dict) else None
    for index, one in enumerate(scores if isinstance(scores, list) else ()):
        if isinstance(one, dict):
            yield from _metrics(task, index, one, walk)
    samples = value.get("samples")
    for index, one in enumerate(samples if isinstance(samples, list) else ()):
        if isinstance(one, dict):
            yield from _sample(index, one, walk)
    rest = {key: one for key, one in value.items() if key not in ("samples", "reductions")}
    if isinstance(results, dict):
        rest["results"] = {key: one for key, one in results.items() if key != "scores"}
    yield from walk.leaves(rest)


def _metrics(task: str, index: int, score: Mapping[str, Any], walk: Walk) -> Iterator[Fact]:
    scorer, metrics = str(score.get("scorer", score.get("name"))), score.get("metrics")
    for key, one in metrics.items() if isinstance(metrics, dict) else ():
        if isinstance(one, dict) and not isinstance(one.get("value"), (dict, list)):
            place = walk.place(f"/results/scores/{index}/metrics/{escaped(key)}/value")
            yield fact(str(key), one.get("value"), place, scope=(task, scorer))
    rest = {key: one for key, one in score.items() if key != "metrics"}
    if isinstance(metrics, dict):
        rest["metrics"] = {key: _without_value(one) for key, one in metrics.items()}
    yield from walk.leaves(rest, ("results", "scores", str(index)))


def _without_value(metric: Any) -> Any:
    if not isinstance(metric, dict):
        return metric
    return {key: one for key, one in metric.items() if key != "value"}


def _sample(index: int, sample: Mapping[str, Any], walk: Walk) -> Iterator[Fact]:
    row, scores = walk.new_row(), sample.get("scores")
    for name in _OF_SAMPLES:
        if not isinstance(sample.get(name), (dict, list)):
            yield fact(name, sample.get(name), walk.place(f"/samples/{index}/{name}"), row)
    if sample.get("error") is not None:
        yield fact(_ERROR, True, walk.place(f"/samples/{index}/{_ERROR}"), row)
    for scorer, one in scores.items() if isinstance(scores, dict) else ():
        value = one.get("value") if isinstance(one, dict) else None
        if value is not None:
            place = walk.place(f"/samples/{index}/scores/{escaped(scorer)}/value")
            told = "(several values)" if isinstance(value, (dict, list)) else value
            yield fact("score", told, place, row, scope=(str(scorer),))


def scores_of(source: Source) -> Iterator[InspectScore]:
    """Each metric of a log."""
    said = {one.place.address: one for one in source.facts if one.row is None}
    metrics = {
        one.place.address: one
        for one in source.facts
        if one.place.address.startswith("/results/scores/")
        and one.place.address.endswith("/value")
        and len(one.scope) == 2
        and is_number(one)
    }
    for address, one in metrics.items():
        at = "/".join(address.split("/")[:4])
        task, scorer = one.scope
        what = "standard error" if _named(one) == _STDERR else "mean"
        values, why = _values(source, scorer)
        why = _unlike(said, at, address, one) or why
        if not why and what != "mean" and len(values) < 2:
            why = "one sample has no standard error"
        if why:
            yield InspectScore(task, one, None, what, 0, None, why)
            continue
        numbers = [number for number, _ in values]
        found = mean(numbers) if what == "mean" else standard_error(numbers)
        yield InspectScore(task, one, found, what, len(numbers), values[0][1])
    yield from _total(source, said)


def _total(source: Source, said: Mapping[str, Fact]) -> Iterator[InspectScore]:
    """How many samples there were, each epoch of one: of a log that went to its end, which has them
    all; none where it was told to log no samples."""
    task, status, total = (said.get(at) for at in ("/eval/task", "/status", _TOTAL))
    rows = _samples(source)
    is_whole = rows and not source.is_partial and status is not None and status.value == "success"
    stopped = any(
        at.startswith("/results/early_stopping") and one.value is not None
        for at, one in said.items()
    )
    if total is None or task is None or not is_number(total) or not is_whole or stopped:
        return
    place = Place(source.path, None, "/samples")
    yield InspectScore(str(task.value), total, float(len(rows)), "number", len(rows), place)


def _named(one: Fact) -> str:
    """The metric, without Inspect's own package: `accuracy` of another one is another metric."""
    return one.name.removeprefix(_OWN)


def _unlike(said: Mapping[str, Fact], at: str, address: str, one: Fact) -> str:
    """Why a metric is none of those that are computed here; empty where it is."""
    if _named(one) not in (*_MEANS, _STDERR):
        return "it is not known to be a mean of samples"
    params = address.removesuffix("value") + "params/"
    if any(place.startswith(params) for place in said):
        return "its metric was given parameters"
    names = [said[f"{at}/{key}"].value for key in ("name", "scorer") if f"{at}/{key}" in said]
    if len(set(names)) > 1:
        return "it is of one of several values of a score"
    reducer = said.get(f"{at}/reducer")
    if reducer is not None and reducer.value not in (None, "mean"):
        return f"samples were reduced by {reducer.value}"
    return ""


def _values(source: Source, scorer: str) -> tuple[list[tuple[float, Place]], str]:
    """The value of each sample with its place, or why there are none."""
    rows = _samples(source)
    found: dict[Any, list[tuple[float, Place]]] = {}
    scored: set[int] = set()
    for one in source.facts:
        if one.row is None or one.name != "score" or one.scope != (scorer,):
            continue
        number = _number(one)
        if number is None:
            return [], "a sample has a value that is no number"
        scored.add(one.row)
        found.setdefault(rows.get(one.row, {}).get("id", one.row), []).append((number, one.place))
    if source.is_partial or not found:
        return [], "the log was not read as a whole" if found else "the log has no samples of it"
    why = _unlike_samples(rows, scored)
    if why:
        return [], why
    means = [(mean([number for number, _ in each]), each[0][1]) for each in found.values()]
    return means, ""


def _samples(source: Source) -> dict[int, dict[str, Any]]:
    """What is said of each sample besides its scores."""
    rows: dict[int, dict[str, Any]] = {}
    for one in source.facts:
        if one.row is not None and one.place.address.startswith("/samples/"):
            row = rows.setdefault(one.row, {})
            if not one.scope:
                row[one.name] = one.value
    return rows


def _unlike_samples(rows: Mapping[int, Mapping[str, Any]], scored: Container[int]) -> str:
    """Why the samples are not each one of its epoch, with a score or an error; empty where they
    are."""
    named = Counter((one.get("id"), one.get("epoch")) for one in rows.values())
    (name, epoch), count = named.most_common(1)[0]
    if count > 1:
        return f"the log has {count} samples of the id {cut(str(name))} and the epoch {epoch}"
    lacking = sum(row not in scored and _ERROR not in one for row, one in rows.items())
    return f"{lacking} of its {len(rows)} samples have no score and no error" if lacking else ""


def _number(one: Fact) -> float | None:
    """A value as Inspect's metrics take it; None for one that is none."""
    value = one.value
    if isinstance(value, (bool, int, float)):
        return summed(value)
    text = str(value)
    if text in _LETTERS:
        return _LETTERS[text]
    return _WORDS.get(text.lower())
