"""What a run keeps for a process that may have to go on with it: remembered.json.

Responsible for the facts that are sealed nowhere, and for what each file of the work folder held
when it began to count, so that it is known later whether it still does (`damage`). Kept anew
before anything that is written here is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import field
from msgspec.structs import replace

from evidence import layout
from evidence.attempt.kept import read_kept, write_kept
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.inputs import DataRecord
from evidence.records.record import Record
from evidence.records.run import ParentRecord
from evidence.running.entering import FileMark
from evidence.system.durable import Written
from evidence.system.entries import OF_THIS_PROCESS, open_regular, walk


class FileState(Record):
    """The first bytes of a file, or all of them."""

    size_bytes: int
    sha256: str


class KeptFile(Record):
    """What a file of the work folder may hold."""

    grows: bool
    """More may stand behind it: lines that did not count yet when the process ended."""
    states: tuple[FileState, ...]
    """Several where one was about to take the place of another."""
    may_lack: bool = False
    """It was about to be written for the first time."""


class Remembered(Record):
    """What a run knew when it began, and what it has written since."""

    attempts: tuple[str, ...]
    frozen_before: tuple[dict[str, str], ...]
    parents: tuple[ParentRecord, ...]
    observed: bool
    """Whether the documents of the start are written."""
    model_files: tuple[FileMark, ...] = ()
    """Files of models and tokenizers as they were at the start."""
    of_stages: dict[str, dict[str, DataRecord]] = field(default_factory=dict)
    """The data of each stage that has a folder of its own, as it takes them."""
    ancestors: dict[str, dict[str, SeenQuestions | Unavailable]] = field(default_factory=dict)
    """Of each evaluation stage: which of its questions its ancestors were trained on."""
    functions: dict[str, str] = field(default_factory=dict)
    """Digest of each file with functions that score answers, by its path."""
    files: dict[str, KeptFile] = field(default_factory=dict)
    """By their paths below the work folder, as they were when it was written here."""


def recall(work: Path) -> Remembered:
    """What was remembered. Raises MalformedError where it is not what we wrote."""
    try:
        return decode(Remembered, read_kept(work / layout.REMEMBERED))
    except OSError as error:
        if error.errno in OF_THIS_PROCESS:
            raise
        raise MalformedError(f"cannot be read: {error.strerror}") from error


class Memory:
    """The facts of a run under way, each change durable when the call returns."""

    def __init__(self, work: Path, facts: Remembered) -> None:
        self._work = work
        self.facts = facts

    def found(self, files: Mapping[Path, bytes]) -> None:
        """Keep the facts as the run begins, with the files that it brings along."""
        self._keep(self._whole(files))

    def observed(
        self,
        before: Iterable[Mapping[str, str]],
        model_files: tuple[FileMark, ...],
        files: Mapping[Path, bytes],
    ) -> None:
        """Keep what was found at the start, once its documents are written."""
        frozen = tuple(map(dict, before))
        self.facts = replace(
            self.facts, frozen_before=frozen, model_files=model_files, observed=True
        )
        self._keep(self._whole(files))

    def keep(self, written: Mapping[Path, Written]) -> None:
        """Keep what these files hold by now. Lines may follow in those that grow."""
        self._keep(
            {
                self._name(path): KeptFile(
                    grows=path.suffix in (".jsonl", ".txt"), states=(FileState(*state),)
                )
                for path, state in written.items()
            }
        )

    def keep_unknown(self, output: Path) -> None:
        """Keep what the files of an attempt hold of which a process that died could not say so."""
        found: dict[Path, Written] = {}
        for entry in walk(output):
            path = output / entry.name
            is_model = entry.name.startswith(f"{layout.FINAL_MODEL}/")  # known by its own digests
            if entry.type == "file" and not is_model and self._name(path) not in self.facts.files:
                with open_regular(path) as stream:
                    sha256, size_bytes = sha256_stream(stream)
                found[path] = Written(size_bytes, sha256)
        self.keep(found)

    def about_to_write(self, files: Mapping[Path, bytes]) -> None:
        """From here on each file is as it was, or as it is given here."""
        new = self._whole(files)
        for name, one in new.items():
            before = self.facts.files.get(name)
            earlier = () if before is None else before.states
            lacks = before is None or before.may_lack
            new[name] = replace(one, states=(*one.states, *earlier), may_lack=lacks)
        self._keep(new)

    def about_to_cut(self, files: Mapping[Path, bytes]) -> None:
        """From here on no more counts of each file than is given here."""
        known = {path: data for path, data in files.items() if self._name(path) in self.facts.files}
        cut = {name: replace(one, grows=True) for name, one in self._whole(known).items()}
        if cut:
            self._keep(cut)

    def about_to_remove(self, paths: Iterable[Path]) -> None:
        """From here on these files may be gone."""
        gone = {self._name(path) for path in paths} & self.facts.files.keys()
        if gone:
            left = {name: one for name, one in self.facts.files.items() if name not in gone}
            self.facts = replace(self.facts, files=left)
            self._keep({})

    def _whole(self, files: Mapping[Path, bytes]) -> dict[str, KeptFile]:
        return {
            self._name(path): KeptFile(
                grows=False, states=(FileState(len(data), sha256_hex(data)),)
            )
            for path, data in files.items()
        }

    def _name(self, path: Path) -> str:
        return path.relative_to(self._work).as_posix()

    def _keep(self, more: Mapping[str, KeptFile]) -> None:
        self.facts = replace(self.facts, files={**self.facts.files, **more})
        write_kept(self._work / layout.REMEMBERED, encode(self.facts))
