"""NumPy's products of lifted vectors, matrices and stacks of them."""

from typing import Any

import numpy as np

from gradproof.reference.lifted.lifted_array import LiftedArray, base, from_arbs, lift, to_arbs
from gradproof.reference.numbers.balls import product_of_stacks


def matrix_product(left: Any, right: Any) -> LiftedArray:
    """Compute what `left @ right` is of lifted arrays: vectors and stacks of matrices, too.

    Raises:
        ValueError: the shapes do not fit.
    """
    a, b = to_arbs(left), to_arbs(right)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: an operand has no axes")
    rows = a[np.newaxis, :] if a.ndim == 1 else a
    columns = b[:, np.newaxis] if b.ndim == 1 else b
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")
    if rows.ndim > 2 == columns.ndim:
        # One matrix for a whole stack: a single product of a taller matrix.
        tall = product_of_stacks(rows.reshape(-1, rows.shape[-1]), columns)
        product = tall.reshape(*rows.shape[:-1], columns.shape[-1])
    else:
        product = product_of_stacks(rows, columns)
    if a.ndim == 1:
        product = product[..., 0, :]
    if b.ndim == 1:
        product = product[..., 0]
    return from_arbs(np.asarray(product, dtype=object))


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


def inner(a: Any, b: Any) -> LiftedArray:
    """Compute np.inner: a sum over both last axes."""
    a, b = lift(a), lift(b)
    return lift(a * b) if a.ndim == 0 or b.ndim == 0 else tensordot(a, b, ((-1,), (-1,)))


def vdot(a: Any, b: Any) -> LiftedArray:
    """Compute np.vdot of all entries."""
    return dot(lift(a).reshape(-1), lift(b).reshape(-1))


def outer(a: Any, b: Any) -> Any:
    """Compute np.outer of all entries."""
    return lift(a).reshape(-1, 1) * lift(b).reshape(1, -1)


def einsum(*operands: Any) -> Any:
    """Compute np.einsum, by NumPy's own loops over the balls."""
    return np.einsum(*(base(lift(x)) if isinstance(x, np.ndarray) else x for x in operands))


def tensordot(a: Any, b: Any, axes: Any = 2) -> LiftedArray:
    """Compute the sum of products along pairs of axes: a matrix product of reordered arrays."""
    a, b = base(lift(a)), base(lift(b))
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    first, second = (tuple(each) if np.iterable(each) else (each,) for each in axes)
    inner_a, inner_b = [axis % a.ndim for axis in first], [axis % b.ndim for axis in second]
    outer_a = [axis for axis in range(a.ndim) if axis not in inner_a]
    outer_b = [axis for axis in range(b.ndim) if axis not in inner_b]
    length = int(np.prod([a.shape[axis] for axis in inner_a]))
    if length != int(np.prod([b.shape[axis] for axis in inner_b])):
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} do not fit along axes {axes}")
    rows = a.transpose(outer_a + inner_a).reshape(-1, length)
    columns = b.transpose(inner_b + outer_b).reshape(length, -1)
    shape = [a.shape[axis] for axis in outer_a] + [b.shape[axis] for axis in outer_b]
    return lift(matrix_product(rows, columns).reshape(shape))
