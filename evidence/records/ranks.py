"""Several processes that train together: facts of the journal's events `ranks` and `ranks-fed`."""

from evidence.records.availability import Unavailable
from evidence.records.record import Record


class RankRecord(Record, omit_defaults=True):
    """One process of a segment, by its number, and where it ran."""

    rank: int
    host: str
    device: str
    device_name: str | Unavailable
    gpu_uuid: str | Unavailable
    driver_version: str | Unavailable
    python_version: str
    torch_version: str
    packages_sha256: str
    """Of the packages that it finds installed (`rules.ranks.packages_sha256`)."""
    num_threads: int
    num_parameters_held: int | None = None
    """Numbers of the model's weights in its memory before the first step of the segment: all of
    them, or its share. None: nobody counted (packs from before it was asked)."""


class RanksRecord(Record):
    """The processes that began a segment."""

    ranks: tuple[RankRecord, ...]


class RankFedRecord(Record):
    """What one process was fed in the whole stage, over all its segments."""

    rank: int
    num_rows: int
    num_tokens: int
    num_fed_tokens: int
    """Padding included, and that of passes which had no row left."""
    num_target_tokens: int
    rows_sha256: str
    """Of its rows, step by step (`rules.ranks.add_step`)."""
    weights_sha256: str
    """Of all parameters as it had them after the last step."""
    peak_memory_bytes: int


class RanksFedRecord(Record):
    """What each process was fed."""

    ranks: tuple[RankFedRecord, ...]
