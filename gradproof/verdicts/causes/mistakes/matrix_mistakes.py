"""Mistakes in products of matrices: a transpose left out, sums over a batch, element-wise products."""

from collections.abc import Iterator
from functools import partial

from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import convolution, entrywise, linear_equations, matrix_products
from gradproof.verdicts.causes.graph import Array, Change, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Mistake, having, rule, wrong
from gradproof.verdicts.causes.mistakes.structure import is_stretched


@rule({matrix_products.MATMUL})
def untransposed(use: Use) -> Iterator[Mistake]:
    """Y = A B:  dA = G B', dB = A' G, and the square B or A is not transposed."""
    a, b = use.values
    other, which = (b, "right") if use.position == 0 else (a, "left")
    if a.ndim >= 2 and b.ndim >= 2 and other.shape[-1] == other.shape[-2] > 1:
        words = f"the transpose of the {which} operand of $at left out on the way back"
        yield Mistake(CauseKind.TRANSPOSED, words, lambda g: g @ b if use.position == 0 else a @ g, -0.5)


@rule({matrix_products.MATMUL})
def over_the_batch(use: Use) -> Iterator[Mistake]:
    """For Y = A B, dB = A' G is a sum over the rows of A: a mean of them, or one of them alone."""
    a = use.values[0]
    if use.position == 0 or a.ndim < 2:
        return
    rows = a.shape[-2]
    fields = {"rows": rows}

    def one_row(g: Array, start: int) -> Array:
        row = g.reshape((rows, -1)).part(-2, start, start + 1)
        return (a.part(-2, start, start + 1).mT @ row).reshape(use.shape)

    mean = "the sum over the $rows rows in the derivative of $at for its right operand turned into a mean"
    yield Mistake(
        CauseKind.MEAN_INSTEAD_OF_SUM, mean, lambda g: use.pull(g) / rows, factor=1 / rows, fields=fields
    )
    for start, which in ((0, "first"), (rows - 1, "last")) if a.ndim == 2 and rows > 1 else ():
        words = f"only the {which} of the $rows rows in the derivative of $at for its right operand"
        one = partial(one_row, start=start)
        yield Mistake(CauseKind.ACCUMULATION_OVERWRITTEN, words, one, fields=fields)


@rule(having(Trait.BILINEAR))
def flipped(use: Use) -> Iterator[Mistake]:
    """The entries come back in the reverse order, as a convolution's do."""
    shape = use.shape
    for axis in range(-min(len(shape), 2), 0):
        if shape[axis] > 1:
            yield Mistake(
                CauseKind.WRONG_ORDER,
                "what $at hands back flipped along axis $axis",
                lambda g, axis=axis: use.pull(g).sum_to(shape).flip(axis),  # type: ignore[misc]
                more=1,
                fields={"axis": axis + len(shape)},
                name=f"flipped {axis}",
            )


@rule({convolution.CONVOLUTION})
def turned(use: Use) -> Iterator[Mistake]:
    """The weights of a convolution stand the other way round in its derivative."""
    x, weights = use.values
    axes = [axis for axis in range(2 - weights.ndim, 0) if weights.shape[axis] > 1]

    def turn(x: Array) -> Array:
        for axis in axes:
            x = x.flip(axis)
        return x

    if use.position == 0 and axes:
        words = "the weights turned around in the derivative of $at"
        yield Mistake(
            CauseKind.WRONG_ORDER, words, lambda g: use.node.derivative(0, g, use.y, x, turn(weights))
        )
    elif len(axes) > 1:  # along one axis it is `flipped`
        words = "what $at hands back to its weights turned around"
        yield Mistake(CauseKind.WRONG_ORDER, words, lambda g: turn(use.pull(g)))


# ------------------------------------------------------------------------ inverses


@rule({linear_equations.INVERSE, linear_equations.SOLVE})
def untransposed_inverse(use: Use) -> Iterator[Mistake]:
    """Y = A^-1 B:  dB = A^-T G and dA = -A^-T G Y', and the inverse is not transposed."""
    a, y, of_right_side = use.values[0], use.y, use.position > 0

    def change(g: Array) -> Array:
        h = a.matrix_function("solution", g)
        return h if of_right_side else -(h @ (y if use.operation is linear_equations.INVERSE else y.mT))

    if a.shape[-1] > 1:
        words = "the inverse in the derivative of $at not transposed"
        yield Mistake(CauseKind.TRANSPOSED, words, change)


# ------------------------------------------------------------------------ sums of products


@rule({matrix_products.MATMUL})
def product_of_sums(use: Use) -> Iterator[Mistake]:
    """For Y = A B, dB = A' G sums the products of rows; not the product of the rows' sums."""
    a = use.values[0]
    if use.position == 0 or a.ndim != 2 or a.shape[0] < 2:
        return
    rows = a.shape[0]

    def change(g: Array) -> Array:
        sums = g.reshape((rows, -1)).sum((-2,), keepdims=True)
        return (a.sum((-2,), keepdims=True).mT @ sums).reshape(use.shape)

    words = "the product of sums over the rows in place of the sum of their products in the derivative of $at"
    changes: dict[str, Change] = {words: change, f"{words}, as a mean": lambda g: change(g) / rows}
    yield from wrong(CauseKind.PRODUCT_OF_SUMS, changes)


@rule({entrywise.MULTIPLY})
def product_of_stretched_sums(use: Use) -> Iterator[Mistake]:
    """For an operand that was broadcast, the sum of g b is not the sum of g times the sum of b."""
    if not is_stretched(use):
        return
    shape, other = use.node.shape, use.values[1 - use.position]
    words = "the product of sums in place of the sum of products that undoes the broadcast in $at"
    change: Change = lambda g: g.sum_to(use.shape) * other.broadcast_to(shape).sum_to(use.shape)  # noqa: E731
    yield Mistake(CauseKind.PRODUCT_OF_SUMS, words, change)


@rule({matrix_products.MATMUL})
def element_by_element(use: Use) -> Iterator[Mistake]:
    """For Y = A B:  dA = G B', dB = A' G; an element-wise product has the same shape where all are square."""
    a, b = use.values
    if not a.shape == b.shape == use.node.shape or a.ndim < 2:
        return
    other = b if use.position == 0 else a
    words = "an element-wise product in place of the matrix product in the derivative of $at"
    changes: dict[str, Change] = {
        words: lambda g: g * other.mT,
        f"{words}, without its transpose": lambda g: g * other,
    }
    yield from wrong(CauseKind.ELEMENTWISE_PRODUCT, changes)
