"""How long exact gradients and rounding noise take; run as `python benchmarks/truth.py`.

Prints a line per case: the time, the limit it is meant to keep on two cores, and the greatest
memory so far.
"""

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import exact_gradient, rounding_noise

RNG = np.random.default_rng(0)
LANES = 10_000


def classifier(sizes: list[int], rows: int = 32) -> tuple[Any, Any, Any]:
    """A dense ReLU network with cross-entropy: loss, parameters, batch."""
    layers = range(len(sizes) - 1)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        x = batch["x"]
        for i in layers:
            x = x @ params[f"w{i}"] + params[f"b{i}"]
            x = xp.nn.relu(x) if i < layers[-1] else x
        return xp.nn.cross_entropy(x, batch["labels"])

    params = {f"w{i}": RNG.normal(size=sizes[i : i + 2]) / np.sqrt(sizes[i]) for i in layers}
    params |= {f"b{i}": RNG.normal(size=sizes[i + 1]) / 10 for i in layers}
    batch = {"x": RNG.random((rows, sizes[0])), "labels": RNG.integers(0, sizes[-1], rows)}
    return loss, params, batch


def trajectory() -> tuple[Any, Any, Any]:
    """A 3-4-1 sigmoid network on a batch of 4, as many parameter sets as a training has steps."""

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.nn.sigmoid(batch["x"] @ params["w_ij"])
        output = xp.nn.sigmoid(hidden @ params["w_jk"])
        return 0.5 * xp.sum((batch["y"] - output) ** 2)

    params = {"w_ij": RNG.normal(size=(LANES, 3, 4)), "w_jk": RNG.normal(size=(LANES, 4, 1))}
    return loss, params, {"x": RNG.random((1, 4, 3)), "y": RNG.random((1, 4, 1))}


def measure(name: str, limit: float, run: Callable[[], object]) -> None:
    """Runs once and prints the figures."""
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:58s} {seconds:7.2f} s   (limit {limit:5.1f} s)   {memory:5.2f} GiB")


def main() -> None:
    """All cases, the small ones first."""
    small = classifier([100, 80, 20, 10])
    large = classifier([784, 800, 400, 10])
    lanes = trajectory()
    for case, text in ((small, "10 000 parameters"), (large, "1 000 000 parameters")):
        limit = 1.0 if case is small else 60.0
        measure(f"{text}, gradient in balls of 128 bits", limit, _gradient(case, Balls(128)))
        measure(f"{text}, exact to 30 digits", limit, lambda case=case: exact_gradient(*case))
        measure(f"{text}, float32 noise, 8 samples", limit / 2, _gradient(case, Noisy()))
    measure(f"{LANES} lanes, gradient in balls of 128 bits", 1.5, _gradient(lanes, Balls(128), LANES))
    truth = exact_gradient(*lanes, lanes=LANES)
    centre = {name: gradient.values() for name, gradient in truth.gradients.items()}
    measure(
        f"{LANES} lanes, float32 noise, 8 samples",
        1.0,
        lambda: rounding_noise(*lanes, centre=centre, lanes=LANES),
    )
    plain = differentiate(*large, Plain()).gradients["w0"].values()
    balls = differentiate(*large, Balls(128)).gradients["w0"]
    measure(
        f"certified difference of {plain.size} entries",
        2.0,
        lambda: balls.difference_from(plain),
    )


def _gradient(case: tuple[Any, Any, Any], kind: Any, lanes: int | None = None) -> Any:
    return lambda: differentiate(*case, kind, lanes=lanes)


if __name__ == "__main__":
    main()
