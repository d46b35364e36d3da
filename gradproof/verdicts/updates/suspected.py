"""What may have been done instead of a training's step: the steps that a mistake would make."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.errors import InputError
from gradproof.reference.clipping import Clipping
from gradproof.reference.numbers import Kind
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.optimizers import At, Optimizer
from gradproof.reference.stepping import After, Stepping, by_key, state_of
from gradproof.reference.tape import Choice, never
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.steps import formats_of, stepping_of

Array = NDArray[Any]
Arrays: TypeAlias = Mapping[str, Array]

Gradients: TypeAlias = Callable[[Kind[Any], Choice], Mapping[str, Any]]
"""Gives the gradients of some steps in a kind of number, whose context is entered by the caller."""


@dataclass(frozen=True, eq=False)
class TakenSteps:
    """Some steps of a run, S of them, and how they may have been made.

    Attributes:
        scenario: what was run.
        run: what was recorded; a step is made from its weights, state and gradients.
        at: which steps, counted from 0, of shape (S,).
        stepping: how they were made.
        gradients: what they were made from, if that is not what was recorded.
    """

    scenario: Scenario
    run: Run
    at: NDArray[np.intp]
    stepping: Stepping
    gradients: Gradients | None = None

    @classmethod
    def of(cls, scenario: Scenario, run: Run, at: NDArray[np.intp]) -> "TakenSteps | None":
        """Take some steps of a run as its training makes them; None where it makes none."""
        every = stepping_of(scenario, run, slice(0, run.steps))
        if every is None:
            return None
        chosen = replace(
            every,
            weights=_rows(every.weights, at),
            states={entry: _rows(arrays, at) for entry, arrays in every.states.items()},
            numbers=every.numbers[at],
            learning_rates=every.learning_rates[at],
        )
        return cls(scenario, run, at, chosen)

    def stepped(self, **changes: Any) -> "TakenSteps":
        """The same with another way to step."""
        return replace(self, stepping=replace(self.stepping, **changes))

    def trained(self, **changes: Any) -> "TakenSteps":
        """The same with another training."""
        return self.stepped(training=replace(self.stepping.training, **changes))

    def from_gradients(self, gradients: Gradients) -> "TakenSteps":
        """The same from other gradients than the recorded ones."""
        return replace(self, gradients=gradients)

    @property
    def optimizer(self) -> Optimizer:
        """The rule that weights are updated by."""
        return self.stepping.training.optimizer

    @property
    def clipping(self) -> Clipping | None:
        """How gradients are kept small."""
        return self.stepping.training.clipping

    @property
    def name(self) -> str:
        """What the rule is called."""
        return type(self.optimizer).__name__

    @property
    def formats(self) -> RunFormats:
        """What the run was computed in."""
        return formats_of(self.scenario, self.run)

    @cached_property
    def recorded(self) -> dict[str, Array]:
        """The gradients that the run recorded, of shape (S, *parameter)."""
        return _rows(self.run.gradients, self.at)

    @cached_property
    def claimed(self) -> dict[After, Array]:
        """What the run recorded after each of the steps, of shape (S, *entry)."""
        found = {After(name): weight[self.at + 1] for name, weight in self.run.weights.items()}
        for entry, arrays in self.run.states.items():
            found |= {After(name, entry): array[self.at + 1] for name, array in arrays.items()}
        return found

    def before(self, key: After) -> Array:
        """What there was before the steps, of shape (S, *entry)."""
        arrays = self.run.states[key.entry] if key.entry else self.run.weights
        return arrays[key.parameter][self.at]

    def lifted(self, kind: Kind[Any], arrays: Arrays | None = None) -> dict[str, Any]:
        """Give the recorded gradients, or other arrays, in a kind of number."""
        arrays = self.recorded if arrays is None else arrays
        return {name: kind.of_param(name).lift(array.astype(np.float64)) for name, array in arrays.items()}

    def after(self, kind: Kind[Any], accurately: Choice = never) -> dict[After, Any]:
        """Give what there is after the steps, in a kind of number."""
        with kind.context():
            made_from = self.lifted(kind) if self.gradients is None else self.gradients(kind, accurately)
            return self.stepping(made_from, kind, accurately)

    def in_floats(self) -> dict[After, Array]:
        """Make the steps in NumPy, in the run's dtype, to see where it makes no numbers."""
        parts: list[dict[After, Any]] = []
        for row in range(self.at.size):
            carried_on = self.stepping.carried and row
            known = {} if carried_on else self.stepping.known_states()
            states = {entry: _row(arrays, row) for entry, arrays in known.items()}
            parts.append(self._step_in_floats(row, state_of(parts[-1]) if carried_on else states))
        return {key: np.stack([part[key] for part in parts]) for key in parts[0]}

    def _step_in_floats(self, row: int, states: Mapping[str, Arrays]) -> dict[After, Any]:
        stepping = self.stepping
        with np.errstate(all="ignore"):
            return by_key(
                *stepping.make_step(
                    stepping.training,
                    NumpyNamespace(),
                    _row(stepping.weights, row),
                    _row(self.recorded, row),
                    states,
                    At(int(stepping.numbers[row]), float(stepping.learning_rates[row])),
                )
            )

    def has_state_of(self, rule: Any) -> bool:
        """Tell whether the run has the state that another optimizer keeps; of other rules nothing is kept."""
        if not isinstance(rule, Optimizer) or self.stepping.carried:
            return True
        states = self.stepping.states
        return all(
            name in states.get(entry, {})
            for name, rows in self.stepping.weights.items()
            for entry in rule.state(rows[0])
        )

    def suits(self, rule: Optimizer) -> bool:
        """Tell whether an optimizer updates parameters of these shapes; Muon updates matrices alone."""
        try:
            for rows in self.stepping.weights.values():
                rule.state(rows[0])
        except InputError:
            return False
        return True


def _rows(arrays: Arrays, at: NDArray[np.intp]) -> dict[str, Array]:
    return {name: array[at] for name, array in arrays.items()}


def _row(arrays: Arrays, row: int) -> dict[str, Array]:
    return {name: array[row] for name, array in arrays.items()}


@dataclass(frozen=True, eq=False)
class Suspicion:
    """A mistake that may have been made, and the steps that it makes.

    Attributes:
        words: what the step is, after "the update of w is"; or a whole sentence with {name} for the parameter
            and, where it is of an entry of the state, too, {what} for `update` or the entry.
        steps: as the mistake makes them.
        cost: how far-fetched it is; of several that explain as much the cheapest is told.
        solved: how many decimal digits were solved for from the steps.
    """

    words: str
    steps: TakenSteps
    cost: float = 1.0
    solved: int = 0

    def told_of(self, parameter: str, entry: str) -> str:
        """Say it of a parameter's update, or of an entry of its state."""
        text = self.words if "{name}" in self.words else "the {what} of {name} is " + self.words
        return text.format(name=parameter, what=entry or "update")


Mistakes: TypeAlias = Callable[[TakenSteps], Iterator[Suspicion]]
"""Gives, for steps as they should have been made, what people do wrong in them."""


@dataclass(frozen=True)
class Altered(Optimizer):
    """A rule with something changed around it.

    Attributes:
        rule: the rule.
        change: called as the rule's `update`, with the rule before.
    """

    rule: Optimizer
    change: Callable[..., tuple[Any, dict[str, Any]]]

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the rule's own."""
        return self.rule.state(weight)

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Make the changed update."""
        return self.change(self.rule, xp, weight, gradient, state, at)
