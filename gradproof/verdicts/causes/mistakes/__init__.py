"""The mistakes that people make in derivatives: pure rules, which know nothing of the search.

A rule is a function with a decorator that says for which operations it holds: by traits (`having`), or by the
operations themselves. It gets one `Use` of an operand, and gives `Mistake`s: the kind, the words, and the
wrong derivative, a function of the result's adjoint g. The true one stands in the rule's docstring.

Read `mistake.py` first, then any rule: `elementwise.py`, `reductions.py`, `matrix_mistakes.py`,
`products.py`, `structure.py` and `nn.py` go by the table's families; `constants.py` holds the factors that
the derivative of any operation may be off by, `parentheses.py` formulas that are read otherwise than they are
meant, and `adjoints.py` what may be wrong with all that reaches a value. `mistakes_at` collects what all
rules give. The rules of a file that is imported here are in the registry.
"""

from gradproof.verdicts.causes.mistakes import (
    adjoints,
    constants,
    elementwise,
    matrix_mistakes,
    nn,
    parentheses,
    products,
    reductions,
    structure,
)
from gradproof.verdicts.causes.mistakes.mistake import Mistake, mistakes_at

__all__ = [
    "Mistake",
    "adjoints",
    "constants",
    "elementwise",
    "matrix_mistakes",
    "mistakes_at",
    "nn",
    "parentheses",
    "products",
    "reductions",
    "structure",
]
