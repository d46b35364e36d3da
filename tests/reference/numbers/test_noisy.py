"""Stochastic arithmetic against rounding errors known by analysis, and against real float32."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradproof.errors import InputError
from gradproof.reference.numbers import Noisy, NoisyNumbers, Plain
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.repeats import repeats_in_product
from gradproof.reference.tape import differentiate

U32 = 2.0**-24
RNG = np.random.default_rng(2)


def numbers(values: Any, **settings: Any) -> NoisyNumbers:
    settings = {"samples": 400} | settings
    return Noisy(**settings).lift(np.asarray(values, dtype=np.float64)[np.newaxis])


def spread(result: NoisyNumbers, centre: Any) -> Any:
    return result.spread(np.asarray(centre)[np.newaxis])[0]


def within_factor_3(measured: float, analytic: float) -> bool:
    return analytic / 3 <= measured <= analytic * 3


@pytest.mark.parametrize(
    "name", ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
)
def test_a_product_of_two_has_one_rounding(name: str) -> None:
    x = numbers(1.1, dtype=name) * numbers(1.3, dtype=name)
    # uniform in ±u: a root mean square of u/√3, relative to the product
    analytic = FORMATS[name].unit_roundoff / np.sqrt(3) * 1.43
    assert within_factor_3(float(spread(x, 1.1 * 1.3)), analytic)


@pytest.mark.parametrize("n", [10, 1000, 100_000])
@pytest.mark.parametrize("different", [1, 2, 5])
def test_a_sum_of_repeated_terms_errs_like_the_sequential_sum(n: int, different: int) -> None:
    """Adding the same term to partial sums of one binade errs alike each time: as n, and not as √n."""
    errors, spreads = [], []
    for _ in range(60):
        terms = np.tile(RNG.uniform(0.5, 1, different).astype(np.float32), n // different)
        exact = terms.sum(dtype=np.float64)
        errors.append(np.cumsum(terms, dtype=np.float32)[-1] - exact)
        spreads.append(float(spread(numbers(terms).sum((-1,)), exact)))
    ratio = np.mean(spreads) / np.sqrt(np.mean(np.square(errors)))
    assert 1 < ratio < 5  # an upper bound: the binades' errors are independent


@pytest.mark.parametrize("n", [10, 1000, 100_000])
def test_a_sum_of_different_terms_errs_like_the_sequential_sum(n: int) -> None:
    terms = RNG.uniform(0.6, 0.8, n)
    total = numbers(terms, samples=50).sum((-1,))
    # Σ (k x)² for k = 2, ..., n is about x² n³/3
    analytic = U32 / np.sqrt(3) * 0.7 * np.sqrt(n**3 / 3)
    assert within_factor_3(float(spread(total, terms.sum())), analytic)


@pytest.mark.parametrize("repeats", [1, 16, 256])
def test_a_product_with_repeated_terms_errs_as_its_sum(repeats: int) -> None:
    x, y = RNG.normal(size=(1, 8)), RNG.normal(size=(8, 1))
    long = numbers(np.tile(x, repeats)) @ numbers(np.tile(y, (repeats, 1)))
    short = spread(numbers(x) @ numbers(y), x @ y)
    # n = 8 r terms: √n from the number, √r from the repeats, and each total is r or √r times as large.
    ratio = float((spread(long, repeats * (x @ y)) / short)[0, 0])
    assert repeats**1.5 / 4 <= ratio <= 4 * repeats**2


@pytest.mark.parametrize("of_x", [False, True], ids=["x differs", "x repeats"])
@pytest.mark.parametrize("of_y", [False, True], ids=["y differs", "y repeats"])
def test_terms_of_a_product_are_repeated_where_both_factors_are(of_x: bool, of_y: bool) -> None:
    x, y = RNG.normal(size=(1, 1, 3, 4)), RNG.normal(size=(1, 1, 4, 5))
    twice = np.arange(8) % 4
    x = x[..., twice] if of_x else RNG.normal(size=(1, 1, 3, 8))
    y = y[..., twice, :] if of_y else RNG.normal(size=(1, 1, 8, 5))
    assert repeats_in_product(x, y).squeeze() == (2.0 if of_x and of_y else 1.0)


def test_terms_that_are_zero_do_not_count_as_repeated() -> None:
    x, y = RNG.normal(size=(3, 40)), RNG.normal(size=(40, 5))
    thinned = np.where(np.arange(40) % 2, x, 0.0)
    full = spread(numbers(x[:, 1::2]) @ numbers(y[1::2]), x[:, 1::2] @ y[1::2]).mean()
    assert spread(numbers(thinned) @ numbers(y), thinned @ y).mean() < 3 * full


def test_equal_operands_are_rounded_alike_and_others_are_not() -> None:
    kind = Noisy(samples=100)
    with kind.context():
        x = kind.lift(np.array([[0.3, 0.3, 0.4]]))
        once, again = (x * 0.7).data, (x * 0.7).data
        saturated = kind.lift(np.array([[100.0, 100.0, 101.0]])).function("tanh").data
    first, second, other = np.moveaxis(once, -1, 0)
    assert np.all(first == second)
    assert not np.any(np.isclose(first / 0.3, other / 0.4, rtol=1e-12, atol=0))
    assert not np.any(once == again)
    # Results that are equal by rounding alone, here 1, are not rounded alike.
    assert np.all(saturated[..., 0] == saturated[..., 1])
    assert not np.any(saturated[..., 0] == saturated[..., 2])


def test_a_sum_of_random_signs_errs_like_the_sequential_sum() -> None:
    terms = RNG.normal(size=1000)
    total = numbers(terms).sum((-1,))
    analytic = U32 / np.sqrt(3) * np.sqrt(1000 * 1000 / 2)
    assert within_factor_3(float(spread(total, terms.sum())), analytic)


def test_cancellation_keeps_the_noise_of_the_large_terms() -> None:
    terms = [1e8, 1.0, -1e8]
    analytic = U32 / np.sqrt(3) * 1e8  # of the one large partial sum; the last one is small
    assert within_factor_3(float(spread(numbers(terms).sum((-1,)), 1.0)), analytic)
    stepwise = numbers(1e8) + numbers(1.0) - numbers(1e8)
    assert within_factor_3(float(spread(stepwise, 1.0)), analytic)


def test_a_matrix_product_errs_like_a_sum_of_products() -> None:
    a, b = RNG.random((5, 300)), RNG.random((300, 4))
    product = numbers(a, samples=50) @ numbers(b, samples=50)
    partial = np.cumsum(a[:, :, np.newaxis] * b, axis=1)
    analytic = U32 / np.sqrt(3) * np.sqrt((partial**2).sum(axis=1))
    measured = spread(product, a @ b)
    assert within_factor_3(float(measured.mean()), float(analytic.mean()))


def test_running_sums_gather_the_noise_of_those_before() -> None:
    sums = numbers(np.full(1000, 0.75)).cumulative_sum(-1)
    analytic = U32 / np.sqrt(3) * 0.75 * np.sqrt(np.cumsum(np.arange(1, 1001.0) ** 2))
    ratio = spread(sums, 0.75 * np.arange(1, 1001)) / analytic
    assert ratio[0] == 0
    assert np.all((ratio[1:] > 1 / 3) & (ratio[1:] < 3))


@pytest.mark.parametrize(
    "exact",
    [
        lambda x: -x,
        lambda x: x * 0.5,
        lambda x: x / 4,
        lambda x: x * 0,
        lambda x: x.reshape((3, 1)).mT,
        lambda x: x.maximum(1.0),
        lambda x: x.sum(()),
    ],
)
def test_what_does_not_round_has_no_noise(exact: Any) -> None:
    values = np.array([1.5, -2.25, 3.0])
    result = exact(numbers(values))
    assert np.ptp(result.values(), axis=0).max() == 0


def test_constants_that_the_format_lacks_are_perturbed_and_others_are_not() -> None:
    kind = Noisy(samples=50)
    assert np.ptp(kind.constant(0.1).values()) > 0
    assert np.ptp(kind.constant(0.25).values()) == 0
    assert np.ptp(kind.lift(np.array([0.1])).values()) == 0


def test_short_formats_accumulate_in_float32() -> None:
    a = np.full((1, 1000), 0.75)
    short = spread(numbers(a, dtype="bfloat16") @ numbers(a.T, dtype="bfloat16"), a @ a.T)
    slow = numbers(a, dtype="bfloat16", accumulation="bfloat16")
    assert short[0, 0] <= 2**-8 * (a @ a.T)[0, 0]
    assert spread(slow @ numbers(a.T, dtype="bfloat16"), a @ a.T)[0, 0] > 3 * short[0, 0]


def test_tf32_rounds_the_factors_of_products_alone() -> None:
    a = RNG.random((4, 50)).astype(np.float32).astype(float)
    coarse, fine = numbers(a, product="tf32"), numbers(a)
    truth = a @ a.T
    assert spread(coarse @ coarse.mT, truth).mean() > 100 * spread(fine @ fine.mT, truth).mean()
    assert spread(coarse + coarse, 2 * a).mean() < 2 * U32 * a.mean() * 2


def test_overflow_is_infinite() -> None:
    assert np.all(np.isinf((numbers(3e38) * 2).values()))
    assert np.all(np.isinf((numbers(6e4, dtype="float16") + 1e4).values()))
    assert np.all(np.isfinite((numbers(3e38, dtype="float64") * 2).values()))


def test_underflow_may_keep_or_lose_a_number() -> None:
    product = numbers(1e-20) * numbers(3e-20)  # 3e-40 is a subnormal number of float32
    assert 0.2 < np.mean(product.values() == 0) < 0.8
    lost = numbers(1e-30) * numbers(1e-30)
    assert 0 < spread(lost, 1e-60) < 3 * 2.0**-149
    assert spread(numbers(-1000.0, dtype="float64").function("exp"), 0.0) > 0


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "tf32"])
def test_a_format_rounds_as_ml_dtypes_does(name: str) -> None:
    """From float32 numbers: from float64 ml_dtypes rounds twice."""
    chosen, dtype = FORMATS[name], np.dtype(getattr(ml_dtypes, name, None) or name)
    edges = [chosen.greatest, chosen.greatest * (1 + chosen.unit_roundoff / 2), chosen.smallest_subnormal / 2]
    edges += [0.75 * chosen.smallest_subnormal, 0.99 * chosen.smallest_normal, np.inf, np.nan, 0.0]
    values = RNG.normal(size=5000) * 10.0 ** RNG.uniform(-12, 4, 5000)
    with np.errstate(all="ignore"):
        values = np.array([*values, *edges, *np.negative(edges)]).astype(np.float32).astype(float)
        expected = values.astype(dtype).astype(float)
    rounded = chosen.rounded(values)
    np.testing.assert_array_equal(rounded, expected)
    assert np.all(chosen.holds(rounded) | np.isnan(rounded))
    finite = np.isfinite(rounded)
    error = np.abs(rounded[finite] - values[finite])
    assert np.all(error <= chosen.spacing(values)[finite] / 2)


def test_a_format_rounds_once() -> None:
    """By way of float32, 1 + 2^-8 + 2^-30 goes to the middle of two bfloat16 numbers, and then down."""
    above = np.array([1 + 2.0**-8 + 2.0**-30, 1 + 2.0**-4 + 2.0**-40])
    assert FORMATS["bfloat16"].rounded(above)[0] == 1 + 2.0**-7
    assert FORMATS["float8_e4m3fn"].rounded(above)[1] == 1 + 2.0**-3


def test_a_format_without_infinity_overflows_to_nan() -> None:
    assert np.all(np.isnan((numbers(300.0, dtype="float8_e4m3fn") * 2).values()))
    assert np.all(np.isinf((numbers(50000.0, dtype="float8_e5m2") * 2).values()))


def test_rounding_of_formats() -> None:
    values = np.array([1 + 2.0**-9, 1 + 3 * 2.0**-9, -1e-40, np.inf, np.nan])
    expected = [1.0, 1 + 2.0**-7, FORMATS["float32"].rounded(values)[2], np.inf, np.nan]
    rounded = FORMATS["bfloat16"].rounded(values)
    np.testing.assert_allclose(rounded, expected, rtol=1e-2, atol=1e-40)
    assert rounded[:2].tolist() == expected[:2]


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_a_step_and_the_step_of_the_negation_share(at_zero: float) -> None:
    """The law of Numbers.step, also where the noise decides the branch."""
    x = (numbers(1.0) + 1e-7) - 1
    assert np.all(x.step(at_zero).data + (-x).step(1 - at_zero).data == 1)
    assert 0.1 < x.step(at_zero).data.mean() < 0.8


def test_a_branch_that_rounding_may_decide_is_sampled_on_both_sides() -> None:
    near = (numbers(1.0) + 1e-7) - 1
    share = np.mean((near > 0).true)
    assert 0.1 < share < 0.8
    far = (numbers(1.0) + 0.5) - 1
    assert np.all((far > 0).true)


@pytest.mark.parametrize("seed", range(40))
def test_half_of_the_samples_are_on_each_side_whatever_is_drawn(seed: int) -> None:
    kind = Noisy("float32", samples=8, seed=seed)
    with kind.context():
        near = (kind.lift(np.full((1, 5), 1.0)) + 1e-7) - 1
        assert np.all(np.sum((near > 0).true, axis=0) == 4)
        assert np.all(np.sum(near.step(0.0).data, axis=0) == 4)


@pytest.mark.parametrize("samples", [8, 100])
@pytest.mark.parametrize("candidates", [2, 3, 5, 30])
def test_near_ties_of_a_maximum_take_turns(candidates: int, samples: int) -> None:
    kind = Noisy("float32", samples=samples)
    with kind.context():
        x = kind.lift(np.array([[1.0] * candidates + [0.3]])) * 0.7
        shares = x.shares((-1,)).values()
    np.testing.assert_allclose(shares.sum(axis=-1), 1)
    assert np.all(shares[..., -1] == 0)
    turns = shares[..., :-1].sum(axis=0)
    assert np.all(turns > 0)
    assert np.ptp(turns) <= 1
    assert shares[..., :-1].max() <= 1


def test_a_maximum_along_several_axes_has_its_candidates_in_all_of_them() -> None:
    kind = Noisy("float32", samples=8)
    values = np.full((1, 2, 3, 2), 0.1)
    values[0, :, 1, :] = 1.0  # of shape (2, 3, 2): two candidates along axes 0 and 1 for each of the last
    with kind.context():
        shares = (kind.lift(values) * 0.7).shares((-3, -2)).values()
    np.testing.assert_allclose(shares.sum(axis=(2, 3)), 1)
    assert np.all(shares[:, :, :, 1, :].sum(axis=0) == 4)


def test_equal_settings_give_equal_numbers() -> None:
    def value(seed: int) -> Any:
        result = differentiate(
            lambda xp, p, _b: xp.sum(xp.exp(p["w"])), {"w": [0.1, 0.2]}, {}, Noisy(seed=seed)
        )
        return result.value.data

    assert np.array_equal(value(3), value(3))
    assert not np.array_equal(value(3), value(4))


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(InputError, match="'float8'"):
        Noisy("float8")


def test_overflow_in_a_network_is_no_warning_and_no_number() -> None:
    params = {
        "w": np.full((2, 3), 300.0),
        "b": np.zeros(3),
        "v": RNG.normal(size=(3, 4)),
    }
    batch = {"x": np.full((5, 2), 300.0), "k": np.zeros(5, dtype=int)}
    run = differentiate(network, params, batch, Noisy("float16"))
    assert not np.any(np.isfinite(run.value.values()))
    assert not np.any(np.isfinite(run.gradients["v"].spread(np.zeros((1, 3, 4)))))


def test_numpys_sequential_sums_err_within_the_noise() -> None:
    """NumPy adds the rows of a matrix one after the other, the order with the greatest error."""
    x = RNG.random((10_000, 50)).astype(np.float32)
    truth = x.astype(float).sum(axis=0)
    noise = spread(numbers(x, samples=8).sum((-2,)), truth)
    ratio = (x.sum(axis=0) - truth) / noise
    assert 0.1 < np.sqrt(np.mean(ratio**2)) < 3
    assert np.abs(ratio).max() < 32


def network(xp: Any, params: Any, batch: Any) -> Any:
    hidden = xp.nn.relu(batch["x"] @ params["w"] + params["b"])
    return xp.nn.cross_entropy(hidden @ params["v"], batch["k"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_torch_errs_within_the_noise(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = getattr(torch, dtype)

    def rounded(values: Any) -> Any:
        return torch.tensor(values, dtype=tensor).double().numpy()

    params = {
        "w": rounded(RNG.normal(size=(64, 32)) / 8),
        "b": rounded(RNG.normal(size=32) / 8),
        "v": rounded(RNG.normal(size=(32, 10)) / 5),
    }
    batch = {"x": rounded(RNG.random((20, 64))), "k": RNG.integers(0, 10, 20)}
    tensors = {n: torch.tensor(p, dtype=tensor, requires_grad=True) for n, p in params.items()}
    hidden = torch.relu(torch.tensor(batch["x"], dtype=tensor) @ tensors["w"] + tensors["b"])
    torch.nn.functional.cross_entropy(hidden @ tensors["v"], torch.tensor(batch["k"])).backward()

    truth = differentiate(network, params, batch, Plain()).gradients
    noise = differentiate(network, params, batch, Noisy(dtype)).gradients
    for name, p in tensors.items():
        centre = truth[name].values()
        scale = noise[name].spread(centre)[0]
        error = np.abs(p.grad.double().numpy() - centre[0])
        assert np.all(error[scale == 0] == 0)
        ratio = error[scale > 0] / scale[scale > 0]
        assert 0.05 < np.sqrt(np.mean(ratio**2)) < 3
        assert ratio.max() < 32


# -------------------------------------------------------------------- grids of samples


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn"])
def test_on_a_grid_results_are_rounded_to_nearest_on_a_shifted_grid(dtype):
    kind = Noisy(dtype, samples=2000, gridded=True)
    with kind.context():
        error = kind.on_a_grid(np.full((1, 1, 1), 1.2345), kind.format)[:, 0, 0] - 1.2345
    unit = kind.format.unit_roundoff  # half of the spacing between 1 and 2
    assert np.max(np.abs(error)) <= unit
    assert np.sqrt(np.mean(error**2)) == pytest.approx(unit / np.sqrt(3), rel=0.1)
    assert abs(np.mean(error)) < 0.1 * unit


def test_on_a_grid_near_numbers_are_rounded_alike_and_others_are_not():
    kind = Noisy("bfloat16", samples=500, gridded=True)
    with kind.context():
        near = np.array([[[1.0, 1.0001, 1.5001]]])
        error = (kind.on_a_grid(near, kind.format) / near - 1)[:, 0]
    correlation = np.corrcoef(error.T)
    assert correlation[0, 1] > 0.85
    assert abs(correlation[0, 2]) < 0.3


def test_on_a_grid_infinities_and_nan_stay():
    kind = Noisy("bfloat16", samples=4, gridded=True)
    with kind.context():
        values = kind.on_a_grid(np.array([[[np.inf, -np.inf, np.nan, 0.0]]]), kind.format)[:, 0]
    np.testing.assert_array_equal(values, np.tile([np.inf, -np.inf, np.nan, 0.0], (4, 1)))


def test_a_gridded_gradient_is_near_the_exact_one_and_repeats():
    def run():
        kind = Noisy("bfloat16", samples=8, gridded=True)
        with kind.context():
            return (kind.lift(np.array([[1.0, 2.0, 4.0]])) / 3).values()

    np.testing.assert_array_equal(run(), run())
    assert np.all(np.abs(run() * 3 / np.array([1.0, 2.0, 4.0]) - 1) <= 2.0**-8)


@pytest.mark.parametrize("terms", [2, 16, 1000])
def test_sums_that_are_kept_in_a_short_format_err_as_sums_in_pairs_do(terms):
    """Compared with sums in pairs that are rounded at each step, of many draws."""
    random, rounded = np.random.default_rng(0), FORMATS["bfloat16"].rounded
    x = rounded(random.normal(size=(400, terms)) + 0.5)

    def in_pairs(x):
        while x.shape[1] > 1:
            odd = x[:, -1:] if x.shape[1] % 2 else x[:, :0]
            x = np.concatenate([rounded(x[:, 0 : x.shape[1] - 1 : 2] + x[:, 1::2]), odd], axis=1)
        return x[:, 0]

    real = np.sqrt(np.mean((in_pairs(x) - x.sum(1)) ** 2))
    kind = Noisy("bfloat16", samples=16, sums="bfloat16", gridded=True)
    with kind.context():
        sums = kind.lift(x[np.newaxis]).sum((-1,)).values()[:, 0]
    model = np.sqrt(np.mean((sums - x.sum(1)) ** 2))
    assert 0.9 * real < model < 3 * real


def test_every_fourth_sample_flushes_no_subnormal_number() -> None:
    """As IEEE 754 has it; every second flushes all, as hardware that is set so does."""
    x = numbers(np.full((16,), 1e-5), dtype="float16", samples=32)
    with x.kind.context():
        for _ in range(10):
            x = x * 0.9
    kept = np.abs(x.data).max(axis=(1, 2))
    assert np.all(kept[::4] > 0)
    assert np.all(kept[1::2] == 0)
