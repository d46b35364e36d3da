"""The page of a report: what its template shows, and the scripts that draw it.

A Report comes in, HTML text goes out (`build.build_page`, which the format `html` calls). `heading` makes
what stands above the scenarios, `sections` what each scenario shows: its tables (`cells`) and the data of its
plots (`curves`, thinned by `thinning`, and `heatmaps`); `plots` has the words and the controls above each.
`libraries` reads scripts and styles. The templates show what they are given and decide nothing. Read `build`
first.
"""
