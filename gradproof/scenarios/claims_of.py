"""Claims of the usual kinds, for a scenario of one's own: a value, a gradient, an update."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.trees import flatten
from gradproof.scenarios.claims import Claim, ClaimedGradient, Finding, confirmed, refuted, undecided
from gradproof.scenarios.claims_arithmetic import (
    BallArray,
    Certified,
    balls,
    compare,
    compare_decimal,
    exactly,
    fraction,
)

if TYPE_CHECKING:
    from gradproof.scenarios.scenario import Scenario

Decimals: TypeAlias = Any
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

    def check(scenario: "Scenario", states: Mapping[str, Any]) -> Finding:
        function = scenario.flat_loss if of is None else _flat(scenario, of)
        result = Certified(function, scenario.flat_params, scenario.flat_batch).values
        if result.size != 1:
            raise InputError(
                f"The claim {name!r} of scenario {scenario.name!r} is of one number, but what it is of has "
                f"shape {result.shape}. Give the one number, by an index or a sum."
            )
        what = "the loss" if of is None else "the value"
        return compare_decimal(states["value"], result.item(), what, cause="it has another value")

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
    the gradient of w is the true one with the derivative of tanh (...) left out
    """

    def check(scenario: "Scenario", states: Mapping[str, Any]) -> Finding:
        claimed = _claimed_gradient(name, scenario, states["gradient"])
        part = only(scenario, claimed)
        exact = Certified(part.loss, part.params, part.batch).gradients
        if callable(states["gradient"]):
            return compare(claimed, exact, "The gradient", gradient=part)
        return _compare_decimals(states["gradient"], exact, "the derivative", part)

    return Claim(name, text, place, check, {"gradient": gradient})


def update_claim(
    name: str, text: str, place: str, weights: Mapping[str, Decimals], learning_rate: str
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

    def check(scenario: "Scenario", states: Mapping[str, Any]) -> Finding:
        rate = exactly(states["learning rate"])
        stated = _decimals(name, scenario, states["weights"])
        old = {each: balls(scenario.flat_params[each]) for each in stated}
        claimed = {each: balls((old[each] - _as_balls(stated[each])) / rate) for each in stated}
        part = only(scenario, claimed, learning_rate=float(fraction(states["learning rate"])))
        exact = Certified(part.loss, part.params, part.batch).gradients
        new = {each: balls(old[each] - rate * exact[each]) for each in stated}
        return _compare_decimals(states["weights"], new, "the new weight", part)

    return Claim(name, text, place, check, {"weights": weights, "learning rate": learning_rate})


def only(
    scenario: "Scenario", claimed: Mapping[str, BallArray], learning_rate: float | None = None
) -> ClaimedGradient:
    """Give a claimed gradient of some parameters, with all other parameters among the data."""
    others = {f"parameter {each}": a for each, a in scenario.flat_params.items() if each not in claimed}

    def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        every = {each: params.get(each, batch.get(f"parameter {each}")) for each in scenario.flat_params}
        return scenario.flat_loss(xp, every, {each: batch[each] for each in scenario.flat_batch})

    return ClaimedGradient(
        loss,
        {each: scenario.flat_params[each] for each in claimed},
        {**scenario.flat_batch, **others},
        claimed,
        learning_rate,
    )


def _flat(scenario: "Scenario", function: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda xp, params, batch: function(
        xp, scenario.params_structure.nest(params), scenario.batch_structure.nest(batch)
    )


def _claimed_gradient(name: str, scenario: "Scenario", gradient: Any) -> dict[str, BallArray]:
    if not callable(gradient):
        return {each: _as_balls(stated) for each, stated in _decimals(name, scenario, gradient).items()}
    nested = gradient(
        scenario.params_structure.nest({each: balls(a) for each, a in scenario.flat_params.items()}),
        scenario.batch_structure.nest(
            {each: balls(a) if a.dtype.kind == "f" else a for each, a in scenario.flat_batch.items()}
        ),
    )
    flat, _ = flatten(nested, f"claimed gradient {name!r}")
    return {each: balls(array) for each, array in _of_parameters(name, scenario, flat).items()}


def _decimals(name: str, scenario: "Scenario", stated: Mapping[str, Decimals]) -> dict[str, NDArray[Any]]:
    arrays = {each: np.asarray(decimals) for each, decimals in stated.items()}
    for each, array in arrays.items():
        if array.dtype.kind != "U":
            raise InputError(
                f"The claim {name!r} of scenario {scenario.name!r} states {each!r} as {array.dtype}. Give "
                'decimals as strings, as the document writes them: "0.10" means to be more exact than "0.1".'
            )
    return _of_parameters(name, scenario, arrays)


def _of_parameters(name: str, scenario: "Scenario", claimed: Mapping[str, Any]) -> dict[str, Any]:
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


def _compare_decimals(
    stated: Mapping[str, Decimals], exact: Mapping[str, BallArray], what: str, part: ClaimedGradient
) -> Finding:
    """Judge decimals entry by entry: the first that is refuted is told, else the first undecided."""
    findings = [
        compare_decimal(str(text), true, f"{what} of {_entry(each, place)}", gradient=part)
        for each, balls_of in exact.items()
        for place in np.ndindex(balls_of.shape)
        for text, true in [(np.asarray(stated[each])[place], balls_of[place])]
    ]
    order = [refuted("").verdict, undecided("").verdict, confirmed("").verdict]
    return min(findings, key=lambda finding: order.index(finding.verdict))


def _entry(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, place))}]" if place else name
