"""A gradient's own code on certified balls: what it claims as a formula, with proof."""

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.lifted import LiftedRun, no_collections, run_lifted, to_arbs
from gradproof.reference.numbers.bounds import SHARP, accuracies, are_sharp, least_sizes, midpoints, radii
from gradproof.reference.trees import flatten
from gradproof.verdicts.judging.claimed import BallArrays, Formula, Place
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.numerals import sentence
from gradproof.verdicts.tolerances import NARROW

PRECISIONS = (128, 192, 512, 1536)
"""Bits of the certified arithmetic that formulas are run in, tried one after the other; the first only where
few digits are asked for, and where all balls are sharp with so few."""

USUAL = 192
"""The bits that a formula is run in if nothing else is known."""


def run_formula(
    gradient: UserGradient, place: Place, *, patient: bool = True, precision: int = USUAL
) -> Formula:
    """Run a gradient's code, as it stands, on balls that are exactly the numbers of a place.

    The precision is raised until the results are narrow and every comparison in the code is decided, or until
    no more of it is to be had.

    Args:
        gradient: whose code.
        place: where.
        patient: whether the precision is raised at all; it helps nothing where the loss has no gradient.
        precision: bits that the exact gradient is known to have needed, so that fewer are not tried.
    """
    if gradient.computed_by:
        return Formula({}, f"{gradient.computed_by} computes it of the model as it is")
    bits_tried = [bits for bits in PRECISIONS if bits >= min(precision, PRECISIONS[-1])]
    formula = Formula({}, "its code was not run")
    for bits in bits_tried if patient else bits_tried[:1]:
        with no_collections():
            formula = _at_precision(gradient, place, bits)
        if bits < USUAL:
            if not formula.reason and all(map(are_sharp, formula.values.values())):
                break
        elif not formula.undecided and (formula.reason or all(map(_narrow, formula.values.values()))):
            break
    return formula


def _at_precision(gradient: UserGradient, place: Place, bits: int) -> Formula:
    values, run = _run(gradient, place, bits)
    if run.error or run.notes.casts:
        return Formula({}, run.reason)
    if run.notes.comparisons:
        return Formula({}, sentence(run.reason), undecided=True)
    return Formula(
        values,
        widened=lambda share: _run(gradient, place, bits, share)[0],
        at=lambda other: run_formula(gradient, other, patient=False),
        traced=lambda most: _run(gradient, place, bits, traced=most)[1].trace,
    )


def _run(
    gradient: UserGradient, place: Place, bits: int, share: float = 0.0, traced: int = 0
) -> tuple[BallArrays, LiftedRun]:
    """Run the code; what it gives by parameter, and how it went."""
    arguments = gradient.nested(dict(place.params), dict(place.batch))
    run = run_lifted(gradient.function, arguments, bits, share=share, traced=traced)
    if run.error:
        return {}, run
    try:
        leaves, _ = flatten(run.result, "gradient")
        return {name: to_arbs(leaf) for name, leaf in leaves.items()}, run
    except (InputError, TypeError) as error:
        return {}, LiftedRun(None, run.notes, f"it returns what is no certified array ({error})")


def _narrow(balls: NDArray[np.object_]) -> bool:
    """Whether more precision has nothing to add: each entry is known to many digits, or is negligible."""
    balls = balls.reshape(-1)
    unsure = balls[accuracies(balls) < SHARP]
    if not unsure.size:
        return True
    sizes, radius = np.abs(midpoints(balls)), radii(unsure)
    greatest = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
    limit = NARROW * np.maximum(least_sizes(unsure), NARROW * greatest)
    return bool(np.all((radius <= limit) | ~np.isfinite(radius)))
