"""Keras on TensorFlow as a backend: keras.ops and keras.optimizers.SGD, differentiated by tf.GradientTape."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from gradproof.backends.framework import Lazy
from gradproof.backends.namespaces import ComposedFunctions, Own
from gradproof.backends.protocol import batches, plain_descent_of
from gradproof.backends.settings import Setting, functions_of
from gradproof.backends.tensorflow_backend import (
    TensorflowBackend,
    TensorflowFramework,
    TensorflowNamespace,
    Tensors,
    value_and_gradient,
)
from gradproof.errors import UnsupportedError
from gradproof.reference.trajectory import DescentStep
from gradproof.scenarios.scenario import Scenario

tf = Lazy("tensorflow")
keras = Lazy("keras")
ops = Lazy("keras.ops")


class KerasFunctions(ComposedFunctions):
    """`xp.nn` from keras.ops."""

    relu = Own(ops, "relu")
    silu = Own(ops, "silu")
    softplus = Own(ops, "softplus")
    sigmoid = Own(ops, "sigmoid")
    softmax = Own(ops, "softmax")
    log_softmax = Own(ops, "log_softmax")
    stop_gradient = Own(ops, "stop_gradient")

    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        """Compute x · Φ(x), or its tanh approximation."""
        return ops.gelu(x, approximate=approximate == "tanh")

    def logsumexp(self, x: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x."""
        return ops.logsumexp(x, axis=axis, keepdims=keepdims)

    def binary_cross_entropy(self, probabilities: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln p + (1 - y) ln(1 - p)], of a sigmoid from its logits, else with p from 1e-7."""
        return self._reduced(ops.binary_crossentropy(targets, probabilities), reduction)

    def binary_cross_entropy_with_logits(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln sigmoid(z) + (1 - y) ln sigmoid(-z)]."""
        return self._reduced(ops.binary_crossentropy(targets, logits, from_logits=True), reduction)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis."""
        name = f"{'sparse_' if targets.dtype.is_integer else ''}categorical_crossentropy"
        return self._reduced(getattr(ops, name)(targets, logits, from_logits=True), reduction)


class KerasNamespace(TensorflowNamespace):
    """TensorFlow's functions under the array API standard's names, and `xp.nn`."""

    functions = KerasFunctions


class KerasFramework(TensorflowFramework):
    """Keras, whose arrays are TensorFlow's."""

    name = "keras"

    def namespace(self) -> KerasNamespace:
        """Give `xp`."""
        return KerasNamespace()

    def settings(self) -> Sequence[Setting]:
        """Give Keras' settings and functions beside TensorFlow's."""
        config = keras.config
        return (
            Setting("Keras' default dtype", config.floatx, config.set_floatx),
            Setting("Keras' epsilon", config.epsilon, config.set_epsilon),
            functions_of(*(import_module(name) for name in ("keras", "keras.ops"))),
            *super().settings(),
        )


class KerasBackend(TensorflowBackend):
    """Runs a scenario in Keras on TensorFlow.

    Variants: `eager` and `function` differentiate as TensorFlow's do; both step with `keras.optimizers.SGD`.
    """

    name = "keras"
    framework = KerasFramework()
    requires = ("keras", "tensorflow")
    variants: tuple[str, ...] = ("eager", "function")
    # The optimizer takes some 10 ms a step.
    step_limits: Mapping[str, int] = dict.fromkeys(variants, 100)

    def versions(self) -> Mapping[str, str]:
        """Tell Keras' version and settings beside TensorFlow's."""
        own = {"keras": keras.__version__, "keras epsilon": str(keras.config.epsilon())}
        return {**own, **super().versions()}

    def steps(
        self, scenario: Scenario, variant: str, params: Tensors, batch: Tensors
    ) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        library = keras.backend.backend()
        if library != "tensorflow":
            raise UnsupportedError(
                f"Keras runs on {library} here, and this backend on TensorFlow. Set KERAS_BACKEND=tensorflow."
            )
        function = partial(value_and_gradient, partial(scenario.flat_loss, self.framework.namespace()))
        if variant == "function":
            function = tf.function(function, autograph=False)
        return self._optimized(scenario, function, params, batch)

    def _optimized(
        self, scenario: Scenario, function: Any, params: Tensors, batch: Tensors
    ) -> Iterator[DescentStep]:
        variables = {name: keras.Variable(weight, dtype=weight.dtype.name) for name, weight in params.items()}
        optimizer = keras.optimizers.SGD(plain_descent_of(scenario, self.name).learning_rate)
        optimizer.build([*variables.values()])
        for data in batches(scenario, batch, self.framework):
            value, gradient = function(params, data)
            optimizer.apply([gradient[name] for name in variables], [*variables.values()])
            params = {name: tf.identity(variable.value) for name, variable in variables.items()}
            yield DescentStep(value, gradient, params)


BACKEND = KerasBackend
