"""Which explanation is named where several give the same numbers: the least cost.

Two mutants that agree with a claim to a dozen digits in every entry are, as a rule, the same change
described in two ways, and what counts is which description helps. A constant factor that belongs to an
operation (the 1/N of a mean, the 2 of a square) is what people forget most, and is the shortest
description; then comes a reduction or accumulation that went wrong, then one operation's derivative, then
one path. A wrong operand or an updated weight is rarer, and more can be fitted with it. A factor that is no
number one would expect, an added multiple and two changes together have something that was solved for: they
come last, and only where enough entries confirm what one entry gave.
"""

OWN_FACTOR = 1.0
REDUCTION = 1.5
PLAIN_FACTOR = 2.0
SWAPPED = 2.0
SAME_FACTOR = 2.1
OVERWRITTEN = 2.5
DERIVATIVE = 3.0
JACOBIAN = 3.0
PATH = 3.5
INCOMPLETE = 4.0
TRANSPOSED = 4.0
ANOTHER = 5.0
EXTRA = 6.0
OPERAND = 6.0
UPDATED = 7.0
ODD_FACTOR = 8.0
ADDED = 9.0
TWO = 15.0

GROUP = 0.5
"""More for the same change at several places."""

ALONE = 10.0
"""More where the change holds in some parameters only, although it would reach others too."""
