"""What a training makes of gradients, in any kind of number, at many steps at once or one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.advance import advance, first_state
from gradproof.reference.descent import GradientDescent
from gradproof.reference.noise import joined
from gradproof.reference.numbers import Kind
from gradproof.reference.optimizers import At
from gradproof.reference.tape import Choice, Namespace, Tape, never

Array = NDArray[Any]
States: TypeAlias = Mapping[str, Mapping[str, Any]]


class After(NamedTuple):
    """What is there after a step: a parameter's weights, or an entry of the state that is kept of it."""

    parameter: str
    entry: str = ""


@dataclass(frozen=True, eq=False)
class Stepping:
    """T steps of a training, each from weights of its own, and from a state of its own or the last one's.

    Attributes:
        training: by which the steps are made.
        weights: before each step, of shape (T, *parameter).
        states: before each step, by entry, by parameter, of shape (T, *entry). Where the state is carried on,
            these only tell what is kept.
        numbers: which step of the training each is, counted from 1; of shape (T,).
        learning_rates: of each step, of shape (T,).
        make_step: makes a step; called as `advance` is.
        carried: whether no one knows the states: these are all steps from the first on, which begins with the
            training's first state, and each goes on from what the step before it makes.
    """

    training: GradientDescent
    weights: Mapping[str, Array]
    states: Mapping[str, Mapping[str, Array]]
    numbers: NDArray[np.intp]
    learning_rates: Array
    make_step: Callable[..., tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]] = advance
    carried: bool = False

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
        if self.carried:
            return self._one_after_the_other(gradients, kind, accurately)
        chosen = np.arange(len(self.numbers)) if lanes is None else lanes
        found = self._made(gradients, kind, accurately, chosen)
        return {key: numbers.with_lanes(chosen.size) for key, numbers in found.items()}

    def _one_after_the_other(
        self, gradients: Mapping[str, Any], kind: Kind[Any], accurately: Choice
    ) -> dict[After, Any]:
        """Make every step from the state that the one before it has made."""
        state: States | None = None
        parts: list[dict[After, Any]] = []
        for step in range(len(self.numbers)):
            own = {name: _lane(numbers, step) for name, numbers in gradients.items()}
            parts.append(self._made(own, kind, accurately, np.array([step]), state))
            state = state_of(parts[-1])
        return {key: joined([part[key].with_lanes(1) for part in parts]) for key in parts[0]}

    def _made(
        self,
        gradients: Mapping[str, Any],
        kind: Kind[Any],
        accurately: Choice,
        chosen: NDArray[np.intp],
        state: States | None = None,
    ) -> dict[After, Any]:
        """Make some steps, from a state of the kind's numbers where one is given."""
        tape = Tape(kind, accurately)

        def lifted(kind: Kind[Any], array: Array) -> Any:
            return tape.computed(kind.lift(array[chosen].astype(np.float64)))

        def data(arrays: Mapping[str, Array]) -> dict[str, Any]:
            return {name: lifted(kind.of_param(name), array) for name, array in arrays.items()}

        rates, weak = self.learning_rates[chosen], kind.of_constants()
        number = lifted(weak, self.numbers)
        # A rate that all steps share is a constant, which programs round to their dtype.
        rate = float(rates[0]) if np.all(rates == rates[0]) else lifted(weak, self.learning_rates)
        before: States = (
            {entry: data(arrays) for entry, arrays in self.known_states().items()}
            if state is None
            else {entry: {n: tape.computed(a) for n, a in arrays.items()} for entry, arrays in state.items()}
        )
        weights, after = self.make_step(
            self.training,
            Namespace(tape),
            data(self.weights),
            {name: tape.computed(numbers) for name, numbers in gradients.items()},
            before,
            At(number, rate),
        )
        return {key: tensor.value for key, tensor in by_key(weights, after).items()}

    def known_states(self) -> Mapping[str, Mapping[str, Array]]:
        """Give the states before the steps, or that before the first one where no others are known."""
        if not self.carried:
            return self.states
        first = first_state(self.training, {name: rows[0] for name, rows in self.weights.items()})
        return {entry: {n: a[np.newaxis] for n, a in arrays.items()} for entry, arrays in first.items()}


def by_key(weights: Mapping[str, Any], states: States) -> dict[After, Any]:
    """Give what there is after a step by what it is."""
    found = {After(name): array for name, array in weights.items()}
    for entry, arrays in states.items():
        found |= {After(name, entry): array for name, array in arrays.items()}
    return found


def state_of(after: Mapping[After, Any]) -> dict[str, dict[str, Any]]:
    """Give the state out of what there is after a step: by entry, by parameter.

    >>> state_of({After("w"): 1.0, After("w", "momentum"): 2.0})
    {'momentum': {'w': 2.0}}
    """
    found: dict[str, dict[str, Any]] = {}
    for key, array in after.items():
        if key.entry:
            found.setdefault(key.entry, {})[key.parameter] = array
    return found


def _lane(numbers: Any, lane: int) -> Any:
    """Give the numbers of one lane; those that all lanes share are each one's."""
    return numbers if numbers.lanes == 1 else numbers.like(numbers.data[:, lane : lane + 1])
