"""The table of the packs that a run begins from.

Responsible for its cells, which repeat what was recorded when the run began. Whether these packs
are still what they were is verify's to say.
"""

from __future__ import annotations

from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.results.context import Context
from evidence.stages.pack_init import pack_init
from evidence.text import marked

_SHORT_ROOT: Final = 12


def view(documents: Documents) -> dict[str, Any]:
    """Names and values for the table of summary.md.j2; an empty list where there are none."""
    return {
        "begins_from": [
            {
                "pack": marked.code(_folder(one.init)),
                "stage": "–" if one.stage is None else marked.inline(one.stage),
                "root": marked.code(one.root_sha256[:_SHORT_ROOT]),
                "status": marked.inline(one.status) + (" (stand-in)" if one.stand_in else ""),
            }
            for one in documents.parents
        ],
        "stand_in_parents": ", ".join(
            dict.fromkeys(
                marked.code(_folder(one.init)) for one in documents.parents if one.stand_in
            )
        )
        if not _is_one_itself(documents)
        else "",
    }


def _folder(init: str) -> str:
    pack = pack_init(init)
    return init if pack is None else pack.pack


def _is_one_itself(documents: Documents) -> bool:
    """Whether its own attempt is a stand-in: then that is what the summary says of it."""
    plan = Context(documents).plan
    return plan is not None and plan.stand_in
