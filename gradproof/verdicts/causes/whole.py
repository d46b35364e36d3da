"""Changes of the whole gradient that no operation makes: swapped, clipped, scaled, with something added."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.case import Case
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.scaling import TIGHT
from gradproof.verdicts.causes.wording import listed, number, sentence

_AT_LEAST = 3
"""Entries that must confirm a number that was solved for."""


def whole_causes(case: Case) -> Iterator[tuple[float, Cause]]:
    """Give the changes of whole gradients that are the claim, with their costs; within the balls' context."""
    if not case.targets:
        return
    yield from _swapped(case)
    yield from _same_factor(case)
    yield from _clipped(case)
    yield from _normalised(case)
    yield from _added(case)


def _swapped(case: Case) -> Iterator[tuple[float, Cause]]:
    claim, targets = case.claim, case.targets
    if not 2 <= len(targets) <= 5:
        return
    for order in permutations(targets):
        moves = list(zip(targets, order, strict=True))
        if all(a != b and claim.explains(a, claim.true[b]) for a, b in moves):
            text = f"your gradients of {listed(targets)} stand in each other's place: "
            text += ", ".join(f"that of {a} is the true one of {b}" for a, b in moves)
            yield costs.SWAPPED, Cause("parameters-swapped", "", None, text, targets)
            return


def _same_factor(case: Case) -> Iterator[tuple[float, Cause]]:
    """One factor in several parameters, which are not all that some operation reaches."""
    claim, targets = case.claim, case.targets
    if len(targets) < 2:
        return
    factor = _ratio(case, targets[0], claim.true[targets[0]], minus=False)
    if factor is None:
        return
    if not all(claim.explains(name, claim.true[name] * factor) for name in targets):
        return
    value = float(factor.mid())
    meaning = case.numbers.meaning(value, TIGHT)
    said = f" ({meaning})" if meaning else ""
    kind = "sign" if value == -1 else "constant-factor"
    phrase = "the opposite sign" if kind == "sign" else f"a factor of {number(value)}{said}"
    cost = costs.ODD_FACTOR if meaning is None else costs.SAME_FACTOR
    yield cost, Cause(kind, "", value, sentence(phrase, targets), targets)


def _clipped(case: Case) -> Iterator[tuple[float, Cause]]:
    claim, targets = case.claim, case.targets
    values = [_midpoints(claim.balls[n])[claim.off(n)] for n in targets]
    limits = np.abs(np.concatenate(values))
    true = np.concatenate([claim.true_floats[n][claim.off(n)] for n in targets])
    same_sign = np.all(np.concatenate(values) * true > 0)
    limit = float(limits[0])
    beyond = np.all(np.abs(true) > limit) and np.all(limits == limit)
    within = all(np.all(np.abs(claim.true_floats[n]) <= limit * (1 + TIGHT)) for n in case.others)
    if limits.size >= _AT_LEAST - 1 and limit > 0 and same_sign and beyond and within:
        phrase = f"entries clipped to {number(limit)} in size"
        yield costs.PLAIN_FACTOR, Cause("clipped", "", limit, sentence(phrase, targets), targets)


def _normalised(case: Case) -> Iterator[tuple[float, Cause]]:
    """Each parameter's gradient divided by its own norm, or brought to one and the same norm."""
    claim, targets = case.claim, case.targets
    norms = []
    for name in targets:
        factor = _ratio(case, name, claim.true[name], minus=False)
        if factor is None or not claim.explains(name, claim.true[name] * factor):
            return
        norms.append(float(np.linalg.norm(_midpoints(claim.balls[name]))))
    together = float(np.sqrt(sum(norm**2 for norm in norms)))
    for lengths, what in (([together], "all of it together"), (norms, "each parameter's")):
        short = float(f"{lengths[0]:.6g}")
        if all(abs(length - short) <= TIGHT * short for length in lengths):
            phrase = f"the norm brought to {number(short)} ({what})"
            if sum(np.size(claim.error[name]) for name in targets) >= _AT_LEAST:
                cause = Cause("clipped", "", short, sentence(phrase, targets), targets)
                yield costs.PLAIN_FACTOR + 0.5, cause
                return


def _added(case: Case) -> Iterator[tuple[float, Cause]]:
    """A multiple of the parameter (weight decay), or of its sign, is added."""
    claim, targets = case.claim, case.targets
    if sum(int(np.count_nonzero(claim.error[name])) for name in targets) < _AT_LEAST:
        return
    kind = case.composed.balls.kind
    own = {
        name: kind.constant(np.asarray(case.params[name], dtype=np.float64)).data[0, 0, ...]
        for name in targets
    }
    sign = {
        n: kind.constant(np.sign(np.asarray(case.params[n], dtype=np.float64))).data[0, 0, ...]
        for n in targets
    }
    ones = {n: kind.constant(np.ones(np.shape(case.params[n]))).data[0, 0, ...] for n in targets}
    for what, added in (("the parameter itself", own), ("the parameter's signs", sign), ("one number", ones)):
        factor = _ratio(case, targets[0], added[targets[0]], minus=True)
        if factor is None:
            continue
        if all(claim.explains(name, claim.true[name] + added[name] * factor) for name in targets):
            value = float(factor.mid())
            of = what if what == "one number" else f"times {what}"
            phrase = (
                f"{number(value)} {of} added"
                if of != "one number"
                else f"{number(value)} added to each entry"
            )
            if what == "the parameter itself":
                phrase += " (weight decay that the loss does not have)"
            yield costs.ADDED, Cause("added-multiple", "", value, sentence(phrase, targets), targets)
            return


def _ratio(case: Case, name: str, by: NDArray[np.object_], *, minus: bool) -> arb | None:
    """Give the claim (or its error) over something, at the greatest entry of that; None if that is zero."""
    claim = case.claim
    sizes = np.abs(_midpoints(by))
    if not sizes.size or not np.max(sizes) > 0:
        return None
    place = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    over = claim.balls[name][place] - claim.true[name][place] if minus else claim.balls[name][place]
    ratio: arb = over / by[place]
    return ratio if ratio.is_finite() and float(ratio.mid()) != 0 else None


def _midpoints(balls: NDArray[np.object_]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = balls.astype(np.float64)
    return values
