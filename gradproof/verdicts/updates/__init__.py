"""Why an update, or a training's state, is wrong: mistakes in the step, one of which makes the run's own.

In come a run and what is said of its steps; out go the records with their causes. A step is made anew from
the run's own weights, state, learning rate and gradient, first as the training makes it, and then as it would
be made with a mistake: the rule that judges gradients judges each (certified arithmetic and the noise of the
step), and a mistake is named only if it makes what was recorded in every entry of all wrong steps.

Read `suspected` (steps, and how they may have been made), `mistakes/` (what people do wrong, a file a group),
`judged_steps` (which steps a way to step makes), `looked_for` (the search), `told` (what is said of records).
A new mistake is a line or a function in `mistakes/`.
"""
