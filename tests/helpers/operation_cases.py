"""For each operation of the table, operands inside its domain and the same function in mpmath."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from gradproof.reference.compositions.windows import Sliding
from gradproof.reference.numbers import Integers, Mask


@dataclass(frozen=True)
class Case:
    """An operation, operands inside its domain, and the same function in mpmath."""

    operation: str
    operands: tuple[Any, ...]
    function: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    label: str = ""


def each(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of mpmath numbers, on arrays."""
    return np.frompyfunc(function, 1, 1)


STEP = mpf(10) ** -25  # central differences then err by about 1e-50

ANY = np.array([[-2.5, -0.75, 0.3], [1.2, 3.5, -1.0]])
POSITIVE = np.array([[2.5, 0.75, 0.3], [1.2, 3.5, 0.01]])
BROKEN = np.array([[-2.6, -0.7, 0.3], [1.8, 0.2, -0.4]])
OTHER = np.array([[0.5, -1.75, 2.25], [-0.2, 1.5, 4.0]])
ROW = np.array([0.5, -1.5, 2.0])
STACK = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4)
STACK_2 = np.linspace(1.9, -0.7, 24).reshape(2, 4, 3)
CONDITION = np.array([[True, False, True], [False, False, True]])
TARGETS = np.array([[0, 3, 0], [1, 0, 3]])
POSITIONS = np.array([[0, 5], [5, 2]])
SIGNAL, SIGNALS = np.linspace(-1.3, 2.1, 6).reshape(2, 1, 3), np.linspace(2.1, -1.3, 10).reshape(1, 2, 5)
KERNEL = np.array([[[1.9, -0.7, 0.4]], [[0.3, 1.1, -1.6]]])
SLIDES = tuple(Sliding(window=3, stride=stride, before=1, behind=1) for stride in (1, 2))
PLACES = np.array([[2, 0], [1, 1]])


def softmax(x: Any) -> Any:
    weights = each(mpmath.exp)(x)
    return weights / weights.sum(axis=-1, keepdims=True)


def variance(x: Any, correction: int, axis: int = -1) -> Any:
    deviations = x - x.sum(axis=axis, keepdims=True) / x.shape[axis]
    return (deviations**2).sum(axis=axis) / (x.shape[axis] - correction)


def euclidean(x: Any, axis: int = -1, **options: Any) -> Any:
    return each(mpmath.sqrt)((x * x).sum(axis=axis, **options))


# -------------------------------------------------------------------- functions of matrices

REGULAR = np.array([[2.0, -0.5, 1.0], [0.25, 1.5, -1.0], [0.5, 1.0, 3.0]])
REGULAR_2 = np.array([[1.0, 0.5, -0.25], [-0.75, 2.0, 0.5], [1.5, -0.5, 1.25]])
DEFINITE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.5], [0.5, -0.5, 2.0]])
TALL = np.array([[1.5, -0.5], [0.25, 1.0], [-1.0, 2.0]])
WIDE = TALL.T + np.array([[0.5], [-0.25]])


def _stacked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of matrices of mpmath on stacks of object arrays."""

    def on_stacks(*operands: Any) -> Any:
        if operands[0].ndim > 2:
            return np.array([on_stacks(*each) for each in zip(*operands, strict=True)])
        return np.asarray(function(*(mp.matrix(x.tolist()) for x in operands)), dtype=object)

    return on_stacks


def _array(matrix: Any) -> Any:
    return np.array(matrix.tolist(), dtype=object)


def _row(values: Any) -> Any:
    return np.array([[*values]], dtype=object)


def _with_lapacks_signs(columns: Any, theirs: Any) -> Any:
    """Columns of unit vectors, turned to the side of those that NumPy gives."""
    return columns * np.where((columns.astype(float) * theirs).sum(axis=0) < 0, -1, 1)


def _floats(matrix: Any) -> Any:
    return _array(matrix).astype(float)


def _symmetric(matrix: Any) -> Any:
    return (matrix + matrix.T) / 2


def _eigen(matrix: Any) -> Any:
    values, vectors = mp.eigsy(_symmetric(matrix))
    theirs = np.linalg.eigh(_floats(_symmetric(matrix))).eigenvectors
    return np.concatenate([_row(values), _with_lapacks_signs(_array(vectors), theirs)])


def _singular(matrix: Any) -> Any:
    u, values, vh = mp.svd_r(matrix, full_matrices=False)
    theirs = np.linalg.svd(_floats(matrix), full_matrices=False)
    columns = np.concatenate([_array(u), _array(vh).T])
    columns = _with_lapacks_signs(columns, np.concatenate([theirs.U, theirs.Vh.T]))
    return np.concatenate([columns[: matrix.rows], _row(values), columns[matrix.rows :]])


def _orthogonal_triangular(matrix: Any) -> Any:
    """By Gram and Schmidt, in another way than mpmath's and ours."""
    columns: list[Any] = []
    whole = _array(matrix)
    for column in whole.T[: matrix.rows]:
        rest = column
        for other in columns:
            rest = rest - other * (other * column).sum()
        columns.append(rest / mp.sqrt((rest * rest).sum()))
    q = _with_lapacks_signs(np.array(columns).T, np.linalg.qr(whole.astype(float)).Q)
    return np.concatenate([q, whole.T @ q])


def _eliminated(matrix: Any) -> Any:
    """By the minors that the factors are quotients of, in another way than ours."""
    n = matrix.rows
    both = np.empty((n, n), dtype=object)
    for i, j in np.ndindex(n, n):
        k = min(i, j)
        minor = mp.det(mp.matrix([[matrix[r, c] for c in (*range(k), j)] for r in (*range(k), i)]))
        leading = k + (j < i)
        both[i, j] = minor / (mp.det(matrix[:leading, :leading]) if leading else 1)
    return both


def _determinant(a: Any) -> Any:
    """Of three rows, without a division: Sarrus."""
    products = [a[0, i] * a[1, (i + s) % 3] * a[2, (i + 2 * s) % 3] * s for i in range(3) for s in (1, -1)]
    return np.asarray(sum(products), dtype=object)


def _pseudoinverse(matrix: Any) -> Any:
    if matrix.rows < matrix.cols:
        return _pseudoinverse(matrix.T).T
    return _array(mp.inverse(matrix.T * matrix) * matrix.T)


def _sign_and_log(matrix: Any) -> Any:
    value = mp.det(matrix)
    return [mp.sign(value), mp.log(abs(value))]


MATRIX_CASES = [
    Case("inv", (REGULAR,), _stacked(lambda a: _array(mp.inverse(a)))),
    Case("inv", (np.stack([REGULAR, DEFINITE]),), _stacked(lambda a: _array(mp.inverse(a))), label="stack"),
    Case("solution", (REGULAR, REGULAR_2), _stacked(lambda a, b: _array(mp.inverse(a) * b))),
    Case("solution", (REGULAR, TALL), _stacked(lambda a, b: _array(mp.inverse(a) * b)), label="columns"),
    Case("det", (REGULAR,), _stacked(mp.det)),
    Case("det", (np.arange(1.0, 10.0).reshape(3, 3),), _determinant, label="singular"),
    Case("sign_and_log_determinant", (REGULAR[::-1],), _stacked(_sign_and_log)),
    Case("cholesky_factor", (DEFINITE,), _stacked(lambda a: _array(mp.cholesky(_symmetric(a))))),
    Case("elimination", (REGULAR,), _stacked(_eliminated)),
    Case("symmetric_eigen", (DEFINITE,), _stacked(_eigen)),
    Case("eigvalsh", (DEFINITE,), _stacked(lambda a: _eigen(a)[0])),
    Case("singular_decomposition", (REGULAR,), _stacked(_singular)),
    Case("singular_decomposition", (TALL,), _stacked(_singular), label="tall"),
    Case("singular_decomposition", (WIDE,), _stacked(_singular), label="wide"),
    Case("svdvals", (WIDE,), _stacked(lambda a: _singular(a)[a.rows])),
    Case("orthogonal_triangular", (WIDE,), _stacked(_orthogonal_triangular)),
    Case("orthogonal_triangular", (TALL,), _stacked(_orthogonal_triangular), label="tall"),
    Case("orthogonal_triangular", (REGULAR,), _stacked(_orthogonal_triangular), label="square"),
    Case("pseudoinverse", (TALL,), _stacked(_pseudoinverse)),
    Case("pseudoinverse", (WIDE,), _stacked(_pseudoinverse), label="wide"),
    Case("pseudoinverse", (REGULAR,), _stacked(_pseudoinverse), label="square"),
]


def gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)))


def erfinv(x: Any) -> Any:
    """By Newton's method from mpmath's own, which is of fewer digits where they are many."""
    return mpmath.findroot(lambda y: mpmath.erf(y) - x, mpmath.erfinv(x))


prelu = np.frompyfunc(lambda x, slope: x if x > 0 else slope * x, 2, 1)


def convolved(x: Any, w: Any, stride: int) -> Any:
    """With a zero before and behind, in as many groups as there are channels for one."""
    padded = np.concatenate([0 * x[..., :1], x, 0 * x[..., :1]], axis=-1)
    outputs, of_group, window = w.shape
    in_group = outputs // (x.shape[1] // of_group)
    y = np.zeros((len(x), outputs, (padded.shape[-1] - window) // stride + 1), dtype=object)
    for n, o, p, c, k in np.ndindex(*y.shape, of_group, window):
        y[n, o, p] += w[o, c, k] * padded[n, o // in_group * of_group + c, p * stride + k]
    return y


def scattered(x: Any) -> Any:
    result = np.zeros(4, dtype=object)
    np.add.at(result, TARGETS.ravel(), np.ravel(x))
    return result.reshape(2, 2)


def standardized(x: Any, axes: tuple[int, ...]) -> Any:
    count = np.prod([x.shape[axis] for axis in axes])
    deviations = x - x.sum(axis=axes, keepdims=True) / count
    squares = (deviations**2).sum(axis=axes, keepdims=True) / count
    return deviations / each(mpmath.sqrt)(squares + mpf(0.25))


ELU = {"alpha": 1.0, "scale": 1.0, "input_scale": 1.0}
LAST = {"axes": (-1,), "keepdims": False}
KEPT = {"axes": (-2,), "keepdims": True}
ALL = {"axes": (-2, -1), "keepdims": False}

CASES = [
    Case("add", (ANY, ROW), lambda a, b: a + b),
    Case("subtract", (ROW, ANY), lambda a, b: a - b),
    Case("multiply", (ANY, OTHER), lambda a, b: a * b),
    Case("multiply", (ANY, ROW[:1]), lambda a, b: a * b, label="stretched"),
    Case("divide", (ANY, OTHER), lambda a, b: a / b),
    Case("negative", (ANY,), lambda x: -x),
    Case("square", (ANY,), lambda x: x * x),
    Case("integer_power", (ANY,), lambda x: x * x * x, {"exponent": 3}),
    Case("integer_power", (ANY,), lambda x: 1 / (x * x), {"exponent": -2}, "negative"),
    Case("integer_power", (ANY,), lambda x: x * 0 + 1, {"exponent": 0}, "zero"),
    Case("pow", (POSITIVE, OTHER), lambda a, b: each(mpmath.exp)(b * each(mpmath.log)(a))),
    Case("exp", (ANY,), each(mpmath.exp)),
    Case("expm1", (ANY,), each(mpmath.expm1)),
    Case("log", (POSITIVE,), each(mpmath.log)),
    Case("log1p", (POSITIVE - 0.9,), each(mpmath.log1p)),
    Case("sqrt", (POSITIVE,), each(mpmath.sqrt)),
    Case("sin", (ANY,), each(mpmath.sin)),
    Case("cos", (ANY,), each(mpmath.cos)),
    Case("tanh", (ANY,), each(mpmath.tanh)),
    Case("atan", (ANY,), each(mpmath.atan)),
    Case("tan", (ANY,), each(mpmath.tan)),
    Case("asin", (ANY / 4,), each(mpmath.asin)),
    Case("acos", (ANY / 4,), each(mpmath.acos)),
    Case("sinh", (ANY,), each(mpmath.sinh)),
    Case("cosh", (ANY,), each(mpmath.cosh)),
    Case("asinh", (ANY,), each(mpmath.asinh)),
    Case("acosh", (POSITIVE + 1,), each(mpmath.acosh)),
    Case("atanh", (ANY / 4,), each(mpmath.atanh)),
    Case("atan2", (ANY, OTHER), np.frompyfunc(mpmath.atan2, 2, 1)),
    Case("hypot", (ANY, OTHER), np.frompyfunc(mpmath.hypot, 2, 1)),
    Case("log2", (POSITIVE,), each(lambda x: mpmath.log(x) / mpmath.log(2))),
    Case("log10", (POSITIVE,), each(lambda x: mpmath.log(x) / mpmath.log(10))),
    Case("logaddexp", (ANY, OTHER), lambda a, b: each(mpmath.log)(each(mpmath.exp)(a) + each(mpmath.exp)(b))),
    Case("copysign", (ANY, OTHER), np.frompyfunc(lambda a, b: abs(a) * mpmath.sign(b), 2, 1)),
    Case("sinc", (ANY,), each(mpmath.sincpi)),
    Case("abs", (ANY,), each(abs)),
    Case("sign", (ANY,), each(mpmath.sign)),
    Case("floor", (BROKEN,), each(mpmath.floor)),
    Case("ceil", (BROKEN,), each(mpmath.ceil)),
    Case("trunc", (BROKEN,), each(lambda x: mpf(int(x)))),
    Case("trunc", (np.array([0.0, 0.25]),), each(lambda x: mpf(int(x))), label="zero"),
    Case("round", (BROKEN,), each(mpmath.nint)),
    Case("floor_divide", (ANY + 0.1, OTHER), np.frompyfunc(lambda a, b: mpmath.floor(a / b), 2, 1)),
    Case("remainder", (ANY + 0.1, OTHER), np.frompyfunc(lambda a, b: a - b * mpmath.floor(a / b), 2, 1)),
    Case("maximum", (ANY, OTHER), np.frompyfunc(max, 2, 1)),
    Case("minimum", (ANY, OTHER), np.frompyfunc(min, 2, 1)),
    Case("clip", (ANY, ROW - 1, ROW + 1), np.frompyfunc(lambda x, a, b: min(max(x, a), b), 3, 1)),
    Case("clip", (ANY, np.array(1.0), np.array(-1.0)), lambda x, _, b: 0 * x + b, label="crossed"),
    Case(
        "where",
        (ANY, ROW),
        lambda a, b: np.where(CONDITION, a, b),
        {"condition": Mask.lift(CONDITION)},
    ),
    Case("sum", (ANY,), lambda x: x.sum(axis=-1), LAST),
    Case("sum", (ANY,), lambda x: x.sum(axis=-2, keepdims=True), KEPT, "kept"),
    Case("mean", (ANY,), lambda x: x.sum() / 6, ALL),
    Case("mean", (ANY,), lambda x: x.sum(axis=-2, keepdims=True) / 2, KEPT, "kept"),
    Case("prod", (ANY,), lambda x: x.prod(axis=-1), LAST),
    Case("prod", (ANY,), lambda x: x.prod(axis=-2, keepdims=True), KEPT, "kept"),
    Case("prod", (STACK,), lambda x: x.prod(axis=(0, 2)), {"axes": (-3, -1), "keepdims": False}, "axes"),
    Case("prod", (ANY,), lambda x: x, {"axes": (), "keepdims": False}, "no axes"),
    Case("max", (ANY,), lambda x: x.max(axis=-1), LAST),
    Case("max", (ANY,), lambda x: x.max(axis=-2, keepdims=True), KEPT, "kept"),
    Case("min", (ANY,), lambda x: x.min(), ALL),
    Case("var", (ANY,), lambda x: variance(x, 1), LAST | {"correction": 1}),
    Case("std", (ANY,), lambda x: each(mpmath.sqrt)(variance(x, 0)), LAST | {"correction": 0}),
    Case("cumulative_sum", (ANY,), lambda x: np.cumsum(x, axis=-1), {"axis": -1}),
    Case(
        "cumulative_sum",
        (ANY,),
        lambda x: np.concatenate([0 * x[:, :1], np.cumsum(x, axis=-1)], axis=-1),
        {"axis": -1, "include_initial": True},
        "initial",
    ),
    Case("euclidean_norm", (ANY,), euclidean, LAST),
    Case("euclidean_norm", (ANY,), lambda x: euclidean(x, axis=-2, keepdims=True), KEPT, "kept"),
    Case("cumulative_prod", (ANY,), lambda x: np.cumprod(x, axis=-1), {"axis": -1}),
    Case(
        "cumulative_prod",
        (np.array([[0.5, 0.0, 2.0], [1.5, -1.0, 0.0]]),),
        lambda x: np.concatenate([0 * x[:1] + 1, np.cumprod(x, axis=0)], axis=0),
        {"axis": -2, "include_initial": True},
        "initial, with zeros",
    ),
    Case("sort", (BROKEN,), lambda x: np.sort(x, axis=-1), {"axis": -1}),
    Case("sort", (STACK[:, ::-1],), lambda x: np.sort(x, axis=0), {"axis": -3}, "axis"),
    Case(
        "choose",
        (ANY,),
        lambda x: np.take_along_axis(x, PLACES, axis=-1),
        {"places": Integers.lift(PLACES)},
    ),
    Case(
        "choose",
        (STACK,),
        lambda x: x[..., [3, 3]],
        {"places": Integers.lift([-1, 3])},
        "broadcast",
    ),
    Case("matmul", (STACK, STACK_2), lambda a, b: a @ b),
    Case("matmul", (STACK, STACK_2[0]), lambda a, b: a @ b, label="stack-matrix"),
    Case("matmul", (STACK[0], STACK_2), lambda a, b: a @ b, label="matrix-stack"),
    Case("matmul", (STACK, STACK_2[0, :, 0]), lambda a, b: a @ b, label="stack-vector"),
    Case("matmul", (STACK[0, 0], STACK_2), lambda a, b: a @ b, label="vector-stack"),
    Case("matmul", (STACK[0, 0], STACK_2[0]), lambda a, b: a @ b, label="vector-matrix"),
    Case("matmul", (ROW, ROW + 1), lambda a, b: np.asarray(a @ b), label="vector-vector"),
    Case("vecdot", (ANY, ROW), lambda a, b: (a * b).sum(axis=-1)),
    Case("vecdot", (ANY, OTHER), lambda a, b: (a * b).sum(axis=-2), {"axis": -2}, "axis"),
    Case("outer", (ROW, ANY[0]), np.multiply.outer),
    *MATRIX_CASES,
    Case("reshape", (ANY,), lambda x: x.reshape(3, 2), {"shape": (3, -1)}),
    Case("permute_dims", (STACK,), lambda x: x.transpose(2, 0, 1), {"axes": (-1, -3, -2)}),
    Case("matrix_transpose", (STACK,), lambda x: x.swapaxes(-1, -2)),
    Case("broadcast_to", (ROW,), lambda x: np.broadcast_to(x, (2, 3)), {"shape": (2, 3)}),
    Case("expand_dims", (ANY,), lambda x: x[:, None], {"axis": -2}),
    Case("squeeze", (ANY[:, None],), lambda x: x[:, 0], {"axes": (-2,)}),
    Case("flip", (ANY,), lambda x: x[::-1, ::-1], {"axes": (-2, -1)}),
    Case("concat", (ANY, OTHER, ANY + 1), lambda *xs: np.concatenate(xs, axis=-1), {"axis": -1}),
    Case(
        "concat",
        (ANY, ROW),
        lambda *xs: np.concatenate([x.reshape(-1) for x in xs]),
        {"axis": None},
        "flat",
    ),
    Case("gather", (ANY,), lambda x: x.reshape(-1)[POSITIONS], {"positions": POSITIONS}),
    Case("astype", (ANY,), lambda x: x, {"dtype": "float64"}),
    Case("sigmoid", (ANY,), lambda x: 1 / (1 + each(mpmath.exp)(-x))),
    Case("relu", (ANY,), lambda x: np.where(ANY > 0, x, 0 * x)),
    Case("softplus", (ANY,), lambda x: each(mpmath.log)(1 + each(mpmath.exp)(x))),
    Case("gelu", (ANY,), lambda x: x * each(mpmath.ncdf)(x)),
    Case("gelu_tanh", (ANY,), each(gelu_tanh)),
    Case("silu", (ANY,), lambda x: x / (1 + each(mpmath.exp)(-x))),
    Case("xlogy", (OTHER, POSITIVE), lambda x, p: x * each(mpmath.log)(p)),
    Case("elu", (ANY,), each(lambda x: x if x > 0 else mpmath.expm1(x)), ELU),
    Case(
        "elu",
        (ANY,),
        each(lambda x: mpf(1.25) * x if x > 0 else mpf(1.875) * mpmath.expm1(x / 2)),
        {"alpha": 1.5, "scale": 1.25, "input_scale": 0.5},
        "scaled",
    ),
    Case("leaky_relu", (ANY,), each(lambda x: x if x > 0 else x / 8), {"negative_slope": 0.125}),
    Case("prelu", (ANY, OTHER), prelu),
    Case("prelu", (ANY, ROW), prelu, label="stretched"),
    Case("softsign", (ANY,), each(lambda x: x / (1 + abs(x)))),
    Case("tanhshrink", (ANY,), each(lambda x: x - mpmath.tanh(x))),
    Case("convolution", (SIGNAL, KERNEL), partial(convolved, stride=1), {"slides": SLIDES[:1], "groups": 1}),
    Case(
        "convolution",
        (SIGNALS, KERNEL),
        partial(convolved, stride=2),
        {"slides": SLIDES[1:], "groups": 2},
        "in groups and strides",
    ),
    Case("scatter_add", (ANY,), scattered, {"positions": TARGETS, "shape": (2, 2)}),
    Case(
        "logcumsumexp",
        (ANY,),
        lambda x: each(mpmath.log)(np.cumsum(each(mpmath.exp)(x), axis=-1)),
        {"axes": (-1,)},
    ),
    Case("standardize", (STACK[0],), lambda x: standardized(x, (-1,)), {"axes": (-1,), "epsilon": 0.25}),
    Case(
        "standardize",
        (STACK,),
        lambda x: standardized(x, (0, 2)),
        {"axes": (-3, -1), "epsilon": 0.25},
        "two axes",
    ),
    Case("xlog1py", (OTHER, POSITIVE - 0.9), lambda x, p: x * each(mpmath.log1p)(p)),
    Case("erf", (ANY,), each(mpmath.erf)),
    Case("erfc", (ANY,), each(mpmath.erfc)),
    Case("erfcx", (ANY,), each(lambda x: mpmath.exp(x * x) * mpmath.erfc(x))),
    Case("erfinv", (ANY / 4,), each(erfinv)),
    Case("ndtr", (ANY,), each(mpmath.ncdf)),
    Case("ndtri", (ANY / 8 + 0.5,), each(lambda p: mpmath.sqrt(2) * erfinv(2 * p - 1))),
    Case("log_ndtr", (ANY,), each(lambda x: mpmath.log(mpmath.ncdf(x)))),
    Case("gammaln", (BROKEN,), each(lambda x: mpmath.log(abs(mpmath.gamma(x))))),
    Case("digamma", (BROKEN,), each(mpmath.digamma)),
    Case("polygamma", (BROKEN,), each(lambda x: mpmath.psi(2, x)), {"n": 2}),
    Case("polygamma", (BROKEN,), each(mpmath.digamma), {"n": 0}, "order 0"),
    Case("zeta", (POSITIVE,), each(lambda q: mpmath.zeta(2.5, q)), {"s": 2.5}),
    Case("zeta", (BROKEN,), each(lambda q: mpmath.zeta(3, q)), {"s": 3}, "left of 0"),
    Case("gammainc", (POSITIVE,), each(lambda x: mpmath.gammainc(2.5, 0, x, regularized=True)), {"a": 2.5}),
    Case("gammaincc", (POSITIVE,), each(lambda x: mpmath.gammainc(0.5, x, regularized=True)), {"a": 0.5}),
    Case("i0", (ANY,), each(lambda x: mpmath.besseli(0, x))),
    Case("i1", (ANY,), each(lambda x: mpmath.besseli(1, x))),
    Case("i1", (np.array([0.0, 0.75]),), each(lambda x: mpmath.besseli(1, x)), label="zero"),
    Case("i0e", (ANY,), each(lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(0, x))),
    Case("i1e", (ANY / 4,), each(lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x))),
    Case(
        "binary_cross_entropy_with_logits",
        (ANY, POSITIVE),
        lambda x, t: each(mpmath.log)(1 + each(mpmath.exp)(x)) - t * x,
    ),
    Case("logsumexp", (ANY,), lambda x: each(mpmath.log)(each(mpmath.exp)(x).sum(axis=-1)), LAST),
    Case("softmax", (ANY,), softmax, {"axes": (-1,)}),
    Case("log_softmax", (ANY,), lambda x: each(mpmath.log)(softmax(x)), {"axes": (-1,)}),
]


def name_of(case: Case) -> str:
    return f"{case.operation}-{case.label}" if case.label else case.operation


def exact(values: Any) -> Any:
    return np.frompyfunc(mpf, 1, 1)(np.asarray(values, dtype=float)[...]) + mpf(0)


def weights_for(shape: tuple[int, ...]) -> Any:
    """Weights of the results in the loss, all different and exact in float64."""
    return (np.arange(1, 1 + np.prod(shape, dtype=int)) / 8 - 0.4375).reshape(shape)


def expected(case: Case, step: Any = STEP) -> tuple[Any, list[Any]]:
    """The weighted sum of the results, and its gradient for each operand, by central differences."""

    def loss(operands: list[Any]) -> Any:
        result = np.asarray(case.function(*operands), dtype=object)
        return np.sum(result * exact(weights_for(result.shape)))

    operands = [np.asarray(exact(x), dtype=object) for x in case.operands]
    gradients = []
    for position, operand in enumerate(operands):
        gradient = np.empty(operand.shape, dtype=object)
        for place in np.ndindex(operand.shape):
            ends = []
            for sign in (1, -1):
                moved = operand.copy()
                moved[place] += sign * step
                ends.append(loss([*operands[:position], moved, *operands[position + 1 :]]))
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(gradient)
    return loss(operands), gradients
