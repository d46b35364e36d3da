"""The judgement: what is said of a claim at a place, entry by entry, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import DisagreementError
from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.formats import FORMATS
from gradproof.texts import ShownInNotebooks, visible
from gradproof.verdicts.causes import Cause
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Claimed
from gradproof.verdicts.judging.floats import Assessment, Floats, is_off
from gradproof.verdicts.judging.measuring import Agreement
from gradproof.verdicts.judging.proof import Proof
from gradproof.verdicts.numerals import decimals, entry, index_texts, rounded_up
from gradproof.verdicts.printing import printed, table_lines, terminal_width, wrapped
from gradproof.verdicts.tolerances import ROUNDED_PROPERTY, ZERO_UNITS
from gradproof.verdicts.verdict import CODE, SEVERITY, Codes, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]

COLUMNS = (
    "parameter", "index", "value", "exact", "error", "relative_error", "ulps", "spreads", "verdict",
)  # fmt: skip
"""The columns of a judgement's entries."""

SHOWN = 5
"""How many of the worst entries are printed."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What is said of the entries of one parameter; arrays of the parameter's shape.

    What is told beside the verdict is that of the formula, but for one whose floating-point values are at
    fault; it is computed when it is first asked for.

    Attributes:
        verdict: positions in `SEVERITY`.
        agreement: how the formula agrees with the exact gradient; None where there is none.
        assessed: what the rule says of the floating-point values; None where there are none.
    """

    verdict: Codes
    agreement: Agreement | None
    assessed: Assessment | None

    @cached_property
    def _formula(self) -> Agreement | None:
        lost = self.assessed is not None and np.any(self.verdict == CODE[Verdict.INACCURATE])
        return None if lost else self.agreement

    def _of_floats(self, name: str) -> Array:
        array: Array = getattr(self.assessed, name)
        return array.reshape(self.verdict.shape)

    @cached_property
    def value(self) -> Array:
        """What is claimed, as float64; the midpoints of a formula's balls."""
        return self._of_floats("value") if self._formula is None else midpoints(self._formula.value)

    @property
    def exact(self) -> NDArray[np.object_]:
        """Certified balls that hold the exact values, as `flint.arb`."""
        return self._of_floats("exact") if self._formula is None else self._formula.exact

    @property
    def error(self) -> Array:
        """|value - exact| is at most this."""
        return self._of_floats("error") if self._formula is None else self._formula.distance.error

    @property
    def relative_error(self) -> Array:
        """|value - exact| / |exact| is at most this; infinite where the latter is not told from 0."""
        if self._formula is None:
            return self._of_floats("relative_error")
        return self._formula.distance.relative_error

    @property
    def ulps(self) -> Array:
        """The error in units in the last place of the exact value, in the dtype; NaN for a formula alone."""
        if self.assessed is None:
            return np.full(self.error.shape, np.nan)
        with np.errstate(all="ignore"):
            return self._of_floats("ulps") if self._formula is None else self.error / self._of_floats("unit")

    @property
    def spreads(self) -> Array:
        """The error in spreads of the measured rounding noise; NaN where that was not measured."""
        if self.assessed is None:
            return np.full(self.error.shape, np.nan)
        if self._formula is None:
            return self._of_floats("spreads")
        with np.errstate(all="ignore"):
            return np.where(self.error == 0, 0.0, self.error / self._of_floats("spread"))

    @property
    def digits(self) -> float:
        """Decimal digits to which the worst entry is proven to agree; infinite for exact equality."""
        if self.agreement is not None:
            return self.agreement.digits
        return np.inf if self.assessed is None else self.assessed.digits

    @property
    def wrong_by(self) -> float:
        """The greatest error of the entries that are WRONG; 0 where none is."""
        return float(np.max(self.error, where=self.verdict == CODE[Verdict.WRONG], initial=0.0))

    @property
    def worst(self) -> Verdict:
        """The worst verdict of all entries."""
        return SEVERITY[int(np.max(self.verdict, initial=0))]


@dataclass(frozen=True, eq=False)
class Judgement(ShownInNotebooks):
    """What is said of a claimed gradient at one place.

    Attributes:
        verdict: the worst of all entries. EQUAL, WRONG and INACCURATE are said of a formula (INACCURATE: it
            is right, and its floating-point value loses digits that rounding does not explain); AGREES,
            ILL_CONDITIONED, DISAGREES and NOT_FINITE of floats; KINK and UNDECIDED of both.
        reason: why, or what the verdict rests on; empty if there is nothing to say.
        claimed: what was judged, and where.
        parameters: by parameter, what is said of its entries; without those whose claim is missing or
            misshapen.
        floats: what the rule says of the floating-point values alone; None where there are none.
        findings: what else was noticed; one that `fails` makes the claim fail, whatever its numbers are.
        cause: the change of the exact gradient that gives this one, with `kind`, `where`, `factor`, `text`
            and `parameters`; None where the claim is not wrong or no cause was found.
        unexplained: which entries are off and how, where no cause was found; empty where one was.
        constants: whether a formula's equality holds up to its constants being doubles.
        strict: whether a right formula that gives wrong digits is refused.
    """

    verdict: Verdict
    reason: str
    claimed: Claimed
    parameters: Mapping[str, Judged]
    floats: Floats | None = None
    findings: tuple[CheckFinding, ...] = ()
    cause: Cause | None = None
    unexplained: str = field(default="", repr=False)
    constants: bool = False
    strict: bool = False

    @property
    def dtype(self) -> str:
        """What the floating-point values were judged by."""
        return self.claimed.dtype

    @property
    def ok(self) -> bool:
        """Whether the verdict passes, and no finding fails."""
        passes = self.verdict.accepted(strict=self.strict)
        return passes and not any(finding.fails for finding in self.findings)

    @property
    def is_up_to_rounded_data(self) -> bool:
        """Whether a formula that is proven to differ does so by no more than rounded numbers explain.

        See `ROUNDED_PROPERTY`; a parameter whose whole gradient is a 0 that rounding has left something of
        (data that sums to 1e-16, where it is to sum to 0) is measured beside the others, by `ZERO_UNITS`.
        """
        if self.verdict is not Verdict.WRONG or not self.parameters or any(f.fails for f in self.findings):
            return False
        scales = self.scales
        zero = ZERO_UNITS * FORMATS["float64"].unit_roundoff * max(scales.values())
        return all(
            judged.wrong_by <= max(ROUNDED_PROPERTY * scales[name], zero)
            for name, judged in self.parameters.items()
        )

    @property
    def certified(self) -> bool:
        """Whether the claim was looked at as a formula, and not only in floating point."""
        return self.claimed.certified

    @property
    def digits(self) -> float:
        """Decimal digits to which the worst entry is proven to agree; infinite for exact equality."""
        return min((judged.digits for judged in self.parameters.values()), default=0.0)

    @property
    def scales(self) -> dict[str, float]:
        """The size of each parameter's exact gradient: its greatest entry."""
        return {
            name: float(np.max(np.abs(midpoints(judged.exact)), initial=0.0))
            for name, judged in self.parameters.items()
        }

    @cached_property
    def entries(self) -> "pd.DataFrame":
        """A row for each entry, the worst verdict first, and of the same verdict the most spreads.

        Columns: parameter, index, value, exact (a decimal with the digits that are proven), error,
        relative_error and ulps (upper bounds), spreads, verdict.
        """
        import pandas as pd  # noqa: PLC0415 - only who looks at the table pays for it

        frames = [_frame(name, judged) for name, judged in self.parameters.items()]
        table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*COLUMNS])
        order = [SEVERITY.index(Verdict(verdict)) for verdict in table["verdict"]]
        keys = (
            -table["error"].astype(float),
            -table["spreads"].astype(float).fillna(np.inf),
            -np.array(order),
        )
        return table.iloc[np.lexsort(keys)].reset_index(drop=True)

    def raise_if_wrong(self) -> None:
        """Raise DisagreementError with the cause and the worst entries, unless the judgement is ok."""
        if not self.ok:
            raise DisagreementError(self.told())

    def headline(self) -> str:
        """Tell the verdict in one line."""
        how = ""
        if self.verdict is Verdict.EQUAL:
            how = " exactly" if np.isinf(self.digits) else f" to {self.digits:.0f} digits"
        return f"{self.verdict}{how} at the given point"

    def explanation(self) -> list[tuple[str, str]]:
        """Tell the cause, the reason and the findings: labels and texts, the most important first."""
        lines = []
        if self.cause is not None:
            lines.append(("cause", self.cause.text))
        elif self.unexplained:
            lines.append(("cause", f"none found. {self.unexplained}"))
        if self.reason:
            lines.append(("why", self.reason))
        told = [finding for finding in self.findings if finding.text != self.reason]
        return lines + [("FAILS" if finding.fails else "note", finding.text) for finding in told]

    def told(self, width: int | None = None, title: str = "") -> str:
        """Tell the verdict, the cause, the findings and, where the claim fails, the worst entries.

        Args:
            width: columns that prose and tables take at most; None for any number.
            title: what was judged, for the first line.
        """
        lines = [wrapped(f"{title}: {self.headline()}" if title else self.headline(), width, "  ")]
        lines += [wrapped(f"  {label:<8} {text}", width, " " * 11) for label, text in self.explanation()]
        failing = self.entries[[not Verdict(v).accepted(strict=self.strict) for v in self.entries["verdict"]]]
        if len(failing):
            do = "does" if len(failing) == 1 else "do"
            many = f"{len(failing)} of {len(self.entries)} entries {do} not pass; the worst entries:"
            lines += [wrapped(f"  {many}", width, "  "), *_table(failing.head(SHOWN), width)]
        return "\n".join(lines)

    def __str__(self) -> str:
        """Tell it as wide as the terminal is."""
        return self.told(terminal_width())


def _table(entries: "pd.DataFrame", width: int | None) -> Iterator[str]:
    """Lay out the rows of a judgement's entries, in lines that are indented."""
    rows = [
        (
            visible(entry(row["parameter"], row["index"])),
            *(row["verdict"], repr(float(row["value"])), row["exact"]),
            *(f"{row[name]:.4g}" for name in ("error", "relative_error", "ulps", "spreads")),
        )
        for row in entries.to_dict("records")
    ]
    header = ("entry", "verdict", "value", "exact", "error", "relative_error", "ulps", "spreads")
    room = None if width is None else width - 2
    yield from (f"  {line}".rstrip() for line in printed(table_lines(header, rows, room)))


def _frame(name: str, judged: Judged) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - see above

    return pd.DataFrame(
        {
            "parameter": name,
            "index": index_texts(judged.exact.shape),
            "value": judged.value.ravel(),
            "exact": decimals(judged.exact.ravel()),
            "error": rounded_up(judged.error.ravel()),
            "relative_error": rounded_up(judged.relative_error.ravel()),
            "ulps": rounded_up(judged.ulps.ravel()),
            "spreads": rounded_up(judged.spreads.ravel()),
            "verdict": [str(SEVERITY[code]) for code in judged.verdict.ravel()],
        }
    )


# -------------------------------------------------------------------- formula and floats together

STRUCTURAL = frozenset({"none", "not-a-mapping", "missing-parameter", "wrong-shape"})
"""Findings after which a claim is no gradient of these parameters, whatever its numbers."""


def judgement_of(claimed: Claimed, floats: Floats | None, proof: Proof | None) -> Judgement:
    """Put together what the rule says of a claim's floating-point values and of its formula.

    Args:
        claimed: what is claimed.
        floats: what is said of its values; None where there are none.
        proof: what is proven of its formula; None where there is none that could be certified.
    """
    if proof is not None and floats is not None:
        floats = replace(floats, blameless=_is_blameless(proof, claimed, floats))
    parameters = {
        name: _judged(name, array.shape, floats, proof)
        for name, array in claimed.place.params.items()
        if name in claimed.floats or (proof is not None and name in proof.agreement)
    }
    verdict, reason = _said(claimed, floats, proof, parameters)
    constants = proof is not None and proof.constants
    findings = claimed.findings
    return Judgement(verdict, reason, claimed, parameters, floats, findings, constants=constants)


def combined(formula: Codes, floats: Codes, *, blameless: bool) -> Codes:
    """Give the verdict of each entry of which both the formula and its floating-point value are judged.

    A right formula whose value loses digits that rounding need not cost is INACCURATE; where the formula
    could not be decided, the value alone speaks.

    Args:
        formula: codes of the formula.
        floats: codes of its value.
        blameless: whether a value that is off is off for no fault of its own.
    """
    off = is_off(floats) & (not blameless)
    right = (formula == CODE[Verdict.EQUAL]) | (formula == CODE[Verdict.KINK])
    verdict = np.where(off & right, CODE[Verdict.INACCURATE], formula)
    return np.where(off & (formula == CODE[Verdict.UNDECIDED]), np.maximum(floats, formula), verdict).astype(
        np.int8
    )


def _is_blameless(proof: Proof, claimed: Claimed, floats: Floats) -> bool:
    """Tell whether floating-point values that are off are so for no fault of their own."""
    if floats.verdict is Verdict.NOT_FINITE:
        # Where the loss has no gradient, there is no right number either.
        return not proof.has_gradient
    if proof.verdict is Verdict.EQUAL and proof.constants:
        # What its constants are off by is not lost in evaluating it.
        return floats.are_rounded({name: midpoints(each.value) for name, each in proof.agreement.items()})
    if proof.verdict is not Verdict.KINK:
        return False
    # At a kink it is as good as the formula that it evaluates, whatever branch the truth follows.
    half = np.sqrt(FORMATS[floats.dtype].unit_roundoff)
    pairs = [(claimed.floats.get(name), midpoints(each.value)) for name, each in proof.agreement.items()]
    return all(ours is not None and np.allclose(ours, exactly, rtol=half) for ours, exactly in pairs)


def _judged(name: str, shape: tuple[int, ...], floats: Floats | None, proof: Proof | None) -> Judged:
    """Put together what formula and floats say of one parameter."""
    assessed = floats.assessed.get(name) if floats is not None else None
    agreement = None if proof is None else proof.agreement.get(name)
    codes = [] if proof is None else [proof.codes[name]]
    codes += [] if assessed is None else [assessed.verdict.reshape(shape)]
    code = codes[0]
    if floats is not None and len(codes) > 1:
        code = combined(*codes, blameless=floats.blameless)
    return Judged(code, agreement, assessed)


def _said(
    claimed: Claimed, floats: Floats | None, proof: Proof | None, parameters: Mapping[str, Judged]
) -> tuple[Verdict, str]:
    """Give the verdict of all entries, and the reason."""
    for finding in claimed.findings:
        if finding.kind in STRUCTURAL:
            return Verdict.WRONG, finding.text
    if proof is not None:
        verdict = worst([proof.verdict, *(judged.worst for judged in parameters.values())])
        return verdict, _why(verdict, proof, floats)
    return _said_of_floats(claimed, floats)


def _why(verdict: Verdict, proof: Proof, floats: Floats | None) -> str:
    if floats is not None and floats.loses:
        if verdict is Verdict.INACCURATE:
            return f"The formula is right, but its evaluation loses digits. {floats.text}"
        if proof.verdict is Verdict.UNDECIDED:
            return f"{proof.reason} {floats.text}"
    return proof.reason


def _said_of_floats(claimed: Claimed, floats: Floats | None) -> tuple[Verdict, str]:
    why = "" if claimed.formula is None else f"Judged in floating point alone: {claimed.formula.reason}."
    if floats is None:
        return Verdict.UNDECIDED, why or "There is no result to judge."
    return floats.verdict, f"{why} {floats.text}".strip()
