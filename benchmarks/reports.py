"""How long a report of a full run takes to write and to read, and how large it is."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.timing import print_figures, side_by_side
from gradproof.reporting.formats import report_formats
from gradproof.reporting.reading import read_report
from gradproof.reporting.report import Report
from gradproof.scenarios import CATALOGUE
from gradproof.verification import verify

# As many rows as `gradproof verify` gives, without an argument and on all backends.
ROWS = {"gradients": 300_000, "updates": 300_000, "steps": 140_000}


def full_size_report() -> Report:
    """Repeat the rows of a short run until they are as many as those of a full one."""
    report = verify([CATALOGUE["line_fit"]()], ["reference"])
    frames = {name: _repeated(frame, ROWS.get(name, 0)) for name, frame in report.frames.items()}
    return Report(frames, report.environment)


def _repeated(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    if len(frame) >= rows:
        return frame
    positions = pd.RangeIndex(rows) % len(frame)
    # Numbers that differ, because repeated ones would be compressed away.
    moved = frame.iloc[positions].reset_index(drop=True)
    for column in moved.select_dtypes("float64"):
        moved[column] *= 1 + pd.RangeIndex(rows).to_numpy() / 7
    return moved.assign(step=pd.RangeIndex(rows).to_numpy())


def writing_and_reading() -> None:
    """Time each format, the whole report, and reading it."""
    report = full_size_report()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        subjects: dict[str, Callable[[], object]] = {
            name: partial(report.write, folder / name, [name])
            for name, format_ in report_formats().items()
            if not format_.missing()
        }
        subjects["the whole report"] = partial(report.write, folder / "whole")
        for name in ("csv", "parquet"):
            if name in subjects:
                subjects[f"reading {name}"] = partial(read_report, folder / name, name)
        seconds = side_by_side(subjects, rounds=3)
        sizes = {name: _bytes(folder / name) for name in subjects} | {
            "the whole report": _bytes(folder / "whole")
        }
    print_figures(
        "reports",
        "goal: the whole report in at most 5 s on two cores",
        ("", "seconds", "MB"),
        [(name, f"{value:.2f}", _megabytes(sizes, name)) for name, value in seconds.items()],
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.exists() else 0


def _megabytes(sizes: Mapping[str, int], name: str) -> str:
    return f"{sizes[name] / 1e6:.1f}" if sizes[name] else ""
