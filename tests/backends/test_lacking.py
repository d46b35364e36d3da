"""What a framework lacks is named, with the line of the loss; the run is not made, and nothing else fails."""

import inspect
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import Framework, backend_names, is_own, load_backend
from gradproof.errors import BackendUnavailableError
from gradproof.running.task import Task, carry_out
from gradproof.verdicts.records import Subject

WRAPS_ALL_OF_NUMPY = {"autograd"}
OWN = [name for name in backend_names() if is_own(name) and name != "reference"]


def function(xp, params, batch):
    return xp.sum(xp.busday_offset(params["w"], 1))


def function_of_networks(xp, params, batch):
    return xp.sum(xp.nn.no_such_function(params["w"]))


def attribute(xp, params, batch):
    return xp.sum(params["w"].no_such_attribute)


def of_the_arrays(xp, params, batch):
    return xp.sum(params["w"].getfield())


def misspelt(xp, params, batch):
    return xp.summ(params["w"])


def result_of(name, loss):
    try:
        backend = load_backend(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    scenario = gp.Scenario(name="lacking", loss=loss, params={"w": np.array([0.5, 2.0])}, batch={})
    for variant in backend.variants:
        yield carry_out(Task(scenario, Subject("lacking", name, variant, "float64")))


def line(loss):
    return f"{Path(__file__).name}:{inspect.getsourcelines(loss)[1] + 1}"


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    ("loss", "words"), [(function, "no busday_offset"), (of_the_arrays, "no getfield of its arrays")]
)
def test_what_numpy_has_and_a_framework_lacks_is_named(name, loss, words):
    if name in WRAPS_ALL_OF_NUMPY:
        pytest.skip(f"{name} wraps all of NumPy")
    for result in result_of(name, loss):
        assert str(result.status) == "not run"
        assert f"{name} has {words} (loss line " in result.reason
        assert f"{line(loss)}). Write the loss with what it has, or leave {name} out." in result.reason


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("loss", [misspelt, attribute, function_of_networks])
def test_what_nobody_has_is_a_mistake_of_the_loss(name, loss):
    """It fails: left out as not run, a loss that is misspelt would pass."""
    for result in result_of(name, loss):
        assert str(result.status) == "failed"
        assert "AttributeError" in result.reason


def along_an_axis(xp, params, batch):
    return xp.sum(xp.take_along_axis(params["w"], np.array([1, 0]), 0))


def inverse(xp, params, batch):
    return xp.sum(xp.linalg.inv(params["w"][:, None] @ params["w"][None, :] + xp.eye(2)))


def by_an_array(xp, params, batch):
    return xp.sum(params["w"][np.array([1, 0])])


def of_a_vector(xp, params, batch):
    return xp.sum((params["w"][:, None] * params["w"]) @ params["w"])


LACKING = {
    ("autograd", "derivative of take_along_axis"): along_an_axis,
    ("mlx", "derivative of Inverse"): inverse,
    ("mlx", "indexing by arrays of NumPy's"): by_an_array,
    ("tensorflow", "indexing by arrays"): by_an_array,
    ("tensorflow", "product (@) of a matrix and a vector"): of_a_vector,
}


@pytest.mark.parametrize(("name", "words"), LACKING)
def test_what_a_framework_says_that_it_lacks_is_named(name, words):
    for result in result_of(name, LACKING[name, words]):
        assert str(result.status) == "not run", result.reason
        assert f"{name} has no {words}" in result.reason


def test_a_message_without_the_operation_is_no_lack():
    class Fussy(Framework):
        lacking: ClassVar = {
            "no derivative of (.*)": "derivative of {}",
            "no such index": "indexing by arrays",
        }

    assert Fussy().lacks(ValueError("no derivative of sort")) == "derivative of sort"
    assert Fussy().lacks(TypeError("there is no such index")) == "indexing by arrays"
    assert Fussy().lacks(ValueError("shapes differ")) == ""
