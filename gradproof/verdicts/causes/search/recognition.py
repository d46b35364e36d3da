"""Recognises known functions that a loss writes out: 1/(1 + exp(-z)) is sigmoid(z).

Who derives a gradient by hand uses sigmoid', where the tape sees exp, add and divide. A value that equals a
known function of a value it is computed from is taken as that function, as one operation. Values are compared
in float64: a recognised function that is none would give a mutant that certified arithmetic does not confirm.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Operation, Tape, Tensor, Trait
from gradproof.reference.tape.operations import along_axes, entrywise, moving, neural
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Composite, Graph, Views

_REGION = 14
"""At most so many operations are taken together."""

Values: TypeAlias = NDArray[np.float64]


def composed(tape: Tape, balls: Tape) -> Views:
    """See a loss with its composites, but for those whose derivative shows that they are something else.

    Where all values are 0, sin(x) is tanh(x) too.
    """
    return _seen(tape, balls, composites(tape, balls))


def standardised(tape: Tape, balls: Tape) -> Views | None:
    """See a loss with its normalisations taken whole too, as their gradients are written; None without."""
    candidates = {index: _standardised(tensor, tape, balls) for index, tensor in enumerate(tape.nodes)}
    found = {index: each for index, each in candidates.items() if each is not None}
    return _seen(tape, balls, composites(tape, balls) | found) if found else None


def _seen(tape: Tape, balls: Tape, found: dict[int, Composite]) -> Views:
    while True:
        plain = Graph(tape, found)
        views = Views(plain, Graph(balls, found, plain))
        strange = [
            index for index, each in found.items() if not _same_adjoint(views.balls, balls, each.operand)
        ]
        if not strange:
            return views
        # what the last one hands on reaches all the others
        del found[max(strange)]


def _same_adjoint(graph: Graph, balls: Tape, index: int) -> bool:
    """Tell whether the balls leave it open that a value's adjoint is that of the loss as it is written."""
    ours, theirs = graph.adjoints[index], balls.adjoint(balls.nodes[index])
    return ours is None or theirs is None or _overlap(ours, theirs)


def composites(tape: Tape, balls: Tape) -> dict[int, Composite]:
    """Find the composites of a loss, by the index of their result.

    Args:
        tape: a run in plain float64, where candidates are looked for.
        balls: the same run in balls, which must agree: where functions saturate, tanh(x) and exp(x) - 1 are
            the same float.
    """
    found: dict[int, Composite] = {}
    for tensor in tape.nodes:
        with tape.kind.context():
            candidates = [c for c in (_structural(tensor),) if c] or list(_by_value(tensor, tape, found))
        for composite in candidates:
            if tensor.index is not None and _certified(composite, tensor.index, balls):
                found[tensor.index] = composite
                break
    return found


def _certified(composite: Composite, index: int, balls: Tape) -> bool:
    """Tell whether the balls leave it open that a value is the function."""
    with balls.kind.context():
        value = composite.operation.forward(balls.nodes[composite.operand].value, **composite.arguments)
        return _overlap(value, balls.nodes[index].value)


def _overlap(one: Array, other: Array) -> bool:
    pairs = zip(one.data.ravel(), other.data.ravel(), strict=True)
    return all(ours.overlaps(theirs) for ours, theirs in pairs)


def _standardised(tensor: Tensor, tape: Tape, balls: Tape) -> Composite | None:
    """Recognise the deviations from a mean over their root mean square, with or without an epsilon."""
    if tensor.operation not in _QUOTIENTS:
        return None
    values = _values(tensor)
    means = [axes for axes in _axes(values.ndim) if _is_centred(values, axes)]
    for ancestor, inner in reversed(_cuts(tensor)) if means else ():
        operand = tape.nodes[ancestor]
        if operand.shape != values.shape:
            continue
        for axes in means:
            for epsilon in (0.0, *_epsilons(inner)):
                found = Composite(neural.STANDARDIZE, ancestor, {"axes": axes, "epsilon": epsilon})
                with np.errstate(all="ignore"), tape.kind.context():
                    expected = neural.STANDARDIZE.forward(operand.value, **found.arguments).data[0, 0, ...]
                if np.allclose(expected, values, rtol=1e-9, atol=1e-12) and _certified(
                    found, tensor.index or 0, balls
                ):
                    return found
    return None


def _axes(ndim: int) -> list[tuple[int, ...]]:
    """Give the axes that a reduction may run along: one, all, or two beside one another."""
    single = [(axis,) for axis in range(-1, -ndim - 1, -1)]
    return list(dict.fromkeys([*single, tuple(range(-ndim, 0)), *pairwise(range(-ndim, 0))]))


def _is_centred(values: Values, axes: tuple[int, ...]) -> bool:
    size = float(np.max(np.abs(values), initial=0.0))
    return bool(size > 0 and np.all(np.abs(values.mean(axes)) <= 1e-9 * size))


def _epsilons(inner: Sequence[Tensor]) -> list[float]:
    """Give the constants that are added between."""
    added = [parent for each in inner if each.operation is entrywise.ADD for parent in each.parents]
    return [float(_values(each).flat[0]) for each in added if each.index is None and _values(each).size == 1]


def _structural(tensor: Tensor) -> Composite | None:
    """Recognise products of a value with itself, and a maximum with zero."""
    operation, parents = tensor.operation, tensor.parents
    if operation is entrywise.MULTIPLY and parents[0] is parents[1] and parents[0].index is not None:
        return Composite(entrywise.SQUARE, parents[0].index)
    if operation in {entrywise.MAXIMUM, entrywise.WHERE, entrywise.MULTIPLY, entrywise.CLIP}:
        for position, parent in enumerate(parents):
            others = [other for i, other in enumerate(parents) if i != position]
            if parent.index is not None and all(_plays_zero(operation, other) for other in others):
                relu = np.maximum(_values(parent), 0.0)
                if relu.shape == tensor.shape and np.array_equal(relu, _values(tensor)):
                    return Composite(neural.RELU, parent.index)
    return None


def _plays_zero(operation: Operation | None, other: Tensor) -> bool:
    """Whether the other operand can be what makes a relu: zeros, or a mask of zeros and ones."""
    if other.index is not None:
        return False
    values = _values(other)
    return bool(np.all((values == 0) | ((values == 1) & (operation is entrywise.MULTIPLY))))


def _by_value(tensor: Tensor, tape: Tape, found: Mapping[int, Composite]) -> Iterator[Composite]:
    values = _values(tensor)
    if not np.all(np.isfinite(values)):
        return
    candidates = [
        operation
        for operation, (last, possible) in _FUNCTIONS.items()
        if tensor.operation in last and possible(values)
    ]
    for ancestor, inner in reversed(_cuts(tensor)) if candidates else []:
        operand = tape.nodes[ancestor]
        for operation in candidates:
            for arguments in _arguments(operation, operand.shape, tensor.shape):
                with np.errstate(all="ignore"):
                    expected = operation.forward(operand.value, **arguments).data[0, 0, ...]
                if expected.shape != values.shape:
                    continue
                same = np.allclose(expected, values, rtol=tolerances.SAME_FUNCTION, atol=0)
                if same and not (operation in _REFLECTED and _holds(operation, inner, found)):
                    yield Composite(operation, ancestor, arguments)


def _cuts(tensor: Tensor) -> list[tuple[int, Sequence[Tensor]]]:
    """Give the ancestors through which all dependence on parameters passes, and what lies between.

    The nearest is first; the farthest counts: softmax(z - max z) is softmax(z). An operation by itself is no
    composite.
    """
    found: list[tuple[int, Sequence[Tensor]]] = []
    inner: list[Tensor] = []
    frontier = {tensor.index or 0: tensor}
    while len(inner) < _REGION:
        # all that is computed from what is in front has been taken already
        last = frontier.pop(max(frontier))
        if not last.parents:
            break  # a parameter: whatever else is in front is no cut
        inner.append(last)
        frontier |= {parent.index: parent for parent in last.parents if parent.index is not None}
        if len(frontier) == 1 and len(inner) > 1:
            found.append((min(frontier), inner[1:]))
    return found


def _holds(operation: Operation, inner: Sequence[Tensor], found: Mapping[int, Composite]) -> bool:
    """Tell whether a function was recognised on the way: 1 - sigmoid(z) is not taken as sigmoid(-z)."""
    recognised = (found.get(tensor.index or 0) for tensor in inner)
    return any(
        operation in {tensor.operation, each and each.operation}
        for tensor, each in zip(inner, recognised, strict=True)
    )


def _values(tensor: Tensor) -> Values:
    values: Values = tensor.value.data[0, 0, ...]
    return values


# ------------------------------------------------------------------------ what is recognised


def _arguments(
    operation: Operation, operand: tuple[int, ...], result: tuple[int, ...]
) -> Iterator[Mapping[str, Any]]:
    """Give the arguments that a function may have had, from the shapes of its operand and its result."""
    ndim = len(operand)
    if Trait.REDUCTION not in operation.traits:
        if operand == result:
            along_an_axis = Trait.NORMALISES in operation.traits
            yield from ({"axes": (axis,)} for axis in range(-1, -ndim - 1, -1)) if along_an_axis else [{}]
        return
    for axes in _axes(ndim):
        keeping = tuple(1 if axis - ndim in axes else n for axis, n in enumerate(operand))
        dropping = tuple(n for axis, n in enumerate(operand) if axis - ndim not in axes)
        for keepdims, shape in ((True, keeping), (False, dropping)):
            if shape == result and shape != operand:
                corrections = [{"correction": 0}, {"correction": 1}] if operation in _CORRECTED else [{}]
                yield from ({"axes": axes, "keepdims": keepdims, **each} for each in corrections)


def _between(low: float, high: float = np.inf) -> Callable[[Values], bool]:
    return lambda y: bool(np.all((y >= low) & (y <= high)))


def _sums_to_one(values: Values) -> bool:
    sums = (values.sum(axis) for axis in range(values.ndim) if values.shape[axis] > 1)
    return bool(np.all(values >= 0)) and any(np.allclose(each, 1.0, rtol=1e-12) for each in sums)


_REFLECTED = frozenset({neural.SIGMOID, entrywise.TANH})
"""Functions that a constant and a sign turn into themselves."""

_CORRECTED = frozenset({along_axes.VAR, along_axes.STD})
"""Functions whose divisor may be one less."""

_TERMS = {entrywise.ADD, entrywise.SUBTRACT}
_QUOTIENTS = {entrywise.DIVIDE, entrywise.MULTIPLY}
_POWERS = {entrywise.INTEGER_POWER, entrywise.POW}

_FUNCTIONS: dict[Operation, tuple[Container[Operation | None], Callable[[Values], bool]]] = {
    neural.SIGMOID: (_QUOTIENTS | _POWERS | _TERMS, _between(0, 1)),
    entrywise.TANH: (_QUOTIENTS | _POWERS | _TERMS, _between(-1, 1)),
    entrywise.EXPM1: (_TERMS, _between(-1)),
    neural.SOFTMAX: (_QUOTIENTS | {entrywise.EXP}, _sums_to_one),
    neural.LOG_SOFTMAX: (
        _TERMS | {entrywise.LOG},
        lambda y: _between(-np.inf, 0)(y) and _sums_to_one(np.exp(y)),
    ),
    neural.LOGSUMEXP: ({entrywise.LOG, entrywise.ADD, moving.SQUEEZE, moving.RESHAPE}, lambda _: True),
    neural.SOFTPLUS: (_TERMS | {entrywise.LOG, entrywise.LOG1P}, _between(0)),
    along_axes.MEAN: (_QUOTIENTS, lambda _: True),
    along_axes.VAR: (_QUOTIENTS | {along_axes.MEAN}, _between(0)),
    along_axes.STD: ({entrywise.SQRT, entrywise.POW}, _between(0)),
}
"""What is recognised: which operations compute it last, and what its results look like."""
