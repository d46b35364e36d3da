"""`python -m benchmarks [NAME ...]` runs all measurements, or those named; `fuzz` has options of its own."""

import sys

from benchmarks import (
    accusations,
    architectures,
    checking,
    cluster,
    fuzz,
    networks,
    operators,
    planted,
    primitives,
    reports,
    running,
    short_formats,
    sizes,
    starting,
    transformers_by_size,
)

MEASUREMENTS = {
    "help": starting.help_against_pass,
    "reference": running.reference_against_document,
    "torch": running.torch_against_bare_loop,
    "torch-optimizers": running.torch_optimizers_against_bare_loops,
    "jax": running.jax_against_bare_loop,
    "optax": running.optax_against_bare_loop,
    "check": checking.checks_side_by_side,
    "check-points": checking.checks_with_points_and_cause,
    "accusations": accusations.accusations,
    "architectures": architectures.architectures,
    "sizes": sizes.small_to_large,
    "growth": sizes.growth,
    "transformers": transformers_by_size.transformers,
    "networks": networks.random_networks,
    "short-formats": short_formats.short_formats,
    "operators": operators.operators,
    "planted": planted.planted_errors,
    "primitives": primitives.primitives,
    "reports": reports.writing_and_reading,
    "cluster": cluster.runs_on_workers,
}

# A name is checked and run here alone: processes that the measurements start import this module again.
if __name__ == "__main__":
    if sys.argv[1:2] == ["fuzz"]:
        sys.exit(fuzz.command(sys.argv[2:]))
    for name in sys.argv[1:] or MEASUREMENTS:
        if name not in MEASUREMENTS:
            sys.exit(f"There is no measurement called {name!r}. Choose from {', '.join(MEASUREMENTS)}.")
        MEASUREMENTS[name]()
