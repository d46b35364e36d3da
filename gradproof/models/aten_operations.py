"""What `from_torch` knows of ATen's operations."""

from collections.abc import Mapping
from typing import Any

from gradproof.models.aten_axes import AXES
from gradproof.models.aten_linalg import LINALG
from gradproof.models.aten_networks import NETWORKS
from gradproof.models.aten_numbers import NUMBERS
from gradproof.models.aten_shapes import SHAPES
from gradproof.models.model_graph import ModelNode
from gradproof.models.replay import Operations
from gradproof.models.torch_moving import MOVING, native_of


def _native(node: ModelNode, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    return native_of(node.operation, inputs, options)


_RANDOM = (
    "bernoulli exponential geometric cauchy log_normal multinomial native_dropout normal normal_functional "
    "poisson rand rand_like randint randint_like randn randn_like randperm random rrelu_with_noise "
    "rrelu_with_noise_functional uniform _standard_gamma binomial _sample_dirichlet"
)

OPERATIONS = Operations(
    framework="PyTorch",
    entries={**NUMBERS, **AXES, **SHAPES, **NETWORKS, **LINALG, **MOVING},
    random=frozenset(f"aten.{name}" for name in _RANDOM.split()),
    native=_native,
    no_randomness="Call model.eval(), set dropout's p to 0, or draw them before and give them as inputs.",
)
"""The operations; another one is decomposed while a model is traced, where PyTorch knows how."""
