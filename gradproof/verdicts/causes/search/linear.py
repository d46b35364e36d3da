"""Linear equations that hold exactly or not at all: solved part by part, and what confirms the solution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.search.discrepancy import Floats

_RANK = 1e-10
"""Singular values that are a smaller share of the greatest are 0."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Unknowns that solve equations.

    Attributes:
        values: the unknowns, in float64.
        rank: how many independent ones there are where the right side is not 0.
        spare: how many equations more than that hold there.
        unique: whether no others would do there.
        confirmed: whether enough equations more hold than there are unknowns, for each owner of equations.
    """

    values: Floats
    rank: int
    spare: int
    unique: bool
    confirmed: bool


@dataclass(frozen=True, eq=False)
class System:
    """Equations matrix · unknowns = right side.

    Attributes:
        matrix: a row for each equation.
        right: the right side.
        slack: how far each may be from holding.
        owners: to what each belongs.
    """

    matrix: Floats
    right: Floats
    slack: Floats
    owners: NDArray[np.str_]

    def solved(self) -> Solution | None:
        """Solve; None if nothing does.

        >>> right, slack = np.array([1.0, 2.0, 3.0]), np.zeros(3)
        >>> system = System(np.array([[1.0], [2.0], [3.0]]), right, slack, np.array(["w", "w", "w"]))
        >>> solution = system.solved()
        >>> solution.values.round(9).tolist(), solution.rank, solution.spare
        ([1.0], 1, 2)
        """
        scale = float(np.max(np.abs(self.right), initial=0.0))
        values, rank, spare, unique = np.zeros(self.matrix.shape[1]), 0, 0, True
        confirmed = True
        for rows, columns in self._parts():
            right = self.right[rows]
            if not np.any(np.abs(right) > tolerances.UNTOUCHED * scale + self.slack[rows]):
                continue
            if not columns.size:
                return None
            part = self.matrix[np.ix_(rows, columns)]
            found, own = _least_squares(part, right)
            if np.any(np.abs(part @ found - right) > tolerances.MUTANT_ERROR * scale + self.slack[rows]):
                return None
            values[columns] = found
            rank, spare, unique = rank + own, spare + rows.size - own, unique and own == columns.size
            confirmed = confirmed and _is_confirmed(part, own, self.owners[rows])
        return Solution(values, rank, spare, unique, confirmed and spare >= tolerances.CONFIRMING_ENTRIES)

    def corrected(self, left: Floats) -> Floats:
        """Solve for what is to be added to the unknowns, for another right side."""
        more = np.zeros(self.matrix.shape[1])
        for rows, columns in self._parts():
            if columns.size and np.any(left[rows]):
                more[columns] = _least_squares(self.matrix[np.ix_(rows, columns)], left[rows])[0]
        return more

    def _parts(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Split equations and unknowns into parts that have nothing in common."""
        size = np.abs(self.matrix)
        entering = size > np.finfo(np.float64).eps * np.max(size, initial=0.0)
        label = np.arange(len(size))
        while True:  # the least label of what shares an unknown, until none changes
            columns = np.min(np.where(entering, label[:, np.newaxis], len(size)), axis=0, initial=len(size))
            least = np.min(np.where(entering, columns, len(size)), axis=1, initial=len(size))
            if np.array_equal(least := np.minimum(label, least), label):
                parts = sorted(set(label.tolist()))
                return [(np.flatnonzero(label == each), np.flatnonzero(columns == each)) for each in parts]
            label = least


def _is_confirmed(matrix: Floats, rank: int, owners: NDArray[np.str_]) -> bool:
    """Tell whether each owner has more equations than unknowns that nothing else determines."""
    for name in set(owners.tolist()):
        others = matrix[owners != name]
        alone = rank - (int(np.linalg.matrix_rank(others, rtol=_RANK)) if others.size else 0)
        if alone >= np.count_nonzero(owners == name):
            return False
    return True


def _least_squares(matrix: Floats, right: Floats) -> tuple[Floats, int]:
    """Solve in float64, each unknown's column scaled to its own size."""
    size = np.max(np.abs(matrix), axis=0, initial=0.0)
    size = np.where(size > 0, size, 1.0)
    found, _, rank, _ = np.linalg.lstsq(matrix / size, right, rcond=_RANK)
    return found / size, int(rank)
