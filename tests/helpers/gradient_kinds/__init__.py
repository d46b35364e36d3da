"""Right gradients that rest on what their data is, and wrong ones that hide behind it.

A kind is a loss, a right gradient and data of which the gradient uses what it is, so that it is right of
such data alone: `KINDS` has those made for one property each; `LOSSES` and `MODELS` those that real code has,
written as textbooks and code bases write them. `HIDDEN` has wrong gradients that equal the right ones at data
with an accident.
"""

from gradient_kinds import (
    classifiers,
    columns,
    graphs,
    hidden,
    matrices,
    order,
    rankings,
    regressions,
    relations,
    sciences,
    sequences,
    targets,
    values,
)

KINDS = targets.KINDS | values.KINDS | columns.KINDS | matrices.KINDS | order.KINDS | relations.KINDS
HIDDEN = hidden.HIDDEN
LOSSES = classifiers.KINDS | regressions.KINDS | rankings.KINDS
MODELS = sequences.KINDS | graphs.KINDS | sciences.KINDS
