"""At which line of the gradient's own code a cause is: where right numbers go in, and a wrong one comes out.

In come a mutant that equals the claim, and what the gradient's code computed on the way, with its lines. Out
go the lines where it goes wrong, or none: where more than one may be meant, nothing is told.

Read `landmarks.py` first (how values of the code are known again as values of the loss, true or wrong), then
`wrong_steps.py` (the steps that make a wrong value of right ones) and `statements.py` (which line that is).
"""

from gradproof.verdicts.causes.lines.wrong_steps import lines_of

__all__ = ["lines_of"]
"""What the search asks for."""
