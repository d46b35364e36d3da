"""Why a gradient is wrong: mutants of the true gradient, one of which equals the claimed one.

In come a loss, the place (parameters and batch) and the claimed gradient there, as balls or as floats, with
what the judging has said: which entries are wrong, and what rounding explains. Out goes a `Cause` (kind,
operation and line, factor, sentence, parameters), or None; `describe_difference` says what else can be said.

Read `kinds.py` (the kinds of cause, and which of several is named), then `graph.py` (the loss as a graph
whose backward pass can be run with changes), `mistakes/` (what people do wrong, as pure rules by trait of the
operation), `search/` (the engine) and `lines/` (which line of the gradient's code it is). `phrases.py` holds
the words they share. A new cause is a line in `kinds.py` and a rule in `mistakes/`.
"""

from gradproof.verdicts.causes.kinds import Cause, Search
from gradproof.verdicts.causes.search.again import Again, SecondPoint
from gradproof.verdicts.causes.search.discrepancy import doubt_from
from gradproof.verdicts.causes.search.engine import describe_difference, find_cause, search_cause

__all__ = [
    "Again",
    "Cause",
    "Search",
    "SecondPoint",
    "describe_difference",
    "doubt_from",
    "find_cause",
    "search_cause",
]
