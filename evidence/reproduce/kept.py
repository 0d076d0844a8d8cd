"""The checkpoint that a replay begins from: found beside the pack, copied, and held to its digests.

Responsible for opening nothing whose bytes the journal of the verified pack does not name, and for
leaving behind what no replay loads. What is loaded then is read as tensors alone (safetensors, and
`torch.load` with weights_only, as transformers does it). Keeping is `running`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.attempt.attempt import StartPoint
from evidence.compare.configuration import plan_of
from evidence.encoding.digest import sha256_stream
from evidence.errors import DurabilityError, UsageError
from evidence.pack import kept
from evidence.records.inputs import FileDigest
from evidence.records.run import KeptCheckpoint
from evidence.stages.train import TRAIN
from evidence.system.durable import copy_file, make_folder
from evidence.system.entries import open_regular
from evidence.verification.verification import VerifiedPack

_PICKLES: Final = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "best_weights.pt")
"""All that are read, each with weights_only."""
LOADED: Final = ("*.safetensors", "*.json", *_PICKLES)
"""Names of the files that a training goes on from. Others are not taken along."""


def kept_after(original: VerifiedPack, step: int, last: int) -> KeptCheckpoint:
    """What the pack says of the checkpoint of this step. Raises UsageError where none was kept."""
    events = original.documents.journal
    found = {one.step: one for one in kept.kept_in(events)}
    if step in found:
        return found[step]
    why = next((f": {one.reason}" for one in kept.lost_in(events) if one.step == step), "")
    others = [f"--steps {one}:{last}" for one in found if one < last]
    raise UsageError(
        f"no checkpoint after step {step} was kept of this run{why}",
        hint=f"What can be begun from: {', '.join((f'--steps 1:{last}', *others))}",
    )


def brought(original: VerifiedPack, project: Path, one: KeptCheckpoint, folder: Path) -> StartPoint:
    """Copy the checkpoint into a folder of our own; where the training is to begin.

    Raises UsageError where it is not there, or a file of it is another one than the journal names.
    """
    milestone = original.documents.milestone.id
    places = [kept.folder_of(runs, milestone, one) for runs in _runs(original.path, project)]
    source = next((place for place in places if place.is_dir()), None)
    if source is None:
        raise UsageError(
            f"the checkpoint after step {one.step} is not here: there is no {places[0]}",
            hint="No pack holds it. Put the folder there, as whoever made the run has it: its "
            "files are held to the journal's digests before they are opened.",
        )
    plan = plan_of(original.documents)
    saved = kept.saved_after(original.documents.journal, plan.name)
    target = folder / f"checkpoint-{one.step}"
    for file in kept.files_of(saved[one.step]):
        if any(fnmatchcase(file.path, name) for name in LOADED):
            _copy(source, target, file, one.step)
    probed = frozenset({"before"})
    return StartPoint(TRAIN.name, 1, str(target), one.step, probed, resumes=True)


def _runs(pack: Path, project: Path) -> Iterator[Path]:
    """Folders of packs beside which the checkpoint may lie: those of an archived pack too."""
    yield pack.parent.parent if pack.parent.name == layout.ARCHIVE else pack.parent
    yield project / layout.RUNS


def _copy(source: Path, target: Path, file: FileDigest, step: int) -> None:
    """Copy first, and look at the copy: nobody else can change that one."""
    here, there = source / file.path, target / file.path
    try:
        if here.lstat().st_size != file.size_bytes:
            raise _another(here, step)
        open_regular(here).close()  # no link, no pipe
        make_folder(there.parent)
        copy_file(here, there)
        with open_regular(there) as stream:
            if sha256_stream(stream) != (file.sha256, file.size_bytes):
                raise _another(here, step)
    except (OSError, DurabilityError) as error:
        said = error.strerror if isinstance(error, OSError) else error.message
        raise UsageError(
            f"the checkpoint after step {step} cannot be begun from: {here}: {said}",
            hint="Put all files of it there, and give TMPDIR a place with room for them.",
        ) from error


def _another(path: Path, step: int) -> UsageError:
    return UsageError(
        f"the checkpoint after step {step} is not the one that the journal names: {path} has "
        "other bytes",
        hint="It was not opened. Put the folder there as the run left it.",
    )
