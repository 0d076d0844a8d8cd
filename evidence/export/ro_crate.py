"""Process Run Crate 0.5 on RO-Crate 1.1: the pack as a research object, with every attempt.

Responsible for ro-crate-metadata.json beside a copy of the pack: each attempt an action, one that
failed too, each sealed file with its digest, each number with its address. An imported pack has one
action: that it was imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from evidence import layout
from evidence.encoding import jsonio
from evidence.export.facts import LIMITS, Account, line
from evidence.export.lineage import Input, inputs_of, packages_of, purl_of
from evidence.export.tree import Content, absent, copies_of
from evidence.records.run import OutcomeRecord
from evidence.results.attempts import ToldAttempt, attempts_in

METADATA: Final = "ro-crate-metadata.json"
PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_CONTEXT: Final = [f"{_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
_TOOL: Final = "#evidence-pack"
_LICENCE: Final = "#licence"
_DONE: Final = "http://schema.org/CompletedActionStatus"
_FAILED: Final = "http://schema.org/FailedActionStatus"
_FORMATS: Final = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".patch": "text/x-diff",
    ".toml": "application/toml",
    ".txt": "text/plain",
}
_BINARY: Final = "application/octet-stream"
_NAMELESS: Final = "text/plain"

Entity = dict[str, Any]


def files(account: Account) -> Mapping[str, Content]:
    """The metadata, and the pack in a folder of its own."""
    inside = _folder(account)
    found: dict[str, Content] = {inside + name: one for name, one in copies_of(account).items()}
    graph = [_compact(entity) for entity in _graph(account)]
    found[METADATA] = jsonio.dump_document({"@context": _CONTEXT, "@graph": graph})
    return found


def _compact(entity: Entity) -> Entity:
    """RO-Crate writes one value as itself, and none not at all."""
    found = {}
    for key, value in entity.items():
        if not isinstance(value, list):
            found[key] = value
        elif value:
            found[key] = value if len(value) > 1 else value[0]
    return found


def _graph(account: Account) -> Iterator[Entity]:
    actions = list(_actions(account))
    yield {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _to("./"),
        "conformsTo": [_to(_CRATE)],
    }
    yield _root(account, actions)
    yield {
        "@id": PROFILE,
        "@type": "CreativeWork",
        "name": "Process Run Crate",
        "version": PurePosixPath(PROFILE).name,
    }
    yield {
        "@id": _LICENCE,
        "@type": "CreativeWork",
        "name": "No licence",
        "description": "The evidence has no licence: whoever publishes this adds one. What its "
        "author declares of data and model that went in stands with these.",
    }
    yield _pack(account)
    yield from _files(account)
    yield from _values(account)
    yield from (_input(one) for one in inputs_of(account))
    yield from _tools(account)
    yield from actions


def _root(account: Account, actions: list[Entity]) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": _to(PROFILE),
        "name": account.title,
        "description": " ".join((f"Evidence pack {account.milestone}.", *account.standing)),
        "datePublished": _day(account),
        "license": _to(_LICENCE),
        "hasPart": [_to(_folder(account)), *(_to(one) for one in _paths(account))],
        "mentions": [_to(action["@id"]) for action in actions],
    }


def _pack(account: Account) -> Entity:
    """The pack: named by its root digest, with all that is known as numbers, and by which right."""
    found: Entity = {
        "@id": _folder(account),
        "@type": "Dataset",
        "name": account.milestone,
        "identifier": f"sha256:{account.root_sha256}",
        "description": " ".join(LIMITS),
        "creativeWorkStatus": account.manifest.status,
        "variableMeasured": [_to(_value_id(name)) for name in account.outcomes],
    }
    lacking = absent(account)
    if lacking:
        found["description"] += f" Withheld, and not in this copy: {', '.join(lacking)}."
    return found


def _files(account: Account) -> Iterator[Entity]:
    """Every sealed file, and the list of them."""
    sizes = account.documents.sizes
    yield _file(account, layout.SUMS, account.root_sha256, None)
    lacking = absent(account)
    for path, digest in sorted(account.documents.digests.items()):
        if path not in lacking:
            yield _file(account, path, digest, sizes.get(path))


def _file(account: Account, path: str, digest: str, size_bytes: int | None) -> Entity:
    suffix = PurePosixPath(path).suffix
    found: Entity = {
        "@id": _folder(account) + path,
        "@type": "File",
        "name": path,
        "sha256": digest,
        "encodingFormat": _FORMATS.get(suffix, _BINARY if suffix else _NAMELESS),
    }
    if size_bytes is not None:
        found["contentSize"] = str(size_bytes)
    return found


def _paths(account: Account) -> list[str]:
    return [entity["@id"] for entity in _files(account)]


def _values(account: Account) -> Iterator[Entity]:
    for name, one in account.outcomes.items():
        found: Entity = {
            "@id": _value_id(name),
            "@type": "PropertyValue",
            "name": line(name),
            "value": one.value,
            "description": line(f"{one.level}, at {one.address}"),
            "measurementTechnique": one.rule,
        }
        yield found | ({"unitText": one.unit} if one.unit else {})


def _input(one: Input) -> Entity:
    found: Entity = {
        "@id": _input_id(one),
        "@type": "CreativeWork",
        "name": one.name,
        "description": f"{one.kind}, at {one.address}",
    }
    if one.sha256 is not None:
        found["sha256"] = one.sha256
    if one.commit is not None:
        found["version"] = one.commit
    if one.licence is not None:
        found["license"] = line(one.licence.text)
        found["description"] += f"; licence {one.licence.level}, at {one.licence.address}"
    return found | ({"url": one.uri} if one.uri is not None else {})


def _tools(account: Account) -> Iterator[Entity]:
    tool = account.manifest.tool
    packages = packages_of(account)
    ids = dict.fromkeys(purl_of(one) for one in packages)
    yield {
        "@id": _TOOL,
        "@type": "SoftwareApplication",
        "name": tool.name,
        "softwareVersion": tool.version,
        "softwareRequirements": [_to(one) for one in ids],
    }
    named = {purl_of(one): one for one in packages}
    for purl in ids:
        one = named[purl]
        yield {
            "@id": purl,
            "@type": "SoftwareApplication",
            "name": line(one.name),
            "softwareVersion": line(one.version),
        }


def _actions(account: Account) -> Iterator[Entity]:
    if account.run is None:
        yield _import(account)
        return
    outcomes = {one.name: one for one in account.run.outcomes}
    paths = _paths(account)
    for one in attempts_in(account.run.journal):
        yield _action(account, one, outcomes.get(one.name), paths)


def _action(
    account: Account, one: ToldAttempt, outcome: OutcomeRecord | None, paths: Sequence[str]
) -> Entity:
    """`paths`: all files of the pack."""
    completed = one.name == account.manifest.attempt and account.is_complete
    ended_utc = one.began_utc if one.ended is None else one.ended.utc
    action: Entity = {
        "@id": f"#attempt-{quote(one.name, safe='')}",
        "@type": "CreateAction",
        "name": line(f"attempt {one.name}"),
        "instrument": _to(_TOOL),
        "startTime": _time(one.began_utc),
        "endTime": _time(ended_utc),
        "actionStatus": _DONE if completed else _FAILED,
        "object": [_to(_input_id(given)) for given in inputs_of(account)],
        "result": [_to(one) for one in _results(account, outcome, paths, completed=completed)],
    }
    if completed:
        stood = " On a stand-in model." if account.manifest.stand_in else ""
        return action | {"description": f"The attempt that completed.{stood}"}
    kind = outcome.outcome if outcome is not None else str(one.end.get("outcome", "unknown"))
    reason = outcome.reason if outcome is not None else str(one.end.get("reason", ""))
    action["error"] = line(f"{kind}: {reason}" if reason else kind)
    return action | {"description": f"An attempt that did not complete: {kind}."}


def _results(
    account: Account, outcome: OutcomeRecord | None, paths: Sequence[str], *, completed: bool
) -> Iterator[str]:
    """Files that an attempt left: below its own folder, or at the top where it completed."""
    inside = _folder(account)
    own = "" if outcome is None else f"{inside}{layout.attempt_dir(outcome.number, outcome.name)}/"
    for path in paths:
        if (own and path.startswith(own)) or (
            completed and not path.startswith(f"{inside}{layout.ATTEMPTS}/")
        ):
            yield path


def _import(account: Account) -> Entity:
    """Nothing is known of how the files came to be: what was done is that they were imported."""
    sums = _folder(account) + layout.SUMS
    action: Entity = {
        "@id": "#import",
        "@type": "CreateAction",
        "name": "import",
        "description": "Files that were found became a pack; the run itself was not observed.",
        "instrument": _to(_TOOL),
        "actionStatus": _DONE,
        "object": [_to(_input_id(one)) for one in inputs_of(account)],
        "result": [_to(sums)],
    }
    when = account.manifest.imported_utc
    return action | ({"endTime": _time(when)} if when is not None else {})


def _day(account: Account) -> str:
    """When the run ended, or when it was imported: nobody has published it yet."""
    when = account.finished_utc or account.manifest.imported_utc or ""
    return when[:10]


def _time(utc: str) -> str:
    """As the profile wants times: with an offset, to the millisecond."""
    return datetime.fromisoformat(utc).isoformat(timespec="milliseconds")


def _to(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _folder(account: Account) -> str:
    return f"{account.milestone}/"


def _value_id(name: str) -> str:
    return f"#value-{quote(name, safe='')}"


def _input_id(one: Input) -> str:
    """By its name and what it is known by: data sets of two stages may share a name."""
    return f"#{one.kind}-{quote(one.name, safe='')}-{one.sha256 or one.commit or ''}"
