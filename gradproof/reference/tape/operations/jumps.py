"""Operations on single entries that jump: whole numbers, signs and remainders."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from collections.abc import Callable
from typing import Any

import numpy as np

from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, one, two


def _at_whole(x: Array) -> Array:
    """0 where x is a whole number, and not elsewhere."""
    return x - x.function("round")


def _at_whole_but_zero(x: Array) -> Array:
    # trunc is 0 on both sides of 0
    return _at_whole(x).select(x.abs() > 0.5, 1)


def _jump_of_quotient(a: Array, b: Array) -> Array:
    """The derivative of floor(q) by q = a / b."""
    return _at_whole(a / b).jump()


def _with_jumps(
    name: str, summary: str, integers: Callable[..., Any], at_jump: Callable[[Array], Array], jumps: str
) -> Operation:
    """A function that is constant but for jumps, which are where `at_jump` is 0."""
    return Operation(
        name=name,
        summary=summary,
        traits=Trait.ELEMENTWISE | Trait.PIECEWISE_CONSTANT,
        signature=one,
        integers=integers,
        forward=lambda x: x.function(name),
        derivatives=(lambda g, y, x: g * at_jump(x).jump(),),
        domain=f"all but {jumps}",
        kinks=f"jumps at {jumps}: anything; by convention 0",
        at_kink=lambda x: at_jump(x).equals(0),
        source="definition",
    )


FLOOR = _with_jumps(
    "floor", "The greatest whole number that is not greater.", np.floor, _at_whole, "whole numbers"
)

CEIL = _with_jumps("ceil", "The least whole number that is not less.", np.ceil, _at_whole, "whole numbers")

TRUNC = _with_jumps(
    "trunc", "The whole number next to it towards 0.", np.trunc, _at_whole_but_zero, "whole numbers but 0"
)

ROUND = _with_jumps(
    "round",
    "The nearest whole number; of two that are as near, the even one.",
    np.round,
    lambda x: _at_whole(x - 0.5),
    "the middles of whole numbers",
)

SIGN = _with_jumps("sign", "-1, 0 or 1.", np.sign, lambda x: x, "0")

COPYSIGN = Operation(
    name="copysign",
    summary="The size of one number with the sign of another.",
    traits=Trait.ELEMENTWISE,
    signature=two,
    forward=lambda a, b: a.function("copysign", b),
    # |a| sign(b), which jumps by 2 |a| at b = 0
    derivatives=(
        lambda g, y, a, b: g * (2 * a.step(0.5) - 1) * b.kind.constant(1).function("copysign", b),
        lambda g, y, a, b: g * a * b.jump(),
    ),
    domain="b != 0",
    kinks="a = 0: [-1, 1]; by convention 0. b = 0 is a jump: anything; by convention 0",
    at_kink=lambda a, b: a.equals(0) | b.equals(0),
    source="definition",
)

FLOOR_DIVIDE = Operation(
    name="floor_divide",
    summary="The floor of the quotient.",
    traits=Trait.ELEMENTWISE | Trait.PIECEWISE_CONSTANT,
    signature=two,
    integers=np.floor_divide,
    forward=lambda a, b: (a / b).function("floor"),
    # with q = a/b and J the derivative of floor at q:  d/da = J/b,  d/db = -J q/b
    derivatives=(
        lambda g, y, a, b: g * _jump_of_quotient(a, b) / b,
        lambda g, y, a, b: -g * _jump_of_quotient(a, b) * a / (b * b),
    ),
    domain="b != 0, and a/b is no whole number",
    kinks="a whole quotient is a jump: anything; by convention 0",
    at_kink=lambda a, b: _at_whole(a / b).equals(0),
    source="definition",
)

REMAINDER = Operation(
    name="remainder",
    summary="What is left of a number after whole multiples of another; it has the other's sign.",
    traits=Trait.ELEMENTWISE,
    signature=two,
    integers=np.remainder,
    forward=lambda a, b: a - b * (a / b).function("floor"),
    # r = a - b floor(q) with q = a/b, and J the derivative of floor at q:
    # dr/da = 1 - J,  dr/db = -floor(q) + q J
    derivatives=(
        lambda g, y, a, b: g * (1 - _jump_of_quotient(a, b)),
        lambda g, y, a, b: g * (a / b * _jump_of_quotient(a, b) - (a / b).function("floor")),
    ),
    domain="b != 0, and a/b is no whole number",
    kinks="a whole quotient is a jump: anything; by convention that of either side",
    at_kink=lambda a, b: _at_whole(a / b).equals(0),
    source="definition",
    accurate=Accurate(
        forward=lambda a, b: a % b,
        # a/b may be rounded up to a whole number; a - (a mod b) is a whole multiple of b
        derivatives=(None, lambda g, y, a, b: -g * ((a - a % b) / b).function("round")),
        loses="a - b floor(a / b)",
        keeps="the remainder of a division, which is exact",
        source="IEEE 754-2019, section 5.3.1 (remainder)",
    ),
)
