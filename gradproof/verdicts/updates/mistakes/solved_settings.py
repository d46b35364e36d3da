"""Numbers that are solved for: the value that a setting, or a factor, must have had to make the steps.

A step is a smooth function of each of its numbers. Newton's method with a secant for the derivative, in the
least squares over all entries of one array, finds the value; rounding moves it, and the shortest decimal that
makes the steps as well is what was written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.advance import advance
from gradproof.reference.numbers import Plain
from gradproof.reference.stepping import After
from gradproof.verdicts.updates.mistakes.wrong_settings import with_settings, words_of
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

Array = NDArray[np.float64]
Make = Callable[[float], "Suspicion | None"]

ROUNDS = 12
"""How often a value is improved at most; where the step is linear in it, once is enough."""


HALVINGS = 20
"""How often a change of a value is halved that makes it worse, or leads to none that a rule may have."""


@dataclass(frozen=True, eq=False)
class Goal:
    """Wrong numbers that are to be made.

    Attributes:
        key: of which array.
        rows: in which of the steps it is wrong, of shape (S,).
        values: what was recorded there, as float64.
        allowed: how far each may be off by rounding.
    """

    key: After
    rows: NDArray[np.bool_]
    values: Array
    allowed: Array

    def made(self, suspicion: Suspicion) -> Array:
        """Give what a mistake makes there."""
        found: Array = suspicion.steps.after(Plain())[self.key].values()[self.rows]
        return found

    def is_met(self, suspicion: Suspicion) -> bool:
        """Tell whether a mistake makes these numbers."""
        return bool(np.all(np.abs(self.made(suspicion) - self.values) <= self.allowed))


def solved_settings(steps: TakenSteps, goal: Goal) -> Iterator[Suspicion]:
    """Give the values of settings and factors that make what is wrong of one array.

    Args:
        steps: as they should have been made.
        goal: what is wrong.
    """
    for start, make in _unknowns(steps):
        value = _solved(make, start, goal)
        for digits in range(1, 17) if value is not None else ():
            suspicion = make(float(f"{value:.{digits}g}"))
            if suspicion is not None and goal.is_met(suspicion):
                yield replace(suspicion, solved=digits)
                break


def _solved(make: Make, start: float, goal: Goal) -> float | None:
    """Find the value of a number with which an array comes out as it was recorded; None where none does."""

    def missed(value: float) -> Array | None:
        suspicion = make(value)
        if suspicion is None:
            return None
        with np.errstate(all="ignore"):  # infinite steps of short formats: what is NaN solves nothing
            return (goal.made(suspicion) - goal.values) / goal.allowed

    value, aside = start, start * (1 - 2.0**-10) if start else 2.0**-10
    found, other = missed(value), missed(aside)
    for _ in range(ROUNDS):
        if found is None or other is None or value == aside:
            return None
        with np.errstate(all="ignore"):
            slope = (found - other) / (value - aside)
            change = -float(np.vdot(slope, found) / np.vdot(slope, slope))
        aside, other = value, found
        value, found = _improved(missed, value, found, change)
        if abs(value - aside) <= 2.0**-40 * abs(value):
            break
    return value


def _improved(
    missed: Callable[[float], Array | None], value: float, found: Array, change: float
) -> tuple[float, Array]:
    """Change a value by so much, or by the first half, quarter, ... of it that misses by less."""
    for halved in range(HALVINGS):
        tried = value + change / 2**halved
        now = missed(tried) if np.isfinite(tried) else None
        if now is not None and np.vdot(now, now) < np.vdot(found, found):
            return tried, now
    return value, found


def _unknowns(steps: TakenSteps) -> Iterator[tuple[float, Make]]:
    """Give the numbers that a step is made with, and how it is made with others."""
    yield 1.0, lambda factor: _with_rate(steps, factor)
    yield 1.0, lambda factor: _with_gradient(steps, factor)
    for part, owner in (
        ("optimizer", f"{steps.name}'s"),
        ("clipping", f"{steps.name}'s"),
        ("average", "made"),
    ):
        rule = getattr(steps.stepping.training, part)
        for each in () if rule is None else fields(rule):
            value = getattr(rule, each.name)
            if isinstance(value, float):
                yield value, _setting(steps, part, owner, each.name)


def _with_rate(steps: TakenSteps, factor: float) -> Suspicion:
    """Suspicion that the step is made with a multiple of the learning rate."""
    words = (
        f"the step of {{name}} is {factor:g} times the learning rate times the gradient"
        if steps.stepping.training.is_plain
        else f"{steps.name}'s with {factor:g} times the learning rate"
    )
    return Suspicion(words, steps.stepped(learning_rates=factor * steps.stepping.learning_rates), 3.0)


def _with_gradient(steps: TakenSteps, factor: float) -> Suspicion:
    """Suspicion that the rule is given a multiple of the gradient."""

    def step(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
        scaled = {name: factor * each for name, each in gradients.items()}
        return advance(training, xp, weights, scaled, state, at)

    return Suspicion(f"{steps.name}'s of {factor:g} times the gradient", steps.stepped(make_step=step), 3.1)


def _setting(steps: TakenSteps, part: str, owner: str, name: str) -> Make:
    """Give the steps as a function of a setting."""
    rule = getattr(steps.stepping.training, part)

    def make(value: float) -> Suspicion | None:
        changed = with_settings(rule, **{name: value})
        if changed is None or not steps.has_state_of(changed):
            return None
        words = f"{owner} {words_of(name, getattr(rule, name), value)}"
        return Suspicion(words, steps.trained(**{part: changed}), 3.0)

    return make
