"""Whether a run can be judged: the laws of `Backend` that a verdict on its record could not see broken."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from gradproof.backends.protocol import Backend, Run, planned_steps
from gradproof.errors import BackendError
from gradproof.scenarios.scenario import Scenario


def check_record(run: Run, backend: Backend, scenario: Scenario, *, dtype: str, variant: str) -> None:
    """Check what a backend recorded against laws 1 and 2 of `Backend`, and that no step is missing.

    Every step is judged from the weights that the record itself holds. So a run from other first weights, of
    fewer steps, or in another dtype than it was asked for would be judged to be right, of other work.

    Args:
        run: what the backend recorded.
        backend: who recorded it.
        scenario: what it was asked to run.
        dtype: in which dtype.
        variant: in which of its ways.

    Raises:
        BackendError: a law is broken.
    """
    who = f"Backend {backend.name!r}"
    asked = (scenario.name, backend.name, variant, dtype)
    told = (run.scenario, run.backend, run.variant, run.dtype)
    if told != asked:
        raise BackendError(f"{who} was asked to run {asked} and records {told}. Record what was asked for.")
    # The first weights are looked at only where they are known to be arrays.
    for problem in chain(_arrays(run, scenario, dtype), _first_weights(run, scenario, dtype)):
        raise BackendError(f"{who} records {problem}")
    planned = planned_steps(backend, scenario, variant)
    may_stop = scenario.training is not None and scenario.training.stopping is not None
    if run.steps != planned and not (run.stopped and may_stop and 0 < run.steps < planned):
        raise BackendError(
            f"{who} records {run.steps} steps of scenario {scenario.name!r}, where {planned} are planned and "
            "no stopping rule ends them. Record every step, or declare a limit in step_limits."
        )


def _arrays(run: Run, scenario: Scenario, dtype: str) -> Iterator[str]:
    steps = len(run.losses)
    yield from _wrong("losses", run.losses, (steps,), dtype)
    weights = 1 if scenario.training is None else steps + 1
    for what, arrays, entries in (("gradients", run.gradients, steps), ("weights", run.weights, weights)):
        if set(arrays) != set(scenario.flat_params):
            yield (
                f"{what} of {sorted(arrays)}, but the parameters are {sorted(scenario.flat_params)}. Record "
                "them by these names."
            )
            return
        for name, parameter in scenario.flat_params.items():
            yield from _wrong(f"{what} of {name!r}", arrays[name], (entries, *parameter.shape), dtype)


def _wrong(what: str, array: Any, shape: tuple[int, ...], dtype: str) -> Iterator[str]:
    if not isinstance(array, np.ndarray):
        yield f"{what} as {type(array).__name__}. Record a NumPy array."
    elif (array.shape, array.dtype) != (shape, np.dtype(dtype)):
        yield (
            f"{what} of shape {array.shape} and dtype {array.dtype}, where {shape} and {dtype} are wanted. "
            "Record one entry a step, in the dtype that was asked for."
        )


def _first_weights(run: Run, scenario: Scenario, dtype: str) -> Iterator[str]:
    params, _ = scenario.arrays(dtype)
    for name, first in params.items():
        if run.weights[name][0].tobytes() != first.tobytes():
            yield (
                f"other first weights of {name!r} than the parameters of scenario {scenario.name!r} rounded "
                f"to {dtype}. Start from these, which scenario.arrays({dtype!r}) gives."
            )
