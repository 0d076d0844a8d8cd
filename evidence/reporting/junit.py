"""JUnit XML, as continuous integration shows test results.

Responsible for that shape alone: a suite for each pack or document, a case for each question.
Durations are left out, since none was measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evidence.reporting.verdicts import Asked, Judged
from evidence.text.escape import visible

_NO_XML: Final = re.compile("[\ufffe\uffff]")
"""Characters that XML 1.0 has not, beyond those that `visible` spells."""


def junit(judged: Sequence[Judged]) -> str:
    """One document; a warning or a piece of advice is text beside its case, and no failure."""
    every = [asked for one in judged for asked in one.asked]
    root = Element("testsuites", {"name": "evidence-pack", **_counts(every)})
    for one in judged:
        attributes = {"name": _text(one.name), **_counts(one.asked)}
        suite = SubElement(root, "testsuite", attributes)
        for asked in one.asked:
            _case(suite, one.name, asked)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _counts(asked: Sequence[Asked]) -> dict[str, str]:
    return {
        "tests": str(len(asked)),
        "failures": str(sum(one.outcome == "fail" for one in asked)),
        "errors": "0",
        "skipped": str(sum(one.outcome == "not_checked" for one in asked)),
    }


def _case(suite: Element, name: str, asked: Asked) -> None:
    case = SubElement(suite, "testcase", {"classname": _text(name), "name": _text(asked.id)})
    lines = [f"{said.level}: {said.code}: {said.address}: {said.message}" for said in asked.said]
    if asked.outcome == "not_checked":
        SubElement(case, "skipped", {"message": _text(f"not checked: {asked.reason}")})
    if asked.outcome == "fail":
        first = next((said for said in asked.said if said.level == "error"), None)
        message = asked.title if first is None else first.message
        kind = asked.id if first is None else first.code
        failure = SubElement(case, "failure", {"message": _text(message), "type": _text(kind)})
        failure.text = _text("\n".join(lines))
    elif lines:
        SubElement(case, "system-out").text = _text("\n".join(lines))


def _text(text: str) -> str:
    return _NO_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
