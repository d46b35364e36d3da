"""Who is right: claims meet evidence, one rule judges, causes explain.

What comes in: a claimed gradient with its loss, or what a backend recorded. What goes out: `Judgement`s of
single claims, and the `records` of runs, formulas, checks and documents' claims, which reporting turns into
frames.

In the order of reading: `verdict` and `tolerances` (what is said, and every number that decides), `judging/`
(one claim at one place), `checking/` (a user's gradient, also at points of the check's own), `runs` and
`hand_derived` (along a run), `audited` (documents' claims), `explaining` and `causes/` (why a gradient is
wrong), `updates/` (why an update is), `trajectories` (a fact, no verdict).
"""
