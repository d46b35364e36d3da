"""What a tolerance never shows: how errors are spread, what tolerances they need, whose bits are equal."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES, judged
from gradproof.reporting.names import RUN, implementation
from gradproof.reporting.run_costs import known_median
from gradproof.verdicts.records import NEEDED

EDGES = 2.0 ** np.arange(-6, 9)
"""Where errors are divided, in spreads: each bin ends at twice the end of the one before, and one at 32."""

_WHO = ["backend", "variant", "dtype"]


def error_distribution(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count errors in spreads, bin by bin, for each implementation and dtype.

    What is counted is the worst entry of each parameter's gradient, update and state at each step of each
    run, but for those at a kink, where the exact value is an interval.

    Args:
        frames: a report's.

    Returns:
        a row for each implementation, dtype and bin, with `backend`, `variant`, `dtype`, `above` and `up_to`
        (an error is in the bin if it is more than the one and at most the other; the last one has what is not
        finite, too) and `errors`, how many there are.
    """
    parts = [frames[name][[*_WHO, "spreads", "verdict"]] for name in QUANTITIES.values()]
    rows = pd.concat([part.astype(dict.fromkeys((*_WHO, "verdict"), object)) for part in parts])
    rows = rows[rows["verdict"] != "KINK"]
    found = []
    for who, group in rows.groupby(_WHO, sort=False):
        spreads = np.nan_to_num(group["spreads"].to_numpy(), nan=np.inf)
        counts = np.bincount(np.searchsorted(EDGES, spreads), minlength=len(EDGES) + 1)
        for above, up_to, count in zip([0.0, *EDGES], [*EDGES, np.inf], counts, strict=True):
            found.append((*who, float(above), float(up_to), int(count)))
    return pd.DataFrame(found, columns=[*_WHO, "above", "up_to", "errors"])


def least_tolerances(findings: pd.DataFrame) -> pd.DataFrame:
    """Give the least tolerances with which each implementation would pass, of all of its runs.

    They are of every entry of every step but those at a kink, against the exact values; two implementations
    that are compared with each other need the sum of theirs. They hold for these runs, and forgive a wrong
    formula of their size.

    Args:
        findings: a report's.

    Returns:
        a row for each implementation, dtype and quantity: `rtol` with no absolute tolerance, `atol` with no
        relative one, and `atol_with_rtol` beside the relative one that is usual for the dtype.
    """
    rows = judged(findings).astype(dict.fromkeys([*_WHO, "kind"], object))
    table = rows.groupby([*_WHO, "kind"], sort=False)[list(NEEDED)].max().reset_index()
    order = table["kind"].map(list(QUANTITIES).index)
    which = table.groupby(_WHO, sort=False).ngroup()
    return table.iloc[np.lexsort([order, which])].reset_index(drop=True)


def equal_bits(steps: pd.DataFrame) -> pd.DataFrame:
    """Tell which runs of a scenario and dtype are equal bit for bit: losses, gradients, weights of all steps.

    Args:
        steps: a report's frame.

    Returns:
        a row for each group of two and more, with `scenario`, `dtype`, `implementations` (a tuple of names)
        and `steps`, how many each made.
    """
    digests: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    texts = steps.astype(dict.fromkeys(RUN, object))
    for run, group in texts.groupby(RUN, sort=False):
        scenario, backend, variant, dtype = map(str, run)
        key = (scenario, dtype, tuple(group["digest"]))
        digests.setdefault(key, []).append(implementation(backend, variant))
    rows = [
        (scenario, dtype, tuple(names), len(bits))
        for (scenario, dtype, bits), names in digests.items()
        if len(names) > 1
    ]
    return pd.DataFrame(rows, columns=["scenario", "dtype", "implementations", "steps"])


def equal_everywhere(groups: pd.DataFrame, steps: pd.DataFrame) -> list[tuple[str, ...]]:
    """Give the implementations that are equal bit for bit in every run that they both made.

    Args:
        groups: as `equal_bits` gives them.
        steps: the frame that they are of.
    """
    made: dict[str, set[tuple[str, str]]] = {}
    for row in records(steps[RUN].drop_duplicates()):
        made.setdefault(implementation(row["backend"], row["variant"]), set()).add(
            (row["scenario"], row["dtype"])
        )
    together: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in records(groups):
        for one in row["implementations"]:
            for other in row["implementations"]:
                together.setdefault((one, other), set()).add((row["scenario"], row["dtype"]))
    found: list[tuple[str, ...]] = []
    for name, own in made.items():
        if any(name in group for group in found):
            continue
        alike = [other for other, its in made.items() if together.get((name, other)) == own == its]
        if len(alike) > 1:
            found.append(tuple(alike))
    return found


def relative_times(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare seconds a step of implementations, run by run of the same scenario and dtype.

    Args:
        runs: a report's frame.

    Returns:
        a square table of the implementations' names: the row's seconds a step over the column's, the median
        of the runs that both made; NaN where there is none.
    """
    ran = runs[(runs["status"].astype(object) == "run") & (runs["seconds_per_step"] > 0)]
    ran = ran.astype(dict.fromkeys(RUN, object))
    who = [implementation(*each) for each in zip(ran["backend"], ran["variant"], strict=True)]
    wide = ran.assign(who=who).pivot_table(
        index=["scenario", "dtype"], columns="who", values="seconds_per_step", aggfunc="median"
    )
    names = list(dict.fromkeys(who))
    ratios = {other: [known_median(wide[name] / wide[other]) for name in names] for other in names}
    return pd.DataFrame(ratios, index=names, dtype=float)
