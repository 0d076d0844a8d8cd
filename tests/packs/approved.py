"""What verify says of every case and every forgery, as it was last approved.

Responsible for one line a finding: how grave, which code, where, what should be there and what is.
Sentences are left out: they may be worded anew. `make approve` writes the lines, a reader of the
change approves them, and the tests hold verify to them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from forgeries import FORGERIES, forged
from packs.case import CASES, Case, cases
from packs.made import arguments, made

from evidence.encoding.codec import encode
from evidence.verification.verification import verify_pack
from tests.command import evidence

FORGED: Final = Path(__file__).parents[1] / "verification" / "forgeries.txt"
_HEADING: Final = "## "


def of_report(report: dict[str, Any], pack: Path) -> list[str]:
    """Verdict, what happened to the run, and a line for each finding."""
    happened = [report["happened"]] if report["happened"] else []
    return [report["verdict"], *happened, *lines(report["findings"], pack)]


def lines(findings: Iterable[dict[str, Any]], pack: Path) -> list[str]:
    """One line a finding, in their order; PACK is where the pack was."""
    found = []
    for one in findings:
        words = [one["severity"], one["code"], one["address"]]
        words += [f"expected {one['expected']}"] if one["expected"] is not None else []
        words += [f"actual {one['actual']}"] if one["actual"] is not None else []
        found.append(" | ".join(words).replace(pack.as_posix(), "PACK"))
    return found


def of_case(case: Case) -> list[str]:
    """The approved lines of a case."""
    return (CASES / case.name / "findings.txt").read_text("utf-8").splitlines()


def of_forgery(name: str) -> list[str]:
    """The approved lines of a forgery."""
    sections = FORGED.read_text("utf-8").split(_HEADING)
    found = {one.partition("\n")[0]: one.partition("\n")[2] for one in sections}
    return found.get(name, "").strip().splitlines()


def findings_of(case: Case, pack: Path) -> list[str]:
    """What verify says of the pack of a case."""
    ended = evidence("verify", *arguments(case, pack), "--json")
    return [] if ended.exit == 2 else of_report(json.loads(ended.out), pack)


def _forgeries(folder: Path) -> Iterator[str]:
    for number, one in enumerate(FORGERIES):
        pack = forged(one, folder / str(number) / "M90")
        found = lines(encode(verify_pack(pack).findings), pack)
        yield "\n".join([f"{_HEADING}{one.name}", *found])


def approve() -> None:
    """Write all lines as verify says them now."""
    with tempfile.TemporaryDirectory() as made_in:
        for case in cases():
            folder = Path(made_in) / case.name
            folder.mkdir()
            try:
                printed = findings_of(case, made(case, folder))
            except pytest.skip.Exception:
                continue
            file = CASES / case.name / "findings.txt"
            file.write_text("".join(f"{line}\n" for line in printed), encoding="utf-8")
        text = "\n\n".join(_forgeries(Path(made_in)))
    FORGED.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    approve()
