"""What a framework is: how arrays get into it and out of it, and what of it can be chosen."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.namespaces import LibraryNamespace
from gradproof.backends.settings import Setting
from gradproof.errors import BackendUnavailableError
from gradproof.reference.numbers.formats import PLAIN_PRODUCTS, Products
from gradproof.reference.numpy_namespace import NumpyNamespace

Step: TypeAlias = Callable[[dict[str, Any], dict[str, Any]], Any]
"""Makes a step from weights and gradients, by name: gives the weights after it, or None and changes them."""


class Framework:
    """A library of arrays. As it stands it is NumPy; another one is a class that overrides what differs.

    `verify` runs a backend on the arrays of its framework, and `check` and `judge` take and give these arrays
    where a user's own code works with them. A framework is made before its library is imported (see `Lazy`),
    and asked for more than its attributes only where the library is used.

    Attributes:
        name: what it is called: best the library's, by which it is known that a user's code imports it.
        words: what its arrays are called, in the plural.
        modules: top-level modules that the types of its arrays come from; the first one is what users import.
        dtypes: the floating-point dtypes that it computes in.
        device_kinds: the kinds of devices that it can be told to compute on; none where it has no choice.
        has_leaves: whether it records gradients in parameters that are made for it (PyTorch's `backward()`).
        lacking: by a regular expression for the message of an exception, what the library lacks that says so;
            `{}` stands for the expression's group.
    """

    name: str = "numpy"
    words: str = "NumPy arrays"
    modules: tuple[str, ...] = ("numpy",)
    dtypes: tuple[str, ...] = ("float64", "float32")
    device_kinds: tuple[str, ...] = ()
    has_leaves: bool = False
    lacking: Mapping[str, str] = {}

    def namespace(self) -> Any:
        """Give `xp`, with which losses are written: the array API standard's functions, and `xp.nn`."""
        return NumpyNamespace()

    def from_numpy(self, array: NDArray[Any], *, leaf: bool = False) -> Any:
        """Give a NumPy array as one of the framework's, of the same dtype.

        Args:
            array: is never changed, whatever is done with the result.
            leaf: whether the gradient by it shall be recorded; only where there are leaves.
        """
        del leaf
        return array.copy()

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """Give one of its arrays as one of NumPy, in its own dtype where NumPy or ml_dtypes has it."""
        return np.asarray(array)

    def stacked(self, arrays: Sequence[Any]) -> NDArray[Any]:
        """Give several of its arrays, of one shape and dtype, as one of NumPy; they lie along its first axis.

        >>> Framework().stacked([np.ones(2), np.zeros(2)]).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
        """
        return np.stack([self.to_numpy(array) for array in arrays])

    def mode(self, dtype: str) -> AbstractContextManager[Any]:
        """Give a context in which the framework computes in a dtype, and after which all is as it was."""
        del dtype
        return nullcontext()

    def settings(self) -> Sequence[Setting]:
        """Give the library's global settings that can change what it computes, and its functions."""
        return ()

    def rows(self, array: Any, chosen: NDArray[np.intp]) -> Any:
        """Give the entries of one of its arrays at some places along the first axis."""
        return array[chosen]

    def lacks(self, error: BaseException) -> str:
        """Tell which operation the library lacks, that NumPy has, or the derivative of one.

        Args:
            error: what a run raised.

        Returns:
            its name; empty where the exception says something else.

        >>> Framework().lacks(ValueError("no such axis"))
        ''
        """
        if isinstance(error, AttributeError) and error.name:
            if isinstance(error.obj, LibraryNamespace):
                return error.name if _is_numpys(error.name) else ""
            return (
                f"{error.name} of its arrays"
                if self.owns(error.obj) and hasattr(np.ndarray, error.name)
                else ""
            )
        found = ((re.search(pattern, str(error)), words) for pattern, words in self.lacking.items())
        return next((words.format(*match.groups()) for match, words in found if match), "")

    def evaluated(self, name: str, array: NDArray[Any], options: Mapping[str, Any]) -> NDArray[Any] | None:
        """Give what its function of that name makes of an array, in its dtype; None if it has none.

        >>> (
        ...     Framework().evaluated("sigmoid", np.zeros(2), {}),
        ...     Framework().evaluated("no_such", np.zeros(2), {}),
        ... )
        (array([0.5, 0.5]), None)
        """
        xp = self.namespace()
        try:
            with self.mode(array.dtype.name):
                where = next(each for each in (xp, xp.nn, xp.special) if hasattr(each, name))
                function = getattr(where, name)
                return self.to_numpy(function(self.from_numpy(array), **options))
        except Exception:  # noqa: BLE001 - whatever keeps a library from it, it gives nothing
            return None

    def own_step(self, optimizer: Any, params: Mapping[str, Any], learning_rate: float) -> "Step | None":
        """Give how one of the library's optimizers steps; None for what is none.

        Args:
            optimizer: whatever a user gave.
            params: by name, the first weights as the user gave them.
            learning_rate: of what is made here of a class.

        Raises:
            InputError: it cannot be stepped with from these weights.
        """
        del optimizer, params, learning_rate
        return None

    def devices(self) -> Sequence[str]:
        """Tell the devices that it sees here, the one that is used first."""
        return ("cpu",)

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Give a context in which arrays are made, and so computed with, on a device.

        Args:
            device: one of `device_kinds`, or one of that kind, as `cuda:1`; empty for the library's choice.

        Raises:
            BackendUnavailableError: it sees no such device here.
        """
        if not device:
            return nullcontext()
        raise BackendUnavailableError(
            f"{self.name} computes on {self.devices()[0]} here, and cannot be told to on {device}. Leave the "
            "device out."
        )

    def products(self, dtype: str, device: str = "") -> Products:
        """Tell what may be rounded within products of matrices, by the settings that are in force.

        Args:
            dtype: that of the matrices.
            device: where they are; empty for where arrays are made at present.
        """
        del dtype, device
        return PLAIN_PRODUCTS

    def owns(self, value: Any) -> bool:
        """Tell whether something is an array of the framework's."""
        return type(value).__module__.partition(".")[0] in self.modules

    @property
    def is_used(self) -> bool:
        """Whether something in this process has imported the library."""
        return sys.modules.get(self.modules[0]) is not None


def _is_numpys(name: str) -> bool:
    """Tell whether NumPy has a function of `xp`, or of `xp.nn`."""
    xp, function = NumpyNamespace(), name.removeprefix("nn.")
    return hasattr(xp if function == name else xp.nn, function)


class Lazy:
    """A module that is imported when something of it is first used.

    >>> numpy = Lazy("numpy")
    >>> numpy.sqrt(4.0).item()
    2.0
    """

    def __init__(self, name: str) -> None:
        """Take the module's name."""
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Give what the module has; nothing is imported for what Python itself asks for."""
        if name.startswith("__") and name.endswith("__") and self._name not in sys.modules:
            raise AttributeError(name)
        # torch.compile follows a look-up in sys.modules, but no import.
        module = sys.modules.get(self._name)
        return getattr(import_module(self._name) if module is None else module, name)
