"""Where a loss has no derivative: the gradients that programs' conventions give there, and those nearby.

At a kink (ReLU at 0, tied maxima) the truth is an interval, and programs follow conventions. A convention
fixes the slope at 0 of the operations with kinks, and who of tied entries has the maximum's derivative.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import GradproofError
from gradproof.reference.numbers import BallNumbers, Balls, Plain
from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.numbers.elementary import ZERO, on_balls
from gradproof.reference.numbers.payload import Payload
from gradproof.reference.tape import OPERATIONS, Edge, Loss, Operation, Rule, differentiate

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Rules = Mapping[tuple[Operation, int], Rule]

_PRECISION = 192


# -------------------------------------------------------------------- conventions


@dataclass(frozen=True, eq=False)
class Convention:
    """The gradient of a loss under one convention at kinks.

    Attributes:
        usual: whether most programs follow it: a slope of 0 for ReLU, equal shares or none for ties.
        gradients: by parameter, as `flint.arb`.
    """

    usual: bool
    gradients: Mapping[str, NDArray[np.object_]]


def conventions(
    loss: Loss, params: Arrays, batch: Arrays, precision: int = _PRECISION
) -> Iterator[Convention]:
    """Give the gradient under each convention, one after the other; the tape's own first.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats, taken as exact.
        batch: by name, arrays.
        precision: bits of the balls, if more than 192.

    >>> found = conventions(lambda xp, p, b: xp.nn.relu(p["w"]), {"w": np.array(0.0)}, {})
    >>> [float(each.gradients["w"]) for each in found][::3]
    [0.0, 0.0, 1.0, 0.5]
    """
    run = differentiate(loss, params, batch, _ConventionBalls(max(_PRECISION, precision)))
    for usual, rules in _each_convention():
        changed = {}
        for edge in run.tape.edges:
            operation = run.tape.nodes[edge.node].operation
            rule = None if operation is None else rules.get((operation, edge.position))
            if rule is not None:
                changed[Edge(*edge)] = rule
        gradients: Mapping[str, Any] = run.tape.backward(changed)
        yield Convention(usual, {name: balls.balls()[0, ...] for name, balls in gradients.items()})


_is_zero = on_balls(arb.is_zero)


class _ConventionNumbers(BallNumbers):
    """Balls that follow a convention where an operand is exactly at a kink, and tell the truth elsewhere."""

    __slots__ = ()

    def _step(self, x: Payload, at_zero: float) -> Payload:
        return np.where(
            _is_zero(x).astype(bool), self.kind.constant(at_zero).data.item(), super()._step(x, at_zero)
        )

    def _jump(self, x: Payload) -> Payload:
        return np.where(_is_zero(x).astype(bool), ZERO, super()._jump(x))

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest = np.expand_dims(self._max(x, axes), axes)
        tied = np.asarray(x == greatest, dtype=bool)
        count = np.sum(tied, axis=axes, keepdims=True)
        decided = np.all(tied | np.asarray(x < greatest, dtype=bool), axis=axes, keepdims=True)
        equal = self.kind.constant(1.0).data.item() * tied / np.maximum(count, 1)
        return np.where(decided, equal, super()._shares(x, axes))


@dataclass(frozen=True)
class _ConventionBalls(Balls):
    def lift(self, values: Array) -> BallNumbers:
        return _ConventionNumbers(super().lift(values).data, self)


def _each_convention() -> Iterator[tuple[bool, Rules]]:
    """Give whether each convention is usual, and its rules; the tape's own first."""
    yield True, {}
    for slope in (None, 0.0, 1.0, 0.5):
        steps = {} if slope is None else _step_rules(slope)
        for shares in ({}, _share_rules(last=False), _share_rules(last=True)):
            if steps or shares:
                # ReLU's slope of 0 at 0 is as usual as the tape's own choice, for a maximum with 0 too.
                yield slope == 0.0 and not shares, {**steps, **shares}


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


def _share_rules(*, last: bool) -> Rules:
    """Give rules under which the first, or the last, of tied entries has all of the derivative."""

    def of(sign: int) -> Rule:
        def rule(g: Any, _: Any, x: Any, *, axes: tuple[int, ...], **__: Any) -> Any:
            return kept(g, x, axes) * _ordered_shares(x if sign > 0 else -x, axes, last=last)

        return rule

    return {(OPERATIONS["max"], 0): of(1), (OPERATIONS["min"], 0): of(-1)}


def _ordered_shares(x: Any, axes: tuple[int, ...], *, last: bool) -> Any:
    """Give all of the maximum's derivative to the first, or to the last, of tied greatest entries."""
    tied = np.asarray(x.shares(axes).values()[0] > 0)
    order = np.arange(tied.size).reshape(tied.shape)
    order = order if last else -order
    ranked = np.where(tied, order, -tied.size)
    chosen = tied & (ranked == ranked.max(axis=axes, keepdims=True))
    return x.kind.constant(chosen.astype(np.float64))


# -------------------------------------------------------------------- neighbours


def moved(params: Arrays, direction: Mapping[str, Any], distance: float) -> dict[str, Array]:
    """Move parameters, each by so much of its size: its root mean square, or 1 if that is 0."""

    def size(array: Array) -> float:
        return float(np.sqrt(np.mean(np.square(array.astype(np.float64))))) or 1.0

    # NumPy makes bare numbers of arrays without axes, and a bare number would be a constant of the code.
    return {
        name: np.asarray(array + distance * size(array) * direction[name]) for name, array in params.items()
    }


def nearby(
    loss: Loss,
    params: Arrays,
    batch: Arrays,
    directions: Sequence[tuple[str, Array]],
    distance: float,
) -> Iterator[Mapping[str, NDArray[np.float64]]]:
    """Give finite gradients at neighbours, in float64, one after the other.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        directions: parameters, and the directions to go towards and away from in them; a few random ones
            follow.
        distance: how far, relative to each parameter's size.
    """
    random = np.random.default_rng([0, 14])
    for number in range(2 * len(directions) + 16):
        sign = 1.0 if number % 2 else -1.0
        target, towards = directions[number // 2] if number // 2 < len(directions) else ("", 0.0)
        # A little at random beside the direction, so that ties are broken.
        spread = 1e-3 if target else 1.0
        moves = {
            name: spread * random.normal(size=array.shape) + (sign * towards if name == target else 0.0)
            for name, array in params.items()
        }
        try:
            run = differentiate(loss, moved(params, moves, distance), batch, Plain())
        except GradproofError:
            return
        gradient = {name: numbers.values()[0, ...] for name, numbers in run.gradients.items()}
        if all(np.all(np.isfinite(values)) for values in gradient.values()):
            yield gradient


def sums(shapes: Mapping[str, tuple[int, ...]], most: int = 64) -> Iterator[tuple[str, str, Array]]:
    """Give sums of a gradient's entries to look at: of all, and along each axis; with words for them.

    Args:
        shapes: by parameter.
        most: how many of those along an axis.
    """
    count = 0
    for name, shape in shapes.items():
        yield name, f"the sum of the gradient of {name!r}", np.ones(shape)
        for axis in range(len(shape) if len(shape) > 1 else 0):
            for index in range(shape[axis]):
                count += 1
                if count > most:
                    return
                chosen = np.zeros(shape)
                chosen[(slice(None),) * axis + (index,)] = 1.0
                where = ",".join(str(index) if each == axis else ":" for each in range(len(shape)))
                yield name, f"the sum over {name}[{where}] of the gradient", chosen
