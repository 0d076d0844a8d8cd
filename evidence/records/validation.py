"""What was measured during a training on rows that it is not fed: facts of the journal's events
`validation-set` and `validation`."""

from evidence.records.record import Number, Record


class ValidationSetRecord(Record):
    """The rows as the model gets them, told at the beginning of each segment."""

    data: str
    """Name of the data set."""
    num_rows: int
    num_tokens: int
    """Of all rows, after those too long were cut."""
    num_target_tokens: int
    """Tokens that carry loss: the loss is their mean."""
    num_rows_cut: int
    num_rows_trained_on: int
    """Rows whose tokens are, one by one, those of a row that is trained on."""


class ValidationRecord(Record, omit_defaults=True):
    """One evaluation, after an optimizer step."""

    step: int
    loss: Number
    """Mean cross entropy of all target tokens, in nats; plain, whatever the training's own is."""
    num_target_tokens: int
    weights_sha256: str | None = None
    """Of all parameters (`rules.weights_digest`), where they are kept since the loss is the
    smallest so far (`keep_best`)."""
