"""What a stage begins from: the checkpoint of another stage of the same pack.

Responsible for holding what was loaded against what is sealed. Which stage it is, the milestone
says.
"""

from __future__ import annotations

from evidence import layout
from evidence.records.inputs import ModelRecord
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import shown


def of_parent(evidence: Evidence, model: ModelRecord) -> Problems:
    """A stage that begins from another has loaded what that stage left."""
    stage = evidence.documents.stage
    if stage is None or not stage.parent:
        return
    place = f"{layout.INPUTS}#/model/files"
    known = need(model.files, "the files of the checkpoint are not recorded")
    loaded, sealed = {one.path: one.sha256 for one in known}, evidence.parent_sha256
    for name in sorted(loaded.keys() | sealed.keys()):
        text = f"{shown(name)} is not that of stage {stage.parent}, which it begins from"
        yield from differs(
            place, text, sealed.get(name, "no such file"), loaded.get(name, "no such file")
        )
