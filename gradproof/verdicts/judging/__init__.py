"""Judging one claim at one place, entry by entry.

What comes in: what a gradient is claimed to be (`claimed`: floats and, where its code is at hand, balls that
`formulas` made of it), and the loss. What goes out: a `Judgement`.

In the order of reading: `claimed` (values at a place), `evidence` (the exact gradient there and its rounding
noise), `measuring` (how far balls are from balls), `rule` (the one that decides, with `kinks` for places
where the loss has no derivative), `judgement` (what is said), `judge` (all of it, in this order).
"""
