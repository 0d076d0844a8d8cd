"""A pack in the hands of a forger who has this project's code: edited, then sealed consistently.

Responsible for making results, outcome digest, journal chain, manifest, SHA256SUMS and the
rendered set follow from what was edited. What is edited is said in `forgeries`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError
from evidence.pack.documents import Documents, parse_documents
from evidence.pack.seal import format_sums
from evidence.publish.summaries import rendered_files
from evidence.results.compute import compute_results
from evidence.results.outcome_digest import outcome_digest
from evidence.self_test.bench import Bench
from evidence.stages.registry import is_document

MAX_FORGED_BYTES: Final = 256 << 20
"""Larger files are flipped in place, but not forged: that would hold them in memory."""

_MODEL: Final = f"{layout.FINAL_MODEL}/"


class NotHereError(Exception):
    """This pack has nothing to which the forgery could be done; the text says what is missing."""


class Bent:
    """The pack as values. Attributes of the forger: what they forget to make consistent."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.forget_results = False
        self.forget_outcome = False
        self.forget_model = False
        self._docs: dict[str, Any] = {}
        self._files: dict[str, bytes | None] = {}

    def doc(self, path: str) -> Any:
        """The value of a JSON document, or the rows of a JSON lines file, to be edited."""
        if path not in self._docs:
            if path not in self.bench.digests:
                raise NotHereError(f"the pack has no {path}")
            data = self.bench.bytes_of(path)
            self._docs[path] = (
                [value for _, value in jsonio.iter_rows(data)]
                if path.endswith(".jsonl")
                else jsonio.load_document(data)
            )
        return self._docs[path]

    def rows(self, path: str, at_least: int = 1) -> list[Any]:
        """Rows of a JSON lines file, of which there must be enough."""
        rows: list[Any] = self.doc(path)
        if len(rows) < at_least:
            raise NotHereError(f"{path} has only {len(rows)} rows")
        return rows

    def event(self, name: str, **where: Any) -> dict[str, Any]:
        """The last journal event with this name (and these data)."""
        for event in reversed(self.doc(layout.JOURNAL)):
            if event["event"] == name and where.items() <= event["data"].items():
                found: dict[str, Any] = event
                return found
        raise NotHereError(f"the journal has no {name}")

    def file(self, path: str) -> bytes:
        """Bytes of a file as it is now."""
        if path in self._files:
            return self._files[path] or b""
        if path not in self.bench.names:
            raise NotHereError(f"the pack has no {path}")
        if (self.bench.original / path).stat().st_size > MAX_FORGED_BYTES:
            raise NotHereError(f"{path} is too large to be forged here")
        return self.bench.bytes_of(path)

    def replace(self, path: str, data: bytes | None) -> None:
        """New bytes of a file; None takes it away."""
        self._docs.pop(path, None)
        self._files[path] = data

    def milestone(self, pattern: str, replacement: Any) -> None:
        """Edit milestone.toml by a regular expression, and the journal's digest of it."""
        text = self.file(layout.MILESTONE).decode("utf-8")
        edited = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        if edited == text:
            raise NotHereError("the milestone has no such line")
        self.replace(layout.MILESTONE, edited.encode("utf-8"))
        self.event("run-started")["data"]["milestone_sha256"] = sha256_hex(edited.encode())

    def weights(self) -> str:
        """Path of the first safetensors file that is there."""
        for path in self.bench.names:
            if path.startswith(_MODEL) and path.endswith(".safetensors"):
                return path
        raise NotHereError("there are no weights in this copy")

    def model_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the final model, which need not be canonical."""
        value: dict[str, Any] = json.loads(self.file(f"{_MODEL}{name}"))
        return value

    def seal(self) -> None:
        """Make the rest follow, and write what changed into the bench."""
        if not self.forget_model:
            self._journal_model()
        if layout.JOURNAL in self._docs:
            self._chain()
        documents = self._follow()
        contents = self._changed()
        sizes = self._sizes(contents)
        manifest = self.doc(layout.MANIFEST)
        manifest["files"] = [
            {"path": path, "size_bytes": sizes[path]}
            for path in sorted(sizes)
            if path != layout.MANIFEST
        ]
        contents = self._changed()
        digests = self._digests(contents)
        sums = format_sums(digests)
        for path, data in {**contents, layout.SUMS: sums}.items():
            if data is None:
                self.bench.touch(path).unlink()
            else:
                self.bench.write(path, data)
        if documents is not None:
            self._render(contents, digests, sha256_hex(sums))

    def _render(
        self, contents: dict[str, bytes | None], digests: dict[str, str], root: str
    ) -> None:
        attached = {
            path: self.bench.bytes_of(path)
            for path in self.bench.names
            if path.startswith(f"{layout.ATTACHED}/")
        }
        try:
            documents = self._documents(contents, digests)
            rendered = rendered_files(documents, root, attached)
        except EvidenceError:
            return  # what was forged cannot even be shown: the old summary stays
        for path, data in rendered.items():
            self.bench.write(path, data)

    def _follow(self) -> Documents | None:
        """results.json and the outcome digest from the rest; None where nothing can be computed."""
        contents = self._changed()
        try:
            documents = self._documents(contents, self._digests(contents))
            if not self.forget_results:
                self._docs[layout.RESULTS] = encode(compute_results(documents))
            if not self.forget_outcome:
                self.doc(layout.MANIFEST)["outcome_sha256"] = encode(outcome_digest(documents))
        except (EvidenceError, ArithmeticError, LookupError, TypeError, ValueError):
            return None
        return documents

    def _journal_model(self) -> None:
        changed = {path for path in self._files if path.startswith(_MODEL)}
        if not changed:
            return
        for file in self.event("final-model")["data"]["files"]:
            data = self._files.get(file["path"])
            if data is not None:
                file["sha256"], file["size_bytes"] = sha256_hex(data), len(data)

    def _chain(self) -> None:
        previous = "0" * 64
        for seq, event in enumerate(self.doc(layout.JOURNAL)):
            event["seq"], event["prev"] = seq, previous
            previous = sha256_hex(jsonio.dump_row(event))

    def _changed(self) -> dict[str, bytes | None]:
        found = dict(self._files)
        for path, value in self._docs.items():
            found[path] = (
                b"".join(map(jsonio.dump_row, value))
                if path.endswith(".jsonl")
                else jsonio.dump_document(value)
            )
        return found

    def _sizes(self, contents: dict[str, bytes | None]) -> dict[str, int]:
        changed = {path: len(data) for path, data in contents.items() if data is not None}
        sizes = {**self.bench.sizes, **changed}
        return {path: size for path, size in sizes.items() if contents.get(path, b"") is not None}

    def _digests(self, contents: dict[str, bytes | None]) -> dict[str, str]:
        changed = {path: sha256_hex(data) for path, data in contents.items() if data is not None}
        digests = {**self.bench.digests, **changed}
        return {path: one for path, one in digests.items() if contents.get(path, b"") is not None}

    def _documents(self, contents: dict[str, bytes | None], digests: dict[str, str]) -> Documents:
        kept: dict[str, bytes] = {}
        for path in digests:
            if is_document(path):
                changed = contents.get(path)
                kept[path] = self.bench.bytes_of(path) if changed is None else changed
        return parse_documents(kept, self._sizes(contents), digests)
