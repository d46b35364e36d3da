"""Every number that decides what is said of a gradient, each with its reason; there is no other.

None of them forgives an error of a formula: they say how far measured rounding may be trusted, and how many
digits of agreement are agreement. None is an absolute or relative tolerance that somebody would have to
choose.
"""

SPREADS = 32.0
"""How many spreads of the measured rounding noise an error may be and still count as rounding.

The spread is the root mean square of the noise of an entry. Correct programs in PyTorch and JAX were
measured at 0.3 to 2 spreads in root mean square and at most 12 at the very worst entry; errors in a
formula are thousands of spreads and more.
"""

EQUAL_DIGITS = 15
"""From so many digits of proven agreement on, a formula is called equal to the exact one: constants such as
1/3 in its code are doubles, which differ from the number that is meant in the 17th digit. No rounding is
forgiven by this."""

ZERO_UNITS = 8.0
"""An entry whose exact value is 0 has no digits of its own, and where the loss's own formula gives exactly 0
there is no noise to measure either. It may be off by so many unit roundoffs of its parameter's greatest
entry, which in float64 are the 15 digits of `EQUAL_DIGITS`: what doubles leave of 0.1 + 0.2 - 0.3, say."""

NARROW = 1e-17
"""Balls whose radius is smaller than this share of their number tell all the digits that `EQUAL_DIGITS` asks
for; one that is so small a share of the greatest entry, squared, is negligible."""

WIDE = 1e-8
"""A formula is called equal up to the doubles that its constants are only if these leave it so narrow,
relative to the greatest entry: half of a double's digits."""

NEAR = 1e-9
"""How far, relative to a parameter's size, the neighbours are that a claim at a kink is compared with."""

SLACK = 1e-5
"""How much of its size a gradient may change over the distance `NEAR`, floats' rounding included."""

REORDERED = 1e-3
"""How far two calls of one framework's gradient may differ and still count as the same sum taken in another
order; more than that is randomness of the code's own."""

DECIDED = "1e-15"
"""A ball whose radius is smaller than this share of a stated decimal's last place tells whether the decimal
is rounded right: what it does not tell from the middle of two decimals is the middle."""
