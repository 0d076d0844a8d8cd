"""Every path in a pack and around it, spelled once.

Responsible for names only. Which of them are safe to open in a stranger's pack is decided by
`verification.reading`.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Final

SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.sig"
MANIFEST: Final = "manifest.json"
MILESTONE: Final = "milestone.toml"
OVERRIDES: Final = "overrides.json"
"""Settings of the command line in the place of milestone.toml's; only where there are any."""
PARENTS: Final = "parents.json"
"""Checkpoints of other packs that the run began from; only where there are any."""
NOTES: Final = "notes.md"
JOURNAL: Final = "journal.jsonl"
ENVIRONMENT: Final = "environment.json"
ENV_SNAPSHOT: Final = "env_snapshot.txt"
HARDWARE: Final = "hardware.json"
GPU_SNAPSHOT: Final = "gpu_snapshot.txt"
GIT: Final = "git.json"
PATCH: Final = "git_diff.patch"
PACKAGES: Final = "packages.json"
WORKER: Final = "worker.json"
FROZEN: Final = "frozen.json"
INPUTS: Final = "inputs.json"
SEEN: Final = "seen.json"
TELEMETRY: Final = "telemetry.jsonl"
TRAINING_LOG: Final = "training_log.txt"
EVAL_LOG: Final = "eval_log.txt"
METRICS: Final = "training_output/metrics.jsonl"
FINAL_MODEL: Final = "training_output/final_model"
CONFIG: Final = f"{FINAL_MODEL}/config.json"
TOKENIZER: Final = f"{FINAL_MODEL}/tokenizer.json"
ADAPTER_CONFIG: Final = f"{FINAL_MODEL}/adapter_config.json"
ADAPTER_WEIGHTS: Final = f"{FINAL_MODEL}/adapter_model.safetensors"
BASE_CONFIG: Final = f"{FINAL_MODEL}/base/config.json"
"""Of the model that an adapter is for. Beside the adapter, loaders would take it for whole."""
PREDICTIONS: Final = "predictions.jsonl"
WEIGHTS: Final = "weights.json"
ADAPTER: Final = "adapter.json"
LOGITS: Final = "logits.json"
FUNCTIONS: Final = "functions.json"
"""The author's own functions that scored answers; only where there are any."""
RESULTS: Final = "results.json"
WITHHELD: Final = "withheld.json"
COMMITMENTS: Final = "commitments.json"
"""Roots over rows that are withheld (`[publish] withhold_rows`); only where any are."""
SALTS_END: Final = "_salts.txt"
"""Where the name of a file of rows ends with .jsonl, that of its salts ends so."""
LEFT_OUT: Final = ("*.safetensors",)
"""What runs/.gitignore keeps out of git: sealed, and withheld by default."""
ATTEMPTS: Final = "attempts"
STAGE: Final = "stage"
"""The tables of the stages in a milestone."""
STAGES: Final = "stages"
"""Folder of the stages of a milestone with [[stage]], a folder each."""
DAMAGED: Final = "damaged"
"""Folder of what a run that was closed had written and was no longer so: kept, and never read."""

ORIGINAL: Final = "original"
"""Folder of an imported pack: the files as they were found, byte for byte."""
SOURCES: Final = "sources.json"
LOGGED: Final = "logged.jsonl"
FINDINGS: Final = "findings.json"

RENDERED: Final = "rendered.json"
RENDERED_SIGNATURE: Final = "rendered.json.sig"
PLOTS: Final = "plots"
REPORT: Final = "report.html"
ATTACHED: Final = "attached"

RUNS: Final = "runs"
ARCHIVE: Final = "archive"
"""In runs/: packs that `--again` put away."""
WORK: Final = ".work"
STAGED: Final = "pack"
"""In a work folder: what becomes the pack."""
STOPPED: Final = "stopped.json"
"""In a work folder: why the run stopped before its end, where it could still say so."""
RESERVE: Final = "reserve"
"""In a work folder: blocks kept for that record, so that a full disk has room for it."""
REMEMBERED: Final = "remembered.json"
"""In a work folder: what makes it a run that can go on, written before the journal begins."""
CLOSING: Final = "closing.json"
"""In a work folder: what was wrong when the run began to be closed; it goes on no more."""
PUBLISHED: Final = "published.json"
"""In a work folder: the root digest of what is about to be published; the rest is a leftover."""
WEIGHTS_KEPT: Final = ".weights"
"""In runs/.work: weights of trainings that came to their end in a run that failed."""
CHECKPOINTS_KEPT: Final = ".checkpoints"
"""In runs/: checkpoints that were asked to be kept, which no pack holds; by milestone."""
LAUNCHED: Final = ".launched"
"""In runs/.work: where processes that a launcher started for one run speak with each other."""
SET_ASIDE: Final = ".set-aside"
"""In runs/.work: what lay in the folder of a run that was closed, and can be in no pack."""

_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE
)
_RESERVED_STARTS: Final = frozenset({"con", "prn", "aux", "nul", "com", "lpt"})
SEALED_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
ACTS: Final = re.compile(
    r".*\.(x?html?|xht|mht|mhtml|svgz?|m?js|jsx|css|wasm|swf|sh|bash|zsh|fish|command|bat|cmd|ps1"
    r"|vbs|hta|lnk|desktop|url|webloc|app|msi|jar|class|pl|rb|php|pdf)",
    re.IGNORECASE,
)
"""What a browser, a desktop or a shell runs or follows. No pack holds any in a folder of files."""

MILESTONE_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")

RENDERED_PATTERN: Final = (
    r"rendered\.json|rendered\.json\.sig|report\.html|[a-z0-9_.-]+_summary\.md|plots/[a-z0-9_-]+\.svg"
    r"|attached/notes-[A-Za-z0-9_-]+\.md|attached/reproduced-[0-9a-f]{12}\.json"
)
"""Names that the rendered set may have: a regular expression of Python and of `grep -E` alike."""
_RENDERED_SET: Final = re.compile(RENDERED_PATTERN)

SCHEMA_OF: Final = {
    MANIFEST: "manifest.v1",
    OVERRIDES: "overrides.v1",
    PARENTS: "parents.v1",
    ENVIRONMENT: "environment.v1",
    HARDWARE: "hardware.v1",
    GIT: "git.v1",
    PACKAGES: "packages.v1",
    WORKER: "worker.v1",
    FROZEN: "frozen.v1",
    INPUTS: "inputs.v1",
    RESULTS: "results.v1",
    WITHHELD: "withheld.v1",
    COMMITMENTS: "commitments.v1",
    RENDERED: "rendered.v1",
    JOURNAL: "journal-event.v1",
    TELEMETRY: "telemetry-row.v1",
    SOURCES: "sources.v1",
    LOGGED: "logged-row.v1",
    FINDINGS: "findings.v1",
}
"""Schema of each JSON document, and of each line of each JSON lines file, by its path.

What a stage leaves is named by its kind (`stages`).
"""

OUTCOME_SCHEMA: Final = "outcome.v1"

REPRODUCTION: Final = re.compile(r"attached/reproduced-[0-9a-f]{12}\.json")
"""What a reproduction attaches to the original, named by the root digest of its own pack."""
REPRODUCTION_SCHEMA: Final = "reproduction.v1"

NEEDED_ALWAYS: Final = (
    MANIFEST,
    MILESTONE,
    JOURNAL,
    ENVIRONMENT,
    ENV_SNAPSHOT,
    HARDWARE,
    GPU_SNAPSHOT,
    GIT,
    PACKAGES,
    FROZEN,
    INPUTS,
    RESULTS,
    WITHHELD,
)
"""Sealed files that every pack has, a failed one too."""

NEEDED_WHEN_IMPORTED: Final = (MANIFEST, SOURCES, LOGGED, RESULTS, FINDINGS, WITHHELD)
"""Sealed files that every imported pack has: what it has besides is a milestone, and originals."""


def is_reserved(part: str) -> bool:
    """Whether a name is one of a device of Windows."""
    return part[:3].lower() in _RESERVED_STARTS and _RESERVED.fullmatch(part) is not None


def is_original(path: str) -> bool:
    """Whether a pack-relative path is that of a file as it was found."""
    return path.startswith(f"{ORIGINAL}/")


def summary_name(milestone_id: str) -> str:
    """File name of the rendered summary: m43_summary.md for M43."""
    return f"{milestone_id.lower()}_summary.md"


def is_rendered(path: str) -> bool:
    """Whether a pack-relative path can belong to the rendered set or to what is attached."""
    return _RENDERED_SET.fullmatch(path) is not None


def is_attached(path: str) -> bool:
    """Whether a pack-relative path is in the folder of what was added after sealing."""
    return path.startswith(f"{ATTACHED}/")


def reproduction_file(root_sha256: str) -> str:
    """Where the result of reproducing a pack is attached, by the reproducing pack's digest."""
    return f"{ATTACHED}/reproduced-{root_sha256[:12]}.json"


def attempt_dir(number: int, name: str) -> str:
    """Folder of an attempt that did not complete: attempts/01-jax."""
    return f"{ATTEMPTS}/{number:02d}-{name}"


def milestone_file(root: Path, milestone_id: str) -> Path:
    """milestones/<id>.toml below the project's root."""
    return root / "milestones" / f"{milestone_id}.toml"


def notes_file(root: Path, milestone_id: str) -> Path:
    """The author's notes known before the run, beside the milestone."""
    return root / "milestones" / f"{milestone_id}.notes.md"


def pack_dir(runs: Path, milestone_id: str) -> Path:
    """Where a sealed pack appears, whole."""
    return runs / milestone_id


def is_unfinished(work: Path) -> bool:
    """Whether a folder below runs/.work holds anything of a run that began and was not published.

    A run that lost some of its files is one too, and so is a folder that cannot be looked into.
    What a process leaves that died before the run began, or after it was published, is none.
    """
    staged = work / STAGED
    try:
        inside = {one.name for one in work.iterdir()}
        if STAGED not in inside and PUBLISHED in inside:
            return False
        begun = {one.name for one in staged.iterdir()} if staged.is_dir() else set()
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    told = inside & {REMEMBERED, STOPPED, CLOSING} or begun - {MILESTONE, OVERRIDES, PARENTS, NOTES}
    return any(not name.startswith(".") for name in told) or any(
        name.startswith(("attempt-", "scratch-")) for name in inside
    )


def work_dir(runs: Path, milestone_id: str) -> Path:
    """Where an unsealed run works."""
    return runs / WORK / milestone_id


def without_stage(path: str) -> str:
    """A path of a file of a stage as it would be were its stage the only one of its kind."""
    parts = path.split("/", 2)
    return parts[2] if len(parts) == 3 and parts[0] == STAGES else path
