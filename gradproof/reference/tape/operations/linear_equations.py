"""Inverse matrices, solutions of linear equations, determinants, and Cholesky's factor.

All work on the last two axes of stacks. <A, B> is the sum of the products of two matrices' entries, so that
<A, B C> = <B' A, C> = <A C', B>.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

import numpy as np

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.operations.entry import Array, Operation, Trait, one

_GILES = (
    "Giles, Collected matrix derivative results for forward and reverse mode algorithmic "
    "differentiation (2008), section 2"
)
_MURRAY = "Murray, Differentiation of the Cholesky decomposition (2016), equation 10"


def _of_each(g: Array) -> Array:
    """A number for each matrix, as a stack of matrices with one entry."""
    return g.expand_dims(-1).expand_dims(-1)


def _transposed_inverse(x: Array) -> Array:
    return x.mT.matrix_function("inverse")


def _slope_of_sign_and_log(g: Array, x: Array) -> Array:
    # d log|det X| = <X^-T, dX>, and the sign is constant but for a jump where X is singular
    of_sign = _of_each(g.part(-1, 0, 1).squeeze([-1]) * x.matrix_function("determinant").jump())
    return _of_each(g.part(-1, 1, 2).squeeze([-1])) * _transposed_inverse(x) + of_sign


def _lower_half(x: Array) -> Array:
    """The lower triangle, with half of the diagonal."""
    n = x.shape[-1]
    lower = x.select(Mask.lift(np.tri(n, dtype=bool)), 0)
    return lower.select(Mask.lift(~np.eye(n, dtype=bool)), x / 2)


def _slope_of_cholesky(g: Array, y: Array) -> Array:
    # A = L L':  L^-1 dA L^-T = L^-1 dL + (L^-1 dL)', of which L^-1 dL is the lower triangle with half of the
    # diagonal, P(.):  dL = L P(L^-1 dA L^-T).  <G, dL> = <P(L' G), L^-1 dA L^-T>:  S = L^-T P(L' G) L^-1,
    # and its symmetric part, since dA is symmetric
    right = y.mT.matrix_function("solution", _lower_half(y.mT @ g))
    slope = y.mT.matrix_function("solution", right.mT)
    return (slope + slope.mT) / 2


def _slope_of_elimination(g: Array, y: Array) -> Array:
    # A = L U:  L^-1 dA U^-1 = L^-1 dL + dU U^-1, a triangle below the diagonal and one on and above it:
    # <G_L, dL> + <G_U, dU> = <low(L' G_L) + up(G_U U'), L^-1 dA U^-1>
    n = y.shape[-1]
    below = Mask.lift(np.tri(n, k=-1, dtype=bool))
    on = Mask.lift(np.eye(n, dtype=bool))
    upper = y.select(~below, 0)
    lower = y.select(below, 0).select(~on, 1)
    inner = (lower.mT @ g.select(below, 0)).select(below, g.select(~below, 0) @ upper.mT)
    left = lower.mT.matrix_function("solution", inner)
    return upper.matrix_function("solution", left.mT).mT


INVERSE = Operation(
    name="inv",
    summary="The inverse of each square matrix.",
    traits=Trait.MATRICES | Trait.READS_RESULT | Trait.FROM_RESULT,
    signature=one,
    forward=lambda x: x.matrix_function("inverse"),
    # Y X = 1:  dY = -Y dX Y,  <G, dY> = <-Y' G Y', dX>
    derivatives=(lambda g, y, x: -(y.mT @ g @ y.mT),),
    domain="regular matrices",
    source=f"{_GILES}.2.3",
)

SOLVE = Operation(
    name="solution",
    summary="The solution Y of A Y = B for each square matrix A.",
    traits=Trait.MATRICES | Trait.READS_RESULT,
    forward=lambda a, b: a.matrix_function("solution", b),
    # A dY = dB - dA Y:  <G, dY> = <A^-T G, dB - dA Y>, so that H = A^-T G is B's and -H Y' is A's
    derivatives=(
        lambda g, y, a, b: -(a.mT.matrix_function("solution", g) @ y.mT),
        lambda g, y, a, b: a.mT.matrix_function("solution", g),
    ),
    domain="regular matrices A",
    source=f"{_GILES}.3.1",
)

DETERMINANT = Operation(
    name="det",
    summary="The determinant of each square matrix.",
    traits=Trait.MATRICES,
    signature=one,
    forward=lambda x: x.matrix_function("determinant"),
    # Jacobi: d det X = <adj(X)', dX>, of singular matrices too; adj(X) = det(X) X^-1 of regular ones
    derivatives=(lambda g, y, x: _of_each(g) * x.mT.matrix_function("adjugate"),),
    domain="all square matrices",
    source=f"{_GILES}.2.4",
)

SIGN_AND_LOG_DETERMINANT = Operation(
    name="sign_and_log_determinant",
    summary="The sign of each determinant and the logarithm of its absolute value, along a new last axis.",
    traits=Trait.MATRICES,
    forward=lambda x: x.matrix_function("sign and log determinant"),
    derivatives=(lambda g, y, x: _slope_of_sign_and_log(g, x),),
    domain="regular matrices",
    source=f"{_GILES}.2.4",
)

ELIMINATION = Operation(
    name="elimination",
    summary="U, and L below the diagonal, of each square matrix L U whose rows are not exchanged.",
    traits=Trait.MATRICES | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.matrix_function("elimination"),
    derivatives=(lambda g, y, x: _slope_of_elimination(g, y),),
    domain="matrices whose leading minors are not 0",
    source=f"{_GILES}.3.1; Golub and Van Loan, Matrix Computations, 4th ed. (2013), section 3.2",
)

CHOLESKY = Operation(
    name="cholesky_factor",
    summary="The lower triangle L, with a positive diagonal, of each symmetric matrix L L'.",
    traits=Trait.MATRICES | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.matrix_function("cholesky"),
    derivatives=(lambda g, y, x: _slope_of_cholesky(g, y),),
    domain="positive definite matrices; of others the symmetric part is taken",
    source=_MURRAY,
)
