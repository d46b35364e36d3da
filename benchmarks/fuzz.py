"""Random losses of the whole table of operations: no right gradient is accused, and nothing raises.

`python -m benchmarks fuzz --seed 7 --minutes 10` (or `--count 1000`) draws losses, lets the tape in plain
float64, PyTorch and JAX differentiate them, and judges all of these gradients. What is accused, or raises, is
shrunk to the least loss that shows it and printed as code: it is a fault of ours, or of the framework's, and
becomes a test or an entry of `KNOWN`.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import hypothesis
import jax
import numpy as np

from benchmarks.random_losses import OPERATIONS, Program, programs
from benchmarks.timing import print_figures
from gradproof.backends import load_backend
from gradproof.backends.protocol import RecordingBackend
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import differentiate
from gradproof.scenarios import Scenario
from gradproof.single import judge
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.verdict import Verdict

SUBJECTS = (
    ("reference", "float64"),
    *((backend, dtype) for backend in ("torch", "jax") for dtype in ("float64", "float32")),
)
SHRINKING = 20.0
"""Seconds that a loss is shrunk for, at most."""

ACCUSED = (Verdict.DISAGREES, Verdict.NOT_FINITE, Verdict.WRONG)
"""What says that a gradient is wrong. UNDECIDED says nothing of it: where a loss jumps, it has none."""

AT_ONCE = 50
"""So many losses are drawn from one seed."""

_BOTH = ("float64", "float32")
_SATURATED = "binary_cross_entropy: it is NaN where p rounds to 1, and so does the target"

KNOWN: Mapping[tuple[str, str, str], str] = {
    **{("torch", dtype, "floor_divide"): "aten::floor_divide has no derivative" for dtype in _BOTH},
    ("torch", "float64", "softplus"): "above 20 softplus(x) is x, which is off by e^-x: 2e-9",
    **{
        ("torch", dtype, "xlogy"): "binary_cross_entropy divides by p (1 - p), or by 1e-12 if that is less"
        for dtype in _BOTH
    },
    **{
        ("torch", dtype, "ndtr"): "it is (1 + erf(x / sqrt(2))) / 2: 0 below -8.3, or -5.5 in float32"
        for dtype in _BOTH
    },
    ("torch", "float64", "digamma"): "its trigamma function is a series of five terms, off by 1e-10",
    ("jax", "float64", "log_ndtr"): "below -20 it is an asymptotic series of three terms, off by 1e-9 at -23",
    **{("jax", dtype, "xlogy"): _SATURATED for dtype in _BOTH},
    ("jax", "float64", "i0"): "its derivative at 0 is 1, and off by 1e-13 near 0",
    ("jax", "float32", "i0"): "its derivative at 0 is 1",
    ("jax", "float64", "atanh"): "it is off by up to 144 unit roundoffs, near 0.41 say",
    **{("jax", dtype, "std"): "its derivative is NaN where all entries are equal" for dtype in _BOTH},
}
"""What a framework gets wrong: by backend, dtype and operation, in words. What is found in losses of these
counts as known."""


@dataclass
class Tally:
    """What was found.

    Attributes:
        verdicts: by backend, dtype and verdict, how many gradients.
        operations: by operation, in how many losses.
        losses: how many losses were judged.
        found: what is accused or raises: the seed, the loss as code, and what is said.
    """

    verdicts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    losses: int = 0
    found: list[str] = field(default_factory=list)


def gradient_of(scenario: Scenario, backend: str, dtype: str) -> dict[str, Any]:
    """Let a framework differentiate a loss; the reference is the tape in plain float64.

    JAX compiles the whole gradient: compiling operation by operation takes four times as long.
    """
    if backend == "reference":
        plain = differentiate(scenario.flat_loss, scenario.flat_params, scenario.flat_batch, Plain())
        return {name: numbers.values()[0] for name, numbers in plain.gradients.items()}
    loaded = load_backend(backend)
    assert isinstance(loaded, RecordingBackend)  # noqa: S101 - gradproof's own are
    framework = loaded.framework
    with framework.mode(dtype):
        params, batch = (
            {name: framework.from_numpy(array) for name, array in arrays.items()}
            for arrays in scenario.arrays(dtype)
        )
        if backend == "jax":
            objective = partial(scenario.flat_loss, framework.namespace())
            gradients = jax.jit(jax.grad(objective))(params, batch)
        else:
            gradients = dict(next(iter(loaded.steps(scenario, "eager", params, batch))).gradient)
        return {name: framework.to_numpy(gradient) for name, gradient in gradients.items()}


def is_accused(found: Judgement) -> bool:
    """Tell whether a gradient is said to be wrong where there is one: NaN is right where there is none.

    And where rounding in the dtype makes it of what is finite: sigmoid(20) is 1 in float32. The noisy runs
    are not finite there either, so that errors have no number of spreads.
    """
    entries = found.entries[found.entries["verdict"].isin([*map(str, ACCUSED)])]
    known = np.array(
        [text.replace(".", "").lstrip("-")[:1].isdigit() for text in entries["exact"]], dtype=bool
    )
    by_rounding = (entries["verdict"] == str(Verdict.NOT_FINITE)) & entries["spreads"].isna()
    return found.verdict in ACCUSED and (bool(np.any(known & ~by_rounding)) or not len(entries))


class Fault(NamedTuple):
    """Something wrong with one gradient of a loss: who computed it, what is wrong, and what is said."""

    backend: str
    dtype: str
    kind: str
    text: str


def judged(program: Program, subjects: Sequence[tuple[str, str]], tally: Tally) -> Iterator[Fault]:
    """Judge what each subject says of a loss, and tell what is accused or raises."""
    scenario = program.scenario()
    if scenario is None:
        return
    tally.losses += 1
    tally.operations.update({*program.operations})
    for backend, dtype in subjects:
        is_known = any((backend, dtype, operation) in KNOWN for operation in program.operations)
        try:
            with np.errstate(all="ignore"):
                gradients = gradient_of(scenario, backend, dtype)
                found = judge(scenario.loss, scenario.params, scenario.batch, gradients, dtype=dtype)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            if is_known:
                tally.verdicts[backend, dtype, "known"] += 1
                continue
            tally.verdicts[backend, dtype, "raises"] += 1
            said = f"{backend} {dtype} raises:\n{traceback.format_exc(limit=-3)}"
            yield Fault(backend, dtype, type(error).__name__, said)
            continue
        accused = is_accused(found)
        tally.verdicts[backend, dtype, "known" if accused and is_known else str(found.verdict)] += 1
        if accused and not is_known:
            yield Fault(backend, dtype, "accused", f"{backend} {dtype}:\n{found.told(110)}")


def fuzz(
    seed: int,
    *,
    count: int = sys.maxsize,
    seconds: float = float("inf"),
    subjects: Sequence[tuple[str, str]] = SUBJECTS,
) -> Tally:
    """Judge random losses until so many were judged, or the time is up.

    Args:
        seed: what the first are drawn with; each further `AT_ONCE` have the next seed.
        count: so many at least are drawn.
        seconds: no more is begun after so many.
        subjects: backends and dtypes.
    """
    tally, end = Tally(), time.monotonic() + seconds
    while tally.losses < count and time.monotonic() < end:
        _drawn(seed, min(AT_ONCE, count), end, subjects, tally)
        seed += 1
    return tally


def _drawn(seed: int, count: int, end: float, subjects: Sequence[tuple[str, str]], tally: Tally) -> None:
    """Draw losses from one seed; the first that fails is shrunk, and ends them.

    A smaller loss counts where all is wrong with it that is wrong with the first: what raises would else
    shrink to what is accused, and not be told.
    """
    least: list[tuple[Program, list[Fault]]] = []
    until = [end]

    def test(program: Program) -> None:
        if time.monotonic() > until[0]:
            return
        # While one is shrunk, nothing is counted.
        faults = [*judged(program, subjects, Tally() if least else tally)]
        wanted = {fault[:3] for fault in (least[0][1] if least else faults)}
        if faults and wanted <= {fault[:3] for fault in faults}:
            until[0] = min(until[0], time.monotonic() + SHRINKING) if not least else until[0]
            least[:] = [(program, faults)]
            raise AssertionError(faults)

    quiet = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    try:
        hypothesis.seed(seed)(quiet(hypothesis.given(programs())(test)))()
    except (AssertionError, hypothesis.errors.Flaky):  # the second where the time was up while it was shrunk
        program, faults = least[0]
        said = "\n".join(fault.text for fault in faults)
        values = {name: array.tolist() for name, array in (program.arrays("w") | program.arrays("x")).items()}
        tally.found.append(f"seed {seed}:\n{program.source}# {values}\n{said}")


def command(arguments: Sequence[str]) -> int:
    """Run it as a command; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="what the losses are drawn with (default: 0)")
    parser.add_argument("--minutes", type=float, default=10.0, help="no more is begun after (default: 10)")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="how many losses (default: any)")
    options = parser.parse_args(arguments)
    tally = fuzz(options.seed, count=options.count, seconds=60 * options.minutes)
    print("\n\n".join(tally.found))
    verdicts = sorted({verdict for _, _, verdict in tally.verdicts})
    print_figures(
        f"{tally.losses} random losses from seed {options.seed} on, of {len(tally.operations)} of "
        f"{len(OPERATIONS)} operations",
        "nothing is accused, and nothing raises",
        ["", *verdicts],
        [
            [f"{backend} {dtype}", *(f"{tally.verdicts[backend, dtype, verdict]}" for verdict in verdicts)]
            for backend, dtype in SUBJECTS
        ],
    )
    return 1 if tally.found else 0
