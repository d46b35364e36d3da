"""What was judged, as tables and in words.

In come the records of runs, formulas, checks and claims; out go a `Report` (frames and the environment),
files, and what is printed. `columns` names every column; `frames` makes the frames of the records, and
`findings` the one that all that tells of verdicts starts from, in the order in which it is told. `telling`
says a finding and a whole report in words, with the names of `names`. A format is a file in
`formats/`, which renders a report; `writing` puts what the formats give into a folder that `folders` replaces
as a whole, `manifest` lists the files, and `reading` gives the report back. `page/` holds the parts of the
page, `comparison/` joins the findings of two reports. Nothing is decided here: what a verdict is and what
passes comes from the verdicts' room. Read `report`, `findings` and `formats/__init__` first.
"""
