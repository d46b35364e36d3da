"""Recognises known functions that a loss writes out: 1/(1 + exp(-z)) is sigmoid(z).

Who derives a gradient by hand uses sigmoid', where the tape sees exp, add and divide. A value that equals a
known function of a value it is computed from is taken as that function, as one operation. Values are compared
in float64: a recognised function that is none would give a mutant that certified arithmetic does not confirm.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import OPERATIONS, Tape, Tensor
from gradproof.verdicts.causes.graph import Composite

_REGION = 14
"""At most so many operations are taken together."""

_SAME = 1e-9
"""Relative distance of values that count as the same function's."""

Values = NDArray[np.float64]


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
        ours, theirs = value.data.ravel(), balls.nodes[index].value.data.ravel()
        return all(one.overlaps(other) for one, other in zip(ours, theirs, strict=True))


def _structural(tensor: Tensor) -> Composite | None:
    """Recognise products of a value with itself, and a maximum with zero."""
    name, parents = _name(tensor), tensor.parents
    if name == "multiply" and parents[0] is parents[1] and parents[0].index is not None:
        return Composite(OPERATIONS["square"], parents[0].index)
    if name in {"maximum", "where", "multiply", "clip"}:
        for position, parent in enumerate(parents):
            others = [other for i, other in enumerate(parents) if i != position]
            if parent.index is not None and all(_plays_zero(name, other) for other in others):
                relu = np.maximum(_values(parent), 0.0)
                if relu.shape == tensor.shape and np.array_equal(relu, _values(tensor)):
                    return Composite(OPERATIONS["relu"], parent.index)
    return None


def _plays_zero(name: str, other: Tensor) -> bool:
    """Whether the other operand can be what makes a relu: zeros, or a mask of zeros and ones."""
    if other.index is not None:
        return False
    values = _values(other)
    return bool(np.all((values == 0) | (values == 1)) if name == "multiply" else np.all(values == 0))


def _by_value(tensor: Tensor, tape: Tape, found: Mapping[int, Composite]) -> Iterator[Composite]:
    name = _name(tensor)
    candidates = [f for f in _FUNCTIONS if name in f.last]
    values = _values(tensor)
    if not candidates or not np.all(np.isfinite(values)):
        return
    candidates = [f for f in candidates if f.possible(values)]
    for ancestor in _cuts(tensor) if candidates else []:
        operand = tape.nodes[ancestor]
        for function in candidates:
            for arguments in function.arguments(operand.shape, tensor.shape):
                with np.errstate(all="ignore"):
                    operation = OPERATIONS[function.name]
                    expected = operation.forward(operand.value, **arguments).data[0, 0, ...]
                near = expected.shape == values.shape and np.allclose(expected, values, rtol=_SAME, atol=0)
                nested = function.name in _REFLECTED and _within(tensor, ancestor, function.name, found)
                if near and not nested:
                    yield Composite(operation, ancestor, arguments)


_REFLECTED = frozenset(["sigmoid", "tanh"])
"""Functions that a constant and a sign turn into themselves."""


def _within(tensor: Tensor, ancestor: int, name: str, found: Mapping[int, Composite]) -> bool:
    """Tell whether the function was recognised on the way: 1 - sigmoid(z) is not taken as sigmoid(-z)."""
    queue, seen = [tensor], set()
    while queue:
        for parent in queue.pop().parents:
            if parent.index is None or parent.index <= ancestor or parent.index in seen:
                continue
            seen.add(parent.index)
            composite = found.get(parent.index)
            if _name(parent) == name or (composite is not None and composite.operation.name == name):
                return True
            queue.append(parent)
    return False


def _cuts(tensor: Tensor) -> list[int]:
    """Give the ancestors through which all dependence on parameters passes, the farthest first.

    The farthest counts: softmax(z - max z) is softmax(z).
    """
    ancestors: list[Tensor] = []
    queue = [tensor]
    while queue and len(ancestors) <= _REGION:
        for parent in queue.pop(0).parents:
            if parent.index is not None and all(parent is not other for other in ancestors):
                ancestors.append(parent)
                queue.append(parent)
    ordered = sorted(ancestors, key=lambda ancestor: ancestor.index or 0)
    return [a.index for a in ordered if a.index is not None and _is_cut(tensor, a)]


def _is_cut(tensor: Tensor, ancestor: Tensor) -> bool:
    region, queue = 1, [tensor]
    seen = {id(tensor)}
    while queue:
        node = queue.pop()
        if not node.parents:
            return False  # a parameter was reached past the ancestor
        for parent in node.parents:
            if parent.index is None or parent is ancestor or id(parent) in seen:
                continue
            seen.add(id(parent))
            region += 1
            if region > _REGION:
                return False
            queue.append(parent)
    # a single operation is no composite
    return region > 1


def _name(tensor: Tensor) -> str:
    return tensor.operation.name if tensor.operation else ""


def _values(tensor: Tensor) -> Values:
    values: Values = tensor.value.data[0, 0, ...]
    return values


# ------------------------------------------------------------------------ what is recognised


class _Function:
    """A function of the table, with what its results look like and which operation computes them last."""

    def __init__(
        self,
        name: str,
        last: Sequence[str],
        possible: Callable[[Values], bool],
        arguments: Callable[[tuple[int, ...], tuple[int, ...]], Iterator[Mapping[str, Any]]],
    ) -> None:
        self.name, self.last, self.possible, self.arguments = name, last, possible, arguments


def _none(operand: tuple[int, ...], result: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    if operand == result:
        yield {}


def _one_axis(operand: tuple[int, ...], result: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    if operand == result:
        for axis in range(-1, -len(operand) - 1, -1):
            yield {"axes": (axis,)}


def _reduced(operand: tuple[int, ...], result: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    """Give the axes that a reduction may have run over."""
    ndim = len(operand)
    choices: list[tuple[int, ...]] = [(axis,) for axis in range(-1, -ndim - 1, -1)]
    choices += [tuple(range(-ndim, 0)), *((a, b) for a, b in pairwise(range(-ndim, 0)))]
    for axes in choices:
        keeping = tuple(1 if axis - ndim in axes else n for axis, n in enumerate(operand))
        dropping = tuple(n for axis, n in enumerate(operand) if axis - ndim not in axes)
        for keepdims, shape in ((True, keeping), (False, dropping)):
            if shape == result and shape != operand:
                yield {"axes": axes, "keepdims": keepdims}


def _without_correction(operand: tuple[int, ...], result: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    for arguments in _reduced(operand, result):
        yield {**arguments, "correction": 0}
        yield {**arguments, "correction": 1}


def _sums_to_one(values: Values) -> bool:
    return any(
        np.allclose(values.sum(axis), 1.0, rtol=1e-12)
        for axis in range(values.ndim)
        if values.shape[axis] > 1
    )


_QUOTIENTS = ("divide", "multiply", "integer_power", "add", "subtract", "pow")

_FUNCTIONS = (
    _Function("sigmoid", _QUOTIENTS, lambda y: bool(np.all((y >= 0) & (y <= 1))), _none),
    _Function("tanh", _QUOTIENTS, lambda y: bool(np.all(np.abs(y) <= 1)), _none),
    _Function("expm1", ("subtract", "add"), lambda y: bool(np.all(y >= -1)), _none),
    _Function(
        "softmax",
        ("divide", "multiply", "exp"),
        lambda y: bool(np.all(y >= 0)) and _sums_to_one(y),
        _one_axis,
    ),
    _Function(
        "log_softmax",
        ("subtract", "add", "log"),
        lambda y: bool(np.all(y <= 0)) and _sums_to_one(np.exp(y)),
        _one_axis,
    ),
    _Function("logsumexp", ("log", "add", "squeeze", "reshape"), lambda _: True, _reduced),
    _Function("softplus", ("log", "log1p", "add", "subtract"), lambda y: bool(np.all(y >= 0)), _none),
    _Function("mean", ("divide", "multiply"), lambda _: True, _reduced),
    _Function("var", ("mean", "divide", "multiply"), lambda y: bool(np.all(y >= 0)), _without_correction),
    _Function("std", ("sqrt", "pow"), lambda y: bool(np.all(y >= 0)), _without_correction),
)
