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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Loss, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array
from gradproof.verdicts.causes.search.discrepancy import Discrepancy

Floats = NDArray[np.float64]

_PER_PARAMETER = 2
_ENTRIES = 2**22
"""At most so many entries of parameters are held in the lanes."""


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

    def effect(self, node: int, change: Array) -> Floats:
        """Give the change of the gradient along each direction, from the change of a node's adjoint."""
        along: Floats = self.tangents[node] @ change.data.reshape(-1)
        return along

    def directions(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Tell which directions are in the given parameters."""
        return np.isin(self.owners, names)

    def near(self, effect: Floats) -> NDArray[np.bool_]:
        """Tell along which directions an effect (or each of many) may be the claim's error."""
        size = np.abs(self.target) + np.abs(effect)
        limit = tolerances.PROBE_NEAR * size + tolerances.UNTOUCHED * self.scale + self.slack
        return np.abs(effect - self.target) <= limit


def probe(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    discrepancy: Discrepancy,
) -> Probes:
    """Run the loss along random directions."""
    right = [name for name in discrepancy.error if name not in discrepancy.wrong]
    size = sum(np.size(array) for array in params.values())
    most = max(1, _ENTRIES // max(1, 2 * _PER_PARAMETER * size))
    directions = [(name,) for name in discrepancy.wrong[:most]] + ([tuple(right)] if right else [])
    directions = [names for names in directions for _ in range(_PER_PARAMETER)]
    generator = np.random.default_rng(0)
    vectors = {name: np.zeros((len(directions), *np.shape(array))) for name, array in params.items()}
    for lane, names in enumerate(directions):
        for name in names:
            vectors[name][lane] = generator.normal(size=np.shape(params[name]))
    moved = {
        name: np.concatenate(
            [array + tolerances.PROBE_STEP * vectors[name], array - tolerances.PROBE_STEP * vectors[name]]
        )
        for name, array in params.items()
    }
    count = len(directions)
    tangents = [
        (v[:count] - v[count:]) / (2 * tolerances.PROBE_STEP) for v in _values(loss, moved, batch, 2 * count)
    ]
    lengths = {name: np.abs(vector) for name, vector in vectors.items()}
    return Probes(
        tangents,
        np.array([names[0] if names[0] in discrepancy.wrong else "" for names in directions], dtype=np.str_),
        _along(vectors, discrepancy.error, count),
        _along(lengths, {name: np.abs(array) for name, array in discrepancy.exact_floats.items()}, count),
        _along(lengths, {n: each for n, each in discrepancy.doubt.items() if n in discrepancy.error}, count),
    )


def _values(
    loss: Loss, params: Mapping[str, NDArray[Any]], batch: Mapping[str, NDArray[Any]], lanes: int
) -> list[Floats]:
    """Give every value of the loss in all lanes, shape (lanes, entries)."""
    shared = {name: np.asarray(array)[np.newaxis] for name, array in batch.items()}
    try:
        nodes = differentiate(loss, params, shared, Plain(), lanes=lanes).tape.nodes
        return [node.value.with_lanes(lanes).data[0].reshape(lanes, -1) for node in nodes]
    except UnsupportedError:
        pass  # it decides something by a comparison: lane by lane
    runs = []
    for lane in range(lanes):
        own = {name: array[lane] for name, array in params.items()}
        nodes = differentiate(loss, own, batch, Plain()).tape.nodes
        runs.append([node.value.data[0, 0, ...].reshape(-1) for node in nodes])
    return [np.array(values) for values in zip(*runs, strict=True)]


def _along(vectors: Mapping[str, Floats], arrays: Mapping[str, Floats], count: int) -> Floats:
    total = np.zeros(count)
    for name, array in arrays.items():
        total += vectors[name].reshape(count, -1) @ array.reshape(-1)
    return total
