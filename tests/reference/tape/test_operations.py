"""Each derivative of the table against central differences in 80-digit arithmetic.

The functions are written here a second time, on arrays of mpmath numbers, so that neither a value
nor a derivative is compared with what the package itself computed.
"""

from dataclasses import replace
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from operation_cases import CASES, Case, expected, name_of, weights_for
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication,
    parse_expr,
    standard_transformations,
)

from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.tape import OPERATIONS, Operation, Tape, Trait

DIGITS = 80


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


# ------------------------------------------------------------------------ derivatives as people write them

WRITTEN = {name: operation for name, operation in OPERATIONS.items() if operation.factor}
ARGUMENTS = {case.operation: case.arguments for case in CASES if not case.label}


def test_every_function_of_a_number_says_what_its_derivative_multiplies_by():
    curved = [
        name
        for name, operation in OPERATIONS.items()
        if operation.operands == 1
        and Trait.ELEMENTWISE in operation.traits
        and not (Trait.LINEAR | Trait.PIECEWISE_CONSTANT) & operation.traits
    ]
    assert set(curved) - WRITTEN.keys() == {"gelu_tanh"}  # whose derivative is no short formula


NAMES = ("n", "a", "s", "alpha", "scale", "input_scale", "negative_slope")
"""What arguments are called in factors, beside the operand and the result."""


def read(factor):
    """The factor as SymPy reads it."""
    letters = sympy.symbols(("x", "y", *NAMES), real=True)
    known = {str(letter): letter for letter in letters} | {"pi": sympy.pi}
    known |= {
        "sigmoid": lambda t: 1 / (1 + sympy.exp(-t)),
        "where": lambda condition, one, other: sympy.Piecewise((one, condition), (other, True)),
        "phi": lambda t: sympy.exp(-(t**2) / 2) / sympy.sqrt(2 * sympy.pi),
        "Phi": lambda t: (1 + sympy.erf(t / sympy.sqrt(2))) / 2,
    }
    readings = (*standard_transformations, implicit_multiplication, convert_xor)
    written = parse_expr(factor, local_dict=known, transformations=readings)
    return sympy.lambdify(letters, written, [{"polygamma": mpmath.psi}, "mpmath"])


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_derivative_is_said_to_multiply_by_is_what_it_does(name):
    operation, arguments = WRITTEN[name], ARGUMENTS[name]
    inside = {"0 < x < 1": [0.01, 0.4, 0.6], "-1 < x < 1": [-0.9, -0.4, 0.3, 0.7], "x > 1": [1.1, 1.7, 1.9]}
    usual = [0.3, 0.7, 1.9] if ">" in operation.domain else [-1.3, -0.4, 0.3, 0.7, 1.9]
    numbers = np.array(inside.get(operation.domain, usual))
    x = Plain().constant(numbers)
    y = operation.forward(x, **arguments)
    slope = operation.rule(0)(x * 0 + 1, y, x, **arguments).data[0, 0, ...]
    said = read(operation.factor)
    letters = [arguments.get(letter, arguments.get("exponent")) for letter in NAMES]
    said = [float(said(*each, *letters)) for each in zip(numbers, y.data[0, 0, ...], strict=True)]
    np.testing.assert_allclose(said, slope, rtol=1e-13)
