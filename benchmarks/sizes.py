"""What exact gradients and rounding noise cost, from small networks to large ones."""

import resource
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.timing import print_figures
from gradproof.reference.noise import rounding_noise
from gradproof.reference.numbers import BallNumbers, Balls, Kind, Noisy, Plain
from gradproof.reference.numbers.plain import PlainNumbers
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import exact_gradient

ROWS = 32
LANES = 10_000

Case = tuple[Callable[[Any, Any, Any], Any], Mapping[str, Any], Mapping[str, Any]]


def classifier(sizes: list[int], rows: int = ROWS) -> Case:
    """Build a dense ReLU network with cross-entropy: loss, parameters, batch."""
    random = np.random.default_rng(0)
    layers = range(len(sizes) - 1)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        x = batch["x"]
        for i in layers:
            x = x @ params[f"w{i}"] + params[f"b{i}"]
            x = xp.nn.relu(x) if i < layers[-1] else x
        return xp.nn.cross_entropy(x, batch["labels"])

    params = {f"w{i}": random.normal(size=sizes[i : i + 2]) / np.sqrt(sizes[i]) for i in layers}
    params |= {f"b{i}": random.normal(size=sizes[i + 1]) / 10 for i in layers}
    return loss, params, {"x": random.random((rows, sizes[0])), "labels": random.integers(0, sizes[-1], rows)}


def trajectory() -> Case:
    """Build a 3-4-1 sigmoid network on a batch of 4, with as many weights as a training has steps."""
    random = np.random.default_rng(0)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.nn.sigmoid(batch["x"] @ params["w_ij"])
        output = xp.nn.sigmoid(hidden @ params["w_jk"])
        return 0.5 * xp.sum((batch["y"] - output) ** 2)

    params = {"w_ij": random.normal(size=(LANES, 3, 4)), "w_jk": random.normal(size=(LANES, 4, 1))}
    return loss, params, {"x": random.random((1, 4, 3)), "y": random.random((1, 4, 1))}


def small_to_large() -> None:
    """Measure exact gradients, noise and certified differences; all limits are for two cores."""
    small, large, lanes = classifier([100, 80, 20, 10]), classifier([784, 800, 400, 10]), trajectory()
    rows = []
    for case, text, seconds in ((small, "10 000 parameters", 0.1), (large, "1 000 000 parameters", 2.5)):
        rows += [
            _measured(f"{text}: gradient in balls of 128 bits", seconds, _gradient(case, Balls(128))),
            _measured(f"{text}: exact to 30 digits", seconds, lambda case=case: exact_gradient(*case)),
            _measured(f"{text}: float32 noise, 8 samples", 2 * seconds, _gradient(case, Noisy())),
        ]
    truth = exact_gradient(*lanes, lanes=LANES)
    plain, balls = (differentiate(*large, kind).gradients["w0"] for kind in (Plain(), Balls(128)))
    if not isinstance(plain, PlainNumbers) or not isinstance(balls, BallNumbers):
        raise TypeError(plain, balls)
    values = plain.values()
    rows += [
        _measured(f"{LANES} steps: gradient in balls of 128 bits", 1.5, _gradient(lanes, Balls(128), LANES)),
        _measured(
            f"{LANES} steps: float32 noise, 8 samples",
            1.0,
            lambda: rounding_noise(*lanes, truth, Noisy(), lanes=LANES),
        ),
        _measured(
            f"certified difference of {values.size} entries", 2.0, lambda: balls.difference_from(values)
        ),
    ]
    print_figures(
        "exact gradients and rounding noise",
        "memory: the greatest so far, goal at most 4 GiB",
        ["", "seconds", "goal", "memory"],
        rows,
    )


def _measured(name: str, limit: float, run: Callable[[], object]) -> list[str]:
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [name, f"{seconds:.2f}", f"{limit:.1f}", f"{memory:.2f} GiB"]


def _gradient(case: Case, kind: Kind, lanes: int | None = None) -> Callable[[], object]:
    return lambda: differentiate(*case, kind, lanes=lanes)


# ---------------------------------------------------------------- growth

WIDTHS = (64, 128, 256, 512, 1024)


def growth() -> None:
    """Fit how the cost grows with the number of multiply-adds; an exponent of 1 is linear."""
    kinds = {
        "exact to 30 digits": lambda case: exact_gradient(*case),
        "float32 noise, 8 samples": lambda case: differentiate(*case, Noisy()),
    }
    for name, run in kinds.items():
        products, seconds = [], []
        for width in WIDTHS:
            sizes = [width, width, 10]
            case = classifier(sizes)
            # Each weight takes part in one product forward and two backward, for each row.
            products.append(3 * ROWS * sum(a * b for a, b in pairwise(sizes)))
            times = []
            for _ in range(3):
                start = time.perf_counter()
                run(case)
                times.append(time.perf_counter() - start)
            seconds.append(min(times))
        slope = np.polyfit(np.log(products), np.log(seconds), 1)[0]
        last = np.log(seconds[-1] / seconds[-2]) / np.log(products[-1] / products[-2])
        print_figures(
            f"{name}: time grows as multiply-adds to the power of {slope:.2f}; {last:.2f} at the end",
            "goal: 1",
            ["width", "multiply-adds", "seconds", "ns each"],
            [
                [f"{width}", f"{count:.1e}", f"{time_:.3f}", f"{1e9 * time_ / count:.0f}"]
                for width, count, time_ in zip(WIDTHS, products, seconds, strict=True)
            ],
        )
