"""A loop in JAX, which nothing hooks: it reports its own steps and its result."""

import argparse
from pathlib import Path

from evidence.report import artifact, metric, step

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    raise SystemExit("this example needs JAX: pip install jax") from None


def loss_of(weights, inputs, targets):
    return jnp.mean((inputs @ weights - targets) ** 2)


@jax.jit
def update(weights, inputs, targets, rate):
    loss, slope = jax.value_and_grad(loss_of)(weights, inputs, targets)
    return weights - rate * slope, loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("jax_out"))
    asked = parser.parse_args()
    key = jax.random.key(0)
    inputs = jax.random.normal(key, (64, 3))
    targets = inputs @ jnp.array([1.0, -2.0, 0.5])
    weights = jnp.zeros(3)
    for n in range(1, 31):
        rate = 0.1 * (1 - n / 60)
        weights, loss = update(weights, inputs, targets, rate)
        print(f"step {n} loss {float(loss):.8f}")
        step(n, loss=loss, learning_rate=rate)
    metric("final loss", loss_of(weights, inputs, targets))
    asked.out.mkdir(parents=True, exist_ok=True)
    jnp.save(asked.out / "weights.npy", weights)
    artifact(asked.out / "weights.npy", name="weights")


if __name__ == "__main__":
    main()
