"""A gradient that divides by a norm is not accused where the check itself draws a norm of 0."""

from typing import Any

import numpy as np
import pytest

import gradproof as gp

PARAMS = {"w": np.array([[0.5, -0.25], [1.0, 0.75], [-0.5, 0.3]])}
BATCH = {"x": np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0], [0.0, 0.25, 1.0]])}


NORMS: dict[str, Any] = {
    "a root of a sum of squares": lambda xp, hidden: xp.sqrt(xp.sum(hidden**2, axis=1)),
    "a norm": lambda xp, hidden: xp.linalg.vector_norm(hidden, axis=1),
    "hypot": lambda xp, hidden: xp.hypot(hidden[:, 0], hidden[:, 1]),
}


@pytest.fixture(params=NORMS)
def loss(request: pytest.FixtureRequest) -> Any:
    return lambda xp, params, batch: xp.sum(NORMS[request.param](xp, batch["x"] @ params["w"]))


def gradient(params: Any, batch: Any, factor: float = 1.0) -> Any:
    hidden = batch["x"] @ params["w"]
    norms = np.sqrt(np.sum(hidden**2, axis=1, keepdims=True))
    return {"w": factor * batch["x"].T @ (hidden / norms)}


ZEROS = {"x": np.vstack([BATCH["x"], np.zeros(3)])}


def zeros(generator: np.random.Generator) -> Any:
    return {"x": generator.normal(size=(4, 3)) * np.array([[1.0], [1.0], [1.0], [0.0]])}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_at_drawn_data_it_is_dropped_and_a_wrong_one_is_found(loss: Any) -> None:
    right = gp.check(loss, gradient, PARAMS, BATCH, batches=zeros)
    assert right.verdict is gp.Verdict.EQUAL
    assert right.points.dropped > 0
    wrong = gp.check(loss, lambda p, b: gradient(p, b, 2.0), PARAMS, BATCH, batches=zeros)
    assert wrong.verdict is gp.Verdict.WRONG


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_at_the_users_own_point_it_is_told(loss: Any) -> None:
    told = gp.check(loss, gradient, PARAMS, ZEROS, points=0)
    assert told.verdict is gp.Verdict.NOT_FINITE
    assert not told.ok
