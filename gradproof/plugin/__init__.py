"""The pytest plugin: scenarios' runs and checks of gradients as tests, and the session's report.

`hooks` is what pytest loads; it imports the others only for who uses them. `cases` makes a test of every run,
`checks` is the fixture `gradproof`, `parts` says where the processes of a session leave what they judged,
and `session_report` makes the report of it.
"""
