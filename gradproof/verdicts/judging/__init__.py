"""Judging one claim at one place, entry by entry.

What comes in: a gradient of the user's (`user_gradient`) or numbers that are given for one, and the loss.
What goes out: a `Judgement`.

In the order of reading: `judge` (all of it in a few lines), `claimed` (values at a place, in floats and in
balls; `calling` runs a gradient in floating point, `given` reads what it gives, `formulas` runs it on balls),
`evidence` (the exact gradient there and its rounding noise), `floats` and `proof` (the rule, for values and
for formulas, with `measuring`; `together` for all entries of an array in short formats),
`judgement` (what is said). `decimals` judges single numbers of documents.
What decides stands in `gradproof.verdicts.tolerances`.
"""
