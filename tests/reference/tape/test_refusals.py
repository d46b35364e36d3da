"""Whatever a loss does that the tape cannot follow ends in two sentences, with its line and what to write."""

import inspect
import math
import operator
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import GradproofError, InputError, UnsupportedError
from gradproof.reference import advice
from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.tape import OPERATIONS, Tape, differentiate
from gradproof.reference.tape.namespace import Namespace

PARAMS = {"w": np.array([0.3, 1.7])}
BATCH = {"k": np.array([0, 1])}
HERE = r"test_refusals\.py:\d+"


def run(loss: Any, kind: Any = None) -> Any:
    def reduced(xp: Any, params: Any, batch: Any) -> Any:
        result = loss(xp, params["w"], batch["k"])
        return xp.sum(xp.astype(result, xp.float64)) if getattr(result, "shape", ()) else result

    return differentiate(reduced, PARAMS, BATCH, kind or Plain())


def filled(xp: Any, w: Any, _k: Any) -> Any:
    m = xp.zeros((2, 2))
    m[0, 0] = w[0]
    return m


def increased(_xp: Any, w: Any, k: Any) -> Any:
    k += w
    return k


def written_into_integers(_xp: Any, w: Any, k: Any) -> Any:
    k[0] = w[0]
    return k


def deleted(_xp: Any, w: Any, _k: Any) -> Any:
    del w[0]
    return w


def branched(xp: Any, w: Any, _k: Any) -> Any:
    third = w[:1] / 3
    return w if xp.sum(third + third + third - w[:1]) > 0 else -w


IN_PLACE = r"xp\.stack or xp\.concat.*xp\.where"
NO_NUMPY = r"NumPy cannot follow"
BY_NAME = r"by name behind the \*"

REFUSED: dict[str, tuple[Any, type[GradproofError], str]] = {
    "filling an array": (filled, UnsupportedError, IN_PLACE),
    "deleting": (deleted, UnsupportedError, IN_PLACE),
    "in place, NumPy's on the left": (increased, UnsupportedError, r"Write x = x \+ y"),
    "into integers": (written_into_integers, UnsupportedError, r"xp\.stack"),
    "a branch that is not decided": (branched, UnsupportedError, r"certified values overlap.*xp\.where"),
    "positional axis": (lambda xp, w, _k: xp.mean(w, 0), InputError, rf"xp\.mean.*{BY_NAME}"),
    "positional axis of nn": (
        lambda xp, w, _k: xp.nn.softmax(w, 0),
        InputError,
        rf"xp\.nn\.softmax.*{BY_NAME}",
    ),
    "unknown keyword": (lambda xp, w, _k: xp.sum(w, dim=0), InputError, r"keyword argument 'dim'.*axis=None"),
    "missing operand": (lambda xp, w, _k: xp.matmul(w), InputError, r"'x2'.*xp\.matmul\(x1, x2, /\)"),
    "where of one": (lambda xp, w, _k: xp.where(w > 0), InputError, r"xp\.where\(condition, x1, x2, /\)"),
    "concat of two": (lambda xp, w, _k: xp.concat(w, w), InputError, r"xp\.concat\(arrays, /"),
    "concat of nothing": (lambda xp, _w, _k: xp.concat([]), InputError, "no array"),
    "stack of other shapes": (lambda xp, w, _k: xp.stack([w, w[0]]), InputError, "all of one shape"),
    "axis of another type": (lambda xp, w, _k: xp.sum(w, axis="a"), InputError, r"xp\.sum at"),
    "axis beyond": (lambda xp, w, _k: xp.sum(w, axis=2), InputError, "Axis 2"),
    "axes that repeat": (lambda xp, w, _k: xp.permute_dims(w[None], (0, 0)), InputError, "once"),
    "moved axis beyond": (lambda xp, w, _k: xp.moveaxis(w, 3, 0), InputError, "Axis 3"),
    "shape that is not filled": (lambda xp, w, _k: xp.reshape(w, (3,)), InputError, "2 entries"),
    "shape of letters": (lambda xp, _w, _k: xp.zeros((2, "a")), InputError, r"xp\.zeros at"),
    "class beyond": (
        lambda xp, w, _k: xp.nn.cross_entropy(w, np.array(3)),
        InputError,
        r"xp\.nn\.cross_entropy",
    ),
    "axis of vectors": (
        lambda xp, w, _k: xp.vecdot(w, xp.ones((3, 2)), axis=0),
        InputError,
        "from the right",
    ),
    "transposed vector": (lambda xp, w, _k: xp.matrix_transpose(w), InputError, "no matrix"),
    "T of a vector": (lambda _xp, w, _k: w.T, UnsupportedError, "the array itself"),
    "product with a number": (lambda _xp, w, _k: w @ 2, InputError, r"operator \*"),
    "sum over pairs of other lengths": (
        lambda xp, w, _k: xp.tensordot(w[None], w[:, None], axes=2),
        InputError,
        r"xp\.tensordot.*do not fit along the axes",
    ),
    "outer of matrices": (lambda xp, w, _k: xp.outer(w[None], w), InputError, "vectors"),
    "shapes that do not broadcast": (lambda _xp, w, _k: w + np.ones(3), InputError, "do not broadcast"),
    "length of a number": (lambda _xp, w, _k: len(w[0]), InputError, r"xp\.expand_dims"),
    "iteration over a number": (lambda _xp, w, _k: sum(w[0]), InputError, r"xp\.expand_dims"),
    "unpacking a number": (lambda _xp, w, _k: [*w[0]], InputError, r"xp\.expand_dims"),
    "a mask as index": (lambda _xp, w, _k: w[w > 0], UnsupportedError, r"xp\.where"),
    "computed index": (lambda _xp, w, _k: w[w], UnsupportedError, "integers of the batch"),
    "index of letters": (lambda _xp, w, _k: w["a"], InputError, "index"),
    "NumPy's exp": (lambda _xp, w, _k: np.exp(w), UnsupportedError, rf"{NO_NUMPY}.*Call xp\.exp\."),
    "NumPy's dot": (lambda _xp, w, _k: np.dot(w, w), UnsupportedError, rf"{NO_NUMPY}.*xp\.matmul"),
    "NumPy's absolute": (lambda _xp, w, _k: np.absolute(w), UnsupportedError, rf"{NO_NUMPY}.*xp\.abs"),
    "NumPy's concatenate": (lambda _xp, w, _k: np.concatenate([w, w]), UnsupportedError, r"xp\.concat"),
    "NumPy's where of a mask": (
        lambda _xp, w, _k: np.where(w > 0, 1, 0),
        UnsupportedError,
        r"Call xp\.where",
    ),
    "NumPy's where of numbers": (
        lambda _xp, w, k: np.where(k > 0, w, 0),
        UnsupportedError,
        r"Call xp\.where",
    ),
    "NumPy's any of a mask": (lambda _xp, w, _k: np.any(w > 0), UnsupportedError, r"xp\.any"),
    "NumPy's reduce": (lambda _xp, w, _k: np.add.reduce(w), UnsupportedError, r"add\.reduce.*xp\.sum"),
    "NumPy's outer": (lambda _xp, w, _k: np.multiply.outer(w, w), UnsupportedError, r"xp\.outer"),
    "NumPy's array": (lambda _xp, w, _k: np.array([w[0], w[1]]), UnsupportedError, r"xp\.stack"),
    "NumPy's sum of a list": (lambda _xp, w, _k: np.sum([w[0], w[1]]), UnsupportedError, r"xp\.stack"),
    "asarray of a list": (lambda xp, w, _k: xp.asarray([w[0], [w[1]]]), UnsupportedError, r"xp\.stack"),
    "math's exp": (lambda _xp, w, _k: math.exp(w[0]), UnsupportedError, "Python number"),
    "math's floor": (lambda _xp, w, _k: math.floor(w[0]), UnsupportedError, "Python number"),
    "float": (lambda _xp, w, _k: float(w[0]), UnsupportedError, "Python number"),
    "float of a mask": (lambda _xp, w, _k: float(w[0] > 0), UnsupportedError, "Python number"),
    "range": (lambda _xp, w, _k: list(range(w[0])), UnsupportedError, "Python number"),
    "arange": (lambda xp, w, _k: xp.arange(w[0]), UnsupportedError, "Python number"),
    "a method": (lambda _xp, w, _k: w.sum(), UnsupportedError, r"Call xp\.sum\."),
    "a method of PyTorch": (lambda _xp, w, _k: w.unsqueeze(0), UnsupportedError, r"xp\.expand_dims"),
    "a method of a mask": (lambda _xp, w, _k: (w > 0).any(), UnsupportedError, r"xp\.any"),
    "an activation outside nn": (lambda xp, w, _k: xp.relu(w), UnsupportedError, r"Call xp\.nn\.relu\."),
    "a function in nn": (lambda xp, w, _k: xp.nn.tanh(w), UnsupportedError, r"Call xp\.tanh\."),
    "a module": (lambda xp, w, _k: xp.fft.rfft(w), UnsupportedError, r"the standard has.*cosines"),
    "a function of a module": (
        lambda xp, w, _k: xp.linalg.norm(w),
        UnsupportedError,
        r"xp\.linalg\.vector_norm",
    ),
    "a function of another module": (
        lambda xp, w, _k: xp.inv(w),
        UnsupportedError,
        r"Call xp\.linalg\.inv\.",
    ),
    "an unknown function": (lambda xp, w, _k: xp.frobnicate(w), UnsupportedError, r"dir\(xp\)"),
    "bits": (lambda _xp, w, _k: w & 1, UnsupportedError, "Compare first"),
    "bits, reflected": (lambda _xp, w, k: k | w, UnsupportedError, "Compare first"),
    "NumPy's bits": (lambda _xp, w, k: np.left_shift(w, k), UnsupportedError, r"numpy\.left_shift"),
    "inverted": (lambda _xp, w, _k: ~w, UnsupportedError, "Compare first"),
    "shifted": (lambda _xp, w, _k: w << 1, UnsupportedError, "Compare first"),
    "a mask joined with numbers": (lambda _xp, w, _k: (w > 0) & w, UnsupportedError, "Compare that one too"),
    "arithmetic on a mask": (lambda _xp, w, _k: (w > 0) * 2.0, UnsupportedError, r"xp\.astype"),
    "reflected arithmetic on a mask": (lambda _xp, w, _k: 1 - (w > 0), UnsupportedError, r"xp\.astype"),
    "a sum of masks": (lambda _xp, w, _k: sum(w > 0), UnsupportedError, r"xp\.astype"),
    "a string": (lambda _xp, w, _k: w + "one", UnsupportedError, "a str as a number"),
    "nothing": (lambda _xp, w, _k: w * None, UnsupportedError, "a NoneType as a number"),
    "a ragged list": (lambda _xp, w, _k: w * [1, [2]], UnsupportedError, "a list as a number"),
    "complex": (lambda _xp, w, _k: w * 1j, UnsupportedError, "a complex as a number"),
    "to integers": (lambda xp, w, _k: xp.astype(w, xp.int64), UnsupportedError, "no gradient"),
    "a name that is not there": (lambda _xp, w, _k: w * undefined, InputError, "NameError"),  # noqa: F821
    "a division by zero": (lambda _xp, w, _k: w * (1 / 0), InputError, "ZeroDivisionError"),
    "a key that is not there": (lambda _xp, w, _k: w * BATCH["typo"], InputError, "KeyError"),
}


@pytest.mark.parametrize("kind", [Plain(), Balls(), Noisy()], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", REFUSED)
def test_what_the_tape_cannot_follow_ends_in_two_sentences_with_the_line(name: str, kind: Any) -> None:
    loss, error, text = REFUSED[name]
    if name == "a branch that is not decided" and kind.name != "balls":
        pytest.skip("floats decide it")
    with pytest.raises(error, match=text) as caught:
        run(loss, kind)
    message = str(caught.value)
    assert re.search(HERE, message), message
    assert re.match(r"^.+?[^.]\. [A-Z\[].+\.$", message, re.DOTALL), message
    first = inspect.getsourcelines(loss)[1]
    (line,) = {int(found) for found in re.findall(r"test_refusals\.py:(\d+)", message)}
    assert first <= line <= first + 3


@pytest.mark.parametrize(
    ("answer", "text"), [(None, "nothing"), ("abc", "a str"), ([1.0], "a list"), (len, "a built")]
)
def test_a_loss_that_answers_no_number_is_told(answer: Any, text: str) -> None:
    with pytest.raises(InputError, match=rf"The loss answers {text}.*Return the scalar"):
        differentiate(lambda _xp, _p, _b: answer, PARAMS, BATCH, Plain())


@pytest.mark.parametrize(
    ("loss", "value", "gradient"),
    [
        (lambda xp, w, _k: xp.float64(2) * w, 4.0, [2.0, 2.0]),
        (lambda xp, w, _k: w * xp.int64(3), 6.0, [3.0, 3.0]),
        (lambda _xp, w, _k: w % 1, 1.0, [1.0, 1.0]),
        (lambda _xp, w, _k: 1 % w, 0.1 + 1.0, [-3.0, 0.0]),
        (lambda _xp, w, _k: w // 1, 1.0, [0.0, 0.0]),
        (lambda _xp, w, _k: divmod(w, 0.25)[0] + divmod(w, 0.25)[1], 7.25, [1.0, 1.0]),
        (lambda _xp, w, _k: divmod(1.0, w)[0], 3.0, [0.0, 0.0]),
        (lambda _xp, w, _k: np.array([1.0, 1.0]) % w + np.array([1.0, 1.0]) // w, 4.1, [-3.0, 0.0]),
        (lambda _xp, w, _k: round(w), 2.0, [0.0, 0.0]),
        (lambda _xp, w, _k: round(w, 1) + round(w, -1), 2.0, [0.0, 0.0]),
        (
            lambda xp, w, _k: xp.floor(w) + 10 * xp.ceil(w) + 100 * xp.trunc(-w) + 1000 * xp.round(w),
            1931.0,
            [0, 0],
        ),
        (lambda _xp, w, _k: max(w) + min(w), 2.0, [1.0, 1.0]),
        (lambda _xp, w, _k: sum(w), 2.0, [1.0, 1.0]),
        (lambda _xp, w, _k: w[np.array([True, False])], 0.3, [1.0, 0.0]),
        (lambda _xp, w, _k: np.array([1, 2.5], dtype=object) * w, 4.55, [1.0, 2.5]),
        (lambda xp, w, _k: xp.full(2, w[0]) + xp.linspace(w[0], w[1], 2), 2.6, [3.0, 1.0]),
        (lambda _xp, w, _k: (w > 1) * w, 1.7, [0.0, 1.0]),
        (
            lambda xp, w, _k: xp.astype((w > 1) == (w < 1), xp.float64) + ((w > 1) != (w < 1)) * w,
            2.0,
            [1.0, 1.0],
        ),
        (
            lambda xp, w, k: np.logical_and(w > 1, k > 0) * w + xp.astype(np.logical_not(w > 1), bool) * w,
            2.0,
            [1, 1],
        ),
        (lambda xp, w, _k: xp.astype(w, xp.bool) * w + xp.logical_and(w, w > 1) * w, 3.7, [1.0, 2.0]),
    ],
)
def test_what_the_standard_has_works(loss: Any, value: float, gradient: list[float]) -> None:
    for kind in (Plain(), Balls()):
        result = run(loss, kind)
        assert result.value.values()[0] == pytest.approx(value)
        assert result.gradients["w"].values()[0] == pytest.approx(gradient)


@pytest.mark.parametrize("function", ["floor", "ceil", "trunc", "round"])
@pytest.mark.parametrize("x", [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5])
def test_a_jump_is_one_where_the_function_jumps_and_nowhere_else(function: str, x: float) -> None:
    operation = OPERATIONS[function]
    jumps = bool(getattr(np, function)(x - 1e-9) != getattr(np, function)(x + 1e-9))
    with Balls().context():
        number = Balls().lift(np.array([x]))
        assert operation.at_kink is not None
        assert bool(operation.at_kink(number).true.item()) is jumps
        slope = operation.derivatives[0](Balls().constant(1), number, number).balls().item()
    assert slope.contains(1e300) is jumps
    assert slope.contains(0)


def test_an_array_that_an_earlier_call_kept_is_refused() -> None:
    kept: list[Any] = []

    def loss(xp: Any, w: Any, _k: Any) -> Any:
        kept.append(xp.ones(2))
        return w * kept[0]

    run(loss)
    with pytest.raises(
        UnsupportedError, match=rf"earlier call of the loss computed and kept .* at .*{HERE}\. Compute it"
    ):
        run(loss, Balls())


class Keeper:
    """A loss that keeps what its gradient uses, as if each gradient were asked for after its loss."""

    def loss(self, xp: Any, params: Any, _batch: Any) -> Any:
        self.hidden = xp.tanh(params["w"])
        return xp.sum(self.hidden)

    def gradient(self, _params: Any, _batch: Any) -> Any:
        return {"w": 1 - self.hidden**2}

    def as_it_is(self, _params: Any, _batch: Any) -> Any:
        return {"w": self.hidden}

    def by_numpy(self, params: Any, _batch: Any) -> Any:
        return {"w": params["w"] * self.hidden}

    def in_numpy(self, _params: Any, _batch: Any) -> Any:
        return {"w": np.square(self.hidden)}


@pytest.mark.parametrize("name", ["gradient", "by_numpy", "in_numpy", "as_it_is"])
def test_a_gradient_that_uses_what_the_loss_kept_is_told_so(name: str) -> None:
    keeper = Keeper()
    place = "" if name == "as_it_is" else HERE
    with pytest.raises(
        UnsupportedError, match=rf"earlier call of the loss computed and kept .*{place}.*Compute it"
    ):
        gp.check(keeper.loss, getattr(keeper, name), PARAMS, {"x": 0.0})


def test_a_loss_cannot_change_the_integers_that_others_see() -> None:
    def loss(_xp: Any, w: Any, k: Any) -> Any:
        k[:] = 0
        return w[k]

    run(loss)
    assert BATCH["k"].tolist() == [0, 1]


# -------------------------------------------------------------------- advice

STANDARD = [
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "complex128",
    "complex64",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "fft",
    "finfo",
    "flip",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "int16",
    "int32",
    "int64",
    "int8",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linalg",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "outer",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "searchsorted",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "trunc",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
]
"""What the standard's version 2024.12 names, from its API reference; `outer` is in its linalg, too."""


def test_what_the_standard_has_and_the_tape_lacks_is_told_so() -> None:
    xp = Namespace(Tape(Plain()))
    lacking = [name for name in STANDARD if name not in advice.KNOWN and name not in vars(xp)]
    for name in lacking:
        with pytest.raises(
            UnsupportedError, match=rf"xp\.{name} at .*the standard has and the tape lacks\. Use "
        ):
            getattr(xp, name)
    assert not {name for name in advice._STANDARD if name not in lacking}


@pytest.mark.parametrize("text", sorted(set(advice.every_advice())))
def test_an_advice_names_only_what_is_there(text: str) -> None:
    xp = Namespace(Tape(Plain()))
    for name in re.findall(r"xp\.((?:nn\.)?\w+)", text):
        assert operator.attrgetter(name)(xp) is not None or name == "newaxis"


def test_no_sentence_of_the_tape_names_a_function_that_is_not_there() -> None:
    xp = Namespace(Tape(Plain()))
    room = inspect.getsourcefile(Tape)
    assert room is not None
    for file in [
        *Path(room).parent.rglob("*.py"),
        Path(advice.__file__),
        *Path(room).parents[1].glob("numbers/*.py"),
    ]:
        for name in re.findall(r"xp\.((?:nn\.)?[a-z]\w*)\(", file.read_text(encoding="utf-8")):
            assert operator.attrgetter(name)(xp), (file, name)


# -------------------------------------------------------------------- signatures


def test_the_namespace_has_real_signatures_and_help() -> None:
    xp = Namespace(Tape(Plain()))
    for name in sorted(advice.KNOWN):
        function = operator.attrgetter(name)(xp)
        if not inspect.ismethod(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        assert all(parameter.name not in {"args", "options", "self"} for parameter in parameters), name
        assert inspect.getdoc(function), name
        assert function.__name__ == name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("sum", "(x, /, *, axis=None, dtype=None, keepdims=False)"),
        ("mean", "(x, /, *, axis=None, keepdims=False)"),
        ("var", "(x, /, *, axis=None, correction=0.0, keepdims=False)"),
        ("exp", "(x, /)"),
        ("add", "(x1, x2, /)"),
        ("reshape", "(x, /, shape, *, copy=None)"),
        ("concat", "(arrays, /, *, axis=0)"),
        ("take", "(x, indices, /, *, axis=None)"),
        ("clip", "(x, /, min=None, max=None)"),
        ("where", "(condition, x1, x2, /)"),
        ("astype", "(x, dtype, /, *, copy=True, device=None)"),
        ("cumulative_sum", "(x, /, *, axis=None, dtype=None, include_initial=False)"),
        ("linspace", "(start, stop, /, num, *, dtype=None, device=None, endpoint=True)"),
        ("expand_dims", "(x, /, *, axis=0)"),
        ("squeeze", "(x, /, axis)"),
        ("tensordot", "(x1, x2, /, *, axes=2)"),
        ("nn.softmax", "(x, /, *, axis=-1)"),
    ],
)
def test_a_signature_is_the_standards(name: str, signature: str) -> None:
    function = operator.attrgetter(name)(Namespace(Tape(Plain())))
    bare = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    assert str(inspect.Signature(bare)) == signature


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_twin_for_integers_takes_the_same_arguments(operation: Any) -> None:
    """It is called with what the signature was called with, so it must know each name."""
    if operation.integers is None:
        return
    theirs = operation.integers
    parameters = inspect.signature(operation.signature).parameters.values()
    try:
        known = inspect.signature(theirs).parameters
    except ValueError:
        return  # a ufunc; all of them take two arrays
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert parameter.name in known, parameter
