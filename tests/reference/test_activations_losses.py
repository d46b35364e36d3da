"""Activations and losses against SymPy's derivatives, evaluated by mpmath to 50 digits."""

from typing import Any

import numpy as np
import pytest
import sympy
from mpmath import mp, mpf

from gradproof.errors import InputError
from gradproof.reference.activations import ACTIVATIONS, Activation, activation
from gradproof.reference.losses import LOSSES, Loss, loss

# Float64 results of a handful of operations, each exact to half an ulp.
ROUNDING = 16 * np.finfo(np.float64).eps

Z, A, Y = sympy.symbols("z a y", real=True)

# The textbook definitions, written down a second time.
ACTIVATION_FORMULAS = {
    "identity": Z,
    "sigmoid": 1 / (1 + sympy.exp(-Z)),
    "tanh": (sympy.exp(Z) - sympy.exp(-Z)) / (sympy.exp(Z) + sympy.exp(-Z)),
    "relu": sympy.Piecewise((Z, Z > 0), (0, True)),
}
# Of one entry; a loss over N entries is their sum, or their sum divided by N.
LOSS_FORMULAS = {
    "half_sum_squared_error": ((A - Y) ** 2 / 2, False),
    "sum_squared_error": ((A - Y) ** 2, False),
    "mean_squared_error": ((A - Y) ** 2, True),
    "binary_cross_entropy": (-Y * sympy.log(A) - (1 - Y) * sympy.log(1 - A), True),
}

PRE_ACTIVATIONS = np.array([-30.0, -4.5, -1.0, -1e-3, 1e-3, 0.3, 2.0, 7.5, 30.0])
PREDICTIONS = np.array([[0.01, 0.25], [0.5, 0.75], [0.875, 0.99]])
TARGETS = np.array([[0.0, 1.0], [1.0, 0.25], [0.5, 0.0]])


def precisely(formula: Any, **values: Any) -> Any:
    """Evaluate a formula at float64 values, exactly but for the last of 50 digits."""
    arrays = np.broadcast_arrays(*values.values())
    function = sympy.lambdify([sympy.Symbol(name, real=True) for name in values], formula, "mpmath")
    with mp.workdps(50):
        flat = [
            function(*map(mpf, point)) for point in zip(*(a.ravel().tolist() for a in arrays), strict=True)
        ]
        return np.array([mpf(value) for value in flat], dtype=object).reshape(arrays[0].shape)


def assert_within_rounding(computed: Any, exact: Any) -> None:
    """Relative to each entry; a NaN does not pass."""
    assert np.shape(computed) == np.shape(exact)
    for value, truth in zip(np.ravel(computed), np.ravel(exact), strict=True):
        assert abs(mpf(float(value)) - truth) <= ROUNDING * abs(truth), (value, truth)


def test_every_activation_and_every_loss_has_a_formula_here() -> None:
    assert ACTIVATION_FORMULAS.keys() == ACTIVATIONS.keys()
    assert LOSS_FORMULAS.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_its_formula(name: str) -> None:
    assert_within_rounding(
        activation(name).value(PRE_ACTIVATIONS), precisely(ACTIVATION_FORMULAS[name], z=PRE_ACTIVATIONS)
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_derivative_is_sympys(name: str) -> None:
    function = activation(name)
    derivative = function.derivative(PRE_ACTIVATIONS, function.value(PRE_ACTIVATIONS))
    exact = precisely(sympy.diff(ACTIVATION_FORMULAS[name], Z), z=PRE_ACTIVATIONS)
    # 1 - a and 1 - a² cancel where a is near 1: their error is an ulp of 1, not of the derivative.
    errors = [abs(mpf(float(d)) - e) for d, e in zip(derivative, exact, strict=True)]
    assert max(errors) <= ROUNDING


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activation_keeps_shape_and_dtype_and_does_not_overflow(name: str, dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    z = np.array([[-largest, -1000.0, 0.0], [1.0, 1000.0, largest]], dtype=dtype)
    a = activation(name).value(z)
    derivative = activation(name).derivative(z, a)
    for result in (a, derivative):
        assert result.dtype == dtype
        assert result.shape == z.shape
        assert np.isfinite(result).all()


def test_relu_has_derivative_zero_at_its_kink() -> None:
    zero = np.array([0.0, -0.0])
    assert activation("relu").derivative(zero, zero).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_its_formula(name: str) -> None:
    formula, averaged = LOSS_FORMULAS[name]
    with mp.workdps(50):
        exact = precisely(formula, a=PREDICTIONS, y=TARGETS).sum() / (PREDICTIONS.size if averaged else 1)
    value = loss(name).value(PREDICTIONS, TARGETS)
    assert_within_rounding(value, np.asarray(exact, dtype=object))


@pytest.mark.parametrize("name", LOSSES)
def test_loss_derivative_is_sympys(name: str) -> None:
    formula, averaged = LOSS_FORMULAS[name]
    with mp.workdps(50):
        exact = precisely(sympy.diff(formula, A), a=PREDICTIONS, y=TARGETS)
        exact = exact / (PREDICTIONS.size if averaged else 1)
    assert_within_rounding(loss(name).derivative(PREDICTIONS, TARGETS), exact)


@pytest.mark.parametrize("activation_name", ACTIVATIONS)
@pytest.mark.parametrize("loss_name", LOSSES)
def test_delta_is_sympys_derivative_of_the_loss_of_the_activation(
    loss_name: str, activation_name: str
) -> None:
    z = np.array([[-3.0, -0.5], [0.25, 1.5], [0.75, 3.0]])
    if loss_name == "binary_cross_entropy" and activation_name != "sigmoid":
        z = np.array([[0.1, 0.2], [0.3, 0.5], [0.6, 0.9]])  # where all four give a probability
    formula, averaged = LOSS_FORMULAS[loss_name]
    inner = Z if (z > 0).all() and activation_name == "relu" else ACTIVATION_FORMULAS[activation_name]
    composed = sympy.diff(formula.subs(A, inner), Z)
    with mp.workdps(50):
        exact = precisely(composed, z=z, y=TARGETS) / (z.size if averaged else 1)
    f = activation(activation_name)
    delta = loss(loss_name).delta(z, f.value(z), TARGETS, f)
    # a - y is rounded like its terms, which are at most 3 here.
    assert float(np.max(np.abs(delta - exact))) <= 4 * ROUNDING


@pytest.mark.parametrize(("z", "y", "delta"), [(800.0, 0.0, 1.0), (-800.0, 1.0, -1.0), (800.0, 1.0, 0.0)])
def test_saturated_cross_entropy_keeps_its_gradient(z: float, y: float, delta: float) -> None:
    """The product of the two derivatives would be 0 / 0 here."""
    pre_activation, target = np.array([[z]]), np.array([[y]])
    sigmoid = activation("sigmoid")
    with np.errstate(all="raise", under="ignore"):
        result = loss("binary_cross_entropy").delta(
            pre_activation, sigmoid.value(pre_activation), target, sigmoid
        )
    assert result.tolist() == [[delta]]


@pytest.mark.parametrize(
    ("a", "y", "value"), [(1.0, 1.0, 0), (0.0, 0.0, 0), (1.0, 0.0, np.inf), (0.0, 1.0, np.inf)]
)
def test_saturated_cross_entropy_is_its_limit(a: float, y: float, value: float) -> None:
    """0 · ln 0 = 0: an output that is right costs nothing, one that is wrong infinity."""
    assert loss("binary_cross_entropy").value(np.array([[a]]), np.array([[y]])) == value


def test_only_the_sigmoid_takes_the_cancelled_form() -> None:
    """(a - y) / N holds for a = sigmoid(z) alone."""
    tanh = activation("tanh")
    z = np.array([[0.5]])
    y = np.array([[1.0]])
    a = tanh.value(z)
    cancelled = loss("binary_cross_entropy")
    assert cancelled.through_sigmoid is not None
    assert cancelled.delta(z, a, y, tanh) != cancelled.through_sigmoid(a, y)


@pytest.mark.parametrize(("look_up", "known"), [(activation, ACTIVATIONS), (loss, LOSSES)])
def test_unknown_name_is_told_with_the_known_ones(look_up: Any, known: dict[str, Activation | Loss]) -> None:
    with pytest.raises(InputError, match="'swosh'") as caught:
        look_up("swosh")
    for name in known:
        assert name in str(caught.value)
