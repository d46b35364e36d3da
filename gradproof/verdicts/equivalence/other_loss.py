"""The other scenario's loss and gradient, as what is claimed of the first one's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from gradproof.reference.lifted import LiftedArray, lift, to_arbs
from gradproof.reference.lifted.notes import share_of_constants
from gradproof.reference.numbers import Balls
from gradproof.reference.tape import differentiate
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.equivalence.pairing import Fit
from gradproof.verdicts.judging.claimed import Place

Arrays = Mapping[str, Any]

VALUE = "the loss itself"
"""The name of a parameter that the loss is multiplied by, so that its gradient is the loss's value."""

_PRECISION = 192
"""Bits of the other's values where floating-point ones are asked for, which are then rounded once."""


def scaled(loss: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Give s · loss as a loss of all its parameters and of s, `VALUE`: ∂(s · loss)/∂s is the loss's value.

    So whatever is asked of a gradient is asked of the value, too.
    """

    def scaled_loss(xp: Any, params: Arrays, batch: Arrays) -> Any:
        own = {name: array for name, array in params.items() if name != VALUE}
        return params[VALUE] * loss(xp, own, batch)

    return scaled_loss


@dataclass(frozen=True, eq=False)
class OtherGradient:
    """What another scenario gives for the gradient of `scaled`: its own, computed on the tape.

    Attributes:
        other: the other scenario.
        params: by name of a parameter here, how the other has it.
        batch: likewise of the data; what has no counterpart here is as the other was given it.
    """

    other: Scenario
    params: Mapping[str, Fit]
    batch: Mapping[str, Fit]

    def __call__(self, params: Arrays, batch: Arrays) -> dict[str, Any]:
        """Give the gradient: on certified balls as balls, on floats as floats."""
        is_lifted = any(isinstance(array, LiftedArray) for array in params.values())
        bits, share = (flint.ctx.prec, share_of_constants()) if is_lifted else (_PRECISION, 0.0)
        given = {name: to_arbs(array) for name, array in params.items()}
        theirs = self.place_of(Place(given, batch))
        run = differentiate(self.other.flat_loss, theirs.params, theirs.batch, Balls(bits, share))
        scale = given[VALUE]
        balls = {
            name: fit.back(
                np.asarray(scale * run.gradients[fit.name].balls()[0, ...], dtype=object), given[name].shape
            )
            for name, fit in self.params.items()
        } | {VALUE: run.value.balls()[0, ...]}
        arrays = {name: lift(np.asarray(each, dtype=object)) for name, each in balls.items()}
        if is_lifted:
            return arrays
        return {name: _rounded(array) for name, array in arrays.items()}

    def place_of(self, place: Place) -> Place:
        """Give a place as the other scenario has it."""
        data: dict[str, Any] = dict(self.other.flat_batch)
        for name, fit in self.batch.items():
            array = place.batch[name]
            data[fit.name] = fit.there(to_arbs(array) if isinstance(array, LiftedArray) else array)
        return Place({fit.name: fit.there(place.params[name]) for name, fit in self.params.items()}, data)


def _rounded(array: LiftedArray) -> NDArray[np.float64]:
    return np.array([float(ball) for ball in to_arbs(array).ravel()]).reshape(array.shape)
