"""The equations that a wrong adjoint must fulfil: one for each entry of the claimed gradient below it.

An array d that is added to the adjoint at a value changes the gradient by J' d, which is to be the claim's
error. Where no d does that, the fault is not above the value alone. Where there are more equations than
unknowns and they hold all the same, what arrives at the value is wrong, and nothing below it is. Parts of the
system that the error does not touch say nothing and are not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Changed, Graph, Spot, Views
from gradproof.verdicts.causes.search.discrepancy import Discrepancy, Floats, midpoints
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.tangents import tangents

DIRECTIONS = 300
"""With more entries than this the equations are about as many random sums, each of one parameter's."""

_MANY = 2
"""With so many times more unknowns than equations, something is taken to solve them without a look."""

_RANK = 1e-10
"""Singular values that are a smaller share of the greatest are 0."""

_REFINEMENTS = 3
"""Each doubles the digits of the unknowns that are solved for in float64."""


@dataclass(frozen=True, eq=False)
class Solution:
    """An array for each of some nodes which, added to their adjoints, gives the claim.

    Attributes:
        nodes: the nodes, by index.
        added: the arrays, in float64, one after the other.
        rank: how many independent unknowns there are where the error is.
        spare: how many equations more than that hold.
        unique: whether no other arrays would do.
        confirmed: whether enough equations more hold than there are unknowns, wherever the error is.
    """

    nodes: tuple[int, ...]
    added: Floats
    rank: int
    spare: int
    unique: bool
    confirmed: bool


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

    def of_nodes(self, nodes: Sequence[int]) -> Floats:
        """Give the matrix from arrays at nodes to the error."""
        return np.concatenate([self.derivatives[each] for each in nodes], axis=1)

    # ---------------------------------------------------------------- solving

    def unknowns(self, nodes: Sequence[int]) -> int:
        """Count the entries of adjoints at nodes."""
        return sum(prod(self.views.plain.nodes[each].shape) for each in nodes)

    def solved(self, nodes: tuple[int, ...]) -> Solution | None:
        """Solve for what was added to the adjoints of nodes; None if nothing there gives the claim."""
        unknowns = self.unknowns(nodes)
        if unknowns > _MANY * len(self.error):
            return Solution(nodes, np.zeros(unknowns), len(self.error), 0, unique=False, confirmed=False)
        matrix = self.of_nodes(nodes)
        added, rank, spare, unique = np.zeros(unknowns), 0, 0, True
        confirmed = True
        for rows, columns in self._parts(matrix):
            if not np.any(np.abs(self.error[rows]) > tolerances.UNTOUCHED * self.scale + self.slack[rows]):
                continue
            if not columns.size:
                return None
            part = matrix[np.ix_(rows, columns)]
            found, own = _least_squares(part, self.error[rows])
            left = np.abs(part @ found - self.error[rows])
            if np.any(left > tolerances.MUTANT_ERROR * self.scale + self.slack[rows]):
                return None
            added[columns] = found
            rank, spare, unique = rank + own, spare + rows.size - own, unique and own == columns.size
            confirmed = confirmed and self._is_confirmed(part, own, self.owners[rows])
        confirmed = confirmed and spare >= tolerances.CONFIRMING_ENTRIES
        return Solution(nodes, added, rank, spare, unique, confirmed)

    def _is_confirmed(self, matrix: Floats, rank: int, owners: NDArray[np.str_]) -> bool:
        """Tell whether each parameter has more equations than unknowns that nothing else determines."""
        for name in set(owners.tolist()):
            others = matrix[owners != name]
            alone = rank - (int(np.linalg.matrix_rank(others, rtol=_RANK)) if others.size else 0)
            if alone >= np.count_nonzero(owners == name):
                return False
        return True

    def _parts(self, matrix: Floats) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Split equations and unknowns into parts that have nothing in common."""
        entering = np.abs(matrix) > np.finfo(np.float64).eps * np.max(np.abs(matrix), initial=0.0)
        rows = np.arange(len(matrix))
        label = rows.copy()
        while True:  # the least label of what shares an unknown, until none changes
            columns = np.min(np.where(entering, label[:, np.newaxis], rows.size), axis=0, initial=rows.size)
            least = np.min(np.where(entering, columns, rows.size), axis=1, initial=rows.size)
            least = np.minimum(label, least)
            if np.array_equal(least, label):
                return [
                    (np.flatnonzero(label == each), np.flatnonzero(columns == each)) for each in set(label)
                ]
            label = least

    # ---------------------------------------------------------------- in certified arithmetic

    def gradients(self, solution: Solution) -> dict[str, NDArray[Any]]:
        """Give the gradient in balls with what was solved for, refined until it has as many digits."""
        graph, discrepancy = self.views.balls, self.inquiry.discrepancy
        with graph.context():
            exactly = np.array([arb(each) for each in solution.added], dtype=object)
        matrix = self.of_nodes(solution.nodes)
        gradients: dict[str, NDArray[Any]] = {}
        for refinement in range(_REFINEMENTS + 1):
            [gradients] = graph.backward(adding(graph, solution.nodes, exactly))
            if refinement == _REFINEMENTS:
                break
            left = np.zeros(len(self.error))
            with graph.context():
                for name, each in gradients.items():
                    if name in discrepancy.error:
                        missing = midpoints(discrepancy.claimed[name] - each)
                        left += self.along[name].reshape(len(left), -1) @ missing.ravel()
                more = self._corrected(matrix, left)
                exactly = exactly + np.array([arb(each) for each in more], dtype=object)
        return gradients

    def _corrected(self, matrix: Floats, left: Floats) -> Floats:
        more = np.zeros(matrix.shape[1])
        for rows, columns in self._parts(matrix):
            if columns.size and np.any(left[rows]):
                more[columns] = _least_squares(matrix[np.ix_(rows, columns)], left[rows])[0]
        return more


def _directions(errors: Mapping[str, Floats], discrepancy: Discrepancy) -> dict[str, Floats]:
    """Give directions by parameter, one a row: each entry's own, or random ones if they are many."""
    most, random = max(1, DIRECTIONS // max(1, len(errors))), np.random.default_rng(0)
    found: dict[str, Floats] = {}
    for name, each in errors.items():
        own = np.eye(each.size) if each.size <= most else random.normal(size=(most, each.size))
        found[name] = own / _size(discrepancy.exact_floats[name], each)
    return found


def adding(graph: Graph, nodes: Sequence[int], arrays: NDArray[Any]) -> dict[Spot, Changed]:
    """Add to the adjoints of nodes; the arrays one after the other, flat."""
    changes: dict[Spot, Changed] = {}
    start = 0
    for index in nodes:
        shape = graph.nodes[index].shape
        own = graph.kind.constant(arrays[start : start + prod(shape)].reshape(shape))
        start += prod(shape)
        changes[index] = Changed(own.__add__)
    return changes


def _least_squares(matrix: Floats, error: Floats) -> tuple[Floats, int]:
    """Solve in float64, each unknown's column scaled to its own size."""
    size = np.max(np.abs(matrix), axis=0, initial=0.0)
    size = np.where(size > 0, size, 1.0)
    found, _, rank, _ = np.linalg.lstsq(matrix / size, error, rcond=_RANK)
    return found / size, int(rank)


def _size(exact: Floats, error: Floats) -> float:
    """The size of a parameter's gradient or of its error, whichever is greater."""
    sizes = [float(np.max(np.abs(each), initial=0.0)) for each in (exact, error)]
    return max(*sizes, float(np.finfo(np.float64).tiny)) if all(map(np.isfinite, sizes)) else 1.0
