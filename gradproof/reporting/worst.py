"""The worst step of each parameter in each run: what every view of a report starts from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.verdicts.verdict import SEVERITY, Verdict

RUN = ["scenario", "backend", "variant", "dtype"]
"""The columns that name a run."""

QUANTITIES = ("gradients", "updates")
"""The frames that hold a verdict for each step and parameter."""

PASSING = frozenset(str(verdict) for verdict in Verdict if verdict.passes)

RANKS = {str(verdict): rank for rank, verdict in enumerate(SEVERITY)}
"""The verdicts by severity: the worst has the greatest number."""


def run_key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what names the run of a row: scenario, backend, variant and dtype."""
    return tuple(str(row[name]) for name in RUN)


def worst_rows(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Give a row for each run, quantity and parameter: its worst step, and how many steps do not pass.

    Args:
        frames: a report's.

    Returns:
        the columns of `gradients`, and `quantity`, and `steps` and `failing`, the numbers of steps that were
        judged and that do not pass; plain columns, no categories. Runs come in the order of the frame, the
        gradients of each before its updates.
    """
    rows = pd.concat([_worst_of(frames[name]).assign(quantity=name) for name in QUANTITIES])
    order = {run: rank for rank, run in enumerate(rows[RUN].drop_duplicates().itertuples(index=False))}
    rank = [order[run] for run in rows[RUN].itertuples(index=False)]
    return rows.iloc[np.argsort(rank, kind="stable")].reset_index(drop=True)


def _worst_of(frame: pd.DataFrame) -> pd.DataFrame:
    group = frame.groupby([*RUN, "parameter"], observed=True, sort=False).ngroup().to_numpy()
    severity = frame["verdict"].astype(object).map(RANKS).to_numpy(dtype=int)
    spreads = frame["spreads"].fillna(np.inf).to_numpy()
    failing = ~frame["verdict"].isin(PASSING).to_numpy()
    # Of each group first the row of the most spreads among those of the worst verdict, and of several the
    # earliest, as `ParameterRecord.worst_step` has it.
    order = np.lexsort((-spreads, -severity, group))
    _, first = np.unique(group[order], return_index=True)
    rows = frame.iloc[order[first]].astype(object)
    return rows.assign(steps=np.bincount(group), failing=np.bincount(group, weights=failing).astype(int))


def urgent_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows of `worst_rows` as a reader is told of them: the first is the one to look at first.

    What does not pass comes first, and of it gradients before the updates that follow from them; then the
    worst verdicts, those whose cause is known, and the most spreads, of which NaN is most.
    """
    keys = (
        -rows["spreads"].astype(float).fillna(np.inf),
        rows["cause"] == "",
        -rows["verdict"].map(RANKS).astype(int),
        rows["quantity"].map(QUANTITIES.index),
        rows["failing"] == 0,
    )
    return rows.iloc[np.lexsort([key.to_numpy() for key in keys])]


def most_urgent(rows: pd.DataFrame) -> dict[str, Any]:
    """Give the first of `urgent_first`, as a dictionary; there must be a row."""
    return records(urgent_first(rows).head(1))[0]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame as dictionaries of plain Python values.

    >>> records(pd.DataFrame({"steps": pd.Series([2]), "verdict": pd.Series(["AGREES"], dtype="category")}))
    [{'steps': 2, 'verdict': 'AGREES'}]
    """
    rows = frame.astype(object).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
