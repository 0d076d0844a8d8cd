"""How likely a model finds the choices of one question."""

from __future__ import annotations

from evidence.records.record import Number, Record


class ChoicesRow(Record):
    """Of one evaluated example, in the order of its choices. Places count from 0."""

    texts: tuple[str, ...]
    log_likelihoods: tuple[Number, ...]
    """Of each text after the prompt: the sum over its tokens, in nats."""
    num_tokens: tuple[int, ...]
    right: int
    picked: int | None
    """The likeliest; None where several are the likeliest alike: nothing is picked then."""
