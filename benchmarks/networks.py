"""Random correct networks: whether a correct program is ever accused, and how large its errors are.

A framework that is really wrong at some weights is rightly accused. Every accusation is therefore checked
with a second opinion that has nothing in common with the tape: the loss in mpmath with 200 digits, and its
difference quotient.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np
from loky import get_reusable_executor
from numpy.typing import NDArray

from benchmarks.timing import print_figures
from gradproof.backends import Run, load_backend
from gradproof.reference.descent import GradientDescent
from gradproof.reference.stepping import After
from gradproof.scenarios import Scenario
from gradproof.scenarios.dense_network import dense_network
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.judging.evidence import Evidence
from gradproof.verdicts.judging.floats import assess
from gradproof.verdicts.steps import stepping_of
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import SEVERITY, Verdict

Array = NDArray[Any]

NETWORKS = 1000
DRAWS = 10
"""Networks that share their shapes: eager JAX compiles each operation anew for each shape."""

IMPLEMENTATIONS = {"reference": "numpy", "torch": "eager", "jax": "eager"}
DTYPES = ("float64", "float32")
LIMITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu")
LOSSES = ("half_sum_squared_error", "sum_squared_error", "mean_squared_error", "binary_cross_entropy")

EPSILON = 1e-12
"""PyTorch's binary cross-entropy divides by p (1 - p), or by this where that is smaller."""


@dataclass(frozen=True)
class Network:
    """What a dense network is drawn from; `scenario` builds it."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    biases: bool
    examples: int
    input_scale: float
    seed: int

    def scenario(self) -> Scenario:
        """Build the network, with one training step and without predictions."""
        scenario = dense_network(
            self.sizes,
            self.activations,
            self.loss,
            biases=self.biases,
            examples=self.examples,
            input_scale=self.input_scale,
            seed=self.seed,
            training=GradientDescent(learning_rate=0.1, steps=1),
        )
        return replace(scenario, predict=None)


def random_network(number: int) -> Network:
    """Draw one of the networks; numbers of the same `DRAWS` share their shapes."""
    shape = np.random.default_rng([1, number // DRAWS])
    depth = int(shape.integers(1, 5))
    loss = LOSSES[int(shape.integers(len(LOSSES)))]
    activations = [ACTIVATIONS[int(choice)] for choice in shape.integers(0, len(ACTIVATIONS), depth)]
    if loss == "binary_cross_entropy":
        activations[-1] = "sigmoid"
    return Network(
        sizes=tuple(int(width) for width in shape.integers(1, 65, depth + 1)),
        activations=tuple(activations),
        loss=loss,
        biases=bool(shape.integers(2)),
        examples=int(shape.integers(1, 33)),
        input_scale=float(10.0 ** np.random.default_rng([2, number]).uniform(-3, 3)),
        seed=number,
    )


@dataclass(frozen=True)
class Finding:
    """A gradient that does not pass: its worst entry, as judged and by the second opinion.

    Attributes:
        error: |value - exact| / |exact|, by the second opinion.
        deviation: by how many units of its last digit the exact value that was judged by, a decimal, differs
            from the second opinion.
        saturated: whether the loss is a binary cross-entropy some of whose probabilities are, in the run's
            dtype, so near 0 or 1 that p (1 - p) is below `EPSILON`.
    """

    number: int
    backend: str
    dtype: str
    parameter: str
    entry: tuple[int, ...]
    verdict: str
    value: float
    exact: str
    error: float
    deviation: float
    saturated: bool


@dataclass
class Ratios:
    """Errors of entries in spreads of one of the two rounding noises, in the networks that pass.

    Attributes:
        worst: of each parameter, its worst entry's.
        squares: the sum of the squares of all entries'.
        exceeding: how many entries are above each of `LIMITS`.
        entries: how many there are.
    """

    worst: list[float] = field(default_factory=list)
    squares: float = 0.0
    exceeding: Array = field(default_factory=lambda: np.zeros(len(LIMITS), dtype=np.int64))
    entries: int = 0

    def count(self, ratios: Array) -> None:
        """Count the entries of a parameter."""
        self.worst.append(float(np.max(ratios)))
        self.squares += float(np.sum(ratios**2))
        self.exceeding = self.exceeding + [int(np.sum(~(ratios <= limit))) for limit in LIMITS]
        self.entries += ratios.size

    def add(self, other: "Ratios") -> None:
        """Add what others counted."""
        self.worst += other.worst
        self.squares += other.squares
        self.exceeding = self.exceeding + other.exceeding
        self.entries += other.entries

    @property
    def rms(self) -> float:
        """The root mean square of all entries."""
        return float(np.sqrt(self.squares / self.entries))


@dataclass
class Tally:
    """What was said of one backend's gradients and updates in one dtype.

    Attributes:
        verdicts: of parameters, each of which has its worst entry's.
        entries: of entries.
        accused: networks with a verdict that does not pass.
        operations: in spreads of the noise operation by operation.
        textbook: in spreads of the textbook's formulas.
        findings: one for each network with a gradient that does not pass.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    accused: set[int] = field(default_factory=set)
    operations: Ratios = field(default_factory=Ratios)
    textbook: Ratios = field(default_factory=Ratios)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what another tally counted."""
        self.verdicts += other.verdicts
        self.entries += other.entries
        self.accused |= other.accused
        self.operations.add(other.operations)
        self.textbook.add(other.textbook)
        self.findings += other.findings


Tallies = dict[tuple[str, str], Tally]


def survey(
    numbers: Iterable[int],
    backends: Sequence[str] = tuple(IMPLEMENTATIONS),
    dtypes: Sequence[str] = DTYPES,
) -> Tallies:
    """Run and judge networks, and tally every verdict by backend and dtype."""
    tallies: Tallies = {(backend, dtype): Tally() for backend in backends for dtype in dtypes}
    for number in numbers:
        network = random_network(number)
        scenario = network.scenario()
        for backend, dtype in tallies:
            with np.errstate(all="ignore"):  # the reference's NumPy overflows where it saturates
                run = load_backend(backend).run(scenario, dtype=dtype, variant=IMPLEMENTATIONS[backend])
            tallies[backend, dtype].add(judged(number, network, scenario, run))
    return tallies


def judged(number: int, network: Network, scenario: Scenario, run: Run) -> Tally:
    """Judge every entry of a run of one step."""
    weights = {name: weight[:1] for name, weight in run.weights.items()}
    batch = {name: array[np.newaxis] for name, array in scenario.arrays(run.dtype)[1].items()}
    stepping = stepping_of(scenario, run, slice(0, 1))
    evidence = Evidence(scenario.flat_loss, weights, batch, run.dtype, stepping)
    updated = {name: weight[1:] for name, weight in run.weights.items()}
    updates = {name: evidence.steps[After(name)] for name in updated}
    tally = Tally()
    failing = []
    for computed, known in ((run.gradients, evidence.gradients), (updated, updates)):
        for name, value in computed.items():
            assessment = assess(value, known[name], run.dtype)
            judgement = judge_entries(name, value, known[name], run.dtype)
            verdict = judgement.worst_verdict()
            tally.verdicts[verdict] += 1
            codes, counts = np.unique(assessment.verdict, return_counts=True)
            tally.entries += Counter({SEVERITY[c]: int(n) for c, n in zip(codes, counts, strict=True)})
            tally.operations.count((assessment.error / assessment.spread).ravel())
            textbook = known[name].textbook_spread().reshape(assessment.error.shape)
            spread = np.maximum(assessment.widest, np.where(np.isfinite(textbook), textbook, 0.0))
            tally.textbook.count((assessment.error / spread).ravel())
            if not verdict.passes:
                tally.accused.add(number)
                if computed is run.gradients:
                    failing.append(judgement)
    if tally.accused:
        tally.operations, tally.textbook = Ratios(), Ratios()
    if failing:
        worst = max(
            failing, key=lambda j: (int(j.verdict[0]), float(np.nan_to_num(j.spreads[0], nan=np.inf)))
        )
        derived = second_opinion(network, weights, batch, worst.parameter, worst.entry(0))
        with mpmath.workdps(200):
            value = float(worst.value[0])
            finding = Finding(
                number,
                run.backend,
                run.dtype,
                worst.parameter,
                worst.entry(0),
                str(worst.worst_verdict()),
                value,
                str(worst.exact[0]),
                error=_relative(mpmath.mpf(value), derived),
                deviation=_units(str(worst.exact[0]), derived),
                saturated=is_saturated(network, weights, batch),
            )
        tally.findings.append(finding)
    return tally


def _relative(value: mpmath.mpf, exact: mpmath.mpf) -> float:
    if not mpmath.isfinite(value):
        return np.inf
    return float(abs(value - exact) / abs(exact)) if exact else float(value != 0)


def _units(decimal: str, exact: mpmath.mpf) -> float:
    """Give |decimal - exact| in units of the decimal's last digit."""
    significand, _, exponent = decimal.lower().partition("e")
    places = len(significand.partition(".")[2])
    unit = mpmath.mpf(10) ** (int(exponent or 0) - places)
    return float(abs(mpmath.mpf(decimal) - exact) / unit)


def is_saturated(network: Network, weights: Mapping[str, Array], batch: Mapping[str, Array]) -> bool:
    """Tell whether binary cross-entropy gets a probability that its dtype hardly tells from 0 or 1."""
    if network.loss != "binary_cross_entropy":
        return False
    functions = {
        "identity": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }
    a = batch["x"][0]
    with np.errstate(all="ignore"):
        for layer, activation in enumerate(network.activations, start=1):
            a = functions[activation](
                a @ weights[f"w{layer}"][0] + weights.get(f"b{layer}", np.zeros(1, a.dtype))[0]
            )
        return bool(np.any(a * (1 - a) < EPSILON))


# ---------------------------------------------------------------- the second opinion


def second_opinion(
    network: Network,
    weights: Mapping[str, Array],
    batch: Mapping[str, Array],
    parameter: str,
    entry: tuple[int, ...],
) -> mpmath.mpf:
    """Derive one entry of the gradient as (L(w + h) - L(w - h)) / 2h with 200 digits and h = 10^-60."""
    with mpmath.workdps(200):
        step = mpmath.mpf(10) ** -60
        ends = []
        for sign in (1, -1):
            params = {name: weight[0].astype(object) for name, weight in weights.items()}
            params = {name: np.vectorize(mpmath.mpf, otypes=[object])(w) for name, w in params.items()}
            params[parameter][entry] += sign * step
            ends.append(_loss(network, params, batch["x"][0], batch["y"][0]))
        return (ends[0] - ends[1]) / (2 * step)


_FUNCTIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, mpmath.mpf(0)),
}


def _loss(network: Network, params: Mapping[str, Array], x: Array, y: Array) -> mpmath.mpf:
    a = np.vectorize(mpmath.mpf, otypes=[object])(x.astype(object))
    y = np.vectorize(mpmath.mpf, otypes=[object])(y.astype(object))
    z = a
    for layer, activation in enumerate(network.activations, start=1):
        columns = [list(column) for column in params[f"w{layer}"].T]
        z = np.array([[mpmath.fdot(list(row), column) for column in columns] for row in a], dtype=object)
        if network.biases:
            z = z + params[f"b{layer}"]
        a = np.vectorize(_FUNCTIONS[activation], otypes=[object])(z)
    if network.loss == "binary_cross_entropy":
        # -ln p = ln(1 + e^-z) and -ln(1 - p) = ln(1 + e^z) for p = 1 / (1 + e^-z)
        terms = [t * _softplus(-x) + (1 - t) * _softplus(x) for t, x in zip(y.flat, z.flat, strict=True)]
        return mpmath.fsum(terms) / len(terms)
    total = mpmath.fsum((a - y).flat, squared=True)
    return (
        total
        * {
            "half_sum_squared_error": mpmath.mpf(1) / 2,
            "sum_squared_error": mpmath.mpf(1),
            "mean_squared_error": mpmath.mpf(1) / y.size,
        }[network.loss]
    )


def _softplus(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log1p(mpmath.exp(x))


# ---------------------------------------------------------------- the measurement


def _one_shape(first: int) -> Tallies:
    import jax  # noqa: PLC0415 - in the process that uses it
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)  # one process per core
    tallies = survey(range(first, first + DRAWS))
    jax.clear_caches()  # compiled for these shapes alone
    return tallies


def random_networks() -> None:
    """Judge 1 000 random correct networks on every backend in both dtypes."""
    tallies: Tallies = {}
    executor = get_reusable_executor()
    for part in executor.map(_one_shape, range(0, NETWORKS, DRAWS)):
        for key, tally in part.items():
            tallies.setdefault(key, Tally()).add(tally)
    executor.shutdown()
    rows = {f"{backend} {dtype}": tally for (backend, dtype), tally in tallies.items()}
    print_figures(
        f"{NETWORKS} random networks, verdicts of parameters' gradients and updates",
        "only what is really wrong does not pass",
        ["", *(str(verdict) for verdict in SEVERITY), "networks accused"],
        [
            [name, *(f"{tally.verdicts[verdict]}" for verdict in SEVERITY), f"{len(tally.accused)}"]
            for name, tally in rows.items()
        ],
    )
    _print_findings(rows)
    for words, ratios in {
        "operation by operation": {name: tally.operations for name, tally in rows.items()},
        "of the textbook's formulas": {name: tally.textbook for name, tally in rows.items()},
    }.items():
        print_figures(
            f"errors of the networks that pass, in spreads of the rounding noise {words}",
            f"of the textbook's formulas at most {SPREADS:.0f}",
            [
                "",
                "parameters",
                "median of the worst",
                "99.9 %",
                "max",
                "entries",
                "rms",
                *(f"> {x:.0f}" for x in LIMITS),
            ],
            [[name, *_distribution(each)] for name, each in ratios.items()],
        )
    _print_rate(rows)


def _distribution(ratios: Ratios) -> list[str]:
    worst = np.array(ratios.worst)
    return [
        f"{worst.size}",
        f"{np.median(worst):.2f}",
        f"{np.quantile(worst, 0.999):.3g}",
        f"{worst.max():.3g}",
        f"{ratios.entries}",
        f"{ratios.rms:.3g}",
        *(f"{count}" for count in ratios.exceeding),
    ]


def _print_findings(rows: Mapping[str, Tally]) -> None:
    table = []
    for name, tally in rows.items():
        for verdict in (Verdict.UNDECIDED, Verdict.DISAGREES, Verdict.NOT_FINITE):
            found = [finding for finding in tally.findings if finding.verdict == verdict]
            if found:
                example = max(found, key=lambda finding: abs(float(finding.exact)))
                table.append(
                    [
                        name,
                        verdict,
                        f"{len(found)}",
                        f"{sum(finding.saturated for finding in found)}",
                        f"{min(finding.error for finding in found):.1e}",
                        f"{max(finding.deviation for finding in found):.2f}",
                        _described(example),
                    ]
                )
    print_figures(
        "the networks accused, by their worst gradient, with a second opinion in mpmath",
        "exact values differ by at most a unit of their last digit, and errors are real",
        ["", "verdict", "networks", "saturated", "least error", "units of the last digit", "example"],
        table,
    )


def _described(finding: Finding) -> str:
    place = f"network {finding.number}, {finding.parameter}{list(finding.entry)}"
    return f"{place}: {finding.value:.6g} for {float(finding.exact):.6g}"


def _print_rate(rows: Mapping[str, Tally]) -> None:
    # JAX's tanh errs by up to 7 unit roundoffs in float64 and 4 in float32, always to the same side near 1:
    # its errors are no sample of the noise that is measured, and are counted apart.
    groups = {
        "reference and torch": [tally for name, tally in rows.items() if not name.startswith("jax")],
        "jax": [tally for name, tally in rows.items() if name.startswith("jax")],
    }
    for name, tallies in groups.items():
        entries = sum(tally.passing for tally in tallies)
        exceeding = dict(zip(LIMITS, np.sum([t.exceeding for t in tallies], axis=0).tolist(), strict=True))
        # A spread of 8 samples is too small by a factor k with a probability of the order of k^-8
        # (chi-squared with 8 degrees of freedom near 0): far out, each doubling divides the share by 2^8.
        print_figures(
            f"how many of {entries} correct entries exceed a limit, {name}",
            "extrapolated from 4 spreads by 2^-8 for each doubling",
            ["spreads", "exceed", "share", "extrapolated"],
            [
                [
                    f"{limit:.0f}",
                    f"{exceeding[limit]}",
                    f"{exceeding[limit] / entries:.1e}",
                    f"{exceeding[4.0] / entries * (limit / 4.0) ** -8:.1e}" if limit > 4.0 else "",
                ]
                for limit in LIMITS
            ],
        )
