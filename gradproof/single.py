"""One gradient at one point: what is true, what rounding may do to it, and whether a given one is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, tree_in_numpy
from gradproof.errors import InputError
from gradproof.inputs import COUNT, SEED, TEXT, accepts, optional
from gradproof.reference import noise
from gradproof.reference.numbers import BallNumbers, Noisy
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import OWN, RunFormats
from gradproof.reference.trees import flatten
from gradproof.reference.truth import exact_gradient
from gradproof.scenarios.scenario import UNNAMED, Scenario
from gradproof.scenarios.user_code import ends_nothing
from gradproof.texts import ShownInNotebooks, visible
from gradproof.verdicts.explaining import explained
from gradproof.verdicts.judging.claimed import Claimed, Place
from gradproof.verdicts.judging.evidence import SAMPLES, PlaceEvidence
from gradproof.verdicts.judging.given import Given, read
from gradproof.verdicts.judging.judge import judge as judge_claim
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.together import is_short
from gradproof.verdicts.numerals import entry, index_texts
from gradproof.verdicts.printing import printed, table_lines, terminal_width, wrapped
from gradproof.verdicts.records import CheckRecord

Array = NDArray[Any]


@dataclass(frozen=True)
class CertifiedArray:
    """An array of numbers, each proven to lie in a ball.

    Attributes:
        balls: the balls, as `flint.arb`.
        midpoint: their midpoints, rounded to float64.
        radius: upper bounds of their radii, as float64; 0 where a number is known exactly.
        digits: correct decimal digits of each; infinite where it is known exactly.
    """

    balls: NDArray[np.object_]
    midpoint: Array
    radius: Array
    digits: Array

    @classmethod
    def of(cls, numbers: BallNumbers) -> "CertifiedArray":
        """Take the only lane of balls."""
        return cls(
            numbers.balls()[0, ...],
            numbers.values()[0, ...],
            numbers.radii()[0, ...],
            numbers.digits()[0, ...],
        )

    def text(self, digits: int = 30) -> NDArray[np.object_]:
        """Write each number as a decimal with the digits that are proven, `digits` at most."""
        texts = [ball.str(digits, radius=False) for ball in self.balls.ravel()]
        return np.array(texts, dtype=object).reshape(self.balls.shape)


SHOWN = 20
"""How many entries are printed of a gradient, and of its noise."""


class TrueGradient(ShownInNotebooks, dict[str, CertifiedArray]):
    """The exact gradient: by dotted parameter name a certified array; printed, a table.

    Attributes:
        value: the loss.
        undecided: why some entries are intervals instead of numbers, a sentence for each reason; empty if
            every entry is as narrow as was asked.
    """

    def __init__(
        self, value: CertifiedArray, gradients: Mapping[str, CertifiedArray], undecided: tuple[str, ...]
    ) -> None:
        """Hold what was computed."""
        super().__init__(gradients)
        self.value = value
        self.undecided = undecided

    def __str__(self) -> str:
        """Give the loss and a table of the entries, as wide as the terminal is."""
        rows = [
            (entry(name, index), text, "all" if np.isinf(digits) else f"{digits:.0f}")
            for name, each in self.items()
            for index, text, digits in zip(
                index_texts(each.balls.shape), each.text().ravel(), each.digits.ravel(), strict=True
            )
        ]
        reasons = [wrapped(reason, terminal_width(), "  ") for reason in self.undecided]
        loss = f"the loss is {self.value.text().item()}"
        return "\n".join([loss, *_listed(("entry", "exact", "digits"), rows), *reasons])


class RoundingNoise(ShownInNotebooks, dict[str, Array]):
    """By dotted parameter name the spread of each entry; printed, a table."""

    def __str__(self) -> str:
        """Give a table of the entries, as wide as the terminal is."""
        rows = [
            (entry(name, index), f"{spread:.4g}")
            for name, spreads in self.items()
            for index, spread in zip(index_texts(spreads.shape), spreads.ravel(), strict=True)
        ]
        return "\n".join(_listed(("entry", "spread"), rows))


def _listed(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out the first rows of a table, and say how many more there are."""
    shown = [[visible(cell) for cell in row] for row in rows[:SHOWN]]
    more = [f"and {len(rows) - SHOWN:,} more"] if len(rows) > SHOWN else []
    return printed(table_lines(header, shown, terminal_width())) + more


@ends_nothing()
@accepts("the gradient", digits=COUNT)
def true_gradient(loss: Any, params: Any, batch: Any, *, digits: int = 30) -> TrueGradient:
    """Compute the exact gradient of a loss, with proof.

    The loss is differentiated by the tape in ball arithmetic, whose precision is raised until every entry
    has the digits asked for. Parameters, data and constants are taken as exactly the numbers that they are.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: a mapping from names to floating-point arrays, nested or not.
        batch: likewise, of data.
        digits: correct decimal digits of each entry.

    Raises:
        InputError: the arrays or the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> gradient = true_gradient(lambda xp, p, b: xp.sum(xp.exp(p["w"])), {"w": np.array([1.0])}, {"x": 0.0})
    >>> gradient["w"].text()[0]
    '2.71828182845904523536028747135'
    """
    scenario = scenario_of(loss, params, batch)
    truth = exact_gradient(scenario.flat_loss, scenario.flat_params, scenario.flat_batch, digits=digits)
    gradients = {name: CertifiedArray.of(gradient) for name, gradient in truth.gradients.items()}
    return TrueGradient(CertifiedArray.of(truth.value), gradients, truth.reasons)


@ends_nothing()
@accepts("the noise", dtype=TEXT, samples=COUNT, seed=SEED)
def rounding_noise(
    loss: Any, params: Any, batch: Any, *, dtype: str = "float32", samples: int = SAMPLES, seed: int = 0
) -> RoundingNoise:
    """Measure what rounding in a dtype does to each entry of the gradient.

    The loss and its derivative are run in stochastic arithmetic (each result is perturbed at random by as
    much as the dtype rounds), some samples at once; the spread of an entry is the root mean square of the
    samples' distances from the exact value. Each operation and each derivative is computed as accurately as
    its rounded operands allow, and rounded once: a program that follows a textbook's formula that cancels may
    lose more.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: a mapping from names to floating-point arrays, nested or not; rounded to the dtype first.
        batch: likewise, of data.
        dtype: float64, float32, float16, bfloat16, or a float8 such as float8_e4m3fn; `own` for each array's
            own.
        samples: noisy runs.
        seed: of the noise.

    Returns:
        a dictionary: by dotted name, the spread of each entry, as float64 of the parameter's shape.

    >>> spread = rounding_noise(lambda xp, p, b: xp.sum(p["w"] ** 2 / 3), {"w": np.array([1.0])}, {"x": 0.0})
    >>> bool(0 < spread["w"][0] < 2.0**-22)
    True
    """
    scenario = scenario_of(loss, params, batch)
    place = _rounded(scenario, dtype)
    arguments = (scenario.flat_loss, place.params, place.batch)
    kind = Noisy.of(scenario.formats(dtype), samples=samples, seed=seed)
    spreads = noise.rounding_noise(*arguments, exact_gradient(*arguments), kind)
    return RoundingNoise({name: spread[0, ...] for name, spread in spreads.items()})


@ends_nothing()
@accepts("the gradient", dtype=optional(TEXT))
def judge(
    loss: Any, params: Any, batch: Any, gradients: Any, *, dtype: str | None = None, strict: bool = False
) -> Judgement:
    """Say whether a computed gradient is as good as its dtype allows.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: where the gradient was computed: a mapping from names to arrays, nested or not; rounded to the
            dtype first, as the implementation had them.
        batch: likewise, of data.
        gradients: what was computed, laid out as `params`; arrays of NumPy, PyTorch or JAX.
        dtype: what it was computed in: float64, float32, float16, bfloat16, or a float8 (float8_e4m3fn, say);
            `own` for a model whose parameters have several, each its own. None for what the arrays tell: the
            coarsest that the gradients and the parameters are of (each its own where a parameter's is shorter
            than float32), and float32 where float64 arrays hold nothing but numbers of float32.
        strict: as for `check`.

    Raises:
        InputError: the gradients have other names or shapes than the parameters, or an input is bad.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> def loss(xp, params, batch):
    ...     return xp.sum(xp.tanh(params["w"]) ** 2)
    >>> w = np.array([0.5, 1.0], dtype=np.float32)
    >>> right = 2 * np.tanh(w) * (1 - np.tanh(w) ** 2)
    >>> judge(loss, {"w": w}, {"x": 0.0}, {"w": right}).verdict
    <Verdict.AGREES: 'AGREES'>
    >>> judge(loss, {"w": w}, {"x": 0.0}, {"w": 2 * np.tanh(w)}).verdict
    <Verdict.DISAGREES: 'DISAGREES'>
    """
    scenario = scenario_of(loss, params, batch)
    given = _given(scenario, gradients)
    formats = _told_by(scenario, given) if dtype is None else scenario.formats(dtype)
    formats = formats.given(given.dtypes) if formats.own else formats
    place = Place(scenario.flat_params, scenario.flat_batch).rounded(formats)
    framework = None if given.framework is NUMPY else given.framework
    claimed = Claimed(place, given.values, formats, framework=framework)
    evidence = PlaceEvidence(scenario.flat_loss, place, formats)
    found = replace(judge_claim(claimed, evidence), strict=strict)
    return explained(found, scenario.flat_loss)


def scenario_of(loss: Any, params: Any, batch: Any) -> Scenario:
    """Take a loss with its arrays as they come: of any framework, on any device, requiring a gradient or not.

    Raises:
        InputError: they cannot be worked with.
    """
    return Scenario(name=UNNAMED, loss=loss, params=tree_in_numpy(params), batch=tree_in_numpy(batch))


def record_of(
    judgement: Judgement, test: str, failing_point: str = "", *, seed: int = 0, points: str = ""
) -> CheckRecord:
    """Give what a report tells of a judgement.

    Args:
        judgement: what was said.
        test: who asked: a test as pytest names it, or what the command was asked to look at.
        failing_point: where a failing point was saved; empty where none was.
        seed: what points were drawn with.
        points: at how many points it was checked, in words.
    """
    cause = judgement.cause
    return CheckRecord(
        test=test,
        verdict=str(judgement.verdict),
        ok=judgement.ok,
        digits=float(f"{judgement.digits:.1f}"),
        dtype=judgement.dtype,
        seed=seed,
        points=points,
        cause="" if cause is None else cause.text,
        where="" if cause is None else cause.where,
        reason=f"{judgement.reason} {judgement.unexplained}".strip(),
        findings="; ".join(finding.text for finding in judgement.findings),
        failing_point=failing_point,
    )


def _rounded(scenario: Scenario, dtype: str) -> Place:
    """Round a scenario's arrays to a dtype, as an implementation in that dtype is given them."""
    return Place(scenario.flat_params, scenario.flat_batch).rounded(scenario.formats(dtype))


def _told_by(scenario: Scenario, given: Given) -> RunFormats:
    """Tell what a gradient was computed in, where its owner does not: by what it is held in."""
    coarsest = scenario.own_formats.coarsest
    if is_short(coarsest):
        return scenario.formats(OWN)
    formats = RunFormats(coarsest).given(given.dtypes)
    short = FORMATS["float32"]
    with np.errstate(over="ignore"):
        held = all(np.array_equal(short.rounded(a), a, equal_nan=True) for a in given.values.values())
    return RunFormats("float32") if held and formats.dtype == "float64" else formats


def _given(scenario: Scenario, gradients: Any) -> Given:
    """Read the gradients.

    Raises:
        InputError: one is missing, or of another shape than its parameter.
    """
    leaves, _ = flatten(gradients, "gradients")
    given = read(leaves, {name: array.shape for name, array in scenario.flat_params.items()})
    if given.findings:
        raise InputError(" ".join(finding.text for finding in given.findings))
    return given
