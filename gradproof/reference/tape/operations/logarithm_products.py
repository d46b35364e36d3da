"""Products with logarithms, 0 where the factor is 0: functions of `xp.special`, by the names of scipy."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.tape.arguments import Value
from gradproof.reference.tape.operations.entry import Accurate, Operation, Reading, Trait

_COVER = "Cover and Thomas, Elements of Information Theory, 2nd ed. (2006), section 2.1"


def _x_and_y(x: Value, y: Value, /) -> Reading:
    return (x, y), {}


XLOGY = Operation(
    name="xlogy",
    summary="x log(y), and 0 where x is 0.",
    traits=Trait.ELEMENTWISE,
    signature=_x_and_y,
    # x log y, and 0 where x = 0 even if y = 0: a class of probability 0 costs nothing
    forward=lambda x, p: (x * p.function("log")).select(~x.equals(0), 0),
    derivatives=(
        lambda g, y, x, p: g * p.function("log"),
        lambda g, y, x, p: (g * x / p).select(~x.equals(0), 0),
    ),
    domain="p > 0, or x = 0",
    source=_COVER,
)

XLOG1PY = Operation(
    name="xlog1py",
    summary="x log(1 + y), and 0 where x is 0.",
    traits=Trait.ELEMENTWISE,
    signature=_x_and_y,
    forward=lambda x, p: (x * p.function("log1p")).select(~x.equals(0), 0),
    derivatives=(
        lambda g, y, x, p: g * p.function("log1p"),
        lambda g, y, x, p: (g * x / (1 + p)).select(~x.equals(0), 0),
    ),
    domain="p > -1, or x = 0",
    source=_COVER,
    accurate=Accurate(
        loses="1 + p, which is rounded",
        keeps="1 + p with all its digits",
        source="NIST Digital Library of Mathematical Functions, 4.10(i)",
    ),
)
