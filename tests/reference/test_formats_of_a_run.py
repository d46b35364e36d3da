"""Several formats in one run: what is rounded where, and to what, forwards and backwards."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradproof.reference.noise import noisy_gradients, rounding_noise
from gradproof.reference.numbers import Noisy
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import OWN, RunFormats
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import exact_gradient

BFLOAT16, FLOAT16 = ml_dtypes.bfloat16, np.dtype(np.float16)
RNG = np.random.default_rng(5)
W = FORMATS["bfloat16"].rounded(RNG.normal(size=(5, 4)))
V = RNG.normal(size=4).astype(np.float32).astype(np.float64)
X = FORMATS["bfloat16"].rounded(RNG.normal(size=(6, 5)))


def network(xp: Any, params: Any, batch: Any) -> Any:
    hidden = xp.tanh(batch["x"] @ params["w"])
    return xp.mean((hidden @ params["v"]) ** 2) + 0.7 * xp.sum(params["free"] ** 2)


PARAMS, BATCH = {"w": W, "v": V, "free": V + 0.25}, {"x": X}
MIXED = RunFormats(OWN, {"w": "bfloat16", "v": "float32", "free": "float32"}, {"x": "bfloat16"})


def relative(loss: Any, formats: RunFormats | str, **settings: Any) -> dict[str, float]:
    """By parameter the root mean square spread, beside the exact gradient."""
    exact = exact_gradient(loss, PARAMS, BATCH)
    kind = Noisy.of(formats, samples=32, **settings)
    spread = rounding_noise(loss, PARAMS, BATCH, exact, kind)
    return {
        name: float(np.linalg.norm(spread[name]) / np.linalg.norm(exact.gradients[name].values()))
        for name in PARAMS
    }


# -------------------------------------------------------------------- one format for all


def test_where_all_arrays_have_one_format_the_noise_is_that_formats_bit_for_bit() -> None:
    same = RunFormats(OWN, dict.fromkeys(PARAMS, "float32"), {"x": "float32"})
    runs = [noisy_gradients(network, PARAMS, BATCH, Noisy.of(each)) for each in ("float32", same)]
    for name in PARAMS:
        one, other = (run[name].samples.data for run in runs)
        assert one.tobytes() == other.tobytes()


def test_a_cast_to_the_format_of_the_run_changes_no_bit() -> None:
    def casting(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.tanh(xp.astype(batch["x"] @ params["w"], xp.float32))
        return xp.mean((hidden @ params["v"]) ** 2) + 0.7 * xp.sum(params["free"] ** 2)

    runs = [noisy_gradients(each, PARAMS, BATCH, Noisy("float32")) for each in (network, casting)]
    for name in PARAMS:
        assert runs[0][name].samples.data.tobytes() == runs[1][name].samples.data.tobytes()


# -------------------------------------------------------------------- several


def test_each_gradient_has_the_noise_of_what_flows_into_it() -> None:
    mixed, short, plain = (relative(network, each) for each in (MIXED, "bfloat16", "float32"))
    for name in ("w", "v"):  # of the activations in bfloat16
        assert short[name] / 4 <= mixed[name] <= 2 * short[name]
        assert mixed[name] > 1000 * plain[name]
    assert mixed["free"] <= 4 * plain["free"] < 1e-6


def test_what_is_rounded_on_the_way_is_known_by_parameter() -> None:
    kinds = {
        n: each.samples.kind for n, each in noisy_gradients(network, PARAMS, BATCH, Noisy.of(MIXED)).items()
    }
    assert {name: kind.dtype for name, kind in kinds.items()} == dict(MIXED.params)
    assert {n: kind.path for n, kind in kinds.items()} == {
        "w": "bfloat16",
        "v": "bfloat16",
        "free": "float32",
    }


def test_a_constant_has_the_format_of_what_it_meets() -> None:
    """0.1 is no number of bfloat16: the derivative of 0.1 w there is off by a part of its roundoff."""

    def loss(xp: Any, params: Any, _: Any) -> Any:
        return xp.sum(0.1 * params["w"]) + xp.sum(0.1 * params["v"]) + xp.sum(params["free"])

    found = relative(loss, MIXED)
    assert found["w"] > 2.0**-12 > 2.0**-22 > found["v"] > 0


@pytest.mark.parametrize("narrow", [BFLOAT16, FLOAT16], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_cast_rounds_forwards_and_backwards(narrow: Any, dtype: str) -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.tanh(xp.astype(batch["x"], narrow) @ xp.astype(params["w"], narrow))
        head = xp.astype(hidden, np.dtype(dtype)) @ params["v"]
        return xp.mean(head**2) + 0.7 * xp.sum(params["free"] ** 2)

    found, short = relative(loss, dtype), relative(network, np.dtype(narrow).name)
    for name in ("w", "v"):
        assert short[name] / 4 <= found[name] <= 2 * short[name]
    # float64's own noise is amplified where nothing else is, and here it must not be
    assert found["free"] < 4 * FORMATS[dtype].unit_roundoff


def test_a_cast_to_a_finer_format_than_the_arrays_is_none() -> None:
    """Not all programs have that format: JAX makes float32 of float64 where 64 bits are not enabled."""

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return network(xp, params | {"w": xp.astype(params["w"], xp.float64)}, batch)

    found, plain = relative(loss, "float32"), relative(network, "float32")
    assert found["w"] == pytest.approx(plain["w"], rel=0.5)


def test_exact_numbers_are_exact_under_a_cast_and_others_overflow() -> None:
    def loss(xp: Any, params: Any, _: Any) -> Any:
        return xp.max(xp.astype(params["a"], FLOAT16)) * 2.0

    for values, finite in (([1.5, 2048.0], True), ([1.5, 1e5], False)):
        run = differentiate(loss, {"a": values}, {}, Noisy("float32"))
        assert np.all(np.isfinite(run.value.values())) == finite
    run = differentiate(loss, {"a": [1.5, 2048.0]}, {}, Noisy("float32"))
    assert np.all(run.value.values() == 4096.0)


def test_the_truth_knows_no_cast() -> None:
    def loss(xp: Any, params: Any, _: Any) -> Any:
        return xp.sum(xp.sin(xp.astype(params["a"], BFLOAT16)))

    exact = exact_gradient(loss, {"a": [0.3]}, {}).gradients["a"].values()
    assert exact == pytest.approx(np.cos(0.3), rel=1e-15)


# -------------------------------------------------------------------- beside real programs


def _line_by_line(x: Any, w: Any, v: Any) -> tuple[Any, Any]:
    """Gradients of mean((tanh(x w) v)²) by w in bfloat16 and v in float32, rounded line by line."""
    wide = np.float32
    hidden = np.tanh((x.astype(wide) @ w.astype(wide)).astype(BFLOAT16).astype(wide)).astype(BFLOAT16)
    out = hidden.astype(wide) @ v
    g_out = (wide(2) * out) / wide(len(out))
    g_v = hidden.astype(wide).T @ g_out
    g_hidden = np.outer(g_out, v).astype(BFLOAT16)
    slope = (wide(1) - (hidden * hidden).astype(wide)).astype(BFLOAT16)
    g_z = g_hidden * slope
    return (x.astype(wide).T @ g_z.astype(wide)).astype(BFLOAT16), g_v


def test_real_errors_of_a_program_in_two_formats_are_as_large_as_the_noise() -> None:
    squares: dict[str, list[float]] = {"w": [], "v": []}
    for seed in range(30):
        random = np.random.default_rng(seed)
        x, w = (random.normal(size=shape).astype(BFLOAT16) for shape in ((6, 5), (5, 4)))
        v = random.normal(size=4).astype(np.float32)
        params = {"w": w.astype(float), "v": v.astype(float), "free": V}
        batch = {"x": x.astype(float)}
        exact = exact_gradient(network, params, batch)
        noise = rounding_noise(network, params, batch, exact, Noisy.of(MIXED))
        for name, value in zip(("w", "v"), _line_by_line(x, w, v), strict=True):
            error = value.astype(float) - exact.gradients[name].values()[0]
            squares[name].append(float(np.mean((error / noise[name][0]) ** 2)))
    for name, each in squares.items():
        assert 0.2 < np.sqrt(np.mean(each)) < 2.5, name
