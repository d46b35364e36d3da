"""The parts of the page of a report: what its templates show, and the scripts that draw it.

A Report comes in, plain data for the templates goes out. `heading` makes what stands above the scenarios,
`sections` what each scenario shows: its tables (`cells`), the data of its plots (`curves`) and
of its pictures of entries (`heatmaps`), and the controls above each. The templates show what they are given
and decide nothing. The format `formats/page.py` puts it together; read that first.
"""
