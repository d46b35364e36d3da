"""ATen's special functions and linear algebra in terms of `xp.special` and `xp.linalg`.

What an operation gives beside its result for its own backward pass (pivots, whether it failed) is None here.
Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

from typing import Any

import numpy as np

from gradproof.models.matrix_parts import householder_product, solved, triangle
from gradproof.models.replay import Entry


def _special(name: str) -> Entry:
    return lambda xp, *operands: getattr(xp.special, name)(*operands)


_SPECIAL = {
    **{name: name for name in ("digamma", "erf", "erfc", "erfinv", "i0", "polygamma", "xlogy")},
    **{
        f"special_{name}": name for name in ("entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri")
    },
    "lgamma": "gammaln",
    "igamma": "gammainc",
    "igammac": "gammaincc",
    "special_xlog1py": "xlog1py",
    "special_zeta": "zeta",
}


def _is_vector(a: Any, b: Any) -> bool:
    """Whether the right side is a vector for each matrix, and not a matrix."""
    return len(b.shape) == 1 or (len(a.shape) - 1 == len(b.shape) and tuple(b.shape) == tuple(a.shape)[:-1])


def _solve(xp: Any, a: Any, b: Any, *, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:
    del check_errors
    if _is_vector(a, b):
        return xp.squeeze(solved(xp, a, xp.expand_dims(b, axis=-1)), axis=-1), None, None, None
    return solved(xp, a, b, left=left), None, None, None


def _solve_triangular(
    xp: Any, a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    return solved(xp, triangle(xp, a, upper=upper, unitriangular=unitriangular), b, left=left)


def _triangular_solve(
    xp: Any, b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Any, Any]:
    matrix = triangle(xp, a, upper=upper, unitriangular=unitriangular)
    return xp.linalg.solve(xp.matrix_transpose(matrix) if transpose else matrix, b), a


def _inverse(xp: Any, a: Any, check_errors: bool = False) -> tuple[Any, Any]:
    del check_errors
    return xp.linalg.inv(a), None


def _cholesky(xp: Any, a: Any, *, upper: bool = False, check_errors: bool = False) -> tuple[Any, Any]:
    del check_errors
    return xp.linalg.cholesky(_symmetric(xp, a, lower=not upper), upper=upper), None


def _symmetric(xp: Any, a: Any, *, lower: bool = True) -> Any:
    """The symmetric matrix of one triangle; by PyTorch's convention the derivative goes to both alike."""
    mean = (a + xp.matrix_transpose(a)) / 2
    half = xp.tril(a, k=-1) if lower else xp.triu(a, k=1)
    read = half + xp.matrix_transpose(half) + a * np.eye(a.shape[-1])
    return mean + xp.nn.stop_gradient(read - mean)


def _of_factor(xp: Any, factor: Any, *, upper: bool) -> Any:
    """The matrix of a Cholesky factor."""
    transposed = xp.matrix_transpose(factor)
    return transposed @ factor if upper else factor @ transposed


def _eigen(xp: Any, a: Any, uplo: str = "L", compute_v: bool = True) -> tuple[Any, Any]:
    symmetric = _symmetric(xp, a, lower=uplo.upper() == "L")
    return tuple(xp.linalg.eigh(symmetric)) if compute_v else (xp.linalg.eigvalsh(symmetric), None)


def _singular(
    xp: Any, a: Any, full_matrices: bool = False, compute_uv: bool = True, *_driver: Any, **_named: Any
) -> tuple[Any, ...]:
    if not compute_uv:
        return None, xp.linalg.svdvals(a), None
    return tuple(xp.linalg.svd(a, full_matrices=full_matrices))


def _orthogonal(xp: Any, a: Any, mode: str = "reduced") -> tuple[Any, Any]:
    q, r = xp.linalg.qr(a, mode="reduced" if mode == "r" else mode)
    return (None if mode == "r" else q), r


LINALG: dict[str, Entry] = {
    **{f"aten.{own}": _special(name) for own, name in _SPECIAL.items()},
    "aten._linalg_det": lambda xp, a: (xp.linalg.det(a), None, None),
    "aten._linalg_slogdet": lambda xp, a: (*xp.linalg.slogdet(a), None, None),
    "aten._linalg_solve_ex": _solve,
    "aten._linalg_eigh": _eigen,
    "aten._linalg_svd": _singular,
    "aten.linalg_inv_ex": _inverse,
    "aten.linalg_solve_triangular": _solve_triangular,
    "aten.triangular_solve": _triangular_solve,
    "aten.linalg_cholesky_ex": _cholesky,
    "aten.cholesky": lambda xp, a, upper=False: _cholesky(xp, a, upper=upper)[0],
    "aten.cholesky_inverse": lambda xp, a, upper=False: xp.linalg.inv(_of_factor(xp, a, upper=upper)),
    "aten.cholesky_solve": lambda xp, b, a, upper=False: xp.linalg.solve(_of_factor(xp, a, upper=upper), b),
    "aten.linalg_qr": _orthogonal,
    "aten.linalg_lstsq": lambda xp, a, b, *_, **__: (xp.linalg.pinv(a) @ b, None, None, None),
    "aten.linalg_householder_product": householder_product,
    "aten.linalg_pinv": lambda xp, a, **_named: xp.linalg.pinv(a),
}
"""By ATen's name of an operation: what it computes."""
