"""Whether a loss is the mean, or the sum, of its examples' losses: what data-parallel gradients rest on."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import BallNumbers, Balls
from gradproof.reference.tape import differentiate
from gradproof.reference.trajectory import select_examples
from gradproof.scenarios.scenario import Scenario

Array = NDArray[Any]
Reduction = Literal["mean", "sum"]

_BITS = 192
"""The working precision."""

_CONSTANTS = 2.0**-40
"""Of their size: so far apart are losses that a code's constants, which are float64 (`1 / 6`), explain."""


def reduction_of(scenario: Scenario) -> Reduction:
    """Tell whether the loss of a batch is the mean, or the sum, of the losses of its examples.

    Only then is the gradient of the batch made of those of its parts: the sum over parts of (nᵢ / n) times
    the gradient of a part's own mean, or of the gradients of their sums. The loss and its gradient at the
    scenario's parameters are compared in certified arithmetic, of the whole batch and of two cuts of it along
    the leading axis. That they are equal at one place is no proof; that they are not is one.

    Args:
        scenario: whose batch arrays have the examples along their leading axis.

    Raises:
        UnsupportedError: it is neither (a normalisation over the batch, or weight decay that is added to a
            sum; added to a mean it is shared out with it), or there are fewer than two examples, or none
            (arrays of different leading lengths, or a loss that does not take some of them alone).

    >>> squares = Scenario(
    ...     name="squares",
    ...     loss=lambda xp, params, batch: xp.mean((params["w"] * batch["x"]) ** 2),
    ...     params={"w": np.array(2.0)},
    ...     batch={"x": np.array([1.0, 3.0, 4.0])},
    ... )
    >>> reduction_of(squares)
    'mean'
    """
    try:
        return _reduction_of(scenario)
    except InputError as error:
        raise UnsupportedError(str(error)) from error


def _reduction_of(scenario: Scenario) -> Reduction:
    examples = scenario.examples()
    if examples < 2:
        raise UnsupportedError(
            f"The batch{scenario.of_it} has {examples} example, which cannot be shared out. "
            "Give it two or more."
        )
    cuts = sorted({1, examples // 2 + 1 if examples > 2 else 1})
    fitting: set[Reduction] = {"mean", "sum"}
    whole = _value_and_gradient(scenario, scenario.flat_batch)
    for cut in cuts:
        parts = [
            _value_and_gradient(scenario, select_examples(scenario.flat_batch, each))
            for each in (slice(cut), slice(cut, None))
        ]
        sizes = (cut, examples - cut)
        for reduction in sorted(fitting):
            factors = [1 if reduction == "sum" else size for size in sizes]
            total = 1 if reduction == "sum" else examples
            if not _is_made_of(whole, parts, factors, total):
                fitting.discard(reduction)
    if not fitting:
        raise UnsupportedError(
            f"The loss{scenario.of_it} is neither the mean nor the sum of its examples' losses: that of the "
            "batch does not follow from those of its parts. Leave out what is no example's own (weight decay "
            "of a sum, a normalisation over the batch), or compute the gradient of the whole batch at once."
        )
    # Both fit where all is 0, as at a minimum.
    return "mean" if "mean" in fitting else "sum"


def check_accumulation(scenario: Scenario) -> None:
    """Refuse micro-batches whose gradients do not make up that of the whole batch.

    Compared are, as in `reduction_of`, the loss and its gradient over the first step's batch and over its
    micro-batches.

    Raises:
        InputError: they do not, as the accumulation adds them up.
    """
    accumulation = None if scenario.training is None else scenario.training.accumulation
    if accumulation is None or accumulation.micro_batches == 1:
        return
    batch = scenario.first_batch()
    examples = len(next(iter(batch.values())))
    cuts = [part for part, _ in accumulation.parts(examples)]
    sizes = [cut.stop - cut.start for cut in cuts]
    whole = _value_and_gradient(scenario, batch)
    parts = [_value_and_gradient(scenario, select_examples(batch, cut)) for cut in cuts]
    fitting = {
        "mean": _is_made_of(whole, parts, sizes, examples),
        "sum": _is_made_of(whole, parts, [1] * len(cuts), 1),
    }
    if fitting[accumulation.reduction]:
        return
    other = "sum" if accumulation.reduction == "mean" else "mean"
    advice = (
        f"It is their {other}: give Accumulation({accumulation.micro_batches}, {other!r})."
        if fitting[other]
        else "Leave out what is no example's own (weight decay of a sum, a normalisation over the batch), or "
        "train without accumulation."
    )
    raise InputError(
        f"The loss{scenario.of_it} is not the {accumulation.reduction} of its examples' losses, so the "
        f"gradients of {accumulation.micro_batches} micro-batches do not make up its gradient. {advice}"
    )


def _value_and_gradient(scenario: Scenario, batch: Mapping[str, Array]) -> list[BallNumbers]:
    """Give the loss of some examples, and its gradients, in certified arithmetic."""
    run = differentiate(scenario.flat_loss, scenario.flat_params, batch, Balls(_BITS))
    return [run.value, *run.gradients.values()]


def _is_made_of(
    whole: list[BallNumbers], parts: list[list[BallNumbers]], factors: list[int], total: int
) -> bool:
    """Tell whether total · whole may be the sum of the factors times the parts: none is proven apart."""
    with Balls(_BITS).context():
        for all_of_it, *each in zip(whole, *parts, strict=True):
            terms = [total * all_of_it, *(-factor * own for factor, own in zip(factors, each, strict=True))]
            apart, size = sum(terms[1:], terms[0]), sum((term.abs() for term in terms[1:]), terms[0].abs())
            if np.any((apart.abs() > _CONSTANTS * size).true):
                return False
    return True
