"""`audit`: check what documents claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gradproof.errors import DisagreementError, InputError
from gradproof.scenarios import CATALOGUE, Scenario
from gradproof.scenarios.claim import ClaimVerdict
from gradproof.scenarios.finding import find_scenarios
from gradproof.scenarios.user_code import ends_nothing
from gradproof.scenarios.validation import validate
from gradproof.texts import preformatted
from gradproof.verdicts.audited import check_claims
from gradproof.verdicts.records import ClaimRecord

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        records: one for each claim, in the order of the scenarios and their claims.
    """

    records: tuple[ClaimRecord, ...]

    @cached_property
    def claims(self) -> "pd.DataFrame":
        """A row for each claim; `COLUMNS["claims"]` in `gradproof.reporting.frames` tells the columns."""
        from gradproof.reporting.columns import as_frame  # noqa: PLC0415 - only who looks pays for pandas

        return as_frame("claims", map(vars, self.records))

    def _repr_html_(self) -> str:
        """Give the verdict on each claim, as a notebook shows them."""
        lines = [f"{each.verdict} {each.document}: {each.claim}" for each in self.records]
        return "".join(map(preformatted, lines))

    @property
    def ok(self) -> bool:
        """Whether there are claims, none is refuted, and none that can be checked is undecided."""
        return bool(self.records) and not self._failing

    @property
    def _failing(self) -> list[ClaimRecord]:
        return [
            record
            for record in self.records
            if ClaimVerdict(record.verdict) in {ClaimVerdict.REFUTED, ClaimVerdict.UNDECIDED}
        ]

    def raise_if_refuted(self) -> None:
        """Raise DisagreementError with every claim that is refuted or undecided, or as there is none at all.

        A refuted claim of somebody else's document is a finding and no error, so nothing calls this unasked.
        """
        if not self.records:
            raise DisagreementError("Nothing was checked: no scenario carries a claim. Give it `claims=...`.")
        if not self.ok:
            raise DisagreementError("\n".join(_sentence(record) for record in self._failing))


def _sentence(record: ClaimRecord) -> str:
    cause = f" Cause: {record.cause}." if record.cause else ""
    where = f" ({record.place})" if record.place else ""
    return f"{record.verdict}: {record.claim}: {record.text}{where}. {record.reason}{cause}"


@ends_nothing()
def audit(scenarios: Scenario | str | Sequence[Scenario | str] | None = None) -> Audit:
    """Check what the documents of scenarios claim, in certified arithmetic.

    Nothing is run on a backend: a claim is compared with what is true. A scenario without claims adds none.

    Args:
        scenarios: those whose claims are checked, as `verify` takes them; None for the three documents'.

    Raises:
        InputError: there is no scenario; or one, or what a claim of it states, cannot be worked with.

    >>> import numpy as np
    >>> import gradproof as gp
    >>> scenario = gp.Scenario(
    ...     name="square",
    ...     loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
    ...     params={"w": np.array(2.0)},
    ...     batch={"x": np.array([3.0])},
    ...     source="My notes",
    ...     claims=[
    ...         gp.value_claim("loss", "the loss is 36", "page 1", "36"),
    ...         gp.gradient_claim("dw", "the derivative is 2 w x = 12", "page 2", {"w": "12"}),
    ...     ],
    ... )
    >>> print(audit([scenario]).claims[["claim", "verdict", "exact"]].to_string(index=False))
    claim   verdict exact
     loss CONFIRMED    36
       dw   REFUTED    36
    """
    scenarios = find_scenarios(CATALOGUE if scenarios is None else scenarios)
    if not scenarios:  # an audit of nothing would be ok
        raise InputError("There is no scenario to audit. Name at least one.")
    for scenario in scenarios:
        validate(scenario)
    return Audit(tuple(check_claims(scenarios)))
