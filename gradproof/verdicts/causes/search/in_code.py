"""The line of the gradient's own code at which a cause is, where the code was run and tells it."""

from dataclasses import replace

from gradproof.verdicts.causes.graph import ChangedGradients
from gradproof.verdicts.causes.kinds import Cause
from gradproof.verdicts.causes.lines import lines_of
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.inquiry import Costed, Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant


def with_line(inquiry: Inquiry, found: Costed) -> Cause:
    """Give a cause with the line of the gradient's code, if it is the same at both points."""
    if found.there is None or not (here := _lines(inquiry, found.mutant)) or here != _lines(*found.there):
        return found.cause
    where = ", ".join(here)
    text = f"{found.cause.text}; the gradient goes wrong at {listed(here)}"
    return replace(found.cause, text=text, gradient_where=where)


def _lines(inquiry: Inquiry, mutant: Mutant) -> tuple[str, ...]:
    if not isinstance(mutant.gradients, ChangedGradients):
        return ()
    trace = inquiry.again.traced()
    if trace is None:
        return ()
    graph = mutant.gradients.views.balls
    return tuple(map(str, lines_of(graph, mutant.gradients.changes(graph), mutant.kind, trace)))
