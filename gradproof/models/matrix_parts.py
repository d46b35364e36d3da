"""What PyTorch's and JAX's linear algebra have in common, with `xp`."""

from typing import Any

import numpy as np

from gradproof.reference.tape.arguments import shape_of


def solved(xp: Any, a: Any, b: Any, *, left: bool = True) -> Any:
    """Solve A X = B, or X A = B."""
    if left:
        return xp.linalg.solve(a, b)
    # X A = B:  A' X' = B'
    turned = xp.linalg.solve(xp.matrix_transpose(a), xp.matrix_transpose(b))
    return xp.matrix_transpose(turned)


def triangle(xp: Any, a: Any, *, upper: bool, unitriangular: bool) -> Any:
    """The triangle of a matrix that is looked at, its diagonal of ones where that is told."""
    if not unitriangular:
        return xp.triu(a) if upper else xp.tril(a)
    beside = xp.triu(a, k=1) if upper else xp.tril(a, k=-1)
    return beside + xp.astype(np.eye(shape_of(a)[-1]), a.dtype)


def householder_product(xp: Any, vectors: Any, factors: Any) -> Any:
    """The first columns of the product of 1 - t_i v_i v_i', v_i being 0 above the diagonal and 1 on it."""
    n, m = shape_of(vectors)[-2:]
    below = xp.tril(vectors, k=-1) + xp.astype(np.eye(n, m), vectors.dtype)
    product = xp.astype(np.eye(n, m), vectors.dtype)
    for i in reversed(range(shape_of(factors)[-1])):
        vector = below[..., :, i : i + 1]
        along = factors[..., i : i + 1, None] * (xp.matrix_transpose(vector) @ product)
        product = product - vector @ along
    return product
