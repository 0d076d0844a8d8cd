"""A pack as it would be, had its model and its data come from the hub."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.export.facts import Account
from evidence.pack.documents import Documents
from evidence.records.inputs import DataRecord, ModelRecord
from evidence.records.milestone import HubDataSpec
from tests.documents import replaced


def of_the_hub(given: Account) -> Account:
    """The account of the same run with both from the hub, and no stand-in."""
    documents = given.documents
    assert isinstance(documents, Documents)
    model = documents.inputs.model
    assert isinstance(model, ModelRecord)
    data: dict[str, DataRecord] = {
        name: replace(one, path=None, hub=f"org/{name}", revision="0" * 40)
        for name, one in documents.inputs.data.items()
    }
    spec = documents.milestone
    named = {
        name: replace(one, path=None, hub=HubDataSpec(f"org/{name}", "test", config="main"))
        for name, one in spec.data.items()
    }
    inputs = replace(documents.inputs, data=data, model=replace(model, id="org/base", source="hub"))
    changed = replaced(documents, inputs=inputs, milestone=replace(spec, data=named))
    manifest = replace(given.manifest, stand_in=False)
    return replace(given, manifest=manifest, documents=changed, standing=())
