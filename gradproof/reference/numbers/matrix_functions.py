"""Functions of matrices: each stands here once, for floats, for balls, and with the noise of its algorithms.

Several results are rows of one array, one above the other: they all have as many columns.

The noise. An algorithm in floating point gives nearly the exact result for a matrix near the given one: it is
backward stable. Its error is so that of a matrix whose entries are perturbed at random, by

    u sqrt(n) max_i |a_ij|      for elimination (solution, inverse, determinant): the error of L U is at most
                                3 n u |L| |U|, with |L| <= 1 by pivoting;
    u sqrt(n) sqrt(a_ii a_jj)   for Cholesky's: at most (n + 1) u d d', d_i = sqrt(a_ii);
    u |a_j|                     for Householder's QR, by the norm of each column;
    6 u |A| / sqrt(n)           for eigenvalues and singular values, by Frobenius' norm;

u the unit roundoff, n the order: bounds of worst cases have n where independent errors have its root.
Computed vectors are orthonormal to some roundoffs: each of their entries is moved by 6 u at most. Both 6 are
measured, at orders from 2 to 30: LAPACK's errors are then 0.5 spreads in root mean square. Each result is
rounded after that.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), theorems 9.3, 10.3 and 19.4;
Golub and Van Loan, Matrix Computations, 4th ed. (2013), section 8.3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers import certified_matrices as certified
from gradproof.reference.numbers.elementary import on_balls

Floats: TypeAlias = NDArray[np.float64]

Scale: TypeAlias = Callable[[Floats], Floats]
"""By how many unit roundoffs the entries of matrices are perturbed."""


@dataclass(frozen=True)
class MatrixFunction:
    """A function of matrices, or of stacks of them.

    Attributes:
        floats: What it is of float64 arrays; may raise numpy.linalg.LinAlgError.
        balls: What it is of matrices of balls.
        result: The shape of the result, from the operands' shapes.
        scale: The noise of its first operand.
        symmetric: Whether that noise is symmetric.
        free: Which rows of the result have free signs, column by column; from the first operand's shape.
        vectors: Which rows are those of orthonormal columns, likewise.
    """

    floats: Callable[..., Floats]
    balls: Callable[..., Any]
    result: Callable[..., tuple[int, ...]]
    scale: Scale
    symmetric: bool = False
    free: Callable[[int, int], list[bool]] | None = None
    vectors: Callable[[int, int], list[bool]] | None = None


# -------------------------------------------------------------------- in floats


def _sign_and_log(a: Floats) -> Floats:
    return np.stack(np.linalg.slogdet(a), axis=-1)


def _adjugate(a: Floats) -> Floats:
    # det(A) A^-1 where A is regular
    regular: Floats = np.linalg.det(a)[..., None, None] * of_floats("inverse", a)
    singular = ~np.all(np.isfinite(regular), axis=(-2, -1)) | np.all(regular == 0, axis=(-2, -1))
    if np.any(singular):
        regular[singular] = _adjugate_of_singular(a[singular])
    return regular


def _adjugate_of_singular(a: Floats) -> Floats:
    # of A = U S V':  adj A = det(U) det(V) V adj(S) U', and adj(S) has the products of the others
    u, s, vh = np.linalg.svd(a)
    ones = np.ones((*s.shape[:-1], 1))
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], axis=-1), axis=-1)
    behind = np.cumprod(np.concatenate([ones, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * np.matmul(vh.mT * (before * behind)[..., None, :], u.mT))


def _eigen(a: Floats) -> Floats:
    values, vectors = np.linalg.eigh((a + a.mT) / 2)
    return np.concatenate([values[..., None, :], vectors], axis=-2)


def _singular(a: Floats) -> Floats:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u, s[..., None, :], vh.mT], axis=-2)


def _orthogonal_triangular(a: Floats) -> Floats:
    q, r = np.linalg.qr(a)
    return np.concatenate([q, r.mT], axis=-2)


def _eliminated(a: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return certified.eliminated(a)


def pivoted(a: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the rows that elimination exchanges so that no factor is greater than 1, as LAPACK does.

    Returns:
        with which row each is exchanged, one after the other; and the order in which the rows are then.
    """
    rest = np.array(a)
    *stack, n, m = rest.shape
    order = np.broadcast_to(np.arange(n), (*stack, n)).copy()
    pivots = np.zeros((*stack, min(n, m)), dtype=np.int64)
    for k in range(min(n, m)):
        pivot = k + np.argmax(np.abs(rest[..., k:, k]), axis=-1)
        pivots[..., k] = pivot
        for place in np.ndindex(*stack):
            exchanged = [pivot[place], k]
            for array in (order[place], rest[place]):
                array[[k, pivot[place]]] = array[exchanged]
        with np.errstate(all="ignore"):
            factors = rest[..., k + 1 :, k : k + 1] / rest[..., k : k + 1, k : k + 1]
        rest[..., k + 1 :, k:] -= np.nan_to_num(factors) * rest[..., k : k + 1, k:]
    return pivots, order


# -------------------------------------------------------------------- noise


def _of_columns(a: Floats) -> Floats:
    return np.asarray(np.sqrt(a.shape[-1]) * np.max(np.abs(a), axis=-2, keepdims=True, initial=0.0))


def _of_diagonal(a: Floats) -> Floats:
    roots = np.sqrt(np.abs(np.diagonal(a, axis1=-2, axis2=-1)))
    return np.asarray(np.sqrt(a.shape[-1]) * roots[..., :, None] * roots[..., None, :])


def _of_lengths(a: Floats) -> Floats:
    return np.asarray(np.sqrt(np.sum(a * a, axis=-2, keepdims=True)))


def _of_norm(a: Floats) -> Floats:
    norm = np.sqrt(np.sum(a * a, axis=(-2, -1), keepdims=True))
    return np.asarray(6.0 / np.sqrt(max(1, min(a.shape[-2:]))) * norm)


def perturbed(function: MatrixFunction, a: Floats, random: Floats) -> Floats:
    """Perturb matrices by the noise of an algorithm: `random` is one unit roundoff, at random."""
    if function.symmetric:
        random = (np.tril(random) + np.tril(random, -1).mT) if a.size else random
    return np.asarray(a + function.scale(a) * random)


def not_quite_orthonormal(
    function: MatrixFunction, result: Floats, random: Floats, shape: tuple[int, ...]
) -> Floats:
    """Perturb columns of length 1 by some unit roundoffs: `random` is one, at random."""
    rows = function.vectors(shape[-2], shape[-1]) if function.vectors else []
    return np.asarray(result + np.where(np.asarray(rows, dtype=bool)[:, None], 6.0 * random, 0.0))


def with_signs_of(function: MatrixFunction, result: Floats, given: Floats, shape: tuple[int, ...]) -> Floats:
    """Turn the columns whose signs are free to the side of those of another result."""
    free = function.free(shape[-2], shape[-1]) if function.free else []
    rows = np.asarray(free, dtype=bool)[:, None]
    side = np.sum(result * given, axis=-2, keepdims=True, where=rows)
    return np.where(rows & (side < 0), -result, result)


# -------------------------------------------------------------------- the table


def _square(shape: tuple[int, ...]) -> tuple[int, ...]:
    if shape[-1] != shape[-2]:
        raise ValueError(
            f"the last two axes have the lengths {shape[-2]} and {shape[-1]}; they must be equal"
        )
    return shape


def _solved(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if _square(a)[-1] != b[-2]:
        raise ValueError("the matrix and the second to last axis of the right side differ in length")
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *b[-2:])


def _rank(shape: tuple[int, ...]) -> int:
    return min(shape[-2:])


MATRIX_FUNCTIONS: Mapping[str, MatrixFunction] = MappingProxyType(
    {
        "inverse": MatrixFunction(np.linalg.inv, certified.inverse, _square, _of_columns),
        "solution": MatrixFunction(np.linalg.solve, certified.solution, _solved, _of_columns),
        "determinant": MatrixFunction(
            np.linalg.det, certified.determinant, lambda shape: _square(shape)[:-2], _of_columns
        ),
        "sign and log determinant": MatrixFunction(
            _sign_and_log,
            certified.sign_and_log_determinant,
            lambda shape: (*_square(shape)[:-2], 2),
            _of_columns,
        ),
        "adjugate": MatrixFunction(_adjugate, certified.adjugate, _square, _of_columns),
        "elimination": MatrixFunction(_eliminated, certified.factors, _square, _of_columns),
        "cholesky": MatrixFunction(
            lambda a: np.linalg.cholesky((a + a.mT) / 2),
            certified.cholesky_or_nothing,
            _square,
            _of_diagonal,
            symmetric=True,
        ),
        "symmetric eigen": MatrixFunction(
            _eigen,
            certified.symmetric_eigen,
            lambda shape: (*_square(shape)[:-2], shape[-1] + 1, shape[-1]),
            _of_norm,
            symmetric=True,
            free=lambda n, _: [False] + n * [True],
            vectors=lambda n, _: [False] + n * [True],
        ),
        "singular": MatrixFunction(
            _singular,
            certified.singular,
            lambda shape: (*shape[:-2], shape[-2] + 1 + shape[-1], _rank(shape)),
            _of_norm,
            free=lambda n, m: n * [True] + [False] + m * [True],
            vectors=lambda n, m: n * [True] + [False] + m * [True],
        ),
        "orthogonal triangular": MatrixFunction(
            _orthogonal_triangular,
            certified.orthogonal_triangular,
            lambda shape: (*shape[:-2], shape[-2] + shape[-1], _rank(shape)),
            _of_lengths,
            free=lambda n, m: (n + m) * [True],
            vectors=lambda n, m: n * [True] + m * [False],
        ),
        "pseudoinverse": MatrixFunction(
            np.linalg.pinv,
            certified.pseudoinverse,
            lambda shape: (*shape[:-2], shape[-1], shape[-2]),
            _of_norm,
        ),
    }
)
"""All functions by name."""


def of_floats(name: str, *operands: Any) -> Floats:
    """Compute a function of stacks of matrices of float64; NaN for those of which it has no result."""
    function = MATRIX_FUNCTIONS[name]
    shape = function.result(*(operand.shape for operand in operands))
    try:
        return np.asarray(function.floats(*operands))
    except np.linalg.LinAlgError:
        if operands[0].ndim == 2:
            return np.full(shape, np.nan)
    return _by_matrix(operands, shape, partial(of_floats, name), np.float64)


def of_balls(name: str, *operands: Any) -> NDArray[np.object_]:
    """Compute a function of stacks of matrices of balls; no numbers where it may have no result."""
    function = MATRIX_FUNCTIONS[name]
    shape = function.result(*(operand.shape for operand in operands))
    if not all(operand.size for operand in operands):
        floats = function.floats(*(np.zeros(operand.shape) for operand in operands))
        return np.asarray(on_balls(arb)(floats))
    return _by_matrix(operands, shape, function.balls, np.object_)


def _by_matrix(
    operands: tuple[Any, ...], shape: tuple[int, ...], compute: Callable[..., Any], dtype: type
) -> NDArray[Any]:
    """Compute a function matrix by matrix, those of stacks that broadcast."""
    stack = np.broadcast_shapes(*(operand.shape[:-2] for operand in operands))
    whole = [np.broadcast_to(operand, (*stack, *operand.shape[-2:])) for operand in operands]
    result = np.empty((*stack, *shape[len(stack) :]), dtype=dtype)
    for place in np.ndindex(stack):
        result[place] = compute(*(each[place] for each in whole))
    return result
