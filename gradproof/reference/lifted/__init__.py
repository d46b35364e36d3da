"""Plain NumPy code, unchanged, on certified balls: every result is proven, or it is told why it is not.

In comes a function of the user's and its arguments; out comes what it answers, in balls, with what could
not be certified (`LiftedRun`). Read in this order:

1. `lifted_run`: the run; `exchanges` has the code's NumPy make lifted arrays meanwhile, `users_code` says
   whose code that is done to, and `leftovers` takes out of the user's objects what the run cached there.
2. `ball`, `lifted_array`: a number and an array that behave as floats do; `notes` has what is not proven.
3. `ufuncs`, `numpy_functions`, `matrices`: what NumPy's calls become; `calls` has each of their keywords
   honoured or refused. The functions of single numbers are in `numbers.elementary`.
4. `trace`: what a run computes on the way, and at which lines, where that is asked for.
"""

from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.lifted_array import LiftedArray, from_arbs, lift, to_arbs
from gradproof.reference.lifted.lifted_run import LiftedRun, no_collections, run_lifted
from gradproof.reference.lifted.notes import Lifting, noting
from gradproof.reference.lifted.trace import Operand, Step, Trace

__all__ = [
    "Ball",
    "LiftedArray",
    "LiftedRun",
    "Lifting",
    "Operand",
    "Step",
    "Trace",
    "from_arbs",
    "lift",
    "no_collections",
    "noting",
    "run_lifted",
    "to_arbs",
]
