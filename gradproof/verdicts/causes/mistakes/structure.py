"""Mistakes in what moves, repeats or stretches entries: orders, sums that undo a broadcast, repeated uses."""

from collections.abc import Iterator
from functools import partial
from math import prod

import numpy as np

from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import choosing, moving
from gradproof.verdicts.causes.graph import Array, Change, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import ANY, WHOLE, Mistake, having, rule, wrong

# ------------------------------------------------------------------------ the order of entries


@rule(ANY)
def handed_back_transposed(use: Use) -> Iterator[Mistake]:
    """A square matrix comes back transposed."""
    shape = use.shape
    if len(shape) >= 2 and shape[-1] == shape[-2] > 1:
        words = "what $at hands back transposed"
        yield Mistake(CauseKind.TRANSPOSED, words, lambda g: use.pull(g).sum_to(shape).mT)


@rule(having(Trait.MOVES_ENTRIES, without=Trait.KEEPS_ORDER, operands=1))
def undone_by_a_reshape(use: Use) -> Iterator[Mistake]:
    """The entries keep their order, though the operation has changed it."""
    if prod(use.shape) == prod(use.node.shape):
        yield Mistake(CauseKind.WRONG_ORDER, "$at undone by a reshape", lambda g: g.reshape(use.shape))


@rule({moving.PERMUTE_DIMS})
def same_permutation(use: Use) -> Iterator[Mistake]:
    """The axes are permuted again instead of back."""
    axes = use.arguments["axes"]
    if tuple(use.node.shape[axis] for axis in axes) == use.shape:
        words = "$at undone by the same permutation instead of its inverse"
        yield Mistake(CauseKind.WRONG_ORDER, words, lambda g: g.permute(axes))


@rule({choosing.SORT})
def order_not_undone(use: Use) -> Iterator[Mistake]:
    """Each entry gets the derivative at the place that the order names, and not at its own: g[argsort(x)]."""
    axis, x = use.arguments["axis"], use.values[0]
    axes = [*range(x.ndim)]
    axes[axis], axes[-1] = axes[-1], axes[axis]
    places = x.argsort(axis).swapped(axis).data
    words = "the order of $at applied once more on the way back instead of undone"
    yield Mistake(CauseKind.WRONG_ORDER, words, lambda g: g.permute(axes).chosen(places).permute(axes))


@rule({moving.RESHAPE})
def by_columns(use: Use) -> Iterator[Mistake]:
    """The entries come back in the order of columns (Fortran's)."""

    def turned(x: Array) -> Array:
        return x.permute(tuple(range(-1, -x.ndim - 1, -1)))

    if len(use.shape) >= 2:
        words = "$at undone in the order of columns"
        yield Mistake(CauseKind.WRONG_ORDER, words, lambda g: turned(turned(g).reshape(use.shape[::-1])), 1)


@rule({moving.CONCAT})
def parts_exchanged(use: Use) -> Iterator[Mistake]:
    """An operand gets another one's part of the gradient."""
    for place, other in enumerate(use.node.operands):
        if place != use.position and other.shape == use.shape:
            yield Mistake(
                CauseKind.WRONG_ORDER,
                "the parts of $at exchanged on the way back",
                lambda g, place=place: use.node.derivative(place, g, use.y, *use.values),  # type: ignore[misc]
                name=f"part {place}",
            )


@rule(WHOLE)
def parameter_reordered(use: Use) -> Iterator[Mistake]:
    """A parameter's gradient has its entries in another order."""
    shape = use.shape
    if use.node.operation is not None:
        return
    along = [axis for axis in range(-len(shape), 0) if shape[axis] > 1]
    reverse = "its entries in the reverse order along"
    changes: dict[str, Change] = {
        f"{reverse} axis {axis + len(shape)}": lambda g, axis=axis: g.flip(axis)  # type: ignore[misc]
        for axis in along
    }
    if len(shape) == len(along) == 2:
        changes[f"{reverse} both axes (rotated by 180 degrees)"] = lambda g: g.flip(-1).flip(-2)
    yield from wrong(CauseKind.WRONG_ORDER, changes)
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        words = f"the whole of it transposed ({shape[0]} by {shape[1]})"
        yield Mistake(CauseKind.TRANSPOSED, words, lambda g: g.mT, -1)


# ------------------------------------------------------------------------ the sum that undoes a broadcast


def is_stretched(use: Use) -> bool:
    """Tell whether broadcasting gave the operand another shape."""
    stretching = having(Trait.ELEMENTWISE) | {moving.BROADCAST_TO}
    return use.operation in stretching and use.node.shape != use.shape


def unreduced(use: Use, g: Array) -> Array:
    """Give an operand's share before the sum over what broadcasting stretched."""
    return (g if use.operation is moving.BROADCAST_TO else use.pull(g)).broadcast_to(use.node.shape)


@rule(ANY)
def broadcast_undone(use: Use) -> Iterator[Mistake]:
    """The sum over the stretched axes: a mean, over other axes, or of one term alone."""
    if not is_stretched(use):
        return
    operand, shape = use.shape, use.node.shape
    everything = tuple(range(-len(shape), 0))
    padded = (0,) * (len(shape) - len(operand)) + operand
    axes = tuple(axis for axis in everything if shape[axis] != padded[axis])
    others = tuple(axis for axis in everything if axis not in axes)
    count = prod(shape[axis] for axis in axes)

    def in_all(g: Array) -> Array:
        return unreduced(use, g).sum(everything).broadcast_to(operand)

    def in_others(g: Array) -> Array:
        return unreduced(use, g).sum(others).reshape(operand)

    def one_term(g: Array, place: int) -> Array:
        part = unreduced(use, g)
        for axis in axes:
            start = place % shape[axis]
            part = part.part(axis, start, start + 1)
        return part.reshape(operand)

    fields = {"over": _axes_words(axes, shape), "others": _axes_words(others, shape), "count": count}
    mean = "the sum over $over, which undoes the broadcast in $at, made a mean (divided by $count)"
    change: Change = lambda g: use.pull(g) / count  # noqa: E731
    yield Mistake(CauseKind.MEAN_INSTEAD_OF_SUM, mean, change, factor=1 / count, fields=fields)
    if others and any(n > 1 for n in operand):
        changes: dict[str, Change] = {
            "the sum, which undoes the broadcast in $at, over all axes instead of $over": in_all,
            "a mean over all axes in place of the sum over $over that undoes the broadcast in $at": (
                lambda g: in_all(g) / prod(shape)
            ),
        }
        yield from wrong(CauseKind.SUM_OVER_ALL_AXES, changes, fields=fields)
    if prod(shape[axis] for axis in others) == count and len(others) == len(axes):
        another = "the sum, which undoes the broadcast in $at, over $others, not $over"
        yield Mistake(CauseKind.SUM_OVER_ANOTHER_AXIS, another, in_others, fields=fields)
    if count > 1:
        most = "only the greatest term of the sum over $over, which undoes the broadcast in $at"
        change = lambda g: _greatest(unreduced(use, g), axes).reshape(operand)  # noqa: E731 - as above
        yield Mistake(CauseKind.SUM_LEFT_OUT, most, change, 0.5, fields=fields)
    for place, which in ((0, "first"), (-1, "last")) if count > 1 else ():
        one = f"only the {which} term of the sum over $over, which undoes the broadcast in $at"
        yield Mistake(CauseKind.SUM_LEFT_OUT, one, partial(one_term, place=place), fields=fields)


def _greatest(x: Array, axes: tuple[int, ...]) -> Array:
    """Give of entries along axes the one that is greatest in size, as "any" does of a mask."""
    most, least = x.max(axes), -(-x).max(axes)
    return most.select(most + least > 0, least)


def _axes_words(axes: tuple[int, ...], shape: tuple[int, ...]) -> str:
    places = [str(axis + len(shape)) for axis in axes]
    return f"axis {places[0]}" if len(places) == 1 else f"the axes {', '.join(places)}"


# ------------------------------------------------------------------------ entries that are used repeatedly


@rule({moving.GATHER})
def repeated_indices(use: Use) -> Iterator[Mistake]:
    """What comes back to an entry that was taken several times is added; here it is not."""
    positions, constant = use.arguments["positions"], use.graph.kind.constant
    flat = positions.reshape(-1)
    unique, first, inverse, counts = np.unique(
        flat, return_index=True, return_inverse=True, return_counts=True
    )
    if unique.size == flat.size:
        return
    last = flat.size - 1 - np.unique(flat[::-1], return_index=True)[1]
    for which, winners in (("last", last), ("first", first)):
        weights = np.isin(np.arange(flat.size), winners).astype(np.float64).reshape(positions.shape)
        words = (
            "the contributions of repeated indices in $at overwritten instead of accumulated "
            f"(only the {which} one counts)"
        )
        change = {words: lambda g, w=weights: use.pull(g * constant(w))}
        yield from wrong(CauseKind.ACCUMULATION_OVERWRITTEN, change)
    # 1/3 is no double: divide by the count
    times = counts[inverse.reshape(-1)].reshape(positions.shape).astype(np.float64)
    words = "the contributions of repeated indices in $at averaged instead of added"
    yield Mistake(CauseKind.CONTRIBUTIONS_AVERAGED, words, lambda g: use.pull(g / constant(times)))


@rule({moving.GATHER})
def moved_on(use: Use) -> Iterator[Mistake]:
    """What comes back from a shift or another order is moved the same way again, instead of back."""
    positions = use.arguments["positions"]
    order = positions.reshape(-1)
    if positions.shape != use.x.shape or np.unique(order).size != order.size:
        return
    if np.any(order[order] != np.arange(order.size)):  # else it is its own inverse
        words = "what comes back moved on by $at once more, instead of back to where it came from"
        yield Mistake(CauseKind.WRONG_POSITIONS, words, lambda g: g.gather(positions))


@rule(ANY)
def once_for_each_time(use: Use) -> Iterator[Mistake]:
    """What should come back once comes back as often as an entry is taken elsewhere, as in a loop."""
    if use.operation is moving.GATHER:
        return
    gathers = [use.graph.use(edge) for edge in use.graph.users(use.index)]
    for gather in (each for each in gathers if each.operation is moving.GATHER):
        positions = gather.arguments["positions"].reshape(-1)
        times = np.bincount(positions, minlength=prod(use.shape)).reshape(use.shape).astype(np.float64)
        if times.max(initial=0) > 1 and times.size > 1:
            constant = use.graph.kind.constant(times)
            yield Mistake(
                CauseKind.SLICE_COUNTED_WRONGLY,
                "what $at hands back counted once for each time that $taker takes an entry",
                lambda g, constant=constant: use.pull(g).sum_to(use.shape) * constant,  # type: ignore[misc]
                fields={"taker": gather.node},
                name=f"as often as in {gather.node.index}",
            )
