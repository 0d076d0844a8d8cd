"""What recording what the model saw costs: the same training with it and without it.

    python benchmarks/recording.py [--small] [--pairs N]

Two figures of the same thing. Paired runs of the stand-in's training loop, with the recorder and
with one that does nothing, give the ratio of their CPU times and the difference of their peak
memory. That ratio scatters by more than the bar, so the CPU time spent inside the recorder's own
calls is also summed up and divided by that of the training. Where the loss falls needs the marks
of fields in any case; probes are not recording, and both sides leave them out.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from pairs import asked, machine, result_of

ROOT = Path(__file__).parents[1]

SIDE = """
import json, resource, sys, time
from pathlib import Path
import torch
from transformers import Trainer
from evidence.milestone.parse import load_milestone
from evidence.milestone.plan import plan_attempts
from evidence.encoding.codec import encode
from evidence.backends.transformers import training
from evidence.backends.transformers.ranks import Ranks
from evidence.data import examples as example_makers, tokens
from evidence.data.read import load_data
from evidence.data.facts import field_names
from evidence.worker.interface import Job
from evidence.backends.transformers.models import (
    load_model, make_repeatable)
from evidence.backends.tokenizer import coder, load_tokenizer, vocabulary
from evidence.worker.recorder import Recorder, StepCounts

side, root, scratch = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
inside_s = 0.0

def timed(function):
    def call(*args, **kwargs):
        global inside_s
        began_s = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            inside_s += time.thread_time() - began_s
    return call

class Nothing(Recorder):
    def feed(self, rows, num_fed_tokens):
        pass
    def end_step(self):
        return StepCounts(0, 0, 0, 0, "")
    def state(self):
        return {"stream": "", "step": 1}

def fed_only(self, model, inputs, *args, **kwargs):
    inputs.pop("source_row")
    return Trainer.training_step(self, model, inputs, *args, **kwargs)

if side == "without":
    training.RecordingTrainer.training_step = fed_only
    tokens._reach = lambda *args: (frozenset(),) * 3
    example_makers.unseen_answers = lambda found: ()
else:
    own = Trainer.training_step
    def recorded(self, model, inputs, *args, **kwargs):
        # All of our training_step but what it hands on to.
        kept = []
        Trainer.training_step = lambda *given, **more: kept.append((given, more))
        timed(step)(self, model, inputs, *args, **kwargs)
        Trainer.training_step = own
        given, more = kept[0]
        return own(*given, **more)
    step = training.RecordingTrainer.training_step
    training.RecordingTrainer.training_step = recorded
    tokens._reach = timed(tokens._reach)
    example_makers.coverage = timed(example_makers.coverage)
    for name in ("end_step", "state"):
        setattr(Recorder, name, timed(getattr(Recorder, name)))

plan = plan_attempts(load_milestone(root / "milestones/M43.toml")[0])[2]
make_repeatable(plan)
tokenizer = load_tokenizer(plan.model, root)
data = load_data(root, "train", plan.data["train"])
plain = coder(tokenizer)
cpu_s = time.process_time()
if side == "with":
    plain = tokens.Coder(plain.encode, timed(plain.decode), plain.bos_id, plain.eos_id)
else:
    plain = tokens.Coder(plain.encode, lambda ids: "", plain.bos_id, plain.eos_id)
examples = example_makers.training_examples(plan, data, plain)
if side == "with":
    timed(example_makers.text_record)(plan, plain, examples)
model = load_model(plan.model, root, torch.float32, torch.device("cpu"))
kind = Recorder if side == "with" else Nothing
pieces = timed(vocabulary)(tokenizer)
recorder = kind(138, plan.train.seed, plan.train.max_length, pieces)
job = Job(plan, "train", str(root), scratch, scratch, 1, None, "")
training.train(job, model, 0, examples, recorder, lambda name, **event: None, Ranks(), (), str)
if side == "with":
    fields = field_names(data.rows)
    timed(lambda: encode(recorder.record("train", plan.data["train"], fields, examples)))()
cpu_s = time.process_time() - cpu_s
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT", json.dumps({"cpu_s": cpu_s, "inside_s": inside_s, "peak_mib": peak}))
"""


def measure(side: str) -> dict[str, float]:
    """One run of one side, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        found: dict[str, float] = result_of(
            ["-c", SIDE, side, str(ROOT), scratch], {"OMP_NUM_THREADS": "1"}
        )
    return found


def main() -> None:
    """Print the table."""
    pairs = asked(__doc__, 7).pairs
    measure("with"), measure("without")
    both = [(measure("with"), measure("without")) for _ in range(pairs)]
    inside = [a["inside_s"] / (a["cpu_s"] - a["inside_s"]) for a, _ in both]
    ratio = [a["cpu_s"] / b["cpu_s"] for a, b in both]
    memory = [a["peak_mib"] - b["peak_mib"] for a, b in both]
    print(machine(), "", sep="\n")
    print("| what | median | spread | bar |", "|---|---|---|---|", sep="\n")
    for name, values, shown, bar in (
        ("CPU inside the recorder / of the training", inside, "{:.2%}", "≤ 1%"),
        ("CPU time, with / without recording", ratio, "{:.3f}", "≤ 1.01"),
        ("peak memory, with − without, MiB", memory, "{:.1f}", "≤ 50"),
    ):
        low, high = shown.format(min(values)), shown.format(max(values))
        middle = shown.format(statistics.median(values))
        print(f"| {name} | {middle} | {low} to {high} | {bar} |")


if __name__ == "__main__":
    main()
