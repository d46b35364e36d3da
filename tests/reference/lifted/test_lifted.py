"""Plain NumPy code on certified balls: the same numbers as on floats, and a notice where it is not proven."""

import gc
import math

import flint
import mpmath
import numpy as np
import pytest
import scipy.special
from scipy.special import expit, logsumexp

from gradproof.reference.lifted import LiftedArray, lift, run_lifted, to_arbs
from gradproof.reference.lifted.exchanges import _math_functions
from gradproof.reference.numbers.elementary import ELEMENTARY, OF_TWO

SNIPPETS = {}


def snippet(function):
    SNIPPETS[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def arrays():
    r = np.random.default_rng(0)
    x = r.normal(size=(4, 3))
    return {
        "x": x,
        "v": r.normal(size=3),
        "p": r.uniform(0.1, 0.9, size=(4, 3)),
        "s": x.T @ x + np.eye(3),
        "t": r.normal(size=(2, 4, 3)),
    }


@snippet
def sinc_at_zero_and_beside(x, v, p, s, t):
    return np.sinc(np.concatenate([v, np.zeros(1), 1e-3 * v]))


@snippet
def loops_into_zeros(x, v, p, s, t):
    out = np.zeros(3)
    for i in range(len(x)):
        for j in range(3):
            out[j] += x[i, j] * v[j]
    return out


@snippet
def python_math(x, v, p, s, t):
    return np.array([math.exp(e) + math.tanh(e) + math.sqrt(e * e) + math.erf(e) + math.log(2, 3) for e in v])


@snippet
def scipy_special(x, v, p, s, t):
    shifted = logsumexp(x, axis=1, keepdims=True) + scipy.special.log_softmax(x, axis=-1)
    return expit(x) + scipy.special.xlogy(p, p) + shifted + scipy.special.softmax(x, axis=1)


@snippet
def variances(x, v, p, s, t):
    return x.var(0) + np.var(x, axis=0, ddof=1) + x.std(0) + np.std(x, axis=0) + x.var(axis=0, ddof=1)


@snippet
def linear_algebra(x, v, p, s, t):
    norms = np.linalg.norm(x) + np.linalg.norm(x, axis=1).sum() + np.linalg.norm(v, 1)
    determinants = np.linalg.det(s) + np.linalg.slogdet(s)[1]
    return np.linalg.inv(s) + np.linalg.solve(s, np.eye(3)) + norms + determinants + np.linalg.cholesky(s)


@snippet
def decompositions(x, v, p, s, t):
    values, vectors = np.linalg.eigh(s + s.T)
    u, sizes, vh = np.linalg.svd(x, full_matrices=False)
    q, r = np.linalg.qr(s)
    whole = vectors @ np.diag(values) @ vectors.T + q @ r + np.linalg.eigvalsh(s + s.T)
    return whole + np.sum((u * sizes) @ vh) + np.linalg.svdvals(s) + np.sum(np.linalg.pinv(x))


@snippet
def where_with_python_numbers(x, v, p, s, t):
    return np.where(x > 0, x, 0) + np.where(x > 0, 0, 0.5 * x) + np.where(x > 0, 1, 0) * x


@snippet
def changes_in_place(x, v, p, s, t):
    d = x.copy()
    d[d < 0] = 0
    d *= 2
    d -= d.mean(0)
    d /= 3
    d[0] = 1.5
    d[:, 1] += v[1]
    return d


@snippet
def maxima(x, v, p, s, t):
    clipped = np.clip(x, -0.5, 0.5) + x.clip(-1, 1) + np.minimum(x, 0.2)
    return np.maximum(x, 0) + clipped + x.max(1, keepdims=True) + np.max(x) + x.min() + np.amax(x, axis=0)


@snippet
def functions_that_objects_lack(x, v, p, s, t):
    tests = np.isfinite(x) * x + np.isnan(x) + np.heaviside(x, 0.5) + np.nan_to_num(x)
    return np.logaddexp(0, x) + np.logaddexp(x, x[0]) + np.log1p(np.exp(-abs(x))) + np.sign(x) + tests


@snippet
def products(x, v, p, s, t):
    squares = np.outer(v, v) + np.dot(x.T, x) + x.T.dot(x) + np.inner(x.T, x.T) + np.multiply.outer(v, v)
    return squares + np.kron(v, v).reshape(3, 3) + np.vdot(v, v) + np.trace(s) + np.diag(v) - np.diag(s)


@snippet
def stacks_of_matrices(x, v, p, s, t):
    return (t @ np.swapaxes(t, 1, 2)) + (t.transpose(0, 2, 1).swapaxes(1, 2) @ x.T) + np.matmul(t, x.T)


@snippet
def einsum_and_tensordot(x, v, p, s, t):
    return np.einsum("bij,ij->j", t, x) + np.tensordot(t, x, ([1, 2], [0, 1])).sum()


@snippet
def stacking_with_floats(x, v, p, s, t):
    joined = np.concatenate([x, np.ones((1, 3))])[:4] + np.vstack([x[:3], v]) + np.hstack([x, x])[:, :3]
    return joined + np.tile(v, (4, 1)) + np.pad(x, 1)[1:-1, 1:-1] + np.roll(x, 1, axis=0)


@snippet
def indices(x, v, p, s, t):
    g = np.zeros_like(x)
    np.add.at(g, np.array([0, 0, 1]), x[:3])
    g[[2, 3]] += v
    g[np.arange(3), np.array([1, 0, 1])] -= 1
    g[np.arange(4), x.argmax(axis=1)] *= 2
    return g


@snippet
def jacobian_of_softmax(x, v, p, s, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    rows = e / e.sum(axis=1, keepdims=True)
    return np.einsum("nij,nj->ni", np.array([np.diag(q) - np.outer(q, q) for q in rows]), x)


@snippet
def powers(x, v, p, s, t):
    return x**2 + x**3 + p**0.5 + p**-1 + p**1.5 + 2**p + np.power(p, 2.0) + x**-2.0 + 1 / p


@snippet
def branches_on_numbers(x, v, p, s, t):
    total = 0.0
    for row in x:
        for e in row:
            if e > 0:
                total += e
            elif abs(e) > 1:
                total -= e**2
    return max(total, 0) * np.ones(2) + min(v) + sum(v)


@snippet
def vectorize(x, v, p, s, t):
    return np.vectorize(lambda e: e * e if e > 0 else -e)(x)


@snippet
def results_into_given_arrays(x, v, p, s, t):
    out = np.empty_like(x)
    np.multiply(x, 2, out=out)
    return out + np.divide(x, p, out=np.zeros_like(x), where=x > 0)


@snippet
def casts_between_floats(x, v, p, s, t):
    mask = (x > 0).astype(x.dtype)
    return x.astype(float) * mask + np.asarray(x) + np.array(x, dtype=float) + np.float64(2) * x


@snippet
def scalars_do_not_alias(x, v, p, s, t):
    a = x.sum()
    b = a
    b += 1
    c = x[0, 0]
    c *= 2
    return np.array([a, b, c, x[0, 0]])


@snippet
def formats(x, v, p, s, t):
    return x * len(f"{x[0, 0]:.3f} {x.sum():.2e}")


@pytest.mark.parametrize("name", SNIPPETS)
def test_code_gives_what_it_gives_on_floats_and_proven(arrays, name):
    function = SNIPPETS[name]
    expected = function(**{key: array.copy() for key, array in arrays.items()})
    run = run_lifted(function, tuple(arrays.values()), 192)
    assert run.error == ""
    assert run.certified, run.reason
    assert isinstance(run.result, LiftedArray)
    assert run.result.shape == np.shape(expected)
    balls = to_arbs(run.result).ravel()
    # The float result is within rounding of the ball, which is many digits narrower.
    assert np.allclose([float(ball) for ball in balls], np.ravel(expected), rtol=1e-12, atol=1e-13)
    assert max(float(ball.rad()) for ball in balls) < 1e-40


_MPMATH = {
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "log_expit": lambda x: -mpmath.log(1 + mpmath.exp(-x)),
    "ndtr": mpmath.ncdf,
    "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)),
    "ndtri": lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
    "i0e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(0, x),
    "i1e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x),
    "exprel": lambda x: mpmath.expm1(x) / x,
    "entr": lambda x: -x * mpmath.log(x),
    "gammaln": mpmath.loggamma,
    "lgamma": mpmath.loggamma,
    "loggamma": mpmath.loggamma,
    "psi": mpmath.digamma,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "i0": lambda x: mpmath.besseli(0, x),
    "i1": lambda x: mpmath.besseli(1, x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "fabs": abs,
    "trunc": lambda x: mpmath.mpf(int(x)),
    "rint": mpmath.nint,
    "round": mpmath.nint,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "sinc": mpmath.sincpi,
    "rad2deg": mpmath.degrees,
    "deg2rad": mpmath.radians,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
}


@pytest.mark.parametrize("name", ELEMENTARY)
def test_functions_hold_the_exact_value(name):
    values = [1.25, 3.0] if name in {"acosh", "arccosh"} else [0.375, 0.8125]
    with mpmath.workdps(60):
        function = _MPMATH.get(name) or getattr(mpmath, name)
        exact = [mpmath.mpf(function(mpmath.mpf(value))) for value in values]
        run = run_lifted(lambda x: [getattr(entry.item(), name)() for entry in x], (lift(values),), 192)
        for ball, true in zip(run.result, exact, strict=True):
            middle, radius = mpmath.mpf(ball.arb.mid().str(60, radius=False)), float(ball.arb.rad())
            assert abs(middle - true) <= radius + mpmath.mpf(10) ** -52 * max(1, abs(true))
            assert radius < 1e-40


@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_numbers_are_those_of_numpy_and_scipy(name):
    function = getattr(np, name, None) or getattr(scipy.special, name)
    x, y = np.array([0.375, 2.0, 0.8]), np.array([0.25, 0.5, 0.8])
    result = run_lifted(function, (lift(x), lift(y)), 192).result
    assert np.allclose([float(ball) for ball in to_arbs(result)], function(x, y), rtol=1e-14)


# -------------------------------------------------------------------- what is not proven is noted


def local_numpy_zeros(x):
    import numpy as hidden  # noqa: ICN001 - a name that only this function has

    out = hidden.zeros(2)
    out[:] = x / 3
    return out


def float_of_a_number(x):
    return x * float(x[0] / 3)


def into_a_float_array_of_others(x):
    store = STORE.copy()
    store += x / 3
    return store


STORE = np.zeros(2)


@pytest.mark.parametrize(
    ("function", "line"),
    [(local_numpy_zeros, 4), (float_of_a_number, 1), (into_a_float_array_of_others, 2)],
)
def test_a_cast_to_float_is_noted_with_its_line(function, line):
    run = run_lifted(function, (lift([1.0, 2.0]),), 192)
    assert not run.certified
    (place,) = run.notes.casts
    assert place.file == __file__
    assert place.line == function.__code__.co_firstlineno + line
    assert "rounded to a float" in run.reason


def test_a_cast_that_loses_nothing_is_no_cast():
    assert not run_lifted(float_of_a_number, (lift([1.0, 2.0]),), 192).certified
    assert run_lifted(float_of_a_number, (lift([3.0, 2.0]),), 192).certified
    assert run_lifted(lambda x: x * float(x[0]), (lift([3.0, 2.0]),), 192).certified


def compares_equal_numbers(x):
    third = x / 3
    return np.where(third + third + third == x, x, 0)


def test_a_comparison_that_the_balls_do_not_decide_is_noted_with_its_line():
    run = run_lifted(compares_equal_numbers, (lift([1.0, 2.0]),), 192)
    assert not run.certified
    (place,) = run.notes.comparisons
    assert place.line == compares_equal_numbers.__code__.co_firstlineno + 2
    assert "not decided" in run.reason


def test_comparisons_of_exact_numbers_are_decided():
    run = run_lifted(lambda x: (x == 1.0) * x + (x > 1) * x + (x - x == 0), (lift([1.0, 2.0]),), 192)
    assert run.certified


def test_a_maximum_of_overlapping_balls_holds_both():
    def function(x):
        third = x / 3
        return np.maximum(third + third + third, x)

    run = run_lifted(function, (lift([1.0]),), 192)
    assert run.certified
    assert to_arbs(run.result)[0].contains(1)


def test_numbers_at_poles_are_those_of_numpy():
    def function(x):
        safe = np.where(x > 0, np.log(x), 0)
        return safe + np.nan_to_num(1 / x, posinf=2.0) + np.isinf(np.log(x)) + np.exp(-1 / x**2)

    run = run_lifted(function, (lift([0.0, 1.0]),), 192)
    assert run.certified
    assert [float(ball) for ball in to_arbs(run.result)] == pytest.approx([3.0, 1.0 + math.exp(-1)])


def test_an_exception_of_the_code_is_told_with_its_line():
    def function(x):
        return np.fft.fft(x)

    run = run_lifted(function, (lift([1.0, 2.0]),), 192)
    assert run.result is None
    assert f"{__file__.rpartition('/')[2]}:{function.__code__.co_firstlineno + 1}" in run.reason


def test_numpy_is_as_it_was_afterwards():
    before = dict(globals())
    run_lifted(loops_into_zeros, tuple(np.ones((4, 3)) for _ in "xvpst"), 192)
    assert dict(globals()) == before
    assert type(np.zeros(2)) is np.ndarray

    def raises(x):
        raise ValueError(np.zeros(1))

    run_lifted(raises, (lift([1.0]),), 192)
    assert globals()["np"] is before["np"]


def test_constants_stand_for_all_numbers_near_them_in_a_widened_run():
    plain = to_arbs(run_lifted(lambda x: x * 0.1, (lift([1.0]),), 192).result)[0]
    wide = to_arbs(run_lifted(lambda x: x * 0.1, (lift([1.0]),), 192, share=2.0**-51).result)[0]
    with flint.ctx.workprec(192):
        tenth = flint.arb(1) / 10
    assert not plain.overlaps(tenth)
    assert wide.overlaps(tenth)
    half = to_arbs(run_lifted(lambda x: x * 0.5, (lift([1.0]),), 192, share=2.0**-51).result)[0]
    assert half.is_exact()
    given = to_arbs(run_lifted(lambda x: x, (np.array([0.1]),), 192, share=2.0**-51).result)[0]
    assert given.is_exact()
    assert given == 0.1


@pytest.mark.parametrize("name", sorted(_math_functions()))
def test_functions_of_math_are_those_of_the_table(name):
    args = ([1.5, 0.25],) if name == "fsum" else (1.5, 0.25) if name in OF_TWO else (1.5,)
    args = (0.375,) if name in {"acos", "asin", "atanh"} else args

    def function(*numbers):
        return getattr(math, name)(*numbers)

    expected = getattr(math, name)(*args)
    run = run_lifted(function, tuple(lift(arg) for arg in args), 192)
    assert run.certified, run.reason
    if isinstance(expected, bool | int):
        assert run.result == expected
        assert type(run.result) is type(expected)
    else:
        assert float(to_arbs(run.result).item()) == pytest.approx(expected, rel=1e-14)
        assert float(to_arbs(run.result).item().rad()) < 1e-40
    assert function(*args) == expected


IDIOMS = {
    "equal": lambda h: h == h.max(1, keepdims=True),
    "not less": lambda h: ~(h < np.amax(h, 1, keepdims=True)),
    "at least": lambda h: h >= np.max(h, axis=1)[:, None],
    "not other": lambda h: np.logical_not(h != h.max(axis=1)[:, np.newaxis]),
    "the least": lambda h: h == h.min(1, keepdims=True),
}


@pytest.mark.parametrize("name", IDIOMS)
def test_a_number_that_a_maximum_gives_back_is_itself(name):
    values = np.random.default_rng(3).normal(size=(4, 5))
    run = run_lifted(lambda x: IDIOMS[name](np.tanh(x)) * np.exp(x), (values,), 192)
    assert run.certified
    expected = IDIOMS[name](values) * np.exp(values)
    np.testing.assert_allclose(to_arbs(run.result).astype(float), expected, rtol=1e-15)


def test_two_computations_of_one_number_are_not_told_to_be_equal():
    run = run_lifted(lambda x: np.where(np.tanh(x) == np.tanh(x), x, 0 * x), (np.array([0.3]),), 192)
    assert not run.certified
    run = run_lifted(lambda x: np.where(x / x - x / x == x * 0, 1.0, 2.0), (np.array([0.0]),), 192)
    assert to_arbs(run.result).astype(float).tolist() == [2.0]  # NaN is not itself


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("function", [lambda x: x * gc.isenabled(), lambda x: x["no such key"]])
def test_nothing_is_collected_during_a_run_and_afterwards_all_is_as_before(function, collecting):
    try:
        (gc.enable if collecting else gc.disable)()
        run = run_lifted(function, (np.array([2.0]),), 192)
        assert gc.isenabled() is collecting
    finally:
        gc.enable()
    assert run.error or to_arbs(run.result)[0] == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint64", "bool"])
def test_numbers_of_every_dtype_are_lifted_as_what_they_are(dtype):
    values = np.array([0, 1, 100]).astype(dtype)
    with flint.ctx.workprec(192):
        lifted = to_arbs(lift(values))
    assert [ball.is_exact() and float(ball) for ball in lifted] == values.astype(float).tolist()
    third = np.array([1 / 3]).astype(dtype)
    assert to_arbs(lift(third))[0] == flint.arb(float(third[0]))
