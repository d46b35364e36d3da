"""The hand-derived gradient of dense networks against central differences in 60-digit arithmetic.

The network is written here a second time, on mpmath numbers and entry by entry, from the definition
z_l = a_(l-1) W_l + b_l, a_l = f_l(z_l) alone: nothing of the derivation under test is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gradproof.reference.activations import ACTIVATIONS, activation
from gradproof.reference.dense import DenseNetwork, Layer
from gradproof.reference.losses import LOSSES, loss

DIGITS = 60
STEP = mpf(10) ** -20  # central differences then err by about 1e-40

FUNCTIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, mpf(0)),
}


def total(a: Sequence[Any], y: Sequence[Any], name: str) -> Any:
    """The loss over all entries."""
    if name == "binary_cross_entropy":
        terms = [-(t * mpmath.log(p) + (1 - t) * mpmath.log(1 - p)) for p, t in zip(a, y, strict=True)]
    else:
        terms = [(p - t) ** 2 for p, t in zip(a, y, strict=True)]
    factor = {"half_sum_squared_error": mpf(1) / 2, "sum_squared_error": mpf(1)}
    return mpmath.fsum(terms) * factor.get(name, mpf(1) / len(terms))


@dataclass(frozen=True)
class Case:
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    biases: bool
    examples: int = 3
    seed: int = 0

    @property
    def network(self) -> DenseNetwork:
        layers = tuple(
            Layer(f"w{number}", activation(name), f"b{number}" if self.biases else None)
            for number, name in enumerate(self.activations)
        )
        return DenseNetwork(layers, loss(self.loss))

    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        random = np.random.default_rng(self.seed)
        params = {}
        for number in range(len(self.activations)):
            params[f"w{number}"] = random.standard_normal(self.sizes[number : number + 2])
            if self.biases:
                params[f"b{number}"] = random.standard_normal(self.sizes[number + 1])
        targets = random.random((self.examples, self.sizes[-1]))
        return params, {"x": random.standard_normal((self.examples, self.sizes[0])), "y": targets}

    def exact_loss(self, params: dict[str, Any], batch: dict[str, Any]) -> Any:
        outputs: list[Any] = []
        for row in batch["x"]:
            a = [mpf(x) for x in row]
            for number, name in enumerate(self.activations):
                w = params[f"w{number}"]
                z = [mpmath.fsum(a[j] * w[j, k] for j in range(w.shape[0])) for k in range(w.shape[1])]
                if self.biases:
                    z = [z[k] + params[f"b{number}"][k] for k in range(len(z))]
                a = [FUNCTIONS[name](entry) for entry in z]
            outputs += a
        return total(outputs, [mpf(y) for y in batch["y"].ravel()], self.loss)

    def exact_gradient(self) -> tuple[Any, dict[str, Any]]:
        params, batch = self.arrays()
        with mp.workdps(DIGITS):
            exact = {name: np.vectorize(mpf, otypes=[object])(array) for name, array in params.items()}
            gradient = {name: np.empty(array.shape, dtype=object) for name, array in params.items()}
            for name, array in exact.items():
                for place in np.ndindex(array.shape):
                    entry = array[place]
                    ends = []
                    for sign in (1, -1):
                        array[place] = entry + sign * STEP
                        ends.append(self.exact_loss(exact, batch))
                    array[place] = entry
                    gradient[name][place] = (ends[0] - ends[1]) / (2 * STEP)
            return self.exact_loss(exact, batch), gradient


def worst_error(gradient: dict[str, Any], exact: dict[str, Any]) -> float:
    """The greatest error relative to the parameter's greatest entry; NaN counts as infinite."""
    assert list(gradient) == list(exact)
    errors = []
    for name, truth in exact.items():
        assert gradient[name].shape == truth.shape
        with mp.workdps(DIGITS):
            difference = np.abs(gradient[name] - truth).astype(float)
        errors.append(np.nan_to_num(difference, nan=np.inf).max() / (1 + np.abs(truth).max()))
    return float(max(errors))


# Some hundred operations on numbers of size 1, each rounded to 1.1e-16.
LIMIT = 2e-14

EVERY_PAIR = [
    Case((3, 2, 2), (hidden, "sigmoid" if name == "binary_cross_entropy" else output), name, biases)
    for number, hidden in enumerate(ACTIVATIONS)
    for offset, name in enumerate(LOSSES)
    for biases in (False, True)
    for output in [list(ACTIVATIONS)[(number + offset) % len(ACTIVATIONS)]]
]
DEPTHS_AND_WIDTHS = [
    Case((1, 1), ("sigmoid",), "sum_squared_error", biases=True, examples=1),
    Case((4, 1), ("identity",), "mean_squared_error", biases=False, examples=6),
    Case((3, 4, 1), ("sigmoid", "sigmoid"), "half_sum_squared_error", biases=False, examples=4),
    Case((3, 2, 1), ("relu", "sigmoid"), "binary_cross_entropy", biases=False, examples=6),
    Case((2, 3, 2, 2), ("tanh", "relu", "identity"), "mean_squared_error", biases=True),
    Case((1, 3, 1, 2), ("sigmoid", "tanh", "sigmoid"), "binary_cross_entropy", biases=True),
    Case((2, 2, 2, 2, 2), ("tanh", "sigmoid", "tanh", "sigmoid"), "binary_cross_entropy", biases=False),
    Case((2, 1, 2, 1, 2, 1), ("tanh",) * 5, "sum_squared_error", biases=True, examples=2),
]


def name_of(case: Case) -> str:
    widths = "-".join(map(str, case.sizes))
    return f"{widths} {'-'.join(case.activations)} {case.loss}{' biases' if case.biases else ''}"


@pytest.mark.parametrize("case", EVERY_PAIR + DEPTHS_AND_WIDTHS, ids=name_of)
def test_gradient_equals_central_differences(case: Case) -> None:
    exact_value, exact = case.exact_gradient()
    value, gradient = case.network.value_and_gradient(*case.arrays())
    assert abs(value - float(exact_value)) <= LIMIT * (1 + abs(float(exact_value)))
    assert worst_error(gradient, exact) <= LIMIT
    separate = case.network.gradient(*case.arrays())
    assert all(np.array_equal(separate[name], gradient[name]) for name in gradient)


# What people get wrong in equations (1) to (5) of the derivation.
WRONG = {
    "a factor of 2.001 / 2": lambda g, _: {name: entry * (2.001 / 2) for name, entry in g.items()},
    "the other sign": lambda g, _: {name: -entry for name, entry in g.items()},
    "the mean over the batch for its sum": lambda g, n: {name: entry / n for name, entry in g.items()},
    "a bias summed over the outputs": lambda g, _: g | {"b0": np.full_like(g["b0"], g["b0"].sum())},
    "a transposed weight": lambda g, _: g | {"w1": g["w1"].T.copy()},
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_gradient_is_caught(mistake: str) -> None:
    """The comparison above must be able to fail."""
    case = Case((3, 2, 2), ("tanh", "sigmoid"), "sum_squared_error", biases=True)
    _, exact = case.exact_gradient()
    gradient = WRONG[mistake](case.network.gradient(*case.arrays()), case.examples)
    assert worst_error(gradient, exact) > 1e-5


def complex_step(case: Case) -> dict[str, Any]:
    """Im L(w + ih) / h with h = 1e-100: no difference is taken, so nothing cancels.

    Source: Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions",
    SIAM Review 40 (1998).
    """
    functions = {
        "identity": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.where(z.real > 0, z, 0),
    }
    params, batch = case.arrays()

    def value(weights: dict[str, Any]) -> complex:
        a = batch["x"].astype(complex)
        for number, name in enumerate(case.activations):
            z = a @ weights[f"w{number}"] + weights.get(f"b{number}", 0)
            a = functions[name](z)
        y = batch["y"]
        if case.loss == "binary_cross_entropy":
            # Of a = sigmoid(z), in the form that does not take 1 - a, which cancels for a near 1.
            return complex(np.mean(np.log(1 + np.exp(z)) - y * z))
        squares = np.sum((a - y) ** 2)
        factor = {"half_sum_squared_error": 0.5, "sum_squared_error": 1.0}
        return complex(squares * factor.get(case.loss, 1 / a.size))

    gradient = {name: np.empty_like(array) for name, array in params.items()}
    for name, array in params.items():
        for place in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[place] += 1e-100j
            gradient[name][place] = value({**params, name: moved}).imag / 1e-100
    return gradient


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """Networks of one to five layers and of width one to six."""
    depth = draw(st.integers(1, 5))
    sizes = tuple(draw(st.lists(st.integers(1, 6), min_size=depth + 1, max_size=depth + 1)))
    names = draw(st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=depth, max_size=depth))
    chosen = draw(st.sampled_from(sorted(LOSSES)))
    if chosen == "binary_cross_entropy":
        names[-1] = "sigmoid"
    return Case(
        sizes, tuple(names), chosen, draw(st.booleans()), draw(st.integers(1, 5)), draw(st.integers(0, 999))
    )


@given(case=networks())
def test_gradient_of_any_network_equals_the_complex_step(case: Case) -> None:
    gradient = case.network.gradient(*case.arrays())
    exact = complex_step(case)
    # A depth of five multiplies five layers' conditioning; a mistake shows in the first digits.
    assert worst_error(gradient, exact) <= 1e-10


@given(case=networks())
def test_gradient_of_a_sum_is_the_sum_over_the_examples(case: Case) -> None:
    """Losses that average are averaged over entries, so equal shares of the batch average too."""
    params, batch = case.arrays()
    together = case.network.gradient(params, batch)
    singles = [
        case.network.gradient(params, {name: array[row : row + 1] for name, array in batch.items()})
        for row in range(case.examples)
    ]
    averaged = case.loss in {"mean_squared_error", "binary_cross_entropy"}
    for name, entry in together.items():
        parts = np.array([single[name] for single in singles])
        expected = parts.mean(axis=0) if averaged else parts.sum(axis=0)
        assert np.all(np.abs(entry - expected) <= 1e-12 * (1 + np.abs(parts).sum(axis=0)))


def test_gradient_has_the_order_of_the_parameters() -> None:
    case = Case((3, 2, 2), ("tanh", "sigmoid"), "sum_squared_error", biases=True)
    params, batch = case.arrays()
    backwards = dict(reversed(params.items()))
    assert list(case.network.gradient(backwards, batch)) == list(backwards)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_has_the_dtype_of_its_arrays(dtype: str) -> None:
    case = Case((3, 2, 2), ("relu", "sigmoid"), "binary_cross_entropy", biases=True)
    params, batch = ({name: a.astype(dtype) for name, a in arrays.items()} for arrays in case.arrays())
    value, gradient = case.network.value_and_gradient(params, batch)
    assert value.dtype == dtype
    assert {entry.dtype for entry in gradient.values()} == {np.dtype(dtype)}


def test_prediction_is_the_last_activation() -> None:
    case = replace(EVERY_PAIR[0], activations=("relu", "tanh"))
    params, batch = case.arrays()
    by_hand = np.tanh(np.maximum(batch["x"] @ params["w0"], 0) @ params["w1"])
    assert np.allclose(case.network.predict(params, batch), by_hand, rtol=1e-15, atol=0)
