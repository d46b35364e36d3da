"""Autograd (HIPS) as a backend: NumPy's functions as autograd.numpy wraps them, and value_and_grad."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.backends.protocol import RecordingBackend, plain_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.reference.trajectory import DescentStep
from gradproof.scenarios.scenario import Scenario

autograd = Lazy("autograd")
anp = Lazy("autograd.numpy")
special = Lazy("autograd.scipy.special")
tracer = Lazy("autograd.tracer")

Arrays = dict[str, NDArray[Any]]


class AutogradFunctions(ComposedFunctions):
    """`xp.nn` composed of autograd.numpy and autograd.scipy, as programs in Autograd are."""

    sigmoid = Own(special, "expit")
    stop_gradient = Own(tracer, "getval")

    def logsumexp(self, x: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x."""
        return special.logsumexp(x, axis=axis, keepdims=keepdims)


class AutogradSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (special,)


class AutogradNamespace(LibraryNamespace):
    """autograd.numpy, which has NumPy's names, and `xp.nn`."""

    modules = (anp, special)
    renamed = {"cumulative_sum": "cumsum"}  # noqa: RUF012
    functions = AutogradFunctions
    special_functions = AutogradSpecial

    def matrix_transpose(self, x: Any) -> Any:
        """Transpose each matrix of a stack; NumPy's function of that name has no derivative in Autograd."""
        return anp.swapaxes(x, -1, -2)


class AutogradFramework(Framework):
    """Autograd, whose arrays are NumPy's."""

    name = "autograd"
    modules = ("autograd",)
    lacking = {r"VJP of (\w+) ": "derivative of {}"}  # noqa: RUF012 - a table, never changed

    def namespace(self) -> AutogradNamespace:
        """Give `xp`."""
        return AutogradNamespace()

    def settings(self) -> Sequence[Setting]:
        """Give Autograd's functions; it has no settings."""
        return (functions_of(*(import_module(name) for name in ("autograd", "autograd.numpy"))),)


class AutogradBackend(RecordingBackend):
    """Runs a scenario in Autograd, with `autograd.value_and_grad` and steps of its own."""

    name = "autograd"
    framework = AutogradFramework()
    requires = ("autograd", "scipy", "autograd.scipy.special")
    variants: tuple[str, ...] = ("eager",)
    dtypes: tuple[str, ...] = framework.dtypes
    # Each step is traced anew, in about 0.4 ms, a hundred times what NumPy takes.
    step_limits: Mapping[str, int] = {"eager": 1_000}

    def versions(self) -> Mapping[str, str]:
        """Tell the versions of Autograd, and of what it computes with."""
        return {"autograd": version("autograd"), "numpy": np.__version__, "scipy": version("scipy")}

    def steps(self, scenario: Scenario, variant: str, params: Arrays, batch: Arrays) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        del variant  # there is one
        objective = partial(scenario.flat_loss, self.framework.namespace())
        return plain_steps(scenario, self.framework, autograd.value_and_grad(objective), params, batch)


BACKEND = AutogradBackend
