"""The subcommands of `gradproof`, a file each: what it says of itself, its options, and what it does.

In come the words of a command line, out comes an exit status. Each file has `DESCRIPTION`, `EPILOG` where one
is needed, `add_options(parser)` and `run(options)`; `option_values` reads the values that options have.
Nothing that costs time is imported at the top of a file: a command that is only named in `--help` is not
imported at all.
"""

HELP = {
    "verify": "run scenarios on backends and compare every gradient and every updated weight",
    "merge": "make one report of the parts that `verify --shard` made",
    "compare": "tell what changed from one report to another: verdicts, errors, bits, times, environment",
    "check": "check a gradient of your own: is the formula right, which entry is wrong, and why",
    "judge": "judge a gradient that was computed elsewhere: on a GPU, by several machines",
    "audit": "check what documents claim: values, derivatives, updates",
    "list": "show the scenarios and the backends",
}
"""The line that `gradproof --help` has for each command; its name is that of its file (see `cli`)."""

CONFIGURED = ("verify", "merge")
"""The commands whose options have the defaults of `[tool.gradproof]`, where the project has some."""
