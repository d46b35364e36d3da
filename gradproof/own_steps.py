"""Letting an optimizer of a user's own make its steps, and recording them."""

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, as_float64, as_numpy
from gradproof.backends.framework import Framework, Step
from gradproof.backends.protocol import Run, Timing
from gradproof.errors import InputError
from gradproof.reference.numbers.formats import FORMATS, numpy_dtype
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import called
from gradproof.verdicts.judging.check_findings import CheckFinding

Array = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]

GivenGradients: TypeAlias = Callable[[Any], Any] | Sequence[Any] | None
"""Gradients of some steps: by a function of the weights, or one a step."""

LARGEST, SMALLEST = 10.0, 1e-6
"""Of so many sizes drawn gradients are, where the dtype has room for their squares."""


def drawn_gradients(scenario: Scenario, dtype: str, steps: int, seed: int) -> list[Arrays]:
    """Draw gradients with which all that an optimizer does counts.

    Each entry has a size of its own, from where epsilon outweighs it to where it does not, and is much larger
    in some steps than in others, so that a maximum or a mean of squares is seen.

    Args:
        scenario: whose parameters' they are.
        dtype: what is computed in.
        steps: how many.
        seed: what they are drawn with.
    """
    random, formats = np.random.default_rng(seed), scenario.formats(dtype)
    entries = sum(array.size for array in scenario.flat_params.values())
    smallest = max(SMALLEST, float(np.sqrt(1e7 * FORMATS[formats.coarsest].smallest_normal)))
    places = random.permutation(entries) / max(entries - 1, 1)
    sizes = LARGEST * (min(smallest, LARGEST) / LARGEST) ** places
    found = []
    for _ in range(steps):
        drawn, flat = random.normal(size=entries) * sizes * 10.0 ** random.uniform(-1.5, 0, entries), {}
        for name, array in scenario.flat_params.items():
            own, drawn = drawn[: array.size], drawn[array.size :]
            flat[name] = own.reshape(array.shape).astype(numpy_dtype(formats.of_param(name)))
        found.append(scenario.params_structure.nest(flat))
    return found


@dataclass(eq=False)
class OwnSteps:
    """The steps that an optimizer makes, one after the other.

    Attributes:
        step: makes one.
        framework: of whose arrays.
        scenario: whose parameters are the first weights.
        dtype: of all arrays; `own` for each array's own.
        findings: what was noticed of them.
    """

    step: Step
    framework: Framework
    scenario: Scenario
    dtype: str
    findings: dict[str, CheckFinding] = field(default_factory=dict)

    def record(
        self, gradients: Callable[[Any], Any] | Sequence[Any], steps: int
    ) -> tuple[Run, tuple[CheckFinding, ...]]:
        """Make steps, until the weights are no longer finite, and record them.

        Args:
            gradients: of each step; or a function of the weights that gives them.
            steps: how many at most.
        """
        formats = self.scenario.formats(self.dtype)
        with self.framework.mode(formats.finest), np.errstate(all="ignore"):
            taken, weights = [*self._made(gradients, steps)], self.scenario.arrays(self.dtype)[0]
        run = Run(
            scenario=self.scenario.name,
            backend="own",
            variant="step",
            dtype=self.dtype,
            losses=np.zeros(len(taken)),
            gradients={name: np.stack([found[name] for found, _ in taken]) for name in weights},
            weights={n: np.stack([first, *(after[n] for _, after in taken)]) for n, first in weights.items()},
            final_loss=0.0,
            predictions=None,
            timing=Timing(compiling=0.0, training=0.0),
            planned_steps=steps,
        )
        return run, tuple(self.findings.values())

    def _made(self, gradients: Any, steps: int) -> Iterator[tuple[Arrays, Arrays]]:
        """Give the gradient of each step, and the weights after it."""
        weights = {name: self._given(array) for name, array in self.scenario.arrays(self.dtype)[0].items()}
        nest = self.scenario.params_structure.nest
        for number in range(steps):
            given = (
                called("function gradients", partial(gradients, nest(weights)))
                if callable(gradients)
                else gradients[number]
            )
            gradient = self._gradient(given)
            weights = self._stepped(weights, gradient)
            after = {name: np.array(as_numpy(array)) for name, array in weights.items()}
            yield gradient, after
            if not all(np.isfinite(array.astype(np.float64)).all() for array in after.values()):
                return

    def _given(self, array: Array) -> Any:
        return self.framework.from_numpy(array)

    def _gradient(self, given: Any) -> Arrays:
        """Take a gradient, in the dtype of the weights."""
        formats, found = self.scenario.formats(self.dtype), self.scenario.laid_out(given, "gradient")
        gradient = {}
        for name in self.scenario.flat_params:
            array = as_float64(found[name])
            if array is None or not np.isfinite(array).all():
                raise InputError(
                    f"The gradient of {name!r} is no array of finite numbers. Give gradients to step with."
                )
            gradient[name] = array.astype(numpy_dtype(formats.of_param(name)))
        return gradient

    def _stepped(self, weights: dict[str, Any], gradient: Arrays) -> dict[str, Any]:
        """Make a step, and look at what it does beside it."""
        handed = {name: self._given(array) for name, array in gradient.items()}
        before = {name: np.array(as_numpy(array)) for name, array in handed.items()}
        after = called("optimizer's step", partial(self.step, weights, dict(handed)))
        for name in [n for n in handed if as_numpy(handed[n]).tobytes() != before[n].tobytes()]:
            text = f"The step changes the gradient of {name!r} in place, for whoever uses it afterwards."
            self._notice("mutated-input", name, text)
        self._look_at_what_is_kept(handed)
        return weights if after is None else {name: self._held(name, after[name]) for name in weights}

    def _look_at_what_is_kept(self, handed: dict[str, Any]) -> None:
        """Notice gradients whose arrays outlive the step: where such are filled anew, so is what is kept."""
        if self.framework is not NUMPY and not self.framework.has_leaves:
            return  # arrays that nothing changes in place, as JAX's
        seen = {name: weakref.ref(handed[name]) for name in handed}
        handed.clear()
        if any(alive() is not None for alive in seen.values()):
            gc.collect()
        for name in (name for name, alive in seen.items() if alive() is not None):
            text = (
                f"The optimizer keeps the array of the gradient of {name!r} itself. Where the next gradient "
                "is written into the same array, what it keeps is changed: let it keep a copy."
            )
            self._notice("kept-gradient", name, text)

    def _held(self, name: str, array: Any) -> Any:
        """Give weights after a step in the dtype of those before it."""
        numbers = as_float64(array)
        if numbers is None:
            raise InputError(
                f"The weights {name!r} after a step are no array of real numbers. Let the step give such."
            )
        wanted, found = self.scenario.formats(self.dtype).of_param(name), as_numpy(array).dtype.name
        if found == wanted and self.framework.owns(array):
            return array
        if found != wanted:
            text = f"The step gives {name!r} in {found}, where the weights are {wanted}; they were made that."
            self._notice("other-dtype", name, text)
        return self._given(numbers.astype(numpy_dtype(wanted)))

    def _notice(self, kind: str, parameter: str, text: str) -> None:
        self.findings.setdefault(f"{kind} {parameter}", CheckFinding(kind, text, parameter=parameter))
