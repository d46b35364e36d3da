"""Products whose factors hardware rounds: right gradients agree, errors that are none of rounding are seen.

The hardware is emulated in NumPy: factors are rounded to TF32, to nearest or towards zero, and summed up in
float32.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradproof.reference.numbers import Noisy
from gradproof.reference.numbers.formats import FORMATS, Products
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.floats import judge_floats
from gradproof.verdicts.verdict import Verdict

Array = NDArray[Any]

TF32 = Products(product="tf32", convolution="tf32")


def towards_zero(x: Array, bits: int = 11) -> Array:
    """Read the leading bits alone, as tensor cores do."""
    significand, exponent = np.frexp(x)
    return np.ldexp(np.trunc(np.ldexp(significand, bits)), exponent - bits)


ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "nearest": FORMATS["tf32"].rounded,
    "towards zero": towards_zero,
}


def product(round_to: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """Multiply matrices of float32 with rounded factors."""

    def multiply(a: Array, b: Array) -> Array:
        rounded = (round_to(each.astype(np.float64)).astype(np.float32) for each in (a, b))
        left, right = rounded
        return left @ right

    return multiply


def network(
    random: np.random.Generator, widths: tuple[int, ...], *, positive: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Weights and data; with positive ones alone, in which errors of one sign add up."""

    def draw(*shape: int, scale: float = 1.0) -> Array:
        values = scale * random.standard_normal(shape)
        return (np.abs(values) if positive else values).astype(np.float32)

    first, hidden, last = widths
    params = {
        "w1": draw(first, hidden, scale=1 / first),
        "w2": draw(hidden, last, scale=1 / hidden),
    }
    return params, {"x": draw(8, first), "y": draw(8, last)}


def loss(xp: Any, params: Any, batch: Any) -> Any:
    hidden = xp.tanh(batch["x"] @ params["w1"])
    return 0.5 * xp.sum((hidden @ params["w2"] - batch["y"]) ** 2)


def gradient(
    multiply: Callable[[Array, Array], Array], params: dict[str, Array], batch: dict[str, Array]
) -> dict[str, Array]:
    """L = |H W2 - Y|² / 2, H = tanh(X W1): with E = H W2 - Y, dW2 = H' E and dW1 = X' (E W2' (1 - H²))."""
    hidden = np.tanh(multiply(batch["x"], params["w1"]))
    error = multiply(hidden, params["w2"]) - batch["y"]
    handed = multiply(error, params["w2"].T) * (1 - hidden * hidden)
    return {"w1": multiply(batch["x"].T, handed), "w2": multiply(hidden.T, error)}


def verdict(
    case: tuple[dict[str, Array], dict[str, Array]], gradients: dict[str, Array], products: Products
) -> Verdict:
    evidence = PlaceEvidence(loss, Place(*case), RunFormats("float32", products=products))
    found = judge_floats({name: each.astype(np.float64) for name, each in gradients.items()}, evidence)
    assert found is not None
    return found.verdict


SIZES = [(3, 4, 2), (64, 64, 16), (1024, 32, 8), (8, 512, 1)]


@pytest.mark.parametrize("widths", SIZES)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_right_gradient_agrees(widths: tuple[int, ...], positive: bool, rounding: str) -> None:
    for seed in range(3):
        case = network(np.random.default_rng(seed), widths, positive=positive)
        computed = gradient(product(ROUNDINGS[rounding]), *case)
        assert verdict(case, computed, TF32) in {Verdict.AGREES, Verdict.ILL_CONDITIONED}, seed


@pytest.mark.parametrize("widths", SIZES)
def test_in_float32_itself_it_is_not_what_is_allowed(widths: tuple[int, ...]) -> None:
    """The flags are off: TF32 would be a defect, and it is seen."""
    case = network(np.random.default_rng(1), widths, positive=False)
    computed = gradient(product(ROUNDINGS["nearest"]), *case)
    assert verdict(case, computed, Products()) is Verdict.DISAGREES
    assert verdict(case, computed, Products(convolution="tf32")) is Verdict.DISAGREES


@pytest.mark.parametrize("share", [0.1, -0.1])
@pytest.mark.parametrize("widths", SIZES)
def test_an_error_that_is_none_of_tf32_is_seen(widths: tuple[int, ...], share: float) -> None:
    case = network(np.random.default_rng(2), widths, positive=False)
    computed = gradient(product(ROUNDINGS["nearest"]), *case)
    wrong = computed | {"w2": computed["w2"] * np.float32(1 + share)}
    assert verdict(case, wrong, TF32) is Verdict.DISAGREES


def test_half_of_the_digits_is_half_of_those_of_the_factors() -> None:
    """An error of 1e-3 is all that TF32 leaves, and not the loss's fault."""
    case = network(np.random.default_rng(3), (64, 64, 16), positive=True)
    case[1]["y"][:] = 0  # so that nothing cancels
    computed = gradient(product(ROUNDINGS["towards zero"]), *case)
    exact = gradient(np.matmul, *({n: a.astype(np.float64) for n, a in each.items()} for each in case))
    off = max(float(np.max(np.abs(computed[n] / exact[n] - 1))) for n in exact)
    assert off > np.sqrt(FORMATS["float32"].unit_roundoff)
    assert verdict(case, computed, TF32) is Verdict.AGREES


# -------------------------------------------------------------------- convolutions


def convolved(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum(xp.nn.convolution(batch["x"], params["w"]) ** 2)


def gradient_convolved(multiply: Callable[[Array, Array], Array], w: Array, x: Array) -> Array:
    """y[p] = Σ_k w[k] x[p + k], L = Σ y²: dL/dw[k] = 2 Σ_p y[p] x[p + k]."""
    patches = np.lib.stride_tricks.sliding_window_view(x, len(w))
    y = multiply(patches, w[:, np.newaxis])
    return 2 * multiply(np.ascontiguousarray(patches.T), y)[:, 0]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_convolutions_have_a_format_of_their_own(rounding: str) -> None:
    random = np.random.default_rng(4)
    w, x = (random.standard_normal(size).astype(np.float32) for size in (5, 200))
    computed = gradient_convolved(product(ROUNDINGS[rounding]), w, x)[np.newaxis, np.newaxis]
    place = Place({"w": w[np.newaxis, np.newaxis]}, {"x": x[np.newaxis, np.newaxis]})

    def judged(products: Products) -> Verdict:
        evidence = PlaceEvidence(convolved, place, RunFormats("float32", products=products))
        found = judge_floats({"w": computed.astype(np.float64)}, evidence)
        assert found is not None
        return found.verdict

    assert judged(Products(convolution="tf32")) is Verdict.AGREES
    assert judged(Products(product="tf32")) is Verdict.DISAGREES


# -------------------------------------------------------------------- partial sums


def squares(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((batch["x"] @ params["w"]) ** 2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("parts", [2, 8])
def test_partial_sums_in_a_short_format(dtype: str, parts: int) -> None:
    """Their noise is that of a few more roundings, whatever the length."""
    random = np.random.default_rng(5)
    rounded = FORMATS[dtype].rounded
    x, w = rounded(random.standard_normal((16, 512)) / 16), rounded(random.standard_normal((512, 4)) / 16)

    def multiply(a: Array, b: Array) -> Array:
        length = a.shape[1]
        bounds = np.linspace(0, length, min(parts, length) + 1).astype(int)
        total = np.zeros((a.shape[0], b.shape[1]))
        for start, end in pairwise(bounds):
            total = rounded(total + rounded(a[:, start:end] @ b[start:end]))
        return total

    computed = rounded(multiply(x.T, rounded(2 * multiply(x, w))))
    evidence = PlaceEvidence(
        squares, Place({"w": w}, {"x": x}), RunFormats(dtype, products=Products(partial=dtype))
    )
    found = judge_floats({"w": computed}, evidence)
    assert found is not None
    assert found.verdict in {Verdict.AGREES, Verdict.ILL_CONDITIONED}
    wrong = judge_floats({"w": 1.25 * computed}, evidence)
    assert wrong is not None
    assert wrong.verdict is Verdict.DISAGREES


def test_every_second_sample_rounds_towards_zero() -> None:
    kind = Noisy("float32", samples=64, product="tf32")
    with kind.context():
        x = kind.lift(1.0 + np.random.default_rng(6).random((1, 1, 1024)))
        sums = (x @ x.permute((1, 0))).data[:, 0, 0, 0]
        exact = (kind.lift(x.data[0]).data[0, 0, 0] ** 2).sum()
    errors = (sums / exact - 1) / FORMATS["tf32"].unit_roundoff
    assert np.all(np.abs(errors[::2]) < 0.3)  # those of both signs cancel
    assert np.all(np.abs(errors[1::2] + 2) < 0.3)
