"""NumPy's products and numpy.linalg on certified matrices; Arb's own algorithms enclose the exact results."""

from typing import Any, NamedTuple

import numpy as np

from gradproof.reference.lifted.calls import NotCertifiedError
from gradproof.reference.lifted.lifted_array import LiftedArray, base, from_arbs, lift, to_arbs
from gradproof.reference.numbers import BallNumbers, Balls
from gradproof.reference.numbers.certified_matrices import array_of, matrix_of
from gradproof.reference.numbers.certified_matrices import cholesky as certified_cholesky
from gradproof.reference.numbers.matrix_functions import of_balls
from gradproof.reference.tape.arguments import contraction
from gradproof.reference.tape.operations.matrix_products import MATMUL


def matrix_product(left: Any, right: Any) -> LiftedArray:
    """Compute what `left @ right` is of lifted arrays: vectors and stacks of matrices, too.

    Raises:
        ValueError: the shapes do not fit.
    """
    x, y = (BallNumbers(to_arbs(each)[np.newaxis, np.newaxis], Balls()) for each in (left, right))
    return from_arbs(MATMUL.forward(x, y).data[0, 0, ...])


def vectors_product(left: Any, right: Any, axis: int = -1) -> Any:
    """Compute np.vecdot: the sum of products along an axis."""
    a, b = (np.moveaxis(base(lift(x)), axis, -1) for x in (left, right))
    return np.add.reduce(a * b, axis=-1)


def dot(a: Any, b: Any) -> LiftedArray:
    """Compute np.dot: a product of numbers, or a sum over the last axis and the second to last."""
    a, b = lift(a), lift(b)
    if a.ndim == 0 or b.ndim == 0:
        return lift(a * b)
    return tensordot(a, b, ((a.ndim - 1,), (max(b.ndim - 2, 0),)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> LiftedArray:
    """Compute the sum of products along pairs of axes: a matrix product of reordered arrays."""
    a, b = lift(a), lift(b)
    rows, columns, inner, shape = contraction(a.shape, b.shape, axes)
    product = matrix_product(a.transpose(rows).reshape(-1, inner), b.transpose(columns).reshape(inner, -1))
    return lift(product.reshape(shape))


# -------------------------------------------------------------------- numpy.linalg


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002 - NumPy's
    """Compute numpy.linalg.norm of vectors, and the Frobenius norm of matrices.

    Raises:
        NotCertifiedError: another norm of a matrix is asked for.
    """
    x = lift(x)
    vectors = x.ndim == 1 if axis is None else isinstance(axis, int)
    if not vectors and ord not in {None, "fro"}:
        raise NotCertifiedError(f"np.linalg.norm of a matrix with ord={ord!r} is not certified")
    return vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord in {None, "fro"} else ord)


def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:  # noqa: A002
    """Compute (Σ |x|^p)^(1/p) along axes."""
    x = lift(x)
    if ord == 2:
        return np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))
    size = np.abs(x)
    if ord == np.inf:
        return size.max(axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return size.min(axis=axis, keepdims=keepdims)
    if ord == 0:
        return (x != 0).astype(np.float64).sum(axis=axis, keepdims=keepdims)
    return (size**ord).sum(axis=axis, keepdims=keepdims) ** (lift(1) / ord)


def _stacked(function: Any, *arrays: Any) -> Any:
    """Apply a function of matrices to each matrix of stacks."""
    balls = [to_arbs(array) for array in arrays]
    stack = np.broadcast_shapes(*(array.shape[:-2] for array in balls))
    if not stack:
        return function(*balls)
    whole = [np.broadcast_to(array, (*stack, *array.shape[-2:])) for array in balls]
    results = [function(*(array[place] for array in whole)) for place in np.ndindex(stack)]
    return np.array(results, dtype=object).reshape(*stack, *np.shape(results[0]))


def inverse(a: Any) -> LiftedArray:
    """Compute the inverse of matrices.

    Raises:
        numpy.linalg.LinAlgError: one is singular, or too near to it for the precision.
    """
    return from_arbs(_stacked(lambda m: array_of(_regular(matrix_of(m), "inv")), a))


def solve(a: Any, b: Any) -> LiftedArray:
    """Compute x of a x = b; b is a vector, or matrices of columns.

    Raises:
        numpy.linalg.LinAlgError: a matrix is singular, or too near to it for the precision.
    """
    b = lift(b)
    columns = b[:, np.newaxis] if b.ndim == 1 else b
    result = from_arbs(
        _stacked(lambda m, c: array_of(_regular(matrix_of(m), "solve", matrix_of(c))), a, columns)
    )
    return result[..., 0] if b.ndim == 1 else result


def _regular(matrix: Any, method: str, *others: Any) -> Any:
    try:
        return getattr(matrix, method)(*others)
    except ZeroDivisionError as error:
        raise np.linalg.LinAlgError("Singular matrix") from error


def determinant(a: Any) -> LiftedArray:
    """Compute the determinant of matrices."""
    return from_arbs(_stacked(lambda m: np.array(matrix_of(m).det(), dtype=object), a))


class SignAndLog(NamedTuple):
    """What numpy.linalg.slogdet answers."""

    sign: LiftedArray
    logabsdet: LiftedArray


def sign_and_log_determinant(a: Any) -> SignAndLog:
    """Compute the sign of the determinant of matrices and the logarithm of its absolute value."""
    value = determinant(a)
    return SignAndLog(lift(np.sign(value)), lift(np.log(np.abs(value))))


def cholesky(a: Any, /, *, upper: bool = False) -> LiftedArray:
    """Compute the lower triangle L of a = L L', or the upper one L'.

    Raises:
        numpy.linalg.LinAlgError: a matrix is not positive definite.
    """
    lower = from_arbs(_stacked(certified_cholesky, a))
    return np.swapaxes(lower, -1, -2) if upper else lower


class EigenDecomposition(NamedTuple):
    """What numpy.linalg.eigh answers."""

    eigenvalues: LiftedArray
    eigenvectors: LiftedArray


class SingularVectors(NamedTuple):
    """What numpy.linalg.svd answers."""

    U: LiftedArray
    S: LiftedArray
    Vh: LiftedArray


class TriangularForm(NamedTuple):
    """What numpy.linalg.qr answers."""

    Q: LiftedArray
    R: LiftedArray


def eigh(a: Any, UPLO: str = "L") -> EigenDecomposition:  # noqa: N803 - NumPy's name
    """Compute the eigenvalues, in ascending order, and the eigenvectors of what a triangle tells."""
    balls = to_arbs(a)
    below = np.tri(balls.shape[-1], dtype=bool)
    read = below if UPLO.upper() == "L" else below.T
    both = _of(from_arbs(np.where(read, balls, np.swapaxes(balls, -1, -2))), "symmetric eigen")
    return EigenDecomposition(both[..., 0, :], both[..., 1:, :])


def eigenvalues(a: Any, UPLO: str = "L") -> LiftedArray:  # noqa: N803 - NumPy's name
    """Compute the eigenvalues of the symmetric matrices that a triangle tells, in ascending order."""
    return eigh(a, UPLO).eigenvalues


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Compute U, the singular values in descending order, and V' of matrices.

    Raises:
        NotCertifiedError: vectors that belong to no singular value are asked for.
    """
    n, m = np.shape(a)[-2:]
    if compute_uv and full_matrices and n != m:
        raise NotCertifiedError("np.linalg.svd with full_matrices=True is not certified")
    both = _of(a, "singular")
    values = both[..., n, :]
    if not compute_uv:
        return values
    return SingularVectors(both[..., :n, :], values, np.swapaxes(both[..., n + 1 :, :], -1, -2))


def singular_values(x: Any, /) -> LiftedArray:
    """Compute the singular values of matrices, in descending order."""
    values: LiftedArray = svd(x, compute_uv=False)
    return values


def qr(a: Any, mode: str = "reduced") -> Any:
    """Compute Q and R of matrices.

    Raises:
        NotCertifiedError: another form than the reduced one is asked for.
    """
    if mode not in {"reduced", "r"}:
        raise NotCertifiedError(f"np.linalg.qr with mode={mode!r} is not certified")
    both = _of(a, "orthogonal triangular")
    n = np.shape(a)[-2]
    r = np.swapaxes(both[..., n:, :], -1, -2)
    return r if mode == "r" else TriangularForm(both[..., :n, :], r)


def pseudoinverse(a: Any) -> LiftedArray:
    """Compute the Moore-Penrose inverse of matrices of full rank."""
    return _of(a, "pseudoinverse")


def _of(a: Any, name: str) -> LiftedArray:
    return from_arbs(of_balls(name, to_arbs(a)))
