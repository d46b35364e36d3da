"""Mistakes in operations along axes: deviations from the mean, running sums, shares of a tied maximum."""

from collections.abc import Iterator

from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import along_axes
from gradproof.verdicts.causes.graph import Array, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Mistake, having, rule, wrong


@rule({along_axes.VAR, along_axes.STD})
def spread(use: Use) -> Iterator[Mistake]:
    """dv/dx_i = 2 (x_i - m) / (n - c) for v = sum (x_i - m)^2 / (n - c); ds = dv / (2 s) for s = sqrt(v)."""
    x, axes, correction = use.x, use.arguments["axes"], use.arguments["correction"]
    n = x.count(axes)
    other = 1 if correction == 0 else 0

    def with_the_mean(g: Array) -> Array:
        # what the mean takes off the deviations is put back
        incoming = kept(2 * g if use.operation is along_axes.VAR else g / use.y, x, axes)
        back: Array = incoming * (x.sum(axes, keepdims=True) / n) / (n - correction)
        return use.pull(g) + back

    if n > 1:
        divisor = f"the divisor n - {other} instead of n - {correction} in the derivative of $at"
        change = {divisor: lambda g: use.pull(g) * (n - correction) / (n - other)}
        yield from wrong(CauseKind.CONSTANT_FACTOR, change, 2)
        values = "the values themselves in place of the deviations from the mean in the derivative of $at"
        yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, {values: with_the_mean})


@rule({along_axes.CUMULATIVE_SUM})
def running_sums(use: Use) -> Iterator[Mistake]:
    """x_i is in the running sums from i on: g is summed from the end."""
    axis, n = use.arguments["axis"], use.shape[use.arguments["axis"]]
    words = "the running sums taken in the wrong direction in the derivative of $at"
    # a result that begins with 0 has one entry more than its operand
    yield Mistake(
        CauseKind.WRONG_ORDER,
        words,
        lambda g: g.part(axis, g.shape[axis] - n, g.shape[axis]).cumulative_sum(axis),
    )
    exclusive = "each entry left out of its own running sum in the derivative of $at"
    yield Mistake(
        CauseKind.DERIVATIVE_INCOMPLETE,
        exclusive,
        lambda g: use.pull(g) - g.part(axis, g.shape[axis] - n, g.shape[axis]),
    )


@rule(having(Trait.EXTREMUM))
def ties(use: Use) -> Iterator[Mistake]:
    """pull(g) = g w with shares w that add up to 1: every entry with a share gets all of g."""

    def full(g: Array) -> Array:
        # g [w > 0] = pull(g) [w > 0] / w
        weights = use.weights
        return use.pull(g) * use.graph.kind.constant((weights > 0) / (weights + (weights <= 0)))

    all_of_it = (
        "the whole gradient given to each of the tied entries of $at, which must share it (no subgradient)"
    )
    yield from wrong(CauseKind.TIES_FULL_CREDIT, {all_of_it: full})
