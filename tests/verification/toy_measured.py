"""The toy with all that a milestone may have measured beside its scores: a loss on validation rows,
that of the expected answers, and the likelihoods of choices."""

from __future__ import annotations

from toy_validated import validated

from evidence import layout
from evidence.rules import likelihood
from evidence.self_test.forger import ForgedPack

_ASKED = """[eval]
metrics = ["mean_loss"]
before_target = " "

[eval.choices]
field = "options"
right = "which"
normalise = "tokens"

"""


def measured() -> ForgedPack:
    """An honest one. Not sealed yet."""
    made = validated("early_stopping_patience = 3\nearly_stopping_threshold = 0.001\n")
    text = (made.files[layout.MILESTONE] or b"").decode()
    begin, end = text.index("[eval]\n"), text.index("[[attempt]]")
    own = text[begin:end].removeprefix("[eval]\n").rstrip()
    asked = _ASKED.replace("\n[eval.choices]", f"{own}\n\n[eval.choices]")
    made.files[layout.MILESTONE] = (text[:begin] + asked + text[end:]).encode()
    scorer = {"name": "choice", "kind": "likelihood", "version": likelihood.VERSION}
    made.docs[layout.INPUTS]["scorers"].append(scorer | {"pattern": None})
    for number, row in enumerate(made.rows(layout.PREDICTIONS)):
        right = number % 2
        texts = ["none of them"]
        texts.insert(right, row["target"])
        losses = [3.5, 2.25] if right else [2.25, 3.5]
        picked = losses.index(min(losses))
        row |= {
            "answer_loss": losses[right],
            "num_answer_tokens": 1,
            "choices": {
                "texts": texts,
                "log_likelihoods": [-one for one in losses],
                "num_tokens": [1, 1],
                "right": right,
                "picked": picked,
            },
        }
        row["scores"]["choice"] = picked == right
    made.journal_milestone()
    return made
