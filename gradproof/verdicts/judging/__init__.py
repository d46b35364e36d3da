"""Judging one claim at one place, entry by entry.

What comes in: a gradient of the user's (`user_gradient`) or numbers that are given for one, and the loss.
What goes out: a `Judgement`.

In the order of reading: `claimed` (values at a place, in floats and in balls), `claiming` (a gradient's code
makes them: `calling` runs it in floating point, `given` reads what it gives, `formulas` runs it on balls),
`evidence` (the exact gradient there and its rounding noise), `floats` and `proof` (the rule, for values and
for formulas, with `measuring` and, for places where the loss has no derivative, `kinks`), `judgement` (what
is said), `judge` (all of it in five lines). `decimals` judges single numbers of documents. What decides
stands in `gradproof.verdicts.tolerances`.
"""
