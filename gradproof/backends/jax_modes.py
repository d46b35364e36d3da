"""Other ways to the same gradient in JAX: with recomputation, of each example on its own."""

from typing import Any

from gradproof.backends.framework import Lazy
from gradproof.backends.jax_training import Arrays, Data, Objective, ValueAndGradient
from gradproof.scenarios.reduction import Reduction

jax = Lazy("jax")
jnp = Lazy("jax.numpy")


def checkpointed(objective: Objective) -> ValueAndGradient:
    """Differentiate by `jax.checkpoint`, which keeps nothing of the forward pass and computes it again."""
    found: ValueAndGradient = jax.value_and_grad(jax.checkpoint(objective))
    return found


def example_by_example(objective: Objective, reduction: Reduction) -> ValueAndGradient:
    """Differentiate the loss of each example by `jax.vmap`, and put the gradients together.

    Args:
        objective: the loss of weights and data, whose examples lie along the first axis of each array.
        reduction: how the loss of a batch is made of its examples' losses.
    """

    def of_one(params: Arrays, example: Data) -> Any:
        return objective(params, {name: array[None] for name, array in example.items()})

    together = jnp.mean if reduction == "mean" else jnp.sum
    of_all = jax.vmap(jax.value_and_grad(of_one), in_axes=(None, 0))

    def value_and_gradient(params: Arrays, data: Data) -> tuple[Any, Arrays]:
        values, gradients = of_all(params, data)
        return together(values), {name: together(each, axis=0) for name, each in gradients.items()}

    return value_and_gradient
