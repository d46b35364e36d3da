"""Hand-derived gradients of linear algebra and sorting: right ones are EQUAL, wrong ones are told why."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

RANDOM = np.random.default_rng(8)
A = RANDOM.normal(size=(3, 3)) + 3 * np.eye(3)
PARAMS = {"A": A, "B": RANDOM.normal(size=(3, 2))}
BATCH = {"y": RANDOM.normal(size=(3, 2)), "k": RANDOM.normal(size=3)}

Gradient = Callable[[Any, Any], dict[str, Any]]


def of_system(xp: Any, p: Any, b: Any) -> Any:
    return xp.sum((xp.linalg.solve(p["A"], p["B"]) - b["y"]) ** 2) + xp.linalg.slogdet(p["A"])[1]


def system(p: Any, b: Any, *, solver: str = "", inverse: str = "T") -> dict[str, Any]:
    x = np.linalg.solve(p["A"], p["B"])
    right = np.linalg.solve(p["A"] if solver else p["A"].T, 2 * (x - b["y"]))
    left = np.linalg.solve(p["A"].T, 2 * (x - b["y"]))
    inverted = np.linalg.inv(p["A"])
    return {"A": -left @ x.T + (inverted.T if inverse else inverted), "B": right}


def of_inverse(xp: Any, p: Any, b: Any) -> Any:
    return xp.sum(xp.linalg.inv(p["A"]) @ b["y"] * p["B"])


def inverse(p: Any, b: Any, *, transposed: bool = True) -> dict[str, Any]:
    y = np.linalg.inv(p["A"])
    g = p["B"] @ b["y"].T
    return {"A": -y.T @ g @ y.T if transposed else -y @ g @ y, "B": y @ b["y"]}


def of_eigenvalues(xp: Any, p: Any, b: Any) -> Any:
    return xp.sum(b["k"] * xp.exp(xp.linalg.eigvalsh(p["A"] @ xp.matrix_transpose(p["A"])))) + xp.sum(p["B"])


def eigenvalues(p: Any, b: Any, *, factor: float = 2.0) -> dict[str, Any]:
    values, vectors = np.linalg.eigh(p["A"] @ p["A"].T)
    return {"A": factor * (vectors * (b["k"] * np.exp(values))) @ vectors.T @ p["A"], "B": np.ones((3, 2))}


def of_order(xp: Any, p: Any, b: Any) -> Any:
    return xp.sum(xp.sort(p["A"], axis=0) * xp.expand_dims(b["k"], axis=-1)) + xp.sum(p["B"])


def order(p: Any, b: Any, *, undone: bool = True) -> dict[str, Any]:
    places = np.argsort(p["A"], axis=0)
    gradient = np.zeros((3, 3))
    np.put_along_axis(gradient, places, np.repeat(b["k"][:, None], 3, axis=1), axis=0)
    again = np.take_along_axis(np.repeat(b["k"][:, None], 3, axis=1), places, axis=0)
    return {"A": gradient if undone else again, "B": np.ones((3, 2))}


RIGHT: dict[str, tuple[Any, Gradient]] = {
    "system": (of_system, system),
    "inverse": (of_inverse, inverse),
    "eigenvalues": (of_eigenvalues, eigenvalues),
    "order": (of_order, order),
}
WRONG: dict[str, tuple[Any, Gradient, str]] = {
    "solver": (of_system, lambda p, b: system(p, b, solver="A"), "derivative of solution .* not transposed"),
    "log-determinant": (
        of_system,
        lambda p, b: system(p, b, inverse=""),
        "sign_and_log_determinant .* hands back transposed",
    ),
    "inverse": (
        of_inverse,
        lambda p, b: inverse(p, b, transposed=False),
        "derivative of inv .* not transposed",
    ),
    "eigenvalues": (of_eigenvalues, lambda p, b: eigenvalues(p, b, factor=1.0), "A"),
    "order": (of_order, lambda p, b: order(p, b, undone=False), "order of sort .* applied once more"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_is_equal(name: str) -> None:
    loss, gradient = RIGHT[name]
    found = gp.check(loss, gradient, PARAMS, BATCH, points=2)
    assert found.verdict == gp.Verdict.EQUAL
    assert found.digits > 15


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_is_told_why(name: str) -> None:
    loss, gradient, words = WRONG[name]
    found = gp.check(loss, gradient, PARAMS, BATCH, points=2)
    assert found.verdict == gp.Verdict.WRONG
    assert found.cause is not None
    assert re.search(words, found.cause.text.replace("\n", " "))
