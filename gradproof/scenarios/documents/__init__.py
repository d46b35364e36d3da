"""The systems of three documents, a folder each.

What comes in: nothing. What goes out: `SCENARIOS` of each folder's `system.py`, what builds each scenario
by its name, which `gradproof.scenarios.finding` collects: a document is added as a folder and listed nowhere
else.

In the order of reading, in each folder: `system.py` (what is computed: the loss in terms of `xp`, the
hand-derived gradient from the reference, the data), `system.toml` (where each value comes from),
`claims.toml` (what the document states beside its formulas, and the words for what is found), `claims.py` (a
check of each statement).
"""
