"""The toy pack with settings and findings that few runs have: overrides, patterns, odd rows."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, Final

from large import set_parameters
from toy import toy

from evidence import layout, limits
from evidence.rules import patterns
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import RECOVERED

_TAGS: Final = sorted(f"v{number}" for number in range(limits.MAX_TAGS))
_MORE: Final = """
[[eval.scorer]]
name = "says_well"
kind = "regex"
pattern = "Well"

[[gate]]
name = "the loss falls"
metric = "train.loss_end"
op = "<"
other = "train.loss_start"
factor = 1.5

[policy]
clock = "record"
git = "record"
threads = "record"

[[secrets.allow]]
sha256 = "7777777777777777777777777777777777777777777777777777777777777777"
reason = "A made-up value of the documentation."

[narrative.literals]
"87.5 s" = "seen on the clock of the wall"
"""

_OVERRIDES: Final[dict[str, dict[str, Any]]] = {
    "train": {"schedule": "linear", "weight_decay": 0.0, "max_grad_norm": 1.0,
              "optimizer": "adamw_torch", "execution": "as-written", "deterministic": True},
    "eval": {"batch_size": 16, "prompt": "{{ prompt }}"},
}  # fmt: skip
"""What an attempt says again although it is so anyway."""
_FURTHER: Final = """\
warmup_ratio = 0.1
optimizer = "adamw_torch"
adam_beta1 = 0.8
adam_beta2 = 0.9
adam_epsilon = 1e-6
label_smoothing = 0.1
neftune_noise_alpha = 5.0
gradient_checkpointing = true
mixed_precision = "bf16"
"""
"""Two of twenty steps, and what only some optimizers take."""
_BUFFER: Final = {"name": "model.layers.0.mlp.weight", "num_elements": 16}


def settings_toy() -> ForgedPack:
    """The toy, asked for in more words than a run needs."""
    made = toy()
    text = (made.files[layout.MILESTONE] or b"").decode()
    text = text.replace("[train]\n", "[train]\nmax_steps = 20\n", 1)
    text = text.replace("warmup_steps = 2", _FURTHER.rstrip(), 1)
    text = text.replace("max_length = 16", "max_length = 10", 1)
    text = text.replace("[eval]\n", '[eval]\nid_field = "id"\ntarget_field = "final_answer"\n', 1)
    text = text.replace('ref = "HEAD"', 'ref = "HEAD"\npolicy = "record"', 1)
    text = re.sub(r"\n\[publish\]", f"{_MORE}\n[publish]", text, count=1)
    known = tomllib.loads(text)
    own = "".join(
        f"[attempt.{name}]\n{_table(known[name] | more)}\n" for name, more in _OVERRIDES.items()
    )
    text = text.replace("[attempt.model]\n", f"{own}[attempt.model]\n", 1)
    text = text.replace(
        "[attempt.requires]\n", "[attempt.requires]\nvram_gib = 24\ngpu = 0\nhub = false\n", 1
    )
    text = text.replace('backend = "tunix"\n', 'backend = "tunix"\nmanual = false\n', 1)
    inputs = made.docs[layout.INPUTS]
    for place, sha256 in (
        ("[data.train]\n", f'sha256 = "{inputs["data"]["train"]["sha256"]}"\n'),
        ("[attempt.model]\n", f'tokenizer_sha256 = "{inputs["tokenizer"]["sha256"]}"\n'),
    ):
        text = text.replace(place, f"{place}{sha256}", 1)
    made.files[layout.MILESTONE] = text.encode()
    made.journal_milestone()
    for one in made.docs[layout.FROZEN]["sets"]:
        one["policy"] = "record"
    _answers(made)
    _rows(made)
    _events(made)
    _machine(made)
    return made.seal()


def _table(settings: dict[str, Any]) -> str:
    plain = {key: value for key, value in settings.items() if key != "scorer"}
    plain = {"data": "eval" if "limit" in plain else "train", **plain}
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())


def _answers(made: ForgedPack) -> None:
    for row in made.docs[layout.PREDICTIONS]:
        row["scores"]["says_well"] = True
    scorer = {"name": "says_well", "kind": "regex", "version": patterns.VERSION, "pattern": "Well"}
    made.docs[layout.INPUTS]["scorers"].append(scorer)


def _rows(made: ForgedPack) -> None:
    """What the recorder finds odd about rows of the data, their texts, and what was read."""
    inputs = made.docs[layout.INPUTS]
    inputs["data"]["train"] |= {
        "num_duplicate_rows": 1,
        "duplicate_rows": [5],
        "normalised_duplicate_rows": [5, 6],
        "num_conflicting_prompts": 1,
        "conflicting_rows": [2, 3],
        "overlap": {
            "exact_rows": [7],
            "normalised_rows": [7, 8],
            "ngram_rows": [7, 9],
            "evaluation_rows": [1],
        },
    }
    odd = ("rows_not_round_trip", "rows_doubled_bos", "rows_without_bos")
    inputs["text"] |= {name: [14] for name in odd}
    inputs["model"]["buffers"] = [_BUFFER]
    set_parameters(made, inputs["model"]["num_parameters"] - _BUFFER["num_elements"])
    seen = made.docs[layout.SEEN]
    seen |= {"rows_truncated": [14], "tokens_cut": [2], "num_tokens_cut": 2}
    seen["coverage"][1]["rows_cut"] = [14]
    inputs["text"]["length_tokens"]["max"] += 2


def _events(made: ForgedPack) -> None:
    events = made.docs[layout.JOURNAL]
    for place in reversed(range(len(events))):
        event = events[place]
        if event["event"] == "stage-finished":
            data = {"stage": event["data"]["stage"], "counts": {"token": 2}}
            events.insert(place, {**event, "event": "redacted", "data": data})
    first = next(i for i, one in enumerate(events) if one["event"] == "captured")
    events.insert(first + 1, {**events[first], "event": "recovered", "data": dict(RECOVERED)})


def _machine(made: ForgedPack) -> None:
    """A commit of very many tags, and a part of a card."""
    for moment in ("start", "end"):
        left = {"num_tags": 3, "sha256": "8" * 64, "reason": "only the first 1000 tags are named"}
        made.docs[layout.GIT][moment] |= {"tags": _TAGS, "left_out_tags": left}
    made.docs[layout.ENVIRONMENT]["framework"]["cpu_capability"] = "AVX2"
    made.docs[layout.INPUTS]["tokenizer"]["chat_template"] = "{{ messages }}"
