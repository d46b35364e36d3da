"""The reference as a backend: NumPy and the hand-derived gradients."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradproof.backends.framework import Framework
from gradproof.backends.protocol import Run, Timing, descent_of, recorded
from gradproof.errors import UnsupportedError
from gradproof.reference.descent import descend
from gradproof.scenarios.scenario import Scenario


class ReferenceBackend:
    """Runs a scenario's hand-derived gradient and descends in NumPy.

    >>> from gradproof.scenarios import line_fit
    >>> ReferenceBackend().run(line_fit(), dtype="float64", variant="numpy").steps
    118
    """

    name = "reference"
    framework = Framework()
    requires: tuple[str, ...] = ()
    variants: tuple[str, ...] = ("numpy",)
    dtypes: tuple[str, ...] = framework.dtypes
    step_limits: Mapping[str, int] = {}

    def versions(self) -> Mapping[str, str]:
        """Tell NumPy's version."""
        return {"numpy": np.__version__}

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Run:
        """Compute and record gradients and updates of a scenario."""
        if scenario.gradient is None:
            raise UnsupportedError(
                f"Scenario {scenario.name!r} has no hand-derived gradient, which is what the reference runs. "
                "Give it one with `gradient=`, or leave the reference out."
            )
        xp = self.framework.namespace()
        params, batch = scenario.arrays(dtype)

        def evaluate(function: Callable[..., Any], params: Mapping[str, Any]) -> Any:
            return np.asarray(function(xp, params, batch))

        scenario.check_scalar(evaluate(scenario.flat_loss, params).shape)
        start = time.perf_counter()
        record = descend(scenario.flat_value_and_gradient(xp), params, batch, descent_of(scenario))
        timing = Timing(compiling=0.0, training=time.perf_counter() - start)
        return recorded(self, scenario, variant, record, timing, evaluate)


BACKEND = ReferenceBackend
