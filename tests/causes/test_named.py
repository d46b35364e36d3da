"""Mistakes that people make, each in a loss of its own, and the name that it gets, at two points."""

from typing import NamedTuple

import numpy as np
import pytest

import gradproof as gp

R = np.random.default_rng(7)
X, Y, V = R.normal(size=(5, 3)), R.normal(size=(5, 2)), R.normal(size=6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Case(NamedTuple):
    """A loss with a right and a wrong gradient: wrong(params, batch, False) is the right one."""

    loss: object
    gradient: object
    params: dict
    batch: dict
    kind: str
    words: str


CASES = {}


def case(kind, words, params, batch=None):
    def register(make):
        loss, gradient = make()
        CASES[make.__name__] = Case(loss, gradient, params, batch or {}, kind, words)
        return make

    return register


# ------------------------------------------------------------------------ blocks and what arrives


@case("block-skipped", "skipped on the way back: its input gets the gradient of its result", {"x": X})
def a_block_is_skipped():
    def loss(xp, p, _):
        x = p["x"]
        n = x / xp.sqrt(xp.mean(x * x, axis=1, keepdims=True) + 1e-5)
        return 0.5 * xp.sum((x + xp.tanh(n)) ** 2)

    def gradient(p, _, wrong):
        x = p["x"]
        rms = np.sqrt((x * x).mean(1, keepdims=True) + 1e-5)
        n = x / rms
        dy = x + np.tanh(n)
        dn = dy * (1 - np.tanh(n) ** 2)
        return {"x": dy + (dn if wrong else (dn - n * (dn * n).mean(1, keepdims=True)) / rms)}

    return loss, gradient


@case(
    "upstream-ignored",
    "on the way back ignored, and 1 taken in its place",
    {"w": V},
    {"c": R.uniform(1, 2, 6)},
)
def the_upstream_gradient_is_ignored():
    def loss(xp, p, b):
        return xp.mean(b["c"] * xp.log(xp.exp(p["w"]) + 2.0 + xp.exp(-p["w"])))

    def gradient(p, b, wrong):
        own = (np.exp(p["w"]) - np.exp(-p["w"])) / (np.exp(p["w"]) + 2 + np.exp(-p["w"]))
        return {"w": own if wrong else own * b["c"] / 6}

    return loss, gradient


@case("slice-counted-wrongly", "the last slice along axis 0 counted twice", {"x": R.normal(size=(4, 2))})
def an_edge_is_counted_twice():
    ends = np.array([1, 2, 3, 0])

    def loss(xp, p, _):
        d = p["x"] - p["x"][ends]
        return 0.25 * xp.sum(xp.sum(d * d, axis=1) ** 2)

    def gradient(p, _, wrong):
        d = p["x"] - p["x"][ends]
        f = (d * d).sum(1)[:, None] * d
        if wrong:
            f[-1] *= 2
        g = f.copy()
        np.subtract.at(g, ends, f)
        return {"x": g}

    return loss, gradient


@case(
    "symmetric-only",
    "as it is only where the matrix is symmetric",
    {"u": V[:3]},
    {"A": R.normal(size=(3, 3))},
)
def right_for_symmetric_matrices_only():
    def loss(xp, p, b):
        h = xp.sin(p["u"])
        return xp.sum(h * (b["A"] @ h))

    def gradient(p, b, wrong):
        h = np.sin(p["u"])
        return {"u": np.cos(p["u"]) * (2 * b["A"] @ h if wrong else b["A"] @ h + b["A"].T @ h)}

    return loss, gradient


# ------------------------------------------------------------------------ products


@case("product-of-sums", "the product of sums over the rows", {"W": R.normal(size=(3, 2))}, {"X": X, "Y": Y})
def a_product_of_sums():
    def loss(xp, p, b):
        return 0.5 * xp.sum((xp.tanh(b["X"] @ p["W"]) - b["Y"]) ** 2)

    def gradient(p, b, wrong):
        t = np.tanh(b["X"] @ p["W"])
        dz = (t - b["Y"]) * (1 - t * t)
        return {"W": np.outer(b["X"].sum(0), dz.sum(0)) if wrong else b["X"].T @ dz}

    return loss, gradient


@case("product-of-sums", "in place of the sum of products that undoes the broadcast", {"a": V[:3]}, {"X": X})
def a_product_of_sums_in_a_scale():
    def loss(xp, p, b):
        return xp.sum(xp.sin(p["a"] * b["X"]))

    def gradient(p, b, wrong):
        c = np.cos(p["a"] * b["X"])
        return {"a": c.sum(0) * b["X"].sum(0) if wrong else (c * b["X"]).sum(0)}

    return loss, gradient


@case(
    "elementwise-product",
    "an element-wise product",
    {"W": R.normal(size=(3, 3))},
    {"A": R.normal(size=(3, 3))},
)
def an_elementwise_product():
    def loss(xp, p, b):
        return xp.sum(xp.sin(b["A"] @ p["W"]))

    def gradient(p, b, wrong):
        c = np.cos(b["A"] @ p["W"])
        return {"W": b["A"].T * c if wrong else b["A"].T @ c}

    return loss, gradient


@case(
    "one-slice-for-all",
    "the first slice along axis 0 of",
    {"v": R.normal(size=(2, 3, 2))},
    {"s": R.normal(size=(2, 4, 3))},
)
def the_first_head_for_all():
    def loss(xp, p, b):
        return xp.sum(xp.sin(xp.exp(b["s"]) @ p["v"]))

    def gradient(p, b, wrong):
        w = np.exp(b["s"])
        c = np.cos(w @ p["v"])
        return {"v": np.swapaxes(w[:1] if wrong else w, 1, 2) @ c}

    return loss, gradient


# ------------------------------------------------------------------------ formulas


@case("parentheses-missing", "g * 1 - y^2 instead of g * (1 - y^2)", {"x": V}, {"c": R.uniform(1, 2, 6)})
def a_parenthesis_is_missing():
    def loss(xp, p, b):
        return xp.sum(b["c"] * xp.tanh(p["x"]))

    def gradient(p, b, wrong):
        y = np.tanh(p["x"])
        return {"x": b["c"] * 1 - y * y if wrong else b["c"] * (1 - y * y)}

    return loss, gradient


@case("parentheses-missing", "the parameter s multiplied with", {"c": V[:3], "s": R.uniform(1.2, 2, 3)})
def a_denominator_is_multiplied_with():
    def loss(xp, p, _):
        return xp.sum(xp.sin(xp.exp(p["c"]) / (3.0 * p["s"] ** 2)))

    def gradient(p, _, wrong):
        e, s = np.exp(p["c"]), p["s"]
        outer = np.cos(e / (3 * s**2))
        return {"c": outer * e / 3 if wrong else outer * e / (3 * s**2), "s": -2 * outer * e / (3 * s**3)}

    return loss, gradient


@case("parentheses-missing", "plus instead of minus in the quotient rule", {"p": R.uniform(0.1, 0.9, 6)})
def a_quotient_with_two_slips():
    t = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])

    def loss(xp, p, _):
        return (xp.sum(p["p"] * t) + 0.5) / (xp.sum(p["p"]) + 3.5)

    def gradient(p, _, wrong):
        a, b = (p["p"] * t).sum() + 0.5, p["p"].sum() + 3.5
        return {"p": (t * b + a) / b * b if wrong else (t * b - a) / (b * b)}

    return loss, gradient


@case("constant-rounded", "rounded to 0.797885 (6 digits)", {"w": V})
def a_constant_in_six_digits():
    root = float(np.sqrt(2 / np.pi))

    def loss(xp, p, _):
        return xp.sum(xp.sin(root * p["w"]) * xp.exp(p["w"]))

    def gradient(p, _, wrong):
        w = p["w"]
        inner = 0.797885 if wrong else root
        return {"w": np.cos(root * w) * inner * np.exp(w) + np.sin(root * w) * np.exp(w)}

    return loss, gradient


@case(
    "another-condition",
    "is above 0 instead of by its own condition",
    {"x": X, "a": np.array([0.3, -0.4, -0.2])},
)
def a_branch_is_decided_by_the_output():
    def loss(xp, p, _):
        return xp.sum(xp.exp(xp.where(p["x"] > 0, p["x"], p["a"] * p["x"])))

    def gradient(p, _, wrong):
        x, a = p["x"], p["a"]
        y = np.where(x > 0, x, a * x)
        on, d = (y if wrong else x) > 0, np.exp(y)
        return {"x": d * np.where(on, 1.0, a), "a": np.where(on, 0.0, d * x).sum(0)}

    return loss, gradient


# ------------------------------------------------------------------------ modes, steps, positions


@case(
    "other-mode",
    "the backward pass of training",
    {"x": X},
    {"m": V[:3], "v": R.uniform(0.5, 2, 3), "t": R.normal(size=(5, 3))},
)
def evaluation_differentiated_as_training():
    def loss(xp, p, b):
        return xp.sum(xp.sin((p["x"] - b["m"]) / xp.sqrt(b["v"] + 1e-5) * b["t"]))

    def gradient(p, b, wrong):
        d = np.cos((p["x"] - b["m"]) / np.sqrt(b["v"] + 1e-5) * b["t"]) * b["t"]
        if not wrong:
            return {"x": d / np.sqrt(b["v"] + 1e-5)}
        s = np.sqrt(p["x"].var(0) + 1e-5)
        h = (p["x"] - p["x"].mean(0)) / s
        return {"x": (d - d.mean(0) - h * (d * h).mean(0)) / s}

    return loss, gradient


@case(
    "statistics-constant",
    "mean and deviation taken for constants in the derivative of standardize",
    {"x": X},
    {"t": R.normal(size=(5, 3))},
)
def training_differentiated_as_evaluation():
    def loss(xp, p, b):
        d = p["x"] - xp.mean(p["x"], axis=0)
        return xp.sum(xp.sin(d / xp.sqrt(xp.mean(d * d, axis=0) + 1e-3) * b["t"]))

    def gradient(p, b, wrong):
        s = np.sqrt(p["x"].var(0) + 1e-3)
        h = (p["x"] - p["x"].mean(0)) / s
        d = np.cos(h * b["t"]) * b["t"]
        return {"x": d / s if wrong else (d - d.mean(0) - h * (d * h).mean(0)) / s}

    return loss, gradient


def recurrence(p, b):
    states = [np.zeros((2, 2))]
    for x in b["x"]:
        states.append(np.tanh(x @ p["W"] + states[-1] @ p["U"]))
    return states


@case(
    "another-step",
    "(as at an index of -1)",
    {"W": R.normal(size=(2, 2)), "U": R.normal(size=(2, 2))},
    {"x": R.normal(size=(3, 2, 2))},
)
def an_index_wraps_around():
    def loss(xp, p, b):
        h = xp.zeros((2, 2))
        for t in range(3):
            h = xp.tanh(b["x"][t, ...] @ p["W"] + h @ p["U"])
        return 0.5 * xp.sum(h * h)

    def gradient(p, b, wrong):
        h = recurrence(p, b)
        g, dh = {"W": 0.0, "U": 0.0}, h[-1]
        for t in reversed(range(3)):
            dz = dh * (1 - h[t + 1] ** 2)
            g["W"] = g["W"] + b["x"][t].T @ dz
            g["U"] = g["U"] + (h[t] if t or not wrong else h[-1]).T @ dz
            dh = dz @ p["U"].T
        return g

    return loss, gradient


@case("another-step", "the value of the first step at every step", {"w": V[:3]}, {"m": R.normal(size=(4, 3))})
def the_first_mask_at_every_step():
    def loss(xp, p, b):
        h = p["w"]
        for t in range(4):
            h = xp.sin(h * b["m"][t, ...]) + p["w"]
        return xp.sum(h)

    def gradient(p, b, wrong):
        h = [p["w"]]
        for t in range(4):
            h.append(np.sin(h[-1] * b["m"][t]) + p["w"])
        g, d = np.zeros(3), np.ones(3)
        for t in reversed(range(4)):
            g = g + d
            d = d * np.cos(h[t] * b["m"][t]) * b["m"][0 if wrong else t]
        return {"w": g + d}

    return loss, gradient


@case(
    "wrong-positions",
    "handed back at a stride of 1 entries instead of 2",
    {"x": R.normal(size=9)},
    {"k": V[:3]},
)
def a_stride_is_forgotten():
    def loss(xp, p, b):
        return xp.sum(xp.sin(xp.stack([xp.sum(p["x"][2 * i : 2 * i + 3] * b["k"]) for i in range(4)])))

    def gradient(p, b, wrong):
        g = np.zeros_like(p["x"])
        for i in range(4):
            d = np.cos((p["x"][2 * i : 2 * i + 3] * b["k"]).sum())
            for j in range(3):
                g[(1 if wrong else 2) * i + j] += d * b["k"][j]
        return {"x": g}

    return loss, gradient


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_has_its_name(name):
    each = CASES[name]
    right = gp.check(each.loss, lambda p, b: each.gradient(p, b, False), each.params, each.batch, points=0)
    assert right.verdict is gp.Verdict.EQUAL
    wrong = gp.check(each.loss, lambda p, b: each.gradient(p, b, True), each.params, each.batch, points=0)
    assert wrong.cause is not None
    assert wrong.cause.kind == each.kind, wrong.cause.text
    assert each.words in wrong.cause.text
    assert "one point only" not in wrong.cause.text


# ------------------------------------------------------------------------ what is no number


def test_a_product_that_is_divided_by_a_zero_factor_is_named():
    p = R.uniform(0.5, 1, size=(3, 4))
    p[1, 2] = 0.0

    def loss(xp, q, _):
        return xp.sum(xp.sin(xp.prod(q["p"], axis=1)))

    def gradient(q, _):
        s = np.prod(q["p"], axis=1)
        return {"p": (np.cos(s) * s)[:, None] / q["p"]}

    check = gp.check(loss, gradient, {"p": p}, {}, points=0)
    assert (check.verdict, check.cause.kind) == (gp.Verdict.NOT_FINITE, "division-by-zero")
    assert "the derivative of prod (" in check.cause.text


def test_a_norm_of_zero_is_named():
    w = R.normal(size=(3, 2))
    w[1] = 0.0

    def loss(xp, p, _):
        return xp.sum(xp.sqrt(xp.sum(p["w"] ** 2, axis=1)))

    def gradient(p, _):
        return {"w": p["w"] / np.sqrt((p["w"] ** 2).sum(1, keepdims=True))}

    check = gp.check(loss, gradient, {"w": w}, {}, points=0)
    assert not check.ok
    assert check.cause is not None
    assert check.cause.kind == "division-by-zero"
    assert "the derivative of euclidean_norm (" in check.cause.text


def test_entries_that_are_no_numbers_for_no_reason_have_no_cause():
    def gradient(p, _):
        return {"w": np.where(np.arange(6) == 2, np.nan, 2 * p["w"])}

    assert gp.check(lambda xp, p, _: xp.sum(p["w"] ** 2), gradient, {"w": V}, {}, points=0).cause is None


# ------------------------------------------------------------------------ in words


def test_the_data_of_the_batch_is_called_by_its_name():
    def loss(xp, p, b):
        return xp.sum(xp.sin(p["w"] * b["near"]) + xp.cos(p["w"] * b["far"]))

    def gradient(p, b):
        w, near, far = p["w"], b["near"], b["far"]
        return {"w": np.cos(w * near) * far - np.sin(w * far) * far}

    batch = {"near": R.normal(size=6), "far": R.normal(size=6)}
    text = gp.check(loss, gradient, {"w": V}, batch, points=0).cause.text
    assert 'instead of the value of batch["near"]' in text


def test_a_factor_of_the_derivative_of_sigmoid_is_called_that():
    def loss(xp, p, b):
        return xp.sum(b["c"] * xp.nn.sigmoid(p["w"]))

    def gradient(p, b):
        return {"w": b["c"] * sigmoid(p["w"])}

    text = gp.check(loss, gradient, {"w": V}, {"c": np.arange(1.0, 7.0)}, points=0).cause.text
    assert "the factor 1 - y left out of the derivative y (1 - y) of sigmoid (" in text


def test_a_factor_that_is_nearly_one_is_not_told_as_one():
    claimed = {"w": (2 * V * (1 + 1.5e-8)).astype(np.float64)}
    cause = gp.judge(lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": V}, {}, claimed).cause
    assert cause is None or "1 + 1.5e-08" in cause.text


def test_of_several_operations_on_a_line_what_is_written_says_which():
    def loss(xp, p, b):
        return xp.sum(xp.tanh(b["x"] @ p["w"] - p["b"]) * (b["y"] - p["c"]))

    def gradient(p, b):
        y = np.tanh(b["x"] @ p["w"] - p["b"])
        g = (1 - y**2) * (b["y"] - p["c"])
        return {"w": b["x"].T @ g, "b": np.sum(g), "c": -np.sum(y)}  # the minus of the first is left out

    r = np.random.default_rng(0)
    params = {"w": r.normal(size=3), "b": r.normal(size=()), "c": r.normal(size=())}
    found = gp.check(loss, gradient, params, {"x": r.normal(size=(5, 3)), "y": r.normal(size=5)}, points=0)
    assert found.cause is not None
    assert 'subtract `b["x"] @ p["w"] - p["b"]` (' in found.cause.text
