"""Looking for a point of the check's own at which a gradient is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradproof.errors import GradproofError
from gradproof.verdicts.checking.candidates import candidates, known_of
from gradproof.verdicts.checking.explanations import (
    Trial,
    Trials,
    beside,
    necessary,
    rests_on_order,
    right_values,
    sufficient,
    told,
)
from gradproof.verdicts.checking.one_example import with_more_examples
from gradproof.verdicts.checking.own import Terms, judge_own
from gradproof.verdicts.checking.places import Drawer, Item, Items
from gradproof.verdicts.checking.points import PLANS, Phase, Plan, Point, plans
from gradproof.verdicts.checking.properties import Worth
from gradproof.verdicts.checking.unknown_laws import Laws, made_anew, reads
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Arrays, Place
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.verdict import Verdict

Failure = tuple[Judgement, Point]

_ENTRIES = 400_000
"""So many entries of parameters and data are looked at in points of the check's own, all points together."""

_CONDITIONS = 8
"""So many conditions are told at most."""


@dataclass
class Tally:
    """What became of the check's own points.

    Attributes:
        asked: how many were asked for.
        checked: points at which the gradient was judged.
        dropped: points outside the loss's domain, where it has no gradient.
        undecided: points at which no verdict was reached.
        raised: points at which the gradient raised, with what it said first.
        left_out: points that were not drawn, because the arrays are large.
        unbroken: points at which data was to lose what it is, and the loss has no gradient without it.
        unmoved: how often an array was left as it is, since nothing else was found that keeps what it is.
    """

    asked: int = 0
    checked: int = 0
    dropped: int = 0
    undecided: int = 0
    left_out: int = 0
    unbroken: int = 0
    unmoved: int = 0
    raised: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Tell the counts in words."""
        if not self.asked:
            return "no points of its own"
        parts = [f"{self.checked} points of its own"]
        if self.dropped:
            parts.append(f"{self.dropped} dropped (outside the loss's domain)")
        if self.unbroken:
            parts.append(f"{self.unbroken} not to be had (the loss needs its data to be what it is)")
        if self.undecided:
            parts.append(f"{self.undecided} undecided")
        if self.raised:
            parts.append(f"{len(self.raised)} at which the gradient raised")
        if self.unmoved:
            parts.append(f"arrays left as they are {self.unmoved} times (nothing else is what they are)")
        if self.left_out:
            parts.append(f"{self.left_out} left out (the arrays are large)")
        return ", ".join(parts)

    @property
    def mostly_dropped(self) -> bool:
        """Whether the gradient was judged at fewer than half of the points."""
        return 2 * (self.dropped + len(self.raised) + self.undecided) > self.asked


@dataclass(frozen=True)
class Condition:
    """Something that a right gradient rests on: data of the user's has it, and other data may not.

    Attributes:
        arrays: the names of the arrays that it is about.
        properties: slugs of what they have; `relation` where they belong together, `length` where there
            must be so many rows, `law` where nothing else is known of their numbers.
        text: a sentence.
    """

    arrays: tuple[str, ...]
    properties: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, arrays: tuple[str, ...], properties: tuple[str, ...], what: str) -> "Condition":
        """Make one of what is so in the user's data."""
        text = f"It is right wherever {what}, as in your data; elsewhere it is not."
        return cls(arrays, properties, text)

    @classmethod
    def of_numbers(cls, arrays: tuple[str, ...]) -> "Condition":
        """Make one of arrays whose numbers obey a law that is not known."""
        names, belong = (
            " and ".join(arrays),
            "belong together as they do" if len(arrays) > 1 else "is as it is",
        )
        law = "they obey a law that" if len(arrays) > 1 else "it obeys a law that"
        text = (
            f"It is right where {names} {belong} in your data, and wrong of other numbers, however near: "
            f"{law} this check does not know. Whether other data obeys it, too, was not checked."
        )
        return cls(arrays, ("law",), text)

    def __str__(self) -> str:
        """Give the text."""
        return self.text


@dataclass(frozen=True)
class Searched:
    """What was found at the check's own points.

    Attributes:
        worst: what is said at the first point at which the gradient does not pass, else at the first at which
            only its evaluation loses digits; None if there is neither.
        point: that point.
        findings: what else was noticed.
        tally: what became of the points.
        conditions: what the gradient rests on, and the user's data has.
    """

    worst: Judgement | None
    point: Point | None
    findings: tuple[CheckFinding, ...]
    tally: Tally
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class PointsWanted:
    """What points a user wants.

    Attributes:
        count: how many.
        seed: what they are drawn with.
        fixed: names of arrays that stay as they are.
        batches: the only data to use beside that of the user's point, if it is given.
    """

    count: int
    seed: int = 0
    fixed: frozenset[str] = frozenset()
    batches: Sequence[Arrays] | None = None


def search_points(gradient: UserGradient, given: Place, wanted: PointsWanted, terms: Terms) -> Searched:
    """Judge a gradient at points of the check's own, until one proves it wrong.

    Args:
        gradient: whose.
        given: the user's point, which tells what the data is.
        wanted: how many points, and which.
        terms: on which terms, as the user's point showed them.
    """
    if not wanted.count:
        return Searched(None, None, (), Tally())
    return _Search(gradient, given, wanted, terms).searched()


class _Search:
    """One search.

    Attributes:
        kept: what a condition was found for, and is broken no more.
    """

    def __init__(self, gradient: UserGradient, given: Place, wanted: PointsWanted, terms: Terms) -> None:
        """Look at the user's point."""
        self.given, self.wanted = given, wanted
        self.tally = Tally(asked=wanted.count)
        self.known = known_of(gradient, given, terms, wanted.fixed)
        self.drawer = Drawer(given, self.known)
        self.trials = Trials(gradient, self.drawer, terms, wanted.seed)
        self.findings: dict[tuple[str, str], CheckFinding] = {}
        self.conditions: list[Condition] = []
        self.kept: set[Item] = set()
        self.inaccurate: Failure | None = None

    def searched(self) -> Searched:
        """Search."""
        entries = sum(a.size for arrays in (self.given.params, self.given.batch) for a in arrays.values())
        allowed = min(self.wanted.count, max(1, _ENTRIES // max(entries, 1)))
        self.tally.left_out = self.wanted.count - allowed
        if self.wanted.batches is None:
            failed = self._with_more_examples() or self._at_plans(allowed)
        else:
            failed = self._at_batches(self.wanted.batches[:allowed])
        self.tally.unmoved = self.drawer.unmoved
        if failed is not None:
            self._note("own-point", "At your own point the gradient passes; points=0 judges it there alone.")
        if self.tally.mostly_dropped:
            self._note(
                "mostly-dropped",
                f"Of {self.tally.asked} points of the check's own, the gradient was judged at "
                f"{self.tally.checked} only: at the others the loss has no gradient, or there is no verdict. "
                "Little more than your own point was checked. Give data that the loss is made for as "
                "batches=.",
            )
        worst, point = failed or self.inaccurate or (None, None)
        if point is not None and point.usual:
            worst = judge_own(self.trials.gradient, point, self.trials.terms, for_show=True) or worst
        found = tuple(self.findings.values())
        return Searched(worst, point, found, self.tally, tuple(self.conditions))

    def _note(self, kind: str, text: str) -> None:
        self.findings[kind, text] = CheckFinding(kind, text)

    # -------------------------------------------------------------- the points, one after the other

    def _at_plans(self, count: int) -> Failure | None:
        for number, plan in plans(count):
            for _ in range(_CONDITIONS):
                failed = self._at_plan(number, plan)
                if failed is None:
                    break
                if self._is_wrong(number, plan, failed):
                    return failed
                self.tally.checked -= 1  # it is drawn again, keeping what the condition says
            if plan.phase is Phase.NATURES:
                self._with_another_length(number)
        return None

    def _at_plan(self, number: int, plan: Plan) -> Failure | None:
        """Judge at a point of a plan, the first one that the loss has a gradient at; what fails there."""
        raised = ""
        broken = self._broken(plan)
        for point in candidates(self.trials, number, plan, broken):
            try:
                found = self.trials.judged(point)
            except GradproofError as error:
                raised = raised or str(error)
                continue
            if found is not None:
                return self._counted(found, point, plan.phase)
        if raised:
            self.tally.raised.append(raised)
        elif plan.phase is Phase.NATURES and broken:
            self.tally.unbroken += 1
        else:
            self.tally.dropped += 1
        return None

    def _counted(self, found: Judgement, point: Point, phase: Phase) -> Failure | None:
        """Count a judgement; what fails."""
        if found.verdict is Verdict.UNDECIDED:
            self.tally.undecided += 1
            return None
        self.tally.checked += 1
        if self.trials.is_failure(found):
            return found, point
        if phase is not Phase.NATURES:
            # Of data that is none of the user's nobody needs to know how many digits are lost.
            for finding in found.findings:
                self.findings.setdefault((finding.kind, ""), finding)
            if found.verdict is Verdict.INACCURATE and self.inaccurate is None:
                self.inaccurate = found, point
        return None

    def _broken(self, plan: Plan) -> Items:
        """Give what is not kept at a point of a plan: nothing that a condition was found for."""
        if plan.phase <= Phase.DATA:
            return frozenset()
        worth = Worth.NATURE if plan.phase is Phase.NATURES else Worth.ACCIDENT
        rare = {"no-zero", "no-ties"} - plan.also if worth is Worth.ACCIDENT else set()
        return frozenset(
            item
            for item in self.known.of_worth(worth)
            if item.slug not in rare and not self.kept & self.known.broken_with(item)
        )

    # -------------------------------------------------------------- why a point fails

    def _is_wrong(self, number: int, plan: Plan, failed: Failure) -> bool:
        """Tell whether a failure is the gradient's fault; else it is a condition, which is noted."""
        if plan.phase is Phase.PARAMETERS:
            return True
        broken = self._broken(plan)
        trial = Trial(self.trials, plan, number)
        accidents = plan.phase is Phase.ACCIDENTS
        if not broken or trial.fails(frozenset()) or (accidents and not trial.fails(broken)):
            # Not what is broken makes it fail: it does without that, or seldom with it.
            return not self._rests_on_a_law(number, plan, failed)
        if plan.phase is Phase.NATURES:
            found = sufficient(trial, self.known, broken)
            self._tell_condition((*found, *beside(trial, self.known, broken, found)))
            return False
        found = necessary(trial, self.known, broken)
        if len(found) == 1:
            # Who does not read an array has not written a formula for its values.
            unread = found[0].slug == "constant" and not reads(
                self.trials, found[0].view.name, of_gradient=True
            )
            values = "" if unread else right_values(trial, self.known, found[0])
            if values or rests_on_order(trial, found[0]) or made_anew(self.trials, found[0]):
                self._tell_condition(found, values)
                return False
        self._note("hidden-by-data", f"Hidden by your data: {told(found)}.")
        return True

    def _rests_on_a_law(self, number: int, plan: Plan, failed: Failure) -> bool:
        """Tell whether a gradient is right of arrays that are just so; that is noted, and they stay so."""
        if any(
            len(array) != len(self.given.batch[name])
            for name, array in failed[1].place.batch.items()
            if array.ndim
        ):
            return False  # of other numbers of rows it is to be right in any case
        names = Laws(self.trials, plan, number, failed[1].place).found()
        if not names:
            return False
        self.conditions.append(
            Condition.of_numbers(tuple(name for name in self.given.batch if name in names))
        )
        self.known = replace(self.known, fixed=self.known.fixed | names)
        self.drawer.known = self.known
        return True

    def _tell_condition(self, items: Sequence[Item], instead: str = "") -> None:
        self.kept |= set(items)
        names = tuple(dict.fromkeys(item.view.name for item in items))
        slugs = tuple(dict.fromkeys(item.slug for item in items))
        self.conditions.append(Condition.of(names, slugs, instead or told(items)))

    def _with_another_length(self, number: int) -> None:
        """Look whether a gradient rests on how many rows there are, where its code holds that number."""
        rows = self.drawer.leading
        length = len(self.given.batch[rows[0]]) if rows else 0
        if length not in self.known.lengths or any("length" in each.properties for each in self.conditions):
            return
        random = np.random.default_rng([self.wanted.seed, number, 2])
        place = self.drawer.rows(PLANS[0].how, frozenset(), random, "left out", other_lengths=True)
        try:
            found = None if place is None else self.trials.judged(Point(place, "", self.wanted.seed))
        except GradproofError:
            return
        if found is not None and found.parameters and self.trials.is_failure(found):
            text = f"{' and '.join(rows)} {'has' if len(rows) == 1 else 'have'} {length} rows"
            self.conditions.append(Condition.of(tuple(rows), ("length",), text))

    # -------------------------------------------------------------- other data

    def _at_batches(self, batches: Sequence[Arrays]) -> Failure | None:
        """Judge where the user's own function gives the data: with the given parameters, and with others."""
        for number, batch in enumerate(batches):
            random = np.random.default_rng([self.wanted.seed, number, 1])
            moved = self.drawer.draw(PLANS[0].how, frozenset(), random, data=False)
            params = self.given.params if number % 2 or moved is None else moved.params
            point = Point(Place(params, batch), f"with batch {number} of yours", self.wanted.seed)
            try:
                found = self.trials.judged(point)
            except GradproofError as error:
                self.tally.raised.append(str(error))
                continue
            if found is None:
                self.tally.dropped += 1
                continue
            failed = self._counted(found, point, Phase.DATA)
            if failed is not None:
                return failed
        return None

    def _with_more_examples(self) -> Failure | None:
        """Judge with several examples where one was given; a failure there is a fault."""
        failed, finding = with_more_examples(self.trials)
        if finding is not None:
            self.findings[finding.kind, ""] = finding
        return failed
