"""The worst step of each parameter in each run: what every view of a report starts from."""

from collections.abc import Mapping

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
    group = frame.groupby([*RUN, "parameter"], observed=True, sort=False).ngroup().to_numpy()
    severity = frame["verdict"].astype(object).map(_SEVERITY).to_numpy(dtype=int)
    spreads = frame["spreads"].fillna(np.inf).to_numpy()
    failing = ~frame["verdict"].isin(PASSING).to_numpy()
    # Of each group first the row of the most spreads among those of the worst verdict, and of several the
    # earliest, as `Judgement.worst_step` has it.
    order = np.lexsort((-spreads, -severity, group))
    _, first = np.unique(group[order], return_index=True)
    rows = frame.iloc[order[first]].astype(object)
    return rows.assign(steps=np.bincount(group), failing=np.bincount(group, weights=failing).astype(int))
