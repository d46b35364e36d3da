"""What is known of JAX's operations: the table, and JAX itself for what no computed number has a part in."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gradproof.models.jaxprs import PRIMITIVES
from gradproof.models.lax_entrywise import ENTRYWISE
from gradproof.models.lax_loops import Loops
from gradproof.models.lax_matrices import MATRICES
from gradproof.models.lax_moving import MOVING
from gradproof.models.lax_products import PRODUCTS
from gradproof.models.model_graph import ModelGraph, ModelNode, inner_graphs
from gradproof.models.replay import Operations, replay
from gradproof.reference.numpy_namespace import NumpyNamespace

RANDOM = frozenset(
    {
        "random_seed",
        "random_bits",
        "random_split",
        "random_fold_in",
        "random_wrap",
        "random_unwrap",
        "random_gamma",
        "random_clone",
        "threefry2x32",
        "rng_bit_generator",
        "rng_uniform",
    }
)
"""The primitives that draw random numbers: in another dtype they draw others, so that a mask differs."""


def _native(node: ModelNode, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Let JAX compute an operation."""
    # A loop or a branch goes through the table, and its inner operations come here.
    if any(inner_graphs(options)):
        return OPERATIONS.entries[node.operation](NumpyNamespace(), *inputs, **options)
    # Also where a whole training is traced, these are numbers and nothing to be traced.
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        results = PRIMITIVES[node.operation].bind(*inputs, **options)
    # copies, which may be written to
    return tuple(map(np.array, results)) if isinstance(results, list | tuple) else np.array(results)


def _run(xp: Any, graph: ModelGraph, inputs: Sequence[Any]) -> tuple[Any, ...]:
    results: tuple[Any, ...] = replay(graph, OPERATIONS, xp, dict(zip(graph.params, inputs, strict=True)), {})
    return results


OPERATIONS = Operations(
    framework="JAX",
    entries={**ENTRYWISE, **MOVING, **PRODUCTS, **MATRICES, **Loops(_run).entries()},
    random=RANDOM,
    native=_native,
    no_randomness="Draw them outside and pass them in the batch, as a dropout's mask; or switch dropout off.",
)
