"""Reports to make pages of: one in which all agrees, one with planted errors, one full of hostile names."""

import numpy as np
import pandas as pd
import pytest

import gradproof as gp
from gradproof.reporting.columns import COLUMNS, as_frame
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.report import Report
from gradproof.scenarios import Provenance
from gradproof.verification import verify

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.uniform(size=(6, 1))
HIDDEN, OUTPUT = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 1))

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "../../x",
    "{{7*7}}",
    "javascript:alert(4)",
    '<b>bold</b><a href="https://example.org/">away</a>',
    "$x^2$ %{y} &lt;",
)
"""Names that must stay text wherever the page shows them."""


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def network_loss(xp, params, batch):
    hidden = xp.nn.sigmoid(batch["x"] @ params["w_ij"])
    return 0.5 * xp.sum((batch["y"] - xp.nn.sigmoid(hidden @ params["w_jk"])) ** 2)


def network_gradient(params, batch):
    hidden = sigmoid(batch["x"] @ params["w_ij"])
    output = sigmoid(hidden @ params["w_jk"])
    error = (output - batch["y"]) * output * (1 - output)
    return {
        "w_ij": batch["x"].T @ ((error @ params["w_jk"].T) * hidden * (1 - hidden)),
        "w_jk": hidden.T @ error,
    }


def without_a_derivative(params, batch):
    hidden = sigmoid(batch["x"] @ params["w_ij"])
    output = sigmoid(hidden @ params["w_jk"])
    return network_gradient(params, batch) | {"w_jk": hidden.T @ (output - batch["y"])}


def network(name, steps, gradient=network_gradient, **more):
    return gp.Scenario(
        name=name,
        loss=network_loss,
        gradient=gradient,
        params={"w_ij": HIDDEN, "w_jk": OUTPUT},
        batch={"x": X, "y": Y},
        predict=lambda xp, params, batch: xp.nn.sigmoid(
            xp.nn.sigmoid(batch["x"] @ params["w_ij"]) @ params["w_jk"]
        ),
        training=gp.GradientDescent(learning_rate=0.5, steps=steps),
        **more,
    )


def half_of_the_first_label(_xp, _params, batch):
    return 0.5 * batch["y"][0, 0]


def line(name, gradient=None, **more):
    """w such that w·x = 6 at x = (1, 2): known to be best at (1.2, 2.4) from zero."""
    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: (xp.sum(params["w"] * batch["x"]) - 6) ** 2,
        gradient=gradient,
        params={"w": np.zeros(2)},
        batch={"x": np.array([1.0, 2.0])},
        training=gp.GradientDescent(learning_rate=0.02, steps=30),
        **more,
    )


@pytest.fixture(scope="session")
def agreeing() -> Report:
    """All agrees; the scenario without a hand-derived gradient is not run on the reference."""
    pytest.importorskip("torch")
    document = network(
        "network",
        300,
        source="A document",
        provenance=[
            Provenance("weights", "given", "drawn with a seed"),
            Provenance("learning rate", "given", "0.5 is named"),
        ],
        claims=[
            gp.value_claim("loss-at-the-start", "The loss is 7 at first.", "page 1", "7"),
            gp.value_claim("dim", "Half of the first label is 0.", "page 2", "0", half_of_the_first_label),
        ],
    )
    solved = line("line_without_gradient", solution={"w": np.array([1.2, 2.4])})
    return verify([document, solved], ["reference", "torch"], limits=None)


@pytest.fixture(scope="session")
def differing() -> Report:
    """A gradient that lacks the derivative of a sigmoid, and one with NaN in one entry."""
    pytest.importorskip("torch")
    broken = line("nan_in_an_entry", lambda _params, batch: {"w": np.array([np.nan, 1.0]) * batch["x"]})
    return verify([network("planted", 40, without_a_derivative), broken], ["reference", "torch"], limits=None)


@pytest.fixture(scope="session")
def hostile() -> Report:
    """Every name and every text of the report is one that would like to be markup."""
    names = dict.fromkeys(HOSTILE)

    def loss(xp, params, batch):
        return sum(xp.sum(params[name] ** 2 * batch[name]) for name in names)

    def gradient(params, batch):
        return {name: 2.1 * params[name] * batch[name] for name in names}

    scenarios = [
        gp.Scenario(
            name=name,
            loss=loss,
            gradient=gradient,
            params={each: np.full((2, 2), 0.5) for each in names},
            batch={each: np.full((2, 2), 1.5) for each in names},
            training=gp.GradientDescent(learning_rate=0.1, steps=3),
            source=name,
            provenance=[Provenance(name, "given", name)],
            claims=[gp.value_claim(name, name, name, "1")],
        )
        for name in HOSTILE[:3]
    ]
    report = verify(scenarios, ["reference"], ["float64"], limits=None)
    runs = report.runs.astype(object)
    runs["repeat"] = HOSTILE[1]
    findings = report.findings.assign(cause=HOSTILE[2], reason=HOSTILE[0], repeat=HOSTILE[1])
    changed = {"runs": runs.astype(COLUMNS["runs"]), "findings": findings}
    made = Report({**report.frames, **changed}, {**report.environment, HOSTILE[0]: HOSTILE[1]})
    made.changes = compare(report, made)
    return made


@pytest.fixture
def worsened() -> Report:
    """A gradient lost the derivative of a sigmoid since the baseline."""
    before, after = (
        verify([network("planted", 40, gradient)], ["reference"], limits=None)
        for gradient in (network_gradient, without_a_derivative)
    )
    after.changes = compare(before, after)
    return after


@pytest.fixture
def empty() -> Report:
    """A report of nothing at all."""
    return Report({name: as_frame(name, []) for name in COLUMNS}, {})


@pytest.fixture
def many_entries() -> pd.DataFrame:
    """The frame `entries` of two parameters with 64 × 64 and 3 × 1 entries, in random order of badness."""
    random = np.random.default_rng(0)
    subject = {"scenario": "s", "backend": "b", "variant": "v", "dtype": "float64", "quantity": "gradients"}
    numbers = {"value": 1.0, "exact": "1", "error": 0.0, "ulps": 1.0}
    common = {**subject, **numbers, "step": 3, "block_rows": 1, "block_columns": 1, "verdict": "AGREES"}
    rows = []
    for parameter, (height, width) in {"large": (64, 64), "small": (3, 1)}.items():
        for row, column in np.ndindex(height, width):
            cell = {"parameter": parameter, "row": row, "column": column, "index": f"{row},{column}"}
            rows.append({**common, **cell, "spreads": random.exponential()})
    return as_frame("entries", rows)
