"""What a training makes of gradients, in any kind of number and at many steps at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.advance import advance
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import Kind
from gradproof.reference.optimizers import At
from gradproof.reference.tape import Choice, Namespace, Tape, never

Array = NDArray[Any]


class After(NamedTuple):
    """What is there after a step: a parameter's weights, or an entry of the state that is kept of it."""

    parameter: str
    entry: str = ""


@dataclass(frozen=True, eq=False)
class Stepping:
    """T steps of a training, each from weights and a state of its own.

    Attributes:
        training: by which the steps are made.
        weights: before each step, of shape (T, *parameter).
        states: before each step, by entry, by parameter, of shape (T, *entry).
        numbers: which step of the training each is, counted from 1; of shape (T,).
        learning_rates: of each step, of shape (T,).
        make_step: makes a step; called as `advance` is.
    """

    training: GradientDescent
    weights: Mapping[str, Array]
    states: Mapping[str, Mapping[str, Array]]
    numbers: NDArray[np.intp]
    learning_rates: Array
    make_step: Callable[..., tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]] = advance

    def __call__(
        self,
        gradients: Mapping[str, Any],
        kind: Kind[Any],
        accurately: Choice = never,
        lanes: NDArray[np.intp] | None = None,
    ) -> dict[After, Any]:
        """Make the steps in a kind of number.

        Args:
            gradients: by parameter, the kind's numbers, with one lane a step.
            kind: the kind; its context is entered by the caller.
            accurately: which operations are computed in their accurate form.
            lanes: which of the steps are made; None for all.

        Returns:
            the weights and the state after each step.
        """
        chosen = np.arange(len(self.numbers)) if lanes is None else lanes
        tape = Tape(kind, accurately)

        def lifted(kind: Kind[Any], array: Array) -> Any:
            return tape.computed(kind.lift(array[chosen].astype(np.float64)))

        def data(arrays: Mapping[str, Array]) -> dict[str, Any]:
            return {name: lifted(kind.of_param(name), array) for name, array in arrays.items()}

        rates, weak = self.learning_rates[chosen], kind.of_constants()
        number = lifted(weak, self.numbers)
        # A rate that all steps share is a constant, which programs round to their dtype.
        rate = float(rates[0]) if np.all(rates == rates[0]) else lifted(weak, self.learning_rates)
        weights, state = self.make_step(
            self.training,
            Namespace(tape),
            data(self.weights),
            {name: tape.computed(numbers) for name, numbers in gradients.items()},
            {entry: data(arrays) for entry, arrays in self.states.items()},
            At(number, rate),
        )
        found = {After(name): tensor for name, tensor in weights.items()}
        for entry, tensors in state.items():
            found |= {After(name, entry): tensor for name, tensor in tensors.items()}
        return {key: tensor.value.with_lanes(chosen.size) for key, tensor in found.items()}
