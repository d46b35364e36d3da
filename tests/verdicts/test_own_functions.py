"""A framework's function that has fewer digits than its dtype is named where that makes a gradient wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario
from gradproof.backends import Framework, load_backend
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.verdicts.runs import judge

RANDOM = np.random.default_rng(3)
PARAMS = {"w": 0.3 * RANDOM.normal(size=(3, 2))}
BATCH = {"x": RANDOM.normal(size=(5, 3)), "y": RANDOM.random((5, 2))}


def loss(xp, params, batch):
    return xp.sum((xp.nn.sigmoid(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def of_exponentials(xp, params, batch):
    return xp.mean((xp.exp(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def of_softmax(xp, params, batch):
    return xp.sum((xp.nn.softmax(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def backward(name, value, error):
    """What is handed back to z, with the rounded value in place of the function's."""
    if name == "sigmoid":
        return 2 * error * value * (1 - value)
    if name == "exp":
        return 2 * error * value / error.size
    return 2 * value * (error - np.sum(error * value, axis=-1, keepdims=True))


def single(value):
    return np.asarray(value).astype(np.float32).astype(np.float64)


class Planted(Framework):
    """A framework some of whose functions have float32's digits."""

    name = "planted"

    def __init__(self, rounded=single, only=("sigmoid", "exp", "softmax")):
        self.rounded, self.only = rounded, only

    def evaluated(self, name, array, options):
        value = super().evaluated(name, array, options)
        return self.rounded(value) if name in self.only else value


def run_of(loss, name, factor=1.0):
    """A run of a program whose function has float32's digits, and whose gradient has a factor too many."""

    def gradient(params, batch):
        z = batch["x"] @ params["w"]
        xp = NumpyNamespace()
        value = single((getattr(xp.nn, name) if hasattr(xp.nn, name) else getattr(xp, name))(z))
        return {"w": factor * batch["x"].T @ backward(name, value, value - batch["y"])}

    training = GradientDescent(learning_rate=1e-3, steps=3)
    scenario = Scenario(
        name="single", loss=loss, gradient=gradient, params=PARAMS, batch=BATCH, training=training
    )
    return scenario, load_backend("reference").run(scenario, dtype="float64", variant="numpy")


CASES = {"sigmoid": loss, "exp": of_exponentials, "softmax": of_softmax}


@pytest.mark.parametrize(("name", "loss"), CASES.items())
def test_it_is_named_with_its_digits_and_its_line(name, loss):
    (gradient,) = judge(*run_of(loss, name), {}, Planted()).gradients
    assert not gradient.worst_verdict().passes
    assert gradient.where.startswith(f"{name} at ")
    assert "test_own_functions.py:" in gradient.where
    assert f"planted's {gradient.where} has 7 of 16 digits in float64: of " in gradient.cause


@pytest.mark.parametrize("functions", [None, Framework(), Planted(only=("tanh",))])
def test_functions_that_are_accurate_or_not_known_are_not_accused(functions):
    (gradient,) = judge(*run_of(loss, "sigmoid"), {}, functions).gradients
    assert not gradient.worst_verdict().passes
    assert "digits in float64" not in gradient.cause


class TextbookGelu(Framework):
    """GELU as x ½ (1 + erf(x/√2)), with a root of 2 that may be short."""

    def __init__(self, root):
        self.root = float(root)

    def evaluated(self, name, array, _options):
        return 0.5 * array * (1 + np.vectorize(math.erf)(array / self.root)) if name == "gelu" else None


ROOT = math.sqrt(2)


@pytest.mark.parametrize(("root", "named"), [(ROOT, False), (np.float32(ROOT), True)], ids=["long", "short"])
@pytest.mark.parametrize("shift", [0.0, -7.5], ids=["near 0", "far below"])
def test_what_a_textbooks_formula_cancels_is_no_lack_of_digits(root, named, shift):
    """GELU far below 0 is x ½ (1 + erf(x/√2)), which has no digit right, in most libraries."""

    def loss(xp, params, batch):
        return xp.sum((xp.nn.gelu(params["w"]) - 1) ** 2)

    def gradient(params, batch):
        w, root = params["w"], float(np.float32(ROOT))
        share = 0.5 * (1 + np.vectorize(math.erf)(w / root))
        slope = share + w * np.exp(-((w / root) ** 2)) / (root * math.sqrt(math.pi))
        return {"w": 2 * (w * share - 1) * slope}

    params = {"w": np.append(0.7 + 0.1 * np.arange(3.0), shift)}
    scenario = Scenario(name="gelu", loss=loss, gradient=gradient, params=params, batch={})
    run = load_backend("reference").run(scenario, dtype="float64", variant="numpy")
    (judged,) = judge(scenario, run, {}, TextbookGelu(root)).gradients
    assert not judged.worst_verdict().passes
    assert ("digits in float64" in judged.cause) == named


@pytest.mark.parametrize("factor", [2.0, 1 + 1e-5])
def test_an_error_that_it_does_not_explain_has_another_cause(factor):
    (gradient,) = judge(*run_of(loss, "sigmoid", factor), {}, Planted()).gradients
    assert "digits in float64" not in gradient.cause


def test_functions_are_asked_only_where_a_gradient_is_wrong():
    class Asked(Framework):
        def evaluated(self, *_):
            raise AssertionError

    scenario, run = run_of(loss, "sigmoid")
    exact = replace(scenario, gradient=lambda p, b: {"w": b["x"].T @ delta(p, b)})
    right = load_backend("reference").run(exact, dtype="float64", variant="numpy")
    assert judge(exact, right, {}, Asked()).worst_verdict().passes
    with pytest.raises(AssertionError):
        judge(scenario, run, {}, Asked())


def delta(params, batch):
    a = NumpyNamespace().nn.sigmoid(batch["x"] @ params["w"])
    return 2 * (a - batch["y"]) * a * (1 - a)
