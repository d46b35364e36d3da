"""What changed, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.comparison.change_columns import (
    ABSENT,
    BETTER,
    GONE,
    KINDS,
    NEW,
    NOT_COMPARED,
    OTHER,
    WORSE,
)
from gradproof.reporting.comparison.surroundings import CHANGED, change_texts
from gradproof.reporting.markup import escaped, markdown_table
from gradproof.reporting.names import count, implementation, run_name

Row = Mapping[Any, Any]

NOTABLE_FACTOR = 2.0
NOTABLE_SPREADS = 1.0
SHOWN = 10
"""Only errors that changed by more than this factor, and are more than so many spreads, are shown to a
reader, and of these so many. Nothing is decided by it: the noise itself moves the worst of many entries by
about as much."""

RUNS_SHOWN = 5
"""So many runs whose bits differ are named for each explanation; the frame has all."""


def headline(verdicts: pd.DataFrame, counts: Mapping[str, int]) -> str:
    """Say whether a verdict got worse."""
    number = int((verdicts["change"] == WORSE).sum())
    as_before = [
        _of(counts.get(f"{kind} as before", 0), counts[kind], kind) for kind in KINDS if counts.get(kind)
    ]
    listed = " and ".join(filter(None, [", ".join(as_before[:-1]), *as_before[-1:]]))
    unchanged = f"the verdicts of {listed} are as before" if listed else "nothing is in both reports"
    if number:
        return f"{count(number, 'verdict')} got worse; {unchanged}."
    return f"Nothing got worse: {unchanged}."


def worse(verdicts: pd.DataFrame) -> list[str]:
    """Name the verdicts that got worse."""
    rows = records(verdicts[verdicts["change"] == WORSE])
    shown = [f"Worse: {verdict_of(row)}." for row in rows[:SHOWN]]
    more = len(rows) - len(shown)
    return [*shown, f"Worse: {more:,} more."] if more else shown


def standing(verdicts: pd.DataFrame, counts: Mapping[str, int], scenarios: Mapping[str, str]) -> list[str]:
    """Say what else there is to know of verdicts: better, new, gone, not compared, bad as before."""
    return [text for number, text in _standing(verdicts, counts, scenarios) if number]


def _standing(
    verdicts: pd.DataFrame, counts: Mapping[str, int], scenarios: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    number = verdicts["change"].astype(object).value_counts()
    better, other, new, gone, not_compared = (
        int(number.get(change, 0)) for change in (BETTER, OTHER, NEW, GONE, NOT_COMPARED)
    )
    yield better, f"{count(better, 'verdict')} got better."
    words = "changed without getting worse or better (between verdicts that pass alike, say, which rounding"
    yield other, f"{count(other, 'verdict')} {words} alone can do)."
    for kind in ("run", "formula", "check"):
        failing = counts.get(f"{kind} failing", 0)
        yield failing, f"{count(failing, kind)} that {_do(failing)} not pass did not pass before either."
    yield new, f"{count(new, 'verdict')} {_are(new)} new."
    yield gone, f"{count(gone, 'verdict')} {_are(gone)} gone."
    words = "not compared: one of the reports was made with other scenarios, backends or dtypes."
    yield not_compared, f"{count(not_compared, 'verdict')} {_are(not_compared)} {words}"
    not_run = counts.get("run not run", 0)
    yield not_run, f"{count(not_run, 'run')} {'was' if not_run == 1 else 'were'} made in neither."
    altered = [name for name, state in scenarios.items() if state == CHANGED]
    one = len(altered) == 1
    words = f"What is said of {'it' if one else 'them'} compares different work."
    yield len(altered), f"The {'scenario' if one else 'scenarios'} changed: {', '.join(altered)}. {words}"


def bits(frame: pd.DataFrame, ran: int) -> list[str]:
    """Say in how many runs all bits are equal, and where and why they are not."""
    if not ran:
        return []
    if frame.empty:
        return [f"Bits are equal in {_of(ran, ran, 'run')}."]
    texts = [f"Bits are equal in {_of(ran - len(frame), ran, 'run')}."]
    first = frame.sort_values("nondeterministic", ascending=False, kind="stable")
    for explanation, group in first.groupby("explanation", sort=False):
        shown = [bits_of(row) for row in records(group.head(RUNS_SHOWN))]
        left = len(group) - RUNS_SHOWN
        more = f"; and {count(left, 'more run')} (the frame bits has all)" if left > 0 else ""
        words = str(explanation)
        texts.append(f"{words[:1].upper()}{words[1:]}: {'; '.join(shown)}{more}.")
    return texts


def bits_of(row: Row) -> str:
    """Tell where the bits of a run differ."""
    if not row["differing"]:
        return (
            f"{run_name(row)} took {row['steps_before']:,} steps before and {row['steps_after']:,} after, of "
            "which all that both took are equal"
        )
    return (
        f"{run_name(row)} differs since step {row['first_step']:,}, in {row['differing']:,} of "
        f"{row['compared']:,} steps"
    )


def errors(frame: pd.DataFrame, ran: int) -> str:
    """Say how many worst errors changed so much that a reader may want to know."""
    if frame.empty:
        return "All errors are exactly as before." if ran else ""
    many, others = len(notable_errors(frame)), len(frame)
    what = f"The worst error of {count(many, 'parameter')}" if many else "No worst error"
    listed = "the one that is" if others == 1 else f"all {others:,} that are"
    return (
        f"{what} changed by more than a factor of {NOTABLE_FACTOR:g} (and is above {NOTABLE_SPREADS:g} "
        f"spread); the frame errors has {listed} not exactly as before."
    )


def notable_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the errors that changed by more than the notable factor, the largest change first."""
    largest = frame[["spreads_before", "spreads_after"]].fillna(np.inf).max(axis=1)
    ratio = frame["ratio"].to_numpy()
    with np.errstate(divide="ignore"):
        factor = pd.Series(np.maximum(ratio, 1 / ratio), index=frame.index)
    chosen = factor[(factor > NOTABLE_FACTOR) & (largest > NOTABLE_SPREADS)]
    return frame.loc[chosen.sort_values(ascending=False, kind="stable").index]


def error_of(row: Row) -> str:
    """Tell how the worst error of a parameter changed."""
    return (
        f"{row['spreads_before']:.3g} → {row['spreads_after']:.3g} spreads ({row['ratio']:.3g} times), "
        f"{row['quantity']} of {row['parameter']} in {run_name(row)}, step {row['step_before']} → "
        f"{row['step_after']}{_of_changed(row)}"
    )


def times(frame: pd.DataFrame) -> str:
    """Say how the seconds of training compare; no threshold stands behind it."""
    if frame.empty:
        return ""
    ratios = [
        f"{implementation(row['backend'], row['variant'])} {row['training_ratio']:.2f}"
        for row in records(frame)
    ]
    return (
        f"Seconds of training, after / before: {', '.join(ratios)}. These are facts and no verdicts: "
        "machines are noisy."
    )


def environment(frame: pd.DataFrame) -> str:
    """Say what changed around the runs."""
    texts = change_texts(frame)
    if not texts:
        return "The environment is the same."
    more = f" and {count(len(texts) - SHOWN, 'more entry', 'more entries')}" if len(texts) > SHOWN else ""
    return f"The environment changed: {', '.join(texts[:SHOWN])}{more}."


def verdict_of(row: Row) -> str:
    """Tell how a verdict changed: `line torch/eager float64: AGREES → DISAGREES`."""
    subject = run_name(row)
    if row["kind"] != "run":
        subject = f"{row['kind']} {row['name']}" + (f" of {row['scenario']}" if row["scenario"] else "")
    before, after = (row[which] or "(absent)" for which in ("before", "after"))
    return f"{subject}: {before} → {after}{_of_changed(row)}"


def _of_changed(row: Row) -> str:
    return "; the scenario changed" if row["scenario_changed"] else ""


def markdown(texts: list[str], tables: list[tuple[str, str, pd.DataFrame]]) -> str:
    """Write a Markdown section: sentences, and the tables in which something stands."""
    lines = ["## What changed", "", *(f"- {escaped(text)}" for text in texts)]
    for title, _, frame in tables:
        if len(frame):
            lines += ["", f"### {title}", "", markdown_table(_rounded(frame))]
    return "\n".join(lines) + "\n"


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Round what is for the eye, and leave out the columns in which nothing stands."""
    shown = frame.astype(object)
    for name in frame.columns:
        if frame[name].dtype == np.float64:
            shown[name] = [f"{number:.3g}" for number in frame[name]]
    empty = [name for name in shown.columns if shown[name].isin([ABSENT, "nan"]).all()]
    return shown.drop(columns=empty)


def _of(number: int, all_of_them: int, noun: str) -> str:
    if number == all_of_them:
        return f"the {noun}" if number == 1 else f"all {count(number, noun)}"
    if not number:
        return f"no {noun}" if all_of_them == 1 else f"none of {count(all_of_them, noun)}"
    return f"{number:,} of {count(all_of_them, noun)}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _do(number: int) -> str:
    return "does" if number == 1 else "do"
