"""Trying a scenario out before it is run anywhere, so that bad input ends in one clear message."""

from typing import Any

import numpy as np

from gradproof.errors import GradproofError, InputError
from gradproof.reference.numbers import Plain
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.source import raised_at
from gradproof.reference.tape import differentiate
from gradproof.scenarios.reduction import check_accumulation
from gradproof.scenarios.scenario import Scenario


def validate(scenario: Scenario) -> None:
    """Evaluate a scenario's loss and hand-derived gradient once, in float64.

    Raises:
        InputError: the loss cannot be evaluated (shapes that do not match, a missing name), is not a scalar;
            it does not use one of the parameters; or the hand-derived gradient cannot be evaluated or has
            other names or shapes than the parameters; or the gradients of micro-batches do not make up that
            of the whole batch.
    """
    params, batch = scenario.arrays("float64")
    schedule = scenario.batch_schedule()
    if schedule is not None:
        batch = {name: array[schedule[0]] for name, array in batch.items()}
    xp = NumpyNamespace()
    with np.errstate(all="ignore"):
        value = _tried(scenario, "loss", lambda: scenario.flat_loss(xp, params, batch))
        if np.asarray(value).dtype.kind not in "fiub":
            raise InputError(
                f"The loss{scenario.of_it} answers {value!r:.50}, which is no real number. "
                "Return the scalar that is to be differentiated."
            )
        scenario.check_scalar(np.shape(value))
        if scenario.gradient is not None:
            _tried(scenario, "gradient", lambda: scenario.flat_gradient(params, batch))
        if scenario.value_and_gradient is not None:
            both = scenario.flat_value_and_gradient(xp)
            _tried(scenario, "value_and_gradient", lambda: scenario.check_gradient(both(params, batch)[1]))
    _check_used(scenario, params, batch)
    _tried(scenario, "loss over micro-batches", lambda: check_accumulation(scenario))


def _tried(scenario: Scenario, what: str, evaluate: Any) -> Any:
    try:
        return evaluate()
    except GradproofError:
        raise
    except Exception as error:
        shapes = ", ".join(
            f"{name} {array.shape}" for name, array in {**scenario.flat_params, **scenario.flat_batch}.items()
        )
        raise InputError(
            f"The {what}{scenario.of_it} cannot be evaluated: {type(error).__name__}: {error}"
            f"{raised_at(error)}. Check it against the shapes of its arrays: {shapes}."
        ) from error


def _check_used(scenario: Scenario, params: Any, batch: Any) -> None:
    unused = differentiate(scenario.flat_loss, params, batch, Plain()).unused
    if unused:
        raise InputError(
            f"The loss{scenario.of_it} does not use parameter {unused[0]!r}. Use it in the "
            "loss, or leave it out of the parameters."
        )
