"""The reference as a backend: NumPy and the hand-derived gradients."""

import time
from collections.abc import Mapping

import numpy as np

from gradproof.backends.protocol import Run, Timing, check_scalar
from gradproof.errors import UnsupportedError
from gradproof.reference.descent import GradientDescent, descend
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios.scenario import Scenario


class ReferenceBackend:
    """Runs a scenario's hand-derived gradient and descends in NumPy.

    >>> from gradproof.scenarios import line_fit
    >>> ReferenceBackend().run(line_fit(), dtype="float64", variant="numpy").steps
    118
    """

    name = "reference"
    variants: tuple[str, ...] = ("numpy",)
    dtypes: tuple[str, ...] = ("float64", "float32")
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
        xp = NumpyNamespace()
        params, batch = scenario.arrays(dtype)
        value = scenario.flat_loss(xp, params, batch)
        check_scalar(np.shape(value), scenario.name)
        training = scenario.training or GradientDescent(learning_rate=1.0, steps=1)
        start = time.perf_counter()
        record = descend(scenario.flat_value_and_gradient(xp), params, batch, training)
        seconds = time.perf_counter() - start
        weights = record.weights
        if scenario.training is None:
            weights = {name: weight[:1] for name, weight in weights.items()}
        last = {name: weight[-1] for name, weight in weights.items()}
        predict = scenario.flat_predict
        return Run(
            scenario=scenario.name,
            backend=self.name,
            variant=variant,
            dtype=dtype,
            losses=record.losses,
            gradients=record.gradients,
            weights=weights,
            final_loss=float(scenario.flat_loss(xp, last, batch)),
            predictions=None if predict is None else np.asarray(predict(xp, last, batch)),
            timing=Timing(compiling=0.0, training=seconds),
            planned_steps=scenario.steps,
            stopped=len(record.losses) < scenario.steps,
        )
