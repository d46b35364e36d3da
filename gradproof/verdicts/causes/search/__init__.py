"""The engine that looks for a cause.

In comes a loss, a place and a claimed gradient; out goes the mutant of the true gradient that equals it.
Mutants are sorted out along random directions (`probes.py`), compared in full in float64, and confirmed in
certified arithmetic; of those that are confirmed, the least far-fetched is named.

Read `engine.py` first: the face and the stages. Then `inquiry.py` (all that a stage may ask) with
`discrepancy.py` (the claim beside the exact gradient) and `mutant.py`; then the stages: `singles.py` and
`factors.py` (one place), `whole.py` (no place), `several.py` (several places), `updated.py`, `omitted.py`;
`shapes.py` and `cancelling.py` come before them all. `recognition.py` finds functions that a loss
writes out, `expected.py` knows what factors mean, and `difference.py` says what can be said where nothing is
found.
"""
