"""Functions of matrices of certified balls: the results hold those of every matrix that the balls hold.

Arrays are of dtype object, of `flint.arb`, with two axes. Inverse, solution and determinant are Arb's own.
The eigenvalues and eigenvectors of symmetric matrices are computed in float64, refined, and then enclosed
by the theorems that `_eigen` names; singular values and vectors are those of a symmetric matrix.
"""

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

import flint
import numpy as np
from flint import arb, arb_mat
from numpy.typing import NDArray

from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.elementary import NAN, ONE, ZERO, on_balls

Matrix = NDArray[np.object_]

_middles = on_balls(arb.mid)
_is_finite = on_balls(arb.is_finite)


def matrix_of(array: Any) -> arb_mat:
    """Give an object array of `flint.arb` with two axes as Arb's matrix."""
    return arb_mat(*array.shape, array.ravel().tolist())


def array_of(matrix: arb_mat) -> Matrix:
    """Give Arb's matrix as an object array of `flint.arb`."""
    n, m = matrix.nrows(), matrix.ncols()
    return np.fromiter(matrix.entries(), dtype=object, count=n * m).reshape(n, m)


def product(x: Matrix, y: Matrix) -> Matrix:
    """Compute the product of two matrices through Arb's."""
    return array_of(matrix_of(x) * matrix_of(y))


def symmetric(a: Matrix) -> Matrix:
    """Compute the symmetric part (A + A') / 2."""
    return np.asarray((a + a.T) / 2)


def _nothing(*shape: int) -> Matrix:
    return np.full(shape, NAN, dtype=object)


# -------------------------------------------------------------------- solutions and determinants


def inverse(a: Matrix) -> Matrix:
    """Compute the inverse; no numbers where the matrix may be singular."""
    return array_of(matrix_of(a).inv(nonstop=True))


def solution(a: Matrix, b: Matrix) -> Matrix:
    """Compute X of A X = B; no numbers where A may be singular."""
    return array_of(matrix_of(a).solve(matrix_of(b), nonstop=True))


def determinant(a: Matrix) -> arb:
    """Compute the determinant."""
    return matrix_of(a).det()


def sign_and_log_determinant(a: Matrix) -> Matrix:
    """Compute the determinant's sign and the logarithm of its absolute value, in this order."""
    value = matrix_of(a).det()
    return np.array([value.sgn(), abs(value).log()], dtype=object)


def adjugate(a: Matrix) -> Matrix:
    """Compute the matrix whose product with A is det(A) times the identity, of singular matrices too.

    With the characteristic polynomial det(t - A) = t^n + ... + c_1 t + c_0, it is, by Cayley and Hamilton,
    (-1)^(n - 1) (A^(n - 1) + ... + c_2 A + c_1). Where A is certainly regular, det(A) A^-1 loses less.
    """
    matrix = matrix_of(a)
    value = matrix.det()
    if value > 0 or value < 0:
        return np.asarray(array_of(matrix.inv(nonstop=True)) * value)
    n = len(a)
    identity = np.where(np.eye(n, dtype=bool), ONE, ZERO)
    total = np.full((n, n), ZERO, dtype=object)
    coefficients = matrix.charpoly().coeffs()
    for power in range(n, 0, -1):
        total = product(total, a) + identity * coefficients[power]
    return np.asarray(total * (1 if n % 2 else -1))


def cholesky(a: Matrix) -> Matrix:
    """Compute the lower triangle L of A = L L'.

    Raises:
        numpy.linalg.LinAlgError: A is not certainly positive definite.
    """
    n = len(a)
    lower = np.full((n, n), ZERO, dtype=object)
    for j in range(n):
        square = a[j, j] - np.dot(lower[j, :j], lower[j, :j]) if j else a[j, j]
        if not square > 0:
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        lower[j, j] = square.sqrt()
        rest = a[j + 1 :, j] - np.dot(lower[j + 1 :, :j], lower[j, :j]) if j else a[j + 1 :, j]
        lower[j + 1 :, j] = rest / lower[j, j]
    return lower


def cholesky_or_nothing(a: Matrix) -> Matrix:
    """Compute Cholesky's factor of the symmetric part; no numbers where it is not positive definite."""
    try:
        return cholesky(symmetric(a))
    except np.linalg.LinAlgError:
        return _nothing(*a.shape)


def orthogonal_triangular(a: Matrix) -> Matrix:
    """Compute Q and R' of A = Q R, one above the other; R's diagonal has the signs of LAPACK's.

    R' R = A' A is Cholesky's, and Q = A R^-1. Of a wide A = [X, Y], Q and the square part of R are X's.
    """
    n, m = a.shape
    k = min(n, m)
    try:
        # LAPACK's signs are those of the matrix that is nearest in float64
        signs = np.sign(np.diagonal(np.linalg.qr(midpoints(a)).R))
        lower = cholesky(product(a[:, :k].T, a[:, :k]))
    except np.linalg.LinAlgError:
        return _nothing(n + m, k)
    lower = lower * np.where(signs < 0, -1, 1)
    q = solution(lower, a[:, :k].T).T
    return np.concatenate([q, lower, product(a[:, k:].T, q)]) if m > k else np.concatenate([q, lower])


def eliminated(a: NDArray[Any]) -> NDArray[Any]:
    """Compute A = L U without exchanging rows: U, and L below the diagonal, whose own diagonal is 1.

    Of stacks of floats, too.
    """
    both = a.copy()
    for k in range(min(a.shape[-2:])):
        both[..., k + 1 :, k] = both[..., k + 1 :, k] / both[..., k : k + 1, k]
        both[..., k + 1 :, k + 1 :] = (
            both[..., k + 1 :, k + 1 :] - both[..., k + 1 :, k : k + 1] * both[..., k : k + 1, k + 1 :]
        )
    return both


def factors(a: Matrix) -> Matrix:
    """Compute L and U of a square matrix as `eliminated` does, without radii that grow step by step.

    With L' U' = A nearly, in float64, B = L'^-1 A U'^-1 is nearly the identity: its own factors lose nothing,
    and A = (L' L_B) (U_B U').
    """
    with np.errstate(all="ignore"):
        near = eliminated(midpoints(a))
    if not np.all(np.isfinite(near)):
        return np.asarray(eliminated(a))
    lower, upper = _parts(np.asarray(on_balls(arb)(near), dtype=object))
    between = eliminated(solution(upper.T, solution(lower, a).T).T)
    lower_of_it, upper_of_it = _parts(between)
    below = np.tri(len(a), k=-1, dtype=bool)
    return np.where(below, product(lower, lower_of_it), product(upper_of_it, upper))


def _parts(both: Matrix) -> tuple[Matrix, Matrix]:
    """L, whose diagonal is 1, and U."""
    n = len(both)
    lower = np.where(np.tri(n, k=-1, dtype=bool), both, np.where(np.eye(n, dtype=bool), ONE, ZERO))
    return lower, np.where(np.tri(n, dtype=bool).T, both, ZERO)


def pseudoinverse(a: Matrix) -> Matrix:
    """Compute (A' A)^-1 A', or A' (A A')^-1 where A is wide; no numbers where the rank may be less."""
    if a.shape[0] < a.shape[1]:
        return pseudoinverse(a.T).T
    return solution(product(a.T, a), a.T)


# -------------------------------------------------------------------- eigenvalues and singular values


def _norm(x: Matrix) -> arb:
    """An upper bound of the root of the sum of squares."""
    total = ZERO
    for each in x.ravel().tolist():
        total = total + each * each
    return total.upper().sqrt().upper()


def _refined(a: Matrix, x: Matrix) -> tuple[Matrix, Matrix]:
    """Refine approximate orthonormal eigenvectors of a symmetric matrix by Newton steps, without certainty.

    Returns:
        the eigenvalues, and the eigenvectors as columns; single numbers.

    Source: Ogita and Aishima, Iterative refinement for symmetric eigenvalue decomposition, Japan Journal of
    Industrial and Applied Mathematics 35 (2018), algorithm 1.
    """
    n = len(a)
    identity = np.where(np.eye(n, dtype=bool), ONE, ZERO)
    smallest = arb(2) ** (-flint.ctx.prec // 2)
    for _ in range(_STEPS):
        r = _middles(identity - product(x.T, x))
        s = _middles(product(product(x.T, a), x))
        values = np.diagonal(s) / (ONE - np.diagonal(r))
        off = np.where(np.eye(n, dtype=bool), ZERO, s)
        limit = 2 * (_norm(off) + _norm(r) * (ONE + _norm(values)))
        gaps = values[np.newaxis, :] - values[:, np.newaxis]
        apart = (on_balls(abs)(gaps) > limit).astype(bool)
        steps = np.where(apart, (s + values[np.newaxis, :] * r) / np.where(apart, gaps, ONE), r / 2)
        x = _middles(x + product(x, _middles(steps)))
        if _norm(steps) < smallest:
            break
    return _middles((x * product(a, x)).sum(axis=0)), x


_STEPS = 12
"""The digits double at each step: from float64's 16 to 4096 bits it takes eight."""


def _eigen(a: Matrix, start: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
    """Enclose the eigenvalues, in ascending order, and the eigenvectors of a symmetric matrix.

    For approximations, X of columns x_i and l = diag(l_i), let R = A X - X l with columns r_i.

    The i-th eigenvalue is within e = sqrt(2) |R| / s of the i-th l_i, s the least singular value of X:
    Kahan's theorem. With X' X = 1 - D, s^2 >= 1 - |D|. Some eigenvalue is within |r_i| / |x_i| of l_i, and
    where all others are farther than e, it is this one. The angle t between x_i and its eigenvector has
    sin t <= |r_i| / (|x_i| g), g the distance of l_i from all other eigenvalues: Davis and Kahan. Unit
    vectors at that angle are 2 sin(t / 2) <= sqrt(2) sin t apart.

    An eigenvector of an eigenvalue that is not apart from the others is only known to be of length 1.

    Args:
        a: balls; the matrices that they hold are symmetric.
        start: approximate eigenvectors, as columns, whose signs are kept.

    Source: Parlett, The Symmetric Eigenvalue Problem (1998), theorem 4.5.1, sections 11.5 and 11.7.
    """
    values, x = _refined(_middles(a), np.asarray(on_balls(arb)(start), dtype=object))

    def compared(i: int, j: int) -> int:
        return -1 if values[i] < values[j] else 1

    order = sorted(range(len(a)), key=cmp_to_key(compared))
    values, x = values[order], x[:, order]
    residuals = product(a, x) - x * values
    gram = product(x.T, x)
    defect = _norm(np.where(np.eye(len(a), dtype=bool), ONE, ZERO) - gram)
    if not defect < arb(0.5):
        return _nothing(len(a)), _nothing(*a.shape)
    error = (arb(2).sqrt() * _norm(residuals) / (ONE - defect).sqrt()).upper()
    certain, vectors = values.copy(), x.copy()
    for i, value in enumerate(values):
        length = gram[i, i].sqrt()
        near = (_norm(residuals[:, i]) / length).upper()
        gaps = [abs(value - other) - error for j, other in enumerate(values) if j != i]
        if all(gap > error for gap in gaps):
            sine = (near / _least(gaps)).upper() if gaps else ZERO
            certain[i] = value + arb(0, min(error, near))
            vectors[:, i] = x[:, i] / length + arb(0, (arb(2).sqrt() * sine).upper())
        else:
            certain[i] = value + arb(0, error)
            vectors[:, i] = arb(0, 1)
    return certain, vectors


def _least(bounds: list[arb]) -> arb:
    least = bounds[0].lower()
    for each in bounds[1:]:
        least = min(least, each.lower())
    return least


def _started(
    a: Matrix, start: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """What float64 knows of a matrix; None where it knows nothing."""
    middle = midpoints(a)
    if not (np.all(np.isfinite(middle)) and np.all(_is_finite(a).astype(bool))):
        return None
    try:
        return start(middle)
    except np.linalg.LinAlgError:
        return None


def symmetric_eigen(a: Matrix) -> Matrix:
    """Compute the eigenvalues of the symmetric part in a row, in ascending order, above the eigenvectors.

    An eigenvector's sign is LAPACK's. Of eigenvalues that are equal, or that the balls do not tell apart, the
    eigenvectors are only known to have length 1.
    """
    a = symmetric(a)
    start = _started(a, lambda middle: np.linalg.eigh(middle).eigenvectors)
    if start is None:
        return _nothing(len(a) + 1, len(a))
    values, vectors = _eigen(a, start)
    return np.concatenate([values[np.newaxis], vectors])


def singular(a: Matrix) -> Matrix:
    """Compute U, the singular values in a row, in descending order, and V of A = U diag(s) V'.

    [v; u] / sqrt(2) is an eigenvector of [[0, A'], [A, 0]] with the eigenvalue s, [v; -u] / sqrt(2) one with
    -s; the other eigenvalues are 0.

    Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), section 8.6.1.
    """
    n, m = a.shape
    k = min(n, m)
    start = _started(a, _singular_start)
    if start is None:
        return _nothing(n + 1 + m, k)
    both = np.full((m + n, m + n), ZERO, dtype=object)
    both[:m, m:], both[m:, :m] = a.T, a
    values, vectors = _eigen(both, start)
    vectors = vectors[:, ::-1][:, :k] * arb(2).sqrt()
    return np.concatenate([vectors[m:], values[::-1][np.newaxis, :k], vectors[:m]])


def _singular_start(a: NDArray[np.float64]) -> NDArray[np.float64]:
    u, _, vh = np.linalg.svd(a, full_matrices=True)
    n, m = a.shape
    k = min(n, m)
    first = np.concatenate([vh[:k].T, u[:, :k]]) / np.sqrt(2.0)
    second = np.concatenate([vh[:k].T, -u[:, :k]]) / np.sqrt(2.0)
    null = np.concatenate([vh[k:].T, np.zeros((n, m - k))]), np.concatenate([np.zeros((m, n - k)), u[:, k:]])
    return np.concatenate([first, second, *null], axis=1)
