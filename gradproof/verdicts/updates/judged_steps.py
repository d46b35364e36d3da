"""Which of the steps that a run took are those that a training, or a mistake in it, makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.noise import Noise, noise_of
from gradproof.reference.numbers import BallNumbers, Balls, Kind, Noisy
from gradproof.reference.stepping import After
from gradproof.reference.tape import Choice, always, never
from gradproof.verdicts.judging.evidence import SAMPLES, Known
from gradproof.verdicts.judging.floats import Assessment, assess
from gradproof.verdicts.tolerances import CAUSE_BITS, SPREADS
from gradproof.verdicts.updates.suspected import TakenSteps
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]
Compute = Callable[[Kind[Any], Choice], Mapping[Any, Any]]


@dataclass(frozen=True, eq=False)
class JudgedSteps:
    """What the rule says of S steps.

    Attributes:
        assessed: by what there is after a step, of what is computed.
        passes: likewise, of shape (S,); of all that was recorded.
    """

    assessed: Mapping[After, Assessment]
    passes: Mapping[After, NDArray[np.bool_]]

    def allowed(self, key: After, shape: tuple[int, ...]) -> Array:
        """How far each entry may be off by rounding, of a shape."""
        return SPREADS * self.assessed[key].widest.reshape(shape)


def judged_steps(steps: TakenSteps, otherwise: "JudgedSteps | None" = None) -> JudgedSteps:
    """Judge what a run recorded after some steps by what these steps make.

    Args:
        steps: as they may have been made.
        otherwise: what is said of the training's own steps. An entry of the state that `steps` have none of
            passes where it is as the training's own, or was left as it was.
    """
    assessed = assessments(steps.claimed, steps.after, steps)
    passes = {key: passing(each) for key, each in assessed.items()}
    if any(not np.isfinite(steps.claimed[key]).all() for key in assessed):
        passes |= _where_no_numbers(steps, assessed)
    for key, claimed in steps.claimed.items():
        if key not in passes:
            same = (claimed == steps.before(key)).reshape(len(claimed), -1).all(axis=1)
            passes[key] = same if otherwise is None else same | otherwise.passes[key]
    return JudgedSteps(assessed, passes)


def assessments(claimed: Mapping[Any, Array], compute: Compute, steps: TakenSteps) -> dict[Any, Assessment]:
    """Judge arrays of shape (S, *entry) by what is computed in certified and in stochastic arithmetic."""
    # a mistake may keep more than was recorded
    known = {key: each for key, each in known_of(compute, steps).items() if key in claimed}
    return {
        key: assess(claimed[key], each, steps.formats.of_param(key.parameter)) for key, each in known.items()
    }


def known_of(compute: Compute, steps: TakenSteps, *, textbook: bool = False) -> dict[Any, Known]:
    """Give what is known of arrays of shape (S, *entry) that are computed.

    Args:
        compute: computes them in a kind of number.
        steps: whose they are.
        textbook: whether the noise of textbooks' formulas is asked for, too, where accurate operations' does
            not explain an error.
    """
    formats = steps.formats
    balls = Balls(CAUSE_BITS)
    with balls.context():
        exact = compute(balls, never)

    def noisy(accurately: Choice) -> Mapping[Any, Noise]:
        return noise_of(
            lambda kind: _in_noise(compute, kind, accurately, steps.at.size),
            Noisy.of(formats, samples=SAMPLES),
        )

    accurate, by_textbook = noisy(always), cache(partial(noisy, never))
    sizes = [np.abs(each).reshape(len(each), -1).max(axis=1) for each in steps.recorded.values()]
    largest = np.nan_to_num(np.max(sizes, axis=0).astype(np.float64), posinf=0.0)
    nowhere, reasons = np.zeros(len(largest), dtype=bool), np.full(len(largest), "", dtype=object)

    def known(key: Any, numbers: BallNumbers) -> Known:
        def spread(noise: Noise) -> Array:
            return noise.spread(numbers.values(), numbers.radii())

        wider = (lambda: spread(by_textbook()[key])) if textbook else None
        return Known(numbers, spread(accurate[key]), nowhere, reasons, largest, wider)

    return {key: known(key, numbers) for key, numbers in exact.items()}


def _in_noise(compute: Compute, kind: Noisy, accurately: Choice, lanes: int) -> tuple[Mapping[Any, Any], Any]:
    with kind.context():
        found = compute(kind, accurately)
        return found, np.broadcast_to(kind.near_ties, (lanes,))


def passing(assessed: Assessment) -> NDArray[np.bool_]:
    """Tell which of S arrays pass, with entries that are known."""
    worst = assessed.verdict.max(axis=1)
    passes: NDArray[np.bool_] = worst <= CODE[Verdict.ILL_CONDITIONED]
    return passes


def _where_no_numbers(
    steps: TakenSteps, assessed: Mapping[After, Assessment]
) -> dict[After, NDArray[np.bool_]]:
    """Judge arrays with NaN or infinities: they pass where the steps make the same in the run's dtype."""
    try:
        made = steps.in_floats()
    except ZeroDivisionError:  # of Python's own numbers, as 1 - beta ** 0 is one
        return {}
    found = {}
    for key, each in assessed.items():
        claimed = each.value
        same = ~np.isfinite(claimed) & _same(made[key].reshape(claimed.shape), claimed)
        codes = np.where(same, CODE[Verdict.AGREES], each.verdict)
        found[key] = codes.max(axis=1) <= CODE[Verdict.ILL_CONDITIONED]
    return found


def _same(made: Array, claimed: Array) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (made == claimed) | (np.isnan(made) & np.isnan(claimed))
    return same
