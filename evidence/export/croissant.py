"""Croissant 1.1: each data set of a run, described as machines that load data read it.

Responsible for a description of each data set (mlcommons/croissant, specification 1.1): its files
with their digests, its fields with the types that the milestone declares. The data are not in a
pack, and so not in the export: `contentUrl` is the path from the project's root.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from evidence.data.formats import format_of
from evidence.encoding import jsonio
from evidence.errors import UsageError
from evidence.export.facts import LIMITS, Account, data_name, every_data, line
from evidence.export.lineage import data_address, licence_of
from evidence.records.inputs import DataRecord, FileDigest
from evidence.records.milestone import DataSpec, FileFormat
from evidence.results.context import at

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
_ENDING: Final = ".croissant.json"
_ENCODINGS: Final[Mapping[FileFormat, str]] = {
    "jsonl": "application/jsonlines",
    "json": "application/json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "parquet": "application/x-parquet",
    "arrow": "application/vnd.apache.arrow.file",
}
_TABLES: Final = ("jsonl", "csv", "tsv", "parquet")
"""Formats whose fields Croissant finds by the name of a column."""
_TYPES: Final = {
    "string": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "boolean": "sc:Boolean",
}
_ROWS: Final = "rows"
_TERMS: Final = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
    "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_IN_ENGLISH: Final = {"@container": "@language"}
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": _IN_ENGLISH,
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": _IN_ENGLISH,
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
}


def files(account: Account) -> Mapping[str, bytes]:
    """A description for each data set. Raises UsageError where no data set is known."""
    data = every_data(account)
    if not data:
        raise UsageError(
            f"{account.milestone} tells of no data set, and Croissant describes nothing else",
            hint="What was read is in the other formats: ro-crate, in-toto, cyclonedx.",
        )
    return {
        f"{quote(name, safe='')}{_ENDING}": jsonio.dump_document(
            _dataset(account, name, path, record)
        )
        for name, (path, record) in data.items()
    }


def _dataset(account: Account, name: str, path: str, record: DataRecord) -> dict[str, Any]:
    spec = DataSpec() if account.spec is None else account.spec.data.get(name, DataSpec())
    found: dict[str, Any] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": line(name),
        "description": _about(account, name, path, record),
        "conformsTo": CONFORMS_TO,
        "identifier": f"sha256:{record.sha256}",
        "distribution": [_file(one, spec) for one in _files(record)],
    }
    licence = licence_of(account, "data", name)
    if licence is not None:
        found["license"] = line(licence.text)
    address = data_address(record)
    if address is not None:
        found["url"] = address
    fields = list(_fields(record, spec))
    if fields:
        found["recordSet"] = [
            {"@type": "cr:RecordSet", "@id": _ROWS, "name": _ROWS, "field": fields}
        ]
    return found


def _about(account: Account, name: str, path: str, record: DataRecord) -> str:
    """What it is, and what the pack is that tells of it."""
    uses = sorted({stage.kind.name for stage in account.stages if data_name(stage) == name})
    used = f", used to {' and '.join(uses)}" if uses else ""
    where = at(path, "data", name)
    licence = licence_of(account, "data", name)
    under: tuple[str, ...] = ()
    if licence is not None:
        under = (f"Its licence is {licence.level}, at {licence.address}.",)
    rows = f"{record.num_rows} rows (observed, at {where}/num_rows)"
    return " ".join(
        (
            line(f"Data set {name}{used}: {rows}."),
            *under,
            f"Evidence pack {account.milestone}, sha256:{account.root_sha256}.",
            *account.standing,
            *LIMITS,
        )
    )


def _files(record: DataRecord) -> tuple[FileDigest, ...]:
    return tuple(one for _, one in record.sources)


def _file(one: FileDigest, spec: DataSpec) -> dict[str, Any]:
    encoding = _ENCODINGS[format_of(one.path, spec)]
    return {
        "@type": "cr:FileObject",
        "@id": line(one.path),
        "name": line(one.path),
        "contentUrl": quote(one.path),
        "contentSize": f"{one.size_bytes} B",
        "encodingFormat": "application/gzip" if one.path.endswith(".gz") else encoding,
        "sha256": one.sha256,
    }


def _fields(record: DataRecord, spec: DataSpec) -> Iterator[dict[str, Any]]:
    """Fields of a set that is one plain table: of no other can their place be said. Croissant has
    no field without a type, and so those are left out for which the milestone declares none."""
    sources = _files(record)
    if len(sources) != 1 or sources[0].path.endswith(".gz"):
        return
    if format_of(sources[0].path, spec) not in _TABLES:
        return
    for name in record.field_names:
        declared = _TYPES.get(spec.fields.get(name, "").removesuffix("?"))
        if declared is not None:
            yield {
                "@type": "cr:Field",
                "@id": f"{_ROWS}/{quote(name, safe='')}",
                "name": line(name),
                "dataType": declared,
                "source": {
                    "fileObject": {"@id": line(sources[0].path)},
                    "extract": {"column": name},
                },
            }
