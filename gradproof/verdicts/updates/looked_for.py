"""The search: which mistake made the steps of a run that are wrong."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Plain
from gradproof.reference.stepping import After
from gradproof.verdicts.tolerances import CONFIRMING_ENTRIES, MISTAKE_NOISE, MISTAKE_SHARE, SPREADS
from gradproof.verdicts.updates.judged_steps import JudgedSteps, judged_steps
from gradproof.verdicts.updates.mistakes import Goal, named_mistakes, solved_settings
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

TOLD = 3
"""So many mistakes that explain the same steps equally well are told, at most."""

SHORT = 2
"""A number of so few digits is believed where fewer entries than `CONFIRMING_ENTRIES` confirm it."""


@dataclass(frozen=True, eq=False)
class Explained:
    """A mistake, and what it explains.

    Attributes:
        suspicion: the mistake.
        parameters: those whose wrong steps it makes.
        everywhere: whether it makes all that was recorded in the wrong steps, of all parameters.
        always: whether it makes the steps that are right, too.
    """

    suspicion: Suspicion
    parameters: frozenset[str]
    everywhere: bool
    always: bool

    @property
    def order(self) -> tuple[bool, int, float]:
        """The least is told: what explains most, and of that the least far-fetched."""
        return not self.everywhere, -len(self.parameters), self.suspicion.cost


@dataclass(frozen=True, eq=False)
class StepInquiry:
    """Steps of a run, some of them wrong, and what explains these.

    Attributes:
        steps: as the training makes them.
        truth: what is said of them.
    """

    steps: TakenSteps
    truth: JudgedSteps

    @classmethod
    def of(cls, steps: TakenSteps) -> "StepInquiry":
        """Judge the steps as the training makes them, from the gradients that were recorded."""
        return cls(steps, judged_steps(steps))

    @cached_property
    def wrong(self) -> dict[str, NDArray[np.bool_]]:
        """Where each parameter's step is wrong, of shape (S,); of those that are somewhere."""
        found: dict[str, NDArray[np.bool_]] = {}
        for key, passes in self.truth.passes.items():
            found[key.parameter] = found.get(key.parameter, False) | ~passes
        return {name: wrong for name, wrong in found.items() if wrong.any()}

    @cached_property
    def explanations(self) -> list[Explained]:
        """What explains wrong steps, the best first."""
        found = self._explaining(named_mistakes(self.steps))
        if not any(each.everywhere for each in found):
            for name in self.wrong:
                if not any(name in each.parameters for each in found):
                    found += self._explaining(self._solved(name))
        return sorted(found, key=lambda each: each.order)

    def best(self, parameter: str) -> list[Explained]:
        """Give what explains a parameter's wrong steps equally well; nothing where nothing does."""
        able = [each for each in self.explanations if parameter in each.parameters]
        return [each for each in able if each.order == able[0].order]

    def _solved(self, name: str) -> Iterator[Suspicion]:
        """Solve for numbers that make what is wrong of a parameter, each of its arrays alone."""
        for key, passes in self.truth.passes.items():
            if key.parameter == name and not passes.all():
                claimed = self.steps.claimed[key].astype(np.float64)
                allowed = self.truth.allowed(key, claimed.shape)
                goal = Goal(key, ~passes, claimed[~passes], allowed[~passes])
                for suspicion in solved_settings(self.steps, goal):
                    if goal.values.size >= CONFIRMING_ENTRIES or suspicion.solved <= SHORT:
                        yield suspicion

    def _explaining(self, suspicions: Iterable[Suspicion]) -> list[Explained]:
        """Give the mistakes that explain something; dearer ones only where a cheaper one does not all."""
        found: list[Explained] = []
        for _, equal in groupby(sorted(suspicions, key=_cost), key=_cost):
            near = (self._explained(suspicion) for suspicion in equal if self._is_near(suspicion))
            found += [explained for explained in near if explained is not None]
            if any(each.everywhere for each in found):
                break
        return found

    def _explained(self, suspicion: Suspicion) -> Explained | None:
        judged = judged_steps(suspicion.steps, self.truth)
        passes = judged.passes
        names = frozenset(
            name
            for name, wrong in self.wrong.items()
            if all(each[wrong].all() for key, each in passes.items() if key.parameter == name)
            and all(self._is_sharp(key, judged) for key in passes if key.parameter == name)
        )
        some = np.any(list(self.wrong.values()), axis=0)
        everywhere = names == self.wrong.keys() and all(each[some].all() for each in passes.values())
        if not everywhere:  # of one parameter alone, what is no number is no evidence
            names = frozenset(name for name in names if self._is_finite(name))
        if not names:
            return None
        always = all(each.all() for key, each in passes.items() if key.parameter in names)
        return Explained(suspicion, names, everywhere, always)

    def _is_sharp(self, key: After, judged: JudgedSteps) -> bool:
        """Tell whether a mistake's rounding noise is too small to explain what is wrong by itself."""
        wrong = ~self.truth.passes[key]
        if key not in judged.assessed or not wrong.any():
            return True
        own, other = (each.assessed[key] for each in (self.truth, judged))
        most = np.maximum(MISTAKE_NOISE * SPREADS * own.widest, MISTAKE_SHARE * own.error)
        unsharp = np.isfinite(own.value) & ~(SPREADS * other.widest <= most)
        return not unsharp[wrong].any()

    def _is_finite(self, name: str) -> bool:
        """Tell whether all that is wrong of a parameter are numbers."""
        return all(
            bool(np.isfinite(self.steps.claimed[key][~passes]).all())
            for key, passes in self.truth.passes.items()
            if key.parameter == name
        )

    @cached_property
    def _probes(self) -> dict[str, list[tuple[After, int, int, float]]]:
        """By parameter the worst entry of each array and step that is wrong, and how far it is off."""
        made = self.steps.after(Plain())
        found: dict[str, list[tuple[After, int, int, float]]] = {name: [] for name in self.wrong}
        for key, passes in self.truth.passes.items():
            assessed = self.truth.assessed[key]
            for step in np.flatnonzero(~passes):
                spreads = assessed.spreads[step]
                entry = int(np.argmax(np.where(np.isnan(spreads), np.inf, spreads)))
                off = abs(float(assessed.value[step, entry] - made[key].values()[step].flat[entry]))
                if np.isfinite(off):
                    found[key.parameter].append((key, int(step), entry, off))
        return found

    def _is_near(self, suspicion: Suspicion) -> bool:
        """Tell whether a mistake may explain some parameter, from one entry of each of its wrong arrays."""
        made = suspicion.steps.after(Plain())

        def near(probe: tuple[After, int, int, float]) -> bool:
            key, step, entry, off = probe
            if key not in made:
                return True
            value = self.truth.assessed[key].value[step, entry]
            return bool(abs(value - made[key].values()[step].flat[entry]) <= MISTAKE_SHARE * off)

        return any(all(map(near, probes)) for probes in self._probes.values())


def _cost(suspicion: Suspicion) -> float:
    return suspicion.cost


def told(found: Sequence[Explained], parameter: str, entry: str, wrong_steps: int) -> str:
    """Say what explains a parameter's wrong steps, as a sentence without its full stop; empty for nothing.

    Args:
        found: what explains them equally well.
        parameter: whose steps they are.
        entry: of the state, that this is said of; empty for the weights.
        wrong_steps: how many of the wrong steps were looked at.
    """
    texts = list(dict.fromkeys(each.suspicion.told_of(parameter, entry) for each in found))
    if not texts:
        return ""
    text = ", or ".join(texts[:TOLD])
    if len(texts) > TOLD:
        text += f", or one of {len(texts) - TOLD} others that give the same here"
    if not any(each.always for each in found):
        return f"{text}; other steps are right"
    return f"{text}; this was seen at one step only" if wrong_steps == 1 else text
