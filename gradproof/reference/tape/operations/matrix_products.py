"""Products of matrices and vectors."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from math import prod

import numpy as np

from gradproof.reference.tape.arguments import Value, one_axis, rank_of
from gradproof.reference.tape.operations.entry import Array, Operation, Reading, Trait, two

_GILES = (
    "Giles, Collected matrix derivative results for forward and reverse mode algorithmic "
    "differentiation (2008), section 2.2.2"
)


def _row(a: Array) -> Array:
    """A left operand as a matrix: a vector is one row."""
    return a.expand_dims(0) if a.ndim == 1 else a


def _column(b: Array) -> Array:
    """A right operand as a matrix: a vector is one column."""
    return b.expand_dims(1) if b.ndim == 1 else b


def _full(g: Array, a: Array, b: Array) -> Array:
    """A result or its derivative, with the axes that vectors took away put back."""
    if b.ndim == 1:
        g = g.expand_dims(-1)
    if a.ndim == 1:
        g = g.expand_dims(-2)
    return g


def _matmul(a: Array, b: Array) -> Array:
    if not (a.ndim and b.ndim):
        raise ValueError("an operand has no axes; the operator * multiplies by a number")
    if a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise ValueError("the last axis of the first and the second to last of the second differ in length")
    product = _row(a) @ _column(b)
    return product.squeeze([-2] * (a.ndim == 1) + [-1] * (b.ndim == 1))


def _matmul_left(g: Array, _: Array, a: Array, b: Array) -> Array:
    # Y = A B,  dL = <G, dA B> = <G B', dA>:  dL/dA = G B'
    left = _full(g, a, b) @ _column(b).mT
    return left.squeeze([-2]) if a.ndim == 1 else left


def _matmul_right(g: Array, _: Array, a: Array, b: Array) -> Array:
    # Y = A B,  dL = <G, A dB> = <A' G, dB>:  dL/dB = A' G
    rows, full = _row(a), _full(g, a, b)
    if rows.ndim > _column(b).ndim == 2:
        # One B for a whole stack of A: the sum over the stack is one product of taller matrices.
        rows = rows.reshape((prod(rows.shape[:-1]), rows.shape[-1]))
        full = full.reshape((prod(full.shape[:-1]), full.shape[-1]))
    right = rows.mT @ full
    return right.squeeze([-1]) if b.ndim == 1 else right


MATMUL = Operation(
    name="matmul",
    summary="The product of matrices, of stacks of them, or of vectors with them.",
    traits=Trait.BILINEAR,
    signature=two,
    integers=np.matmul,
    forward=_matmul,
    derivatives=(_matmul_left, _matmul_right),
    source=_GILES,
)


def _vectors(x1: Value, x2: Value, /, *, axis: int = -1) -> Reading:
    places = {one_axis(axis, rank_of(x)) for x in (x1, x2)}
    if len(places) > 1:
        raise ValueError(f"axis {axis} is another one in each array; count it from the right, as -1 does")
    return (x1, x2), {"axis": places.pop()}


VECDOT = Operation(
    name="vecdot",
    summary="The sum of products along an axis.",
    traits=Trait.BILINEAR,
    signature=_vectors,
    integers=np.vecdot,
    forward=lambda a, b, *, axis=-1: (a * b).sum((axis,)),
    # <a, b> = sum a_i b_i along the axis
    derivatives=(
        lambda g, y, a, b, *, axis=-1: g.expand_dims(axis) * b,
        lambda g, y, a, b, *, axis=-1: g.expand_dims(axis) * a,
    ),
    source=_GILES,
)


def _outer(a: Array, b: Array) -> Array:
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError("both must be vectors")
    return a.expand_dims(1) * b


OUTER = Operation(
    name="outer",
    summary="All products of two vectors' entries.",
    traits=Trait.BILINEAR,
    signature=two,
    integers=np.outer,
    forward=_outer,
    # y_ij = a_i b_j:  dL/da_i = sum_j g_ij b_j,  dL/db_j = sum_i a_i g_ij
    derivatives=(
        lambda g, y, a, b: (g @ b.expand_dims(1)).squeeze([-1]),
        lambda g, y, a, b: (a.expand_dims(0) @ g).squeeze([-2]),
    ),
    source=_GILES,
)
