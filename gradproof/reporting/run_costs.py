"""What the runs cost: seconds for compiling, training and judging, per backend and variant."""

from collections.abc import Mapping
from math import nan
from typing import Any

import pandas as pd

from gradproof.reporting.columns import dtyped, records
from gradproof.reporting.names import implementation

COSTS = dtyped(
    """
    backend variant runs steps fewest_steps most_steps
    compiling_seconds training_seconds seconds_per_step judging_seconds
    """,
    **dict.fromkeys(("backend", "variant"), "object"),
    **dict.fromkeys(("fewest_steps", "most_steps"), "int64"),
)
"""The columns of what `costs` gives, and their dtypes."""


def costs(runs: pd.DataFrame) -> pd.DataFrame:
    """Sum up what the runs of each backend and variant cost.

    Args:
        runs: a report's frame `runs`; those that were not run cost nothing and are left out.

    Returns:
        a row for each backend and variant, in the order of `runs`, with the columns of `COSTS`: the number of
        runs and of all their steps, the steps of the shortest and of the longest run, the seconds of all runs
        together, and `seconds_per_step`, the median over the runs of training seconds a step. A variant that
        is held to fewer steps is compared with the others by that median alone. Seconds are wall-clock time;
        where several processes ran side by side, they took each other's.

    >>> runs = pd.DataFrame(
    ...     {
    ...         "backend": ["torch"] * 3,
    ...         "variant": ["eager"] * 3,
    ...         "status": ["run", "run", "failed"],
    ...         "steps": [10, 1000, 0],
    ...         "compiling_seconds": [0.5, 0.25, float("nan")],
    ...         "training_seconds": [0.1, 2.0, float("nan")],
    ...         "seconds_per_step": [0.01, 0.002, float("nan")],
    ...         "judging_seconds": [1.0, 3.0, float("nan")],
    ...     }
    ... )
    >>> costs(runs).to_dict("records")
    [{'backend': 'torch', 'variant': 'eager', 'runs': 2, 'steps': 1010,
      'fewest_steps': 10, 'most_steps': 1000,
      'compiling_seconds': 0.75, 'training_seconds': 2.1, 'seconds_per_step': 0.006, 'judging_seconds': 4.0}]
    """
    ran = runs[runs["status"].astype(object) == "run"]
    groups = ran.astype({"backend": object, "variant": object}).groupby(["backend", "variant"], sort=False)
    table = groups.agg(
        runs=("steps", "size"),
        steps=("steps", "sum"),
        fewest_steps=("steps", "min"),
        most_steps=("steps", "max"),
        compiling_seconds=("compiling_seconds", "sum"),
        training_seconds=("training_seconds", "sum"),
        seconds_per_step=("seconds_per_step", known_median),
        judging_seconds=("judging_seconds", "sum"),
    )
    return table.reset_index().astype(COSTS)


def known_median(times: pd.Series) -> float:
    """Give the median of the times that are known, and NaN where none is, of which pandas 2 would warn."""
    return float(times.median()) if times.notna().any() else nan


def cost_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Write what `costs` gives as texts, for a table that a person reads; empty where nothing was run."""
    times = {
        "compiling": "compiling_seconds",
        "training": "training_seconds",
        "a step": "seconds_per_step",
        "judging": "judging_seconds",
    }
    return pd.DataFrame(
        [
            {
                "implementation": implementation(row["backend"], row["variant"]),
                "runs": str(row["runs"]),
                "steps": f"{row['steps']:,}",
                **{title: duration(row[column]) for title, column in times.items()},
            }
            for row in records(costs(runs))
        ]
    )


def duration(seconds: float) -> str:
    """Write seconds with a unit that suits them, three digits.

    >>> [duration(each) for each in (0.0000123, 0.0049, 2.5, 75.0, float("nan"))]
    ['12.3 µs', '4.9 ms', '2.5 s', '75 s', '-']
    """
    if not seconds >= 0:
        return "-"
    # A number is rounded before its unit is chosen: 999.9 ms is 1 s.
    seconds = float(f"{seconds:.3g}")
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size or not seconds:
            return f"{_plain(seconds / size)} {unit}"
    return f"{_plain(seconds / 1e-6)} µs"


def _plain(number: float) -> str:
    """Write a number with three digits and without an exponent."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def side_by_side(environment: Mapping[str, Any]) -> str:
    """Say in a sentence what a report's times were measured under.

    >>> side_by_side({"processes": 2})
    'Seconds are wall-clock time, measured in 2 processes side by side.'
    """
    processes = int(environment.get("processes", 1))
    where = "one process" if processes == 1 else f"{processes} processes side by side"
    return f"Seconds are wall-clock time, measured in {where}."
