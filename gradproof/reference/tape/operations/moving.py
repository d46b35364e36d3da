"""Operations that move, repeat or choose entries: linear, so that the derivative is the adjoint.

The adjoint A* of a linear map A is defined by <A x, g> = <x, A* g> for all x and g.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from itertools import accumulate

from gradproof.reference.tape.operations.entry import Array, Operation
from gradproof.reference.tape.operations.traits import Trait

_ADJOINT = "Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2 (adjoints)"


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes one: axis axes[i] goes back to place i."""
    places = [axis % len(axes) for axis in axes]
    return tuple(places.index(axis) for axis in range(len(axes)))


def _part_of_concat(g: Array, _: Array, *xs: Array, axis: int, position: int) -> Array:
    # the operand's own stretch of the result
    ends = list(accumulate(x.shape[axis] for x in xs))
    return g.part(axis, ends[position] - xs[position].shape[axis], ends[position])


RESHAPE = Operation(
    name="reshape",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    forward=lambda x, *, shape: x.reshape(shape),
    derivatives=(lambda g, y, x, *, shape: g.reshape(x.shape),),
    domain="all reals",
    source=_ADJOINT,
)

PERMUTE_DIMS = Operation(
    name="permute_dims",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, axes: x.permute(axes),
    derivatives=(lambda g, y, x, *, axes: g.permute(_inverse(axes)),),
    domain="all reals",
    source=_ADJOINT,
)

MATRIX_TRANSPOSE = Operation(
    name="matrix_transpose",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x: x.mT,
    derivatives=(lambda g, y, x: g.mT,),
    domain="all reals",
    source=_ADJOINT,
)

BROADCAST_TO = Operation(
    name="broadcast_to",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, shape: x.broadcast_to(shape),
    # an entry that is repeated gathers the g's of all its copies
    derivatives=(lambda g, y, x, *, shape: g.sum_to(x.shape),),
    domain="all reals",
    source=_ADJOINT,
)

EXPAND_DIMS = Operation(
    name="expand_dims",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    forward=lambda x, *, axis: x.expand_dims(axis),
    derivatives=(lambda g, y, x, *, axis: g.reshape(x.shape),),
    domain="all reals",
    source=_ADJOINT,
)

SQUEEZE = Operation(
    name="squeeze",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    forward=lambda x, *, axes: x.squeeze(axes),
    derivatives=(lambda g, y, x, *, axes: g.reshape(x.shape),),
    domain="all reals",
    source=_ADJOINT,
)

FLIP = Operation(
    name="flip",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, axes: _flipped(x, axes),
    derivatives=(lambda g, y, x, *, axes: _flipped(g, axes),),
    domain="all reals",
    source=_ADJOINT,
)

CONCAT = Operation(
    name="concat",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda *xs, axis: xs[0].concatenated(xs[1:], axis),
    derivatives=(_part_of_concat,),
    domain="all reals",
    source=_ADJOINT,
    variadic=True,
)

GATHER = Operation(
    name="gather",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, positions: x.gather(positions),
    # y_i = x_p(i): an entry that was chosen several times gathers all its g's
    derivatives=(lambda g, y, x, *, positions: g.scatter_add(positions, x.shape),),
    domain="all reals",
    source=_ADJOINT,
)

ASTYPE = Operation(
    name="astype",
    traits=Trait.ELEMENTWISE | Trait.LINEAR | Trait.MOVES_ENTRIES | Trait.KEEPS_ORDER,
    forward=lambda x: x,
    derivatives=(lambda g, y, x: g,),
    domain="all reals; the kind of number decides how exact they are, not the data type",
    source="definition",
)


def _flipped(x: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        x = x.flip(axis)
    return x
