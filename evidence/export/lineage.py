"""What a pack says went in: code, data, models, other packs, packages; each with its digest.

Responsible for one list of these that formats of provenance share, and for names that other tools
resolve (package URLs, addresses on the hub). What is not recorded is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import quote

from evidence import layout
from evidence.export.facts import Account, every_data, inputs_documents, line, models_of
from evidence.pack.imported import Imported
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord, PackageRecord
from evidence.records.inputs import DataRecord, ModelRecord, TokenizerRecord
from evidence.records.record import Record
from evidence.results.context import at
from evidence.results.licences import Kind as Licensed
from evidence.results.licences import Licence, licences_of

_SIGNS: Final = ":"
"""Of a version in a package URL, besides letters, digits and `-._~`, not percent-encoded."""
_GIT_URLS: Final = ("https://", "http://", "ssh://", "git://")

Kind = Literal["code", "data", "model", "tokenizer", "parent", "original"]


class Input(Record):
    """One thing that went in."""

    kind: Kind
    name: str
    address: str
    """Where the pack says it."""
    sha256: str | None = None
    commit: str | None = None
    """Of code: the git commit."""
    uri: str | None = None
    size_bytes: int | None = None
    num_rows: int | None = None
    licence: Licence | None = None


def inputs_of(account: Account) -> tuple[Input, ...]:
    """Everything that went in and that is known by a digest, packages aside."""
    return tuple(_inputs(account))


def licence_of(account: Account, kind: Licensed, name: str) -> Licence | None:
    """The licence that the evidence names of a data set or a model."""
    if account.run is None:
        return None
    known = (one for one in licences_of(account.run) if (one.kind, one.name) == (kind, name))
    return next(known, None)


def packages_of(account: Account) -> tuple[PackageRecord, ...]:
    """Packages of the Python that computed, in order of name and version."""
    if account.run is None:
        return ()
    _, packages = account.run.packages_used
    return tuple(sorted(packages.imported, key=lambda one: (one.name.lower(), one.version)))


def purl_of(package: PackageRecord) -> str:
    """The package URL of an installed distribution. One that came from an address or a folder is
    no release of the index, whatever its name."""
    kind = "pypi" if isinstance(package.origin, Unavailable) else "generic"
    if package.installer == "conda":
        kind = "conda"
    name = package.name.lower().replace("_", "-") if kind == "pypi" else package.name
    return f"pkg:{kind}/{quote(name, safe='')}@{quote(package.version, safe=_SIGNS)}"


def model_purl(model: ModelRecord) -> str | None:
    """The package URL of a model of the hub; None of any other."""
    if model.source != "hub":
        return None
    revision = (
        "" if isinstance(model.revision, Unavailable) else f"@{quote(model.revision.lower())}"
    )
    return f"pkg:huggingface/{quote(model.id, safe='/')}{revision}"


def data_address(record: DataRecord) -> str | None:
    """Where a data set lies on the hub; None of files."""
    if record.hub is None:
        return None
    revision = f"/tree/{quote(record.revision)}" if record.revision else ""
    return f"https://huggingface.co/datasets/{quote(record.hub)}{revision}"


def _inputs(account: Account) -> Iterator[Input]:
    if isinstance(account.documents, Imported):
        for source in account.documents.sources.files:
            yield Input(
                "original", source.path, source.path, source.sha256, size_bytes=source.size_bytes
            )
        return
    yield from _code(account)
    for name, (path, record) in every_data(account).items():
        yield from _data(path, name, record, licence_of(account, "data", name))
    for path, model in models_of(account):
        yield from _model(path, model, licence_of(account, "model", model.id))
    yield from _tokenizers(account)
    for parent in account.documents.parents:
        named = f"{parent.milestone}#{parent.stage}" if parent.stage else parent.milestone
        yield Input("parent", line(named), layout.PARENTS, parent.root_sha256)


def _code(account: Account) -> Iterator[Input]:
    git = None if account.run is None else account.run.git
    if git is None or not isinstance(git.start, GitStateRecord):
        return
    remote = git.remote if isinstance(git.remote, str) else ""
    uri = f"git+{remote}@{git.start.commit}" if remote.startswith(_GIT_URLS) else None
    name = line(remote) if remote else "the project's repository"
    yield Input("code", name, f"{layout.GIT}#/start/commit", None, git.start.commit, uri)
    if layout.PATCH in account.documents.digests:
        digest = account.documents.digests[layout.PATCH]
        yield Input("code", f"changes against {git.start.commit}", layout.PATCH, digest)


def _data(path: str, name: str, record: DataRecord, licence: Licence | None) -> Iterator[Input]:
    address = at(path, "data", name)
    yield Input(
        "data",
        line(name),
        f"{address}/sha256",
        record.sha256,
        uri=data_address(record),
        size_bytes=record.size_bytes,
        num_rows=record.num_rows,
        licence=licence,
    )
    for index, one in enumerate(record.files):
        where = f"{address}/files/{index}/sha256"
        yield Input(
            "data", line(one.path), where, one.sha256, size_bytes=one.size_bytes, licence=licence
        )


def _model(path: str, model: ModelRecord, licence: Licence | None) -> Iterator[Input]:
    if isinstance(model.files, Unavailable):
        where = f"{path}#/model/config_sha256"
        name = line(f"{model.id}/config.json")
        yield Input("model", name, where, model.config_sha256, licence=licence)
        return
    for index, one in enumerate(model.files):
        name, where = line(f"{model.id}/{one.path}"), f"{path}#/model/files/{index}/sha256"
        uri = model_purl(model)
        yield Input(
            "model", name, where, one.sha256, uri=uri, size_bytes=one.size_bytes, licence=licence
        )


def _tokenizers(account: Account) -> Iterator[Input]:
    known: set[str] = set()
    for path, inputs in inputs_documents(account):
        found = inputs.tokenizer
        if isinstance(found, TokenizerRecord) and isinstance(found.sha256, str):
            if found.sha256 not in known:
                name = line(f"{found.id}/tokenizer.json")
                yield Input("tokenizer", name, f"{path}#/tokenizer/sha256", found.sha256)
            known.add(found.sha256)
