"""Every number that decides what is said of a gradient, each with its reason; there is no other.

None of them forgives an error of a formula: they say how far measured rounding may be trusted, and how many
digits of agreement are agreement. None is an absolute or relative tolerance that somebody would have to
choose.
"""

SPREADS = 32.0
"""How many spreads of the measured rounding noise an error may be and still count as rounding.

The spread is the root mean square of the noise of an entry. Of random networks, the reference's, PyTorch's
and JAX's errors were 0.46 to 0.51 spreads of the textbook's formulas in root mean square, at most 5.5 (580
networks, 12.5 million entries of the reference and PyTorch) and 6.7 (40 networks, JAX), and 27.8 where JAX's
own tanh is less accurate. In spreads operation by operation the worst entry of a parameter is 1.7 in the
median, and has no bound where a formula cancels: 1.9 % of the entries were above 32, up to 1.6e16. Errors in
a formula are thousands of spreads and more.
"""

BIAS_SPREADS = 5.0
"""In formats shorter than float32 all entries of an array are too large together by at most so many standard
deviations of what rounding does to them together, beside its mean.

Of 2 274 right arrays of random networks (PyTorch and JAX, bfloat16 and float16) none was above 3.7.
What it catches is limited by the format: of bfloat16 the roundings of common factors alone, of which one is
up to 0.39 %, move a whole array by 0.2 to 0.4 % in root mean square."""

STANDS_OUT = 16.0
"""Likewise an entry whose error in spreads is more than so many times that of the others of its array, and
than so many spreads, is wrong. Of the same right arrays the greatest was 8.5 times."""

FEWEST_TOGETHER = 16
"""Entries are compared with the others of their array where it has so many."""

SUSPICIOUS_BIAS = 1.5
SUSPICIOUS_SPREADS = 8.0
"""From so many root mean squares of the few samples at hand, or an error of so many spreads, on, many samples
are taken. Nothing is decided by this: it saves their time where all is well."""

FUNCTION_UNITS = 1024.0
"""A framework's function of a number that is off by more unit roundoffs than this has fewer digits than its
dtype. Libraries' functions are within a few (JAX's float64 tanh errs by up to 7); what is off by more has
lost three digits. MLX's float64 exp, which has float32's accuracy, is off by 10⁹."""

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

CONSTANTS = ((2.0**-51, 0.0), (2.0**-48, 0.0), (2.0**-40, 12.0))
"""What the constants of code explain, which are doubles: pairs of a share and of digits. Two units in the
last place of a double, or the 32 that some operations in float64 may leave of it (1e-15 and 4e-15), explain
all that they make of an entry; what code computes in float64 by way of a cancellation or a long product
(1 - 0.9999 for 0.0001, a rotary angle) explains the rest of an entry that agrees to 12 digits. A constant
that is cut to 10 digits is explained by none."""

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

DATA_UNITS = 16.0
"""What is computed in a format and obeys a law (rows that sum to one) does so up to so many of its unit
roundoffs: data that does is taken to obey it, and a formula that rests on it is off by as much."""

DROWNED = 1000.0
"""An optimizer's epsilon that is so many times the root of the second moment decides the step alone: the
moment moves it by a thousandth. It is told, and decides no verdict."""

# ------------------------------------------------------------------------ the search for causes

INTERVAL = 1e-6
"""An exact entry whose ball has a greater radius than so much of its parameter's largest entry is an
interval, as at a kink: no mistake is told by it, since any convention there might be taken for one."""

CAUSE_BITS = 192
"""Bits of the certified arithmetic in which a mutant is proven to be the claim: enough for 30 digits after
the cancellation that mutants bring, which is worse than the true gradient's."""

CAUSE_WORK = 1_000_000_000
"""The search for a cause stops after so many numbers computed, so that what it finds is the same on every
machine; only tapes of several hundred operations take it."""

CAUSE_SPREADS = 100.0
"""A claim in floats is compared with mutants within so many spreads of the dtype's rounding noise: mutants
have noise of their own, and a spread is an estimate from a few samples."""

MOST_ROUNDING = 0.4
"""No more than eps to this power, relative to the greatest entry, is taken for rounding: at a kink noise
falls on either side, and what is measured there is the kink."""

WRONG_ENTRY = 1e-14
"""Relative distance from which a certified entry needs a cause, unless the rule has said which do: constants
in code are doubles (1e-16)."""

CANCELLED_ENTRY = 1e-24
"""The same for an entry that cancels, relative to the greatest of its parameter."""

EXPLAINED_ENTRY = 1e-12
"""A mutant explains an entry when it agrees with the claim to so many digits ..."""

EXPLAINED_SHARE = 1e-3
"""... and leaves at most this share of the parameter's greatest error unexplained."""

EXPLAINED_CANCELLED = 1e-15
"""Entries that cancel have no digits of their own; these must agree, relative to the greatest entry."""

MUTANT_FLOATS = 1e-11
"""Mutants in float64 are as good as this, relative to the parameter's greatest entry; the balls decide."""

MUTANT_ERROR = 1e-6
"""The same, relative to the parameter's greatest error."""

UNTOUCHED = 1e-9
"""A mutant in float64 leaves a parameter as it is if it changes it by less, relative to its greatest."""

PROBE_STEP = 1e-5
"""Step of the central difference along a probe: its error of the order step² and float64's rounding over the
step are both near 1e-10."""

PROBE_STEP_DECIDING = 1e-8
"""The same where the loss decides something by a comparison that a longer step would turn: rounding over it
is near 1e-8, still far below what is allowed for."""

PROBE_NEAR = 1e-5
"""Relative error of the central difference that is allowed for; what passes is compared in full."""

FACTOR_ESTIMATED = 1e-7
"""Relative distance of a factor from the number that it stands for, as probes estimate it ..."""

FACTOR_SOLVED = 1e-11
"""... and as it is solved for in balls."""

ROUNDED_CONSTANT = 1e-2
"""A factor that is as near to 1 is told as a constant with some digits right, which was rounded."""

CONFIRMING_ENTRIES = 3
"""So many wrong entries must agree with a number that was solved for from one of them."""

SHORT_NUMBER = 2
"""A number of so many digits at most is believed of fewer entries, where it makes a formula's claim at a
second point, too."""

MISTAKE_SHARE = 0.5
"""A mistake in a step is looked at closely if it leaves at most this share of the worst errors ..."""

MISTAKE_NOISE = 4.0
"""... and explains what is wrong only if the rounding noise of its own step is at most so many times that of
the training's, or is so small a share of the error: a step whose noise is large (at a branch, say) explains
any error."""

SAME_RATE = 1e-6
"""Wrong learning rates of a run that are so near to those of other steps, relatively, are theirs: some
frameworks compute schedules in float32."""

RATE = 1e-6
"""Relative distance of a learning rate that was solved for from the short decimal that it stands for."""

SAME_FUNCTION = 1e-9
"""Relative distance of float64 values that may be one function's; the balls decide."""

CONSTANT_RATIO = 1e-9
"""Ratios of claimed and true entries that differ by less are told as one constant."""

ROUNDED_UNITS = 8
"""Where digits cancel, a claim is compared with a rounded formula within so many units in the last place,"""

ROUNDED_SHARE = 1e-3
"""or within this share of its error: it has the very rounding errors of that formula."""

ROUNDED_PROPERTY = 1e-12
"""Where data has a property that doubles can only have up to rounding (rows that sum to one, unit vectors),
a formula that rests on it is off by as much, and at a point of the check's own a constant that is a double
may weigh more than at the user's: up to this share of the parameter's greatest entry neither is an error."""
