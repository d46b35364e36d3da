"""The pytest plugin: scenarios' runs and checks of gradients as tests, and the session's report.

What comes in: tests that ask for the fixture `gradproof_outcome` or `gradproof`, and the options
`--gradproof-…`. What goes out: passed, failed and skipped tests, and at the end of the session one report,
in whichever of the session's processes they ran.

In the order of reading: `hooks` (what pytest loads; it imports the others only for who uses them),
`run_cases` (a test of every run), `checks` (the fixture `gradproof`), `parts` (where the processes of a
session leave what they judged), `session_report` (the report of all of it). What tests import stands in
`gradproof.pytest_cases`.
"""
