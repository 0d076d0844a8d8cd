"""CycloneDX 1.7: a bill of materials of a model, as an ML-BOM.

Responsible for components with digests and package URLs, and for the model card with its numbers
(bom-1.7.schema.json). What the form has no field for (address, level, reasons) stands in
properties under our own prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from evidence import layout
from evidence.encoding import jsonio
from evidence.export.facts import LIMITS, Account, line, models_of, weights_of, words_of
from evidence.export.lineage import (
    Input,
    inputs_of,
    licence_of,
    model_purl,
    packages_of,
    purl_of,
)
from evidence.records.record import Number
from evidence.results.licences import Licence

BOM: Final = "bom.cdx.json"
_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.7.schema.json"
_OURS: Final = "evidence-pack:"
_MODEL: Final = "machine-learning-model"
_MAIN: Final = "main"
_BOUNDS: Final = (".low", ".high")
_BY: Final = "by"
_OF_A_MODEL: Final = ("model.id", "program.num_parameters")
_DATA: Final = {"data": "dataset", "code": "source-code"}
"""Of inputs that are no model: what kind of data they are, `other` where nothing fits."""


def files(account: Account) -> Mapping[str, bytes]:
    """The one document."""
    return {BOM: jsonio.dump_document(_bom(account))}


def _bom(account: Account) -> dict[str, Any]:
    parts = list(_parts(account))
    tool = account.manifest.tool
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        # The same pack has the same number: the document is a function of it.
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'sha256:{account.root_sha256}')}",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": tool.name, "version": tool.version}]
            },
            "component": _main(account),
            "properties": [_property(name, value) for name, value in _about(account)],
        },
        "components": parts,
        "dependencies": [
            {"ref": _MAIN, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def has_model(account: Account) -> bool:
    """Whether the run came to a model that a bill can be about."""
    named = any(name.endswith(_OF_A_MODEL) for name in account.measured)
    return account.manifest.status != "failed" and (bool(weights_of(account)) or named)


def _main(account: Account) -> dict[str, Any]:
    """The model; where the run made none, the pack itself."""
    found: dict[str, Any] = {
        "bom-ref": _MAIN,
        "name": account.milestone,
        "description": " ".join((account.title, *account.standing)),
        "externalReferences": [
            {
                "type": "evidence",
                "url": layout.SUMS,
                "comment": "The list of digests of the evidence pack",
                "hashes": [_hash(account.root_sha256)],
            }
        ],
    }
    if not has_model(account):
        told = [_property(f"value:{name}", words_of(one)) for name, one in account.outcomes.items()]
        return found | {"type": "data", "properties": [*told, *_where(account)]}
    found |= {"type": _MODEL, "modelCard": _card(account)}
    found["properties"] = list(_where(account))
    ancestors = list(_ancestors(account))
    if ancestors:
        found["pedigree"] = {"ancestors": ancestors}
    nested = [
        {"type": "file", "bom-ref": f"file:{path}", "name": path, "hashes": [_hash(digest)]}
        for path, digest in weights_of(account).items()
    ]
    return found | ({"components": nested} if nested else {})


def _card(account: Account) -> dict[str, Any]:
    card: dict[str, Any] = {
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(account))},
        "considerations": {"technicalLimitations": [*account.standing, *LIMITS]},
    }
    data = [{"ref": _ref(one)} for one in inputs_of(account) if one.kind == "data"]
    parameters: dict[str, Any] = {"datasets": data} if data else {}
    if account.run is not None and weights_of(account):
        parameters["task"] = "text-generation"
    return card | ({"modelParameters": parameters} if parameters else {})


def _metrics(account: Account) -> Iterator[dict[str, Any]]:
    """Numbers that came out; of a rate with its interval."""
    numbers = _numbers(account)
    for name, value in numbers.items():
        stem, _, last = name.rpartition(".")
        if f".{last}" in _BOUNDS and f"{stem}.rate" in numbers:
            continue
        metric: dict[str, Any] = {"type": name, "value": jsonio.dump_text(value)}
        low, high = (numbers.get(f"{stem}{bound}") for bound in _BOUNDS)
        if last == "rate" and low is not None and high is not None:
            metric["confidenceInterval"] = {
                "lowerBound": jsonio.dump_text(low),
                "upperBound": jsonio.dump_text(high),
            }
        parts = name.split(".")
        if _BY in parts[:-2]:
            at = parts.index(_BY)
            metric["slice"] = ".".join(parts[at + 1 : -2])
        yield metric


def _numbers(account: Account) -> dict[str, Number]:
    """Outcomes that are numbers and that no author set."""
    return {
        name: one.value
        for name, one in account.outcomes.items()
        if isinstance(one.value, int | float) and one.level != "declared"
    }


def _where(account: Account) -> Iterator[dict[str, str]]:
    """For each value its address and level; what was set; what was not measured, and why."""
    model = has_model(account)
    for name, one in account.outcomes.items():
        if model and one.level == "declared":
            yield _property(f"setting:{name}", words_of(one))
        yield _property(f"level:{name}", one.level)
        yield _property(f"address:{name}", one.address)
    for name, one in account.values.items():
        if one.value is None:
            yield _property(f"not-measured:{name}", one.unavailable or "no reason is recorded")


def _about(account: Account) -> Iterator[tuple[str, str]]:
    manifest = account.manifest
    yield "milestone", account.milestone
    yield "root-sha256", account.root_sha256
    yield "status", manifest.status
    yield "origin", manifest.origin
    yield "stand-in", str(manifest.stand_in).lower()
    for sentence in account.standing:
        yield "standing", sentence
    for one in inputs_of(account):
        if one.commit is not None:
            yield "commit", one.commit
    if packages_of(account):
        yield "packages", "installed where it ran; which of them were used is not recorded"


def _ancestors(account: Account) -> Iterator[dict[str, Any]]:
    """Models that it began from."""
    for index, (path, model) in enumerate(models_of(account)):
        found: dict[str, Any] = {
            "type": _MODEL,
            "bom-ref": f"ancestor:{index}",
            "name": line(model.id),
            "properties": [
                _property("source", model.source),
                _property("address", f"{path}#/model"),
            ],
        }
        purl = model_purl(model)
        if purl is not None:
            found["purl"] = purl
        if isinstance(model.revision, str):
            found["version"] = line(model.revision)
        _license(found, licence_of(account, "model", model.id))
        yield found


def _parts(account: Account) -> Iterator[dict[str, Any]]:
    """What went in, and the packages; each reference once."""
    known: set[str] = set()
    made = (*map(_input, _with_digest(account)), *_packages(account))
    for part in made:
        if part["bom-ref"] not in known:
            known.add(part["bom-ref"])
            yield part


def _with_digest(account: Account) -> Iterator[Input]:
    return (one for one in inputs_of(account) if one.sha256 is not None)


def _ref(one: Input) -> str:
    return f"{one.kind}:{one.name}:{one.sha256}"


def _input(one: Input) -> dict[str, Any]:
    found: dict[str, Any] = {
        "bom-ref": _ref(one),
        "type": "file" if one.kind in ("model", "tokenizer", "original") else "data",
        "name": one.name,
        "hashes": [_hash(one.sha256 or "")],
        "properties": [_property("kind", one.kind), _property("address", one.address)],
    }
    if one.num_rows is not None:
        found["properties"].append(_property("num-rows", str(one.num_rows)))
    _license(found, one.licence)
    if found["type"] == "data":
        contents = {"contents": {"url": one.uri}} if one.uri is not None else {}
        found["data"] = [{"type": _DATA.get(one.kind, "other"), "name": one.name, **contents}]
    return found


def _license(component: dict[str, Any], licence: Licence | None) -> None:
    """By its name: an id has to be one of a list that grows with each version of SPDX."""
    if licence is not None:
        named = {"name": line(licence.text), "acknowledgement": "declared"}
        component["licenses"] = [{"license": named}]
        component["properties"] += [
            _property("licence-level", licence.level),
            _property("licence-address", licence.address),
        ]


def _packages(account: Account) -> Iterator[dict[str, Any]]:
    for package in packages_of(account):
        purl = purl_of(package)
        yield {
            "bom-ref": purl,
            "type": "library",
            "name": line(package.name),
            "version": line(package.version),
            "purl": purl,
        }


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"{_OURS}{name}", "value": line(value)}
