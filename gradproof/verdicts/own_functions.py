"""Which of a framework's own functions have fewer digits than its dtype, and whether that explains an error.

A framework is asked for what its functions give of the very numbers that the loss hands to them at a step.
What they ought to give is known in certified arithmetic.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import Loss, Operation, Tensor, Trait, differentiate
from gradproof.reference.tape.operations.neural import GELU, GELU_TANH
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.judging.floats import Assessment
from gradproof.verdicts.tolerances import FUNCTION_UNITS, SPREADS
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]

_DRAWS = 8


@dataclass(frozen=True)
class Inaccurate:
    """A function of a framework's at the number where it is furthest off.

    Attributes:
        name: the function's.
        where: the name and the line of the loss.
        error: the proven error, beside the number and the exact value together: what cancels in a textbook's
            formula (GELU far below 0) is not meant.
        operand: the number.
        value: what the framework gives.
        exact: what is exact.
    """

    name: str
    where: str
    error: float
    operand: float
    value: float
    exact: float


def inaccurate_function(
    loss: Loss,
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    dtype: str,
    framework: Framework,
    assessed: Mapping[str, Assessment],
) -> Cause | None:
    """Name the framework's function that has fewer digits than the dtype, where that explains what is wrong.

    It does where gradients that are as far off as these come of results that are off at random by as much.

    Args:
        loss: called as `loss(xp, params, batch)`.
        params: flat, without a leading axis of steps.
        batch: likewise.
        dtype: what the framework computed in.
        framework: whose functions are asked for what they give.
        assessed: what the rule says of every parameter's gradient there.
    """
    found = [*_inaccurate(loss, params, batch, dtype, framework)]
    if not found:
        return None
    worst = {each.name: each for each in sorted(found, key=lambda each: each.error)}
    deviations = _deviations(loss, params, batch, {name: each.error for name, each in worst.items()})
    wrong = {name: each.verdict >= CODE[Verdict.DISAGREES] for name, each in assessed.items()}
    explained = tuple(
        name
        for name, entries in wrong.items()
        if np.any(entries) and np.all((assessed[name].error <= SPREADS * deviations[name])[entries])
    )
    if not explained:
        return None
    named = max(found, key=lambda each: each.error)
    digits = max(0, int(-np.log10(abs(named.value / named.exact - 1))))
    all_digits = round(-np.log10(FORMATS[dtype].unit_roundoff))
    others = ", ".join(sorted(worst.keys() - {named.name}))
    text = (
        f"{framework.name}'s {named.where} has {digits} of {all_digits} digits in {dtype}: of "
        f"{named.operand!r} it gives {named.value!r}, and {named.exact!r} is "
        f"exact{others and f'; {others} likewise'}"
    )
    return Cause(CauseKind.FUNCTION_INACCURATE.slug, named.where, None, text, explained)


def _inaccurate(
    loss: Loss, params: Mapping[str, Array], batch: Mapping[str, Array], dtype: str, framework: Framework
) -> Iterator[Inaccurate]:
    kind, unit = Balls(), FORMATS[dtype].unit_roundoff
    for node in differentiate(loss, params, batch, Plain()).tape.nodes:
        if node.operation is None or (call := _call(node.operation, node)) is None:
            continue
        operand = node.parents[0].value.data[0][0].astype(dtype)
        value = framework.evaluated(call[0], operand, call[1])
        if value is None or value.shape != node.shape or value.dtype != dtype:
            continue
        with kind.context():
            given = kind.lift(operand[np.newaxis].astype(np.float64))
            exact: Any = node.operation.forward(given, **node.arguments)
            least = exact.difference_from(value[np.newaxis]).lower[0]
        midpoints = exact.values()[0]
        size = np.abs(midpoints) + np.abs(operand)
        error = np.divide(least, size, out=np.zeros_like(size), where=np.isfinite(least) & (midpoints != 0))
        at = np.unravel_index(np.argmax(error), error.shape)
        if error[at] > FUNCTION_UNITS * unit:
            where = f"{call[0]} at {node.source}"
            numbers = (float(array[at]) for array in (operand, value, midpoints))
            yield Inaccurate(call[0], where, float(error[at]), *numbers)


def _call(operation: Operation, node: Tensor) -> tuple[str, dict[str, Any]] | None:
    """Tell how a function of one number, or of those along an axis, is called; None for others."""
    if operation is GELU_TANH:
        return GELU.name, {"approximate": "tanh"}
    if len(node.parents) != 1 or not node.value.size:
        return None
    if not node.arguments and Trait.ELEMENTWISE in operation.traits:
        return operation.name, {}
    if Trait.NORMALISES in operation.traits and [*node.arguments] == ["axes"]:
        (axis,) = node.arguments["axes"]
        return operation.name, {"axis": axis}
    return None


def _deviations(
    loss: Loss, params: Mapping[str, Array], batch: Mapping[str, Array], errors: Mapping[str, float]
) -> dict[str, Array]:
    """Give how far gradients are off, in root mean square, where functions' results are off at random."""
    random = np.random.default_rng([0, 16])

    def gradients(errors: Mapping[str, float]) -> dict[str, Array]:
        def perturbed(xp: Any, *arguments: Any) -> Any:
            return loss(_Perturbed(xp, errors, random), *arguments)

        run = differentiate(perturbed, params, batch, Plain())
        return {name: each.data[0].reshape(-1) for name, each in run.gradients.items()}

    true = gradients({})
    draws = [gradients(errors) for _ in range(_DRAWS)]
    return {
        name: np.sqrt(np.mean([(draw[name] - true[name]) ** 2 for draw in draws], axis=0)) for name in true
    }


class _Perturbed:
    """A namespace some of whose functions are off at random."""

    def __init__(self, xp: Any, errors: Mapping[str, float], random: np.random.Generator) -> None:
        self._xp, self._errors, self._random = xp, errors, random

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._xp, name)
        if name in {"nn", "special"}:
            return _Perturbed(found, self._errors, self._random)
        if name not in self._errors:
            return found

        def off(x: Any, *arguments: Any, **options: Any) -> Any:
            result, error = found(x, *arguments, **options), self._errors[name]
            if not (isinstance(x, Tensor) and isinstance(result, Tensor)):
                return result  # of integers of the batch
            # What comes after sees another value, and what is handed back is multiplied by another slope.
            value, slope = (error * self._random.uniform(-1, 1, size=result.shape) for _ in range(2))
            y, x = (np.abs(each.value.data[0][0]) for each in (result, x))
            return result * (1 + slope) + value * (y + x)

        return off
