"""Forged imported packs, and the check that must find each.

Responsible for lies about what the originals say, with every digest made to fit. What no check can
find is another original with all that follows from it: only a signature tells.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from evidence import layout
from evidence.encoding.codec import encode, encode_rows
from evidence.foreign.originals import originals
from evidence.results.imported.derive import derived, source_record
from evidence.self_test.edits import Edit, becomes, plus, put
from evidence.self_test.forger import ForgedPack, NotPossibleError, Original
from evidence.self_test.forgeries import Forgery


def is_imported(pack: Original) -> bool:
    """Whether a pack has what these lies are about."""
    return layout.SOURCES in pack.names and layout.JOURNAL not in pack.names


def follow(pack: ForgedPack) -> None:
    """Make sources, rows, values, findings and status follow from the originals as they are now."""
    sources, manifest = pack.doc(layout.SOURCES), pack.doc(layout.MANIFEST)
    names = [(one["path"], one["found_as"]) for one in sources["files"]]
    milestone = pack.file(layout.MILESTONE) if layout.MILESTONE in pack.names else None
    with tempfile.TemporaryDirectory(prefix="evidence-forger-") as folder:
        for path, _ in names:
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(pack.file(path))
        found = originals(Path(folder), ((path, called or path) for path, called in names))
    given = derived(manifest["milestone"], found, milestone)
    sources["files"] = [
        encode(source_record(one, called)) for one, (_, called) in zip(found, names, strict=True)
    ]
    pack.docs[layout.LOGGED] = encode_rows(given.rows)
    pack.docs[layout.RESULTS] = encode(given.results)
    pack.docs[layout.FINDINGS] = encode(given.findings)
    manifest["status"] = given.status


def _value(key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one field of the first value that has it."""

    def edit(pack: ForgedPack) -> None:
        for value in pack.doc(layout.RESULTS)["values"].values():
            if isinstance(value.get(key), (str, float)) and value["value"] is not None:
                value[key] = change(value[key])
                return
        raise NotPossibleError(f"no value has a {key}")

    return edit


def _row(key: str, change: Callable[[Any], Any]) -> Edit:
    def edit(pack: ForgedPack) -> None:
        row = pack.rows(layout.LOGGED)[-1]
        if row[key] is None:
            raise NotPossibleError(f"no row has a {key}")
        row[key] = change(row[key])

    return edit


def _row_left_out(pack: ForgedPack) -> None:
    del pack.rows(layout.LOGGED)[-1]


def _other_digit(pack: ForgedPack) -> None:
    """Change one digit of the original that logs a training."""
    path = str(pack.rows(layout.LOGGED)[0]["address"]).partition("#")[0]
    data = pack.file(path)
    place = max(data.rfind(digit) for digit in b"12345678")
    if place < 0:
        raise NotPossibleError(f"{path} has no digit")
    pack.replace(path, data[:place] + bytes([data[place] + 1]) + data[place + 1 :])


def _all_anew(pack: ForgedPack) -> None:
    _other_digit(pack)
    follow(pack)


def _original_added(pack: ForgedPack) -> None:
    pack.replace(f"{layout.ORIGINAL}/put-here.txt", b"accuracy: 0.99\n")


def _original_taken(pack: ForgedPack) -> None:
    rows = pack.rows(layout.LOGGED)
    path = rows[0]["address"].partition("#")[0]
    pack.replace(path, None)
    sources = pack.doc(layout.SOURCES)
    sources["files"] = [one for one in sources["files"] if one["path"] != path]


def _observed(pack: ForgedPack) -> None:
    """The pack claims to be one of a run."""
    manifest = pack.doc(layout.MANIFEST)
    del manifest["origin"], manifest["imported_utc"]


def _holds(pack: ForgedPack) -> None:
    found = pack.doc(layout.FINDINGS)["findings"]
    one = next((one for one in found if one["outcome"] != "holds"), None)
    if one is None:
        raise NotPossibleError("all findings hold")
    one["outcome"] = "holds"


def _withheld(pack: ForgedPack) -> None:
    path = pack.doc(layout.SOURCES)["files"][0]["path"]
    entry = {"path": path, "size_bytes": len(pack.file(path)), "reason": "private"}
    pack.doc(layout.WITHHELD)["files"] = [entry]


IMPORTED_FORGERIES: Final = (
    Forgery("imported-value", "another value", _value("value", lambda v: f"{v}1" if isinstance(
            v, str) else v / 2), ("imported-results", "form")),
    Forgery("imported-digits", "a value of more digits than the file shows", _value("shown",
            lambda text: f"{text}00"), ("imported-results",)),
    Forgery("imported-address", "a value of another place", _value("address",
            lambda text: f"{text}x"), ("imported-results",)),
    Forgery("imported-level", "a value that was observed", _value("level",
            becomes("observed")), ("imported-results",)),
    Forgery("imported-table", "a lower loss in the table", put(layout.RESULTS, "loss_table", -1,
            "loss", change=lambda v: v / 2), ("imported-results",)),
    Forgery("imported-loss", "a lower loss in a logged row", _row("loss", lambda v: v / 2),
            ("imported-rows",)),
    Forgery("imported-step", "a row of another step", _row("step", plus(1)), ("imported-rows",)),
    Forgery("imported-said", "a step that the row says", _row("is_step_inferred",
            lambda v: not v), ("imported-rows",)),
    Forgery("imported-row-left-out", "a row left out", _row_left_out, ("imported-rows",)),
    Forgery("imported-finding", "a finding holds that was not checked", _holds,
            ("imported-findings",)),
    Forgery("imported-encoding", "another encoding", put(layout.SOURCES, "files", 0, "encoding",
            change=becomes("latin-1")), ("imported-sources",)),
    Forgery("imported-count", "more values in a file", put(layout.SOURCES, "files", 0,
            "num_facts", change=plus(1)), ("imported-sources",)),
    Forgery("imported-digit", "one digit of an original", _other_digit, ("imported-sources",)),
    Forgery("imported-added", "a file that nobody found", _original_added, ("imported-names",)),
    Forgery("imported-taken", "an original left out", _original_taken,
            ("imported-rows", "imported-results")),
    Forgery("imported-withheld", "an original that may be absent", _withheld,
            ("imported-withheld",)),
    Forgery("imported-as-run", "an imported pack as that of a run", _observed, ("records",)),
    Forgery("imported-complete", "another status", put(layout.MANIFEST, "status",
            change=lambda v: "complete" if v != "complete" else "failed"), ("imported-status",)),
    Forgery("imported-stand-in", "a stand-in model", put(layout.MANIFEST, "stand_in",
            change=lambda v: not v), ("imported-status",)),
    Forgery("imported-whole", "another original, and all that follows from it", _all_anew),
)  # fmt: skip
