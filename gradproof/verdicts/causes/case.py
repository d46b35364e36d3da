"""All that the families of mutants look at: the loss's graphs, the claim, the probes."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.tape import Loss, differentiate
from gradproof.verdicts.causes.claim import Claim
from gradproof.verdicts.causes.composites import composites
from gradproof.verdicts.causes.graph import Graph
from gradproof.verdicts.causes.mutant import Mutant
from gradproof.verdicts.causes.probes import Probes, probe
from gradproof.verdicts.causes.scaling import Numbers

PRECISION = 192
"""Bits of the certified arithmetic."""

SECONDS = 2.0
"""The search for a cause stops after so long; only tapes of several hundred operations take it."""

_SPREADS = 100.0
"""A claim in floats is compared within so many spreads of the dtype's rounding noise: mutants have noise of
their own, and a spread is an estimate from a few samples."""

_SAMPLES = 8


@dataclass(frozen=True)
class Views:
    """One way to see the loss, in float64 and in balls: with composites, or operation by operation."""

    plain: Graph
    balls: Graph


def _with_axes(
    loss: Loss, params: Mapping[str, NDArray[Any]], claimed: Mapping[str, NDArray[Any]]
) -> tuple[Loss, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Give parameters of shape () one axis of length 1, which the loss takes away again.

    NumPy turns arrays without axes into bare objects wherever it computes with them.
    """
    scalars = {name for name, array in params.items() if np.ndim(array) == 0}
    if not scalars:
        return loss, dict(params), dict(claimed)

    def reshaped(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        taken = {name: xp.reshape(each, ()) if name in scalars else each for name, each in params.items()}
        return loss(xp, taken, batch)

    given = {name: np.reshape(array, (1,)) if name in scalars else array for name, array in params.items()}
    claims = {
        name: np.reshape(np.asarray(array), (1,)) if name in scalars and np.ndim(array) == 0 else array
        for name, array in claimed.items()
    }
    return reshaped, given, claims


class Case:
    """A claimed gradient of a loss at a point.

    Attributes:
        params: the parameters.
        batch: the data.
        claim: the claim beside the truth.
        targets: the wrong parameters that are to be explained.
        learning_rate: a number to expect as a factor, if given.
        numbers: which factors one would expect.
        deadline: when the search stops.
    """

    def __init__(
        self,
        loss: Loss,
        params: Mapping[str, NDArray[Any]],
        batch: Mapping[str, NDArray[Any]],
        claimed: Mapping[str, NDArray[Any]],
        learning_rate: float | None,
        seconds: float = SECONDS,
    ) -> None:
        """Run the loss on float64 and on balls, and compare the claim."""
        self.deadline = monotonic() + seconds
        loss, params, claimed = _with_axes(loss, params, claimed)
        self.loss, self.params, self.batch = loss, params, batch
        self.learning_rate = learning_rate
        self.numbers = Numbers(params, batch, learning_rate)
        plain = differentiate(loss, params, batch, Plain()).tape
        balls = differentiate(loss, params, batch, Balls(PRECISION)).tape
        found = composites(plain, balls)
        with plain.kind.context():
            composed_plain, raw_plain = Graph(plain, found), Graph(plain)
        with balls.kind.context():
            self.composed = Views(composed_plain, Graph(balls, found, composed_plain))
            self._raw_tapes = (raw_plain, balls)
            graph = self.composed.balls
            true = {
                name: graph.kind.constant(np.zeros(np.shape(params[name]))) if adjoint is None else adjoint
                for name, adjoint in ((n, graph.adjoints[i]) for n, i in graph.parameters.items())
            }
            centre = {name: numbers.data[0, 0, ...].astype(np.float64) for name, numbers in true.items()}
            self.claim = Claim(claimed, true, self._tolerance(claimed, centre))
        self.targets = self.claim.wrong

    @cached_property
    def raw(self) -> Views:
        """The loss operation by operation."""
        plain, balls = self._raw_tapes
        with balls.kind.context():
            return Views(plain, Graph(balls, None, plain))

    @cached_property
    def probes(self) -> Probes:
        """The derivatives along random directions."""
        return probe(self.loss, self.params, self.batch, self.claim)

    @property
    def others(self) -> tuple[str, ...]:
        """The parameters whose claims are right, and must stay so."""
        return tuple(name for name in self.claim.error if name not in self.claim.wrong)

    @property
    def late(self) -> bool:
        """Whether the search has taken its time."""
        return monotonic() > self.deadline

    def _tolerance(
        self, claimed: Mapping[str, NDArray[Any]], true: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Measure by parameter what rounding may do to a claim that is floats.

        At a kink noise falls on either side; no more than eps^0.4 of the greatest entry is taken
        for rounding.
        """
        floats = {
            n: a.dtype.name
            for n, a in ((n, np.asarray(a)) for n, a in claimed.items())
            if a.dtype.kind == "f"
        }
        tolerance: dict[str, NDArray[np.float64]] = {}
        for dtype in set(floats.values()) & {"float64", "float32", "float16"}:
            noisy = differentiate(self.loss, self.params, self.batch, Noisy(dtype, samples=_SAMPLES, seed=0))
            for name, its in floats.items():
                if its != dtype or name not in true or not np.all(np.isfinite(true[name])):
                    continue
                with noisy.tape.kind.context():
                    spread = noisy.gradients[name].spread(true[name][np.newaxis])[0]
                pooled = np.sqrt(np.mean(spread**2)) if spread.size else 0.0
                most = np.finfo(dtype).eps ** 0.4 * np.max(np.abs(true[name]), initial=0.0)
                tolerance[name] = np.minimum(_SPREADS * np.maximum(spread, pooled), most)
        return tolerance

    def with_targets(self, targets: tuple[str, ...]) -> "Case":
        """Ask for an explanation of some wrong parameters alone; the others may be anything."""
        part = copy(self)
        part.targets = targets
        return part

    # ---------------------------------------------------------------- is a mutant the claim?

    def equals_in_floats(
        self, views: Views, mutant: Mutant, targets: tuple[str, ...], *, alone: bool
    ) -> bool:
        """Tell whether a mutant in float64 may be the claim in the targets, and leaves the others right."""
        graph = views.plain
        with graph.context():
            gradients = graph.backward(mutant.changes(graph))
        if any(name not in gradients for name in targets):
            return False
        floats = {name: gradient.data[0, 0, ...] for name, gradient in gradients.items()}
        if not all(self.claim.may_explain(name, floats[name]) for name in targets):
            return False
        return alone or all(self.claim.leaves(n, floats[n]) for n in self.others if n in floats)

    def equals_in_balls(self, views: Views, mutant: Mutant, targets: tuple[str, ...], *, alone: bool) -> bool:
        """Tell whether a mutant equals the claim in certified arithmetic."""
        graph = views.balls
        with graph.context():
            gradients = graph.backward(mutant.changes(graph))
            if any(name not in gradients for name in targets):
                return False
            balls = {name: gradient.data[0, 0, ...] for name, gradient in gradients.items()}
            if not all(self.claim.explains(name, balls[name]) for name in targets):
                return False
            return alone or all(self.claim.explains(n, balls[n]) for n in self.others if n in balls)

    def explained_by(self, views: Views, mutant: Mutant) -> tuple[str, ...]:
        """Give all wrong parameters that a mutant explains."""
        graph = views.balls
        with graph.context():
            gradients = graph.backward(mutant.changes(graph))
            return tuple(
                name
                for name in self.claim.wrong
                if name in gradients and self.claim.explains(name, gradients[name].data[0, 0, ...])
            )
