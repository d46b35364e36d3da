"""Changes: what is different between two reports, as pandas DataFrames and in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import dtyped, records
from gradproof.reporting.comparison.surroundings import CHANGED, change_texts
from gradproof.reporting.names import count, implementation, run_name
from gradproof.texts import ShownInNotebooks, visible

Row = Mapping[Any, Any]

CHANGES = {
    "verdicts": dtyped(
        """
        kind scenario backend variant dtype name before after change spreads_before spreads_after
        scenario_changed cause reason repeat
        """,
        before="category",
        after="category",
    ),
    "errors": dtyped(
        """
        scenario backend variant dtype quantity parameter spreads_before spreads_after ratio ulps_before
        ulps_after step_before step_after verdict_before verdict_after scenario_changed
        """,
    ),
    "bits": dtyped(
        """
        scenario backend variant dtype first_step differing compared steps_before steps_after
        nondeterministic explanation
        """,
    ),
    "timings": dtyped(
        """
        scenario backend variant dtype steps_before steps_after compiling_before compiling_after
        compiling_ratio per_step_before per_step_after per_step_ratio judging_before judging_after
        judging_ratio scenario_changed
        """,
    ),
    "totals": dtyped(
        """
        backend variant runs compiling_before compiling_after compiling_ratio training_before training_after
        training_ratio judging_before judging_after judging_ratio
        """,
    ),
    "environment": dtyped("key before after"),
}
"""Per frame its columns and their dtypes, in order."""

KINDS = ("run", "formula", "claim", "check")
"""What may have a verdict."""

WORSE, BETTER, OTHER, NEW, GONE, NOT_COMPARED = "worse", "better", "other", "new", "gone", "not compared"

ABSENT = ""
"""What stands in the place of a verdict where something is in one report only."""

NOTABLE_FACTOR = 2.0
NOTABLE_SPREADS = 1.0
SHOWN = 10
"""Only errors that changed by more than this factor, and are more than so many spreads, are shown to a
reader, and of these so many. Nothing is decided by it: the noise itself moves the worst of many entries by
about as much."""

RUNS_SHOWN = 5
"""So many runs whose bits differ are named for each explanation; the frame has all."""


@dataclass(frozen=True, eq=False)
class Changes(ShownInNotebooks):
    """What changed from one report to another.

    A verdict is worse if it passed and no longer does, if it does not pass and is more severe than before,
    if the run raised or was not made although it was made before, and if a new run, formula or check does
    not pass. A change between verdicts that pass alike (AGREES to KINK, say) is told and is not worse:
    rounding alone can move a number across the line between them.

    `CHANGES` in `gradproof.reporting.comparison.changes` has all columns and dtypes.

    Attributes:
        verdicts: a row for each run, formula, claim and check of a test (`kind`) whose verdict is not what it
            was: `change` is worse, better, other, new, gone, or `not compared` where the report that lacks it
            was made with other scenarios, backends or dtypes. NOT RUN and FAILED stand for verdicts of runs
            that were not made or raised; an empty text for what a report does not have. `name` is the
            formula's parameter, the claim's name, or the test.
        errors: a row for each run, quantity and parameter whose worst error in spreads or ulps, step or
            verdict is not exactly what it was.
        bits: a row for each run whose recorded bits differ: the first such step, how many steps, of how
            many compared, and whether it is nondeterminism (the same scenario, the same environment).
        timings: seconds of each run that took place in both reports, and the ratios after / before.
        totals: the same for each implementation, over the runs that did the same work.
        environment: entries of the environment that appeared, vanished or changed.
        scenarios: of each scenario in both reports, whether it is the `same`, has `changed`, or that is
            `unknown`.
        counts: how many runs, formulas, claims and checks are in both reports (`run`), as before
            (`run as before`), pass in neither (`run failing`), were made in neither (`run not run`), and so
            on; `ran twice` are the runs that took place in both.
    """

    verdicts: pd.DataFrame
    errors: pd.DataFrame
    bits: pd.DataFrame
    timings: pd.DataFrame
    totals: pd.DataFrame
    environment: pd.DataFrame
    scenarios: Mapping[str, str]
    counts: Mapping[str, int]

    @property
    def worse(self) -> bool:
        """Whether a verdict got worse."""
        return bool((self.verdicts["change"] == WORSE).any())

    @property
    def compared(self) -> int:
        """How many runs, formulas, claims and checks are in both reports."""
        return sum(self.counts.get(kind, 0) for kind in KINDS)

    @property
    def unchanged(self) -> bool:
        """Whether nothing but times is different."""
        return all(frame.empty for frame in (self.verdicts, self.errors, self.bits, self.environment))

    @property
    def ran_twice(self) -> int:
        """How many runs took place in both reports."""
        return self.counts.get("ran twice", 0)

    def sentences(self) -> list[str]:
        """Tell in words what changed, the most important first."""
        worse = records(self.of(WORSE))
        texts = [
            self.headline(),
            *(f"Worse: {verdict_of(row)}." for row in worse[:SHOWN]),
            *([f"Worse: {len(worse) - SHOWN:,} more."] if len(worse) > SHOWN else []),
            *self.standing(),
            *self.told_bits(),
            self.told_errors(),
            self.told_times(),
            self.told_environment(),
        ]
        return [visible(text) for text in texts if text]

    def __str__(self) -> str:
        """Give the sentences, one a line."""
        return "\n".join(self.sentences())

    def tables(self) -> list[tuple[str, str, pd.DataFrame]]:
        """Give a title, a sentence and a table for each kind of change that there is."""
        parts = [
            ("Verdicts that changed", " ".join([self.headline(), *self.standing()]), self.verdicts),
            ("Errors that changed", self.told_errors(), self.errors),
            ("Bits that differ", " ".join(self.told_bits()[:1]), self.bits),
            ("Times of implementations", self.told_times(), self.totals),
            ("Times of runs", "Seconds before and after, and their ratios.", self.timings),
            ("Environment that changed", self.told_environment(), self.environment),
        ]
        return [part for part in parts if not part[2].empty]

    def of(self, change: str) -> pd.DataFrame:
        """Give the verdicts that changed in one way."""
        return self.verdicts[self.verdicts["change"] == change]

    def headline(self) -> str:
        """Say whether a verdict got worse."""
        number = len(self.of(WORSE))
        as_before = [
            _of(self.counts.get(f"{kind} as before", 0), self.counts[kind], kind)
            for kind in KINDS
            if self.counts.get(kind)
        ]
        listed = " and ".join(filter(None, [", ".join(as_before[:-1]), *as_before[-1:]]))
        unchanged = f"the verdicts of {listed} are as before" if listed else "nothing is in both reports"
        if number:
            return f"{count(number, 'verdict')} got worse; {unchanged}."
        return f"Nothing got worse: {unchanged}."

    def standing(self) -> list[str]:
        """Say what else there is to know of verdicts: better, new, gone, not compared, bad as before."""
        return [text for number, text in self._standing() if number]

    def _standing(self) -> Iterator[tuple[int, str]]:
        better, other, new, gone, not_compared = (
            len(self.of(change)) for change in (BETTER, OTHER, NEW, GONE, NOT_COMPARED)
        )
        yield better, f"{count(better, 'verdict')} got better."
        words = (
            "changed without getting worse or better (between verdicts that pass alike, say, which rounding"
        )
        yield other, f"{count(other, 'verdict')} {words} alone can do)."
        for kind in ("run", "formula", "check"):
            failing = self.counts.get(f"{kind} failing", 0)
            yield failing, f"{count(failing, kind)} that {_do(failing)} not pass did not pass before either."
        yield new, f"{count(new, 'verdict')} {_are(new)} new."
        yield gone, f"{count(gone, 'verdict')} {_are(gone)} gone."
        words = "not compared: one of the reports was made with other scenarios, backends or dtypes."
        yield not_compared, f"{count(not_compared, 'verdict')} {_are(not_compared)} {words}"
        not_run = self.counts.get("run not run", 0)
        yield not_run, f"{count(not_run, 'run')} {'was' if not_run == 1 else 'were'} made in neither."
        altered = [name for name, state in self.scenarios.items() if state == CHANGED]
        one = len(altered) == 1
        words = f"What is said of {'it' if one else 'them'} compares different work."
        yield len(altered), f"The {'scenario' if one else 'scenarios'} changed: {', '.join(altered)}. {words}"

    def told_bits(self) -> list[str]:
        """Say in how many runs all bits are equal, and where and why they are not."""
        ran = self.ran_twice
        if not ran:
            return []
        if self.bits.empty:
            return [f"Bits are equal in {_of(ran, ran, 'run')}."]
        texts = [f"Bits are equal in {_of(ran - len(self.bits), ran, 'run')}."]
        first = self.bits.sort_values("nondeterministic", ascending=False, kind="stable")
        for explanation, group in first.groupby("explanation", sort=False):
            shown = [bits_of(row) for row in records(group.head(RUNS_SHOWN))]
            left = len(group) - RUNS_SHOWN
            more = f"; and {count(left, 'more run')} (the frame bits has all)" if left > 0 else ""
            words = str(explanation)
            texts.append(f"{words[:1].upper()}{words[1:]}: {'; '.join(shown)}{more}.")
        return texts

    def told_errors(self) -> str:
        """Say how many worst errors changed so much that a reader may want to know."""
        if self.errors.empty:
            return "All errors are exactly as before." if self.ran_twice else ""
        many, others = len(self.notable_errors()), len(self.errors)
        what = f"The worst error of {count(many, 'parameter')}" if many else "No worst error"
        listed = "the one that is" if others == 1 else f"all {others:,} that are"
        return (
            f"{what} changed by more than a factor of {NOTABLE_FACTOR:g} (and is above {NOTABLE_SPREADS:g} "
            f"spread); the frame errors has {listed} not exactly as before."
        )

    def notable_errors(self) -> pd.DataFrame:
        """Give the errors that changed by more than the notable factor, the largest change first."""
        frame = self.errors
        largest = frame[["spreads_before", "spreads_after"]].fillna(np.inf).max(axis=1)
        ratio = frame["ratio"].to_numpy()
        with np.errstate(divide="ignore"):
            factor = pd.Series(np.maximum(ratio, 1 / ratio), index=frame.index)
        chosen = factor[(factor > NOTABLE_FACTOR) & (largest > NOTABLE_SPREADS)]
        return frame.loc[chosen.sort_values(ascending=False, kind="stable").index]

    def told_times(self) -> str:
        """Say how the seconds of training compare; no threshold stands behind it."""
        if self.totals.empty:
            return ""
        ratios = [
            f"{implementation(row['backend'], row['variant'])} {row['training_ratio']:.2f}"
            for row in records(self.totals)
        ]
        return (
            f"Seconds of training, after / before: {', '.join(ratios)}. These are facts and no verdicts: "
            "machines are noisy."
        )

    def told_environment(self) -> str:
        """Say what changed around the runs."""
        texts = change_texts(self.environment)
        if not texts:
            return "The environment is the same."
        more = f" and {count(len(texts) - SHOWN, 'more entry', 'more entries')}" if len(texts) > SHOWN else ""
        return f"The environment changed: {', '.join(texts[:SHOWN])}{more}."


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


def error_of(row: Row) -> str:
    """Tell how the worst error of a parameter changed."""
    return (
        f"{row['spreads_before']:.3g} → {row['spreads_after']:.3g} spreads ({row['ratio']:.3g} times), "
        f"{row['quantity']} of {row['parameter']} in {run_name(row)}, step {row['step_before']} → "
        f"{row['step_after']}{_of_changed(row)}"
    )


def verdict_of(row: Row) -> str:
    """Tell how a verdict changed: `line torch/eager float64: AGREES → DISAGREES`."""
    subject = run_name(row)
    if row["kind"] != "run":
        subject = f"{row['kind']} {row['name']}" + (f" of {row['scenario']}" if row["scenario"] else "")
    before, after = (row[which] or "(absent)" for which in ("before", "after"))
    return f"{subject}: {before} → {after}{_of_changed(row)}"


def _of_changed(row: Row) -> str:
    return "; the scenario changed" if row["scenario_changed"] else ""


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
