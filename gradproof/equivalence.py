"""`equivalent`: whether two scenarios are one function, of whatever frameworks they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradproof.errors import DisagreementError, InputError
from gradproof.inputs import SEED, accepts, instance_of, optional
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import ends_nothing
from gradproof.texts import ShownInNotebooks, visible
from gradproof.verdicts.checking.own import Terms
from gradproof.verdicts.checking.own_points import PointsWanted, Tally, search_points
from gradproof.verdicts.equivalence.first_difference import first_difference
from gradproof.verdicts.equivalence.other_loss import VALUE, OtherGradient, scaled
from gradproof.verdicts.equivalence.pairing import Counterpart, Pairing, pair
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import SHOWN, Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.printing import printed, table_lines, terminal_width, wrapped
from gradproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

POINTS = 12
"""How many points of its own `equivalent` draws if it is not told."""


@dataclass(frozen=True, eq=False)
class Equivalence(ShownInNotebooks):
    """What `equivalent` found.

    Attributes:
        judgement: of the other's value and gradient, as what is claimed of the first one's, at the point that
            is shown: the failing one or the given one.
        counterparts: by parameter, what it is called in the other scenario, and how it is laid out there.
        points: what became of the points of its own.
        seed: what they were drawn with.
        where: the first operation whose value differs, in both; empty where all are the same.
        notes: what was noticed, a sentence each.
        label: which point is shown.
    """

    judgement: Judgement = field(repr=False)
    counterparts: Mapping[str, str]
    points: Tally
    seed: int
    where: str = ""
    notes: tuple[str, ...] = ()
    label: str = "the given point"

    @property
    def verdict(self) -> Verdict:
        """EQUAL, WRONG where the two are proven to differ, UNDECIDED or KINK."""
        found = self.judgement.verdict
        if found is Verdict.WRONG and not _are_apart(self.judgement):
            return Verdict.UNDECIDED  # at a kink the other's gradient is an interval, too
        # The other's floats are its balls, rounded: what is lost in them is nobody's fault.
        return Verdict.EQUAL if found is Verdict.INACCURATE else found

    @property
    def ok(self) -> bool:
        """Whether the two are one function wherever it was looked."""
        return self.verdict.accepted(strict=False)

    @property
    def digits(self) -> float:
        """Decimal digits to which value and gradient are proven to agree, the worst entry's."""
        return self.judgement.digits

    @property
    def differing(self) -> tuple[str, ...]:
        """The parameters whose gradients differ, `the loss itself` first where its value does."""
        return tuple(sorted(_differing(self.judgement), key=lambda name: name != VALUE))

    @cached_property
    def entries(self) -> "pd.DataFrame":
        """A row for each entry of the gradient, and one for the value, the worst first.

        Columns: parameter, index, first (a decimal with the digits that are proven), other, error and
        relative_error (upper bounds), equal (whether the two are proven to be the same).
        """
        table = self.judgement.entries
        equal = [Verdict(verdict) in {Verdict.EQUAL, Verdict.INACCURATE} for verdict in table["verdict"]]
        table = table.rename(columns={"exact": "first", "value": "other"}).assign(equal=equal)
        return table[["parameter", "index", "first", "other", "error", "relative_error", "equal"]]

    def raise_if_different(self) -> None:
        """Raise DisagreementError with what differs, unless the two are one function."""
        if not self.ok:
            raise DisagreementError(self.told())

    def told(self, width: int | None = None) -> str:
        """Tell it in words, in lines of at most so many columns; None for any number."""
        if self.ok:
            how = "exactly" if np.isinf(self.digits) else f"to {self.digits:.0f} digits"
            head = f"EQUAL {how}, value and gradient, at {self.label}; {self.points}; seed {self.seed}"
        elif self.verdict is Verdict.WRONG:
            head = f"DIFFERENT at {visible(self.label)}"
        else:
            head = f"{self.verdict} at {visible(self.label)}"
        lines = [wrapped(head, width, "  ")]
        if not self.ok:
            what = ", ".join("its value" if name == VALUE else f"∂/∂{name}" for name in self.differing)
            reason = "" if self.verdict is Verdict.WRONG else self._open
            texts = [("differs", visible(what)), ("where", self.where), ("why", reason)]
            lines += [wrapped(f"  {label:<8} {text}", width, " " * 11) for label, text in texts if text]
            lines += self._worst_entries(width)
        lines += [wrapped(f"  note     {note}", width, " " * 11) for note in self.notes]
        return "\n".join(lines)

    @property
    def _open(self) -> str:
        """Why it is not decided."""
        if self.judgement.verdict is Verdict.WRONG:
            return "A gradient is no single number there: the balls of the two overlap, and do not narrow."
        return self.judgement.reason

    def _worst_entries(self, width: int | None) -> list[str]:
        rows = [
            (
                visible(entry(row["parameter"], row["index"])),
                *(row["first"], repr(float(row["other"])), f"{row['relative_error']:.4g}"),
            )
            for row in self.entries[~self.entries["equal"]].head(SHOWN).to_dict("records")
        ]
        header = ("entry", "the first one's", "the other's", "relative error")
        room = None if width is None else width - 2
        return [f"  {line}".rstrip() for line in printed(table_lines(header, rows, room))]

    def __str__(self) -> str:
        """Tell it as wide as the terminal is."""
        return self.told(terminal_width())


@ends_nothing()
@accepts(
    "the comparison",
    scenario=instance_of(Scenario, "a gradproof.Scenario"),
    other=instance_of(Scenario, "a gradproof.Scenario"),
    names=optional(instance_of(Mapping, "a mapping from names of the first scenario to the other's")),
    points=SEED,
    seed=SEED,
)
def equivalent(
    scenario: Scenario,
    other: Scenario,
    names: Mapping[str, Counterpart] | None = None,
    *,
    points: int = POINTS,
    seed: int = 0,
) -> Equivalence:
    """Say whether two scenarios are one function of their parameters and data: a model and its port, say.

    Value and gradient of both are computed in certified arithmetic at the first one's parameters and data,
    and at points of its own, as `check` draws them. No float is compared. Where the values differ, the first
    operation is told whose value the other lacks, with its line in both.

    Arrays are paired as `names` says, by name, by the numbers that they hold (in whatever order of axes and
    shape: a weight that is transposed is found so), and by their shape. Data that has no counterpart stays as
    it is at all points; a parameter must have one.

    Args:
        scenario: one function, with the parameters and the data to compare at.
        other: another one; of its own parameters only the layout counts.
        names: from names of the first one's parameters and data to what the other calls them, where that is
            not found: `{"blocks.0.w": "layer0.kernel"}`, or with the order of the axes
            `{"w": ("kernel", (1, 0))}`. A slash may stand for a dot.
        points: how many points of its own to draw; 0 for none.
        seed: what they are drawn with.

    Raises:
        InputError: a parameter has no counterpart, or an argument cannot be worked with.
        UnsupportedError: a loss uses something that the tape cannot follow.

    Source: two analytic functions that agree at a random point to N digits are the same but for a set of
    measure 0; that is why points are drawn.

    >>> def loss(xp, params, batch):
    ...     return xp.sum((batch["x"] @ params["w"]) ** 2)
    >>> def port(xp, params, batch):
    ...     return xp.sum(xp.square(xp.sum(params["kernel"] * batch["x"][:, None, :], axis=-1)))
    >>> w, batch = np.array([[0.5, -1.0], [2.0, 0.25]]), {"x": np.array([[1.0, 2.0], [0.5, -1.5]])}
    >>> here = Scenario(name="here", loss=loss, params={"w": w}, batch=batch)
    >>> there = Scenario(name="there", loss=port, params={"kernel": w.T}, batch=batch)
    >>> equivalent(here, there).ok
    True
    """
    _check_names(scenario, names or {})
    params, batch = (
        pair(ours, theirs, names or {})
        for ours, theirs in (
            (scenario.flat_params, other.flat_params),
            (scenario.flat_batch, other.flat_batch),
        )
    )
    _check_parameters(params)
    claim = OtherGradient(other, params.fits, batch.fits)
    given = Place({**scenario.flat_params, VALUE: np.array(1.0)}, scenario.flat_batch)
    user = UserGradient(
        Scenario(name=scenario.name, loss=scaled(scenario.flat_loss), params=given.params, batch=given.batch),
        claim,
    )
    found, place, label, tally = judge_at(user, given, "float64"), given, "the given point", Tally()
    if points and found.verdict in {Verdict.EQUAL, Verdict.INACCURATE}:
        fixed = frozenset({VALUE, *batch.alone})
        terms = Terms(RunFormats("float64"), found.claimed.takes, found.scales)
        searched = search_points(user, given, PointsWanted(points, seed, fixed), terms)
        tally = searched.tally
        if searched.worst is not None and searched.point is not None and not searched.worst.ok:
            found, place = searched.worst, searched.point.place
            label = f"a point of its own, {searched.point.label}"
    where = ""
    if found.verdict is Verdict.WRONG and VALUE in _differing(found):
        where = first_difference(scenario.flat_loss, _own(place), other.flat_loss, claim.place_of(place))
    counterparts = {name: str(fit) for name, fit in params.fits.items()}
    return Equivalence(found, counterparts, tally, seed, where, tuple(_notes(params, batch)), label)


def _check_names(scenario: Scenario, names: Mapping[str, Counterpart]) -> None:
    known = [*scenario.flat_params, *scenario.flat_batch]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"names= has {unknown[0]!r}, and scenario {scenario.name!r} has no array of that name. Choose "
            f"from {', '.join(known)}."
        )


def _check_parameters(params: Pairing) -> None:
    for here, names in (("The first", params.alone), ("The other", params.others_alone)):
        if names:
            raise InputError(
                f"{here} scenario's parameter {names[0]!r} has no counterpart that could be told by its "
                'name, its numbers or its shape. Say which one it is: names={"name": "other"}.'
            )


def _notes(params: Pairing, batch: Pairing) -> Iterator[str]:
    """Tell what was not as one would expect."""
    for kind, pairing in (("parameters", params), ("data", batch)):
        if pairing.differ:
            names = ", ".join(pairing.differ)
            yield (
                f"The other scenario was given other numbers for these {kind}: {names}. Both were computed "
                "with the first one's."
            )
    for which, alone in (("first", batch.alone), ("other", batch.others_alone)):
        if alone:
            yield f"Data of the {which} scenario alone stays as it is at all points: {', '.join(alone)}."


def _own(place: Place) -> Place:
    """Give the place without the parameter that stands for the value."""
    return Place({name: array for name, array in place.params.items() if name != VALUE}, place.batch)


def _are_apart(judgement: Judgement) -> bool:
    """Tell whether an entry is proven to differ."""
    agreements = [judged.agreement for judged in judgement.parameters.values()]
    return any(each is not None and bool(np.any(each.apart)) for each in agreements)


def _differing(judgement: Judgement) -> list[str]:
    """Name the parameters whose gradients differ."""
    found = judgement.parameters.items()
    return [name for name, judged in found if not judged.worst.accepted(strict=False)]
