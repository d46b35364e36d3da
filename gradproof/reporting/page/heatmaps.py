"""The data of the pictures of every entry of a parameter at a run's worst step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.page.curves import Runs, by_scenario, number
from gradproof.reporting.worst import RUN
from gradproof.verdicts.verdict import SEVERITY

CELLS = 60_000
"""About how many cells all pictures of a page may have; with more, blocks are made larger."""

_SEVERITY = {str(verdict): rank for rank, verdict in enumerate(SEVERITY)}
_PICTURE = [*RUN, "quantity", "parameter"]


def entries_by_scenario(entries: pd.DataFrame, cells: int = CELLS) -> dict[str, pd.DataFrame]:
    """Divide the frame `entries` by scenario, with as many cells as a page can hold.

    Where there are more, neighbouring cells of the larger pictures are joined into blocks, and the worst of
    each block stands for it: the one with the worst verdict, and of those the one of the most spreads.
    """
    pictures = len(entries[_PICTURE].drop_duplicates())
    plain = entries.astype({name: object for name in entries.columns if entries[name].dtype == "category"})
    if len(entries) > cells:
        plain = _joined(plain, max(cells // max(pictures, 1), 16))
    return by_scenario(plain)


def _joined(entries: pd.DataFrame, cells: int) -> pd.DataFrame:
    """Join neighbouring cells until no picture has more than about so many."""
    groups = entries.groupby(_PICTURE, sort=False)
    sizes = groups["row"].transform("size").to_numpy()
    rows, columns = (
        groups[name].transform("max").to_numpy() // entries[block].to_numpy() + 1
        for name, block in (("row", "block_rows"), ("column", "block_columns"))
    )
    # Divide both sides of the grid by the same factor, but a side never below one cell.
    shrink = np.sqrt(np.maximum(sizes / cells, 1.0))
    by_rows = np.ceil(np.minimum(shrink * np.maximum(shrink / columns, 1.0), rows)).astype(int)
    by_columns = np.ceil(np.minimum(shrink * np.maximum(shrink / rows, 1.0), columns)).astype(int)
    block_rows = entries["block_rows"].to_numpy() * by_rows
    block_columns = entries["block_columns"].to_numpy() * by_columns
    blocks = entries.assign(
        row=entries["row"].to_numpy() // block_rows * block_rows,
        column=entries["column"].to_numpy() // block_columns * block_columns,
        block_rows=block_rows,
        block_columns=block_columns,
    )
    severity = blocks["verdict"].map(_SEVERITY).to_numpy(dtype=int)
    spreads = blocks["spreads"].fillna(np.inf).to_numpy()
    worst_first = blocks.iloc[np.lexsort((-spreads, -severity))]
    kept = worst_first.drop_duplicates([*_PICTURE, "row", "column"])
    return kept.sort_index()


def entry_pictures(rows: pd.DataFrame | None, parameters: Sequence[str], runs: Runs) -> dict[str, Any]:
    """Make the data of the pictures of one scenario's entries.

    Returns:
        `views`: per quantity and run (`gradients|3`) the list of pictures, one for each parameter: `entry`
        (its position in `parameters`), `step`, `block` (rows and columns of the parameter that a cell stands
        for), and per cell `row`, `column`, `index`, `value`, `expected`, `error`, `ulps`, `spreads` and
        `verdict` (a position in `verdicts`).
    """
    views: dict[str, list[dict[str, Any]]] = {}
    positions = {name: position for position, name in enumerate(parameters)}
    if rows is not None:
        for key, group in rows.groupby([*RUN, "quantity"], sort=False):
            *run, quantity = map(str, key)
            views[f"{quantity}|{runs[tuple(run)]}"] = [
                _picture(positions[str(name)], cells)
                for name, cells in group.groupby("parameter", sort=False)
            ]
    return {"views": views, "verdicts": [str(verdict) for verdict in SEVERITY]}


def _picture(position: int, cells: pd.DataFrame) -> dict[str, Any]:
    first: Mapping[str, Any] = cells.iloc[0].to_dict()
    block = [int(first["block_rows"]), int(first["block_columns"])]
    return {
        "entry": position,
        "step": int(first["step"]),
        "block": block,
        "row": (cells["row"] // block[0]).tolist(),
        "column": (cells["column"] // block[1]).tolist(),
        "index": cells["index"].tolist(),
        "value": [_whole(value) for value in cells["value"].tolist()],
        "expected": [_whole(value) for value in cells["expected"].tolist()],
        "error": [number(value) for value in cells["absolute_error"].tolist()],
        "ulps": [number(value) for value in cells["ulps"].tolist()],
        "spreads": [number(value) for value in cells["spreads"].tolist()],
        "verdict": [_SEVERITY[verdict] for verdict in cells["verdict"]],
    }


def _whole(value: float) -> float | str:
    return value if np.isfinite(value) else "NaN" if np.isnan(value) else str(value)
