"""Forty gradients of every sort, with what is to be said of each: as a formula, of its numbers, and why.

A front that looks at the code (`check`, `verify().formulas`, `audit`, the fixture, the command) says the
first; one that is given numbers (`judge`, the runs of `verify`) says the second. Nothing here is random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradproof import Verdict


@dataclass(frozen=True)
class Entry:
    """A gradient and what is to be said of it.

    Attributes:
        formula: the verdict of who looks at the code.
        numbers: the verdict of who is given the float64 numbers that the code gives.
        cause: the slug of the cause; empty where none is to be named.
        digits: at least so many digits of agreement.
        framework: what the gradient is written with.
    """

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    params: dict[str, Any]
    batch: dict[str, Any]
    formula: Verdict
    numbers: Verdict
    cause: str = ""
    digits: float = 0.0
    framework: str = "numpy"


CORPUS: dict[str, Entry] = {}

R = np.random.default_rng(7)
X, Y = R.normal(size=(5, 3)), R.normal(size=(5, 2))
W, C, V = R.normal(size=(3, 4)), R.normal(size=4), R.normal(size=(4, 2))


def entry(name, loss, gradient, point, formula, numbers, **more):
    CORPUS[name] = Entry(loss, gradient, *point, formula, numbers, **more)


def right(name, loss, gradient, point, digits=30.0):
    entry(name, loss, gradient, point, Verdict.EQUAL, Verdict.AGREES, digits=digits)


def wrong(name, loss, gradient, point, cause=""):
    entry(name, loss, gradient, point, Verdict.WRONG, Verdict.DISAGREES, cause=cause)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# -------------------------------------------------------------------- two layers, mean squared error


def network(xp, p, b):
    hidden = xp.nn.sigmoid(b["x"] @ p["w"] + p["c"])
    return xp.mean((hidden @ p["v"] - b["y"]) ** 2)


NETWORK = {"w": W, "c": C, "v": V}, {"x": X, "y": Y}


def backwards(p, b, *, slope=1.0, scale=2.0, reduce=np.sum):
    hidden = sigmoid(b["x"] @ p["w"] + p["c"])
    delta = scale * (hidden @ p["v"] - b["y"]) / b["y"].size
    back = (delta @ p["v"].T) * (hidden * (1 - hidden) if slope else 1.0)
    return {"w": b["x"].T @ back, "c": reduce(back, axis=0), "v": hidden.T @ delta}


def changed(**entries):
    return lambda p, b: {**backwards(p, b), **{name: f(backwards(p, b)[name]) for name, f in entries.items()}}


def in_loops(p, b):
    """The same as a textbook's loops write it, into arrays that np.zeros makes."""
    out = {name: np.zeros(array.shape) for name, array in p.items()}
    for x, y in zip(b["x"], b["y"], strict=True):
        hidden = np.zeros(4)
        for j in range(4):
            hidden[j] = 1 / (1 + np.exp(-(x @ p["w"][:, j] + p["c"][j])))
        delta = 2 * (hidden @ p["v"] - y) / b["y"].size
        back = (p["v"] @ delta) * hidden * (1 - hidden)
        out["v"] += np.outer(hidden, delta)
        out["w"] += np.outer(x, back)
        out["c"] += back
    return out


def in_loops_without_slope(p, b):
    out = in_loops(p, b)
    out["c"] = np.zeros(4)
    for x, y in zip(b["x"], b["y"], strict=True):
        hidden = sigmoid(x @ p["w"] + p["c"])
        out["c"] += p["v"] @ (2 * (hidden @ p["v"] - y) / b["y"].size)
    return out


right("network", network, backwards, NETWORK)
right("filled zeros", network, in_loops, NETWORK)
wrong("a factor 2 missing", network, lambda p, b: backwards(p, b, scale=1.0), NETWORK, "constant-factor")
wrong("the sign", network, lambda p, b: {n: -g for n, g in backwards(p, b).items()}, NETWORK, "sign")
wrong(
    "sigmoid's derivative missing", network, lambda p, b: backwards(p, b, slope=0.0), NETWORK,
    "derivative-left-out",
)  # fmt: skip
wrong("filled zeros without a slope", network, in_loops_without_slope, NETWORK, "derivative-left-out")
wrong(
    "a bias averaged", network, lambda p, b: backwards(p, b, reduce=np.mean), NETWORK, "mean-instead-of-sum"
)
wrong(
    "an entry off by 1e-3",
    network,
    changed(w=lambda g: g + 1e-3 * (np.arange(12).reshape(3, 4) == 5)),
    NETWORK,
)
wrong("an entry off by 1e-9", network, changed(v=lambda g: g * (1 + 1e-9 * np.eye(4, 2))), NETWORK)
wrong("half of a parameter's", network, changed(v=lambda g: g / 2), NETWORK, "constant-factor")


# -------------------------------------------------------------------- other losses, right


def classifier(xp, p, b):
    return xp.nn.cross_entropy(b["x"] @ p["w"], b["labels"])


def softmax_minus_target(p, b, *, mean=True):
    z = b["x"] @ p["w"]
    q = np.exp(z - z.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    q[np.arange(len(z)), b["labels"]] -= 1
    return {"w": b["x"].T @ q / (len(z) if mean else 1)}


CLASSES = {"w": R.normal(size=(3, 4))}, {"x": X, "labels": np.array([1, 0, 3, 3, 2])}
right("softmax", classifier, softmax_minus_target, CLASSES)
wrong(
    "the mean forgotten",
    classifier,
    lambda p, b: softmax_minus_target(p, b, mean=False),
    CLASSES,
    "mean-left-out",
)


def normalised(xp, p, b):
    centred = p["x"] - xp.mean(p["x"], axis=1, keepdims=True)
    scaled = centred / xp.sqrt(xp.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return xp.sum(scaled * b["g"])


def normalised_back(p, b):
    x = p["x"]
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    scaled = (x - x.mean(axis=1, keepdims=True)) / deviation
    g = b["g"] - b["g"].mean(axis=1, keepdims=True) - scaled * (b["g"] * scaled).mean(axis=1, keepdims=True)
    return {"x": g / deviation}


right("layer normalisation", normalised, normalised_back, ({"x": X.copy()}, {"g": R.normal(size=(5, 3))}))


def thirds(xp, p, b):
    return xp.sum((b["x"] @ p["w"]) ** 2) / 3


THIRDS = {"w": R.normal(size=3)}, {"x": X}
right(
    "a third as a double",
    thirds,
    lambda p, b: {"w": (1 / 3) * 2 * (b["x"].T @ (b["x"] @ p["w"]))},
    THIRDS,
    15,
)
wrong(
    "a third to ten digits",
    thirds,
    lambda p, b: {"w": 0.3333333333 * 2 * (b["x"].T @ (b["x"] @ p["w"]))},
    THIRDS,
)


def cubes(xp, p, b):
    return xp.sum((p["w"] - xp.mean(p["w"])) ** 3) + 0.0 * xp.sum(b["x"])


def cubes_back(p, _):
    centred = p["w"] - p["w"].mean()
    return {"w": 3 * centred**2 - (3 * centred**2).mean()}


right(
    "an exact zero by cancellation",
    cubes,
    cubes_back,
    ({"w": np.array([-1.0, 0.0, 1.0, 0.0])}, {"x": np.zeros(1)}),
)


def weighted(xp, p, b):
    return xp.sum(p["w"] ** 2 * b["k"])


ZEROS = {"w": np.array([1.0, 2.0, 3.0])}, {"k": np.array([1.0, 0.0, 2.0])}
right("an exact zero", weighted, lambda p, b: {"w": 2 * p["w"] * b["k"]}, ZEROS)
right(
    "an exact zero as what doubles leave of it", weighted,
    lambda p, b: {"w": 2 * p["w"] * b["k"] + np.array([0.0, 0.1 + 0.2 - 0.3, 0.0])}, ZEROS, 15,
)  # fmt: skip
wrong(
    "a residue at a zero beside a wrong entry", weighted,
    lambda p, b: {"w": 2 * p["w"] * b["k"] + np.array([0.0, 0.1 + 0.2 - 0.3, 1e-6])}, ZEROS,
)  # fmt: skip
wrong(
    "an exact zero given as 1e-9",
    weighted,
    lambda p, b: {"w": 2 * p["w"] * b["k"] + np.array([0.0, 1e-9, 0.0])},
    ZEROS,
)


def scalar(xp, p, b):
    return xp.tanh(p["a"] * b["x"]) ** 2


SCALAR = {"a": np.array(0.4)}, {"x": np.array(1.5)}
right(
    "a scalar", scalar,
    lambda p, b: {"a": 2 * np.tanh(p["a"] * b["x"]) * (1 - np.tanh(p["a"] * b["x"]) ** 2) * b["x"]}, SCALAR,
)  # fmt: skip
wrong(
    "the inner derivative missing", scalar,
    lambda p, b: {"a": 2 * np.tanh(p["a"] * b["x"]) * (1 - np.tanh(p["a"] * b["x"]) ** 2)}, SCALAR,
    "constant-factor",
)  # fmt: skip
entry(
    "not a number", weighted, lambda p, b: {"w": 2 * p["w"] * b["k"] * np.array([1.0, 1.0, np.nan])}, ZEROS,
    Verdict.NOT_FINITE, Verdict.NOT_FINITE,
)  # fmt: skip


# -------------------------------------------------------------------- digits lost


def exponentials(xp, p, b):
    return xp.sum(b["c"] * (xp.exp(p["x"]) - 1.0))


entry(
    "a right formula that cancels", exponentials, lambda p, b: {"x": b["c"] * (np.expm1(p["x"]) + 1.0)},
    ({"x": np.linspace(-38.0, -30.0, 5)}, {"c": np.ones(5)}), Verdict.INACCURATE, Verdict.DISAGREES,
    digits=30,
)  # fmt: skip


def log_sum(xp, p, b):
    return xp.nn.logsumexp(p["z"] * b["k"])


def naive_softmax(p, b):
    e = np.exp(p["z"] * b["k"])
    return {"z": b["k"] * e / e.sum()}


OVERFLOW = {"z": np.array([800.0, 799.0])}, {"k": np.array(1.0)}
entry(
    "a right formula that overflows",
    log_sum,
    naive_softmax,
    OVERFLOW,
    Verdict.INACCURATE,
    Verdict.NOT_FINITE,
    digits=30,
)


def shifted(xp, p, b):
    return xp.sum(((p["w"] + b["x"]) - b["x"]) ** 2)


entry(
    "an ill-conditioned loss", shifted, lambda p, b: {"w": 2 * ((p["w"] + b["x"]) - b["x"])},
    ({"w": np.array([1e-3])}, {"x": np.array([1e12])}), Verdict.EQUAL, Verdict.ILL_CONDITIONED, digits=30,
)  # fmt: skip


# -------------------------------------------------------------------- kinks


def relu(xp, p, b):
    return xp.sum(xp.nn.relu(p["x"]) * b["k"])


KINK = {"x": np.array([0.0, 1.0, -2.0])}, {"k": np.array([2.0, 1.0, 1.0])}


def relu_back(slope):
    return lambda p, b: {"x": b["k"] * np.where(p["x"] > 0, 1.0, np.where(p["x"] == 0, slope, 0.0))}


entry("relu at 0, the usual slope", relu, relu_back(0.0), KINK, Verdict.EQUAL, Verdict.KINK)
entry("relu at 0, the other slope", relu, relu_back(1.0), KINK, Verdict.KINK, Verdict.KINK)
entry("relu at 0, no subgradient", relu, relu_back(1.2), KINK, Verdict.WRONG, Verdict.DISAGREES)


def pool(xp, p, b):
    return xp.sum(xp.max(p["x"], axis=1) * b["k"])


TIED = {"x": np.array([[1.0, 3.0, 3.0]])}, {"k": np.array([2.0])}


def shares(*of_each):
    return lambda p, b: {
        "x": b["k"][:, None] * np.array([of_each]) * (p["x"] == p["x"].max(axis=1, keepdims=True))
    }


entry("tied maxima, shared", pool, shares(0.0, 0.5, 0.5), TIED, Verdict.EQUAL, Verdict.KINK)
entry("tied maxima, the first", pool, shares(0.0, 1.0, 0.0), TIED, Verdict.KINK, Verdict.KINK)


def magnitudes(xp, p, b):
    return xp.sum(xp.abs(p["x"]) * b["k"])


entry(
    "the sign at 0",
    magnitudes,
    lambda p, b: {"x": np.sign(p["x"]) * b["k"]},
    KINK,
    Verdict.EQUAL,
    Verdict.KINK,
)


# -------------------------------------------------------------------- what is not decided


def guarded(p, b):
    third = p["w"] / 3
    return {"w": np.where(third + third + third == p["w"], 2 * p["w"] * b["k"], 0.0)}


entry("a comparison that is not decided", weighted, guarded, ZEROS, Verdict.UNDECIDED, Verdict.AGREES)


def roots(xp, p, b):
    return xp.sum(xp.sqrt(p["x"]) * b["k"])


entry(
    "outside the domain", roots, lambda p, b: {"x": b["k"] / (2 * np.sqrt(p["x"]))},
    ({"x": np.array([0.0, 1.0])}, {"k": np.ones(2)}), Verdict.UNDECIDED, Verdict.NOT_FINITE,
)  # fmt: skip


# -------------------------------------------------------------------- written with a framework


def torch_gradient(factor):
    def gradient(p, b):
        import torch

        leaves = {name: torch.tensor(np.asarray(array), requires_grad=True) for name, array in p.items()}
        x, y = (torch.tensor(np.asarray(b[name])) for name in ("x", "y"))
        hidden = torch.sigmoid(x @ leaves["w"] + leaves["c"])
        ((hidden @ leaves["v"] - y) ** 2).mean().backward()
        return {name: factor * leaf.grad for name, leaf in leaves.items()}

    return gradient


def jax_gradient(factor):
    def gradient(p, b):
        import jax
        from jax import numpy as jnp

        def objective(p):
            return jnp.mean((jax.nn.sigmoid(b["x"] @ p["w"] + p["c"]) @ p["v"] - b["y"]) ** 2)

        with jax.enable_x64(True):
            arrays = {name: jnp.asarray(np.asarray(array)) for name, array in p.items()}
            return {name: factor * g for name, g in jax.grad(objective)(arrays).items()}

    return gradient


for framework, make in (("torch", torch_gradient), ("jax", jax_gradient)):
    for what, factor, verdict, slug in (
        ("right", 1.0, Verdict.AGREES, ""),
        ("of the opposite sign", -1.0, Verdict.DISAGREES, "sign"),
        ("off by 1e-9", 1 + 1e-9, Verdict.DISAGREES, ""),
    ):
        entry(
            f"{framework}, {what}",
            network,
            make(factor),
            NETWORK,
            verdict,
            verdict,
            cause=slug,
            framework=framework,
        )
