"""The reference as a backend: NumPy and the hand-derived gradients."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradproof.backends.framework import Framework
from gradproof.backends.protocol import RecordingBackend, Run, Timing, descent_of
from gradproof.errors import UnsupportedError
from gradproof.reference.trajectory import Trajectory, descend
from gradproof.scenarios.scenario import Scenario


class ReferenceBackend(RecordingBackend):
    """Runs a scenario's hand-derived gradient and descends in NumPy.

    >>> from gradproof.scenarios import line_fit
    >>> ReferenceBackend().run(line_fit(), dtype="float64", variant="numpy").steps
    118
    """

    name = "reference"
    framework = Framework()
    requires: tuple[str, ...] = ()
    variants: tuple[str, ...] = ("numpy",)
    # NumPy's products of bfloat16 are float32, and its sums stagnate at 256: it does not compute in bfloat16.
    dtypes: tuple[str, ...] = (*framework.dtypes, "float16")
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
        return super().run(scenario, dtype=dtype, variant=variant)

    def train(
        self, scenario: Scenario, variant: str, first: Mapping[str, Any], batch: dict[str, Any]
    ) -> tuple[Trajectory, Timing]:
        """Make all steps from the first weights, and record them."""
        del variant  # there is one
        start = time.perf_counter()
        step = scenario.flat_value_and_gradient(self.framework.namespace())
        record = descend(step, first, batch, descent_of(scenario))
        return record, Timing(compiling=0.0, training=time.perf_counter() - start)


BACKEND = ReferenceBackend
