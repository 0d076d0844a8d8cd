"""What every export says of a pack: which it is, how it ended, its numbers, what nothing proves.

Responsible for one account of these, so that no format says more than another. How a format spells
them is its own module's; where files go, `writing`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import PackBrokenError
from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported, PackDocuments, error_of
from evidence.pack.stage_view import view_of
from evidence.records.inputs import DataRecord, InputsRecord, ModelRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import LEVELS, GateResult, ManifestRecord, ValueRecord
from evidence.stages.command import COMMAND
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.text import endings
from evidence.text.escape import one_line
from evidence.verification.verification import SealedPack

MAX_LINE_CHARS: Final = 400
"""Of a text of a pack in one line of an export."""
MACHINE: Final = frozenset(
    (
        "checkpoint", "data", "frozen", "git", "hardware", "inputs", "model", "run", "seen",
        "software", "telemetry", "text", "tokenizer", "worker",
    )
)  # fmt: skip
"""First parts of names of values that tell of inputs and machine, not of what came out."""
WITHHELD: Final = (
    "Answers of the evaluation are withheld and committed to row by row: without them its scores "
    "cannot be checked."
)
"""Of a pack whose milestone withholds rows."""
LIMITS: Final = (
    "Whoever holds a machine can invent files that agree with one another: a pack does not prove "
    "that the training happened.",
    "This export repeats what the sealed files say. That its numbers follow from the evidence is "
    "checked by `evidence verify` on the pack, not by this file.",
    "No signature of the pack was looked at for this export.",
)


class Account(Record):
    """One pack, as every export tells of it."""

    path: Path
    """Where the pack lies, for who copies it. No export names it."""
    manifest: ManifestRecord
    documents: PackDocuments
    root_sha256: str
    title: str
    """One harmless line; the id where the milestone is not known."""
    standing: tuple[str, ...]
    """What a reader must know before any number, in plain sentences."""

    @property
    def milestone(self) -> str:
        """The id of the milestone."""
        return self.manifest.milestone

    @property
    def values(self) -> Mapping[str, ValueRecord]:
        """Every value of results.json, measured or not, in order of name."""
        results = self.documents.results
        return {} if results is None else dict(sorted(results.values.items()))

    @property
    def measured(self) -> Mapping[str, ValueRecord]:
        """Those that have a value."""
        return {name: one for name, one in self.values.items() if one.value is not None}

    @property
    def outcomes(self) -> Mapping[str, ValueRecord]:
        """Of what was measured, what came out and what was set: not inputs, not the machine."""
        heads = {stage.name for stage in self.stages if stage.is_named}
        return {
            name: one
            for name, one in self.measured.items()
            if _first(name, heads) not in MACHINE and not isinstance(one.value, bool)
        }

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """The gates as they came out."""
        results = self.documents.results
        return () if results is None else results.gates

    @property
    def run(self) -> Documents | None:
        """The documents of a run; None where it was imported."""
        return None if isinstance(self.documents, Imported) else self.documents

    @property
    def is_complete(self) -> bool:
        """Whether it came to its end; of an imported pack, whether its files say so."""
        return self.manifest.status == "complete"

    @property
    def spec(self) -> Milestone | None:
        """The milestone; None where nothing was imported with one."""
        return self.documents.milestone

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of a run; none of an imported pack."""
        return () if self.run is None else stages_of(self.run.milestone)

    @property
    def is_recorded(self) -> bool:
        """Whether it is of a program that was recorded as it is."""
        return any(stage.kind is COMMAND for stage in self.stages)

    def view(self, stage: Stage) -> Documents | None:
        """The documents as one stage has them."""
        if self.run is None or not stage.is_named:
            return self.run
        return view_of(self.run, stage)

    @property
    def finished_utc(self) -> str | None:
        """When the run ended, as recorded; None where that was not measured."""
        return self._text("run.finished_utc")

    @property
    def started_utc(self) -> str | None:
        """When it began."""
        return self._text("run.started_utc")

    def _text(self, name: str) -> str | None:
        found = self.values.get(name)
        return found.value if found is not None and isinstance(found.value, str) else None


def words_of(record: ValueRecord) -> str:
    """A measured value, in full precision; a text as it is."""
    return record.value if isinstance(record.value, str) else jsonio.dump_text(record.value)


def account_of(sealed: SealedPack) -> Account:
    """The account of a pack. Raises PackBrokenError where manifest or results are not there."""
    documents = sealed.documents
    manifest = documents.manifest
    if manifest is None or documents.results is None:
        text = f"{sealed.path}: {layout.MANIFEST} or {layout.RESULTS} is not there"
        raise PackBrokenError(text)
    spec = documents.milestone
    return Account(
        path=sealed.path,
        manifest=manifest,
        documents=documents,
        root_sha256=sealed.root_sha256,
        title=line(spec.title) if spec is not None and spec.title else manifest.milestone,
        standing=tuple(_standing(manifest, documents)),
    )


def line(text: str) -> str:
    """A text of the pack as one harmless line."""
    return one_line(text.strip(), MAX_LINE_CHARS)


def levels(values: Mapping[str, ValueRecord]) -> dict[str, int]:
    """How many of the values are known in which way, the best first."""
    counted = {level: sum(one.level == level for one in values.values()) for level in LEVELS}
    return {level: count for level, count in counted.items() if count}


def said_levels(values: Mapping[str, ValueRecord]) -> str:
    """The same in words: `120 observed, 9 declared`; empty where there are none."""
    return ", ".join(f"{count} {level}" for level, count in levels(values).items())


def data_of(account: Account, kind_name: str) -> dict[str, DataRecord]:
    """Data sets that stages of a kind (`train`, `eval`) took, by their names in the milestone."""
    found: dict[str, DataRecord] = {}
    for stage in account.stages:
        view = account.view(stage)
        name = data_name(stage)
        if stage.kind.name == kind_name and view is not None and name in view.inputs.data:
            found[name] = view.inputs.data[name]
    return found


def data_name(stage: Stage) -> str:
    """The data set of a training or an evaluation; empty of another kind of stage."""
    spec = stage.milestone
    if stage.kind is TRAIN and spec.given_train is not None:
        return spec.given_train.data
    if stage.kind is EVAL and spec.given_eval is not None:
        return spec.given_eval.data
    return ""


def inputs_documents(account: Account) -> tuple[tuple[str, InputsRecord], ...]:
    """Each inputs.json of a run with its path: that of the run, and those of its stages."""
    if account.run is None:
        return ()
    found = [(layout.INPUTS, account.run.inputs)]
    for stage in account.stages:
        view = account.view(stage)
        if stage.is_named and view is not None:
            found.append((stage.path(layout.INPUTS), view.inputs))
    return tuple(found)


def every_data(account: Account) -> dict[str, tuple[str, DataRecord]]:
    """All data sets of a run by their names in the milestone, with the document that tells of it:
    where several do, that of the run."""
    found: dict[str, tuple[str, DataRecord]] = {}
    for path, inputs in inputs_documents(account):
        for name, record in inputs.data.items():
            found.setdefault(name, (path, record))
    return dict(sorted(found.items()))


def models_of(account: Account) -> tuple[tuple[str, ModelRecord], ...]:
    """Models that the completed attempt began from, each once, with the document that tells of it;
    none where no attempt completed."""
    found: list[tuple[str, ModelRecord]] = []
    for path, inputs in inputs_documents(account):
        if isinstance(inputs.model, ModelRecord) and inputs.model not in [one for _, one in found]:
            found.append((path, inputs.model))
    return tuple(found)


def base_models(account: Account) -> tuple[str, ...]:
    """Ids on the Hugging Face hub of models whose weights were loaded, each once."""
    ids = (line(model.id) for _, model in models_of(account) if model.source == "hub")
    return tuple(dict.fromkeys(ids))


def weights_of(account: Account) -> dict[str, str]:
    """Digests of the sealed files of final models, by path; empty where none was saved."""
    return {
        path: digest
        for path, digest in sorted(account.documents.digests.items())
        if layout.without_stage(path).startswith(f"{layout.FINAL_MODEL}/")
    }


def _first(name: str, heads: set[str]) -> str:
    """The first part of a name that is not the name of a stage."""
    head, _, rest = name.partition(".")
    return rest.partition(".")[0] if head in heads else head


def _standing(manifest: ManifestRecord, documents: PackDocuments) -> Iterator[str]:
    if isinstance(documents, Imported):
        yield (
            "Imported, not observed: every number was read from files that were found; nothing of "
            "the run was seen."
        )
        if manifest.status == "failed":
            yield line(f"The run failed: {error_of(documents)}") + "."
        if manifest.status == "unknown":
            yield "The files do not say how the run ended."
        return
    if manifest.status == "failed":
        ended = endings.of_failed_run(documents.outcomes, lost.damaged_in(documents.journal))
        yield line(f"The run failed: {ended}") + "."
    if manifest.stand_in:
        yield (
            "Made on a stand-in model with random weights: the numbers say nothing about the model "
            "that the milestone is about."
        )
    gates = () if documents.results is None else documents.results.gates
    opened = endings.of_open_gates(gates) if manifest.status == "complete" else ""
    if opened:
        yield line(opened[:1].upper() + opened[1:]) + "."
    if documents.milestone.publish.withhold_rows:
        yield WITHHELD
    if any(stage.kind is COMMAND for stage in stages_of(documents.milestone)):
        yield (
            "A program that was recorded as it is: what hooks saw is instrumented, what it told "
            "is reported, what was read from its files is parsed."
        )
