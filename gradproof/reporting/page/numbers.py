"""How numbers are written in the page: one form for each kind, everywhere."""

import math
from typing import Any


def short(number: float) -> str:
    """Write an error: three digits, an exponent where the number is very large or very small.

    >>> [short(each) for each in (0.0, 4.0591, 31.96, 1234.5, 1.7e-17, 3.2e15, float("inf"), float("nan"))]
    ['0', '4.06', '32', '1,230', '1.7e-17', '3.2e+15', 'inf', 'NaN']
    """
    if math.isnan(number):
        return "NaN"
    rounded = float(f"{number:.3g}")
    if 1000 <= abs(rounded) < 100_000:
        return f"{rounded:,.0f}"
    return f"{rounded:.3g}"


def exact(number: float) -> str:
    """Write a value with all the digits that tell it from its neighbours.

    >>> exact(0.1), exact(2.0), exact(float("nan"))
    ('0.1', '2', 'NaN')
    """
    if math.isnan(number):
        return "NaN"
    return repr(float(number)).removesuffix(".0")


def seconds(number: float) -> str:
    """Write seconds, to be read in a column.

    >>> [seconds(each) for each in (0.0, 0.0041, 2.345, 61.0, float("nan"))]
    ['0.00', '<0.01', '2.35', '61.0', '-']
    """
    if math.isnan(number):
        return "-"
    if 0 < number < 0.01:
        return "<0.01"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def microseconds(number: float) -> str:
    """Write seconds as microseconds, to be read in a column.

    >>> microseconds(0.0000813), microseconds(0.0123456)
    ('81.3', '12,300')
    """
    return "-" if math.isnan(number) else short(number * 1e6)


def number_of(text: str) -> float:
    """Give the number of a decimal text; NaN where no digit of it is known.

    >>> number_of("0.500000000000000000000000000000"), number_of("[+/- 3.1]")
    (0.5, nan)
    """
    try:
        return float(text)
    except ValueError:
        return math.nan


def orderable(number: Any) -> float:
    """Give a number to sort by: NaN above all, as the worst.

    >>> orderable(float("nan")) > orderable(1e300)
    True
    """
    value = float(number)
    return math.inf if math.isnan(value) else value
