"""The rehearsal at full size on a GPU: gemma-2b's shape, random weights, against the recipe.

    python benchmarks/gpu.py [--small] [--pairs N]

Both sides are those of training.py, with another model, dtype and device. MFU counts the FLOPs of
the tokens that are no padding against the matrix product that this card was just seen to reach;
the share of the roofline is the least time that FLOPs or traffic allow, over the time taken. Both
come from the loop with its checkpoints, as training pays for them.

Not run yet: it was written on a machine without a GPU, and no figure of it exists.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from dataclasses import dataclass

from pairs import asked, machine, python, result_of, say
from scratch import scratch
from training import RATE, ROOT, SIDE

NEEDED_BYTES = 40_000_000_000
"""Two checkpoints with Adafactor's state and a third while it is written."""
NEEDED_VRAM = 24 << 30
NUM_STEPS = 138
BYTES_A_WEIGHT = 12
"""Traffic of one step in bfloat16, of two bytes each: the weights read forward and backward, the
gradient written and read, the weights read and written by the optimizer (Adafactor's factored
state is thousands of times smaller)."""

CHANGES = (
    ('"milestones/M43.toml")[0])[2]', '"milestones/M43.toml")[0])[1]'),
    (
        "train=replace(plan.train, learning_rate=rate))",
        "train=replace(plan.train, learning_rate=rate), model=replace(plan.model, id=None,"
        ' revision=None, config="milestones/models/gemma-2b", init_seed=42,'
        ' tokenizer="milestones/models/tiny-gemma"))',
    ),
    ('torch.float32, torch.device("cpu")', 'torch.bfloat16, torch.device("cuda", 0)'),
    ("use_cpu=True", "use_cpu=False"),
    (
        '"mean": mean}',
        '"mean": mean, "num_parameters": sum(p.numel() for p in model.parameters()),'
        ' "num_tokens": sum(len(Rows(examples)[i]["ids"]) for i in range(len(examples))),'
        ' "peak_bytes": torch.cuda.max_memory_allocated()}',
    ),
)
CARD = """
import json, time, torch
def per_second(work, amount, rounds=20):
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        work()
    torch.cuda.synchronize()
    return amount * rounds / (time.perf_counter() - began)
n = 8192
a = torch.randn(n, n, dtype=torch.bfloat16, device="cuda")
b = torch.randn(n, n, dtype=torch.bfloat16, device="cuda")
c = torch.empty_like(a)
flops = per_second(lambda: torch.mm(a, b, out=c), 2 * n**3)
source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
target = torch.empty_like(source)
bytes_moved = per_second(lambda: target.copy_(source), 2 << 30)
print("RESULT", json.dumps([torch.cuda.get_device_name(0), flops, bytes_moved]))
"""


@dataclass(frozen=True, slots=True)
class Card:
    """What this GPU was seen to reach, not what its data sheet says."""

    name: str
    flops_per_s: float
    bytes_per_s: float


def main() -> None:
    """Print the table, or say why there is none."""
    how = asked(__doc__, 3)
    script = adapted(SIDE)
    reason = _why_not()
    if reason:
        raise SystemExit(f"bench-gpu was not run: {reason}")
    card = Card(*result_of(["-c", CARD], {}))
    ours, theirs = [], []
    for _ in range(how.pairs):
        ours.append(_measure(script, "ours"))
        theirs.append(_measure(script, "other"))
    pairs = list(zip(ours, theirs, strict=True))
    speed = sorted(other["wall_s"] / own["wall_s"] for own, other in pairs)
    gap = max(abs(own["mean"] / other["mean"] - 1) for own, other in pairs)
    say(machine(), f"{card.name}: {card.flops_per_s / 1e12:.0f} TFLOP/s bfloat16 and "
        f"{card.bytes_per_s / 1e9:.0f} GB/s as measured now", "")  # fmt: skip
    say("| what | median | spread | bar |", "|---|---|---|---|")
    say(
        f"| samples/s, ours / reference recipe | {statistics.median(speed):.2f} "
        f"| {speed[0]:.2f} to {speed[-1]:.2f} | ≥ 3 |",
        f"| mean train loss, relative difference | {gap:.1e} | | |",
    )
    for name, runs in (("ours", ours), ("reference recipe", theirs)):
        wall_s = statistics.median(run["wall_s"] for run in runs)
        mfu, share = shares(runs[0], wall_s, card)
        say(
            f"| {name}: MFU | {mfu:.1%} | | |",
            f"| {name}: share of the roofline | {share:.1%} | | |",
            f"| {name}: wall s | {wall_s:.2f} | | |",
            f"| {name}: peak GPU memory, GiB | {runs[0]['peak_bytes'] / 2**30:.1f} | | |",
        )


def adapted(script: str) -> str:
    """The sides of training.py for the GPU. Ends where what is changed is not there (once)."""
    for old, new in CHANGES:
        if script.count(old) != 1:
            raise SystemExit(f"training.py has changed: {old!r} is not in it once")
        script = script.replace(old, new)
    return script


def shares(run: dict[str, float], wall_s: float, card: Card) -> tuple[float, float]:
    """MFU and share of the roofline. FLOPs: 6 · parameters · tokens; the embedding is counted,
    since it is tied and multiplies at the output."""
    flops = 6 * run["num_parameters"] * run["num_tokens"]
    compute_s = flops / card.flops_per_s
    traffic_s = NUM_STEPS * BYTES_A_WEIGHT * run["num_parameters"] / card.bytes_per_s
    return compute_s / wall_s, max(compute_s, traffic_s) / wall_s


def _why_not() -> str | None:
    if shutil.which("nvidia-smi") is None:
        return "there is no nvidia-smi, so no NVIDIA GPU"
    found = subprocess.run(
        [python(), "-c", "import torch; print(torch.cuda.is_available() and "
         "torch.cuda.get_device_properties(0).total_memory)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if found == "False":
        return "this PyTorch sees no GPU (a CPU build? make bench-gpu TORCH_INDEX=…)"
    if int(found) < NEEDED_VRAM * 0.95:
        return f"the GPU has {int(found) >> 30} GiB, and gemma-2b needs {NEEDED_VRAM >> 30}"
    return None


def _measure(script: str, side: str) -> dict[str, float]:
    with scratch(NEEDED_BYTES) as folder:
        arguments = ["-c", script, side, str(ROOT), str(folder), repr(RATE)]
        found: dict[str, float] = result_of(arguments, {})
    return found


if __name__ == "__main__":
    main()
