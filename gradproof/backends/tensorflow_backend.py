"""TensorFlow as a backend: tf.math, tf.nn and tf.GradientTape, in a tf.function or not, with XLA or not."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.backends.protocol import RecordingBackend, plain_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.reference.numbers.formats import PLAIN_PRODUCTS, Products
from gradproof.reference.trajectory import DescentStep
from gradproof.scenarios.scenario import Scenario

tf = Lazy("tensorflow")
tf_math = Lazy("tensorflow.math")
tf_linalg = Lazy("tensorflow.linalg")
tf_nn = Lazy("tensorflow.nn")

Tensors = dict[str, Any]

_RENAMED = {
    **{name: f"reduce_{name}" for name in ("sum", "prod", "mean", "max", "min", "all", "any")},
    "arange": "range",
    "asarray": "convert_to_tensor",
    "astype": "cast",
    "cumulative_sum": "cumsum",
    "floor_divide": "floordiv",
    "permute_dims": "transpose",
    "remainder": "floormod",
}
"""By the array API standard's name, TensorFlow's for a function that is called alike."""


class TensorflowFunctions(ComposedFunctions):
    """`xp.nn` from tf.nn, and of it and tf.math composed."""

    relu = Own(tf_nn, "relu")
    silu = Own(tf_nn, "silu")
    softplus = Own(tf_nn, "softplus")
    sigmoid = Own(tf_nn, "sigmoid")
    softmax = Own(tf_nn, "softmax")
    log_softmax = Own(tf_nn, "log_softmax")
    stop_gradient = Own(tf, "stop_gradient")

    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        """Compute x · Φ(x), or its tanh approximation."""
        return tf_nn.gelu(x, approximate=approximate == "tanh")

    def logsumexp(self, x: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x."""
        return tf.reduce_logsumexp(x, axis=axis, keepdims=keepdims)

    def binary_cross_entropy_with_logits(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln sigmoid(z) + (1 - y) ln sigmoid(-z)]."""
        return self._reduced(tf_nn.sigmoid_cross_entropy_with_logits(targets, logits), reduction)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis."""
        name = f"{'sparse_' if targets.dtype.is_integer else ''}softmax_cross_entropy_with_logits"
        return self._reduced(getattr(tf_nn, name)(targets, logits), reduction)


class TensorflowSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (tf_math,)
    renamed = {  # noqa: RUF012 - a table, never changed
        "gammaln": "lgamma",
        "gammainc": "igamma",
        "gammaincc": "igammac",
        **{name: f"bessel_{name}" for name in ("i0", "i0e", "i1", "i1e")},
    }


class TensorflowNamespace(LibraryNamespace):
    """TensorFlow's functions under the array API standard's names, and `xp.nn`."""

    modules = (tf, tf_math, tf_linalg)
    renamed = _RENAMED
    functions: ClassVar[type[ComposedFunctions]] = TensorflowFunctions
    special_functions = TensorflowSpecial
    pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None

    def concat(self, arrays: Sequence[Any], *, axis: int = 0) -> Any:
        """Join arrays."""
        return tf.concat(arrays, axis)

    def take(self, x: Any, indices: Any, *, axis: int = 0) -> Any:
        """Take entries along an axis."""
        return tf.gather(x, indices, axis=axis)

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - the standard's names
        """Keep the entries between bounds."""
        x = x if min is None else tf.maximum(x, min)
        return x if max is None else tf.minimum(x, max)

    def var(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        """Compute the variance, whose divisor is the count."""
        return tf_math.reduce_variance(x, axis, keepdims)

    def std(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        """Compute the standard deviation, whose divisor is the count."""
        return tf_math.reduce_std(x, axis, keepdims)


class TensorflowFramework(Framework):
    """TensorFlow."""

    name = "tensorflow"
    words = "TensorFlow tensors"
    modules = ("tensorflow",)
    lacking = {  # noqa: RUF012 - a table, never changed
        r"gradient registry has no entry for: (\w+)": "derivative of {}",
        r"Only integers, slices": "indexing by arrays",
        r"In\[0\] and In\[1\] ha\w+ different ndims": "product (@) of a matrix and a vector",
    }

    def namespace(self) -> Any:
        """Give `xp`."""
        return TensorflowNamespace()

    def from_numpy(self, array: NDArray[Any], *, leaf: bool = False) -> Any:
        """Give a tensor of the array's numbers."""
        del leaf
        return tf.constant(array)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """Give a tensor's numbers."""
        numbers: NDArray[Any] = array.numpy()
        return np.asarray(numbers)

    def rows(self, array: Any, chosen: NDArray[np.intp]) -> Any:
        """Give some rows of a tensor, which takes no arrays as indices."""
        return tf.gather(array, chosen)

    def settings(self) -> Sequence[Setting]:
        """Give TensorFlow's settings, and its functions."""
        config = tf.config
        single = config.experimental
        return (
            Setting(
                "TensorFlow's running of functions eagerly",
                config.functions_run_eagerly,
                config.run_functions_eagerly,
            ),
            Setting(
                "TensorFlow's precision of float32 matrix products",
                single.tensor_float_32_execution_enabled,
                single.enable_tensor_float_32_execution,
            ),
            Setting(
                "TensorFlow's placement on devices",
                config.get_soft_device_placement,
                config.set_soft_device_placement,
            ),
            functions_of(
                *(import_module(f"tensorflow{name}") for name in ("", ".math", ".nn", ".linalg")), tf.Tensor
            ),
        )

    def devices(self) -> Sequence[str]:
        """Tell the devices that TensorFlow sees, the one that is used first."""
        return [device.device_type for device in reversed(tf.config.list_logical_devices())]

    def products(self, dtype: str, device: str = "") -> Products:
        """Tell whether TF32 may be used, as TensorFlow's setting says; the GPU is where there is one."""
        del device
        single = tf.config.experimental.tensor_float_32_execution_enabled()
        if dtype == "float32" and single and tf.config.list_logical_devices("GPU"):
            return Products(product="tf32", convolution="tf32")
        return PLAIN_PRODUCTS


class TensorflowBackend(RecordingBackend):
    """Runs a scenario in TensorFlow on its default device.

    Variants: `eager` differentiates step by step with `tf.GradientTape`; `function` does so in a
    `tf.function`; `xla` in one that XLA compiles. Each steps the weights itself.
    """

    name = "tensorflow"
    framework: Framework = TensorflowFramework()
    requires: tuple[str, ...] = ("tensorflow",)
    variants: tuple[str, ...] = ("eager", "function", "xla")
    dtypes: tuple[str, ...] = framework.dtypes
    # Each step takes some 5 ms, and 0.5 ms where it was traced once.
    step_limits: Mapping[str, int] = {"eager": 100, "function": 1_000, "xla": 1_000}

    def versions(self) -> Mapping[str, str]:
        """Tell TensorFlow's version, and the device."""
        return {"tensorflow": tf.__version__, "tensorflow device": self.framework.devices()[0]}

    def steps(
        self, scenario: Scenario, variant: str, params: Tensors, batch: Tensors
    ) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        function = partial(value_and_gradient, partial(scenario.flat_loss, self.framework.namespace()))
        if variant != "eager":
            function = tf.function(function, autograph=False, jit_compile=variant == "xla")
        return plain_steps(scenario, self.framework, function, params, batch)


def value_and_gradient(objective: Any, params: Tensors, data: Mapping[str, Any]) -> tuple[Any, Tensors]:
    """Compute a loss and its gradient on a tf.GradientTape."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(params)
        value = objective(params, data)
    gradient = tape.gradient(value, params, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    # What was taken from a parameter by indices comes back as slices of it.
    return value, {name: tf.convert_to_tensor(each) for name, each in gradient.items()}


BACKEND = TensorflowBackend
