"""Mistakes planted in hand-written gradients: the cause that is named must be the one that was planted."""

import importlib.util
import linecache
from pathlib import Path

import numpy as np
import pytest
from certified_gradients import certified

from gradproof.reference.numbers import Plain
from gradproof.reference.tape import differentiate
from gradproof.verdicts.causes import describe_difference, find_cause
from gradproof.verdicts.causes.graph import Graph
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes import mistake

_HERE = Path(__file__).parent


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODELS = [model for path in sorted((_HERE / "models").glob("*.py")) for model in _module(path).MODELS]
PLANTED = [(model, bug) for model in MODELS for bug in model.BUGS]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_right_gradient_has_no_cause(model):
    params, batch = model.make(np.random.default_rng(0))
    claimed = certified(model.gradient, params, batch)
    assert find_cause(model.loss, params, batch, claimed) is None
    assert describe_difference(model.loss, params, batch, claimed) == ""


@pytest.mark.parametrize(("model", "bug"), PLANTED, ids=lambda each: getattr(each, "__name__", each))
def test_a_planted_mistake_is_named(model, bug):
    params, batch = model.make(np.random.default_rng(0))
    claimed = certified(model.gradient, params, batch, bug)
    cause = find_cause(model.loss, params, batch, claimed)
    if bug in getattr(model, "UNEXPLAINED", ()):
        assert cause is None
        assert "off" in describe_difference(model.loss, params, batch, claimed)
        return
    kind, line = model.BUGS[bug]
    assert cause is not None
    assert cause.kind in {kind.slug for kind in CauseKind}
    assert kind is None or cause.kind == kind, cause.text
    assert all(name in params for name in cause.parameters)
    if line:
        assert line in _source_line(cause.where), cause.text


def _source_line(where):
    """Read the line of the loss that a cause names; the first, if there are several."""
    path, number = where.split(" at ")[1].split(",")[0].split(";")[0].rsplit(":", 1)
    return linecache.getline(str(Path.cwd() / path), int(number))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_two_mistakes_of_a_place_have_one_name(model):
    params, batch = model.make(np.random.default_rng(0))
    graph = Graph(differentiate(model.loss, params, batch, Plain()).tape)
    for use in map(graph.use, graph.edges):
        with graph.context():
            given = [list(rule(use)) for operations, rule in mistake.RULES if use.operation in operations]
        assert sum(map(len, given)) == len(mistake.mistakes_at(use))


def test_a_cause_names_all_and_only_the_wrong_parameters():
    model = next(model for model in MODELS if model.__name__ == "TwoLayers")
    params, batch = model.make(np.random.default_rng(0))
    cause = find_cause(model.loss, params, batch, certified(model.gradient, params, batch, "tanh left out"))
    assert cause.parameters == ("W1", "b1")
    cause = find_cause(model.loss, params, batch, certified(model.gradient, params, batch, "both left out"))
    assert cause.parameters == ("W2", "b2")
    assert cause.text.endswith("your gradients of W1 and b1 are wrong in another way")


@pytest.mark.parametrize("bug", ["tanh left out", "untransposed", "b2 over another axis", "W2 updated"])
def test_what_differs_in_the_tenth_digit_is_no_mutant(bug):
    model = next(model for model in MODELS if model.__name__ == "TwoLayers")
    params, batch = model.make(np.random.default_rng(0))
    claimed = certified(model.gradient, params, batch, bug)
    changed = "b2" if "b2" in bug else "W1"
    claimed[changed] = claimed[changed].copy()
    claimed[changed].flat[1] *= 1 + 2.0**-33
    cause = find_cause(model.loss, params, batch, claimed)
    assert cause is None or changed not in cause.parameters


@pytest.mark.parametrize("bug", ["tanh left out", "sign of W1", "without mean", "W2 updated", "b1 mean"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_claim_in_floats_is_explained_too(bug, dtype):
    model = next(model for model in MODELS if model.__name__ == "TwoLayers")
    params, batch = model.make(np.random.default_rng(0))
    params = {name: array.astype(np.float32).astype(np.float64) for name, array in params.items()}
    batch = {name: array.astype(np.float32).astype(np.float64) for name, array in batch.items()}
    arguments = [{name: array.astype(dtype) for name, array in each.items()} for each in (params, batch)]
    claimed = model.gradient(*arguments, bug)
    assert all(array.dtype == dtype for array in claimed.values())
    assert find_cause(model.loss, params, batch, claimed).kind == model.BUGS[bug][0]
    right = model.gradient(*arguments)
    assert find_cause(model.loss, params, batch, right) is None
