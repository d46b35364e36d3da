"""`from_jax`: a JAX function as a scenario."""

from collections.abc import Callable
from typing import Any

from gradproof.errors import BackendUnavailableError
from gradproof.inputs import FUNCTION, TEXT, accepts, optional
from gradproof.reference.descent import GradientDescent
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import TRAINING


@accepts("the function", reference=optional(FUNCTION), name=TEXT, training=optional(TRAINING))
def from_jax(
    function: Callable[..., Any],
    params: Any,
    batch: Any = None,
    *,
    reference: Callable[..., Any] | None = None,
    name: str = "",
    training: GradientDescent | None = None,
) -> ModelScenario:
    """Take a JAX function as it is, with its custom_vjps and custom_jvps.

    What is true is the derivative of the function's jaxpr, in which those stand with their forward passes;
    what is claimed is what `jax.grad` gives, by their own rules. `check` compares the two, and `verify` runs
    the function itself as the variant `function` of the backend `jax`.

    Args:
        function: called as `function(params, batch)`, or `function(params)` without a batch; gives the
            loss, a scalar.
        params: a pytree; its floating-point arrays are the parameters, under their dotted paths, and what is
            no array stays as it is.
        batch: a pytree of data, likewise; integers too.
        reference: a function, called likewise, that computes the same with operations that can be followed:
            what is true, where the function's own forward pass cannot be looked into (Pallas, a callback).
        name: what reports call it; the function's own name if empty.
        training: None to compare the gradient alone.

    Raises:
        BackendUnavailableError: JAX is not installed.
        InputError: the function raises, gives no scalar or draws random numbers, an array cannot be worked
            with, or a custom_vjp's `fwd` or the reference gives another value than the function.
        UnsupportedError: it holds an operation that is not known here, differentiates inside itself, or
            branches on the values of its arrays in Python.

    >>> import jax.numpy as jnp
    >>> scenario = from_jax(lambda params: jnp.sum(jnp.sin(params["w"])), {"w": jnp.ones(2)})
    >>> scenario.flat_params["w"].tolist()
    [1.0, 1.0]
    """
    try:
        from gradproof.models.jax_front import taken  # noqa: PLC0415 - it imports JAX
    except ImportError as error:
        raise BackendUnavailableError(
            f"JAX cannot be used: {error}. Install it with `pip install 'gradproof[jax]'`."
        ) from error
    return taken(function, params, batch, reference, name, training)
