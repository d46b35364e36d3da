"""Whether a run can be judged: the laws of `Backend` that a verdict on its record could not see broken."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from gradproof.backends.protocol import Backend, Run, planned_steps
from gradproof.errors import BackendError
from gradproof.reference.advance import first_state
from gradproof.reference.numbers.formats import FORMATS, Products, numpy_dtype, widened
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios.scenario import Scenario

_FAR = 0.5
"""Of its size: so far off no rounding makes a loss, that does not cancel, and no framework's convention."""


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
    if not isinstance(run, Run):
        raise BackendError(f"{who} gives {_shown(run)} instead of a record. Return a gradproof.backends.Run.")
    asked = (scenario.name, backend.name, variant, dtype)
    told = (run.scenario, run.backend, run.variant, run.dtype)
    if told != asked:
        raise BackendError(f"{who} was asked to run {asked} and records {told}. Record what was asked for.")
    # The first weights are looked at only where they are known to be arrays.
    for problem in chain(
        _arrays(run, scenario, dtype),
        _states(run, scenario, dtype),
        _first_weights(run, scenario, dtype),
        _facts(run, scenario),
    ):
        raise BackendError(f"{who} records {problem}")
    planned = planned_steps(backend, scenario, variant)
    may_stop = scenario.training is not None and scenario.training.stopping is not None
    if run.steps != planned and not (run.stopped and may_stop and 0 < run.steps < planned):
        raise BackendError(
            f"{who} records {run.steps} steps of scenario {scenario.name!r}, where {planned} are planned and "
            "no stopping rule ends them. Record every step, or declare a limit in step_limits."
        )
    if run.learning_rates is not None and np.shape(run.learning_rates) != (run.steps,):
        raise BackendError(
            f"{who} records learning_rates of {_shown(run.learning_rates)}. Give an array of float64 of one "
            "entry a step, or None."
        )


def _facts(run: Any, scenario: Scenario) -> Iterator[str]:
    """Tell what else of a record, whose attributes may be anything, is no fact of such a run."""
    if run.planned_steps != scenario.steps:
        told = _shown(run.planned_steps)
        yield f"planned_steps of {told}, where the scenario has {scenario.steps}. Give that."
    if not isinstance(run.stopped, bool | np.bool_):
        yield f"stopped as {_shown(run.stopped)}. Give True or False."
    times = [getattr(run.timing, name, None) for name in ("compiling", "training")]
    if not all(isinstance(each, float | int) and 0 <= each < np.inf for each in times):
        yield f"timing of {_shown(run.timing)}. Give a gradproof.backends.Timing of seconds."
    finite = all(np.isfinite(weight[-1]).all() for weight in run.weights.values())
    if not isinstance(run.final_loss, float | int) or (finite and np.isnan(run.final_loss)):
        yield f"final_loss of {_shown(run.final_loss)}. Give the loss at the last weights."
    if not _are_products(run.products):
        yield f"products of {_shown(run.products)}. Give gradproof.backends.Products of formats."
    yield from _losses(run, scenario)
    if (run.predictions is None) != (scenario.predict is None):
        yield f"predictions of {_shown(run.predictions)}. Give the model's output; None where it has none."
    elif run.predictions is not None and not _are_numbers(run.predictions):
        yield f"predictions of {_shown(run.predictions)}. Give an array of numbers."


def _are_numbers(array: Any) -> bool:
    return isinstance(array, np.ndarray | np.generic) and widened(np.asarray(array)).dtype.kind in "fiub"


def _are_products(products: Any) -> bool:
    if not isinstance(products, Products):
        return False
    factors, sums = (products.product, products.convolution), (products.partial, products.accumulation)
    named = all(each is None or isinstance(each, str) for each in (*factors, *sums))
    return named and {*factors} <= {None, *FORMATS} and {*sums} <= {None, *FORMATS} - {"tf32"}


def _losses(run: Run, scenario: Scenario) -> Iterator[str]:
    """Compare the first loss with the scenario's own: one that is far off is the loss of other work."""
    coarsest = FORMATS[scenario.formats(run.dtype).coarsest]
    if coarsest.significand_bits < FORMATS["float32"].significand_bits:
        return  # there rounding alone may do it: a probability is 1, and its logarithm's loss infinite
    xp = NumpyNamespace()
    with np.errstate(all="ignore"):
        first = float(scenario.flat_loss(xp, scenario.flat_params, scenario.first_batch()))
        size = np.abs(first) + coarsest.smallest_normal
        if np.isfinite(first) and not np.abs(float(run.losses[0]) - first) <= _FAR * size + _FAR:
            yield (
                f"losses that begin with {float(run.losses[0]):.6g}, where the loss is {first:.6g}. "
                "Record the loss before each step."
            )


def _shown(value: Any) -> str:
    try:
        return f"{type(value).__name__} {value!r:.60}"
    except Exception:  # noqa: BLE001 - what a third party's class does is its own
        return type(value).__name__


def _arrays(run: Run, scenario: Scenario, dtype: str) -> Iterator[str]:
    steps = len(run.losses)
    formats = scenario.formats(dtype)
    yield from _wrong("losses", run.losses, (steps,), "" if formats.own else formats.dtype)
    weights = 1 if scenario.training is None else steps + 1
    for what, arrays, entries in (("gradients", run.gradients, steps), ("weights", run.weights, weights)):
        if set(arrays) != set(scenario.flat_params):
            yield (
                f"{what} of {sorted(arrays)}, but the parameters are {sorted(scenario.flat_params)}. Record "
                "them by these names."
            )
            return
        for name, parameter in scenario.flat_params.items():
            yield from _wrong(
                f"{what} of {name!r}", arrays[name], (entries, *parameter.shape), formats.of_param(name)
            )


def _states(run: Run, scenario: Scenario, dtype: str) -> Iterator[str]:
    """Compare the state that is recorded with that of the training, entry by entry, and its beginning."""
    training = scenario.training
    wanted = {} if training is None else first_state(training, scenario.arrays(dtype)[0])
    found = {entry: list(arrays) for entry, arrays in run.states.items()}
    if found != {entry: list(arrays) for entry, arrays in wanted.items()}:
        named = "; ".join(f"{entry} of {', '.join(arrays)}" for entry, arrays in wanted.items()) or "none"
        yield (
            f"a state of {found}, where the training keeps {named}. Record what it keeps, or raise "
            "UnsupportedError where the library has no such optimizer."
        )
        return
    for entry, arrays in wanted.items():
        for name, first in arrays.items():
            recorded, what = run.states[entry][name], f"the {entry} of {name!r}"
            yield from _wrong(what, recorded, (len(run.losses) + 1, *first.shape), first.dtype.name)
            if recorded[0].tobytes() != first.tobytes():
                yield f"{what} from another beginning than the training's. Record it as it begins, too."


def _wrong(what: str, array: Any, shape: tuple[int, ...], dtype: str) -> Iterator[str]:
    if not isinstance(array, np.ndarray):
        yield f"{what} as {type(array).__name__}. Record a NumPy array."
    elif array.shape != shape or (dtype and array.dtype != numpy_dtype(dtype)):
        yield (
            f"{what} of shape {array.shape} and dtype {array.dtype}, where {shape} and {dtype or 'any'} are "
            "wanted. "
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
