"""Eigenvalues and eigenvectors of symmetric matrices, singular values and vectors, Q R, pseudoinverse.

What has several results has them as rows of one array, one above the other. All work on the last two axes of
stacks. <A, B> is the sum of the products of two matrices' entries, so that <A, B C> = <B' A, C> = <A C', B>.

The vectors are not unique: the sign of each is free, and of values that are equal also which basis of their
space they are. The signs are LAPACK's. A loss has a gradient only if it is the same whichever they are.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

import numpy as np

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, one

_GILES = (
    "Giles, Collected matrix derivative results for forward and reverse mode algorithmic "
    "differentiation (2008), section 3"
)
_WALTER = "Walter and Lehmann, Algorithmic differentiation of linear algebra functions (2018), section 4"
_GOLUB = "Golub and Pereyra, SIAM Journal on Numerical Analysis 10 (1973), equation 4.12"


def _diagonal(n: int) -> Mask:
    return Mask.lift(np.eye(n, dtype=bool))


def _over(x: Array, y: Array) -> Array:
    """Quotients, and 0 where x is exactly 0: what a loss does not use may be anywhere."""
    used = ~x.equals(0).certain()
    return (x / y.select(used, 1)).select(used, 0)


def _with_diagonal(x: Array, diagonal: Array) -> Array:
    """A square matrix with another diagonal, given as a row."""
    return x.select(~_diagonal(x.shape[-1]), diagonal)


def _off_diagonal(x: Array) -> Array:
    return x.select(~_diagonal(x.shape[-1]), 0)


def _beside(x: Array, u: Array) -> Array:
    """(1 - U U') X, exactly 0 where U is square."""
    return x * 0 if u.shape[-2] == u.shape[-1] else x - u @ (u.mT @ x)


def _ties(values: Array) -> Mask:
    """Where neighbours in a row of ordered values are equal."""
    n = values.shape[-1]
    return values.part(-1, 1, n).equals(values.part(-1, 0, max(n - 1, 0)))


def _at_equal_or_zero(values: Array) -> Mask:
    return _ties(values).somewhere((-1,)) | values.equals(0).somewhere((-1,))


# -------------------------------------------------------------------- symmetric matrices


def _eigen(x: Array) -> tuple[Array, Array]:
    both = x.matrix_function("symmetric eigen")
    return both.part(-2, 0, 1), both.part(-2, 1, both.shape[-2])


def _of_symmetric(slope: Array) -> Array:
    return (slope + slope.mT) / 2


def _slope_of_eigen(g: Array, y: Array) -> Array:
    # A V = V diag(w), V' V = 1. With C = V' dA V:  dw_i = C_ii  and  dV = V (F o C),
    # F_ij = 1 / (w_j - w_i) beside the diagonal and 0 on it; o multiplies entry by entry.
    # <g_w, dw> + <G, dV> = <diag(g_w) + F o V' G, C>:  dL/dA = V (diag(g_w) + F o V' G) V'
    w, v, inner = _eigen_parts(g, y)
    return _of_symmetric(v @ _with_diagonal(_over(_off_diagonal(inner), w - w.mT), g.part(-2, 0, 1)) @ v.mT)


def _slope_of_eigen_as_written(g: Array, y: Array) -> Array:
    # The same with F_ii = 1 / (1 + w_i - w_i) - 1 on the diagonal, which programs have there that write F as
    # 1 / (I + w_j - w_i) - I.
    w, v, inner = _eigen_parts(g, y)
    slope = _over(_off_diagonal(inner), w - w.mT)
    rounded = (inner * (1 / (1 + w - w) - 1)).select(_diagonal(y.shape[-1]), 0).sum((-2,), keepdims=True)
    return _of_symmetric(v @ _with_diagonal(slope, g.part(-2, 0, 1) + rounded) @ v.mT)


def _eigen_parts(g: Array, y: Array) -> tuple[Array, Array, Array]:
    n = y.shape[-1]
    w, v = y.part(-2, 0, 1), y.part(-2, 1, n + 1)
    return w, v, v.mT @ g.part(-2, 1, n + 1)


def _slope_of_eigenvalues(g: Array, x: Array) -> Array:
    _, v = _eigen(x)
    return _of_symmetric((v * g.expand_dims(-2)) @ v.mT)


EIGEN = Operation(
    name="symmetric_eigen",
    summary="The eigenvalues of each symmetric matrix in a row, ascending, above the eigenvectors.",
    traits=Trait.MATRICES | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.matrix_function("symmetric eigen"),
    derivatives=(lambda g, y, x: _slope_of_eigen_as_written(g, y),),
    accurate=Accurate(
        derivatives=(lambda g, y, x: _slope_of_eigen(g, y),),
        loses="1 + w - w",
        keeps="0 on the diagonal of F",
        source=f"{_GILES}.1",
    ),
    domain="symmetric matrices with different eigenvalues; of others the symmetric part is taken",
    kinks="equal eigenvalues: their eigenvectors have no derivative",
    at_kink=lambda x: _ties(_eigen(x)[0]),
    source=f"{_GILES}.1",
)

EIGENVALUES = Operation(
    name="eigvalsh",
    summary="The eigenvalues of each symmetric matrix, in ascending order.",
    traits=Trait.MATRICES,
    signature=one,
    forward=lambda x: _eigen(x)[0].squeeze([-2]),
    # dw_i = v_i' dA v_i:  dL/dA = V diag(g) V'
    derivatives=(lambda g, y, x: _slope_of_eigenvalues(g, x),),
    domain="symmetric matrices; of others the symmetric part is taken",
    kinks="equal eigenvalues: v v' of any unit vector v of their space",
    at_kink=lambda x: _ties(_eigen(x)[0]),
    source=f"{_GILES}.1",
)


# -------------------------------------------------------------------- singular values


def _singular(x: Array, both: Array) -> tuple[Array, Array, Array]:
    n, rows = x.shape[-2], both.shape[-2]
    return both.part(-2, 0, n), both.part(-2, n, n + 1), both.part(-2, n + 1, rows)


def _slope_of_singular(g: Array, y: Array, x: Array) -> Array:
    # A = U S V', S = diag(s). With P = U' dA V:  ds_i = P_ii,
    # dU = U (F o (P S + S P')) + (1 - U U') dA V S^-1,  F_ij = 1 / (s_j^2 - s_i^2) beside the diagonal,
    # dV = V (F o (S P + P' S)) + (1 - V V') dA' U S^-1.
    # F is antisymmetric: with X = F o U' G_U and Z = F o V' G_V,
    # <G_U, dU> + <G_V, dV> = <(X + X') S + S (Z + Z'), P>
    #                       + <(1 - U U') G_U S^-1 V' + U S^-1 G_V' (1 - V V'), dA>
    (u, s, v), (gu, gs, gv) = _singular(x, y), _singular(x, g)
    squares = (s - s.mT) * (s + s.mT)
    of_u, of_v = u.mT @ gu, v.mT @ gv
    of_u, of_v = (_over(_off_diagonal(each - each.mT), squares) for each in (of_u, of_v))
    inner = _with_diagonal(of_u * s + s.mT * of_v, gs)
    beside_u, beside_v = _over(_beside(gu, u), s), _over(_beside(gv, v), s)
    return u @ inner @ v.mT + beside_u @ v.mT + u @ beside_v.mT


def _slope_of_singular_values(g: Array, x: Array) -> Array:
    u, _, v = _singular(x, x.matrix_function("singular"))
    return (u * g.expand_dims(-2)) @ v.mT


def _singular_values(x: Array) -> Array:
    return _singular(x, x.matrix_function("singular"))[1]


SINGULAR = Operation(
    name="singular_decomposition",
    summary="U, the singular values in a row, descending, and V of each matrix U diag(s) V'.",
    traits=Trait.MATRICES | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.matrix_function("singular"),
    derivatives=(_slope_of_singular,),
    domain="matrices of full rank with different singular values",
    kinks="equal singular values, or one that is 0: their vectors have no derivative",
    at_kink=lambda x: _at_equal_or_zero(_singular_values(x)),
    source=f"{_GILES}.2, and {_WALTER}",
)

SINGULAR_VALUES = Operation(
    name="svdvals",
    summary="The singular values of each matrix, in descending order.",
    traits=Trait.MATRICES,
    signature=one,
    forward=lambda x: _singular_values(x).squeeze([-2]),
    # ds_i = u_i' dA v_i:  dL/dA = U diag(g) V'
    derivatives=(lambda g, y, x: _slope_of_singular_values(g, x),),
    domain="all matrices",
    kinks="equal singular values, or one that is 0: u v' of any pair of vectors of their spaces",
    at_kink=lambda x: _at_equal_or_zero(_singular_values(x)),
    source=f"{_GILES}.2",
)


# -------------------------------------------------------------------- Q R, and the pseudoinverse


def _symmetric_of_lower(x: Array) -> Array:
    """The symmetric matrix with the lower triangle of another."""
    n = x.shape[-1]
    lower = Mask.lift(np.tri(n, dtype=bool))
    return x.select(lower, x.mT)


def _slope_of_square_part(gq: Array, gr: Array, q: Array, r: Array) -> Array:
    # A = Q R:  with dA R^-1 = dQ + Q dR R^-1, where Q' dQ is antisymmetric and dR R^-1 an upper triangle,
    # dL/dA = (G_Q + Q sym(M)) R^-T,  M = R G_R' - G_Q' Q,  sym(M) having the lower triangle of M
    m = r @ gr.mT - gq.mT @ q
    return r.matrix_function("solution", (gq + q @ _symmetric_of_lower(m)).mT).mT


def _slope_of_orthogonal_triangular(g: Array, y: Array, x: Array) -> Array:
    # of a wide A = [X, Y], R = [R_X, R_Y]:  X = Q R_X and R_Y = Q' Y, so that Y has Q G_Y, and Q also Y G_Y'
    n, rows = x.shape[-2], y.shape[-2]
    k = min(n, x.shape[-1])
    q, r = y.part(-2, 0, n), y.part(-2, n, n + k).mT
    gq, gr = g.part(-2, 0, n), g.part(-2, n, n + k).mT
    if rows == n + k:
        return _slope_of_square_part(gq, gr, q, r)
    of_rest = g.part(-2, n + k, rows)
    rest = x.part(-1, k, x.shape[-1])
    square = _slope_of_square_part(gq + rest @ of_rest, gr, q, r)
    return square.concatenated([q @ of_rest.mT], -1)


ORTHOGONAL_TRIANGULAR = Operation(
    name="orthogonal_triangular",
    summary="Q with orthonormal columns above the transpose of the upper triangle R of each matrix Q R.",
    traits=Trait.MATRICES | Trait.READS_RESULT,
    forward=lambda x: x.matrix_function("orthogonal triangular"),
    derivatives=(_slope_of_orthogonal_triangular,),
    domain="matrices of full rank",
    source=_WALTER,
)


def _slope_of_pseudoinverse(g: Array, y: Array, x: Array) -> Array:
    # dY = -Y dX Y + Y Y' dX' (1 - X Y) + (1 - Y X) dX' Y' Y:
    # dL/dX = -Y' G Y' + (1 - X Y) G' Y Y' + Y' Y G' (1 - Y X)
    slope = -(y.mT @ g @ y.mT)
    n, m = x.shape[-2:]
    if n > m:
        of_columns = g.mT @ (y @ y.mT)
        slope = slope + (of_columns - x @ (y @ of_columns))
    if n < m:
        of_rows = (y.mT @ y) @ g.mT
        slope = slope + (of_rows - (of_rows @ y) @ x)
    return slope


PSEUDOINVERSE = Operation(
    name="pseudoinverse",
    summary="The Moore-Penrose inverse of each matrix.",
    traits=Trait.MATRICES | Trait.READS_RESULT,
    forward=lambda x: x.matrix_function("pseudoinverse"),
    derivatives=(_slope_of_pseudoinverse,),
    domain="matrices of full rank",
    source=_GOLUB,
)
