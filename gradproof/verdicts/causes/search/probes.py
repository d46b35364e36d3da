"""A cheap test of mutants: the derivative of every value of the loss along random directions.

A mutant changes what one edge hands back to its operand x by some array d. The gradient then changes by J' d,
where J is the Jacobian of x with respect to the parameters; and along a direction v in the parameters' space
<v, J' d> = <J v, d>. So one product with J v, the derivative of x along v, tells what a mutant does to the
gradient, without a backward pass. Each parameter has directions of its own, so that it is told apart which
parameters a mutant explains.

J v is taken by a central difference in float64, all directions in the lanes of one run. It sorts out; what it
lets through is compared in full, and in certified arithmetic.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2 (<v, J' d> = <J v, d>).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Loss, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Use
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.mistakes.mistake import Key
from gradproof.verdicts.causes.search.discrepancy import Arrays, Discrepancy, Floats

_PER_PARAMETER = 2
_ENTRIES = 2**22
"""At most so many entries of parameters are held in the lanes."""


class Effect(NamedTuple):
    """A mistake at a place, and the change of the gradient along each direction that it makes."""

    use: Use
    mistake: Mistake
    along: Floats


@dataclass(frozen=True, eq=False)
class Probes:
    """Directions, and what lies along them.

    Attributes:
        tangents: by node, the derivative of its value along each direction, shape (directions, entries).
        owners: by direction, the parameter; "" for a direction in all parameters that are right.
        target: by direction, the claim's error along it.
        scale: by direction, the size of the true gradient's terms along it.
        slack: by direction, what rounding explains of a claim in floats.
    """

    tangents: list[Floats]
    owners: NDArray[np.str_]
    target: Floats
    scale: Floats
    slack: Floats
    _effects: dict[Use, dict[Key, Effect]] = field(default_factory=dict)

    def effect(self, node: int, change: Array) -> Floats:
        """Give the change of the gradient along each direction, from the change of a node's adjoint."""
        along: Floats = self.tangents[node] @ change.data.reshape(-1)
        return along

    def effects(self, use: Use) -> dict[Key, Effect]:
        """Give the mistakes at a place with their effects, which are not finite where a mistake is not."""
        if use not in self._effects:
            own = self.effect(use.index, use.share)
            with use.graph.context():
                found = mistakes_at(use).items()
                self._effects[use] = {n: Effect(use, each, self._along(use, each, own)) for n, each in found}
        return self._effects[use]

    def _along(self, use: Use, mistake: Mistake, own: Floats) -> Floats:
        if mistake.factor is not None:
            return (mistake.factor - 1) * own
        g = use.g if mistake.source is None else use.graph.use(mistake.source).g
        return self.effect(use.index, mistake.change(g).sum_to(use.shape) - use.share)

    def directions(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Tell which directions are in the given parameters."""
        return np.isin(self.owners, names)

    def near(self, effect: Floats) -> NDArray[np.bool_]:
        """Tell along which directions an effect (or each of many) may be the claim's error."""
        size = np.abs(self.target) + np.abs(effect)
        limit = tolerances.PROBE_NEAR * size + tolerances.UNTOUCHED * self.scale + self.slack
        return np.abs(effect - self.target) <= limit


def probe(loss: Loss, params: Arrays, batch: Arrays, discrepancy: Discrepancy) -> Probes:
    """Run the loss along random directions."""
    shapes = {name: np.shape(array) for name, array in params.items()}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]

    def flat(arrays: Arrays) -> Floats:
        known = (arrays.get(name, np.zeros(shape)) for name, shape in shapes.items())
        return np.concatenate([np.ravel(array).astype(np.float64) for array in known])

    most = max(1, _ENTRIES // max(1, 2 * _PER_PARAMETER * sum(sizes)))
    right = [name for name in discrepancy.error if name not in discrepancy.wrong]
    directions = [(name,) for name in discrepancy.wrong[:most]] + ([tuple(right)] if right else [])
    directions = [names for names in directions for _ in range(_PER_PARAMETER)]
    generator = np.random.default_rng([0, 12])
    vectors = np.array(
        [flat({name: generator.normal(size=shapes[name]) for name in names}) for names in directions]
    )

    def moved(step: float) -> dict[str, Floats]:
        both = np.concatenate([flat(params) + step * vectors, flat(params) - step * vectors])
        parts = np.split(both, np.cumsum(sizes)[:-1], axis=1)
        return {name: each.reshape(-1, *shapes[name]) for name, each in zip(shapes, parts, strict=True)}

    step = tolerances.PROBE_STEP
    try:
        values = _together(loss, moved(step), batch, 2 * len(vectors))
    except UnsupportedError:  # it decides something by a comparison, and otherwise so far away
        step = tolerances.PROBE_STEP_DECIDING
        values = _lane_by_lane(loss, params, moved(step), batch)
    fitting = {name: each for name, each in discrepancy.doubt.items() if name in discrepancy.error}
    return Probes(
        [(ahead - back) / (2 * step) for ahead, back in (np.split(each, 2) for each in values)],
        np.array([names[0] if names[0] in discrepancy.wrong else "" for names in directions], dtype=np.str_),
        vectors @ flat(discrepancy.error),
        np.abs(vectors) @ np.abs(flat(discrepancy.exact_floats)),
        np.abs(vectors) @ flat(fitting),
    )


def _together(loss: Loss, moved: Arrays, batch: Arrays, lanes: int) -> list[Floats]:
    """Give every value of the loss at all places, shape (lanes, entries)."""
    shared = {name: np.asarray(array)[np.newaxis] for name, array in batch.items()}
    nodes = differentiate(loss, moved, shared, Plain(), lanes=lanes).tape.nodes
    return [node.value.with_lanes(lanes).data[0].reshape(lanes, -1) for node in nodes]


def _lane_by_lane(loss: Loss, params: Arrays, moved: Arrays, batch: Arrays) -> list[Floats]:
    """Give the same; NaN where the loss computes something else there than at the parameters themselves."""
    places = [params, *(dict(zip(moved, each, strict=True)) for each in zip(*moved.values(), strict=True))]
    tapes = [differentiate(loss, place, batch, Plain()).tape for place in places]
    here, *runs = [[node.value.data.ravel() for node in tape.nodes] for tape in tapes]
    nowhere = [np.full(value.size, np.nan) for value in here]
    runs = [run if list(map(len, run)) == list(map(len, here)) else nowhere for run in runs]
    return [np.array(values) for values in zip(*runs, strict=True)]
