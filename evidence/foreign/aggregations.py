"""How a task of lm-eval makes one number of its samples' scores, as its results file says it.

Responsible for `configs` of results_*.json: tasks name metrics with the aggregation of each, by
name or as the source of a function; a metric without one takes that of lm-eval, which of the
metrics that are computed again is the mean. A name alone (`acc`) makes no number a mean.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.encoding.pointer import escaped
from evidence.foreign.facts import Fact, Source
from evidence.foreign.finding import cut

MEAN: Final = "mean"
_DEFAULTS: Final = {
    "multiple_choice": ("acc", "acc_norm"),
    "loglikelihood": ("acc",),
    "generate_until": ("exact_match",),
}
"""Of a task that lists none, by its output_type: the metrics of lm-eval that are means."""
_AFTER_TASK: Final = 3
_LIST: Final = "metric_list/"
_METRIC: Final = re.compile(rf"{_LIST}\d{{1,9}}/metric\Z")
_DEFINED: Final = re.compile(r"\s{0,40}def\s{1,4}(?P<name>[A-Za-z_]\w{0,100})\s{0,4}\(")


class Aggregations:
    """Of the tasks of one results file."""

    def __init__(self, results: Source) -> None:
        self._file, self._is_partial = results.path, results.is_partial
        self._by_task: dict[str, dict[str, Fact]] = {}
        for one in results.facts:
            at = one.place.address.split("/")
            if at[1:2] == ["configs"] and len(at) > _AFTER_TASK:
                below = "/".join(at[_AFTER_TASK:])
                self._by_task.setdefault(at[2], {})[below] = one

    def why_no_mean(self, task: str, metric: str) -> str:
        """Why a score is not known to be the mean of its samples; empty where it is, and where
        the file holds no configuration of the task."""
        if self._is_partial:
            return f"{self._file} was not read as a whole: how it is aggregated may stand in it"
        known = self._by_task.get(escaped(task), {})
        named = [at for at, one in known.items() if _METRIC.match(at) and _called(one) == metric]
        if not named and any(at.startswith(_LIST) for at in known):
            return "its task does not list it among its metrics"
        output = known.get("output_type")
        if not named and output is not None and metric not in _defaults(output):
            return "its task does not say that it is a mean of samples"
        for at in named:
            how = known.get(at.removesuffix("metric") + "aggregation")
            if how is not None and how.value not in (MEAN, None):
                return f"it is aggregated by {_called(how)}, and is no plain mean ({how.place})"
        return ""


def _defaults(output_type: Fact) -> tuple[str, ...]:
    return _DEFAULTS.get(str(output_type.value), ())


def _called(one: Fact) -> str:
    """What is named, or the function whose source it is."""
    text = str(one.value)
    defined = _DEFINED.match(text)
    return cut(text) if defined is None else defined["name"]
