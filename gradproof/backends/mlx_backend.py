"""MLX as a backend: mlx.nn, mx.value_and_grad, compiled or not, and mlx.optimizers.SGD."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.backends.protocol import RecordingBackend, batches, plain_descent_of, plain_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.reference.trajectory import DescentStep
from gradproof.scenarios.scenario import Scenario

mx = Lazy("mlx.core")
nn = Lazy("mlx.nn")
losses = Lazy("mlx.nn.losses")
optimizers = Lazy("mlx.optimizers")

Arrays = dict[str, Any]


class MlxFunctions(ComposedFunctions):
    """`xp.nn` from mlx.nn."""

    sigmoid = Own(nn, "sigmoid")
    relu = Own(nn, "relu")
    silu = Own(nn, "silu")
    softplus = Own(nn, "softplus")
    stop_gradient = Own(mx, "stop_gradient")

    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        """Compute x · Φ(x), or its tanh approximation."""
        return nn.gelu_approx(x) if approximate == "tanh" else nn.gelu(x)

    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute e^x / Σ e^x."""
        return nn.softmax(x, axis=axis)

    def log_softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute x - ln Σ e^x."""
        return nn.log_softmax(x, axis=axis)

    def logsumexp(self, x: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x."""
        return mx.logsumexp(x, axis=axis, keepdims=keepdims)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis."""
        return losses.cross_entropy(logits, targets, reduction=reduction)

    def binary_cross_entropy(self, probabilities: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln p + (1 - y) ln(1 - p)], with logarithms of at least -100."""
        return losses.binary_cross_entropy(probabilities, targets, with_logits=False, reduction=reduction)

    def binary_cross_entropy_with_logits(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln sigmoid(z) + (1 - y) ln sigmoid(-z)]."""
        return losses.binary_cross_entropy(logits, targets, with_logits=True, reduction=reduction)


class MlxSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (mx,)


class MlxNamespace(LibraryNamespace):
    """mlx.core, which has most of the array API standard's functions under its names, and `xp.nn`."""

    modules = (mx,)
    renamed = {"bool": "bool_"}  # noqa: RUF012 - a table, never changed
    functions = MlxFunctions
    special_functions = MlxSpecial

    def var(self, x: Any, *, axis: Any = None, correction: int = 0, keepdims: bool = False) -> Any:
        """Compute the variance, whose divisor is the count less `correction`."""
        return mx.var(x, axis=axis, keepdims=keepdims, ddof=correction)

    def std(self, x: Any, *, axis: Any = None, correction: int = 0, keepdims: bool = False) -> Any:
        """Compute the standard deviation."""
        return mx.std(x, axis=axis, keepdims=keepdims, ddof=correction)

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - the standard's names
        """Keep the entries between bounds."""
        return mx.clip(x, min, max)


class MlxFramework(Framework):
    """MLX."""

    name = "mlx"
    words = "MLX arrays"
    modules = ("mlx",)
    lacking = {  # noqa: RUF012 - a table, never changed
        r"\[Primitive::vjp\] Not implemented for (\w+)": "derivative of {}",
        r"Cannot index mlx array using the given type": "indexing by arrays of NumPy's",
    }

    def namespace(self) -> MlxNamespace:
        """Give `xp`."""
        return MlxNamespace()

    def from_numpy(self, array: NDArray[Any], *, leaf: bool = False) -> Any:
        """Give an array of the same dtype; without one named, MLX makes float32 of float64."""
        del leaf
        return mx.array(array, dtype=getattr(self.namespace(), array.dtype.name))

    def rows(self, array: Any, chosen: NDArray[np.intp]) -> Any:
        """Give some rows of an array; MLX has no indices of NumPy's."""
        return mx.take(array, mx.array(chosen), axis=0)

    def mode(self, dtype: str) -> AbstractContextManager[Any]:
        """Compute on the CPU: no other device has float64, and all dtypes are compared on one."""
        del dtype
        stream: AbstractContextManager[Any] = mx.stream(mx.cpu)
        return stream

    def settings(self) -> Sequence[Setting]:
        """Give MLX's settings, and its functions."""
        return (
            Setting("MLX's default device", mx.default_device, mx.set_default_device),
            functions_of(*(import_module(name) for name in ("mlx.core", "mlx.nn"))),
        )


class MlxBackend(RecordingBackend):
    """Runs a scenario in MLX on the CPU.

    Variants: `eager` differentiates with `mx.value_and_grad` and steps the weights itself; `compile` does so
    in a function that `mx.compile` made; `optimizer` steps with `mlx.optimizers.SGD`.
    """

    name = "mlx"
    framework = MlxFramework()
    requires = ("mlx", "mlx.core", "mlx.nn", "mlx.optimizers")
    variants: tuple[str, ...] = ("eager", "compile", "optimizer")
    dtypes: tuple[str, ...] = framework.dtypes
    # Each step is traced anew, in about 0.3 ms.
    step_limits: Mapping[str, int] = dict.fromkeys(variants, 1_000)

    def versions(self) -> Mapping[str, str]:
        """Tell MLX's version and the device."""
        return {"mlx": version("mlx"), "mlx device": "cpu"}

    def steps(self, scenario: Scenario, variant: str, params: Arrays, batch: Arrays) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        function = mx.value_and_grad(partial(scenario.flat_loss, self.framework.namespace()))
        function = mx.compile(function) if variant == "compile" else function

        def value_and_gradient(weights: Arrays, data: Mapping[str, Any]) -> Any:
            found = function(weights, data)
            mx.eval(found)  # else nothing is computed before the record is made
            return found

        if variant == "optimizer":
            return self._optimized(scenario, value_and_gradient, params, batch)
        return plain_steps(scenario, self.framework, value_and_gradient, params, batch)

    def _optimized(
        self, scenario: Scenario, function: Any, params: Arrays, batch: Arrays
    ) -> Iterator[DescentStep]:
        optimizer = optimizers.SGD(learning_rate=plain_descent_of(scenario, self.name).learning_rate)
        for data in batches(scenario, batch, self.framework):
            value, gradient = function(params, data)
            params = optimizer.apply_gradients(gradient, params)
            yield DescentStep(value, gradient, params)


BACKEND = MlxBackend
