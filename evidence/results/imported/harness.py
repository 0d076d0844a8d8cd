"""What harnesses of evaluations say of how they evaluated: versions, model, shots, limits, seeds.

Responsible for which of their many settings are values. Each stands where the file has it; where
files of several evaluations say several, none is chosen.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.foreign.facts import Fact
from evidence.foreign.inspect_log import INSPECT
from evidence.results.context import Named, Values
from evidence.results.imported.lookup import Lookup
from evidence.results.imported.places import not_said, value_of

MAX_SETTINGS: Final = 100
_FORMATS: Final = ("lm-eval-results", INSPECT)
_WHOLE: Final = frozenset(
    (
        *("/config/model", "/config/model_args", "/config/limit", "/config/num_fewshot"),
        *("/config/random_seed", "/config/numpy_seed", "/config/torch_seed"),
        *("/config/fewshot_seed", "/git_hash", "/lm_eval_version"),
        *("/status", "/eval/task", "/eval/task_version", "/eval/model", "/eval/dataset/name"),
        *("/eval/config/limit", "/eval/config/epochs", "/eval/packages/inspect_ai"),
        *("/eval/model_generate_config/seed", "/eval/revision/commit"),
    )
)
_BELOW: Final = (
    *("/config/model_args/", "/n-shot/", "/versions/", "/n-samples/"),
    *("/eval/model_args/", "/plan/config/"),
)
_NAME: Final = re.compile(r"[^A-Za-z0-9_,@-]+")


def values(lookup: Lookup) -> Values:
    """harness.*"""
    found: dict[str, list[Fact]] = {}
    for form in _FORMATS:
        for source in lookup.of_format(form):
            for fact in source.facts:
                address = fact.place.address
                if fact.value is not None and (address in _WHOLE or address.startswith(_BELOW)):
                    parts = (_NAME.sub("_", one) for one in address.split("/")[1:])
                    found.setdefault(".".join(("harness", *parts)), []).append(fact)
    yield from map(_named, list(found.items())[:MAX_SETTINGS])


def _named(one: tuple[str, list[Fact]]) -> Named:
    name, facts = one
    other = next((fact for fact in facts if fact.value != facts[0].value), None)
    if other is not None:
        why = f"the files say several: {facts[0].place} and {other.place}"
        return name, not_said(why, "", (facts[0], other))
    return name, value_of(facts[0])
