"""What a report says at a glance: the matrix of verdicts, remarks, the counts of claims."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gradproof.reporting.names import count, implementation
from gradproof.reporting.worst import RUN, records, run_key
from gradproof.verdicts.records import CLAIM_VERDICTS
from gradproof.verdicts.verdict import Verdict

_WORDS = {
    Verdict.EQUAL: "ok",
    Verdict.AGREES: "ok",
    Verdict.KINK: "ok",
    Verdict.ILL_CONDITIONED: "ok",
    Verdict.INACCURATE: "ok",
    Verdict.DISAGREES: "WRONG",
    Verdict.WRONG: "WRONG",
    Verdict.NOT_FINITE: "NaN/inf",
    Verdict.UNDECIDED: "UNDECIDED",
}
_AS_TEXT = {"verdict": object}
_STATUS_WORDS = {"failed": "FAILED", "not run": "-"}


def verdict_matrix(runs: pd.DataFrame, gradients: pd.DataFrame, updates: pd.DataFrame) -> pd.DataFrame:
    """Make the table that a person looks at first.

    Rows are scenario and dtype, columns are backend/variant. A cell holds `ok` where every step passes, else
    the worst verdict, and the largest error in spreads of the rounding noise but at kinks: `ok 1.3`, say.
    """
    columns = [*RUN, "spreads", "verdict"]
    judged = pd.concat([gradients[columns].astype(_AS_TEXT), updates[columns].astype(_AS_TEXT)])
    # At a kink the distance is that from an interval of subgradients, and not of rounding.
    judged = judged[judged["verdict"] != str(Verdict.KINK)]
    judged = judged.fillna({"spreads": np.inf})  # a NaN is not hidden behind what is finite
    worst = judged.groupby(RUN, observed=True)["spreads"].max()
    cells: dict[tuple[str, str], dict[str, str]] = {}
    implementations: dict[str, None] = {}
    for row in records(runs):
        key = run_key(row)
        if row["status"] == "run":
            largest = _short(worst[key]) if key in worst.index else "at a kink"
            cell = f"{_WORDS[Verdict(row['verdict'])]} {largest}"
        else:
            cell = _STATUS_WORDS[row["status"]]
        who = implementation(key[1], key[2])
        implementations[who] = None
        cells.setdefault((key[0], key[3]), {})[who] = cell
    index = pd.MultiIndex.from_tuples(list(cells), names=["scenario", "dtype"])
    table = pd.DataFrame(list(cells.values()), index=index, columns=list(implementations))
    return table.fillna("-")


def _short(number: float) -> str:
    if not np.isfinite(number):
        return "?"
    return f"{number:.1f}" if number < 1000 else f"{number:.0e}"


def remarks(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Tell how often a verdict passes that is worth a remark, and what such a verdict means."""
    meaning = {
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
