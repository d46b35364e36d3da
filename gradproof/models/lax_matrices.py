"""JAX's linear algebra, with `xp.linalg`."""

from typing import Any

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.models.matrix_parts import householder_product, solved, triangle
from gradproof.models.replay import Entry
from gradproof.reference.numbers import Integers
from gradproof.reference.numbers.matrix_functions import of_floats, pivoted
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import shape_of


def _triangular_solution(
    xp: Any,
    a: Any,
    b: Any,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    unit_diagonal: bool,
    conjugate_a: bool,
) -> Any:
    del conjugate_a  # which is real
    matrix = triangle(xp, a, upper=not lower, unitriangular=unit_diagonal)
    return solved(xp, xp.matrix_transpose(matrix) if transpose_a else matrix, b, left=left_side)


def _triangular_factor(xp: Any, a: Any, **_: Any) -> Any:
    return xp.linalg.cholesky(a)


def _eigen(xp: Any, a: Any, *, subset_by_index: Any = None, **_: Any) -> tuple[Any, Any]:
    _refuse(subset_by_index is not None, "some of the eigenvalues alone")
    values, vectors = xp.linalg.eigh(a)
    return vectors, values


def _singular(
    xp: Any, a: Any, *, full_matrices: bool, compute_uv: bool, subset_by_index: Any = None, **_: Any
) -> tuple[Any, ...]:
    _refuse(subset_by_index is not None, "some of the singular values alone")
    if not compute_uv:
        return (xp.linalg.svdvals(a),)
    u, s, vh = xp.linalg.svd(a, full_matrices=full_matrices)
    return s, u, vh


def _orthogonal_triangular(
    xp: Any, a: Any, *, full_matrices: bool, pivoting: bool = False, **_: Any
) -> tuple[Any, Any]:
    _refuse(pivoting, "QR with pivots")
    return tuple(xp.linalg.qr(a, mode="complete" if full_matrices else "reduced"))


def _tridiagonal_solution(xp: Any, below: Any, diagonal: Any, above: Any, b: Any, **_: Any) -> Any:
    n = shape_of(diagonal)[-1]
    parts = ((below, -1), (diagonal, 0), (above, 1))
    matrix = sum(xp.expand_dims(x, axis=-1) * xp.astype(np.eye(n, k=k), x.dtype) for x, k in parts)
    return xp.linalg.solve(matrix, b)


def _elimination(xp: Any, a: Any) -> tuple[Any, ...]:
    if not isinstance(a, np.ndarray):
        both, *places = xp.linalg.lu(a)
        return (both, *(each if each.common() is None else each.common() for each in places))
    # NumPy has none of its own
    pivots, order = pivoted(a)
    return of_floats("elimination", np.take_along_axis(a, order[..., None], axis=-2)), pivots, order


def _permutation_of(_: Any, pivots: Any, *, permutation_size: int) -> Any:
    """The order of rows after each was exchanged with the one of its pivot, one after the other."""
    data = pivots.data if isinstance(pivots, Integers) else np.asarray(pivots)
    order = np.broadcast_to(np.arange(permutation_size), (*data.shape[:-1], permutation_size)).copy()
    for k in range(data.shape[-1]):
        other = data[..., k : k + 1]
        there = np.take_along_axis(order, other, axis=-1)
        np.put_along_axis(order, other, order[..., k : k + 1].copy(), axis=-1)
        order[..., k : k + 1] = there
    return Integers(order) if isinstance(pivots, Integers) else order


def _refuse(asked: bool, what: str) -> None:
    if asked:
        raise UnsupportedError(
            f"The function asks at {caller()} for {what}, whose exact form is not known here. Ask for the "
            "whole, or give a function that computes the same with others as `reference=`."
        )


MATRICES: dict[str, Entry] = {
    "cholesky": _triangular_factor,
    "triangular_solve": _triangular_solution,
    "tridiagonal_solve": _tridiagonal_solution,
    "lu": _elimination,
    "lu_pivots_to_permutation": _permutation_of,
    "eigh": _eigen,
    "svd": _singular,
    "qr": _orthogonal_triangular,
    "householder_product": householder_product,
}
"""By JAX's name of a primitive: what it computes."""
