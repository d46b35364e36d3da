"""What a document claims: a value, a derivative, an update, in our own words and with a check of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import FUNCTION, MAPPING, TEXT, check_inputs

States: TypeAlias = Mapping[str, Any]
"""What a document states, by name."""


class ClaimVerdict(StrEnum):
    """What is said of a claim."""

    CONFIRMED = "CONFIRMED"
    """What the claim states is true, as far as its finding says."""

    REFUTED = "REFUTED"
    """What the claim states is proven to be false, or contradicts the document itself."""

    NOT_CHECKABLE = "NOT CHECKABLE"
    """There is nothing to compute: the figure is only in a picture, or the statement is an opinion."""

    UNDECIDED = "UNDECIDED"
    """There is something to compute, and the check did not reach a verdict, for the reason given."""


@dataclass(frozen=True, eq=False)
class ClaimedGradient:
    """A gradient that a claim states, to look for the cause where it is wrong.

    Attributes:
        loss: `loss(xp, params, batch)`, whose gradient is claimed.
        params: by name, the parameters that the gradient is claimed of.
        batch: by name, all other arrays that the loss takes.
        claimed: by name, the claimed entries as `flint.arb`, of the parameters' shapes.
        learning_rate: the factor of an update that the gradient was read off; None if there is none.
    """

    loss: Callable[[Any, Any, Any], Any]
    params: Mapping[str, NDArray[Any]]
    batch: Mapping[str, NDArray[Any]]
    claimed: Mapping[str, NDArray[np.object_]]
    learning_rate: float | None = None


@dataclass(frozen=True, eq=False)
class Finding:
    """What a check found.

    Attributes:
        verdict: CONFIRMED, REFUTED, NOT CHECKABLE or UNDECIDED.
        reason: why, with the numbers; a sentence or two.
        stated: the number that the document states, as text; empty where it states a formula.
        exact: the true number, with the digits that are proven.
        digits: decimal digits to which what is stated is proven to agree with the truth; infinite for
            exact equality, NaN where no numbers are compared.
        cause: where it is refuted, what is wrong with it; empty to have it looked for in `gradient`.
        gradient: the claimed gradient; None where the claim is not of one.
    """

    verdict: ClaimVerdict
    reason: str
    stated: str = ""
    exact: str = ""
    digits: float = float("nan")
    cause: str = ""
    gradient: ClaimedGradient | None = None


# -------------------------------------------------------------------- what a check found by itself


def confirmed(reason: str, **numbers: Any) -> Finding:
    """Say that a claim is true; `numbers` are a Finding's other attributes."""
    return Finding(ClaimVerdict.CONFIRMED, reason, **numbers)


def refuted(reason: str, **numbers: Any) -> Finding:
    """Say that a claim is false; `numbers` are a Finding's other attributes, `cause` above all."""
    return Finding(ClaimVerdict.REFUTED, reason, **numbers)


def not_checkable(reason: str) -> Finding:
    """Say that a claim holds nothing to compute."""
    return Finding(ClaimVerdict.NOT_CHECKABLE, reason)


def undecided(reason: str, **numbers: Any) -> Finding:
    """Say that the check of a claim reached no verdict."""
    return Finding(ClaimVerdict.UNDECIDED, reason, **numbers)


# -------------------------------------------------------------------- what is left for the rule to decide


@dataclass(frozen=True, eq=False)
class Comparison:
    """Certified numbers that a claim states beside the exact ones; equal, entry by entry, or not.

    Attributes:
        stated: by name, balls of the exact arrays' shapes.
        exact: by name, balls.
        what: what is stated, as the subject of a sentence.
        cause: where they differ, what is wrong; empty to have it looked for in `gradient`.
        gradient: the claimed gradient; None where the claim is not of one.
        remark: what is to be said beside the numbers, as a sentence.
        beside: what the exact numbers are, where they are not the truth but another part of the document.
        follows: gives, by the digits of agreement, what follows where they are equal; None where that is just
            what is claimed.
        instead: another comparison, and what is to be added to the cause where that one is equal.
    """

    stated: Mapping[str, Any]
    exact: Mapping[str, Any]
    what: str = ""
    cause: str = ""
    gradient: ClaimedGradient | None = None
    remark: str = ""
    beside: str = ""
    follows: Callable[[float], Finding] | None = None
    instead: "tuple[Comparison, str] | None" = None


@dataclass(frozen=True, eq=False)
class Decimals:
    """Decimals that a document writes beside the exact numbers; right if rounded from them, or cut off.

    Attributes:
        entries: for each decimal its text, whose last digit tells how exact it means to be; the exact number;
            and what it is, as the subject of a sentence.
        cause: as in `Comparison`.
        gradient: as in `Comparison`.
        remark: as in `Comparison`.
    """

    entries: tuple[tuple[str, arb, str], ...]
    cause: str = ""
    gradient: ClaimedGradient | None = None
    remark: str = ""


def decimal(stated: str, exact: arb, what: str, **more: Any) -> Decimals:
    """Put one decimal beside the exact number; `more` are the other attributes of `Decimals`."""
    return Decimals(((stated, exact, what),), **more)


@dataclass(frozen=True, eq=False)
class Derived:
    """A gradient that a claim gives as plain NumPy code, to be judged as `gradproof.check` judges one.

    Attributes:
        scenario: the loss, of the claimed parameters alone.
        gradient: `gradient(params, batch)`.
        what: what is stated, as the subject of a sentence.
    """

    scenario: Any
    gradient: Callable[[Any, Any], Any]
    what: str = "The gradient"


Checked: TypeAlias = Finding | Comparison | Decimals | Derived
"""What a check gives: what it found, or what is to be decided by the rule."""

ClaimCheck: TypeAlias = Callable[[Any, Mapping[str, Any]], Checked]
"""A check is called as check(scenario, states)."""


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement of a document, with a check of it.

    What the document states is kept apart from the check of it (`states` beside `check`), so that the same
    check can be run on another document's statement, and be seen to give another verdict.

    Most claims of a user's own are of one of three kinds, for which `value_claim`, `gradient_claim` and
    `update_claim` write the check.

    Attributes:
        name: what reports and tests call it; unique in its scenario.
        text: what the document claims, in our own words.
        place: where in the document.
        check: `check(scenario, states)` gives a Finding, or the numbers that are to be compared. It is run in
            certified arithmetic of 256 bits: what it computes on `flint.arb` has that precision.
        states: what the document states, by name: numbers as the document writes them (strings), formulas as
            functions. It is what `check` is given.
        document: the document's title; empty for the source of the scenario that carries the claim.

    Raises:
        InputError: an empty name or text.

    >>> import gradproof as gp
    >>> def adds_up(scenario, states):
    ...     total = sum(int(part) for part in states["parts"])
    ...     if total == int(states["total"]):
    ...         return confirmed(f"the parts add up to {total}")
    ...     return refuted(f"the parts add up to {total}", cause="a slip of addition")
    >>> claim = Claim("sum", "2 and 2 are 5", "page 1", adds_up, {"parts": ("2", "2"), "total": "5"})
    >>> scenario = gp.Scenario(
    ...     name="mine", loss=lambda xp, p, b: p["w"], params={"w": 1.0}, batch={"x": 0.0}, claims=[claim]
    ... )
    >>> print(gp.audit([scenario]).claims["verdict"].item())
    REFUTED
    """

    name: str
    text: str
    place: str
    check: ClaimCheck
    states: Mapping[str, Any] = field(default_factory=dict)
    document: str = ""

    def __post_init__(self) -> None:
        """Refuse a claim that cannot be reported."""
        texts = {name: (getattr(self, name), TEXT) for name in ("name", "text", "place", "document")}
        check_inputs("the claim", **texts, check=(self.check, FUNCTION), states=(self.states, MAPPING))
        for what, value in (("name", self.name), ("text", self.text)):
            if not value.strip():
                raise InputError(f"A claim has an empty {what} (place {self.place!r}). Give it one.")
