"""Under JAX: what is said where more is asked for than the machine has."""

from __future__ import annotations

import sys

import jax.numpy as jnp

from evidence.backends.memory import memory_named
from evidence.backends.tunix.environment import device_named, prepare
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.execution import ExecutionRecord
from evidence.worker.interface import StageFailure


def main(milestone: str) -> None:
    plan = plan_attempts(parse_milestone(milestone.encode()))[0]
    prepare(plan)
    execution = ExecutionRecord("fast", 4, 1, "cpu", 1)
    try:
        with memory_named(plan.train, execution), device_named(plan):
            jnp.zeros((1 << 46,), jnp.float32).block_until_ready()
    except StageFailure as failure:
        print(failure.kind, failure.message)


if __name__ == "__main__":
    main(sys.argv[1])
