"""How answers were generated: facts of the journal's event `generation`."""

from typing import Literal

from evidence.records.record import Record

Source = Literal["generation-config", "config", "tokenizer"]


class EndToken(Record):
    """A token that ends an answer."""

    id: int
    text: str
    declared_by: tuple[Source, ...]


class GenerationRecord(Record):
    """Every setting of generation in effect, and those of the model that are not."""

    settings: dict[str, str]
    """Name → value as JSON text, as the generating library calls them."""
    set_aside: dict[str, str]
    """What the model's own generation config says, and what had no effect."""
    end_tokens: tuple[EndToken, ...]

    @property
    def greedy(self) -> bool:
        """Whether the next token was always the likeliest one, for all that is recorded."""
        return self.settings.keys() == GREEDY and all(
            self.settings[name] == value for name, value in _FIXED.items()
        )


_FIXED = {"do_sample": "false", "num_beams": "1"}
GREEDY = {*_FIXED, "max_new_tokens"}
