"""What windows see, against a list of an axis's entries with its padding."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.compositions.windows import HOLE, Sliding, adaptive_table, joined, slidings
from gradproof.reference.numbers import Plain
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.tape import differentiate

SLIDINGS = st.builds(
    Sliding,
    window=st.integers(1, 4),
    stride=st.integers(1, 3),
    before=st.integers(-1, 3),
    behind=st.integers(-1, 3),
    dilation=st.integers(1, 3),
    spread=st.integers(1, 3),
)


def padded(length: int, own: Sliding) -> list[int]:
    """The places of an axis with its padding; holes between entries that are moved apart, too."""
    places: list[int] = []
    for entry in range(length):
        places += [entry] + [HOLE] * (own.spread - 1) * (entry < length - 1)
    for end, count in ((0, own.before), (len(places), own.behind)):
        if count >= 0:
            places = places[:end] + [HOLE] * count + places[end:] if end == 0 else places + [HOLE] * count
        else:
            places = places[-count:] if end == 0 else places[:count]
    return places


@given(own=SLIDINGS, length=st.integers(1, 9))
def test_a_table_is_what_windows_see_of_the_padded_axis(own: Sliding, length: int) -> None:
    places = padded(length, own)
    reach = own.dilation * (own.window - 1) + 1
    seen = [
        places[start : start + reach : own.dilation]
        for start in range(0, len(places) - reach + 1, own.stride)
    ]
    assert own.outputs(length) == len(seen)
    assert own.table(length).tolist() == seen


@given(length=st.integers(1, 12), outputs=st.integers(1, 12))
def test_adaptive_windows_see_every_entry(length: int, outputs: int) -> None:
    table = adaptive_table(length, outputs)
    assert {*table.ravel().tolist()} - {HOLE} == {*range(length)}
    for i, window in enumerate(table):
        assert window[window != HOLE].tolist() == [
            *range(i * length // outputs, -(-(i + 1) * length // outputs))
        ]


def test_joined_tables_give_flat_places() -> None:
    tables = [np.array([[0, 1]]), np.array([[2, HOLE], [1, 0]])]
    assert joined(tables, (2, 3)).tolist() == [[2, HOLE, 5, HOLE], [1, 0, 4, 3]]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"stride": (1, 2, 3)}, "for each of 2 axes"),
        ({"stride": 0}, "1 or more"),
        ({"padding": (1,)}, "for each of 2 axes"),
        ({"padding": "full"}, "neither"),
        ({"padding": "same", "stride": 2}, "stride of 1"),
    ],
)
def test_an_argument_that_does_not_fit_is_told(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        slidings((3, 3), **options)


X = np.arange(24.0).reshape(1, 2, 3, 4)

REFUSED = {
    "channels": (
        lambda nn, x: nn.convolution(x, np.ones((2, 3, 1, 1))),
        "2 channels and 2 outputs in 1 groups",
    ),
    "axes": (lambda nn, x: nn.convolution(x, np.ones((2, 2, 1))), "does not fit weights of shape"),
    "groups": (lambda nn, x: nn.transposed_convolution(x, np.ones((2, 2, 1, 1)), groups=3), "3 groups"),
    "stride": (lambda nn, x: nn.convolution(x, np.ones((2, 2, 1, 1)), stride=0), "1 or more"),
    "window": (lambda nn, x: nn.max_pool(x, window=(1,) * 5), "5 axes does not fit an array with 4"),
    "group_norm": (lambda nn, x: nn.group_norm(x, groups=3), "2 channels cannot be divided into 3 groups"),
    "statistics": (lambda nn, x: nn.batch_norm(x, mean=np.zeros(2)), "without a variance"),
    "halves": (lambda nn, x: nn.glu(x, axis=2), "length 3 has no halves"),
    "mode": (lambda nn, x: nn.interpolate(x, size=(2, 2), mode="cubic"), "'cubic' is not"),
    "sizes": (lambda nn, x: nn.interpolate(x, size=(2,) * 5), "5 lengths"),
    "causal": (
        lambda nn, x: nn.scaled_dot_product_attention(x, x, x, np.zeros((3, 3)), is_causal=True),
        "a mask is given, and is_causal is true",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_function_of_networks_refuses_is_told_with_its_line(name: str) -> None:
    call, text = REFUSED[name]
    with pytest.raises(ValueError, match=text):
        call(NumpyNamespace.nn, X)
    with pytest.raises(
        InputError, match=rf"xp\.nn\.\w+ at .*test_windows\.py:\d+.*{text}.*Pass what fits xp\.nn\."
    ):
        differentiate(lambda xp, p, _: xp.sum(call(xp.nn, p["x"])), {"x": X}, {}, Plain())


@pytest.mark.parametrize("name", ["zeta", "gammainc", "gammaincc"])
def test_a_first_operand_that_depends_on_a_parameter_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"first operand of {name} at .* depends on a parameter"):
        differentiate(
            lambda xp, p, _: xp.sum(getattr(xp.special, name)(p["x"], 2.0)), {"x": [1.5]}, {}, Plain()
        )


@pytest.mark.parametrize("order", [-1, 1.5])
def test_an_order_of_polygamma_is_a_whole_number(order: Any) -> None:
    with pytest.raises(InputError, match=r"polygamma at .* has the order"):
        differentiate(lambda xp, p, _: xp.sum(xp.special.polygamma(order, p["x"])), {"x": [1.5]}, {}, Plain())


@pytest.mark.parametrize(("positions", "text"), [([0, 9], "outside"), ([0], "do not fit")])
def test_positions_of_scatter_add_are_inside_and_of_the_shape(positions: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        differentiate(
            lambda xp, p, _: xp.sum(xp.nn.scatter_add(p["x"], np.array(positions), shape=(2, 2))),
            {"x": [1.0, 2.0]},
            {},
            Plain(),
        )
