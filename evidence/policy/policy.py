"""A policy file: TOML bytes in, a `Policy` record out, or an error with line and key.

Responsible for its form. It is the caller's, never a pack's: one that lies in a pack is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import field

from evidence import limits
from evidence.encoding import schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.milestone.parse import document_in, line_of
from evidence.pack.around import pack_around
from evidence.records.record import Record
from evidence.records.run import Level
from evidence.system.entries import read_given

SCHEMA: Final = "policy.v1"


class SignedDemands(Record):
    """Who must have signed, and the trust file, from the folder of the policy."""

    by: tuple[str, ...]
    allowed_signers: str


class RunDemands(Record):
    """How the run must have gone."""

    complete: bool = False
    no_stand_in: bool = False
    not_imported: bool = False
    clean_tree: bool = False
    gates: bool = False
    max_age_days: int | None = None
    min_ruleset: int | None = None


class EvidenceDemands(Record):
    """How values must be known."""

    min_level: Level | None = None
    values: dict[str, Level] = field(default_factory=dict)


class InputDemands(Record):
    """What may have gone in."""

    tracked: bool = False
    models: tuple[str, ...] = ()


class LicenceDemands(Record):
    """Licences of model and data."""

    model: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


class CheckDemands(Record):
    """What verify may leave unchecked, by the ids of its checks."""

    allowed_unchecked: tuple[str, ...] | None = None
    forbidden_unchecked: tuple[str, ...] = ()


class Policy(Record):
    """One policy file."""

    title: str = ""
    signed: SignedDemands | None = None
    run: RunDemands = RunDemands()
    evidence: EvidenceDemands = EvidenceDemands()
    inputs: InputDemands = InputDemands()
    licences: LicenceDemands = LicenceDemands()
    checks: CheckDemands = CheckDemands()


class PolicyFile(Record):
    """A policy with where it stands and its digest."""

    path: Path
    sha256: str
    policy: Policy


def load_policy(path: Path) -> PolicyFile:
    """Read a policy. Raises UsageError, with line and key of each problem."""
    real = path.resolve()
    if pack_around(real) is not None:
        raise UsageError(
            f"{path} lies inside a pack: a pack cannot say what is demanded of it",
            hint="Keep your policy outside of all packs.",
        )
    data = read_given(path, limits.MAX_TOML_BYTES)
    try:
        document = document_in(data)
    except EvidenceError as error:
        line = getattr(error, "line", 0)
        raise UsageError(f"{path}:{line or 1}: {error.message}") from error
    problems = schema.validate(SCHEMA, document)
    if problems:
        ordered = sorted(problems, key=lambda one: not one.message.startswith("unknown key"))
        shown = [
            f"{path}:{line_of(data, p.pointer)}: {_key(p.pointer)}: {p.message}" for p in ordered
        ]
        raise UsageError("\n".join(shown), hint="docs/policy.md has every key.")
    if len(document) == 1 + ("title" in document):
        raise UsageError(f"{path} demands nothing", hint="docs/policy.md has every key.")
    given = {key: value for key, value in document.items() if key != "schema"}
    try:
        policy = decode(Policy, given)
    except MalformedError as error:
        raise UsageError(f"{path}: {error.message}") from error
    return PolicyFile(real, sha256_hex(data), policy)


def _key(pointer: str) -> str:
    return pointer.strip("/").replace("/", ".") or "(top level)"
