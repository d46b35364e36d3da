"""`python -m benchmarks [NAME ...]` runs all measurements, or those named."""

import sys

from benchmarks import running, starting

MEASUREMENTS = {
    "help": starting.help_against_pass,
    "reference": running.reference_against_document,
    "torch": running.torch_against_bare_loop,
    "jax": running.jax_against_bare_loop,
}

for name in sys.argv[1:] or MEASUREMENTS:
    if name not in MEASUREMENTS:
        sys.exit(f"There is no measurement called {name!r}. Choose from {', '.join(MEASUREMENTS)}.")
    MEASUREMENTS[name]()
