"""in-toto Statement v1: SLSA provenance v1 of what a run made, and a test result of its gates.

Responsible for two statements as they are specified (in-toto/attestation: spec/v1, predicates
provenance v1 and test-result v0.1). Neither is signed: a statement in a DSSE envelope needs a key,
and an envelope without a signature is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.export.facts import LIMITS, Account, line, said_levels, weights_of
from evidence.export.lineage import Input, inputs_of, packages_of, purl_of
from evidence.records.run import GateResult

PROVENANCE: Final = "provenance.intoto.json"
TEST_RESULT: Final = "test-result.intoto.json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PROVENANCE_TYPE: Final = "https://slsa.dev/provenance/v1"
TEST_RESULT_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
_OURS: Final = "urn:evidence-pack:"
"""Names of ours where a URI is wanted: nothing is to be found there."""
BUILDER: Final = f"{_OURS}builder:the-machine-of-the-author"


def files(account: Account) -> Mapping[str, bytes]:
    """The provenance, and where the milestone has gates, the test result."""
    found = {PROVENANCE: jsonio.dump_document(_statement(account, *_provenance(account)))}
    if account.gates:
        found[TEST_RESULT] = jsonio.dump_document(_statement(account, *_tested(account)))
    return found


def _statement(account: Account, kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(account)),
        "predicateType": kind,
        "predicate": predicate,
    }


def _subjects(account: Account) -> Iterator[dict[str, Any]]:
    """The pack, by its list of digests; and the final models of a complete run."""
    yield {"name": layout.SUMS, "digest": {"sha256": account.root_sha256}}
    if account.is_complete and account.run is not None:
        yield from (_sealed(account, path) for path in weights_of(account))


def _provenance(account: Account) -> tuple[str, dict[str, Any]]:
    made = "run" if account.run is not None else "import"
    subjects = {one["name"] for one in _subjects(account)}
    return PROVENANCE_TYPE, {
        "buildDefinition": {
            "buildType": f"{_OURS}build-type:{made}:v1",
            "externalParameters": _asked(account),
            "internalParameters": _stood(account),
            "resolvedDependencies": [
                *map(_dependency, inputs_of(account)),
                *(
                    {"uri": purl_of(one), "name": line(one.name), "annotations": _PACKAGE}
                    for one in packages_of(account)
                ),
            ],
        },
        "runDetails": {
            "builder": {
                "id": BUILDER,
                "version": {account.manifest.tool.name: account.manifest.tool.version},
            },
            "metadata": _when(account),
            "byproducts": [
                _sealed(account, path)
                for path in sorted(account.documents.digests)
                if path not in subjects
            ],
        },
    }


_PACKAGE: Final = {"kind": "package", "evidence": layout.PACKAGES, "level": "observed"}


def _asked(account: Account) -> dict[str, Any]:
    """What whoever ran it chose: the milestone, and what was set beside it."""
    found: dict[str, Any] = {"milestone": account.milestone}
    digests = account.documents.digests
    for path in (layout.MILESTONE, layout.OVERRIDES):
        if path in digests:
            found[path] = _sealed(account, path)
    if account.run is not None:
        found["overrides"] = {one.key: one.value for one in account.run.overrides}
    return found


def _stood(account: Account) -> dict[str, Any]:
    """What SLSA has no field for, and nobody may miss."""
    attempts = () if account.run is None else account.run.outcomes
    return {
        "status": account.manifest.status,
        "origin": account.manifest.origin,
        "stand_in": account.manifest.stand_in,
        "attempt": account.manifest.attempt or "",
        "attempts_not_completed": [
            {"name": one.name, "outcome": one.outcome, "reason": line(one.reason)}
            for one in attempts
        ],
        "standing": list(account.standing),
        "limits": list(LIMITS),
        "levels_of_evidence": said_levels(account.measured),
    }


def _when(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = {"invocationId": f"sha256:{account.root_sha256}"}
    began = account.started_utc or account.manifest.imported_utc
    ended = account.finished_utc or account.manifest.imported_utc
    if began is not None:
        found["startedOn"] = began
    if ended is not None:
        found["finishedOn"] = ended
    return found


def _dependency(one: Input) -> dict[str, Any]:
    found: dict[str, Any] = {"name": one.name}
    digest = {"sha256": one.sha256, "gitCommit": one.commit}
    found["digest"] = {name: value for name, value in digest.items() if value is not None}
    if one.uri is not None:
        found["uri"] = one.uri
    found["annotations"] = {"kind": one.kind, "evidence": one.address}
    return found


def _sealed(account: Account, path: str) -> dict[str, Any]:
    return {"name": path, "digest": {"sha256": account.documents.digests[path]}}


def _tested(account: Account) -> tuple[str, dict[str, Any]]:
    """Gates as tests. One that was not checked, or skipped, has no other place than a warning."""
    named: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for gate in account.gates:
        place = {"met": "passedTests", "not-met": "failedTests"}.get(gate.outcome, "warnedTests")
        if gate.outcome == "not-met" and not gate.required:
            place = "warnedTests"
        named[place].append(_gate_name(gate))
    results = {**_sealed(account, layout.RESULTS), "annotations": {"gates": _gates(account)}}
    about = {"standing": list(account.standing), "limits": list(LIMITS)}
    configuration = [results]
    if layout.MILESTONE in account.documents.digests:
        configuration.insert(0, _sealed(account, layout.MILESTONE))
    configuration[-1]["annotations"] |= about
    return TEST_RESULT_TYPE, {"result": _result(account), "configuration": configuration, **named}


def _result(account: Account) -> str:
    """FAILED where the run, or a required gate, did not come to what was asked; WARNED where
    something was left open, or where all of it is of a stand-in or was not observed."""
    if account.manifest.status != "complete" or any(gate.is_open for gate in account.gates):
        return "FAILED"
    doubted = account.manifest.stand_in or account.run is None
    return "WARNED" if doubted or any(one.outcome != "met" for one in account.gates) else "PASSED"


def _gate_name(gate: GateResult) -> str:
    if gate.outcome in ("met", "not-met"):
        return line(gate.name)
    return line(f"{gate.name} ({gate.outcome}: {gate.reason})")


def _gates(account: Account) -> list[dict[str, Any]]:
    """Each with its number, and where that comes from."""
    found = []
    for gate in account.gates:
        told: dict[str, Any] = {
            "name": line(gate.name),
            "metric": gate.metric,
            "op": gate.op,
            "required": gate.required,
            "outcome": gate.outcome,
        }
        value = account.measured.get(gate.metric)
        if gate.actual is not None and value is not None:
            told |= {"actual": gate.actual, "address": value.address, "level": value.level}
        if gate.limit is not None:
            told["limit"] = gate.limit
        if gate.reason:
            told["reason"] = line(gate.reason)
        found.append(told)
    return found
