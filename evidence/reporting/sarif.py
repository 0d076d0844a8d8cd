"""SARIF 2.1.0 (OASIS), as code scanning reads it.

Responsible for that shape alone. What was not checked is a notification of the tool: it is no
result, and never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from evidence import __version__
from evidence.encoding import jsonio
from evidence.reporting.verdicts import VERDICT, Asked, Judged, Said
from evidence.text.escape import visible

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
NOT_CHECKED: Final = "not-checked"


def sarif(judged: Sequence[Judged], exit_code: int) -> bytes:
    """One log with one run for everything that was judged."""
    pairs = [(asked, said) for one in judged for asked in one.asked for said in asked.said]
    # The verdict repeats what was found; where nothing else was, it is all there is to say.
    told = {said.file for asked, said in pairs if asked.id != VERDICT and said.level == "error"}
    shown = [
        (asked, said)
        for asked, said in pairs
        if asked.id != VERDICT or not any(file.startswith(said.file) for file in told)
    ]
    titles = {said.code: visible(asked.title) for asked, said in shown}
    order = {code: index for index, code in enumerate(sorted(titles))}
    rules = [{"id": code, "shortDescription": {"text": titles[code]}} for code in order]
    rules.append(
        {"id": NOT_CHECKED, "shortDescription": {"text": "could not be checked: this is no pass"}}
    )
    order[NOT_CHECKED] = len(rules) - 1
    run = {
        "tool": {"driver": {"name": "evidence-pack", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": exit_code,
                "toolExecutionNotifications": list(_not_checked(judged, order[NOT_CHECKED])),
            }
        ],
        "results": [_result(said, order[said.code]) for _, said in shown],
    }
    return jsonio.dump_document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(said: Said, rule: int) -> dict[str, Any]:
    place = f" [{said.address}]" if said.address and said.address != said.file else ""
    return {
        "ruleId": said.code,
        "ruleIndex": rule,
        "level": said.level,
        "message": {"text": visible(f"{said.message}{place}")},
        "locations": [_location(said.file, said.line)],
    }


def _location(file: str, line: int | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri_of(file)}}
    if line is not None:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}


def uri_of(path: str) -> str:
    """A path as a URI reference: relative to where the command ran unless it is absolute."""
    quoted = quote(visible(path), safe="/")
    return f"file://{quoted}" if PurePosixPath(path).is_absolute() else quoted or "."


def _not_checked(judged: Sequence[Judged], rule: int) -> Iterator[dict[str, Any]]:
    for one in judged:
        for asked in one.asked:
            if asked.outcome == "not_checked":
                yield {
                    "associatedRule": {"id": NOT_CHECKED, "index": rule},
                    "level": "note",
                    "message": {"text": visible(_reason(asked))},
                    "locations": [_location(one.name, None)],
                }


def _reason(asked: Asked) -> str:
    return f"not checked: {asked.id}: {asked.reason}"
