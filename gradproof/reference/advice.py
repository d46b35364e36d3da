"""What a loss may not do with computed arrays, and what to write instead."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.source import caller

KNOWN: set[str] = set()
"""The names that xp has (`exp`, `nn.relu`); the namespace adds them as it is made."""

_STANDARD = {
    **dict.fromkeys(
        ("complex128", "complex64", "imag"), "two real arrays, for the real and the imaginary parts"
    ),
    "empty": "xp.zeros",
    "empty_like": "xp.zeros_like",
    "fft": "products with matrices of cosines and sines (xp.matmul)",
    "from_dlpack": "xp.asarray",
    "nextafter": "x, of which a neighbour means nothing to a gradient",
}
"""What the array API standard (2024.12) has and the tape lacks, with what to use in its place."""

_ELSEWHERE = {
    "absolute": "xp.abs",
    **dict.fromkeys(("add.accumulate", "cumsum"), "xp.cumulative_sum"),
    **dict.fromkeys(("multiply.accumulate", "cumprod"), "xp.cumulative_prod"),
    "add.at": "a product with a matrix of zeros and ones, or xp.take in the other direction",
    "add.outer": "x[:, None] + y",
    "add.reduce": "xp.sum",
    **dict.fromkeys(("amax", "maximum.reduce"), "xp.max"),
    **dict.fromkeys(("amin", "minimum.reduce"), "xp.min"),
    **dict.fromkeys(("append", "cat", "concatenate"), "xp.concat"),
    **{f"arc{name}": f"xp.a{name}" for name in ("cos", "cosh", "sin", "sinh", "tan2", "tanh")},
    "array": "xp.asarray, or xp.stack for a list of computed arrays",
    "average": "xp.sum(weights * x) / xp.sum(weights)",
    **dict.fromkeys(("bmm", "mm"), "xp.matmul"),
    **dict.fromkeys(("clone", "copy"), "the array itself: none is ever changed in place"),
    "detach": "a value that does not depend on the parameters, such as data of the batch",
    "dot": "xp.matmul, or the operator @",
    "dropout": "a mask in the batch, by which the loss multiplies",
    "einsum": "xp.tensordot, xp.matmul, or products and xp.sum",
    "exp2": "xp.exp(x * math.log(2))",
    "expand": "xp.broadcast_to",
    **dict.fromkeys(("flatten", "ravel"), "xp.reshape(x, (-1,))"),
    "hstack": "xp.concat(arrays, axis=1)",
    "inner": "xp.vecdot",
    "invert": "the operator ~",
    "item": "the array without axes itself",
    "median": "xp.sort, and the entry or the two in the middle",
    "multiply.outer": "xp.outer",
    "multiply.reduce": "xp.prod",
    "nan_to_num": "xp.where(x == x, x, 0)",
    "nansum": "xp.sum(xp.where(x == x, x, 0))",
    **dict.fromkeys(("nn.conv1d", "nn.conv2d", "nn.conv3d"), "xp.nn.convolution"),
    **{f"nn.conv_transpose{axes}d": "xp.nn.transposed_convolution" for axes in (1, 2, 3)},
    **{f"nn.max_pool{axes}d": "xp.nn.max_pool" for axes in (1, 2, 3)},
    **{f"nn.avg_pool{axes}d": "xp.nn.average_pool" for axes in (1, 2, 3)},
    "nn.dropout": "a mask in the batch, by which the loss multiplies",
    "nn.logsigmoid": "xp.nn.log_sigmoid",
    "nn.swish": "xp.nn.silu",
    **{
        f"nn.{other}": f"xp.nn.{own}" for own, other in (("softsign", "soft_sign"), ("hardtanh", "hard_tanh"))
    },
    "lgamma": "xp.special.gammaln",
    "psi": "xp.special.digamma",
    "norm": "xp.linalg.vector_norm, or xp.linalg.matrix_norm",
    **dict.fromkeys(("numpy", "tolist"), "the array itself"),
    "permute": "xp.permute_dims",
    "power": "xp.pow",
    "swapaxes": "xp.permute_dims(x, axes)",
    "t": "x.T for a matrix",
    "to": "xp.astype",
    "transpose": "xp.permute_dims(x, axes), or x.T for a matrix",
    "true_divide": "xp.divide",
    "unsqueeze": "xp.expand_dims",
    "view": "xp.reshape",
    "vstack": "xp.concat(arrays, axis=0)",
}
"""What NumPy, PyTorch and JAX have beside the standard."""

_GENERAL = "Write it with functions of the array API standard; dir(xp) lists those that the tape has."


def advice(name: str) -> str:
    """Say what to use in the place of a function, such as `cumsum` or `nn.elu`."""
    bare = name.rpartition(".")[2]
    spaces = ("", "nn.", "special.", "linalg.")
    for mine in (name, *(space + name for space in spaces), *(space + bare for space in spaces)):
        if mine in KNOWN:
            return f"Call xp.{mine}."
    instead = _STANDARD.get(name) or _ELSEWHERE.get(name) or _ELSEWHERE.get(bare)
    return f"Use {instead}." if instead else _GENERAL


def every_advice() -> Iterator[str]:
    """Give all texts that name something to use instead."""
    yield from (*_STANDARD.values(), *_ELSEWHERE.values())


class MissingAttributeError(UnsupportedError, AttributeError):
    """A loss asked an array or the namespace for a name that they do not have; hasattr() answers False."""


def missing(name: str) -> NoReturn:
    """Say that the namespace lacks a function, where the loss asked for it, and what to use instead.

    Raises:
        MissingAttributeError: always; for a name of Python's own protocols, a bare AttributeError.
    """
    if name.rsplit(".", maxsplit=1)[-1].startswith("__"):
        raise AttributeError(name)
    who = "the standard has and the tape lacks" if name in _STANDARD else "the tape does not have"
    raise MissingAttributeError(f"The loss asks for xp.{name} at {caller()}, which {who}. {advice(name)}")


class KeptError(UnsupportedError):
    """Code kept an array that a loss computed (in self, a global, a closure), and uses it in another call."""

    def __init__(self) -> None:
        """Say where it is used."""
        super().__init__(
            f"An array that an earlier call of the loss computed and kept is used at {caller()}. "
            "Compute it anew in each call, from the parameters and the batch of that call."
        )


def _refusal(doing: str, instead: str) -> Any:
    def refuse(self: "Computed", *_arguments: Any, **_options: Any) -> NoReturn:
        if self.is_kept:
            raise KeptError
        raise UnsupportedError(f"The loss {doing.format(self.NOUN)} at {caller()}. {instead}")

    refuse.__doc__ = "Not to be had."
    return refuse


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "matmul": operator.matmul,
    "power": operator.pow,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    **dict.fromkeys(("bitwise_and", "logical_and"), operator.and_),
    **dict.fromkeys(("bitwise_or", "logical_or"), operator.or_),
    **dict.fromkeys(("bitwise_xor", "logical_xor"), operator.xor),
    **dict.fromkeys(("invert", "logical_not"), operator.invert),
}
"""The functions that NumPy calls for an operator whose left operand is its own array, and their like."""


class Computed:
    """What a computed array and a comparison have in common: what they refuse, and what to write instead."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment] # == compares entries

    NOUN: ClassVar[str]
    shape: Any

    @property
    def is_kept(self) -> bool:
        """Whether the call that computed it has ended."""
        return False

    __float__ = __int__ = __index__ = __complex__ = __array__ = _refusal(
        "makes a Python number or a NumPy array of {}",
        "Keep it as it is and use xp; a list of arrays is joined by xp.stack.",
    )
    __setitem__ = __delitem__ = _refusal(
        "changes entries of {} in place",
        "Collect the parts in a list and join them with xp.stack or xp.concat, or choose with xp.where.",
    )

    def __len__(self) -> int:
        """The length of the first axis.

        Raises:
            InputError: there is no axis.
        """
        if not self.shape:
            raise InputError(
                f"The loss goes through {self.NOUN} without axes at {caller()}, or asks for its length. "
                "Use the number itself, or give it an axis with xp.expand_dims."
            )
        length: int = self.shape[0]
        return length

    def __iter__(self) -> Iterator[Any]:
        """The entries along the first axis."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Entries by their place; a subclass has it."""
        raise NotImplementedError

    def _own(self, value: Any) -> Any:
        """Another operand as one of this class; a subclass has it."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Serve NumPy's arrays as the left operands of operators; refuse NumPy's other functions by name."""
        if "out" in options:
            raise UnsupportedError(
                f"The loss puts {self.NOUN} into an array of NumPy at {caller()}. "
                "Write x = x + y in the place of x += y."
            )
        compute = _OPERATORS.get(ufunc.__name__)
        if compute is None or method != "__call__" or options:
            self._refuse(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        return compute(*(self._own(each) for each in inputs))

    def __array_function__(self, function: Any, _types: Any, _arguments: Any, _options: Any) -> NoReturn:
        """Refuse NumPy's functions by name."""
        self._refuse(function.__name__)

    def _refuse(self, name: str) -> NoReturn:
        if self.is_kept:
            raise KeptError
        raise UnsupportedError(
            f"The loss calls numpy.{name} on {self.NOUN} at {caller()}, and NumPy cannot follow its "
            f"gradient. {advice(name)}"
        )

    def __getattr__(self, name: str) -> NoReturn:
        """Say which function stands for a method that some array libraries have."""
        if name.startswith("__"):
            raise AttributeError(name)
        if self.is_kept:
            raise KeptError
        raise MissingAttributeError(
            f"The loss asks {self.NOUN} for .{name} at {caller()}, which arrays of the array API standard do "
            f"not have. {advice(name)}"
        )

    def __format__(self, _specification: str) -> str:
        """The representation, whatever format a loss that prints asks for."""
        return repr(self)
