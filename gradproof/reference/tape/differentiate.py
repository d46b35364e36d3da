"""The tape's front door: the value of a loss and its derivative for each parameter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from gradproof.errors import GradproofError, InputError, UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers import Kind, Numbers
from gradproof.reference.source import raised_at
from gradproof.reference.tape.namespace import Namespace
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.tape import Choice, Tape, never

Loss: TypeAlias = Callable[..., Any]
"""A loss is called as loss(xp, params, batch) and answers a scalar."""

Arrays: TypeAlias = Mapping[str, ArrayLike]
"""Parameters or data by name."""


AnyNumbers = TypeVar("AnyNumbers", bound=Numbers[Any])


@dataclass(frozen=True)
class Inputs:
    """Parameters and data of several runs at once: the lanes first, of length 1 in arrays that all share."""

    params: Mapping[str, NDArray[Any]]
    batch: Mapping[str, NDArray[Any]]
    lanes: int

    @classmethod
    def of(cls, params: Arrays, batch: Arrays, lanes: int | None) -> "Inputs":
        """Take arrays whose leading axis is the lanes; without lanes, give them one.

        Raises:
            InputError: an array does not have the lanes.
        """

        def laned(arrays: Arrays) -> dict[str, NDArray[Any]]:
            return {name: _laned(name, values, lanes) for name, values in arrays.items()}

        return cls(laned(params), laned(batch), lanes or 1)

    def part(self, chosen: NDArray[np.intp]) -> "Inputs":
        """The chosen lanes."""

        def part_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {
                name: array[chosen] if array.shape[0] == self.lanes else array
                for name, array in arrays.items()
            }

        return Inputs(part_of(self.params), part_of(self.batch), chosen.size)


@dataclass(frozen=True)
class Differentiation(Generic[AnyNumbers]):
    """One run of a loss with its gradient.

    Attributes:
        value: The loss; shape (), with all lanes.
        gradients: By parameter, in the parameter's shape, with all lanes.
        tape: The record, on which the backward pass can be run again with changed rules.
        unused: Parameters that the loss does not depend on; their gradients are zeros.
    """

    value: AnyNumbers
    gradients: Mapping[str, AnyNumbers]
    tape: Tape
    unused: tuple[str, ...]


def differentiate(
    loss: Loss,
    params: Arrays,
    batch: Arrays,
    kind: Kind[AnyNumbers],
    lanes: int | None = None,
    accurately: Choice = never,
) -> Differentiation[AnyNumbers]:
    """Computes a loss and its gradient by reverse-mode differentiation.

    Args:
        loss: Called as loss(xp, params, batch).
        params: By name, arrays of floats; for a run in balls also of `flint.arb`.
        batch: By name, likewise; integers and booleans come to the loss as NumPy arrays.
        kind: The kind of number to compute with.
        lanes: None for one run. Otherwise the loss is run on that many inputs at once, and every
            array has a leading axis of that length, or of length 1 where all runs share it.
        accurately: Which operations are computed in their accurate form, where they have one.

    Raises:
        InputError: The loss is no scalar, or an array does not have the lanes.
        UnsupportedError: The loss uses something that the tape cannot follow.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2.

    >>> from gradproof.reference.numbers import Plain
    >>> result = differentiate(
    ...     lambda xp, params, batch: xp.sum((batch["x"] * params["w"]) ** 2),
    ...     {"w": [1.0, 2.0]},
    ...     {"x": [3.0, 4.0]},
    ...     Plain(),
    ... )
    >>> result.gradients["w"].values()
    array([[18., 64.]])
    """
    inputs = Inputs.of(params, batch, lanes)
    with kind.context():
        tape = Tape(kind, accurately)
        parameters = {
            name: tape.parameter(name, _floats(name, values)) for name, values in inputs.params.items()
        }
        data = {name: _batch_value(tape, name, values) for name, values in inputs.batch.items()}
        tape.output = _scalar(tape.lift(_called(loss, Namespace(tape), parameters, data)))
        tape.is_closed = True
        value: Any = tape.output.value.with_lanes(inputs.lanes)
        gradients: Any = {
            name: gradient.with_lanes(inputs.lanes) for name, gradient in tape.backward().items()
        }
    unused = tuple(name for name, node in parameters.items() if tape.adjoint(node) is None)
    return Differentiation(value, gradients, tape, unused)


def _called(loss: Loss, *arguments: Any) -> Any:
    """What the loss answers.

    Raises:
        InputError: it raises, or it answers nothing.
    """
    try:
        answer = loss(*arguments)
    except GradproofError:
        raise
    except Exception as error:
        raise InputError(
            f"The loss raises {type(error).__name__}{raised_at(error)}: {error}. "
            "Mend it there; xp has what computes with the arrays that it is given."
        ) from error
    if not isinstance(answer, Computed | int | float | np.ndarray | np.generic):
        what = "nothing" if answer is None else f"a {type(answer).__name__}"
        raise InputError(f"The loss answers {what}. Return the scalar that is to be differentiated.")
    return answer


def _laned(name: str, values: ArrayLike, lanes: int | None) -> NDArray[Any]:
    array = np.asarray(values)
    if lanes is None:
        return array[np.newaxis]
    if array.ndim == 0 or array.shape[0] not in {1, lanes}:
        raise InputError(
            f"The array {name!r} has shape {array.shape} where {lanes} lanes are asked for. "
            f"Give it a leading axis of length {lanes}, or of length 1 if all lanes share it."
        )
    return array


def _floats(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.hasobject and all(isinstance(each, arb) for each in array.flat):
        return array  # balls, for a run in balls
    if array.dtype.kind not in "iubf":
        raise InputError(
            f"The array {name!r} has data type {array.dtype}. Pass real numbers (floats, integers)."
        )
    return array.astype(np.float64)


def _batch_value(tape: Tape, name: str, array: NDArray[Any]) -> Tensor | NDArray[Any]:
    if array.dtype.kind not in "iub":
        return tape.data(_floats(name, array), name)
    if np.any(array != array[:1]):
        raise UnsupportedError(
            f"The integers {name!r} of the batch differ between lanes, and indices must be the "
            "same in all. Run the lanes one by one."
        )
    first: NDArray[Any] = array[0].copy()  # a loss that changes it changes nobody else's
    return first


def _scalar(output: Tensor) -> Tensor:
    if output.shape != ():
        raise InputError(
            f"The loss answers an array of shape {output.shape}, and a gradient needs a scalar. "
            "Reduce it with xp.sum or xp.mean."
        )
    return output
