"""Random losses of all operations of the tape, as Python code: a Hypothesis strategy, which shrinks them."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios import Scenario

Shape = tuple[int, ...]
Choose = Callable[[Sequence[Any]], Any]
"""Chooses one of several things."""

SHAPES: tuple[Shape, ...] = ((), (3,), (1,), (2, 3), (3, 2), (2, 1), (2, 3, 2))
LARGEST = 1e4
"""Losses with greater intermediate values are left out: float32 overflows soon, which is rightly accused."""


NUMBERS: Mapping[str, Callable[[Any], Any]] = {
    "usual": lambda drawn: drawn / 64.0 + 1 / 128,
    "ties": lambda drawn: (drawn // 60).astype(np.float64),
    "small": lambda drawn: (drawn + 0.5) * 2.0**-16,
    "large": lambda drawn: drawn / 4.0 + 1 / 128,
}
"""What is made of whole numbers from -160 to 159, of few binary digits, which every dtype holds."""


@dataclass
class Program:
    """A loss, as lines of code.

    Attributes:
        shapes: of all values, by their names.
        lines: one for each value that is computed.
        operations: the names of the table's operations in them.
        seed: what the parameters and data are drawn with.
        numbers: what kind of numbers they are, of `NUMBERS`.
    """

    shapes: dict[str, Shape]
    lines: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    seed: int = 0
    numbers: str = "usual"

    def add(self, operation: str, code: str, shape: Shape) -> None:
        """Add a line that computes a value of a shape."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {code}")
        self.operations.append(operation)
        self.shapes[name] = shape

    @property
    def source(self) -> str:
        """The function `loss`; values that no line uses are summed up."""
        used = {word for line in self.lines for word in re.findall(r"\b[vwx]\d+\b", line.partition("= ")[2])}
        ends = [name for name in self.shapes if name[0] == "v" and name not in used]
        total = " + ".join(f"xp.sum({name})" for name in ends) or "0.0"
        letters = {"w": "params", "x": "batch"}
        given = [
            f'{name} = {letters[name[0]]}["{name}"]'
            for name in self.shapes
            if name in used and name[0] != "v"
        ]
        body = "\n    ".join([*given, *self.lines, f"return {total}"])
        return f"def loss(xp, params, batch):\n    {body}\n"

    def arrays(self, letter: str) -> dict[str, Any]:
        """Give the parameters (`w`) or the data (`x`), as numbers of few digits that every dtype holds."""
        random = np.random.default_rng([self.seed, ord(letter)])
        return {
            name: NUMBERS[self.numbers](random.integers(-160, 160, size=shape))
            for name, shape in self.shapes.items()
            if name[0] == letter
        }

    def scenario(self) -> Scenario | None:
        """Make a scenario of it; None where the loss is not finite, too large or uses no parameter."""
        namespace: dict[str, Any] = {}
        exec(self.source, namespace)  # noqa: S102 - our own text
        params = {name: a for name, a in self.arrays("w").items() if f"{name} = params" in self.source}
        batch = self.arrays("x")
        if not params or not self._is_small():
            return None
        return Scenario(name="random", loss=namespace["loss"], params=params, batch=batch)

    def _is_small(self) -> bool:
        values: dict[str, Any] = {"xp": NumpyNamespace(), **self.arrays("w"), **self.arrays("x")}
        with np.errstate(all="ignore"):
            for line in self.lines:
                exec(line, values)  # noqa: S102 - our own text
        computed = [np.asarray(values[f"v{number}"]) for number in range(len(self.lines))]
        for number, value in enumerate(computed):
            if value.shape != self.shapes[f"v{number}"]:
                raise TypeError(f"{self.lines[number]} has shape {value.shape}: the strategy is wrong")
        return all(np.all(np.abs(value) < LARGEST) for value in computed)


Build = Callable[[Choose, Program], tuple[str, Shape] | None]
"""Chooses the code of an operation and the shape of its result; None where no value fits it."""


def _entrywise(code: str) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape]:
        name = choose([*program.shapes])
        return code.replace("@", name), program.shapes[name]

    return build


def _two(code: str, fit: Callable[[Shape, Shape], bool] | None = None) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape] | None:
        shapes = program.shapes
        one = choose([*shapes])
        fits = [each for each in shapes if (fit or _broadcast)(shapes[one], shapes[each])]
        other = choose(fits)
        shape = np.broadcast_shapes(program.shapes[one], program.shapes[other])
        return code.replace("$1", one).replace("$2", other), shape

    return build


def _alike(code: str) -> Build:
    return _two(code, operator.eq)


_NONE = 'reduction="none"'


def _broadcast(one: Shape, other: Shape) -> bool:
    try:
        shape = np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return prod(shape) <= 24


def _having(choose: Choose, program: Program, fits: Callable[[Shape], bool]) -> tuple[str, Shape] | None:
    names = [name for name, shape in program.shapes.items() if fits(shape)]
    if not names:
        return None
    name = choose(names)
    return name, program.shapes[name]


def _reduction(function: str, *, options: tuple[str, ...] = ("",), least: int = 1) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape] | None:
        found = _having(choose, program, lambda shape: len(shape) >= 1 and all(n >= least for n in shape))
        if found is None:
            return None
        name, shape = found
        axis = choose([None, *range(-len(shape), len(shape))])
        keep = choose((False, True))
        option = choose(options)
        axes = range(len(shape)) if axis is None else [axis % len(shape)]
        kept = tuple(1 if at in axes else n for at, n in enumerate(shape) if keep or at not in axes)
        return f"{function}({name}, axis={axis}, keepdims={keep}{option})", kept

    return build


def _along(function: str) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape] | None:
        found = _having(choose, program, lambda shape: len(shape) >= 1)
        if found is None:
            return None
        name, shape = found
        axis = choose(range(-len(shape), len(shape)))
        return f"{function}({name}, axis={axis})", shape

    return build


def _product(function: str, fits: Callable[[Shape, Shape], Shape | None]) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape] | None:
        pairs = [
            (one, other, shape)
            for one, first in program.shapes.items()
            for other, second in program.shapes.items()
            if (shape := fits(first, second)) is not None and prod(shape) <= 24
        ]
        if not pairs:
            return None
        one, other, shape = choose(pairs)
        return f"{function}({one}, {other})", shape

    return build


def _matmul(one: Shape, other: Shape) -> Shape | None:
    try:
        return np.matmul(np.zeros(one), np.zeros(other)).shape
    except ValueError:
        return None


def _vecdot(one: Shape, other: Shape) -> Shape | None:
    fits = one and other and one[-1] == other[-1] and _broadcast(one, other)
    return np.broadcast_shapes(one, other)[:-1] if fits else None


def _outer(one: Shape, other: Shape) -> Shape | None:
    return (*one, *other) if len(one) == len(other) == 1 else None


def _moved(code: str, change: Callable[[Shape], Shape], fits: Callable[[Shape], bool]) -> Build:
    def build(choose: Choose, program: Program) -> tuple[str, Shape] | None:
        found = _having(choose, program, fits)
        if found is None:
            return None
        name, shape = found
        after = change(shape)
        rows = shape[-2] if len(shape) > 1 else 0
        return code.format(name, shape=after, rows=rows, order=tuple(range(len(shape)))[::-1]), after

    return build


def _at_least(rank: int) -> Callable[[Shape], bool]:
    return lambda shape: len(shape) >= rank


def _swapped(shape: Shape) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2])


def _left(shape: Shape) -> Shape:
    """The shape of x x' for matrices x."""
    return (*shape[:-1], shape[-2])


_REGULAR = "(0.125 * {0} @ xp.matrix_transpose({0}) + 2.0 * xp.eye({rows}))"
_DISTINCT = "(0.125 * {0} @ xp.matrix_transpose({0}) + xp.eye({rows}) * xp.asarray([*range({rows})]))"


OPERATIONS: Mapping[str, tuple[Build, ...]] = {
    "add": (_two("$1 + $2"),),
    "subtract": (_two("$1 - $2"),),
    "multiply": (_two("$1 * $2"),),
    "divide": (_two("$1 / (1.5 + $2 * $2)"),),
    "negative": (_entrywise("-@"),),
    "square": (_entrywise("xp.square(@)"),),
    "integer_power": (_entrywise("@ ** 3"), _entrywise("(1.5 + @ * @) ** -2")),
    "pow": (_two("(0.5 + $1 * $1) ** xp.tanh($2)"),),
    "exp": (_entrywise("xp.exp(0.25 * @)"),),
    "expm1": (_entrywise("xp.expm1(0.25 * @)"),),
    "log": (_entrywise("xp.log(1.25 + @ * @)"),),
    "log1p": (_entrywise("xp.log1p(@ * @)"),),
    "sqrt": (_entrywise("xp.sqrt(0.25 + @ * @)"),),
    "sin": (_entrywise("xp.sin(@)"),),
    "cos": (_entrywise("xp.cos(@)"),),
    "tanh": (_entrywise("xp.tanh(@)"),),
    "atan": (_entrywise("xp.atan(@)"),),
    "sinc": (_entrywise("xp.sinc(@)"),),
    "tan": (_entrywise("xp.tan(xp.sin(@))"),),
    "asin": (_entrywise("xp.asin(0.75 * xp.sin(@))"),),
    "acos": (_entrywise("xp.acos(0.75 * xp.sin(@))"),),
    "sinh": (_entrywise("xp.sinh(0.25 * @)"),),
    "cosh": (_entrywise("xp.cosh(0.25 * @)"),),
    "asinh": (_entrywise("xp.asinh(@)"),),
    "acosh": (_entrywise("xp.acosh(1.25 + @ * @)"),),
    "atanh": (_entrywise("xp.atanh(0.75 * xp.sin(@))"),),
    "atan2": (_two("xp.atan2($1, 1.5 + $2 * $2)"),),
    "hypot": (_two("xp.hypot($1, 0.5 + $2 * $2)"),),
    "log2": (_entrywise("xp.log2(1.25 + @ * @)"),),
    "log10": (_entrywise("xp.log10(1.25 + @ * @)"),),
    "logaddexp": (_two("xp.logaddexp(0.25 * $1, $2)"),),
    "copysign": (_two("xp.copysign($1, $2 - 0.3)"),),
    "abs": (_entrywise("xp.abs(@)"),),
    "maximum": (_two("xp.maximum($1, $2)"),),
    "minimum": (_two("xp.minimum($1, $2)"),),
    "clip": (_entrywise("xp.clip(@, -0.5, 0.75)"),),
    "where": (_two("xp.where($1 > 0.25, $1, $2)"),),
    **{name: (_entrywise(f"@ * xp.{name}(@)"),) for name in ("floor", "ceil", "trunc", "round", "sign")},
    "floor_divide": (_two("$2 * ($1 // 0.75)"),),
    "remainder": (_two("$2 * ($1 % 0.75)"),),
    **{name: (_reduction(f"xp.{name}"),) for name in ("sum", "mean", "prod", "max", "min")},
    "var": (_reduction("xp.var", options=("", ", correction=1.0"), least=2),),
    "std": (_reduction("xp.std", options=("", ", correction=1.0"), least=2),),
    "cumulative_sum": (_along("xp.cumulative_sum"),),
    "cumulative_prod": (_along("xp.cumulative_prod"),),
    "sort": (_along("xp.sort"),),
    "choose": (
        _moved("xp.take_along_axis({0}, xp.argsort({0}, axis=-1), axis=-1)", lambda s: s, _at_least(1)),
        _moved(
            "xp.take_along_axis({0}, xp.argmax({0}, axis=0, keepdims=True), axis=0)",
            lambda s: (1, *s[1:]),
            _at_least(1),
        ),
    ),
    "euclidean_norm": (
        _reduction("(lambda x, **how: xp.linalg.vector_norm(0.25 + x * x, **how))"),
        _moved("xp.linalg.matrix_norm(0.25 + {0} * {0})", lambda s: s[:-2], _at_least(2)),
    ),
    "inv": (_moved(f"xp.linalg.inv({_REGULAR})", _left, _at_least(2)),),
    "solution": (_moved(f"xp.linalg.solve({_REGULAR}, {{0}})", lambda s: s, _at_least(2)),),
    "det": (
        _moved(f"xp.linalg.det({_REGULAR})", lambda s: s[:-2], _at_least(2)),
        _moved("xp.linalg.det(0.125 * {0} @ xp.matrix_transpose({0}))", lambda s: s[:-2], _at_least(2)),
    ),
    "sign_and_log_determinant": (
        _moved(f"xp.linalg.slogdet({_REGULAR})[1]", lambda s: s[:-2], _at_least(2)),
    ),
    # the frameworks have it by other names
    "elimination": (
        _moved(
            f"xp.linalg.slogdet({_REGULAR})[0] * xp.linalg.det({_REGULAR})", lambda s: s[:-2], _at_least(2)
        ),
    ),
    "cholesky_factor": (
        _moved(f"xp.linalg.cholesky({_REGULAR})", _left, _at_least(2)),
        _moved(f"xp.linalg.cholesky({_REGULAR}, upper=True)", _left, _at_least(2)),
    ),
    "symmetric_eigen": (_moved(f"xp.linalg.eigh({_DISTINCT})[1] ** 2", _left, _at_least(2)),),
    "eigvalsh": (_moved(f"xp.linalg.eigvalsh({_DISTINCT})", lambda s: s[:-1], _at_least(2)),),
    "singular_decomposition": (_moved(f"xp.linalg.svd({_DISTINCT})[0] ** 2", _left, _at_least(2)),),
    "svdvals": (_moved(f"xp.linalg.svdvals({_DISTINCT})", lambda s: s[:-1], _at_least(2)),),
    "orthogonal_triangular": (
        _moved(f"xp.linalg.qr({_REGULAR})[0] ** 2", _left, _at_least(2)),
        _moved(f"xp.abs(xp.linalg.qr({_REGULAR})[1])", _left, _at_least(2)),
    ),
    "pseudoinverse": (
        _moved(f"xp.linalg.pinv({_REGULAR}[..., 1:])", lambda s: (*s[:-2], s[-2] - 1, s[-2]), _at_least(2)),
    ),
    "matmul": (_product("xp.matmul", _matmul),),
    "vecdot": (_product("xp.vecdot", _vecdot),),
    "outer": (_product("xp.outer", _outer),),
    "reshape": (_moved("xp.reshape({}, {shape})", lambda s: (prod(s),), _at_least(0)),),
    "permute_dims": (_moved("xp.permute_dims({}, {order})", lambda s: s[::-1], _at_least(1)),),
    "matrix_transpose": (_moved("xp.matrix_transpose({})", _swapped, _at_least(2)),),
    "broadcast_to": (_moved("xp.broadcast_to({}, {shape})", lambda s: (2, *s), lambda s: prod(s) <= 12),),
    "expand_dims": (_moved("xp.expand_dims({}, axis=0)", lambda s: (1, *s), _at_least(0)),),
    "squeeze": (_moved("xp.squeeze({}, axis=0)", lambda s: s[1:], lambda s: s[:1] == (1,)),),
    "flip": (_moved("xp.flip({}, axis=-1)", lambda s: s, _at_least(1)),),
    "concat": (_moved("xp.concat([{0}, 2.0 * {0}], axis=0)", lambda s: (2 * s[0], *s[1:]), _at_least(1)),),
    "gather": (
        _moved("{}[0]", lambda s: s[1:], _at_least(1)),
        _moved("{}[..., 1:]", lambda s: (*s[:-1], s[-1] - 1), lambda s: s[-1:] > (1,)),
        _moved("xp.take({}, xp.asarray([0, 0, -1]), axis=0)", lambda s: (3, *s[1:]), _at_least(1)),
        _moved("xp.tril({})", lambda s: s, _at_least(2)),
    ),
    "astype": (_entrywise("xp.astype(@, @.dtype)"),),
    "sigmoid": (_entrywise("xp.nn.sigmoid(@)"),),
    "relu": (_entrywise("xp.nn.relu(@)"),),
    "softplus": (_entrywise("xp.nn.softplus(@)"),),
    "gelu": (_entrywise("xp.nn.gelu(@)"),),
    "gelu_tanh": (_entrywise('xp.nn.gelu(@, approximate="tanh")'),),
    "silu": (_entrywise("xp.nn.silu(@)"),),
    "xlogy": (_alike(f"xp.nn.binary_cross_entropy(xp.nn.sigmoid($1), xp.nn.sigmoid($2), {_NONE})"),),
    "elu": (_entrywise("xp.nn.elu(@, alpha=1.5)"), _entrywise("xp.nn.selu(@)"), _entrywise("xp.nn.celu(@)")),
    "leaky_relu": (_entrywise("xp.nn.leaky_relu(@, negative_slope=0.125)"),),
    "prelu": (_alike("xp.nn.prelu($1, $2)"),),
    "softsign": (_entrywise("xp.nn.softsign(@)"),),
    "tanhshrink": (_entrywise("xp.nn.tanhshrink(@)"),),
    "logcumsumexp": (_along("xp.nn.logcumsumexp"),),
    "standardize": (_along("xp.nn.standardize"),),
    "convolution": (
        _moved(
            "xp.nn.convolution({0}, {0}[:, :1] + {0}[:, 1:], padding=1, groups={0}.shape[1])[..., 1:]",
            lambda s: s,
            lambda s: s == (2, 2, 2),
        ),
    ),
    "scatter_add": (
        _moved(
            "xp.nn.scatter_add({}, xp.asarray([1, 0, 1]), shape=(2,))", lambda _: (2,), lambda s: s == (3,)
        ),
    ),
    "xlog1py": (_alike("xp.special.xlog1py($1, $2 * $2)"),),
    **{name: (_entrywise(f"xp.special.{name}(@)"),) for name in ("erf", "erfc", "ndtr", "log_ndtr")},
    "erfcx": (_entrywise("xp.special.erfcx(xp.abs(@))"),),
    "erfinv": (_entrywise("xp.special.erfinv(0.75 * xp.tanh(@))"),),
    "ndtri": (_entrywise("xp.special.ndtri(xp.nn.sigmoid(@))"),),
    **{name: (_entrywise(f"xp.special.{name}(0.75 + @ * @)"),) for name in ("gammaln", "digamma")},
    "polygamma": (_entrywise("xp.special.polygamma(2, 0.75 + @ * @)"),),
    "zeta": (_entrywise("xp.special.zeta(xp.asarray(2.5, dtype=@.dtype), 0.75 + @ * @)"),),
    **{
        name: (_entrywise(f"xp.special.{name}(xp.asarray(1.5, dtype=@.dtype), 0.125 + @ * @)"),)
        for name in ("gammainc", "gammaincc")
    },
    **{name: (_entrywise(f"xp.special.{name}(@)"),) for name in ("i0", "i0e", "i1", "i1e")},
    "logsumexp": (_reduction("xp.nn.logsumexp"),),
    "softmax": (_along("xp.nn.softmax"),),
    "log_softmax": (_along("xp.nn.log_softmax"),),
    "binary_cross_entropy_with_logits": (
        _alike(f"xp.nn.binary_cross_entropy_with_logits($1, xp.nn.sigmoid($2), {_NONE})"),
    ),
}
"""For each operation of the table, what draws code with it, inside its domain."""


_CHOICES = st.lists(st.integers(0, 251), min_size=6, max_size=6)


def programs(most: int = 8) -> st.SearchStrategy[Program]:
    """Give the strategy of losses of a few operations.

    Each operation is drawn with its own choices, so that others can be left out when a loss is shrunk.
    """
    steps = st.lists(st.tuples(st.sampled_from([*OPERATIONS]), _CHOICES), min_size=1, max_size=most)
    params = st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3)
    data = st.lists(st.sampled_from(SHAPES), max_size=2)
    return st.builds(_program, params, data, st.sampled_from([*NUMBERS]), st.integers(0, 2**16), steps)


def _program(
    params: Sequence[Shape],
    data: Sequence[Shape],
    numbers: str,
    seed: int,
    steps: Sequence[tuple[str, Sequence[int]]],
) -> Program:
    shapes = {f"w{at}": shape for at, shape in enumerate(params)}
    shapes |= {f"x{at}": shape for at, shape in enumerate(data)}
    program = Program(shapes, seed=seed, numbers=numbers)
    for operation, choices in steps:
        left = cycle(choices)

        def choose(things: Sequence[Any], left: Iterator[int] = left) -> Any:
            return things[next(left) % len(things)]

        found = choose(OPERATIONS[operation])(choose, program)
        if found is not None:
            program.add(operation, *found)
    return program
