"""Steps that are made from another gradient than that of the step's whole batch.

The exact gradients of the micro-batches are computed for these, as evidence computes that of the whole.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.clipping import ClipByNorm
from gradproof.reference.noise import joined
from gradproof.reference.numbers import Kind
from gradproof.reference.tape import Choice, Namespace, Tape, differentiate
from gradproof.verdicts.steps import batches_of
from gradproof.verdicts.updates.suspected import Gradients, Suspicion, TakenSteps


def wrong_gradients(steps: TakenSteps) -> Iterator[Suspicion]:
    """The gradient is the one of the step before, or micro-batches are put together wrongly."""
    previous = _previous(steps)
    yield steps_from("the gradient of the step before", steps, lambda kind, _: steps.lifted(kind, previous))
    summed = {name: steps.recorded[name] + array for name, array in previous.items()}
    words = "the gradient added to that of the step before, which was not set to zero"
    yield steps_from(words, steps, lambda kind, _: steps.lifted(kind, summed))
    for words, gradients in _accumulated(steps):
        yield steps_from(words, steps, gradients, 1.0)


def steps_from(words: str, steps: TakenSteps, gradients: Gradients, cost: float = 1.3) -> Suspicion:
    """Suspicion that steps are made from other gradients."""
    return Suspicion(f"{steps.name}'s with {words}", steps.from_gradients(gradients), cost)


def recorded_instead(steps: TakenSteps) -> Iterator[tuple[str, Gradients]]:
    """Give what may have been recorded in the place of the gradient of a step's whole batch, with words."""
    true = _together(steps, [slice(None)], [1.0])
    earlier = _previous(steps)

    def kept(kind: Kind[Any], accurately: Choice) -> dict[str, Any]:
        added = steps.lifted(kind, earlier)
        return {name: each + added[name] for name, each in true(kind, accurately).items()}

    def clipped(kind: Kind[Any], accurately: Choice) -> dict[str, Any]:
        tape = Tape(kind, accurately)
        found = {name: tape.computed(numbers) for name, numbers in true(kind, accurately).items()}
        clipping = steps.clipping or ClipByNorm(1.0)
        limited = clipping.clipped(Namespace(tape), found)
        return {name: tensor.value for name, tensor in limited.items()}

    yield "is added to that of the step before, which was not set to zero", kept
    if steps.clipping is not None:
        yield "was recorded after it was clipped", clipped
    for words, gradients in _accumulated(steps):
        yield f"is made with {words}", gradients


def _previous(steps: TakenSteps) -> dict[str, NDArray[Any]]:
    """Give the gradients that were recorded one step earlier; zeros before the first."""
    return {
        name: np.where((steps.at > 0).reshape(-1, *(1,) * (array.ndim - 1)), array[steps.at - 1], 0.0)
        for name, array in steps.run.gradients.items()
    }


def _accumulated(steps: TakenSteps) -> Iterator[tuple[str, Gradients]]:
    """Put the gradients of micro-batches together with other factors than they should have."""
    accumulation = steps.stepping.training.accumulation
    if accumulation is None:
        return
    examples = _batch_at(steps, 0)[1]
    parts = accumulation.parts(examples)
    right = [factor for _, factor in parts]
    count = len(parts)
    shares = [(part.stop - part.start) / examples for part, _ in parts]
    for words, factors in (
        ("micro-batches averaged alike although their sizes differ", [1 / count] * count),
        ("the gradients of micro-batches summed instead of averaged", [1.0] * count),
        ("the gradients of micro-batches averaged instead of summed", shares),
        ("the last micro-batch's gradient alone", [0.0] * (count - 1) + right[-1:]),
        (
            "the last micro-batch's gradient alone, as if it were the whole batch's",
            [0.0] * (count - 1) + [1.0],
        ),
        ("the first micro-batch's gradient alone", [*right[:1], *[0.0] * (count - 1)]),
        ("the last micro-batch left out", [*right[:-1], 0.0]),
    ):
        if factors != right:
            yield words, _together(steps, [part for part, _ in parts], factors)


def _together(steps: TakenSteps, parts: Sequence[slice], factors: Sequence[float]) -> Gradients:
    """Give the sum over micro-batches of factor times gradient."""

    def gradients(kind: Kind[Any], accurately: Choice) -> dict[str, Any]:
        every = [_at_step(steps, row, parts, factors, kind, accurately) for row in range(steps.at.size)]
        return {name: joined([each[name] for each in every]) for name in every[0]}

    return gradients


def _at_step(
    steps: TakenSteps,
    row: int,
    parts: Sequence[slice],
    factors: Sequence[float],
    kind: Kind[Any],
    accurately: Choice,
) -> dict[str, Any]:
    """Give the sum at one of the steps; integers of the data may be other ones at the next."""
    tape, (data, _) = Tape(kind, accurately), _batch_at(steps, row)
    weights = {name: array[row] for name, array in steps.stepping.weights.items()}
    total: dict[str, Any] = {}
    for part, factor in zip(parts, factors, strict=True):
        if not factor:
            continue
        batch = {name: array[part] for name, array in data.items()}
        found = differentiate(steps.scenario.flat_loss, weights, batch, kind, None, accurately).gradients
        for name, numbers in found.items():
            added = factor * tape.computed(numbers)
            total[name] = total[name] + added if name in total else added
    return {name: tensor.value for name, tensor in total.items()}


def _batch_at(steps: TakenSteps, row: int) -> tuple[dict[str, NDArray[Any]], int]:
    """Give the data of one of the steps, and how many examples they have."""
    step = int(steps.at[row])
    batch = batches_of(steps.scenario, steps.run, slice(step, step + 1))
    data = {name: array[0] for name, array in batch.items()}
    return data, len(next(iter(data.values())))
