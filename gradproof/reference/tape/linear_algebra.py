"""The extension `xp.linalg` of the array API standard."""

from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Integers
from gradproof.reference.numbers.matrix_functions import pivoted
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Axis, Value, all_axes, is_discrete, one_axis, rank_of
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.node import Recorder, Tensor
from gradproof.reference.tape.operations import (
    IN_NAMESPACE,
    decompositions,
    linear_equations,
    matrix_products,
)
from gradproof.reference.tape.operations.along_axes import VECTOR_NORM
from gradproof.reference.tape.operations.choosing import CHOOSE
from gradproof.reference.tape.operations.moving import MATRIX_TRANSPOSE


class Eigen(NamedTuple):
    """What `eigh` answers."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SingularDecomposition(NamedTuple):
    """What `svd` answers."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class OrthogonalTriangular(NamedTuple):
    """What `qr` answers."""

    Q: Tensor
    R: Tensor


class Elimination(NamedTuple):
    """What `lu` answers: U, with L below the diagonal; the exchanges of rows; and the rows' order."""

    factors: Tensor
    pivots: Integers
    order: Integers


class SignAndLogDeterminant(NamedTuple):
    """What `slogdet` answers."""

    sign: Tensor
    logabsdet: Tensor


class LinearAlgebra(
    Functions,
    prefix="xp.linalg.",
    operations=[
        *(matrix_products.MATMUL, matrix_products.VECDOT, matrix_products.OUTER, MATRIX_TRANSPOSE),
        *IN_NAMESPACE["linalg"],
    ],
):
    """The namespace `xp.linalg`; all work on the last two axes of stacks of matrices."""

    def __init__(self, tape: Recorder, xp: Any) -> None:
        """Bind all functions to the tape that they record on, and to the namespace that they are part of."""
        super().__init__(tape)
        self._xp = xp

    # ---------------------------------------------------------------- equations

    def tensordot(self, x1: Value, x2: Value, /, *, axes: Any = 2) -> Value:
        """The sum of products along pairs of axes."""
        return self._xp.tensordot(x1, x2, axes=axes)

    def solve(self, x1: Value, x2: Value, /) -> Value:
        """The solution y of x1 y = x2; x2 is a vector, or matrices of columns."""
        right = self._tensor(x2)
        if right.ndim == 1:
            return self.solve(x1, right[:, np.newaxis])[..., 0]
        return self._apply(linear_equations.SOLVE, x1, right)

    def slogdet(self, x: Value, /) -> SignAndLogDeterminant:
        """The sign of the determinant, and the logarithm of its absolute value."""
        both = self._apply(linear_equations.SIGN_AND_LOG_DETERMINANT, x)
        return SignAndLogDeterminant(both[..., 0], both[..., 1])

    def cholesky(self, x: Value, /, *, upper: bool = False) -> Value:
        """The lower triangle L of L L' for positive definite matrices, or the upper triangle L'.

        The symmetric part of x is taken, so that the derivative is symmetric.
        """
        lower = self._apply(linear_equations.CHOLESKY, x)
        return lower.mT if upper else lower

    def lu(self, x: Value, /) -> Elimination:
        """L and U of L U, the rows of x in an order that LAPACK chooses; the standard has no such function.

        A loss has a gradient only if it is the same whichever order is chosen.
        """
        tensor = self._tensor(x)
        if tensor.ndim < 2 or tensor.shape[-1] != tensor.shape[-2]:
            raise ValueError(f"the matrices have the shape {tensor.shape}, and must be square")
        numbers: Any = tensor.value
        values = numbers.values()
        # samples of noise share one order
        lanes = values.mean(axis=0) if values.ndim > tensor.ndim + 1 else values
        pivots, order = (Integers(places[np.newaxis]) for places in pivoted(lanes))
        rows = self._apply(CHOOSE, tensor.mT, places=order[..., np.newaxis, :]).mT
        return Elimination(self._apply(linear_equations.ELIMINATION, rows), pivots, order)

    def matrix_power(self, x: Value, n: int, /) -> Value:
        """The product of n equal matrices; of inverse ones for a negative n."""
        if n < 0:
            return self.matrix_power(self.inv(x), -n)
        power = None
        square = self._tensor(x)
        while n:
            if n % 2:
                power = square if power is None else power @ square
            n //= 2
            square = square @ square if n else square
        return self._xp.broadcast_to(self._xp.eye(square.shape[-1]), square.shape) if power is None else power

    # ---------------------------------------------------------------- decompositions

    def eigh(self, x: Value, /) -> Eigen:
        """The eigenvalues of symmetric matrices, in ascending order, and their eigenvectors as columns.

        The symmetric part of x is taken, so that the derivative is symmetric. An eigenvector's sign is free,
        and of equal eigenvalues also which basis of their space the vectors are: a loss has a gradient only
        if it is the same whichever they are. The signs are LAPACK's.
        """
        both = self._apply(decompositions.EIGEN, x)
        return Eigen(both[..., 0, :], both[..., 1:, :])

    def svd(self, x: Value, /, *, full_matrices: bool = True) -> SingularDecomposition:
        """U, the singular values in descending order, and V' of x = U diag(s) V'.

        The sign of a pair of vectors is free, and of equal values also which basis of their space the vectors
        are: a loss has a gradient only if it is the same whichever they are. The signs are LAPACK's.

        Raises:
            UnsupportedError: The matrices are not square, and full ones are asked for.
        """
        tensor = self._tensor(x)
        if full_matrices and tensor.ndim > 1 and tensor.shape[-1] != tensor.shape[-2]:
            raise UnsupportedError(
                f"The vectors of svd at {caller()} that belong to no singular value are any basis of their "
                "space, and have no gradient. Pass full_matrices=False."
            )
        both = self._apply(decompositions.SINGULAR, tensor)
        n = tensor.shape[-2]
        return SingularDecomposition(both[..., :n, :], both[..., n, :], both[..., n + 1 :, :].mT)

    def qr(self, x: Value, /, *, mode: Literal["reduced", "complete"] = "reduced") -> OrthogonalTriangular:
        """Q with orthonormal columns, and the upper triangle R, of x = Q R.

        R's diagonal has the signs that LAPACK's has.

        Raises:
            UnsupportedError: The matrices are tall, and a complete basis is asked for.
        """
        tensor = self._tensor(x)
        if mode not in {"reduced", "complete"}:
            raise ValueError('the mode must be "reduced" or "complete"')
        if mode == "complete" and tensor.ndim > 1 and tensor.shape[-2] > tensor.shape[-1]:
            raise UnsupportedError(
                f"The columns of Q of qr at {caller()} beyond those of the matrix are any basis of their "
                'space, and have no gradient. Pass mode="reduced".'
            )
        both = self._apply(decompositions.ORTHOGONAL_TRIANGULAR, tensor)
        n = tensor.shape[-2]
        return OrthogonalTriangular(both[..., :n, :], both[..., n:, :].mT)

    def pinv(self, x: Value, /, *, rtol: Value | None = None) -> Value:
        """The Moore-Penrose inverse of matrices of full rank.

        Raises:
            UnsupportedError: Small singular values are to be left out.
        """
        if rtol is not None:
            raise UnsupportedError(
                f"pinv at {caller()} is asked to leave small singular values out, at which it jumps. "
                "Leave rtol out; the matrices must have full rank."
            )
        return self._apply(decompositions.PSEUDOINVERSE, x)

    def matrix_rank(self, x: Value, /, *, rtol: Value | None = None) -> Value:
        """How many singular values are greater than `rtol` times the greatest; it has no gradient."""
        tensor = self._tensor(x)
        values = self.svdvals(tensor)
        share = max(tensor.shape[-2:]) * np.finfo(tensor.dtype).eps if rtol is None else rtol
        return self._xp.count_nonzero(values > share * values[..., :1], axis=-1)

    # ---------------------------------------------------------------- entries and norms

    def diagonal(self, x: Value, /, *, offset: int = 0) -> Value:
        """The entries on a diagonal of each matrix."""
        return self._xp._rearranged(  # noqa: SLF001 - the namespace that this is part of
            x, lambda places: np.diagonal(places, offset=offset, axis1=-2, axis2=-1)
        )

    def trace(self, x: Value, /, *, offset: int = 0, dtype: Any = None) -> Value:
        """The sum of the entries on a diagonal of each matrix."""
        return self._xp.sum(self.diagonal(x, offset=offset), axis=-1, dtype=dtype)

    def cross(self, x1: Value, x2: Value, /, *, axis: int = -1) -> Value:
        """The cross product of vectors with three entries along an axis."""
        if is_discrete(x1, x2):
            return np.linalg.cross(x1, x2, axis=axis)
        a, b = self._tensor(x1), self._tensor(x2)
        place = one_axis(axis, max(a.ndim, b.ndim))
        if a.shape[place] != 3 or b.shape[place] != 3:
            raise ValueError("the vectors must have three entries")
        roll = self._xp.roll
        # c_i = a_(i+1) b_(i+2) - a_(i+2) b_(i+1)
        first = roll(a, -1, axis=place) * roll(b, -2, axis=place)
        return first - roll(a, -2, axis=place) * roll(b, -1, axis=place)

    def vector_norm(
        self,
        x: Value,
        /,
        *,
        axis: Axis = None,
        keepdims: bool = False,
        ord: float = 2,  # noqa: A002 - the standard's
    ) -> Value:
        """(sum |x|^p)^(1/p) along axes, p = `ord`; the greatest or the least size for inf and -inf."""
        xp, tensor = self._xp, self._tensor(x)
        if ord == 2:
            axes = all_axes(axis, tensor.ndim)
            return self._apply(VECTOR_NORM, tensor, axes=axes, keepdims=keepdims)
        along = {"axis": axis, "keepdims": keepdims}
        if ord == 0:
            return xp.sum(xp.astype(tensor != 0, xp.float64), **along)
        sizes = xp.abs(tensor)
        if ord == 1:
            return xp.sum(sizes, **along)
        if abs(ord) == inf:
            return (xp.max if ord > 0 else xp.min)(sizes, **along)
        return xp.pow(xp.sum(xp.pow(sizes, ord), **along), self._tensor(1) / ord)

    def matrix_norm(
        self,
        x: Value,
        /,
        *,
        keepdims: bool = False,
        ord: float | Literal["fro", "nuc"] | None = "fro",  # noqa: A002 - the standard's name
    ) -> Value:
        """A norm of each matrix.

        Args:
            x: Stacks of matrices.
            keepdims: Whether the two axes stay, with length 1.
            ord: "fro", the root of the sum of squares; "nuc", the sum of the singular values; 2 and -2, the
                greatest and the least of them; 1 and -1, the greatest and the least sum of sizes in a column;
                inf and -inf, in a row.
        """
        xp, tensor = self._xp, self._tensor(x)
        if rank_of(tensor) < 2:
            raise ValueError(f"an array with {tensor.ndim} axes is no matrix")
        if ord in {"fro", None}:
            return self.vector_norm(tensor, axis=(-2, -1), keepdims=keepdims)
        if ord in {"nuc", 2, -2}:
            reduce = {"nuc": xp.sum, 2: xp.max, -2: xp.min}[ord]
            norms = reduce(self.svdvals(tensor), axis=-1)
        elif ord in {1, -1, inf, -inf}:
            sums = xp.sum(xp.abs(tensor), axis=-2 if abs(ord) == 1 else -1)
            norms = (xp.max if ord > 0 else xp.min)(sums, axis=-1)
        else:
            raise ValueError(f"{ord!r} is no norm of matrices")
        return norms[..., np.newaxis, np.newaxis] if keepdims else norms
