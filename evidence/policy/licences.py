"""The demand on licences, answered from what the evidence names: pass, fail, or not checked.

Responsible for that answer alone. Ids are compared without regard to case, as SPDX has them.
"""

from __future__ import annotations

from typing import Final

from evidence.pack.imported import Imported, PackDocuments
from evidence.records.finding import CheckOutcome
from evidence.results.licences import Kind, licences_of, unlicensed
from evidence.text.escape import one_line

_NOT_OBSERVED: Final = "the pack was imported: nothing of the run was observed"
_MAX_CHARS: Final = 100


def licence_answer(
    documents: PackDocuments, kind: Kind, allowed: tuple[str, ...]
) -> tuple[CheckOutcome, str]:
    """One that is named and not allowed is a fail, whatever is known of the others; a pass needs
    every one, and says how they are known."""
    if isinstance(documents, Imported):
        return "not_checked", _NOT_OBSERVED
    known = [one for one in licences_of(documents) if one.kind == kind]
    wanted = {one.casefold() for one in allowed}
    for one in known:
        if one.text.casefold() not in wanted:
            shown = f"{one_line(one.name, _MAX_CHARS)} is under {one_line(one.text, _MAX_CHARS)}"
            return "fail", f"{shown} ({one.level}, {one.address})"
    silent = unlicensed(documents, kind)
    if silent:
        return "not_checked", one_line(silent, 2 * _MAX_CHARS)
    return "pass", f"as the author declares: {', '.join(one.address for one in known)}"
