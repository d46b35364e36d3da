"""The data of the pictures of every entry of a parameter at a run's worst step."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.findings import SEVERITIES
from gradproof.reporting.names import RUN
from gradproof.reporting.page.curves import Runs, by_scenario, number
from gradproof.verdicts.verdict import SEVERITY

CELLS = 15_000
"""About how many cells all pictures of a page may have; with more, blocks are made larger."""

DIGITS = 20
"""So many digits of an exact value are shown: more than tell it from its neighbours in any dtype."""

_PICTURE = ["quantity", *RUN, "parameter"]


def entries_by_scenario(entries: pd.DataFrame, cells: int = CELLS) -> dict[str, pd.DataFrame]:
    """Divide the frame `entries` by scenario, with as many cells as a page can hold.

    Where there are more, neighbouring cells of the larger pictures are joined into blocks, and the worst of
    each block stands for it: the one with the worst verdict, and of those the one of the most spreads.
    """
    pictures = len(entries[_PICTURE].drop_duplicates())
    if len(entries) > cells:
        texts = {name: object for name in entries.columns if entries[name].dtype == "category"}
        entries = _joined(entries.astype(texts), max(cells // max(pictures, 1), 16))
    return by_scenario(entries)


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
    """Make the data of the pictures of entries.

    Args:
        rows: of one scenario, from `entries_by_scenario`.
        parameters: the parameters' names; the data has their positions.
        runs: the positions of the runs.

    Returns:
        `verdicts`, their names, and `views`: per key (quantity and run, joined by `|`) a picture of each
        parameter: `entry` (the parameter), `step`, `block` (how many rows and columns a cell stands for),
        and per cell `row`, `column`, `index`, `value`, `exact`, `error`, `ulps`, `spreads` and `verdict` (a
        position in `verdicts`).
    """
    views: dict[str, list[dict[str, Any]]] = {}
    positions = {name: position for position, name in enumerate(parameters)}
    groups = () if rows is None else rows.groupby(_PICTURE, sort=False, observed=True)
    for (quantity, *run, parameter), cells in groups:
        key = f"{quantity}|{runs[tuple(map(str, run))]}"
        picture = {"entry": positions[str(parameter)], **_picture(cells)}
        views.setdefault(key, []).append(picture)
    return {"views": views, "verdicts": [str(verdict) for verdict in SEVERITY]}


def _picture(cells: pd.DataFrame) -> Mapping[str, Any]:
    block = [int(cells[name].iloc[0]) for name in ("block_rows", "block_columns")]
    return {
        "step": int(cells["step"].iloc[0]),
        "block": block,
        "row": (cells["row"] // block[0]).tolist(),
        "column": (cells["column"] // block[1]).tolist(),
        "index": cells["index"].tolist(),
        "value": [value if np.isfinite(value) else number(value) for value in cells["value"].tolist()],
        "exact": [shortened(text) for text in cells["exact"]],
        **{name: [number(each) for each in cells[name].tolist()] for name in ("error", "ulps", "spreads")},
        "verdict": [SEVERITIES[verdict] for verdict in cells["verdict"]],
    }


def shortened(text: str) -> str:
    """Round a decimal to `DIGITS` digits; what is none stays as it is.

    >>> shortened("0.500000000000000000000000000000"), shortened("[+/- 3.1]")
    ('0.50000000000000000000', '[+/- 3.1]')
    """
    try:
        return str(Context(prec=DIGITS).create_decimal(Decimal(text)))
    except InvalidOperation:
        return text
