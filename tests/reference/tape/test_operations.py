"""Each derivative of the table against central differences in 80-digit arithmetic.

The functions are written here a second time, on arrays of mpmath numbers, so that neither a value
nor a derivative is compared with what the package itself computed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from gradproof.reference.numbers import Balls, Mask, Noisy, Plain
from gradproof.reference.tape import OPERATIONS, Operation, Tape

DIGITS = 80
STEP = mpf(10) ** -25  # central differences then err by about 1e-50


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


ANY = np.array([[-2.5, -0.75, 0.3], [1.2, 3.5, -1.0]])
POSITIVE = np.array([[2.5, 0.75, 0.3], [1.2, 3.5, 0.01]])
OTHER = np.array([[0.5, -1.75, 2.25], [-0.2, 1.5, 4.0]])
ROW = np.array([0.5, -1.5, 2.0])
STACK = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4)
STACK_2 = np.linspace(1.9, -0.7, 24).reshape(2, 4, 3)
CONDITION = np.array([[True, False, True], [False, False, True]])
POSITIONS = np.array([[0, 5], [5, 2]])


def softmax(x: Any) -> Any:
    weights = each(mpmath.exp)(x)
    return weights / weights.sum(axis=-1, keepdims=True)


def variance(x: Any, correction: int, axis: int = -1) -> Any:
    deviations = x - x.sum(axis=axis, keepdims=True) / x.shape[axis]
    return (deviations**2).sum(axis=axis) / (x.shape[axis] - correction)


def gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)))


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
    Case("abs", (ANY,), each(abs)),
    Case("sign", (ANY,), each(mpmath.sign)),
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
    Case("prod", (ANY,), lambda x: x.prod(axis=-1), {"axis": -1, "keepdims": False}),
    Case("max", (ANY,), lambda x: x.max(axis=-1), LAST),
    Case("max", (ANY,), lambda x: x.max(axis=-2, keepdims=True), KEPT, "kept"),
    Case("min", (ANY,), lambda x: x.min(), ALL),
    Case("var", (ANY,), lambda x: variance(x, 1), LAST | {"correction": 1}),
    Case("std", (ANY,), lambda x: each(mpmath.sqrt)(variance(x, 0)), LAST | {"correction": 0}),
    Case("cumulative_sum", (ANY,), lambda x: np.cumsum(x, axis=-1), {"axis": -1}),
    Case("matmul", (STACK, STACK_2), lambda a, b: a @ b),
    Case("matmul", (STACK, STACK_2[0]), lambda a, b: a @ b, label="stack-matrix"),
    Case("matmul", (STACK[0], STACK_2), lambda a, b: a @ b, label="matrix-stack"),
    Case("matmul", (STACK, STACK_2[0, :, 0]), lambda a, b: a @ b, label="stack-vector"),
    Case("matmul", (STACK[0, 0], STACK_2), lambda a, b: a @ b, label="vector-stack"),
    Case("matmul", (STACK[0, 0], STACK_2[0]), lambda a, b: a @ b, label="vector-matrix"),
    Case("matmul", (ROW, ROW + 1), lambda a, b: np.asarray(a @ b), label="vector-vector"),
    Case("vecdot", (ANY, ROW), lambda a, b: (a * b).sum(axis=-1)),
    Case("outer", (ROW, ANY[0]), np.multiply.outer),
    Case("reshape", (ANY,), lambda x: x.reshape(3, 2), {"shape": (3, -1)}),
    Case("permute_dims", (STACK,), lambda x: x.transpose(2, 0, 1), {"axes": (-1, -3, -2)}),
    Case("matrix_transpose", (STACK,), lambda x: x.swapaxes(-1, -2)),
    Case("broadcast_to", (ROW,), lambda x: np.broadcast_to(x, (2, 3)), {"shape": (2, 3)}),
    Case("expand_dims", (ANY,), lambda x: x[:, None], {"axis": -2}),
    Case("squeeze", (ANY[:, None],), lambda x: x[:, 0], {"axes": (-2,)}),
    Case("flip", (ANY,), lambda x: x[::-1, ::-1], {"axes": (-2, -1)}),
    Case("concat", (ANY, OTHER, ANY + 1), lambda *xs: np.concatenate(xs, axis=-1), {"axis": -1}),
    Case("gather", (ANY,), lambda x: x.reshape(-1)[POSITIONS], {"positions": POSITIONS}),
    Case("astype", (ANY,), lambda x: x),
    Case("sigmoid", (ANY,), lambda x: 1 / (1 + each(mpmath.exp)(-x))),
    Case("relu", (ANY,), lambda x: np.where(ANY > 0, x, 0 * x)),
    Case("softplus", (ANY,), lambda x: each(mpmath.log)(1 + each(mpmath.exp)(x))),
    Case("gelu", (ANY,), lambda x: x * each(mpmath.ncdf)(x)),
    Case("gelu_tanh", (ANY,), each(gelu_tanh)),
    Case("silu", (ANY,), lambda x: x / (1 + each(mpmath.exp)(-x))),
    Case("xlogy", (OTHER, POSITIVE), lambda x, p: x * each(mpmath.log)(p)),
    Case("logsumexp", (ANY,), lambda x: each(mpmath.log)(each(mpmath.exp)(x).sum(axis=-1)), LAST),
    Case("softmax", (ANY,), softmax, {"axes": (-1,)}),
    Case("log_softmax", (ANY,), lambda x: each(mpmath.log)(softmax(x)), {"axes": (-1,)}),
]


def exact(values: Any) -> Any:
    return np.frompyfunc(mpf, 1, 1)(np.asarray(values, dtype=float)[...]) + mpf(0)


def weights_for(shape: tuple[int, ...]) -> Any:
    """Weights of the results in the loss, all different and exact in float64."""
    return (np.arange(1, 1 + np.prod(shape, dtype=int)) / 8 - 0.4375).reshape(shape)


def expected(case: Case) -> tuple[Any, list[Any]]:
    """The weighted sum of the results, and its gradient for each operand."""

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
                moved[place] += sign * STEP
                ends.append(loss([*operands[:position], moved, *operands[position + 1 :]]))
            gradient[place] = (ends[0] - ends[1]) / (2 * STEP)
        gradients.append(gradient)
    return loss(operands), gradients


def computed(case: Case, kind: Any, operation: Operation | None = None) -> tuple[Any, list[Any]]:
    """The same by the tape."""
    with kind.context():
        tape = Tape(kind)
        parameters = [tape.parameter(str(i), np.asarray(x)[None]) for i, x in enumerate(case.operands)]
        result = tape.apply(operation or OPERATIONS[case.operation], *parameters, **case.arguments)
        product = result * weights_for(result.shape)
        axes = tuple(range(-result.ndim, 0))
        tape.output = tape.apply(OPERATIONS["sum"], product, axes=axes, keepdims=False)
        return tape.output.value, list(tape.backward().values())


def worst_error(gradients: list[Any], truth: list[Any]) -> float:
    """The greatest error relative to the greatest entry; NaN counts as infinite."""
    errors = [
        np.abs(gradient.values()[0] - true.astype(float)) / (1 + np.abs(true.astype(float)).max())
        for gradient, true in zip(gradients, truth, strict=True)
    ]
    return float(max(np.nan_to_num(error, nan=np.inf).max() for error in errors))


def name_of(case: Case) -> str:
    return f"{case.operation}-{case.label}" if case.label else case.operation


def test_every_operation_has_a_case() -> None:
    assert {case.operation for case in CASES} == set(OPERATIONS)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_derivative_equals_central_differences(case: Case) -> None:
    with mp.workdps(DIGITS):
        value, gradients = expected(case)
    own_value, own_gradients = computed(case, Plain())
    assert abs(float(own_value.values()[0]) - float(value)) <= 1e-13 * (1 + abs(float(value)))
    assert worst_error(own_gradients, gradients) <= 1e-13


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_balls_enclose_value_and_derivative(case: Case) -> None:
    with mp.workdps(DIGITS):
        value, gradients = expected(case)
        truths = [np.asarray(value, dtype=object), *gradients]
        own_value, own_gradients = computed(case, Balls(128))
        assert_all_enclose([own_value, *own_gradients], truths)


def assert_all_enclose(numbers: list[Any], truths: list[Any]) -> None:
    for own, truth in zip(numbers, truths, strict=True):
        for ball, true in zip(own.balls().flat, truth.flat, strict=True):
            assert_encloses(ball, true)


def assert_encloses(ball: Any, true: Any) -> None:
    with flint.ctx.workprec(320):
        slack = flint.arb(0, 1e-45 * (1 + abs(float(true))))
        assert ball.overlaps(flint.arb(mpmath.nstr(true, 70)) + slack), (ball, true)
        assert ball.rad() < 1e-33 * (1 + abs(float(true))), ball


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_noise_surrounds_value_and_derivative(case: Case) -> None:
    with mp.workdps(DIGITS):
        value, gradients = expected(case)
    own_value, own_gradients = computed(case, Noisy("float64", samples=16))
    truths = [np.asarray(value, dtype=object), *gradients]
    for own, truth in zip([own_value, *own_gradients], truths, strict=True):
        centre = truth.astype(float)
        error = np.abs(own.values().mean(axis=0)[0] - centre)
        assert np.all(error <= 1e-13 * (1 + np.abs(centre).max()))
        assert np.all(own.spread(centre[np.newaxis]) <= 1e-12 * (1 + np.abs(centre).max()))


def with_factor(operation: Operation, factor: float) -> Operation:
    """An operation all of whose derivatives are wrong by a factor."""
    return replace(
        operation,
        derivatives=tuple(
            lambda *args, rule=rule, **kwargs: rule(*args, **kwargs) * factor
            for rule in operation.derivatives
        ),
    )


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_wrong_factor_is_caught(case: Case) -> None:
    """The tests above would fail on a derivative that is wrong by 2.001 / 2, or in balls by 2^-50."""
    with mp.workdps(DIGITS):
        _, gradients = expected(case)
        if all(np.all(gradient == 0) for gradient in gradients):
            pytest.skip("the derivative is zero")
        operation = OPERATIONS[case.operation]
        _, coarse = computed(case, Plain(), with_factor(operation, 2.001 / 2))
        assert worst_error(coarse, gradients) > 1e-5
        _, fine = computed(case, Balls(128), with_factor(operation, 1 + 2.0**-50))
        with pytest.raises(AssertionError):
            assert_all_enclose(fine, gradients)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_entry_tells_domain_kinks_and_source(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.domain
    assert operation.kinks
    assert operation.source
