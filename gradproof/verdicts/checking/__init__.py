"""Points of the check's own: where a wrong gradient cannot hide behind the data at hand.

What comes in: a gradient of the user's, the point that the user gave, and how its judgement there went. What
goes out: the first point at which the gradient is wrong with its `Judgement`, or a tally of the points at
which it was right; and the conditions that it rests on, where it is right of data like the user's alone.

In the order of reading: `properties` (the table of what an array can be; `looking` sees it, `keeping` makes
values so, `views` is what is seen of one array), `ways` (the table of how an array follows from another),
`relations` (which arrays do), `held` (what the user's code holds) and `indices` (what integers index);
`drawing` (another array) and `places` (another place, that keeps what is to be kept); `points` (the plans),
`candidates` (the points of a plan), `own` (on which terms a gradient is judged there), `rounded_data` (data
that is what it is up to rounding), `explanations` (what a failure comes from), `unknown_laws` (what no table
knows), `one_example` and `batches` (other data), `own_points` (the search through it all).
"""
