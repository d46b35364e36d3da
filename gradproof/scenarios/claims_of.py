"""Claims of the usual kinds, for a scenario of one's own: a value, a gradient, an update."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.trees import flatten
from gradproof.scenarios.claim import Claim, ClaimedGradient, Decimals, Derived
from gradproof.scenarios.claims_arithmetic import (
    BallArray,
    Certified,
    balls,
    exactly,
    fraction,
)
from gradproof.scenarios.scenario import Scenario

Written: TypeAlias = Any
"""Decimals as a document writes them: a string, or nested lists of strings of a parameter's shape."""


def value_claim(
    name: str, text: str, place: str, value: str, of: Callable[[Any, Any, Any], Any] | None = None
) -> Claim:
    """Give the claim that a number has a value.

    Args:
        name: what reports call the claim.
        text: what is claimed, in words.
        place: where in the document.
        value: the number as the document writes it. It is right if it is the exact number rounded to as many
            places, or cut off after them.
        of: `of(xp, params, batch)` gives the number; the scenario's loss unless given.

    >>> import gradproof as gp
    >>> claim = value_claim("loss", "the loss is 0.33 at first", "section 2", "0.33")
    >>> scenario = gp.Scenario(
    ...     name="mine",
    ...     loss=lambda xp, params, batch: xp.sum(params["w"] / batch["x"]),
    ...     params={"w": 1.0},
    ...     batch={"x": 3.0},
    ...     claims=[claim],
    ... )
    >>> gp.audit([scenario]).claims[["claim", "verdict"]].to_string(header=False, index=False)
    'loss CONFIRMED'
    """

    def check(scenario: Scenario, states: Mapping[str, Any]) -> Decimals:
        function = scenario.flat_loss if of is None else _flat(scenario, of)
        result = Certified(function, scenario.flat_params, scenario.flat_batch).values
        if result.size != 1:
            raise InputError(
                f"The claim {name!r} of scenario {scenario.name!r} is of one number, but what it is of has "
                f"shape {result.shape}. Give the one number, by an index or a sum."
            )
        what = "the loss" if of is None else "the value"
        return Decimals(((states["value"], result.item(), what),), cause="it has another value")

    return Claim(name, text, place, check, {"value": value})


def gradient_claim(name: str, text: str, place: str, gradient: Any) -> Claim:
    """Give the claim that the loss has a gradient, for all parameters or for some of them.

    Args:
        name: what reports call the claim.
        text: what is claimed, in words.
        place: where in the document.
        gradient: a function `gradient(params, batch)` in plain NumPy that gives a mapping from names to
            arrays, run in certified arithmetic; or such a mapping, of decimals as the document writes them.
            If it is wrong, the audit looks for the cause.

    >>> import gradproof as gp
    >>> scenario = gp.Scenario(
    ...     name="mine",
    ...     loss=lambda xp, params, batch: xp.sum(xp.tanh(batch["x"] * params["w"])),
    ...     params={"w": np.array([0.5, 1.0])},
    ...     batch={"x": np.array([2.0, 3.0])},
    ...     claims=[gradient_claim("dw", "dL/dw = x", "page 3", lambda params, batch: {"w": batch["x"]})],
    ... )
    >>> print(gp.audit([scenario]).claims["cause"].item())
    the gradient of w is the true one with the factor 1 - y^2 of tanh (...) left out (y is its result)
    """

    def check(scenario: Scenario, states: Mapping[str, Any]) -> Decimals | Derived:
        stated = states["gradient"]
        if callable(stated):
            return _derived(name, scenario, stated)
        claimed = {each: _as_balls(decimals) for each, decimals in _decimals(name, scenario, stated).items()}
        part = only(scenario, claimed)
        exact = Certified(part.loss, part.params, part.batch).gradients
        return _beside(stated, exact, "the derivative", part)

    return Claim(name, text, place, check, {"gradient": gradient})


def update_claim(
    name: str, text: str, place: str, weights: Mapping[str, Written], learning_rate: str
) -> Claim:
    """Give the claim that one step of gradient descent leads to new weights.

    Args:
        name: what reports call the claim.
        text: what is claimed, in words.
        place: where in the document.
        weights: by name, the new weights as the document writes them; not all parameters need be there.
        learning_rate: the factor of the gradient, as the document writes it.

    >>> import gradproof as gp
    >>> scenario = gp.Scenario(
    ...     name="mine",
    ...     loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
    ...     params={"w": np.array(1.0)},
    ...     batch={"x": np.array([3.0])},
    ...     claims=[update_claim("step", "w becomes -0.8", "page 4", {"w": "-0.8"}, "0.1")],
    ... )
    >>> print(gp.audit([scenario]).claims["verdict"].item())
    CONFIRMED
    """

    def check(scenario: Scenario, states: Mapping[str, Any]) -> Decimals:
        rate = exactly(states["learning rate"])
        stated = _decimals(name, scenario, states["weights"])
        old = {each: balls(scenario.flat_params[each]) for each in stated}
        claimed = {each: balls((old[each] - _as_balls(stated[each])) / rate) for each in stated}
        part = only(scenario, claimed, learning_rate=float(fraction(states["learning rate"])))
        exact = Certified(part.loss, part.params, part.batch).gradients
        new = {each: balls(old[each] - rate * exact[each]) for each in stated}
        return _beside(states["weights"], new, "the new weight", part)

    return Claim(name, text, place, check, {"weights": weights, "learning rate": learning_rate})


def only(
    scenario: Scenario, claimed: Mapping[str, BallArray], learning_rate: float | None = None
) -> ClaimedGradient:
    """Give a claimed gradient of some parameters, with all other parameters among the data."""
    loss, params, batch = _part(scenario, claimed)
    return ClaimedGradient(loss, params, batch, claimed, learning_rate)


def _part(scenario: Scenario, names: Collection[str]) -> tuple[Callable[[Any, Any, Any], Any], Any, Any]:
    """Give the loss as one of some parameters, those, and the data with all other parameters among them."""
    others = {f"parameter {each}": a for each, a in scenario.flat_params.items() if each not in names}

    def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        every = {each: params.get(each, batch.get(f"parameter {each}")) for each in scenario.flat_params}
        return scenario.flat_loss(xp, every, {each: batch[each] for each in scenario.flat_batch})

    params = {each: array for each, array in scenario.flat_params.items() if each in names}
    return loss, params, {**scenario.flat_batch, **others}


def _derived(name: str, scenario: Scenario, gradient: Callable[[Any, Any], Any]) -> Derived:
    """Give the code that a claim states as a gradient of the parameters that it gives."""

    def flat_gradient(params: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        every = {each: params.get(each, batch.get(f"parameter {each}")) for each in scenario.flat_params}
        nested = gradient(
            scenario.params_structure.nest(every),
            scenario.batch_structure.nest({each: batch[each] for each in scenario.flat_batch}),
        )
        return flatten(nested, f"claimed gradient {name!r}")[0]

    params, batch = scenario.arrays("float64")
    with np.errstate(all="ignore"):
        given = flat_gradient(params, batch)
    claimed = _of_parameters(name, scenario, given)
    loss, params, batch = _part(scenario, claimed)
    part = Scenario(name=scenario.name, loss=loss, params=params, batch=batch)
    return Derived(part, flat_gradient)


def _flat(scenario: Scenario, function: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda xp, params, batch: function(
        xp, scenario.params_structure.nest(params), scenario.batch_structure.nest(batch)
    )


def _decimals(name: str, scenario: Scenario, stated: Mapping[str, Written]) -> dict[str, NDArray[Any]]:
    arrays = {each: np.asarray(decimals) for each, decimals in stated.items()}
    for each, array in arrays.items():
        if array.dtype.kind != "U":
            raise InputError(
                f"The claim {name!r} of scenario {scenario.name!r} states {each!r} as {array.dtype}. Give "
                'decimals as strings, as the document writes them: "0.10" means to be more exact than "0.1".'
            )
    return _of_parameters(name, scenario, arrays)


def _of_parameters(name: str, scenario: Scenario, claimed: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was claimed, in the parameters' order, if it has their names and shapes."""
    for each, array in claimed.items():
        shape = scenario.flat_params[each].shape if each in scenario.flat_params else None
        if np.shape(array) != shape:
            known = f"has shape {shape}" if shape is not None else "is no parameter"
            raise InputError(
                f"The claim {name!r} of scenario {scenario.name!r} gives {each!r} the shape "
                f"{np.shape(array)}, but {each!r} {known}. Claim parameters only, each in its own shape: "
                f"{ {each: a.shape for each, a in scenario.flat_params.items()} }."
            )
    return {each: claimed[each] for each in scenario.flat_params if each in claimed}


def _as_balls(decimals: NDArray[Any]) -> BallArray:
    """Give decimals as balls that reach half a unit of their last place to each side."""
    result = np.empty(decimals.shape, dtype=object)
    for place in np.ndindex(decimals.shape):
        text = str(decimals[place])
        middle = exactly(text)
        places = max(0, -int(Decimal(text).as_tuple().exponent))
        result[place] = arb(middle, exactly(Fraction(1, 2 * 10**places)))
    return result


def _beside(
    stated: Mapping[str, Written], exact: Mapping[str, BallArray], what: str, part: ClaimedGradient
) -> Decimals:
    """Put decimals beside the exact numbers, entry by entry."""
    entries = [
        (str(np.asarray(stated[each])[place]), balls_of[place], f"{what} of {_entry(each, place)}")
        for each, balls_of in exact.items()
        for place in np.ndindex(balls_of.shape)
    ]
    return Decimals(tuple(entries), gradient=part)


def _entry(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, place))}]" if place else name
