"""Laws over the corpus: a true page accuses nobody, and what is false is found at its place.

Each text is audited as it stands, then once for each edit that makes a claim of it false.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from audit.corpus import ACCUSED, Edit, Text
from audit.texts_evaluations import TEXTS as OF_EVALUATIONS
from audit.texts_runs import TEXTS as OF_RUNS
from audit.texts_trainings import TEXTS as OF_TRAININGS
from msgspec.structs import replace

from evidence.audit.audit import audit_folder
from evidence.audit.report import AuditRecord, ClaimRecord, PlaceRecord
from evidence.foreign import decoding, lines

CORPUS: Final = (*OF_TRAININGS, *OF_EVALUATIONS, *OF_RUNS)
MIN_FOUND: Final = 0.9
MIN_SUPPORTED: Final = 0.8
"""Of the claims of true texts: a page whose claims the files show is mostly supported."""


def built(text: Text, root: Path) -> Path:
    """The evidence on disk."""
    for name, data in text.evidence.items():
        path = root / "evidence" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / "evidence"


def audited(text: Text, folder: Path, page: str) -> AuditRecord:
    document = folder.parent / text.document
    document.write_text(page, "utf-8")
    return audit_folder([document], [], folder)


def accusations(audit: AuditRecord) -> list[str]:
    return [
        f"{one.line}: {one.verdict}: {one.text}: {one.message}"
        for one in audit.claims
        if one.verdict in ACCUSED
    ]


def is_found(edit: Edit, text: Text, folder: Path, page: str) -> bool:
    """Whether a claim that the edit touches has the verdict, and shows the place."""
    first = text.page[: text.page.index(edit.old)].count("\n") + 1
    touched = range(first, first + edit.new.count("\n") + 1)
    return any(
        claim.verdict in edit.verdicts and shows(claim, edit, folder)
        for claim in audited(text, folder, page).claims
        if claim.line in touched or text.document.endswith(".json")
    )


def shows(claim: ClaimRecord, edit: Edit, folder: Path) -> bool:
    return not edit.file or any(is_place(one, edit, folder) for one in claim.evidence)


def is_place(place: PlaceRecord, edit: Edit, folder: Path) -> bool:
    if edit.file not in place.file:
        return False
    if edit.mark.startswith("/"):
        return edit.mark in place.address
    return not edit.mark or (place.line or 0) in lines_with(folder / place.file, edit.mark)


def lines_with(path: Path, words: str) -> frozenset[int]:
    with path.open("rb") as stream:
        how = decoding.digest(stream).decoding
    assert how is not None
    with decoding.opened(path, how) as text:
        return frozenset(one.number for one in lines.lines(text) if words in one.text)


@pytest.mark.parametrize("text", CORPUS, ids=lambda one: one.name)
def test_a_true_page_accuses_nobody(text: Text, tmp_path: Path) -> None:
    assert accusations(audited(text, built(text, tmp_path), text.page)) == []


@pytest.mark.parametrize("text", CORPUS, ids=lambda one: one.name)
def test_each_edit_changes_one_place_of_its_page(text: Text) -> None:
    assert [text.page.count(edit.old) for edit in text.edits] == [1] * len(text.edits)
    assert all(edit.old != edit.new for edit in text.edits)


@pytest.mark.parametrize("apart", [1, 3, 6, 16, 22, 28])
def test_another_run_beside_it_accuses_nobody(apart: int, tmp_path: Path) -> None:
    accused = []
    for number, text in enumerate(CORPUS):
        other = CORPUS[(number + apart) % len(CORPUS)]
        beside = {f"archive/{name}": data for name, data in other.evidence.items()}
        both = replace(text, evidence=text.evidence | beside)
        if other.evidence != text.evidence:
            found = accusations(audited(text, built(both, tmp_path / str(number)), text.page))
            accused += [f"{text.name}, beside {other.name}: {one}" for one in found]
    assert accused == []


def test_what_is_false_is_found_at_its_place(tmp_path: Path) -> None:
    missed, tried = [], 0
    for number, text in enumerate(CORPUS):
        folder = built(text, tmp_path / str(number))
        for edit in text.edits:
            tried += 1
            if not is_found(edit, text, folder, text.page.replace(edit.old, edit.new)):
                missed.append(f"{text.name}: {edit.old!r} -> {edit.new!r}")
    shown = "\n".join(missed)
    assert len(missed) <= (1 - MIN_FOUND) * tried, f"{len(missed)} of {tried}:\n{shown}"


def test_true_claims_are_mostly_supported(tmp_path: Path) -> None:
    silent, claims = [], 0
    for number, text in enumerate(CORPUS):
        audit = audited(text, built(text, tmp_path / str(number)), text.page)
        claims += len(audit.claims)
        silent += [
            f"{text.name}: {one.line}: {one.text}: {one.message}"
            for one in audit.claims
            if one.verdict == "unsupported"
        ]
    shown = "\n".join(silent)
    assert len(silent) <= (1 - MIN_SUPPORTED) * claims, f"{len(silent)} of {claims}:\n{shown}"


def test_the_corpus_has_thirty_texts_over_ten_formats() -> None:
    endings = {Path(name).name for text in CORPUS for name in text.evidence}
    assert len(CORPUS) >= 30
    assert len({text.name for text in CORPUS}) == len(CORPUS)
    assert len(endings) >= 10
