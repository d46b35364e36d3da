"""What a report says at a glance: the matrix of verdicts, remarks, the counts of claims."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import NOT_RUN, failing, judged, passing
from gradproof.reporting.names import RUN, count, implementation, run_key
from gradproof.verdicts.records import CLAIM_VERDICTS
from gradproof.verdicts.verdict import Verdict

_WORDS = {
    **dict.fromkeys(passing(strict=True), "ok"),
    Verdict.DISAGREES: "WRONG",
    Verdict.NOT_FINITE: "NaN/inf",
    NOT_RUN: "-",
}


@dataclass(frozen=True)
class MatrixCell:
    """What the matrix tells of a run: its worst verdict, and its largest error in spreads."""

    verdict: str
    largest: str = ""

    @property
    def word(self) -> str:
        """`ok` where nothing is to be told, else the verdict in a word, `-` where the run was not made."""
        return str(_WORDS.get(self.verdict, self.verdict))

    def __str__(self) -> str:
        """Give word and number: `ok 1.3`, say."""
        return f"{self.word} {self.largest}".rstrip()


def verdict_matrix(runs: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Make the table that a person looks at first, of `MatrixCell`.

    Rows are scenario and dtype, columns are backend/variant. A cell tells the worst verdict of all steps, and
    the largest error in spreads of the rounding noise but at kinks.
    """
    told = {run_key(row): MatrixCell(row["verdict"]) for row in records(findings[findings["kind"] == "run"])}
    for run, rows in judged(findings).astype(dict.fromkeys(RUN, object)).groupby(RUN, sort=False):
        worst = str(rows["verdict"].iloc[int(rows["severity"].argmax())])
        told[tuple(map(str, run))] = MatrixCell(worst, _short(rows["most_spreads"].max()))
    cells: dict[tuple[str, str], dict[str, MatrixCell]] = {}
    implementations: dict[str, None] = {}
    for row in records(runs):
        who = implementation(row["backend"], row["variant"])
        implementations[who] = None
        cell = told.get(run_key(row), MatrixCell(row["verdict"]))
        cells.setdefault((row["scenario"], row["dtype"]), {})[who] = cell
    index = pd.MultiIndex.from_tuples(list(cells), names=["scenario", "dtype"])
    table = [[row.get(who, MatrixCell(NOT_RUN)) for who in implementations] for row in cells.values()]
    return pd.DataFrame(table, index=index, columns=list(implementations), dtype=object)


def _short(number: float) -> str:
    if np.isnan(number):
        return "at a kink"
    if not np.isfinite(number):
        return "?"
    return f"{number:.1f}" if number < 1000 else f"{number:.0e}"


def who_is_off(runs: pd.DataFrame, findings: pd.DataFrame) -> str:
    """Tell in a sentence which implementations are off, and which are not."""
    failing_runs = {run_key(row) for row in records(failing(findings))}
    made: dict[str, list[bool]] = {}
    for row in records(runs[runs["status"] != "not run"]):
        own = made.setdefault(implementation(row["backend"], row["variant"]), [])
        own.append(run_key(row) in failing_runs)
    off = [f"{who} in {sum(own)} of {count(len(own), 'run')}" for who, own in made.items() if any(own)]
    right = [who for who, own in made.items() if not any(own)]
    sentences = [f"Off: {', '.join(off)}."] if off else []
    return " ".join([*sentences, *([f"All runs of {', '.join(right)} agree."] if right else [])])


def remarks(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Tell how often a verdict passes that is worth a remark, and what such a verdict means."""
    meaning = {
        Verdict.INACCURATE: "the formula is right, and its evaluation in floating point loses digits",
        Verdict.ILL_CONDITIONED: "rounding explains the error, but more than half of the digits are gone",
        Verdict.KINK: "the loss has a kink there, and the value is one of its subgradients",
    }
    lines = []
    for verdict, words in meaning.items():
        counts = {
            name: int((frames[name]["verdict"] == str(verdict)).sum()) for name in ("gradients", "updates")
        }
        if any(counts.values()):
            lines.append(
                f"{verdict} ({words}): {counts['gradients']:,} gradients, {counts['updates']:,} updates."
            )
    formulas = frames["formulas"]
    if len(formulas):
        equal = formulas[formulas["verdict"] == "EQUAL"]
        others = len(formulas) - len(equal)
        least = equal["digits"].min()
        how_well = f"to {least:.0f} digits and more" if np.isfinite(least) else "exactly"
        lines.append(
            f"Hand-derived gradients, run in certified arithmetic: {len(equal)} of {len(formulas)} "
            f"derivatives equal the exact ones{', ' + how_well if len(equal) else ''}"
            + (f"; {others} were not shown to be equal." if others else ".")
        )
    return lines


def not_checked(runs: pd.DataFrame) -> list[str]:
    """Tell in sentences which runs were not made, or not to their end, and why."""
    runs = runs.astype(object)
    stopped = runs["stopped"].astype(bool)
    limited = runs[(runs["status"] == "run") & (runs["steps"] < runs["planned_steps"]) & ~stopped]
    left_out = runs[runs["status"] == "not run"]
    return [
        *(
            f"Not checked: {implementation(str(backend), str(variant))} is too slow for long trainings, so "
            f"only its first {group['steps'].max():,} steps were run (in {count(len(group), 'run')})."
            for (backend, variant), group in limited.groupby(["backend", "variant"], sort=False)
        ),
        *(
            f"Not checked: {reason} ({count(len(group), 'run')})"
            for reason, group in left_out.groupby("reason", sort=False)
        ),
    ]


def finding_text(cause: str, reason: str) -> str:
    """Tell what was found of a claim: the cause, if there is one, and the numbers."""
    return f"{cause[:1].upper()}{cause[1:]}. {reason}" if cause else reason


def count_verdicts(claims: pd.DataFrame) -> str:
    """Count the verdicts of some claims in words, `12 CONFIRMED, 4 REFUTED`, say."""
    counts = claims["verdict"].astype(object).value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in CLAIM_VERDICTS if verdict in counts)
