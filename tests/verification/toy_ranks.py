"""A toy that two processes trained, of which the journal's `ranks` and `ranks-fed` tell."""

from __future__ import annotations

from typing import Any, Final

from toy import row_of_toy, toy
from toy_parts import SEED, B, G, N

from evidence import layout
from evidence.backends.row_order import rows_of_step
from evidence.data.tokens import num_targets
from evidence.rules.ranks import START, add_step, packages_sha256, share
from evidence.self_test.forger import ForgedPack

WORLD: Final = 2
_NO_GPU: Final = {"unavailable": "no GPU is in use"}


def _process(rank: int, made: ForgedPack) -> dict[str, Any]:
    environment = made.docs[layout.ENVIRONMENT]
    packages = made.docs[layout.PACKAGES]["packages"]
    return {
        "rank": rank,
        "host": "host",
        "device": "cpu",
        "device_name": _NO_GPU,
        "gpu_uuid": _NO_GPU,
        "driver_version": _NO_GPU,
        "python_version": environment["python_version"],
        "torch_version": environment["framework"]["torch_version"],
        "packages_sha256": packages_sha256((one["name"], one["version"]) for one in packages),
        "num_threads": 2,
        "num_parameters_held": made.docs[layout.INPUTS]["model"]["num_parameters"],
    }


def _fed(rank: int, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows are those that fall to it, with their tokens; of the tokens fed, of which this
    backend tells sums alone, half of each step, or all of one that has no row for the other."""
    num_rows, digest = 0, START
    totals = dict.fromkeys(("num_tokens", "num_fed_tokens", "num_target_tokens"), 0)
    for row in steps:
        rows = rows_of_step(row["step"], N, B * G, SEED)
        own = [one for some in share(rows, rank, WORLD, 1) for one in some]
        num_rows, digest = num_rows + len(own), add_step(digest, row["step"], own)
        for ids, labels in map(row_of_toy, own):
            totals["num_tokens"] += len(ids)
            totals["num_target_tokens"] += num_targets(labels)
        totals["num_fed_tokens"] += row["num_fed_tokens"] * len(own) // len(rows)
    return {
        "rank": rank,
        "num_rows": num_rows,
        **totals,
        "rows_sha256": digest,
        "weights_sha256": "4" * 64,
        "peak_memory_bytes": 10**8 - rank,
    }


def ranks_toy() -> ForgedPack:
    """The toy, whose milestone asks for two processes."""
    made = toy()
    text = (made.files[layout.MILESTONE] or b"").decode()
    made.files[layout.MILESTONE] = text.replace(
        "[train]\n", f"[launch]\nprocesses = {WORLD}\n\n[train]\n", 1
    ).encode()
    said = {"stage": "train", "segment": 1}
    ran = {"execution": "fast", "device": "cpu", "num_devices": 1, "processes": WORLD}
    ran |= {"rows_per_forward": 1, "accumulation": G // WORLD}
    steps = made.docs[layout.METRICS]
    began = [_process(rank, made) for rank in range(WORLD)]
    fed = [_fed(rank, steps) for rank in range(WORLD)]
    journal = made.docs[layout.JOURNAL]
    for after, name, data in (
        ("stage-started", "ranks", {"ranks": began}),
        ("probe", "execution", ran),
        ("final-model", "ranks-fed", {"ranks": fed}),
    ):
        place = next(n for n, one in enumerate(journal) if one["event"] == after)
        event = {**journal[place], "event": name, "data": said | data}
        journal.insert(place + (after != "final-model"), event)
    made.journal_milestone()
    return made
