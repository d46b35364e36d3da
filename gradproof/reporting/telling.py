"""How a finding is told, and a whole report: the matrix of verdicts, remarks, what was not checked.

All texts are given as they are, whatever characters they hold, but by `text`, which is for people.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import NOT_RUN, QUANTITIES, failing, judged, passing
from gradproof.reporting.names import RUN, count, implementation, run_key, run_name
from gradproof.reporting.shard import Shard
from gradproof.texts import visible
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.printing import wrapped
from gradproof.verdicts.records import CLAIM_VERDICTS
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict

Row = Mapping[str, Any]

QUANTITY_NAMES = {"gradient": "gradient", "update": "updated weight", "state": "state"}
"""What the entry of such a finding is called."""

_LABEL = 10


def headline(row: Row) -> str:
    """Tell who and what in one line."""
    if row["kind"] == "run":
        return f"{run_name(row)} could not be run: {row['reason']}"
    if row["kind"] == "formula":
        return _formula(row)
    if row["kind"] in QUANTITIES:
        named = entry(row["parameter"], row["index"])
        what = named if row["kind"] == "state" else f"{QUANTITY_NAMES[row['kind']]} of {named}"
        return f"{row['verdict']}: {run_name(row)}, step {row['step']}, {what}"
    return f"{row['verdict']}: {row['name']}: {row['cause'] or row['reason']}"


def _formula(row: Row) -> str:
    of = f"the hand-derived gradient of {row['parameter']} in {row['scenario']}"
    if row["verdict"] != "WRONG":
        return f"{row['verdict']}: {of}, first at step {row['first_failing_step']}: {row['reason']}"
    digits = int(row["digits"]) if 0 < row["digits"] < math.inf else 0
    right = "1 digit of it is" if digits == 1 else f"{digits or 'no'} digits of it are"
    return (
        f"WRONG: {of} is proven to differ from the exact one, first at step {row['first_failing_step']}; "
        f"where it is worst {right} right."
    )


def errors(row: Row) -> str:
    """Tell an error in all its units."""
    return f"{row['error']:.3g} absolute, {row['relative_error']:.3g} relative, {row['ulps']:.3g} ulp"


def details(row: Row) -> list[tuple[str, str]]:
    """Give what is known of what was judged step by step, labels and texts; else the cause."""
    if row["kind"] not in QUANTITIES:
        return [("cause", row["cause"])] if row["kind"] == "formula" and row["cause"] else []
    named = f"{entry(row['parameter'], row['index'])} ({QUANTITY_NAMES[row['kind']]})"
    noise = f"{row['spreads']:.3g} spreads of the rounding noise (at most {SPREADS:g} are rounding)"
    return [
        ("scenario", row["scenario"]),
        ("backend", implementation(row["backend"], row["variant"])),
        ("dtype", row["dtype"]),
        ("step", f"{row['step']} (of {row['steps']} judged, {row['failing']} do not pass)"),
        ("entry", named),
        ("value", repr(float(row["value"]))),
        ("exact", row["exact"]),
        ("error", errors(row)),
        ("noise", noise),
        ("cause", row["cause"] or "none found"),
        ("why", row["reason"]),
    ]


def text(row: Row, width: int | None = None) -> str:
    """Tell a finding in full: the headline, a line a detail, and the command that repeats it, in one piece.

    Args:
        row: of the frame of findings.
        width: columns at which prose is wrapped; None to wrap nothing.
    """
    head = wrapped(visible(headline(row), lines=True), width, "  ")
    return "\n".join(
        [head, *labelled(details(row), width), *repeating([row["repeat"]] if row["repeat"] else [])]
    )


def labelled(facts: Iterable[tuple[str, str]], width: int | None) -> list[str]:
    """Write labels and texts, each in a line of its own that is wrapped under its text."""
    lines = (f"  {label:<{_LABEL}}{visible(content, lines=True)}" for label, content in facts)
    return [wrapped(line, width, " " * (_LABEL + 2)) for line in lines]


def repeating(commands: Iterable[str]) -> list[str]:
    """Write commands to be copied: a line each, however long."""
    return [f"  {'repeat':<{_LABEL}}{visible(command)}" for command in commands]


def why(row: Row) -> str:
    """Give the cause, or the reason where none was found."""
    return str(row["cause"] or row["reason"])


# What a report says at a glance.

_WORDS = {
    **dict.fromkeys(passing(strict=True), "ok"),
    Verdict.ILL_CONDITIONED: "ok ~",
    Verdict.DISAGREES: "OFF",
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
    """Tell in sentences which implementations and how many checks are off, and which are not."""
    failing_runs = {run_key(row) for row in records(failing(findings))}
    made: dict[str, list[bool]] = {}
    for row in records(runs[runs["status"] != "not run"]):
        own = made.setdefault(implementation(row["backend"], row["variant"]), [])
        own.append(run_key(row) in failing_runs)
    off = [f"{who} in {sum(own)} of {count(len(own), 'run')}" for who, own in made.items() if any(own)]
    right = [who for who, own in made.items() if not any(own)]
    sentences = [f"Off: {', '.join(off)}."] if off else []
    sentences += [f"All runs of {', '.join(right)} agree."] if right else []
    checks = int((findings["kind"] == "check").sum())
    wrong = int((failing(findings)["kind"] == "check").sum())
    if wrong:
        sentences.append(
            f"{wrong:,} of {count(checks, 'check')} by tests {'does' if wrong == 1 else 'do'} not pass."
        )
    return " ".join(sentences)


def judged_in_words(frames: Mapping[str, pd.DataFrame]) -> str:
    """Count what was judged of runs, `4 gradients and 2 updates`, say; states where a training keeps some."""
    gradients, updates, states = (count(len(frames[name]), kind) for kind, name in QUANTITIES.items())
    return f"{gradients}, {updates} and {states}" if len(frames["states"]) else f"{gradients} and {updates}"


def remarks(frames: Mapping[str, pd.DataFrame], environment: Mapping[str, Any]) -> list[str]:
    """Tell which part of a verification it is, how often a verdict passes that is worth a remark, and why."""
    shard = Shard.of(environment)
    meaning = {
        Verdict.INACCURATE: "the evaluation in floating point loses digits that an accurate formula keeps",
        Verdict.ILL_CONDITIONED: "~ in the matrix: rounding explains the error, but the loss leaves few "
        "digits",
        Verdict.KINK: "the loss has a kink there, and the value is one of its subgradients",
    }
    lines = [] if shard is None else [shard.told(len(frames["runs"]))]
    for verdict, words in meaning.items():
        counts = {name: int((frames[name]["verdict"] == str(verdict)).sum()) for name in QUANTITIES.values()}
        told = ", ".join(count(number, name.removesuffix("s")) for name, number in counts.items() if number)
        if told:
            lines.append(f"{verdict} ({words}): {told}.")
    formulas = frames["formulas"]
    if len(formulas):
        equal = formulas[formulas["verdict"] == "EQUAL"]
        others = len(formulas) - len(equal)
        least = equal["digits"].min()
        how_well = f"to {least:.0f} digits and more" if np.isfinite(least) else "exactly"
        verb, ones = ("equals", "one") if len(formulas) == 1 else ("equal", "ones")
        lines.append(
            f"Hand-derived gradients, run in certified arithmetic: {len(equal)} of "
            f"{count(len(formulas), 'derivative')} {verb} the exact {ones}"
            + (f", {how_well}" if len(equal) else "")
            + (f"; {others} {'was' if others == 1 else 'were'} not shown to be equal." if others else ".")
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
