"""Planted errors of the size of some roundings: whether a wrong entry of a gradient is ever passed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from loky import get_reusable_executor

from benchmarks.networks import ACTIVATIONS, DTYPES, IMPLEMENTATIONS, LOSSES, Network
from benchmarks.timing import print_figures
from gradproof.backends import Run, load_backend
from gradproof.reference.noise import rounding_noise
from gradproof.reference.numbers import Noisy
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import always, never
from gradproof.reference.truth import exact_gradient
from gradproof.scenarios import Scenario
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import Verdict

TRIES = 1000
BACKENDS = ("reference", "torch")

PLANTED = {"float32": (1e-5, 1e-6), "float64": (1e-13, 1e-14)}
"""Relative errors by dtype: one that must be caught, and a tenth of it."""

WELL_CONDITIONED = 4.0
"""An entry whose rounding noise is at most so many unit roundoffs of it is well conditioned.

Then 32 spreads are at most 128 unit roundoffs: 7.6e-6 in float32 and 1.4e-14 in float64.
"""


@dataclass
class Tally:
    """What was said of planted errors in one dtype.

    Attributes:
        verdicts: by relative error, of the parameter that the error was planted in.
        named: how often the entry named as the worst is the planted one, by relative error.
        entries: of how many entries the noise was looked at.
        well: how many of them are well conditioned.
    """

    verdicts: dict[float, Counter[str]] = field(default_factory=dict)
    named: Counter[float] = field(default_factory=Counter)
    entries: int = 0
    well: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another tally counted."""
        for error, verdicts in other.verdicts.items():
            self.verdicts.setdefault(error, Counter()).update(verdicts)
        self.named += other.named
        self.entries += other.entries
        self.well += other.well


def small_network(number: int) -> Network:
    """Draw a network that does not saturate; every number gives other shapes, weights and data."""
    random = np.random.default_rng([3, number])
    depth = int(random.integers(1, 4))
    loss = LOSSES[int(random.integers(len(LOSSES)))]
    activations = [ACTIVATIONS[int(choice)] for choice in random.integers(0, len(ACTIVATIONS), depth)]
    if loss == "binary_cross_entropy":
        activations[-1] = "sigmoid"
    return Network(
        sizes=tuple(int(width) for width in random.integers(1, 17, depth + 1)),
        activations=tuple(activations),
        loss=loss,
        biases=bool(random.integers(2)),
        examples=int(random.integers(1, 17)),
        input_scale=1.0,
        seed=number,
    )


def plant(numbers: Iterable[int], dtype: str) -> Tally:
    """Plant each relative error into a random well-conditioned entry of a random network's gradient."""
    tally = Tally(verdicts={error: Counter() for error in PLANTED[dtype]})
    for number in numbers:
        random = np.random.default_rng([4, number])
        backend = BACKENDS[number % len(BACKENDS)]
        scenario, run, name, entry = _well_conditioned_entry(number, backend, dtype, random, tally)
        sign = random.choice([-1.0, 1.0])
        for error in PLANTED[dtype]:
            gradient = run.gradients[name].copy()
            # As near to the planted error as the dtype allows.
            gradient[(0, *entry)] = np.float64(gradient[(0, *entry)]) * (1.0 + sign * error)
            outcome = judge(scenario, replace(run, gradients={**run.gradients, name: gradient}), {})
            (judgement,) = (each for each in outcome.gradients if each.parameter == name)
            verdict = judgement.worst_verdict()
            tally.verdicts[error][verdict] += 1
            if verdict is Verdict.DISAGREES:
                tally.named[error] += judgement.entry(0) == entry
    return tally


def _well_conditioned_entry(
    number: int, backend: str, dtype: str, random: np.random.Generator, tally: Tally
) -> tuple[Scenario, Run, str, tuple[int, ...]]:
    """Draw networks until one has a well-conditioned entry, and choose one of those at random."""
    while True:
        scenario = replace(small_network(number).scenario(), training=None)
        run = load_backend(backend).run(scenario, dtype=dtype, variant=IMPLEMENTATIONS[backend])
        params, batch = scenario.arrays(dtype)
        truth = exact_gradient(scenario.flat_loss, params, batch)
        noises = [
            rounding_noise(scenario.flat_loss, params, batch, truth, Noisy(dtype), accurately=accurately)
            for accurately in (always, never)
        ]
        candidates = []
        for name, operations in noises[0].items():
            spread = np.maximum(operations, noises[1][name])
            size = np.abs(run.gradients[name].astype(np.float64))
            well = (spread <= WELL_CONDITIONED * FORMATS[dtype].unit_roundoff * size) & (size > 0)
            tally.entries += well.size
            tally.well += int(np.sum(well))
            candidates += [(name, tuple(int(i) for i in entry)) for entry in np.argwhere(well[0])]
        if candidates:
            return (scenario, run, *candidates[int(random.integers(len(candidates)))])
        number += TRIES


# ---------------------------------------------------------------- the measurement

_BLOCK = 25


def _block(task: tuple[int, str]) -> tuple[str, Tally]:
    first, dtype = task
    import torch  # noqa: PLC0415 - in the process that uses it

    torch.set_num_threads(1)  # one process per core
    return dtype, plant(range(first, first + _BLOCK), dtype)


def planted_errors() -> None:
    """Plant 1 000 errors of each size in both dtypes, and count the verdicts."""
    tallies = {dtype: Tally() for dtype in DTYPES}
    executor = get_reusable_executor()
    tasks = [(first, dtype) for dtype in DTYPES for first in range(0, TRIES, _BLOCK)]
    for dtype, part in executor.map(_block, tasks):
        tallies[dtype].add(part)
    executor.shutdown()
    print_figures(
        "a relative error planted in one well-conditioned entry of a gradient",
        "the larger one of each dtype is always caught",
        ["", "planted", "in unit roundoffs", *map(str, Verdict), "entry named", "well conditioned"],
        [
            [
                dtype,
                f"{error:.0e}",
                f"{error / FORMATS[dtype].unit_roundoff:.1f}",
                *(f"{verdicts[verdict]}" for verdict in Verdict),
                f"{tally.named[error]}",
                f"{tally.well / tally.entries:.1%} of {tally.entries}",
            ]
            for dtype, tally in tallies.items()
            for error, verdicts in tally.verdicts.items()
        ],
    )
