"""What leaving evidence costs a program that we did not write: with the hooks and without.

    python benchmarks/instrumenting.py [--small] [--pairs N]

Two figures of the same thing, for each program. Paired runs give the ratio of the processes' CPU
times, imports included, and the difference of their peak memory. Pairs scatter by more than the
bar, so the CPU time spent inside the hooks is summed up too and divided by that of the rest of the
process. The programs are the examples, whose models are tiny: steps of a few milliseconds are the
worst case, because what a hook does depends on the batch and hardly on the model. One larger model
shows the share where a step takes tens of milliseconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from pairs import HEADER, asked, compare, machine, result_of, row, run, say

ROOT = Path(__file__).parents[1]
ON_PATH = ROOT / "evidence/instrument/on_path"

TIMED = """
import atexit, json, runpy, sys, time
inside_s = 0.0
depth = 0
if "_evidence_instrument" in sys.modules:
    guard = sys.modules["_evidence_instrument.guard"].Guard
    hook = guard.hook
    def timed(self, name, function, nested=False):
        guarded = hook(self, name, function, nested)
        if name.startswith("import of"):
            return guarded  # an import within an import would be counted as ours
        def call(*args, **kwargs):
            global inside_s, depth
            depth += 1
            began_s = time.thread_time()
            try:
                return guarded(*args, **kwargs)
            finally:
                depth -= 1
                if not depth:
                    inside_s += time.thread_time() - began_s
        return call
    guard.hook = timed
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
cpu_s = time.process_time()
sys.modules["_evidence_instrument"]._started[0].end()
print("RESULT", json.dumps({"cpu_s": cpu_s, "inside_s": inside_s}))
"""

LARGER = """
import torch
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel
torch.manual_seed(0)
config = GPT2Config(vocab_size=2000, n_embd=256, n_layer=4, n_head=4, n_positions=256)
model = GPT2LMHeadModel(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for step in range(15):
    ids = torch.randint(0, 2000, (4, 128))
    loss = model(input_ids=ids, labels=ids).loss
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


def hooked(spool: Path) -> dict[str, str]:
    """The environment of a recorded run."""
    return {
        "EVIDENCE_SPOOL": str(spool),
        "PYTHONPATH": os.pathsep.join([str(ON_PATH), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }


def share_inside(command: list[str]) -> float:
    """CPU time inside the hooks, by that of the rest of the process."""
    with tempfile.TemporaryDirectory() as scratch:
        found = result_of(["-c", TIMED, *command], hooked(Path(scratch)))
    inside_s: float = found["inside_s"]
    return inside_s / (found["cpu_s"] - inside_s)


def measure(name: str, command: list[str], pairs: int) -> str:
    """Print the rows of one program's pairs; return that of the share inside."""
    with tempfile.TemporaryDirectory() as scratch:
        program = [sys.executable, *command]
        measured = compare(
            lambda: run(program, hooked(Path(scratch))),
            lambda: run(program, {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}),
            pairs,
        )
    shares = [share_inside(command) for _ in range(pairs)]
    say(row(name, measured, "cpu_s", "≤ 1.01"), row(name, measured, "peak_rss_mib", "≤ 1.1"))
    low, middle, high = min(shares), statistics.median(shares), max(shares)
    return f"| {name} | {middle:.2%} | {low:.2%} to {high:.2%} |"


def main() -> None:
    """Print the table."""
    options = asked(__doc__, 5)
    with tempfile.TemporaryDirectory() as scratch:
        larger = Path(scratch) / "larger.py"
        larger.write_text(LARGER, encoding="utf-8")
        out = ["--out", scratch]
        programs = {
            "Trainer, 60,000 parameters": [str(ROOT / "examples/prompt_only.py"), *out],
            "plain loop, 18,000 parameters": [str(ROOT / "examples/plain_loop.py"), *out],
            "plain loop, 4 million parameters": [str(larger)],
        }
        say(machine(), "", HEADER)
        shares = [measure(name, command, options.pairs) for name, command in programs.items()]
    say("", "| CPU inside the hooks / of the rest | median | spread |", "|---|---|---|", *shares)


if __name__ == "__main__":
    main()
