"""Operations that move, repeat or choose entries: linear, so that the derivative is the adjoint.

The adjoint A* of a linear map A is defined by <A x, g> = <x, A* g> for all x and g.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from gradproof.reference.tape.arguments import (
    Axis,
    Shape,
    Value,
    all_axes,
    lengths,
    one_axis,
    rank_of,
)
from gradproof.reference.tape.operations.entry import Array, Operation, Reading, Trait, one

_ADJOINT = "Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2 (adjoints)"


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes one: axis axes[i] goes back to place i."""
    places = [axis % len(axes) for axis in axes]
    return tuple(places.index(axis) for axis in range(len(axes)))


def _joined(*xs: Array, axis: int | None) -> Array:
    if axis is None:
        xs, axis = tuple(x.reshape((-1,)) for x in xs), -1
    return xs[0].concatenated(xs[1:], axis)


def _part_of_concat(g: Array, _: Array, *xs: Array, axis: int | None, position: int) -> Array:
    # the operand's own stretch of the result
    ends = list(accumulate(x.size if axis is None else x.shape[axis] for x in xs))
    begin = ends[position - 1] if position else 0
    own = g.part(-1 if axis is None else axis, begin, ends[position])
    return own.reshape(xs[position].shape) if axis is None else own


# -------------------------------------------------------------------- how the namespace's arguments are read


def _reshape(x: Value, /, shape: Shape, *, copy: bool | None = None) -> Reading:  # noqa: ARG001 - nothing is ever changed in place
    return (x,), {"shape": lengths(shape)}


def _permute_dims(x: Value, /, axes: tuple[int, ...]) -> Reading:
    places = tuple(one_axis(axis, rank_of(x)) for axis in axes)
    if sorted(places) != list(range(-rank_of(x), 0)):
        raise ValueError(f"the axes {tuple(axes)} do not name each of {rank_of(x)} axes once")
    return (x,), {"axes": places}


def _broadcast_to(x: Value, /, shape: Shape) -> Reading:
    return (x,), {"shape": lengths(shape)}


def _expand_dims(x: Value, /, *, axis: int = 0) -> Reading:
    return (x,), {"axis": one_axis(axis, rank_of(x) + 1)}


def _expand_integers(x: Value, /, *, axis: int = 0) -> Any:
    return np.expand_dims(x, axis)


def _squeeze(x: Value, /, axis: int | tuple[int, ...]) -> Reading:
    return (x,), {"axes": all_axes(axis, rank_of(x))}


def _flip(x: Value, /, *, axis: Axis = None) -> Reading:
    return (x,), {"axes": all_axes(axis, rank_of(x))}


def _concat(arrays: Sequence[Value], /, *, axis: int | None = 0) -> Reading:
    operands = tuple(arrays)
    if not operands:
        raise ValueError("there is no array to join")
    return operands, {"axis": None if axis is None else one_axis(axis, rank_of(operands[0]))}


# -------------------------------------------------------------------- the operations


RESHAPE = Operation(
    name="reshape",
    summary="The entries in the same order in another shape.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    signature=_reshape,
    integers=np.reshape,
    forward=lambda x, *, shape: x.reshape(shape),
    derivatives=(lambda g, y, x, *, shape: g.reshape(x.shape),),
    source=_ADJOINT,
)

PERMUTE_DIMS = Operation(
    name="permute_dims",
    summary="The axes in another order.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    signature=_permute_dims,
    integers=np.permute_dims,
    forward=lambda x, *, axes: x.permute(axes),
    derivatives=(lambda g, y, x, *, axes: g.permute(_inverse(axes)),),
    source=_ADJOINT,
)

MATRIX_TRANSPOSE = Operation(
    name="matrix_transpose",
    summary="The last two axes swapped.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.MATRICES,
    signature=one,
    integers=np.matrix_transpose,
    forward=lambda x: x.mT,
    derivatives=(lambda g, y, x: g.mT,),
    source=_ADJOINT,
)

BROADCAST_TO = Operation(
    name="broadcast_to",
    summary="The entries repeated along new axes and axes of length 1.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    signature=_broadcast_to,
    integers=np.broadcast_to,
    forward=lambda x, *, shape: x.broadcast_to(shape),
    # an entry that is repeated gathers the g's of all its copies
    derivatives=(lambda g, y, x, *, shape: g.sum_to(x.shape),),
    source=_ADJOINT,
)

EXPAND_DIMS = Operation(
    name="expand_dims",
    summary="A new axis of length 1.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    signature=_expand_dims,
    integers=_expand_integers,
    forward=lambda x, *, axis: x.expand_dims(axis),
    derivatives=(lambda g, y, x, *, axis: g.reshape(x.shape),),
    source=_ADJOINT,
)

SQUEEZE = Operation(
    name="squeeze",
    summary="Takes axes of length 1 away.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    signature=_squeeze,
    integers=np.squeeze,
    forward=lambda x, *, axes: x.squeeze(axes),
    derivatives=(lambda g, y, x, *, axes: g.reshape(x.shape),),
    source=_ADJOINT,
)

FLIP = Operation(
    name="flip",
    summary="The entries along axes in reverse order.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    signature=_flip,
    integers=np.flip,
    forward=lambda x, *, axes: _flipped(x, axes),
    derivatives=(lambda g, y, x, *, axes: _flipped(g, axes),),
    source=_ADJOINT,
)

CONCAT = Operation(
    name="concat",
    summary="Arrays one after the other along an axis; None flattens them first.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    signature=_concat,
    integers=np.concat,
    forward=_joined,
    derivatives=(_part_of_concat,),
    source=_ADJOINT,
    variadic=True,
)

GATHER = Operation(
    name="gather",
    summary="Entries by their places.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, positions: x.gather(positions),
    # y_i = x_p(i): an entry that was chosen several times gathers all its g's
    derivatives=(lambda g, y, x, *, positions: g.scatter_add(positions, x.shape),),
    source=_ADJOINT,
)

SCATTER_ADD = Operation(
    name="scatter_add",
    summary="Entries added to their places in zeros of a shape.",
    traits=Trait.LINEAR,
    forward=lambda x, *, positions, shape: x.scatter_add(positions, shape),
    # y_j is the sum of the x_i with p(i) = j
    derivatives=(lambda g, y, x, *, positions, shape: g.gather(positions),),
    source=_ADJOINT,
)

ASTYPE = Operation(
    name="astype",
    summary="The same numbers in another data type.",
    traits=Trait.ELEMENTWISE | Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    # noisy floats alone are rounded by it
    forward=lambda x, *, dtype: x.in_format(dtype),
    # what is handed back is rounded to the operand's format, as for each operation
    derivatives=(lambda g, y, x, *, dtype: g,),
    source="definition",
)


def _flipped(x: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        x = x.flip(axis)
    return x
