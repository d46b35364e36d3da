"""Changes: what is different between two reports, as pandas DataFrames and in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from gradproof.reporting.comparison import sentences
from gradproof.reporting.comparison.change_columns import WORSE
from gradproof.verdicts.printing import visible


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed from one report to another.

    A verdict is worse if it passed and no longer does, if it does not pass and is more severe than before,
    if the run raised or was not made although it was made before, and if a new run, formula or check does
    not pass. A change between verdicts that pass alike (AGREES to KINK, say) is told and is not worse:
    rounding alone can move a number across the line between them.

    `CHANGES` in `gradproof.reporting.comparison.change_columns` has all columns and dtypes.

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
    def unchanged(self) -> bool:
        """Whether nothing but times is different."""
        return all(frame.empty for frame in (self.verdicts, self.errors, self.bits, self.environment))

    def sentences(self) -> list[str]:
        """Tell in words what changed, the most important first."""
        ran = self.counts.get("ran twice", 0)
        texts = [
            sentences.headline(self.verdicts, self.counts),
            *sentences.worse(self.verdicts),
            *self.standing(),
            *sentences.bits(self.bits, ran),
            sentences.errors(self.errors, ran),
            sentences.times(self.totals),
            sentences.environment(self.environment),
        ]
        return [visible(text) for text in texts if text]

    def standing(self) -> list[str]:
        """Say what else there is to know of verdicts: better, new, gone, not compared, bad as before."""
        return sentences.standing(self.verdicts, self.counts, self.scenarios)

    def __str__(self) -> str:
        """Give the sentences, one a line."""
        return "\n".join(self.sentences())

    def tables(self) -> list[tuple[str, str, pd.DataFrame]]:
        """Give a title, a sentence and a table for each kind of change that there is."""
        ran = self.counts.get("ran twice", 0)
        verdicts = [sentences.headline(self.verdicts, self.counts), *self.standing()]
        parts = [
            ("Verdicts that changed", " ".join(verdicts), self.verdicts),
            ("Errors that changed", sentences.errors(self.errors, ran), self.errors),
            ("Bits that differ", " ".join(sentences.bits(self.bits, ran)[:1]), self.bits),
            ("Times of implementations", sentences.times(self.totals), self.totals),
            ("Times of runs", "Seconds before and after, and their ratios.", self.timings),
            ("Environment that changed", sentences.environment(self.environment), self.environment),
        ]
        return [part for part in parts if not part[2].empty]

    def markdown(self) -> str:
        """Give a Markdown section: the sentences, and tables of what matters most."""
        notable = sentences.notable_errors(self.errors).head(sentences.SHOWN)
        tables = [
            (title, sentence, notable if frame is self.errors else frame)
            for title, sentence, frame in self.tables()
            # As long as the whole report; the totals say what a reader asks first.
            if frame is not self.timings
        ]
        return sentences.markdown(self.sentences(), tables)
