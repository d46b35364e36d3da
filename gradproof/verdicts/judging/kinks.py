"""At a kink: is a claimed gradient one of those that the loss has there?

Where the loss has no derivative (ReLU at 0, tied maxima) programs follow conventions. A claim passes there if
it follows one of them everywhere, and is refuted if it is outside what the gradients nearby allow: their
sums over an axis, say, where each of two tied maxima is given all that they must share.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import GradproofError
from gradproof.reference.numbers import BallNumbers, Balls, Plain
from gradproof.reference.numbers.payload import Payload
from gradproof.reference.tape import OPERATIONS, Differentiation, Edge, Operation, Rule, differentiate
from gradproof.reference.truth import exact_gradient
from gradproof.verdicts.judging.claimed import Claimed, Place
from gradproof.verdicts.judging.evidence import Evidence, Loss
from gradproof.verdicts.judging.measuring import Agreement, compare, compare_all, midpoints
from gradproof.verdicts.tolerances import NEAR, SLACK
from gradproof.verdicts.verdict import Verdict

_MOST_DIRECTIONS = 64

Rules = Mapping[tuple[Operation, int], Rule]


@dataclass(frozen=True, eq=False)
class KinkOutcome:
    """What is said of a claim at a place where the loss may have a kink.

    Attributes:
        verdict: EQUAL, KINK, WRONG or UNDECIDED.
        reason: why.
        agreement: by parameter, the agreement with the convention that the claim follows; empty if with none.
    """

    verdict: Verdict
    reason: str
    agreement: Mapping[str, Agreement] = field(default_factory=dict)


def judge(
    claimed: Claimed, evidence: Evidence, found: Mapping[str, Agreement], *, differs: bool
) -> KinkOutcome:
    """Judge a claim that is not shown to be equal to the exact gradient, or that is not a single number.

    Args:
        claimed: a formula's.
        evidence: of the loss there; the exact gradient holds intervals at a kink.
        found: how the claim agrees with it.
        differs: whether some entry is proven to differ.
    """
    truth, place = evidence.truth, claimed.place
    kink = str(truth.kinks[0]) if truth.kinks else ""
    if differs and not _is_special(claimed, evidence.loss):
        return KinkOutcome(Verdict.WRONG, "it is proven to differ from the true gradient")
    if truth.kinks:
        if differs:
            # It differs where the exact gradient is a number, or from an interval as a whole.
            return KinkOutcome(Verdict.WRONG, f"it is proven to differ from every subgradient. {kink}")
        convention = _convention(evidence.loss, place, truth.precision, found)
        if convention is not None:
            usual, agreement = convention
            verdict = Verdict.EQUAL if usual else Verdict.KINK
            how = "the usual" if usual else "a common"
            return KinkOutcome(verdict, f"it follows {how} convention at a kink. {kink}", agreement)
    elif not differs:
        return KinkOutcome(Verdict.UNDECIDED, " ".join(truth.reasons))
    refuted = _outside(evidence.loss, place, found)
    if refuted:
        return KinkOutcome(Verdict.WRONG, f"{refuted} {kink}".strip())
    reason = kink or "The branches of the loss differ here, and the claim is among the gradients nearby."
    return KinkOutcome(Verdict.KINK, reason)


# -------------------------------------------------------------------- is the place special at all?


def _is_special(claimed: Claimed, loss: Loss) -> bool:
    """Whether the claim, as a formula, is right at a neighbour of the place."""
    assert claimed.formula is not None  # noqa: S101 - judged for formulas alone
    assert claimed.formula.elsewhere is not None  # noqa: S101 - their code is at hand
    random = np.random.default_rng(0)
    params = claimed.place.params
    moved = _moved(claimed.place, {n: random.normal(size=a.shape) for n, a in params.items()}, 1e-3)
    there = claimed.formula.elsewhere(moved)
    truth = exact_gradient(loss, moved.params, moved.batch)
    exact = {name: numbers.balls()[0, ...] for name, numbers in truth.gradients.items()}
    misshapen = any(n in exact and balls.shape != exact[n].shape for n, balls in there.values.items())
    if there.reason or misshapen or not truth.complete:
        return False
    found = compare_all(there.values, exact, float(abs(truth.value.values()[0])))
    if not all(np.all(each.equal) for each in found.values()):
        widened = there.widened()
        found = {name: each.explained_by(widened[name]) for name, each in found.items() if name in widened}
    return all(np.all(each.equal) for each in found.values())


def _moved(place: Place, direction: Mapping[str, Any], distance: float) -> Place:
    """Give a neighbour of a place, in the parameters alone."""
    return Place(
        {name: array + distance * _size(array) * direction[name] for name, array in place.params.items()},
        place.batch,
    )


def _size(array: NDArray[Any]) -> float:
    """Give the root mean square of an array; 1 where it is 0."""
    return float(np.sqrt(np.mean(np.square(array.astype(np.float64))))) or 1.0


# -------------------------------------------------------------------- conventions


class _ConventionNumbers(BallNumbers):
    """Balls that follow a convention where an operand is exactly at a kink, and tell the truth elsewhere."""

    __slots__ = ()

    def _step(self, x: Payload, at_zero: float) -> Payload:
        steps = super()._step(x, at_zero)
        exact = np.frompyfunc(lambda ball: ball.is_zero(), 1, 1)(x).astype(bool)
        return np.where(exact, self.kind.constant(at_zero).data.item(), steps)

    def _jump(self, x: Payload) -> Payload:
        exact = np.frompyfunc(lambda ball: ball.is_zero(), 1, 1)(x).astype(bool)
        return np.where(exact, self.kind.constant(0).data.item(), super()._jump(x))

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest = np.expand_dims(self._max(x, axes), axes)
        tied = np.asarray(x == greatest, dtype=bool)
        count = np.sum(tied, axis=axes, keepdims=True)
        decided = np.all(tied | np.asarray(x < greatest, dtype=bool), axis=axes, keepdims=True)
        equal = self.kind.constant(1.0).data.item() * tied / np.maximum(count, 1)
        return np.where(decided, equal, super()._shares(x, axes))


@dataclass(frozen=True)
class _ConventionBalls(Balls):
    def lift(self, values: NDArray[Any]) -> BallNumbers:
        return _ConventionNumbers(super().lift(values).data, self)


def _step_rules(at_zero: float) -> Rules:
    """Give rules for the operations with kinks under which the first operand's slope is `at_zero`."""
    c = at_zero
    return {
        (OPERATIONS["relu"], 0): lambda g, _, x: g * x.step(c),
        (OPERATIONS["abs"], 0): lambda g, _, x: g * (2 * x.step(c) - 1),
        (OPERATIONS["maximum"], 0): lambda g, _, a, b: g * (a - b).step(c),
        (OPERATIONS["maximum"], 1): lambda g, _, a, b: g * (b - a).step(1 - c),
        (OPERATIONS["minimum"], 0): lambda g, _, a, b: g * (b - a).step(c),
        (OPERATIONS["minimum"], 1): lambda g, _, a, b: g * (a - b).step(1 - c),
        (OPERATIONS["clip"], 0): lambda g, _, x, low, high: g * (x - low).step(c) * (high - x).step(c),
    }


def _ordered_shares(x: Any, axes: tuple[int, ...], *, last: bool) -> Any:
    """Give all of the maximum's derivative to the first, or to the last, of tied greatest entries."""
    tied = np.asarray(x.shares(axes).values()[0] > 0)
    order = np.arange(tied.size).reshape(tied.shape)
    order = order if last else -order
    ranked = np.where(tied, order, -tied.size)
    chosen = tied & (ranked == ranked.max(axis=axes, keepdims=True))
    return x.kind.constant(chosen.astype(np.float64))


def _share_rules(*, last: bool) -> Rules:
    def kept(g: Any, x: Any, axes: tuple[int, ...]) -> Any:
        return g.reshape([1 if axis - x.ndim in axes else n for axis, n in enumerate(x.shape)])

    return {
        (OPERATIONS["max"], 0): lambda g, _, x, *, axes, **__: (
            kept(g, x, axes) * _ordered_shares(x, axes, last=last)
        ),
        (OPERATIONS["min"], 0): lambda g, _, x, *, axes, **__: (
            kept(g, x, axes) * _ordered_shares(-x, axes, last=last)
        ),
    }


def _conventions() -> Iterator[Rules]:
    """Give the rules of each convention; the tape's own first."""
    yield {}
    for steps in ({}, _step_rules(0.0), _step_rules(1.0), _step_rules(0.5)):
        for shares in ({}, _share_rules(last=False), _share_rules(last=True)):
            if steps or shares:
                yield {**steps, **shares}


def _convention(
    loss: Loss, place: Place, precision: int, claims: Mapping[str, Agreement]
) -> tuple[bool, dict[str, Agreement]] | None:
    """Find a convention that the claim follows everywhere, and tell whether it is a usual one."""
    run = differentiate(loss, place.params, place.batch, _ConventionBalls(max(192, precision)))
    for number, rules in enumerate(_conventions()):
        agreement = _agreement(run, rules, claims)
        if agreement is not None:
            # ReLU's slope of 0 at 0 is as usual as the tape's own choice, for a maximum with 0 too.
            return number in {0, _RELU_LIKE}, agreement
    return None


_RELU_LIKE = 3
"""The place of the convention in `_conventions` that gives a slope of 0 at 0 and equal shares."""


def _agreement(
    run: Differentiation[Any], rules: Rules, claims: Mapping[str, Agreement]
) -> dict[str, Agreement] | None:
    """Compare the claim with the gradient under a convention; None if they do not agree."""
    changed = {}
    for edge in run.tape.edges:
        operation = run.tape.nodes[edge.node].operation
        rule = None if operation is None else rules.get((operation, edge.position))
        if rule is not None:
            changed[Edge(*edge)] = rule
    gradients: Mapping[str, Any] = run.tape.backward(changed)
    sizes = {name: float(np.max(np.abs(gradient.values()))) for name, gradient in gradients.items()}
    found = {}
    for name, each in claims.items():
        exact = gradients[name].balls()[0, ...]
        agreement = compare(each.value, exact, sizes[name] or max(sizes.values()))
        if not np.all(agreement.equal | each.constant):
            return None
        found[name] = agreement
    return found


# -------------------------------------------------------------------- what the neighbours allow


def _outside(loss: Loss, place: Place, claims: Mapping[str, Agreement]) -> str:
    """Say how a claim is outside of what the gradients nearby allow; nothing if it is not seen to be."""
    claimed = {name: midpoints(each.value) for name, each in claims.items()}
    if any(not np.all(np.isfinite(values)) for values in claimed.values()):
        return "It is not finite, and the gradients nearby are."
    sums = list(_sums(claimed))
    nearby = list(_nearby(loss, place, [(name, direction) for name, _, direction in sums]))
    if not nearby:
        return ""
    for name, words, direction in sums:
        values = [float(np.sum(gradient[name] * direction)) for gradient in nearby]
        size = max(float(np.sum(np.abs(gradient[name] * direction))) for gradient in nearby)
        ours = float(np.sum(claimed[name] * direction))
        slack = SLACK * max(size, abs(ours))
        if not min(values) - slack <= ours <= max(values) + slack:
            return (
                f"It is outside of all subgradients: {words} is {ours:.6g}, and between {min(values):.6g} "
                f"and {max(values):.6g} nearby."
            )
    return ""


def _sums(claimed: Mapping[str, NDArray[np.float64]]) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Give sums of entries to look at: of all, along each axis, and single entries; with words for them."""
    count = 0
    for name, values in claimed.items():
        yield name, f"the sum of the gradient of {name!r}", np.ones(values.shape)
        for axis in range(values.ndim if values.ndim > 1 else 0):
            for index in range(values.shape[axis]):
                count += 1
                if count > _MOST_DIRECTIONS:
                    return
                chosen = np.zeros(values.shape)
                chosen[(slice(None),) * axis + (index,)] = 1.0
                where = ",".join(str(index) if each == axis else ":" for each in range(values.ndim))
                yield name, f"the sum over {name}[{where}] of the gradient", chosen


def _nearby(
    loss: Loss, place: Place, directions: list[tuple[str, NDArray[np.float64]]]
) -> Iterator[Mapping[str, NDArray[np.float64]]]:
    """Give gradients at neighbours: towards the directions and away from them, and at random ones."""
    random = np.random.default_rng(0)
    for number in range(2 * len(directions) + 16):
        sign = 1.0 if number % 2 else -1.0
        target, towards = directions[number // 2] if number // 2 < len(directions) else ("", 0.0)
        # A little at random beside the direction, so that ties are broken.
        spread = 1e-3 if target else 1.0
        moves = {}
        for name, array in place.params.items():
            moves[name] = spread * random.normal(size=array.shape) + (
                sign * towards if name == target else 0.0
            )
        moved = _moved(place, moves, NEAR)
        try:
            run = differentiate(loss, moved.params, moved.batch, Plain())
        except GradproofError:
            return
        gradient = {name: numbers.values()[0, ...] for name, numbers in run.gradients.items()}
        if all(np.all(np.isfinite(values)) for values in gradient.values()):
            yield gradient
