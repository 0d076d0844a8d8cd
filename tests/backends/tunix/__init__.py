"""Laws of the JAX path: its workers run in the environment of `make jax`, the tests do not."""
