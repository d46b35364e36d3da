"""What changed, in words."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gradproof.reporting.comparison.columns import (
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
from gradproof.reporting.formats.markdown import escaped, markdown_table
from gradproof.reporting.names import count, implementation, run_name
from gradproof.reporting.text import visible
from gradproof.reporting.worst import records

if TYPE_CHECKING:
    from gradproof.reporting.comparison.changes import Changes

Row = Mapping[Any, Any]

NOTABLE_FACTOR = 2.0
NOTABLE_SPREADS = 1.0
SHOWN = 10
"""Only errors that changed by more than this factor, and are more than so many spreads, are shown to a
reader, and of these so many. Nothing is decided by it: the noise itself moves the worst of many entries by
about as much."""

RUNS_SHOWN = 5
"""So many runs whose bits differ are named for each explanation; the frame has all."""


def sentences(changes: "Changes") -> list[str]:
    """Tell in words what changed, the most important first."""
    texts = [
        headline(changes),
        *worse(changes),
        *standing(changes),
        *bits(changes),
        errors(changes),
        times(changes),
        environment(changes),
    ]
    return [visible(text) for text in texts if text]


def headline(changes: "Changes") -> str:
    """Say whether a verdict got worse."""
    counts = changes.counts
    number = int((changes.verdicts["change"] == WORSE).sum())
    as_before = [
        _of(counts.get(f"{kind} as before", 0), counts[kind], kind) for kind in KINDS if counts.get(kind)
    ]
    listed = " and ".join(filter(None, [", ".join(as_before[:-1]), *as_before[-1:]]))
    unchanged = f"the verdicts of {listed} are as before" if listed else "nothing is in both reports"
    if number:
        return f"{count(number, 'verdict')} got worse; {unchanged}."
    return f"Nothing got worse: {unchanged}."


def worse(changes: "Changes") -> list[str]:
    """Name the verdicts that got worse."""
    rows = changes.verdicts[changes.verdicts["change"] == WORSE].astype(object)
    shown = [f"Worse: {verdict_of(row)}." for row in rows.head(SHOWN).to_dict("records")]
    more = len(rows) - len(shown)
    return [*shown, f"Worse: {more:,} more."] if more else shown


def standing(changes: "Changes") -> list[str]:
    """Say what else there is to know of verdicts: better, new, gone, not compared, bad as before."""
    number = {
        change: int((changes.verdicts["change"] == change).sum())
        for change in (BETTER, OTHER, NEW, GONE, NOT_COMPARED)
    }
    counts = changes.counts
    failing, not_run = counts.get("run failing", 0), counts.get("run not run", 0)
    formulas, checks = counts.get("formula failing", 0), counts.get("check failing", 0)
    altered = [name for name, state in changes.scenarios.items() if state == CHANGED]
    one = len(altered) == 1
    texts = {
        f"{count(number[BETTER], 'verdict')} got better.": number[BETTER],
        f"{count(number[OTHER], 'verdict')} changed without getting worse or better (between verdicts that "
        "pass alike, say, which rounding alone can do).": number[OTHER],
        f"{count(failing, 'run')} that {_do(failing)} not pass did not pass before either.": failing,
        f"{count(formulas, 'formula')} that {_are(formulas)} WRONG {_were(formulas)} WRONG before.": (
            formulas
        ),
        f"{count(checks, 'check')} that {_do(checks)} not pass did not pass before either.": checks,
        f"{count(number[NEW], 'verdict')} {_are(number[NEW])} new.": number[NEW],
        f"{count(number[GONE], 'verdict')} {_are(number[GONE])} gone.": number[GONE],
        f"{count(number[NOT_COMPARED], 'verdict')} {_are(number[NOT_COMPARED])} not compared: one of the "
        "reports was made with other scenarios, backends or dtypes.": number[NOT_COMPARED],
        f"{count(not_run, 'run')} {_were(not_run)} made in neither.": not_run,
        f"The {'scenario' if one else 'scenarios'} changed: {', '.join(altered)}. What is said of "
        f"{'it' if one else 'them'} compares different work.": altered,
    }
    return [text for text, there in texts.items() if there]


def bits(changes: "Changes") -> list[str]:
    """Say in how many runs all bits are equal, and where and why they are not."""
    frame, ran = changes.bits, changes.counts.get("ran twice", 0)
    if not ran:
        return []
    if frame.empty:
        return [f"Bits are equal in {_of(ran, ran, 'run')}."]
    texts = [f"Bits are equal in {_of(ran - len(frame), ran, 'run')}."]
    first = frame.sort_values("nondeterministic", ascending=False, kind="stable")
    for explanation, group in first.groupby("explanation", sort=False):
        shown = [bits_of(row) for row in group.head(RUNS_SHOWN).to_dict("records")]
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


def errors(changes: "Changes") -> str:
    """Say how many worst errors changed so much that a reader may want to know."""
    if changes.errors.empty:
        return "All errors are exactly as before." if changes.counts.get("ran twice") else ""
    many, others = len(notable_errors(changes)), len(changes.errors)
    what = f"The worst error of {count(many, 'parameter')}" if many else "No worst error"
    listed = "the one that is" if others == 1 else f"all {others:,} that are"
    return (
        f"{what} changed by more than a factor of {NOTABLE_FACTOR:g} (and is above {NOTABLE_SPREADS:g} "
        f"spread); the frame errors has {listed} not exactly as before."
    )


def notable_errors(changes: "Changes") -> pd.DataFrame:
    """Give the errors that changed by more than the notable factor, the largest change first."""
    frame = changes.errors
    largest = frame[["spreads_before", "spreads_after"]].fillna(np.inf).max(axis=1)
    factor = pd.Series(_either_way(frame["ratio"].to_numpy()), index=frame.index)
    chosen = factor[(factor > NOTABLE_FACTOR) & (largest > NOTABLE_SPREADS)]
    return frame.loc[chosen.sort_values(ascending=False, kind="stable").index]


def _either_way(ratio: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(ratio, 1 / ratio)


def error_of(row: Row) -> str:
    """Tell how the worst error of a parameter changed."""
    return (
        f"{row['spreads_before']:.3g} → {row['spreads_after']:.3g} spreads ({row['ratio']:.3g} times), "
        f"{row['quantity']} of {row['parameter']} in {run_name(row)}, step {row['step_before']} → "
        f"{row['step_after']}{_of_changed(row)}"
    )


def times(changes: "Changes") -> str:
    """Say how the seconds of training compare; no threshold stands behind it."""
    frame = changes.totals
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


def environment(changes: "Changes") -> str:
    """Say what changed around the runs."""
    texts = change_texts(changes.environment)
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


def tables(changes: "Changes") -> list[tuple[str, str, pd.DataFrame]]:
    """Give a title, a sentence and a table for each kind of change that there is."""
    parts = [
        ("Verdicts that changed", " ".join([headline(changes), *standing(changes)]), changes.verdicts),
        ("Errors that changed", errors(changes), changes.errors),
        ("Bits that differ", " ".join(bits(changes)[:1]), changes.bits),
        ("Times of implementations", times(changes), changes.totals),
        ("Times of runs", "Seconds before and after, and their ratios.", changes.timings),
        ("Environment that changed", environment(changes), changes.environment),
    ]
    return [part for part in parts if not part[2].empty]


def markdown(changes: "Changes") -> str:
    """Give a Markdown section: the sentences, and tables of what matters most."""
    lines = ["## What changed", "", *(f"- {escaped(text)}" for text in sentences(changes))]
    for title, _, frame in tables(changes):
        if title == "Times of runs":  # as long as the whole report; the totals say what a reader asks first
            continue
        shown = notable_errors(changes).head(SHOWN) if frame is changes.errors else frame
        if len(shown):
            lines += ["", f"### {title}", "", markdown_table(_rounded(shown))]
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


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _do(number: int) -> str:
    return "does" if number == 1 else "do"
