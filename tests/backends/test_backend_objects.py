"""A backend that is an object: it runs in this process and in others, and is judged like every other one."""

from dataclasses import replace

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import load_backend

R = np.random.default_rng(0)
SCENARIO = gp.Scenario(
    name="squares",
    loss=lambda xp, p, b: xp.mean((b["x"] @ p["w"] - b["y"]) ** 2),
    gradient=lambda p, b: {"w": 2 * b["x"].T @ (b["x"] @ p["w"] - b["y"]) / len(b["x"])},
    params={"w": R.normal(size=3)},
    batch={"x": R.normal(size=(5, 3)), "y": R.normal(size=5)},
    training=gp.GradientDescent(learning_rate=0.1, steps=3),
)


def mine(factor=1.0, **attributes):
    """A backend of a class that no other process can import."""

    class Mine:
        name = "mine"
        variants = ("plain",)
        dtypes = ("float64", "float32")
        step_limits = {}  # noqa: RUF012 - as users write it

        def versions(self):
            return {"mine": "1"}

        def run(self, scenario, *, dtype, variant):
            run = load_backend("reference").run(scenario, dtype=dtype, variant="numpy")
            gradients = {name: (factor * each).astype(dtype) for name, each in run.gradients.items()}
            return replace(run, backend="mine", variant=variant, gradients=gradients)

    for name, value in attributes.items():
        setattr(Mine, name, value)
    return Mine()


@pytest.mark.parametrize("limits", [None, gp.Limits()], ids=["here", "in a process of its own"])
def test_an_object_is_run_and_judged(limits):
    report = gp.verify(SCENARIO, backends=[mine(), "reference"], limits=limits)
    assert report.ok
    assert sorted({*report.runs["backend"]}) == ["mine", "reference"]
    assert gp.verify(SCENARIO, backends=mine(1.001), limits=limits).ok is False


def test_a_variant_of_an_object_is_not_named_but_its_dtypes_are_asked():
    report = gp.verify(SCENARIO, backends=mine(dtypes=("float64",)), limits=None)
    runs = report.runs.set_index("dtype")
    assert runs.loc["float64", "status"] == "run"
    assert runs.loc["float32", "reason"] == "backend 'mine' cannot run float32"


@pytest.mark.parametrize(
    ("backends", "message"),
    [
        ([mine(), mine()], "Two backends are called 'mine'"),
        (mine(name="torch"), "Two backends are called 'torch'"),
        (mine(variants=()), "has no variants, or no dtypes"),
        (mine(step_limits=None).__class__, "lacks part of the Backend protocol"),
        ([3], "a name, an object that is a backend"),
    ],
)
def test_what_is_no_backend_is_told(backends, message):
    with pytest.raises(gp.InputError, match=message):
        gp.verify(SCENARIO, backends=backends, limits=None)
