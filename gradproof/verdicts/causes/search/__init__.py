"""The engine that looks for a cause.

In comes a loss, a place and a claimed gradient; out goes the mutant of the true gradient that equals it.
Mutants are sorted out along random directions (`probes.py`), compared in full in float64, and confirmed in
certified arithmetic; of those that are confirmed, the least far-fetched is named.

Read `engine.py` first: the face and the stages. Then `inquiry.py` (all that a stage may ask) with
`discrepancy.py` (the claim beside the exact gradient) and `mutant.py`; then the stages: `whole.py` (no
place), `singles.py` (one place), `several.py` (several places), `joint.py` (one mistake at several uses),
`detours.py` (past a block, or by another step's values) and `elsewhere.py` (another loss, or other weights);
`not_finite.py` where a claim is no number. `recognition.py` finds functions that a loss writes out, and
`in_code.py` the line of the gradient's own code. Where nothing of it has a name, `located.py` says where the
fault is: simple functions in place of a derivative (`forms.py`, `terms.py`), a derivative's values
(`slopes.py`), or what arrives at a value (`suspects.py`), by the linear equations that the claim is
(`equations.py`, `linear.py`, `tangents.py`). `again.py` says how a claim can be asked for again.
"""
