"""The `tunix` backend: training and evaluation of the first Gemma on JAX.

Responsible for the order of a stage and for what it reports. JAX is set up by `environment` before
anything imports it: this module imports what computes only inside its functions.
"""

from __future__ import annotations

from evidence.backends.tunix.environment import framework_record, num_threads, prepare
from evidence.encoding.codec import encode
from evidence.worker.interface import Emit, Job


def run_stage(job: Job, emit: Emit) -> None:
    """Run one stage; every fact goes to the supervisor through `emit`."""
    prepare(job.plan)
    from evidence.backends.tunix import work

    framework = framework_record(job.plan)
    emit("ready", framework=encode(framework), num_threads=num_threads(job.plan))
    if job.stage == "train":
        work.train_stage(job, emit)
    else:
        work.eval_stage(job, emit)
