"""Which of a framework's own functions have fewer digits than its dtype, and whether that explains an error.

A framework is asked for what its functions give of the very numbers that the loss hands to them at a step.
What they ought to give is known in certified arithmetic.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import Loss, Tensor, Trait, differentiate
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.judging.floats import Assessment
from gradproof.verdicts.tolerances import FUNCTION_UNITS, SPREADS
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]

OwnFunction = Callable[[str, Array, Mapping[str, Any]], Array | None]
"""Gives what a framework's function of that name makes of an array, in its dtype; None if there is none."""

_DRAWS, _SEED = 8, 20260101


@dataclass(frozen=True)
class Inaccurate:
    """A function of a framework's at the number where it is furthest off.

    Attributes:
        name: the function's.
        where: the name and the line of the loss.
        error: the proven relative error.
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
    own: OwnFunction,
    assessed: Mapping[str, Assessment],
) -> Cause | None:
    """Name the framework's function that has fewer digits than the dtype, where that explains what is wrong.

    It does where gradients that are as far off as these come of results that are off at random by as much.

    Args:
        loss: called as `loss(xp, params, batch)`.
        params: flat, without a leading axis of steps.
        batch: likewise.
        dtype: what the framework computed in.
        own: the framework's functions.
        assessed: what the rule says of every parameter's gradient there.
    """
    found = [*_inaccurate(loss, params, batch, dtype, own)]
    if not found:
        return None
    worst = {each.name: each for each in sorted(found, key=lambda each: each.error)}
    deviations = _deviations(loss, params, batch, {name: each.error for name, each in worst.items()})
    wrong = [name for name, each in assessed.items() if np.any(each.verdict >= CODE[Verdict.DISAGREES])]
    explained = tuple(
        name for name in wrong if np.all(assessed[name].error.reshape(-1) <= SPREADS * deviations[name])
    )
    if not explained:
        return None
    named = max(found, key=lambda each: each.error)
    digits, all_digits = int(-np.log10(named.error)), round(-np.log10(FORMATS[dtype].unit_roundoff))
    others = ", ".join(sorted(worst.keys() - {named.name}))
    text = (
        f"{named.where} has {digits} of {all_digits} digits in {dtype}: of {named.operand!r} it gives "
        f"{named.value!r}, and {named.exact!r} is exact{others and f'; {others} likewise'}"
    )
    return Cause(CauseKind.FUNCTION_INACCURATE.slug, named.where, None, text, explained)


def _inaccurate(
    loss: Loss, params: Mapping[str, Array], batch: Mapping[str, Array], dtype: str, own: OwnFunction
) -> Iterator[Inaccurate]:
    kind, unit = Balls(), FORMATS[dtype].unit_roundoff
    for node in differentiate(loss, params, batch, Plain()).tape.nodes:
        if node.operation is None or (options := _options(node)) is None:
            continue
        operand = node.parents[0].value.data[0].astype(dtype)
        value = own(node.operation.name, operand[0], options)
        if value is None or value.shape != node.shape or value.dtype != dtype:
            continue
        with kind.context():
            exact: Any = node.operation.forward(kind.lift(operand.astype(np.float64)), **node.arguments)
            least = exact.difference_from(value[np.newaxis]).lower
        size = np.abs(exact.values())
        # Along an axis, a term that cancels is as exact as what it cancels from.
        allowed = FUNCTION_UNITS * unit * (size + np.max(np.abs(operand), initial=0.0) if options else size)
        off = (least > allowed) & np.isfinite(least) & (size >= FORMATS[dtype].smallest_normal)
        error = np.divide(least, size, out=np.zeros_like(size), where=off)
        if np.any(off):
            at = np.unravel_index(np.argmax(error), error.shape)
            yield Inaccurate(
                node.operation.name,
                f"{node.operation.name} at {node.source}",
                float(error[at]),
                *(float(array[at]) for array in (operand, value[np.newaxis], exact.values())),
            )


def _options(node: Tensor) -> dict[str, Any] | None:
    """Give what a function of one number, or of those along an axis, is called with; None for others."""
    assert node.operation is not None  # noqa: S101 - the caller has looked
    if len(node.parents) != 1:
        return None
    if not node.arguments and Trait.ELEMENTWISE in node.operation.traits:
        return {}
    if Trait.NORMALISES in node.operation.traits and [*node.arguments] == ["axes"]:
        (axis,) = node.arguments["axes"]
        return {"axis": axis}
    return None


def _deviations(
    loss: Loss, params: Mapping[str, Array], batch: Mapping[str, Array], errors: Mapping[str, float]
) -> dict[str, Array]:
    """Give how far gradients are off, in root mean square, where functions' results are off at random."""
    random = np.random.default_rng(_SEED)

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
        if name == "nn":
            return _Perturbed(found, self._errors, self._random)
        if name not in self._errors:
            return found

        def off(*arguments: Any, **options: Any) -> Any:
            result = found(*arguments, **options)
            # What comes after sees another value, and what is handed back is multiplied by another slope.
            value, slope = (self._errors[name] * self._random.uniform(-1, 1, size=result.shape) for _ in "vs")
            return result * (1 + slope) + value * result.value.data[0][0]

        return off
