"""JAX as a backend: jax.nn, jax.value_and_grad, and training inside one compiled lax.scan."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy, Step
from gradproof.backends.jax_given_optimizer import step_of_optax
from gradproof.backends.jax_modes import checkpointed, example_by_example
from gradproof.backends.jax_optimizers import has_optax
from gradproof.backends.jax_precision import products
from gradproof.backends.jax_sharding import devices_for, environment_with_devices, shared_out, train_sharded
from gradproof.backends.jax_training import JaxTraining, ValueAndGradient, eager_steps, train_compiled
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.backends.protocol import RecordingBackend, Timing, batches, descent_of, parted, planned_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.errors import BackendUnavailableError
from gradproof.reference.compositions.composition import Lengths, for_each_axis
from gradproof.reference.compositions.windows import Padding, Sliding, pairs_of
from gradproof.reference.numbers.formats import Products
from gradproof.reference.trajectory import DescentStep, Trajectory
from gradproof.scenarios.reduction import reduction_of
from gradproof.scenarios.scenario import Scenario

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
nn = Lazy("jax.nn")
lax = Lazy("jax.lax")
special = Lazy("jax.scipy.special")

Array = NDArray[Any]
Arrays = dict[str, Any]


class JaxFunctions(ComposedFunctions):
    """`xp.nn` from jax.nn, which has no losses."""

    sigmoid = Own(nn, "sigmoid")
    relu = Own(nn, "relu")
    silu = Own(nn, "silu")
    softplus = Own(nn, "softplus")
    softmax = Own(nn, "softmax")
    log_softmax = Own(nn, "log_softmax")
    stop_gradient = Own(lax, "stop_gradient")

    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        """Compute x · Φ(x), or its tanh approximation."""
        return nn.gelu(x, approximate=approximate == "tanh")

    def logsumexp(self, x: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x."""
        return nn.logsumexp(x, axis=axis, keepdims=keepdims)

    leaky_relu = Own(nn, "leaky_relu")
    softsign = Own(nn, "soft_sign")
    selu = Own(nn, "selu")
    relu6 = Own(nn, "relu6")
    hardsigmoid = Own(nn, "hard_sigmoid")
    hardswish = Own(nn, "hard_swish")
    mish = Own(nn, "mish")
    log_sigmoid = Own(nn, "log_sigmoid")
    glu = Own(nn, "glu")

    def elu(self, x: Any, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
        """Compute an exponential linear unit; JAX's own has no scales."""
        if scale == input_scale == 1.0:
            return nn.elu(x, alpha)
        return super().elu(x, alpha=alpha, scale=scale, input_scale=input_scale)

    def celu(self, x: Any, *, alpha: float = 1.0) -> Any:
        """Compute a continuously differentiable exponential linear unit."""
        return nn.celu(x, alpha)

    def hardtanh(self, x: Any, *, low: float = -1.0, high: float = 1.0) -> Any:
        """Keep x between bounds."""
        return nn.hard_tanh(x) if (low, high) == (-1.0, 1.0) else super().hardtanh(x, low=low, high=high)

    def squareplus(self, x: Any, *, b: float = 4.0) -> Any:
        """Compute (x + sqrt(x² + b)) / 2."""
        return nn.squareplus(x, b)

    def logcumsumexp(self, x: Any, *, axis: int = -1) -> Any:
        """Compute the logarithms of the running sums of e^x."""
        return lax.cumlogsumexp(x, axis % x.ndim)

    def standardize(self, x: Any, *, axis: Any = -1, epsilon: float = 1e-5) -> Any:
        """Compute the deviations from the mean over the deviation."""
        return nn.standardize(x, axis=axis, epsilon=epsilon)

    def scatter_add(self, x: Any, positions: Any, *, shape: Sequence[int]) -> Any:
        """Add entries to their flat places in zeros of a shape."""
        zeros = jnp.zeros(math.prod(shape), dtype=x.dtype)
        return jnp.reshape(zeros.at[jnp.ravel(positions)].add(jnp.ravel(x)), shape)

    def convolution(
        self,
        x: Any,
        weights: Any,
        bias: Any = None,
        *,
        stride: Lengths = 1,
        padding: Padding = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        input_dilation: Lengths = 1,
    ) -> Any:
        """Compute a convolution."""
        rank = x.ndim - 2
        strides, dilations, spreads = (
            for_each_axis(each, rank) for each in (stride, dilation, input_dilation)
        )
        pads = padding.upper() if isinstance(padding, str) else pairs_of(padding, rank)
        y = lax.conv_general_dilated(
            x, weights, strides, pads, spreads, dilations, feature_group_count=groups
        )
        return y if bias is None else y + jnp.reshape(bias, (-1, *(1,) * rank))

    def _greatest(self, x: Any, slides: Sequence[Sliding]) -> Any:
        if any(each.dilation > 1 for each in slides):  # of which JAX's own has no derivative
            return super()._greatest(x, slides)
        return _over_windows(x, slides, -jnp.inf, lax.max)

    def _total(self, x: Any, slides: Sequence[Sliding]) -> Any:
        return _over_windows(x, slides, 0.0, lax.add)


def _over_windows(x: Any, slides: Sequence[Sliding], initial: float, combine: Any) -> Any:
    """Combine what each window sees of the last axes."""
    first = x.ndim - len(slides)
    own = zip(slides, x.shape[first:], strict=True)
    return lax.reduce_window(
        x,
        initial,
        combine,
        (1,) * first + tuple(each.window for each in slides),
        (1,) * first + tuple(each.stride for each in slides),
        [(0, 0)] * first + [(each.before, max(each.behind, each.behind_last(n))) for each, n in own],
        window_dilation=(1,) * first + tuple(each.dilation for each in slides),
    )


class JaxSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (special,)


class JaxNamespace(LibraryNamespace):
    """jax.numpy, which follows the array API standard, and `xp.nn`."""

    modules = (jnp,)
    functions = JaxFunctions
    special_functions = JaxSpecial


class JaxFramework(Framework):
    """JAX."""

    name = "jax"
    words = "JAX arrays"
    modules = ("jax", "jaxlib")
    dtypes = ("float64", "float32", "float16", "bfloat16")
    device_kinds = ("cpu", "cuda")

    def namespace(self) -> JaxNamespace:
        """Give `xp`."""
        return JaxNamespace()

    def from_numpy(self, array: Array, *, leaf: bool = False) -> Any:
        """Give an array of JAX's of the same numbers."""
        del leaf
        return jnp.asarray(array)

    def mode(self, dtype: str) -> AbstractContextManager[Any]:
        """Switch 64-bit numbers on or off; for good, it would change what other JAX code computes."""
        mode: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
        return mode

    def settings(self) -> Sequence[Setting]:
        """Give JAX's settings, and its functions."""
        return (
            Setting("JAX's settings", lambda: dict(jax.config.values), _restore_settings),
            functions_of(*(import_module(name) for name in ("jax", "jax.numpy", "jax.nn"))),
        )

    def devices(self) -> Sequence[str]:
        """Tell the devices that JAX sees, the one first where arrays are made at present."""
        return list(dict.fromkeys(str(device) for device in (_present(), *jax.devices())))

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Make arrays on a device meanwhile, and compile for it."""
        if not device:
            return nullcontext()
        context: AbstractContextManager[Any] = jax.default_device(_device(device))
        return context

    def own_step(self, optimizer: Any, params: Mapping[str, Any], learning_rate: float) -> Step | None:
        """Give how a transformation of optax's, or of its kind, steps."""
        del learning_rate  # it has its own
        return step_of_optax(optimizer, params)

    def products(self, dtype: str, device: str = "") -> Products:
        """Tell what may be rounded, as JAX's setting of precision says."""
        return products(dtype, _device(device) if device else _present())


def _device(name: str) -> Any:
    """Find one of JAX's devices.

    Raises:
        BackendUnavailableError: JAX sees no such device here.
    """
    kind, _, place = name.partition(":")
    try:
        seen = {f"{kind}:{each.id}": each for each in jax.devices(kind)}
    except RuntimeError as error:
        raise BackendUnavailableError(
            f"JAX sees no {kind} device here: {error}. Install JAX for it where there is one, or leave "
            "the device out."
        ) from error
    found = seen.get(name) if place else next(iter(seen.values()))
    if found is None:
        raise BackendUnavailableError(f"JAX sees {', '.join(seen)} here, and no {name}. Name one of these.")
    return found


def _present() -> Any:
    """Give the device where arrays are made at present."""
    return next(iter(jnp.zeros(()).devices()))


def _restore_settings(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if jax.config.values[name] != value:
            jax.config.update(name, value)


class JaxBackend(RecordingBackend):
    """Runs a scenario in JAX on its default device, or the one that is named.

    What is more than plain descent is trained by optax's optimizers.

    Variants: `jit` compiles the whole training once, as a `lax.scan` over the steps; `eager` calls
    `jax.value_and_grad` step by step without compiling; `function` runs a function that `gradproof.from_jax`
    took, as it is. Where they are named, `checkpoint` computes the forward pass again (`jax.checkpoint`),
    `vmap` puts the gradients of single examples together, `unrolled` compiles the steps one after the other
    instead of a scan, and `sharded` shares the examples out among devices.
    """

    name = "jax"
    framework = JaxFramework()
    requires = ("jax", "jax.scipy.special")
    variants: tuple[str, ...] = ("jit", "eager")
    model_variants = ("function",)
    dtypes: tuple[str, ...] = framework.dtypes
    device_kinds = framework.device_kinds
    # Tracing each step anew takes some 10 ms a step, thousands of times what the compiled step takes.
    # An unrolled step takes 0.1 s to compile, and one of many parts of optax's 3 s.
    step_limits: Mapping[str, int] = {"eager": 50, "unrolled": 8}
    optional_variants: Mapping[str, str] = MappingProxyType(
        {
            "checkpoint": "compiles as long as jit does, and has its results but for the rounding",
            "vmap": "is for losses that are a mean or a sum of examples' losses",
            "unrolled": "compiles each step anew, and makes 8 of them",
            "sharded": "needs a process that starts with several devices",
        }
    )
    _compiled = ("jit", *optional_variants)

    def versions(self) -> Mapping[str, str]:
        """Tell JAX's versions and the settings that can change a result."""
        return {
            "jax": jax.__version__,
            "jaxlib": version("jaxlib"),
            **({"optax": version("optax")} if has_optax() else {}),
            "jax device": self.framework.devices()[0],
            "jax default matmul precision": str(jax.config.jax_default_matmul_precision),
            "jax enable x64 at start": str(jax.config.jax_enable_x64),
        }

    @classmethod
    def environment(cls, variant: str) -> Mapping[str, str]:
        """Tell what must be in a process's environment before JAX starts there, to run a variant."""
        return (
            environment_with_devices(os.environ.get("XLA_FLAGS", ""))
            if parted(variant)[0] == "sharded"
            else {}
        )

    def steps(self, scenario: Scenario, variant: str, params: Arrays, batch: Arrays) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        function = (
            self._own(scenario) if variant in self.model_variants else self._function(scenario, variant)
        )
        data = batches(scenario, batch, self.framework)
        first = next(batches(scenario, batch, self.framework))
        return eager_steps(JaxTraining(descent_of(scenario), function, params, first), data)

    def train(
        self, scenario: Scenario, variant: str, first: Mapping[str, Array], batch: Arrays
    ) -> tuple[Trajectory, Timing]:
        """Make all steps from the first weights, and record them."""
        if variant not in self._compiled:
            return super().train(scenario, variant, first, batch)
        descent, params = descent_of(scenario), self._arrays(first)
        planned, schedule = planned_steps(self, scenario, variant), scenario.batch_schedule()
        chosen = None if schedule is None else schedule[:planned]
        data = next(batches(scenario, batch, self.framework))
        function = self._function(scenario, variant)
        if variant == "sharded":
            reduction = reduction_of(scenario)
            examples = len(next(iter(data.values())))
            devices = devices_for(examples, descent.accumulation)
            share = {name: array[: examples // len(devices)] for name, array in data.items()}
            training = JaxTraining(descent, shared_out(function, reduction), params, share)
            return train_sharded(descent, training, batch, chosen, planned, devices)
        training = JaxTraining(descent, function, params, data)
        return train_compiled(descent, training, batch, chosen, planned, unrolled=variant == "unrolled")

    def _function(self, scenario: Scenario, variant: str) -> ValueAndGradient:
        """Give what computes the loss and its gradient at weights and data."""
        objective = partial(scenario.flat_loss, self.framework.namespace())
        if variant == "checkpoint":
            return checkpointed(objective)
        if variant == "vmap":
            return example_by_example(objective, reduction_of(scenario))
        found: ValueAndGradient = jax.value_and_grad(objective)
        return found


BACKEND = JaxBackend
