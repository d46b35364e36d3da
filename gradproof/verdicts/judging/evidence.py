"""The evidence: the exact gradient at a place, or at many, and what rounding does to it there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import GradproofError
from gradproof.reference.noise import Noise, noisy_gradients
from gradproof.reference.norms import with_norms
from gradproof.reference.numbers import BallNumbers, Balls, Noisy, Plain
from gradproof.reference.numbers.run_formats import RunFormats, coarser
from gradproof.reference.stepping import After, Stepping
from gradproof.reference.subgradients import Convention, conventions, nearby, sums
from gradproof.reference.tape import Choice, Inputs, always, differentiate, never
from gradproof.reference.truth import Truth, exact_gradient
from gradproof.verdicts.judging.claimed import BallArrays, Place
from gradproof.verdicts.judging.together import ManySamples, Sampling, Together, is_short, sample
from gradproof.verdicts.tolerances import NEAR

Array = NDArray[Any]
Loss = Callable[[Any, Any, Any], Any]

SAMPLES = 8
"""How many noisy runs the spread of the rounding noise is measured from."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one parameter's gradient, or of its updated weights, at T places.

    Attributes:
        exact: certified balls that hold the exact values, in T lanes of the parameter's shape.
        spread: the root mean square of what rounding in the dtype does to each entry where each operation is
            as accurate as its rounded operands allow, of shape (T, *parameter).
        at_kink: of shape (T,): whether the loss is, or may be, at a kink at this place.
        reasons: of shape (T,): why balls of this place are wide, as a text; empty where they are not.
        largest: of shape (T,): what an entry is measured beside where all of its parameter's are 0.
        textbook: gives the same as `spread` for the textbook's formulas; None where they are the same.
        at_hand: gives the errors of the samples that `spread` is of, of shape (samples, T, *parameter); None
            where entries are not looked at together.
        sampling: runs many more of them.
        path: the coarsest format that anything on the way to it was rounded in; empty for its own.
    """

    exact: BallNumbers
    spread: Array
    at_kink: NDArray[np.bool_]
    reasons: NDArray[np.object_]
    largest: Array
    textbook: Callable[[], Array] | None = None
    at_hand: Callable[[], Array] | None = None
    sampling: Sampling | None = None
    path: str = ""

    def textbook_spread(self) -> Array:
        """Measure what rounding does to each entry where operations follow the textbook's formulas."""
        return self.spread if self.textbook is None else self.textbook()


class Evidence:
    """What is true of a gradient at T places, and its rounding noise; computed when it is first asked for.

    Attributes:
        loss: called as `loss(xp, params, batch)` on flat mappings.
        params: per parameter, of shape (T, *parameter).
        batch: per array, of shape (T, *array), or (1, *array) for data that all places share.
        formats: whose rounding is measured; the arrays hold their numbers.
        stepping: the step that a training makes from each place; None where none is made.
        sharp_is_enough: whether the exact gradients need not have all digits; see `exact_gradient`.
    """

    sharp_is_enough = False

    def __init__(
        self,
        loss: Loss,
        params: Mapping[str, Array],
        batch: Mapping[str, Array],
        formats: RunFormats | str,
        stepping: Stepping | None = None,
    ) -> None:
        """Hold what the evidence is of."""
        self.loss, self.params, self.batch, self.formats = loss, params, batch, RunFormats.of(formats)
        self.stepping = stepping
        self.places = len(next(iter(params.values())))

    @cached_property
    def truth(self) -> Truth:
        """The exact gradients, with proof."""
        few = self.sharp_is_enough
        return exact_gradient(self.loss, self.params, self.batch, lanes=self.places, sharp_is_enough=few)

    @cached_property
    def _loss(self) -> Loss:
        """The loss as the exact gradients are of it: roots of sums of squares taken whole, if need be."""
        return with_norms(self.loss) if self.truth.norms else self.loss

    @cached_property
    def noisy(self) -> Mapping[Any, Noise]:
        """The gradients, and the steps, in stochastic arithmetic, operation by operation; some samples."""
        return self._noisy(always)

    @cached_property
    def textbook_noisy(self) -> Mapping[Any, Noise]:
        """The same with the textbook's formulas inside of operations."""
        return self._noisy(never)

    def _noisy(self, accurately: Choice) -> Mapping[Any, Noise]:
        kind = Noisy.of(self.formats, samples=SAMPLES)
        loss, then = self.formats.loss or self._loss, self.stepping
        return noisy_gradients(loss, self.params, self.batch, kind, self.places, accurately, then)

    @cached_property
    def gradients(self) -> Mapping[str, Known]:
        """What is known of each parameter's gradient."""
        known = {name: self._known(name, exact) for name, exact in self.truth.gradients.items()}
        return {
            name: replace(each, at_hand=partial(self._at_hand, name), sampling=partial(self._sample, name))
            if is_short(each.path)
            else each
            for name, each in known.items()
        }

    def _at_hand(self, name: str) -> Array:
        return self.noisy[name].samples.values() - self.truth.gradients[name].values()

    def _sample(self, name: str, places: NDArray[np.intp], entries: Together) -> ManySamples:
        inputs = Inputs(self.params, self.batch, self.places).part(places)
        loss = self.formats.loss or self._loss
        return sample(loss, inputs.params, inputs.batch, self.formats, name, entries)

    @cached_property
    def steps(self) -> Mapping[After, Known]:
        """What is known of the weights and the state after a step of the training from each place."""
        if self.stepping is None:
            return {}
        kind = Balls(self.truth.precision)
        with kind.context():
            exact = self.stepping(self.truth.gradients, kind)
        return {key: self._known(key, balls) for key, balls in exact.items()}

    def _known(self, name: str | After, exact: BallNumbers) -> Known:
        def spread(noisy: Mapping[Any, Noise]) -> Array:
            return noisy[name].spread(exact.values(), exact.radii())

        def textbook() -> Array:
            return spread(self.textbook_noisy)

        path = coarser(self.noisy[name].samples.kind.path, *self.formats.products.factors)
        return Known(exact, spread(self.noisy), *self._wide, self._largest, textbook, path=path)

    @cached_property
    def _largest(self) -> Array:
        """For each place the greatest absolute value of all gradients, or else of the loss."""
        sizes = [np.abs(exact.values()).reshape(self.places, -1) for exact in self.truth.gradients.values()]
        sizes.append(np.abs(self.truth.value.values()).reshape(self.places, 1))
        greatest: Array = np.max(np.concatenate(sizes, axis=1), axis=1)
        return np.where(np.isfinite(greatest), greatest, 0.0)

    @cached_property
    def _wide(self) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
        """For each place whether it may be at a kink, and why entries could not be narrowed."""
        at_kink = np.zeros(self.places, dtype=bool)
        reasons = np.full(self.places, "", dtype=object)
        if not (self.truth.complete or self.truth.kinks or self.truth.outside):
            reasons[:] = " ".join(self.truth.reasons)
        for each in reversed((*self.truth.outside, *self.truth.kinks)):
            reasons[each.lanes] = str(each)
        for kink in self.truth.kinks:
            at_kink |= kink.lanes
        return at_kink, reasons


class PlaceEvidence(Evidence):
    """The evidence at a single place: beside the exact gradient there, what it is nearby and by convention.

    Attributes:
        place: the place.
        near: the evidence at the place where floating-point values were computed, rounded to their dtype.
    """

    def __init__(
        self,
        loss: Loss,
        place: Place,
        formats: RunFormats | str,
        near: Place | None = None,
        *,
        sharp_is_enough: bool = False,
    ) -> None:
        """Look at a loss at a place, and near it where floating-point values are computed."""
        params, batch = (
            {name: array[np.newaxis] for name, array in arrays.items()}
            for arrays in (place.params, place.batch)
        )
        super().__init__(loss, params, batch, formats)
        self.sharp_is_enough = sharp_is_enough
        self.place = place
        self.near: PlaceEvidence = (
            self if near is None or near is place else PlaceEvidence(loss, near, formats)
        )

    @cached_property
    def sums(self) -> Sequence[tuple[str, str, Array]]:
        """Sums of a gradient's entries that are compared with those of gradients nearby, with words."""
        return list(sums({name: array.shape for name, array in self.place.params.items()}))

    @cached_property
    def gradients_nearby(self) -> Iterator[Mapping[str, Array]]:
        """The float64 gradients at neighbours, computed one by one as they are asked for."""
        directions = [(name, direction) for name, _, direction in self.sums]
        return nearby(self.loss, self.place.params, self.place.batch, directions, NEAR)

    def nearby_along(self, direction: Mapping[str, Array]) -> Iterator[Mapping[str, Array]]:
        """Give the float64 gradients at the two neighbours in a direction, of all parameters together."""
        size = max(float(np.max(np.abs(array), initial=0.0)) for array in self.place.params.values()) or 1.0
        for distance in (NEAR * size, -NEAR * size):
            there = {name: array + distance * direction[name] for name, array in self.place.params.items()}
            try:
                run = differentiate(self.loss, there, self.place.batch, Plain())
            except GradproofError:
                return
            yield {name: numbers.values()[0, ...] for name, numbers in run.gradients.items()}

    @cached_property
    def conventions(self) -> Iterator[Convention]:
        """The gradients that conventions at kinks give, computed likewise."""
        return conventions(self._loss, self.place.params, self.place.batch, self.truth.precision)

    def widened(self, place: Place, share: float) -> BallArrays:
        """Give balls of the gradient, each constant of the loss standing for all numbers near it.

        Args:
            place: this one, or its neighbour.
            share: how near, relative to the constant.
        """
        run = differentiate(self._loss, place.params, place.batch, Balls(self.truth.precision, share))
        return {name: numbers.balls()[0, ...] for name, numbers in run.gradients.items()}

    @cached_property
    def truth_nearby(self) -> Truth:
        """The exact gradient at the place's neighbour."""
        there = self.place.neighbour
        return exact_gradient(self.loss, there.params, there.batch)
