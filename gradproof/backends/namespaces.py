"""`xp` of a library: its own functions by the standard's names, and `xp.nn`, composed where it has none."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import FunctionType, MethodType
from typing import Any, ClassVar

from gradproof.reference.compositions import AllCompositions
from gradproof.reference.compositions.special_compositions import SpecialCompositions


def _xlogy(self: "LibrarySpecial", x: Any, y: Any) -> Any:
    """Compute x ln y."""
    return x * self._xp.log(y)


def _xlog1py(self: "LibrarySpecial", x: Any, y: Any) -> Any:
    """Compute x ln(1 + y)."""
    return x * self._xp.log1p(y)


_SPECIAL: Mapping[str, Callable[..., Any]] = {
    "xlogy": _xlogy,
    "xlog1py": _xlog1py,
    **{name: each for name, each in vars(SpecialCompositions).items() if isinstance(each, FunctionType)},
}
"""What special functions are composed of others where a library has none of its own."""


class LibrarySpecial:
    """`xp.special` of a library: its own functions, and what is composed of them.

    Attributes:
        modules: of the library; the first one that has a name is asked for it.
        renamed: by the name in scipy.special, the library's.
    """

    modules: ClassVar[Sequence[Any]] = ()
    renamed: ClassVar[Mapping[str, str]] = {}

    def __init__(self, xp: Any) -> None:
        """Take the library's namespace."""
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        """Give the library's own function, or a composition."""
        own = self.renamed.get(name, name)
        for module in self.modules:
            if hasattr(module, own):
                return getattr(module, own)
        if name in _SPECIAL:
            return MethodType(_SPECIAL[name], self)
        raise AttributeError(f"there is no special.{name}", name=f"special.{name}", obj=self._xp)


class LibraryNamespace:
    """The functions of a library, called as the array API standard calls them.

    What the library calls otherwise, `renamed` tells; what takes other arguments is a method of a subclass.
    A name that the library does not have raises an AttributeError that holds it.

    Attributes:
        modules: of the library; the first one that has a name is asked for it.
        renamed: by the standard's name, the library's.
        functions: what `xp.nn` is made of.
        special_functions: what `xp.special` is made of.

    >>> class Few(LibraryNamespace):
    ...     modules = (math,)
    ...     renamed = {"abs": "fabs"}
    >>> Few().abs(-2.0), hasattr(Few(), "cumulative_sum")
    (2.0, False)
    """

    modules: ClassVar[Sequence[Any]] = ()
    renamed: ClassVar[Mapping[str, str]] = {}
    functions: ClassVar[type["ComposedFunctions"]]
    special_functions: ClassVar[type[LibrarySpecial]] = LibrarySpecial

    @cached_property
    def nn(self) -> "ComposedFunctions":
        """The functions of networks."""
        return self.functions(self)

    @cached_property
    def special(self) -> LibrarySpecial:
        """The special functions."""
        return self.special_functions(self)

    def __getattr__(self, name: str) -> Any:
        """Give the library's own function or constant."""
        own = self.renamed.get(name, name)
        for module in self.modules:
            if hasattr(module, own):
                return getattr(module, own)
        raise AttributeError(f"there is no {name}", name=name, obj=self)


class Own:
    """A function of a library's, looked up in its module when it is called for.

    >>> class Few(ComposedFunctions):
    ...     sqrt = Own(math, "sqrt")
    >>> Few(None).sqrt(4.0)
    2.0
    """

    def __init__(self, module: Any, name: str) -> None:
        """Take the module, which may be lazy, and the function's name there."""
        self._module, self._name = module, name

    def __get__(self, instance: object, owner: type) -> Any:
        """Give the function."""
        return self if instance is None else getattr(self._module, self._name)


class ComposedFunctions(AllCompositions):
    """`xp.nn` as programs compose it in a library that has `logsumexp`, `sigmoid` and `erf` alone.

    A library's own functions stand in a subclass. What they compute is told in
    `gradproof.reference.numpy_namespace`.

    >>> from gradproof.reference.numpy_namespace import NumpyNamespace
    >>> sorted({*dir(NumpyNamespace.nn)} - {*dir(ComposedFunctions)})
    ['_xp', 'logsumexp', 'sigmoid', 'stop_gradient']
    """

    def __init__(self, xp: Any) -> None:
        """Take the library's namespace."""
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        """Tell that the library has no such function."""
        raise AttributeError(f"there is no nn.{name}", name=f"nn.{name}", obj=self._xp)

    def relu(self, x: Any) -> Any:
        """Compute max(x, 0)."""
        return self._xp.maximum(x, 0.0)

    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        """Compute x · Φ(x), or its tanh approximation."""
        if approximate == "tanh":
            return 0.5 * x * (1.0 + self._xp.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1.0 + self._xp.erf(x / math.sqrt(2.0)))

    def silu(self, x: Any) -> Any:
        """Compute x · sigmoid(x)."""
        return x * self.sigmoid(x)

    def softplus(self, x: Any) -> Any:
        """Compute ln(1 + e^x)."""
        return self._xp.logaddexp(x, 0.0)

    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute e^x / Σ e^x."""
        return self._xp.exp(self.log_softmax(x, axis=axis))

    def log_softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute x - ln Σ e^x."""
        return x - self.logsumexp(x, axis=axis, keepdims=True)

    def _one_hot(self, classes: Any, like: Any) -> Any:
        xp = self._xp
        return xp.astype(xp.expand_dims(classes, -1) == xp.arange(like.shape[-1]), like.dtype)

    def _is_integer(self, array: Any) -> bool:
        return "int" in str(array.dtype)

    def binary_cross_entropy(self, probabilities: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln p + (1 - y) ln(1 - p)]."""
        terms = self._xp.special.xlogy(targets, probabilities) + self._xp.special.xlog1py(
            1 - targets, -probabilities
        )
        return self._reduced(-terms, reduction)

    def binary_cross_entropy_with_logits(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -[y ln sigmoid(z) + (1 - y) ln sigmoid(-z)]."""
        terms = targets * self.softplus(-logits) + (1 - targets) * self.softplus(logits)
        return self._reduced(terms, reduction)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis."""
        shares = self._one_hot(targets, logits) if self._is_integer(targets) else targets
        return self._reduced(-self._xp.sum(shares * self.log_softmax(logits), axis=-1), reduction)
