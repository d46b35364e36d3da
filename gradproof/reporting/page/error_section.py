"""The section that shows how all errors are spread against the limit, and what else no tolerance shows."""

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.error_figures import EDGES, equal_everywhere
from gradproof.reporting.findings import QUANTITIES, judged
from gradproof.reporting.names import implementation
from gradproof.reporting.page.cells import NAME, NUMBER, Cell, Column, Table, cell, short, table
from gradproof.reporting.report import Report
from gradproof.verdicts.tolerances import SPREADS

WIDTH, HEIGHT, BIN = 320, 34, 20
"""Of a picture, and of a bin in it: a bin for each pair of neighbouring edges, and one at each end."""


def error_section(report: Report) -> dict[str, Any] | None:
    """Collect the section's parts, by the names that the template has; None where nothing was judged."""
    if not len(judged(report.findings)):
        return None
    everywhere = equal_everywhere(report.equal_bits, report.steps)
    return {
        "rows": [_row(who, group) for who, group in _by_implementation(report.error_distribution)],
        "ticks": [(f"{100 * _place(edge) / WIDTH:g}%", str(Fraction(edge))) for edge in EDGES[2:-1:2]],
        "limit": _place(SPREADS),
        "tolerances": _tolerances(report.least_tolerances),
        "equal": everywhere,
        "equal_runs": _equal(report.equal_bits),
        "times": _times(report.relative_times),
    }


def _by_implementation(distribution: pd.DataFrame) -> Any:
    return distribution.groupby(["backend", "variant", "dtype"], sort=False)


def _place(edge: float) -> float:
    """Give where the upper edge of a bin is."""
    return BIN * (1 + float(np.searchsorted(EDGES, edge)))


def _row(who: tuple[str, str, str], bins: pd.DataFrame) -> dict[str, Any]:
    counts = bins["errors"].to_numpy()
    total = int(counts.sum())
    # A logarithm, so that one error among a hundred thousand is seen, too.
    heights = np.log1p(counts) / np.log1p(max(total, 1)) * (HEIGHT - 2)
    off = int(counts[EDGES.size - int((EDGES > SPREADS).sum()) :].sum())
    return {
        "name": implementation(who[0], who[1]),
        "dtype": who[2],
        "bars": [
            {
                "x": BIN * position,
                "height": round(float(height), 1),
                "told": f"{count:,} {_words(above, up_to)}",
                "off": above >= SPREADS,
            }
            for position, (count, height, above, up_to) in enumerate(
                zip(counts, heights, bins["above"], bins["up_to"], strict=True)
            )
            if count
        ],
        "told": f"{off:,} of {total:,} beyond" if off else f"{total:,}",
    }


def _words(above: float, up_to: float) -> str:
    return f"above {above:g}, or not finite" if math.isinf(up_to) else f"above {above:g}, up to {up_to:g}"


def _tolerances(tolerances: pd.DataFrame) -> Table:
    columns = [
        Column("implementation", NAME, lambda row: Cell(implementation(row["backend"], row["variant"]))),
        Column("dtype", NAME, lambda row: Cell(row["dtype"])),
        Column("quantity", NAME, lambda row: Cell(QUANTITIES[row["kind"]])),
        Column("rtol alone", NUMBER, lambda row: cell(row["rtol"], short)),
        Column("atol alone", NUMBER, lambda row: cell(row["atol"], short)),
        Column("atol beside the usual rtol", NUMBER, lambda row: cell(row["atol_with_rtol"], short)),
    ]
    return table("The least tolerances with which an implementation would pass", records(tolerances), columns)


def _equal(groups: pd.DataFrame) -> Table | None:
    if groups.empty:
        return None
    columns = [
        Column("scenario", NAME, lambda row: Cell(row["scenario"])),
        Column("dtype", NAME, lambda row: Cell(row["dtype"])),
        Column("equal bit for bit", NAME, lambda row: Cell(", ".join(row["implementations"]))),
        Column("steps", NUMBER, lambda row: cell(row["steps"])),
    ]
    return table("Runs that are equal bit for bit", records(groups), columns)


def _times(times: pd.DataFrame) -> Table | None:
    if len(times) < 2:
        return None

    def ratio(name: str, row: Mapping[str, Any]) -> Cell:
        value = float(row[name])
        return Cell("-") if math.isnan(value) else cell(value, short)

    columns = [Column("a step of", NAME, lambda row: Cell(row["name"]))]
    columns += [Column(f"over {name}", NUMBER, partial(ratio, name)) for name in map(str, times.columns)]
    rows = [{"name": name, **values} for name, values in zip(times.index, records(times), strict=True)]
    return table("Seconds a step of one implementation over another's", rows, columns)
