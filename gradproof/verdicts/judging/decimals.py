"""Is a decimal that a document writes right? The rule for numbers that are stated to so many places."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import inf

import numpy as np
from flint import arb

from gradproof.scenarios.claims_arithmetic import exactly, fraction, show
from gradproof.verdicts.judging.measuring import compare
from gradproof.verdicts.tolerances import DECIDED, EQUAL_DIGITS
from gradproof.verdicts.verdict import Verdict


@dataclass(frozen=True)
class DecimalVerdict:
    """What is said of a stated decimal.

    Attributes:
        verdict: EQUAL (it is the exact number rounded to as many places, or cut off after them), WRONG or
            UNDECIDED.
        reason: a sentence with the numbers.
        digits: decimal digits to which it agrees with the exact number.
    """

    verdict: Verdict
    reason: str
    digits: float


def judge_decimal(stated: str, exact: arb, what: str) -> DecimalVerdict:
    """Judge a decimal by the exact number.

    Args:
        stated: the decimal as the document writes it: its last digit tells how exact it means to be.
        exact: the exact number.
        what: what the number is, as the subject of a sentence.

    Raises:
        InputError: it is no decimal.

    >>> judge_decimal("0.999", exactly("0.99999"), "the output").reason
    'the output is 0.99999, which 0.999 is cut off to 3 places (rounded, it would be 1.000).'
    """
    claimed = fraction(stated)
    places = max(0, -int(Decimal(stated).as_tuple().exponent))
    unit = exactly(Fraction(1, 10**places))
    distance = abs(exact - exactly(claimed))
    digits = compare(np.array([exactly(claimed)]), np.array([exact]), 0.0).digits
    # Where the ball is this narrow, a number that it does not tell from the middle of two decimals is taken
    # as the middle, which may be rounded to either side.
    narrow = exact.is_finite() and exact.rad() < unit * exactly(DECIDED)
    if distance <= unit / 2 or (narrow and not distance > unit / 2):
        rounded = f", which {stated} is rounded {_to(places)}" if digits < EQUAL_DIGITS else ""
        exactness = " exactly" if digits == inf else rounded
        return DecimalVerdict(Verdict.EQUAL, f"{what} is {show(exact)}{exactness}.", digits)
    towards_zero = exact - exactly(claimed) if exact > 0 else exactly(claimed) - exact
    if towards_zero > 0 and towards_zero < unit:
        would_be = f"{Decimal(show(exact, 40)):.{places}f}"
        reason = f"which {stated} is cut off {_to(places)} (rounded, it would be {would_be})"
        return DecimalVerdict(Verdict.EQUAL, f"{what} is {show(exact)}, {reason}.", digits)
    if narrow or distance > unit or (towards_zero < 0 and distance > unit / 2):
        return DecimalVerdict(Verdict.WRONG, f"{what} is {show(exact)}, and {stated} is stated.", digits)
    reason = f"{what} could not be told from {stated}: the ball is too wide."
    return DecimalVerdict(Verdict.UNDECIDED, reason, digits)


def _to(places: int) -> str:
    if not places:
        return "to a whole number"
    return "to 1 place" if places == 1 else f"to {places} places"
