"""Points of the check's own: where a wrong gradient cannot hide behind the data at hand.

What comes in: a gradient of the user's, the point that the user gave, and how its judgement there went. What
goes out: the first point at which the gradient is wrong with its `Judgement`, or a tally of the points at
which it was right.

In the order of reading: `natures` (what kind of data an array holds, and how another of the kind is drawn),
`points` (what points are drawn), `own` (on which terms a gradient is judged there: an accusation needs more
than at the user's point), `own_points` (the search, until one proves the gradient wrong).
"""
