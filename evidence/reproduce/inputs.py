"""The inputs of a pack inside a fresh worktree: there, and with the recorded digests.

Responsible for finding out before anything starts. What git does not hold (ignored data, large
weights) is linked from the user's own project, and then has to have the recorded bytes too.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from evidence import layout
from evidence.data.content import content_of_file
from evidence.data.read import load_data
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import UsageError
from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.program import CommandSpec
from evidence.records.run import AttemptPlan
from evidence.reproduce.parents import require_parents
from evidence.stages.command import COMMAND
from evidence.stages.eval import FUNCTIONS
from evidence.stages.pack_init import OF_PACK
from evidence.text import commands
from evidence.text.escape import visible
from evidence.verification.verification import VerifiedPack


def require_inputs(root: Path, project: Path, documents: Documents, plan: AttemptPlan) -> None:
    """Raises UsageError for whatever is missing or has other bytes than were recorded."""
    require_parents(root, project, documents)
    functions = _functions(documents)
    for path in (*_named(documents, plan), *functions):
        _borrow(root, project, path)
    for path, sha256 in functions.items():
        _require(root, path, sha256, "the scores of this pack")
    for name, record in sorted(documents.inputs.data.items()):
        _require_data(root, name, record, plan)
    for path, sha256 in _model_files(documents, plan):
        _require(root, path, sha256, "the model of this pack")


def _named(documents: Documents, plan: AttemptPlan) -> Iterator[str]:
    """Every path of the project that the run reads, by file or by folder."""
    for name in plan.data:
        if name in documents.inputs.data:
            yield from (file.path for _, file in documents.inputs.data[name].sources)
    model = plan.given_model
    folders = () if model is None or model.named else (model.path, model.config, model.tokenizer)
    for folder in folders:
        if folder is not None:
            yield folder
    for one in documents.frozen.known:
        for file in one.files:
            if file.before_sha256 is not None:
                yield file.path


def _functions(documents: Documents) -> dict[str, str]:
    """Digest of each file with functions that scored answers, by its path."""
    kept = [
        documents.document(FUNCTIONS),
        *(one.document(FUNCTIONS) for _, one in views(documents)),
    ]
    return {one.file: one.sha256 for found in kept if found for one in found.functions}


def _borrow(root: Path, project: Path, path: str) -> None:
    """Link what the worktree lacks and the project has, file by file."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise UsageError(f"{path} leads out of the project, so it cannot be reproduced from here")
    source = project / path
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    for file in files:
        target = root / file.relative_to(project)
        if target.exists():
            continue
        if not _existing_parent(target).is_relative_to(root.resolve()):
            raise UsageError(f"{path} leads through a link out of the worktree")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file.resolve())


def _existing_parent(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.exists()).resolve()


def require_milestone(root: Path, original: VerifiedPack, *, trust: bool) -> bytes | None:
    """None where the worktree has the milestone; else the bytes of that of a recorded program.

    Raises UsageError where it is another one, or where nobody said that its command may be run:
    what a pack asks for runs as you.
    """
    documents = original.documents
    path = layout.milestone_file(root, documents.milestone.id)
    name = path.relative_to(root).as_posix()
    if path.is_file():
        if sha256_hex(path.read_bytes()) != documents.digests[layout.MILESTONE]:
            raise UsageError(
                f"{name} of the recorded commit and patch is not the milestone.toml of the pack",
                hint="A filter of git (core.autocrlf?) may change it on checkout.",
            )
        return None
    settings = documents.milestone.stages.get(COMMAND.name)
    if settings is None:
        raise UsageError(
            f"{name} is not in the recorded commit",
            hint="Name the project with --repo: the folder that holds milestones/.",
        )
    if not trust:
        words = shlex.join(decode(CommandSpec, settings).run)
        again = commands.evidence("reproduce", str(original.path), "--trust-command")
        raise UsageError(
            f"its command stands in the pack alone, and would run here as you: {visible(words)}",
            hint=f"If you trust it: {again}",
        )
    return (original.path / layout.MILESTONE).read_bytes()


def _require_data(root: Path, name: str, record: DataRecord, plan: AttemptPlan) -> None:
    spec = plan.data[name]
    for file in record.files:
        _require(root, file.path, file.sha256, f"the data set [data.{name}] of this pack")
    if spec.path is not None and not (root / spec.path).is_file():
        raise UsageError(
            f"there is no {spec.path}, the data set [data.{name}] of this pack",
            hint=f"Neither the commit nor your project has it. Put a file with the digest "
            f"sha256:{record.sha256} there.",
        )
    if spec.path is None:
        found = load_data(root, name, spec).content
    else:
        with (root / spec.path).open("rb") as stream:
            found = content_of_file(stream)
    if found.sha256 == record.sha256:
        return
    ends = found.sha256_lf == record.sha256_lf
    raise UsageError(
        f"[data.{name}] has other bytes ({found.sha256[:12]}…) than the pack recorded "
        f"({record.sha256[:12]}…)",
        hint="Only the line ends differ: see core.autocrlf and .gitattributes."
        if ends
        else "The run would not be the same; nothing was started.",
    )


def _model_files(documents: Documents, plan: AttemptPlan) -> Iterator[tuple[str, str]]:
    model, tokenizer = documents.inputs.model, documents.inputs.tokenizer
    if not isinstance(model, Unavailable) and model.id.startswith(OF_PACK):
        return  # of another pack, which is there as a whole
    if not isinstance(model, Unavailable) and not isinstance(model.files, Unavailable):
        for file in model.files:
            yield file.path, file.sha256
    asked = plan.given_model
    folder = None if asked is None else asked.tokenizer or asked.path
    digest = tokenizer if isinstance(tokenizer, Unavailable) else tokenizer.sha256
    if folder and not isinstance(digest, Unavailable):
        yield f"{folder}/tokenizer.json", digest


def _require(root: Path, path: str, sha256: str, of: str) -> None:
    if not (root / path).is_file():
        raise UsageError(
            f"there is no {path}, of which {of} was made",
            hint=f"Put a file with the digest sha256:{sha256} there.",
        )
    with (root / path).open("rb", buffering=0) as stream:
        found = sha256_stream(stream)[0]
    if found != sha256:
        raise UsageError(
            f"{path} has other bytes ({found[:12]}…) than the pack recorded ({sha256[:12]}…)",
            hint="The run would not be the same; nothing was started.",
        )
