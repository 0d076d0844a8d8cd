"""A pack in the hands of a forger who has this project's code: edited, then sealed consistently.

Responsible for making results, outcome digest, journal chain, manifest, SHA256SUMS and the
rendered set follow from what was edited. The edits are in `edits`; nothing is written to
a disk here. It serves the self-test, which forges a copy of a pack on disk, and the tests, which
make whole packs in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol, Self

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError
from evidence.pack.commitments import lines_of, read_salts
from evidence.pack.documents import Documents, parse_documents
from evidence.pack.imported import PackDocuments, is_imported, parse_imported
from evidence.pack.seal import format_sums
from evidence.publish.summaries import rendered_files
from evidence.records.record import Record
from evidence.results.compute import compute_results
from evidence.results.outcome_digest import outcome_digest
from evidence.rules import merkle
from evidence.stages.registry import is_document
from evidence.text.snapshot import env_snapshot
from evidence.verification.imported.checks import outcome_of

MAX_FORGED_BYTES: Final = 256 << 20
"""Larger files are flipped in place, but not forged: that would hold them in memory."""

_MODEL: Final = f"{layout.FINAL_MODEL}/"


class NotPossibleError(Exception):
    """This cannot be done to this pack, or not on this system; the text says why."""


class Original(Protocol):
    """The pack that is forged: read a file at a time, and never written."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that is there."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Digest of each sealed file."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Size of each sealed file."""

    def bytes_of(self, path: str) -> bytes:
        """Bytes of one file."""


class FilesElsewhere(Record):
    """Sealed files whose bytes nobody needs to read, by path. None of them: a pack made anew."""

    digests: Mapping[str, str]
    sizes: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        """None: their bytes are not at hand."""
        return ()

    def bytes_of(self, path: str) -> bytes:
        """Never asked for, since no name was given."""
        raise KeyError(path)


class ForgedPack:
    """A pack as values: what was opened, changed or taken away. The rest is as in the original."""

    def __init__(self, original: Original | None = None) -> None:
        self.original: Original = original or FilesElsewhere({}, {})
        self.docs: dict[str, Any] = {}
        """JSON documents by path; of a JSON lines file the list of its rows."""
        self.files: dict[str, bytes | None] = {}
        """Bytes of other files by path; None where one of the original's was taken away."""
        self.attached: dict[str, bytes] = {
            path: self.original.bytes_of(path)
            for path in self.original.names
            if path.startswith(f"{layout.ATTACHED}/")
        }

    @property
    def names(self) -> list[str]:
        """Every file that is there now, sorted."""
        found = {*self.original.names, *self.docs, *self.files}
        return sorted(path for path in found if self.files.get(path, b"") is not None)

    def at(self, path: str) -> str:
        """Where a file is: at the top, else in the first stage that has one. What went in, which
        both say, in that of the first stage that trained: what checks ask of it they ask there."""
        inside = [one for one in self.names if one != layout.without_stage(one) == path]
        if path == layout.INPUTS and inside:
            own = f"{layout.STAGES}/{self.stage_of(layout.METRICS)}/{path}"
            return own if own in inside else path
        if path in self.docs or path in self.files or path in self.original.names:
            return path
        return next(iter(inside), path)

    def stage_of(self, path: str) -> str:
        """The stage whose file is meant by such a path; empty where it lies at the top."""
        at = self.at(path)
        return "" if at == path else at.split("/")[1]

    def doc(self, path: str) -> Any:
        """The value of a JSON document, or the rows of a JSON lines file, to be edited; of a file
        that each stage has for itself, the first stage's."""
        path = self.at(path)
        if path not in self.docs:
            data = self.file(path)
            self.docs[path] = (
                [value for _, value in jsonio.iter_rows(data)]
                if path.endswith(".jsonl")
                else jsonio.load_document(data)
            )
            self.files.pop(path, None)
        return self.docs[path]

    def rows(self, path: str, at_least: int = 1) -> list[Any]:
        """Rows of a JSON lines file, of which there must be enough."""
        rows: list[Any] = self.doc(path)
        if len(rows) < at_least:
            raise NotPossibleError(f"{path} has only {len(rows)} rows")
        return rows

    def event(self, name: str, **where: Any) -> dict[str, Any]:
        """The last journal event with this name (and these data)."""
        left = {"train": layout.METRICS, "eval": layout.PREDICTIONS}.get(where.get("stage", ""))
        if left is not None:
            where = {**where, "stage": self.stage_of(left) or where["stage"]}
        for event in reversed(self.doc(layout.JOURNAL)):
            if event["event"] == name and where.items() <= event["data"].items():
                found: dict[str, Any] = event
                return found
        raise NotPossibleError(f"the journal has no {name}")

    def file(self, path: str) -> bytes:
        """Bytes of a file as it is now; which one is meant, `at` says."""
        path = self.at(path)
        if path in self.docs:
            return _dumped(path, self.docs[path])
        changed = self.files.get(path)
        if changed is not None:
            return changed
        if path in self.files or path not in self.original.names:
            raise NotPossibleError(f"the pack has no {path}")
        if self.original.sizes.get(path, 0) > MAX_FORGED_BYTES:
            raise NotPossibleError(f"{path} is too large to be forged here")
        return self.original.bytes_of(path)

    def replace(self, path: str, data: bytes | None) -> None:
        """New bytes of a file; None takes it away."""
        self.docs.pop(path, None)
        if data is None and path not in self.original.names:
            self.files.pop(path, None)
        else:
            self.files[path] = data

    def milestone(self, pattern: str, replacement: Any) -> None:
        """Edit milestone.toml by a regular expression, and the journal's digest of it."""
        text = self.file(layout.MILESTONE).decode("utf-8")
        edited = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        if edited == text:
            raise NotPossibleError("the milestone has no such line")
        self.replace(layout.MILESTONE, edited.encode("utf-8"))
        self.journal_milestone()

    def journal_milestone(self) -> None:
        """Make the journal's digest of the milestone that of the file as it is now."""
        started = self.event("run-started")["data"]
        started["milestone_sha256"] = sha256_hex(self.file(layout.MILESTONE))

    def weights(self) -> str:
        """Path of the first safetensors file that is there."""
        for path in self.names:
            inside = layout.without_stage(path)
            if inside.startswith(_MODEL) and path.endswith(".safetensors"):
                return path
        raise NotPossibleError("there are no weights in this copy")

    def model_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the final model, which need not be canonical."""
        value: dict[str, Any] = json.loads(self.file(f"{_MODEL}{name}"))
        return value

    def seal(self, forget: Collection[str] = ()) -> Self:
        """Make the rest follow, but for what the forger forgets.

        That is any of results, outcome, model, snapshot.
        """
        if self.is_imported:
            if "outcome" not in forget:
                digests = self._digests(self.contents())
                self.doc(layout.MANIFEST)["outcome_sha256"] = outcome_of(digests)
            return self.list_files()
        if "model" not in forget:
            self._journal_model()
        if layout.COMMITMENTS in self.names:
            self._commit()
        if layout.JOURNAL in self.docs:
            self._chain()
        try:
            documents = self.documents()
            if "snapshot" not in forget and layout.ENV_SNAPSHOT in self.names:
                self._show_machine(documents)
                documents = self.documents()
            if "results" not in forget:
                self.docs[layout.RESULTS] = encode(compute_results(documents))
            if "outcome" not in forget:
                self.doc(layout.MANIFEST)["outcome_sha256"] = encode(outcome_digest(documents))
        except (EvidenceError, ArithmeticError, LookupError, TypeError, ValueError):
            pass  # what was forged cannot even be computed with: sealed as it is
        return self.list_files()

    def list_files(self) -> Self:
        """The manifest's list of files and sizes, from what is there now."""
        manifest = self.doc(layout.MANIFEST)
        sizes = self._sizes(self.contents())
        manifest["files"] = [
            {"path": path, "size_bytes": sizes[path]}
            for path in sorted(sizes)
            if path != layout.MANIFEST
        ]
        return self

    def contents(self) -> dict[str, bytes | None]:
        """Bytes of every sealed file that was opened or changed, SHA256SUMS left out."""
        return {**self.files, **{path: _dumped(path, value) for path, value in self.docs.items()}}

    @property
    def is_imported(self) -> bool:
        """Whether it says that nothing of its run was observed."""
        return layout.MANIFEST in self.names and is_imported(self.file(layout.MANIFEST))

    def pack_documents(self) -> PackDocuments:
        """The records of it, of whichever kind it is."""
        if not self.is_imported:
            return self.documents()
        contents = self.contents()
        digests = self._digests(contents)
        named = [path for path in digests if is_document(path)]
        return parse_imported(
            {path: self.file(path) for path in named}, self._sizes(contents), digests
        )

    def documents(self) -> Documents:
        """The records of it."""
        contents = self.contents()
        digests = self._digests(contents)
        records: dict[str, bytes] = {}
        for path in digests:
            changed = contents.get(path)
            if changed is None and path not in self.original.names:
                continue  # withheld, and not in this copy
            if is_document(path):
                records[path] = self.original.bytes_of(path) if changed is None else changed
        return parse_documents(records, self._sizes(contents), digests)

    def sealed_bytes(self) -> dict[str, bytes | None]:
        """What `contents` gives, with SHA256SUMS."""
        contents = self.contents()
        return {**contents, layout.SUMS: format_sums(self._digests(contents))}

    def all_bytes(self) -> dict[str, bytes | None]:
        """The same with the rendered set, where it can be rendered."""
        contents = self.contents()
        sums = format_sums(self._digests(contents))
        sealed = {**contents, layout.SUMS: sums}
        try:
            rendered = rendered_files(self.pack_documents(), sha256_hex(sums), self.attached)
        except EvidenceError:
            return sealed  # what was forged cannot even be shown: the old summary stays
        return {**sealed, **rendered, **self.attached}

    def _show_machine(self, of: Documents) -> None:
        shown = env_snapshot(of.environment, of.hardware, of.git, of.packages, of.worker).encode(
            "utf-8"
        )
        if shown != self.file(layout.ENV_SNAPSHOT):
            self.replace(layout.ENV_SNAPSHOT, shown)

    def _journal_model(self) -> None:
        if not any(layout.without_stage(path).startswith(_MODEL) for path in self.files):
            return
        contents = self.contents()
        digests, sizes = self._digests(contents), self._sizes(contents)
        for event in self.doc(layout.JOURNAL):
            if event["event"] == "final-model":
                stage = f"{layout.STAGES}/{event['data'].get('stage')}/"
                folder = stage if any(path.startswith(stage) for path in digests) else ""
                event["data"]["files"] = [
                    {
                        "path": path.removeprefix(folder),
                        "sha256": digests[path],
                        "size_bytes": sizes[path],
                    }
                    for path in sorted(digests)
                    if path.startswith(f"{folder}{_MODEL}")
                ]

    def _commit(self) -> None:
        """Roots over withheld rows that were edited, with the salts that are there."""
        changed = {path: data for path, data in self.contents().items() if data is not None}
        for one in self.doc(layout.COMMITMENTS)["files"]:
            path, salts = one["path"], one["salts"]
            before = self.original.digests.get(path)
            if path not in changed or salts not in self.names:
                continue
            if sha256_hex(changed[path]) == before:
                continue  # read, and not edited
            rows, salted = lines_of(changed[path]), read_salts(self.file(salts), salts)
            leaves = [merkle.leaf_of(*pair) for pair in zip(salted, rows, strict=False)]
            one |= {"num_rows": len(rows), "root_sha256": merkle.root_of(leaves).hex()}
            for entry in self.doc(layout.WITHHELD)["files"]:
                if entry["path"] == path:
                    entry["size_bytes"] = len(changed[path])

    def _chain(self) -> None:
        previous = "0" * 64
        for seq, event in enumerate(self.doc(layout.JOURNAL)):
            event["seq"], event["prev"] = seq, previous
            previous = sha256_hex(jsonio.dump_row(event))

    def _sizes(self, contents: Mapping[str, bytes | None]) -> dict[str, int]:
        changed = {path: len(data) for path, data in contents.items() if data is not None}
        sizes = {**self.original.sizes, **changed}
        return {path: size for path, size in sizes.items() if contents.get(path, b"") is not None}

    def _digests(self, contents: Mapping[str, bytes | None]) -> dict[str, str]:
        changed = {path: sha256_hex(data) for path, data in contents.items() if data is not None}
        digests = {**self.original.digests, **changed}
        return {path: one for path, one in digests.items() if contents.get(path, b"") is not None}


def _dumped(path: str, value: Any) -> bytes:
    if path.endswith(".jsonl"):
        return b"".join(map(jsonio.dump_row, value))
    return jsonio.dump_document(value)
