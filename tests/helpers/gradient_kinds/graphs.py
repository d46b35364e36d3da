"""Right gradients of graphs, kernels and factorisations."""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


def graph(r, n=5):
    a = np.triu((r.random((n, n)) < 0.5) * 1.0, 1)
    a[np.arange(n - 1), np.arange(1, n)] = 1.0
    return a + a.T


def convolution_data(r):
    a = graph(r) + np.eye(5)
    d = a.sum(axis=1)
    return {"w": r.normal(size=(3, 2))}, {
        "s": a / np.sqrt(np.outer(d, d)),
        "x": r.normal(size=(5, 3)),
        "c": r.normal(size=(5, 2)),
    }


kind(
    "graph convolution with a normalised adjacency",
    lambda xp, p, b: xp.sum(b["c"] * xp.nn.relu(b["s"] @ b["x"] @ p["w"])),
    lambda p, b: (lambda z: {"w": b["x"].T @ b["s"] @ (b["c"] * (z > 0))})(b["s"] @ b["x"] @ p["w"]),
    convolution_data,
    "s is symmetric",
)


def neighbours_gradient(p, b):
    """Give the mean over neighbours from the list of edges."""
    mean = np.zeros((5, 3))
    np.add.at(mean, b["e"][0], b["x"][b["e"][1]])
    mean = mean / b["d"][:, None]
    return {"w": mean.T @ (mean @ p["w"] - b["y"])}


def neighbours(r):
    a = graph(r)
    return {"w": r.normal(size=3)}, {
        "a": a, "e": np.stack(np.nonzero(a)), "d": a.sum(axis=1),
        "x": r.normal(size=(5, 3)), "y": r.normal(size=5),
    }  # fmt: skip


kind(
    "means of neighbours, from a matrix and from edges",
    lambda xp, p, b: (
        0.5 * xp.sum(((b["a"] @ b["x"]) / xp.sum(b["a"], axis=1)[:, None] @ p["w"] - b["y"]) ** 2)
    ),
    neighbours_gradient,
    neighbours,
    "edges",
)


def factors_loss(xp, p, b):
    return 0.5 * xp.sum(b["m"] * (p["u"] @ p["v"].T - b["r"]) ** 2)


def factors_gradient(p, b):
    e = np.where(b["m"] == 1, p["u"] @ p["v"].T - b["r"], 0)
    return {"u": e @ p["v"], "v": e.T @ p["u"]}


def ratings(r):
    m = (r.random((4, 3)) < 0.6).astype(float)
    m[0] = [1, 0, 1]
    return {"u": r.normal(size=(4, 2)), "v": r.normal(size=(3, 2))}, {
        "m": m, "r": m * r.integers(1, 6, size=(4, 3)),
    }  # fmt: skip


kind("factors of ratings, some missing", factors_loss, factors_gradient, ratings, "m")


def generalised_data(r):
    m = r.normal(size=(5, 5))
    return {"w": r.normal(size=3)}, {
        "x": r.normal(size=(5, 3)), "y": r.normal(size=5), "s": np.linalg.inv(m @ m.T + 5 * np.eye(5)),
    }  # fmt: skip


kind(
    "generalised least squares with a precision matrix",
    lambda xp, p, b: (lambda e: 0.5 * e @ b["s"] @ e)(b["y"] - b["x"] @ p["w"]),
    lambda p, b: {"w": -b["x"].T @ b["s"] @ (b["y"] - b["x"] @ p["w"])},
    generalised_data,
    "s is symmetric",
)


def kernel_data(r):
    x = r.normal(size=(4, 2))
    d = ((x[:, None] - x) ** 2).sum(axis=-1)
    return {"a": r.normal(size=4), "s": np.array(0.7)}, {"x": x, "d": d, "y": r.normal(size=4)}


def kernel_gradient(p, b):
    d = ((b["x"][:, None] - b["x"]) ** 2).sum(axis=-1)
    k = np.exp(-p["s"] * d)
    e = k @ p["a"] - b["y"]
    return {"a": k @ e + k @ p["a"], "s": -((e + p["a"] / 2) @ (k * d) @ p["a"])}


kind(
    "kernel ridge regression from squared distances",
    lambda xp, p, b: (lambda k: 0.5 * xp.sum((k @ p["a"] - b["y"]) ** 2) + 0.5 * p["a"] @ k @ p["a"])(
        xp.exp(-p["s"] * b["d"])
    ),
    kernel_gradient,
    kernel_data,
    "squared distances",
)


def process_loss(xp, p, b):
    """Minus the log marginal likelihood of a Gaussian process, in the kernel's eigenvectors."""
    s = xp.exp(p["a"]) * b["l"] + xp.exp(p["n"])
    return 0.5 * xp.sum((b["q"].T @ b["y"]) ** 2 / s) + 0.5 * xp.sum(xp.log(s))


def process_gradient(p, b):
    """Give tr((K⁻¹ - ααᵀ) ∂K) / 2, with the kernel's matrix itself."""
    k = b["q"] @ np.diag(b["l"]) @ b["q"].T
    inverse = np.linalg.inv(np.exp(p["a"]) * k + np.exp(p["n"]) * np.eye(4))
    alpha = inverse @ b["y"]
    by_k = 0.5 * (inverse - np.outer(alpha, alpha))
    return {"a": np.exp(p["a"]) * (by_k * k).sum(), "n": np.exp(p["n"]) * np.trace(by_k)}


def process_data(r):
    x = r.normal(size=4)
    values, vectors = np.linalg.eigh(np.exp(-0.5 * (x[:, None] - x) ** 2) + 0.1 * np.eye(4))
    return {"a": np.array(0.3), "n": np.array(-1.0)}, {"l": values, "q": vectors, "y": r.normal(size=4)}


kind(
    "the marginal likelihood of a Gaussian process",
    process_loss,
    process_gradient,
    process_data,
    "q is orthogonal",
)
kind(
    "risk of weights with a covariance",
    lambda xp, p, b: p["w"] @ b["s"] @ p["w"] - xp.sum(b["m"] * p["w"]),
    lambda p, b: {"w": 2 * b["s"] @ p["w"] - b["m"]},
    lambda r: (lambda x: ({"w": softmax(r.normal(size=4))}, {"s": np.cov(x.T), "m": x.mean(axis=0)}))(
        r.normal(size=(9, 4))
    ),
    "s is symmetric",
)
kind(
    "rotated points",
    lambda xp, p, b: 0.5 * xp.sum((p["v"] @ b["r"].T - b["y"]) ** 2),
    lambda p, b: {"v": p["v"] - b["y"] @ b["r"]},
    lambda r: (
        {"v": r.normal(size=(5, 3))},
        {"r": np.linalg.qr(r.normal(size=(3, 3)))[0], "y": r.normal(size=(5, 3))},
    ),
    "r is orthogonal",
)


def spectrum(r, n=6):
    angle = 2 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    return {"v": r.normal(size=n)}, {"c": np.cos(angle), "s": np.sin(angle), "y": r.normal(size=n)}


def spectrum_gradient(p, b):
    """Use Parseval's theorem: the transform is √n times a unitary matrix."""
    return {"v": len(p["v"]) * p["v"] - b["c"] @ b["y"]}


kind(
    "a discrete Fourier transform",
    lambda xp, p, b: 0.5 * xp.sum((b["c"] @ p["v"] - b["y"]) ** 2) + 0.5 * xp.sum((b["s"] @ p["v"]) ** 2),
    spectrum_gradient,
    spectrum,
    "c and s belong together",
)
