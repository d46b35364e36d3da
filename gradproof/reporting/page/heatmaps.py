"""The data of the pictures of every entry of a parameter at a run's worst step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.findings import SEVERITIES
from gradproof.reporting.names import RUN
from gradproof.reporting.page.curves import Runs, by_scenario, number, plain
from gradproof.verdicts.verdict import SEVERITY

CELLS = 60_000
"""About how many cells all pictures of a page may have; with more, blocks are made larger."""

_CELL = [
    *("quantity", "parameter", "step", "row", "column", "block_rows", "block_columns", "cell_index"),
    *("value", "exact", "error", "ulps", "spreads", "verdict"),
]
_PICTURE = [*RUN, "quantity", "parameter"]


def entries_by_scenario(entries: pd.DataFrame, cells: int = CELLS) -> dict[str, pd.DataFrame]:
    """Divide the frame `entries` by scenario, with as many cells as a page can hold.

    Where there are more, neighbouring cells of the larger pictures are joined into blocks, and the worst of
    each block stands for it: the one with the worst verdict, and of those the one of the most spreads.
    """
    pictures = len(entries[_PICTURE].drop_duplicates())
    if len(entries) > cells:
        entries = _joined(plain(entries), max(cells // max(pictures, 1), 16))
    # A field of a row must not be called `index`, which is a method of the row's.
    return by_scenario(entries.rename(columns={"index": "cell_index"}))


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
    severity = blocks["verdict"].map(SEVERITIES).to_numpy(dtype=int)
    spreads = blocks["spreads"].fillna(np.inf).to_numpy()
    worst_first = blocks.iloc[np.lexsort((-spreads, -severity))]
    kept = worst_first.drop_duplicates([*_PICTURE, "row", "column"])
    return kept.sort_index()


def entry_pictures(rows: pd.DataFrame | None, parameters: Sequence[str], runs: Runs) -> dict[str, Any]:
    """Make the data of the pictures of one scenario's entries.

    Returns:
        `views`: per quantity and run (`gradients|3`) the list of pictures, one for each parameter: `entry`
        (its position in `parameters`), `step`, `block` (rows and columns of the parameter that a cell stands
        for), and per cell `row`, `column`, `index`, `value`, `exact`, `error`, `ulps`, `spreads` and
        `verdict` (a position in `verdicts`).
    """
    views: dict[str, list[dict[str, Any]]] = {}
    positions = {name: position for position, name in enumerate(parameters)}
    if rows is not None:
        subjects = list(zip(*(rows[name].tolist() for name in RUN), strict=True))
        pictures: dict[tuple[str, int], dict[str, Any]] = {}
        for subject, cell in zip(subjects, rows[_CELL].itertuples(index=False), strict=True):
            key = (f"{cell.quantity}|{runs[subject]}", positions[str(cell.parameter)])
            view = views.setdefault(key[0], [])
            if key not in pictures:
                pictures[key] = _empty_picture(key[1], cell)
                view.append(pictures[key])
            _add_cell(pictures[key], cell)
    return {"views": views, "verdicts": [str(verdict) for verdict in SEVERITY]}


def _empty_picture(position: int, cell: Any) -> dict[str, Any]:
    block = [cell.block_rows, cell.block_columns]
    columns = ("row", "column", "index", "value", "exact", "error", "ulps", "spreads", "verdict")
    return {"entry": position, "step": cell.step, "block": block, **{name: [] for name in columns}}


def _add_cell(picture: dict[str, Any], cell: Any) -> None:
    picture["row"].append(cell.row // cell.block_rows)
    picture["column"].append(cell.column // cell.block_columns)
    picture["index"].append(cell.cell_index)
    picture["value"].append(_whole(cell.value))
    picture["exact"].append(cell.exact)
    picture["error"].append(number(cell.error))
    picture["ulps"].append(number(cell.ulps))
    picture["spreads"].append(number(cell.spreads))
    picture["verdict"].append(SEVERITIES[cell.verdict])


def _whole(value: float) -> float | str:
    return value if np.isfinite(value) else "NaN" if np.isnan(value) else str(value)
