"""`xp.nn` on NumPy against mpmath, at ordinary and at extreme arguments."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mpmath import mp, mpf
from nn_calls import CALLS, SPECIAL

from gradproof.reference.numpy_namespace import NumpyNamespace

DIGITS = 400  # e^-745 has to be seen beside 1
EPSILON = np.finfo(np.float64).eps
SMALLEST = np.finfo(np.float64).smallest_subnormal
nn = NumpyNamespace().nn

ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "relu": lambda x: max(x, mpf(0)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": mpmath.ncdf,  # times x, below
}

ordinary = st.floats(-30, 30)
extreme = st.sampled_from(
    [sign * size for size in (0.0, 5e-324, 1e-300, 37.0, 709.0, 710.0, 745.0, 746.0, 1e4) for sign in (1, -1)]
)


def exactly(name: str, x: float) -> Any:
    with mp.workdps(DIGITS):
        exact = ELEMENTWISE[name](mpf(x))
        return mpf(x) * exact if name == "gelu" else exact


def conditioning(name: str, x: float) -> float:
    """How many times over the relative error of rounded inner results shows in the result.

    Where e^-|x| or erfc(|x|) is the result, an error of u in its argument is one of |x| u (or x² u).
    """
    return 1 + (x * x if name == "gelu" else abs(x))


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(x=st.one_of(ordinary, extreme))
def test_function_is_exact_to_rounding_and_overflows_nowhere(name: str, x: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        value = getattr(nn, name)(np.array(x))
    exact = exactly(name, x)
    # A subnormal sigmoid is rounded to a multiple of the smallest number, and silu is x times that.
    limit = 8 * EPSILON * conditioning(name, x) * abs(exact) + (4 + abs(x)) * SMALLEST
    assert abs(mpf(float(value)) - exact) <= limit


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_function_stays_finite_at_the_largest_numbers(name: str) -> None:
    largest = np.finfo(np.float64).max
    with np.errstate(all="raise", under="ignore"):
        low, high = getattr(nn, name)(np.array([-largest, largest]))
    assert low == 0
    assert high == (1 if name == "sigmoid" else largest)


@given(x=st.one_of(ordinary, st.sampled_from([-1e200, 1e200])))
def test_the_tanh_approximation_of_gelu(x: float) -> None:
    """Hendrycks and Gimpel, "Gaussian Error Linear Units", equation 2."""
    with np.errstate(all="raise", under="ignore"):
        value = nn.gelu(np.array(x), approximate="tanh")
    with mp.workdps(DIGITS):
        inner = mpmath.sqrt(2 / mp.pi) * (mpf(x) + mpf("0.044715") * mpf(x) ** 3)
        exact = mpf(x) / 2 * (1 + mpmath.tanh(inner))
    # 1 + tanh cancels for negative x, as in the formula itself: an ulp of 1, times x.
    assert abs(mpf(float(value)) - exact) <= 8 * EPSILON * abs(x) + 4 * SMALLEST


def matrices(elements: Any) -> Any:
    shapes = st.tuples(st.integers(1, 4), st.integers(1, 4))
    return shapes.flatmap(lambda shape: arrays.arrays(np.float64, shape, elements=elements))


def softmax_parts(row: Any) -> tuple[list[Any], Any]:
    """Each e^x, and ln Σ e^x."""
    powers = [mpmath.exp(mpf(float(x))) for x in row]
    return powers, mpmath.log(mpmath.fsum(powers))


# As far apart as 1e4, and as far from 0 as 1e8.
spread_out = st.one_of(st.floats(-30, 30), st.sampled_from([-1e4, -745.0, 700.0, 1e4]))
offsets = st.sampled_from([0.0, 1e3, -1e3, 1e8, -1e8])


@given(x=matrices(spread_out), offset=offsets, axis=st.sampled_from([0, 1, -1]))
def test_softmax_and_its_logarithm_are_exact_to_rounding(x: Any, offset: float, axis: int) -> None:
    """The exact value is that of the rounded sum x + offset; only differences of its entries count."""
    x = x + offset
    with np.errstate(all="raise", under="ignore"):
        probabilities, logarithms = nn.softmax(x, axis=axis), nn.log_softmax(x, axis=axis)
        sums, kept = nn.logsumexp(x, axis=axis), nn.logsumexp(x, axis=axis, keepdims=True)
    assert probabilities.shape == logarithms.shape == x.shape
    assert np.array_equal(np.expand_dims(sums, axis), kept)
    columns = (np.moveaxis(array, axis, -1) for array in (x, probabilities, logarithms, kept))
    for row, probability, logarithm, total in zip(*columns, strict=True):
        with mp.workdps(DIGITS):
            # Shifted in exact arithmetic: e^1e8 has too many digits.
            powers, log_sum = softmax_parts([mpf(float(entry)) - mpf(float(row.max())) for entry in row])
            exact_sum = log_sum + mpf(float(row.max()))
            for entry, p, log_p, power in zip(row, probability, logarithm, powers, strict=True):
                depth = float(row.max() - entry)
                exact = power / mpmath.exp(log_sum)
                exact_log = mpf(float(entry)) - exact_sum
                assert abs(mpf(float(p)) - exact) <= 16 * EPSILON * (1 + depth) * exact + 4 * SMALLEST
                assert abs(mpf(float(log_p)) - exact_log) <= 16 * EPSILON * (1 + depth)
            assert abs(mpf(float(total[0])) - exact_sum) <= 8 * EPSILON * (1 + abs(exact_sum))


probabilities = st.floats(1e-300, 1 - 2**-53)
targets = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, allow_subnormal=False))


@given(p=probabilities, y=targets)
def test_binary_cross_entropy_of_one_probability(p: float, y: float) -> None:
    with mp.workdps(DIGITS):
        exact = -(mpf(y) * mpmath.log(mpf(p)) + (1 - mpf(y)) * mpmath.log(1 - mpf(p)))
    with np.errstate(all="raise", under="ignore"):
        value = nn.binary_cross_entropy(np.array([p]), np.array([y]), reduction="none")
    assert abs(mpf(float(value[0])) - exact) <= 8 * EPSILON * abs(exact) + 4 * SMALLEST


@pytest.mark.parametrize(
    ("p", "y", "value"), [(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, np.inf), (1.0, 0.0, np.inf)]
)
def test_binary_cross_entropy_at_its_ends_counts_nothing_as_nothing(p: float, y: float, value: float) -> None:
    """0 · ln 0 = 0, and no clamp hides an infinite loss."""
    assert nn.binary_cross_entropy(np.array([p]), np.array([y])) == value


@given(z=st.one_of(ordinary, extreme), y=targets)
def test_binary_cross_entropy_with_logits_is_that_of_the_sigmoid(z: float, y: float) -> None:
    with mp.workdps(DIGITS):
        exact = mpmath.log1p(mpmath.exp(mpf(z))) - mpf(y) * mpf(z)
    with np.errstate(all="raise", under="ignore"):
        value = nn.binary_cross_entropy_with_logits(np.array([z]), np.array([y]), reduction="none")
    # For y strictly between 0 and 1, z - y z is rounded like its terms; for 0 and 1 nothing cancels.
    scale = abs(exact) * (1 + abs(z)) if y in {0, 1} else abs(exact) + abs(z) + 1
    assert abs(mpf(float(value[0])) - exact) <= 8 * EPSILON * scale + 4 * SMALLEST


LOGITS = np.array([[[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], [[700.0, -700.0, 0.0], [1e8, 1e8 - 1, 1e8 + 1]]])
CLASSES = np.array([[2, 0], [1, 1]])


def exact_cross_entropy(weights: Any) -> Any:
    terms = np.empty(LOGITS.shape[:-1], dtype=object)
    with mp.workdps(DIGITS):
        for place in np.ndindex(terms.shape):
            largest = mpf(float(LOGITS[place].max()))
            row = [mpf(float(z)) - largest for z in LOGITS[place]]
            _, log_sum = softmax_parts(row)
            terms[place] = mpmath.fsum(
                mpf(float(w)) * (log_sum - z) for w, z in zip(weights[place], row, strict=True)
            )
    return terms


@pytest.mark.parametrize("kind", ["integers", "narrow integers", "probabilities"])
def test_cross_entropy(kind: str) -> None:
    one_hot = np.eye(3)[CLASSES]
    weights = 0.9 * one_hot + 0.1 / 3 if kind == "probabilities" else one_hot
    given_as = {"integers": CLASSES, "narrow integers": CLASSES.astype(np.int8), "probabilities": weights}[
        kind
    ]
    exact = exact_cross_entropy(weights)
    terms = nn.cross_entropy(LOGITS, given_as, reduction="none")
    assert terms.shape == (2, 2)
    for value, truth in zip(terms.ravel(), exact.ravel(), strict=True):
        # The row whose target lies 1400 below the largest logit rounds by an ulp of 1400.
        assert abs(mpf(float(value)) - truth) <= 8 * EPSILON * (1 + abs(truth))
    total = mpmath.fsum(exact.ravel())
    for reduction, truth in (("sum", total), ("mean", total / 4)):
        value = nn.cross_entropy(LOGITS, given_as, reduction=reduction)
        assert value.shape == ()
        assert abs(mpf(float(value)) - truth) <= 16 * EPSILON * abs(truth)
    assert nn.cross_entropy(LOGITS, given_as) == nn.cross_entropy(LOGITS, given_as, reduction="mean")


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_reductions_sum_or_average_all_entries(name: str, reduction: str) -> None:
    x, y = np.array([[0.25, 0.5], [0.75, 0.125]]), np.array([[0.0, 1.0], [0.5, 1.0]])
    single = np.array(
        [[float(getattr(nn, name)(x[i, j], y[i, j], reduction="sum")) for j in (0, 1)] for i in (0, 1)]
    )
    expected = {"none": single, "sum": single.sum(), "mean": single.sum() / 4}[reduction]
    value = getattr(nn, name)(x, y, reduction=reduction)
    assert np.shape(value) == np.shape(expected)
    assert np.all(np.abs(value - expected) <= 4 * EPSILON * single.sum())


@pytest.mark.parametrize("call", CALLS | SPECIAL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_the_argument_is_kept(call: str, dtype: str) -> None:
    name, operands, options = (CALLS | SPECIAL)[call]
    own = [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in operands]
    namespace = NumpyNamespace.special if call in SPECIAL else nn
    assert getattr(namespace, name)(*own, **options).dtype == dtype


def test_every_other_name_is_numpys_own() -> None:
    assert NumpyNamespace().matmul is np.matmul
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = NumpyNamespace().no_such_function
