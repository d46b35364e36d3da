"""The equations that a wrong adjoint must fulfil: one for each entry of the claimed gradient below it.

An array d that is added to the adjoint at a value changes the gradient by J' d, which is to be the claim's
error. Where no d does that, the fault is not above the value alone. Where there are more equations than
unknowns and they hold all the same, what arrives at the value is wrong, and nothing below it is. Parts of the
system that the error does not touch say nothing and are not counted.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.bounds import midpoints
from gradproof.verdicts.causes.graph import Changed, Graph, Spot, Views
from gradproof.verdicts.causes.search.discrepancy import Discrepancy, Floats
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.linear import Solution, System
from gradproof.verdicts.causes.search.tangents import tangents

DIRECTIONS = 300
"""With more entries than this the equations are about as many random sums, each of one parameter's."""

_MANY = 2
"""With so many times more unknowns than equations, something is taken to solve them without a look."""

_REFINEMENTS = 3
"""Each adds a float64's digits to the unknowns that are solved for."""

Changes = Callable[[Graph, NDArray[Any]], Mapping[Spot, Changed]]
"""Changes of a backward pass, from the unknowns."""


@dataclass(frozen=True, eq=False)
class Equations:
    """The claim's error as linear equations, along directions that each parameter's size is divided out of.

    Attributes:
        inquiry: what is asked.
        views: the loss's graph.
        along: the directions, by parameter.
        owners: by direction, the parameter.
        derivatives: by node, those of its value along the directions.
        error: the claim's error along them.
        slack: what rounding explains of it, of a claim in floats.
    """

    inquiry: Inquiry
    views: Views
    along: dict[str, Floats]
    owners: NDArray[np.str_]
    derivatives: list[Floats]
    error: Floats
    slack: Floats

    @classmethod
    def of(cls, inquiry: Inquiry, views: Views) -> "Equations | None":
        """Set them up; None where the loss is too large for it."""
        errors = {n: each for n, each in inquiry.discrepancy.error.items() if np.all(np.isfinite(each))}
        vectors = _directions(errors, inquiry.discrepancy)
        rows = sum(map(len, vectors.values()))
        along = {name: np.zeros((rows, *np.shape(array))) for name, array in inquiry.params.items()}
        error, slack, start = np.zeros(rows), np.zeros(rows), 0
        for name, own in vectors.items():
            here, start = slice(start, start + len(own)), start + len(own)
            along[name][here] = own.reshape(-1, *errors[name].shape)
            error[here] = own @ errors[name].ravel()
            doubt = np.broadcast_to(inquiry.discrepancy.doubt.get(name, 0.0), errors[name].shape)
            doubt = np.where(inquiry.discrepancy.off[name], doubt, np.abs(errors[name]) + doubt)
            slack[here] = np.abs(own) @ doubt.ravel()
        owners = np.repeat(np.array([*vectors], dtype=np.str_), [len(own) for own in vectors.values()])
        derivatives = tangents(views.plain, along) if rows else None
        return None if derivatives is None else cls(inquiry, views, along, owners, derivatives, error, slack)

    @cached_property
    def scale(self) -> float:
        """The size of the error."""
        return float(np.max(np.abs(self.error), initial=0.0))

    def unknowns(self, nodes: Sequence[int]) -> int:
        """Count the entries of adjoints at nodes."""
        return sum(prod(self.views.plain.nodes[each].shape) for each in nodes)

    def system(self, nodes: Sequence[int]) -> System:
        """Give the equations for what was added to the adjoints of nodes."""
        matrix = np.concatenate([self.derivatives[each] for each in nodes], axis=1)
        return System(matrix, self.error, self.slack, self.owners)

    def solved(self, nodes: Sequence[int]) -> Solution | None:
        """Solve for what was added to the adjoints of nodes; None if nothing there gives the claim."""
        unknowns = self.unknowns(nodes)
        if unknowns > _MANY * len(self.error):
            return Solution(np.zeros(unknowns), len(self.error), 0, unique=False, confirmed=False)
        system = self.system(nodes)
        if not np.all(np.isfinite(system.matrix)):
            return Solution(np.zeros(unknowns), len(self.error), 0, unique=False, confirmed=False)
        return system.solved()

    def left(self, gradients: Mapping[str, NDArray[Any]]) -> Floats:
        """Give what gradients in balls leave of the claim, along the directions."""
        left, claimed = np.zeros(len(self.error)), self.inquiry.discrepancy.claimed
        with self.views.balls.context():
            for name in gradients.keys() & self.inquiry.discrepancy.error.keys():
                missing = midpoints(claimed[name] - gradients[name])
                left += self.along[name].reshape(len(left), -1) @ missing.ravel()
        return left


def refined(
    places: Sequence[Equations], system: System, values: Floats, changes: Changes
) -> list[Mapping[str, NDArray[Any]]]:
    """Give the gradients in balls at each of some places, with unknowns refined until they are exact.

    Args:
        places: the equations of each place.
        system: those of all of them, one after the other.
        values: the unknowns, in float64.
        changes: what they are, on the graph of any of the places.
    """
    context = places[0].views.balls.context
    with context():
        exactly = np.array([arb(each) for each in values], dtype=object)
    for _ in range(_REFINEMENTS):
        gradients = [each.views.balls.backward(changes(each.views.balls, exactly))[0] for each in places]
        left = np.concatenate([each.left(found) for each, found in zip(places, gradients, strict=True)])
        with context():
            exactly = exactly + np.array([arb(each) for each in system.corrected(left)], dtype=object)
    return [each.views.balls.backward(changes(each.views.balls, exactly))[0] for each in places]


def adding(nodes: Sequence[int]) -> Changes:
    """Add arrays, which follow one another in the unknowns, to the adjoints of nodes."""

    def changes(graph: Graph, values: NDArray[Any]) -> dict[Spot, Changed]:
        shapes = [graph.nodes[each].shape for each in nodes]
        parts = np.split(values, np.cumsum([prod(shape) for shape in shapes])[:-1])
        added = (graph.kind.constant(part.reshape(shape)) for part, shape in zip(parts, shapes, strict=True))
        return {node: Changed(partial(operator.add, array)) for node, array in zip(nodes, added, strict=True)}

    return changes


def _directions(errors: Mapping[str, Floats], discrepancy: Discrepancy) -> dict[str, Floats]:
    """Give directions by parameter, one a row: each entry's own, or random ones if they are many."""
    most, random = max(1, DIRECTIONS // max(1, len(errors))), np.random.default_rng([0, 13])
    found: dict[str, Floats] = {}
    for name, each in errors.items():
        own = np.eye(each.size) if each.size <= most else random.normal(size=(most, each.size))
        found[name] = own / _size(discrepancy.exact_floats[name], each)
    return found


def _size(exact: Floats, error: Floats) -> float:
    """The size of a parameter's gradient or of its error, whichever is greater."""
    sizes = [float(np.max(np.abs(each), initial=0.0)) for each in (exact, error)]
    return max(*sizes, float(np.finfo(np.float64).tiny)) if all(map(np.isfinite, sizes)) else 1.0
