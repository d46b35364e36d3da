"""A user's own optimizer of optax's kind: a transformation with `init` and `update`."""

from collections.abc import Mapping
from typing import Any

from gradproof.backends.framework import Lazy, Step

jnp = Lazy("jax.numpy")


def step_of_optax(optimizer: Any, params: Mapping[str, Any]) -> Step | None:
    """Give how a transformation of gradients steps; None for what is none.

    Args:
        optimizer: whatever was given. A transformation gives its first state by `init(weights)`, and by
            `update(gradients, state, weights)` what is added to the weights, and the next state.
        params: by name, the first weights.
    """
    if callable(optimizer) or not all(callable(getattr(optimizer, n, None)) for n in ("init", "update")):
        return None
    state: list[Any] = []

    def step(weights: dict[str, Any], gradients: dict[str, Any]) -> dict[str, Any]:
        last = state.pop() if state else optimizer.init({name: weights[name] for name in params})
        added, kept = optimizer.update(gradients, last, weights)
        state.append(kept)
        return {name: jnp.asarray(weight + added[name], weight.dtype) for name, weight in weights.items()}

    return step
