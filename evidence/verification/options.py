"""What the caller of verify asks for besides the pack itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence.records.record import Record
from evidence.verification.consistency.registry import Check

NOT_OF_PACK: Final = "disclosure-differs"
"""What is wrong with a file that shows rows of a pack (origin.disclosed), and not with the pack."""


class VerifyOptions(Record):
    """Options of one verification. Nothing of it is ever read from the pack."""

    expect: str | None = None
    """Root digest that the pack must have, `sha256:` in front or not."""
    expect_milestone: str | None = None
    expect_commit: str | None = None
    """Commit that the run must have started from; a prefix of 7 or more digits will do."""
    min_ruleset: int | None = None
    """Rule set that the pack must follow at least, or a forger would choose an old one."""
    strict: bool = False
    """An unsigned pack is exit 3: its origin is not established."""
    require_all: bool = False
    """Withheld files count as missing."""
    allowed_signers: Path | None = None
    """The caller's own trust file, in the form of ssh-keygen's ALLOWED SIGNERS."""
    signer: str | None = None
    """Who must have signed, as the trust file names them. Goes with `allowed_signers`."""
    known_as: Path | None = None
    """Where the pack is about to be published; None: where it lies."""
    num_threads: int = 0
    """That hash the large files of one pack side by side; 0 leaves it to the machine."""
    beside: tuple[Path, ...] = ()
    """Packs at hand: a claim of having been reproduced is checked against the one it names."""
    disclosed: Check | None = None
    """That of rows which somebody shows of a pack that withholds them (origin.disclosed)."""
    further: tuple[Check, ...] = ()
    """Checks that the caller adds, such as those against a clone (origin.clone)."""

    @property
    def asks_signer(self) -> bool:
        """Whether the caller wants to know that someone they trust signed the pack."""
        return self.allowed_signers is not None or self.signer is not None

    @property
    def asks_what_it_is(self) -> bool:
        """Whether the caller says which pack it must be."""
        asked = (self.expect, self.expect_milestone, self.expect_commit, self.min_ruleset)
        return any(one is not None for one in asked)
