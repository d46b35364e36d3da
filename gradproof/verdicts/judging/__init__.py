"""Judging one claim at one place, entry by entry.

What comes in: what a gradient is claimed to be (`claimed`: floats and, where its code is at hand, balls that
`formulas` makes of it), and the loss. What goes out: a `Judgement`.

In the order of reading: `claimed` (values at a place), `evidence` (the exact gradient there and its rounding
noise), `floats` and `proof` (the rule, for values and for formulas, with `measuring` and, for places where
the loss has no derivative, `kinks`), `judgement` (what is said), `judge` (all of it in five lines). What
decides stands in `gradproof.verdicts.tolerances`.
"""
