"""Laws of moving entries: adjoints, and visible shapes that hidden axes never shift."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, mutually_broadcastable_shapes

from gradproof.reference.numbers import Plain, PlainNumbers
from gradproof.reference.numbers.payload import aligned, same_hidden, with_rank

LANES = 3
RNG = np.random.default_rng(5)


def numbers(shape: tuple[int, ...], lanes: int = LANES) -> PlainNumbers:
    return Plain().lift(RNG.integers(-9, 10, (lanes, *shape)))


def inner(x: PlainNumbers, y: PlainNumbers) -> Any:
    """The inner product in each lane; of small integers, so that it is exact."""
    products = (x * y).values()
    return products.reshape(products.shape[0], -1).sum(axis=1).tolist()


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4))
@settings(deadline=None)
def test_arithmetic_broadcasts_as_numpy_does_in_each_lane(shapes: Any) -> None:
    a, b = (numbers(shape, lanes) for shape, lanes in zip(shapes.input_shapes, (LANES, 1), strict=True))
    total = a + b
    assert total.shape == shapes.result_shape
    for lane in range(LANES):
        assert np.array_equal(total.values()[lane], a.values()[lane] + b.values()[0])


@given(mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), max_dims=3))
@settings(deadline=None)
def test_sum_to_is_the_adjoint_of_broadcast_to(shapes: Any) -> None:
    (shape,) = shapes.input_shapes
    if len(shape) > 3:
        return
    x, y = numbers((2, 3, 4)), numbers(shape)
    assert inner(x.sum_to(shape), y) == inner(x, y.broadcast_to((2, 3, 4)))


@given(st.data())
@settings(deadline=None)
def test_scatter_add_is_the_adjoint_of_gather(data: Any) -> None:
    shape = data.draw(array_shapes(max_dims=3, max_side=4))
    size = int(np.prod(shape))
    chosen = data.draw(st.lists(st.integers(0, size - 1), max_size=6))
    positions = np.array(chosen, dtype=np.intp)
    x, y = numbers((len(chosen),)), numbers(shape)
    assert inner(x.scatter_add(positions, shape), y) == inner(x, y.gather(positions))


@given(st.permutations([-3, -2, -1]))
def test_permute_is_numpys_transpose_of_visible_axes(axes: list[int]) -> None:
    x = numbers((2, 3, 4))
    permuted = x.permute(axes).values()
    for lane in range(LANES):
        assert np.array_equal(permuted[lane], x.values()[lane].transpose(axes))


@pytest.mark.parametrize("axis", [-1, -2, -3])
def test_expand_and_squeeze_undo_each_other(axis: int) -> None:
    x = numbers((2, 3))
    expanded = x.expand_dims(axis)
    assert expanded.shape == np.expand_dims(np.zeros((2, 3)), axis).shape
    assert np.array_equal(expanded.squeeze([axis]).data, x.data)


def test_squeeze_refuses_longer_axes() -> None:
    with pytest.raises(ValueError, match="cannot squeeze"):
        numbers((2, 3)).squeeze([-1])


def test_concatenation_broadcasts_lanes() -> None:
    joined = numbers((2, 3)).concatenated([numbers((2, 1), lanes=1)], axis=-1)
    assert joined.shape == (2, 4)
    assert joined.lanes == LANES


def test_payload_helpers_align_visible_axes_alone() -> None:
    matrix, vector = np.zeros((1, 7, 4, 4)), np.zeros((8, 1, 4))
    assert [each.shape for each in aligned(matrix, vector)] == [(1, 7, 4, 4), (8, 1, 1, 4)]
    assert [each.shape for each in same_hidden([matrix, vector])] == [(8, 7, 4, 4), (8, 7, 4)]
    assert with_rank(vector, 0) is vector


@given(st.data())
@settings(deadline=None)
def test_indexing_is_numpys(data: Any) -> None:
    from gradproof.reference.tape.arguments import positions_of

    shape = data.draw(array_shapes(max_dims=3, max_side=4))
    key = data.draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    x = numbers(shape)
    chosen = x.gather(positions_of(key, shape)).values()
    for lane in range(LANES):
        assert np.array_equal(chosen[lane], x.values()[lane][key])
