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

_SEVERITY = {str(verdict): rank for rank, verdict in enumerate(SEVERITY)}


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
    keys = [*RUN, "parameter"]
    severity = frame["verdict"].astype(object).map(_SEVERITY).astype(int)
    ranked = frame[keys].assign(
        spreads=frame["spreads"].fillna(np.inf), failing=~frame["verdict"].isin(PASSING), severity=severity
    )
    groups = ranked.groupby(keys, observed=True, sort=False)
    # The first row of the most spreads among those of the worst verdict, as `Judgement.worst_step` has it.
    worst = ranked[severity == groups["severity"].transform("max")]
    chosen = worst.groupby(keys, observed=True, sort=False)["spreads"].idxmax().to_numpy()
    counts = groups["failing"].agg(["size", "sum"])
    rows = frame.loc[chosen].astype(object)
    at = list(rows[keys].itertuples(index=False, name=None))
    return rows.assign(steps=counts["size"].loc[at].to_numpy(), failing=counts["sum"].loc[at].to_numpy())


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame as dictionaries of plain Python values.

    >>> records(pd.DataFrame({"steps": pd.Series([2]), "verdict": pd.Series(["AGREES"], dtype="category")}))
    [{'steps': 2, 'verdict': 'AGREES'}]
    """
    rows = frame.astype(object).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
