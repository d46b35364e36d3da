"""What all entries of an array tell together: errors in all of them, and in one beside the others."""

from dataclasses import replace

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.numbers.formats import FORMATS, numpy_dtype
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.together import ManySamples, Together, judge_together
from gradproof.verdicts.tolerances import BIAS_SPREADS, FEWEST_TOGETHER, STANDS_OUT
from gradproof.verdicts.verdict import CODE, Verdict

R = np.random.default_rng(0)
AGREES, DISAGREES = CODE[Verdict.AGREES], CODE[Verdict.DISAGREES]


# -------------------------------------------------------------------- the rule, on evidence made by hand


def looked_at(error, exact=None, usable=True, verdict=AGREES, deviation=0.01, places=1):
    """Judge entries whose spread is 0.01 and whose samples have projections of a standard deviation."""
    exact = np.ones(np.shape(error)) if exact is None else exact
    error, exact, usable = (
        np.broadcast_to(np.atleast_2d(each), (places, np.size(error))) for each in (error, exact, usable)
    )
    entries = Together(error, exact, np.full(error.shape, 0.01), usable)
    calls = []

    def sampling(chosen, given):
        calls.append(chosen)
        signs = np.where(np.arange(64) % 2, 1.0, -1.0).reshape(1, -1, 1)
        return ManySamples(np.broadcast_to(deviation * signs, (2, 64, len(chosen))), given.spread)

    at_hand = deviation * np.where(np.arange(8) % 2, 1.0, -1.0).reshape(-1, 1, 1) * exact
    codes = np.full(error.shape, verdict)
    return *judge_together(entries, at_hand, codes, sampling), calls


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bias_above_what_samples_explain_is_wrong_in_all_entries(sign):
    limit = BIAS_SPREADS * 0.01
    verdict, texts, _ = looked_at(np.full(20, sign * 1.01 * limit))
    assert np.all(verdict == DISAGREES)
    words = "large" if sign > 0 else "small"
    bias = f"{1.01 * limit:.2%}"
    assert (
        texts[0] == f"all entries together are {bias} too {words}, and rounding explains at most {limit:.2%}"
    )
    verdict, texts, _ = looked_at(np.full(20, sign * 0.99 * limit))
    assert np.all(verdict == AGREES)
    assert texts[0] == ""


def test_many_samples_are_taken_only_where_few_are_suspicious():
    assert looked_at(np.full(20, 0.014))[2] == []
    assert len(looked_at(np.full(20, 0.016))[2]) == 1


def test_at_many_places_the_limit_is_higher():
    error = np.full(20, 1.01 * BIAS_SPREADS * 0.01)
    assert np.all(looked_at(error, places=1)[0] == DISAGREES)
    assert np.all(looked_at(error, places=1000)[0] == AGREES)
    assert np.all(looked_at(1.3 * error, places=1000)[0] == DISAGREES)


@pytest.mark.parametrize("deviation", [np.nan, np.inf])
def test_samples_that_are_not_finite_accuse_nobody(deviation):
    assert np.all(looked_at(np.full(20, 0.3), deviation=deviation)[0] == AGREES)


def test_entries_that_tell_nothing_are_left_as_they_are():
    usable = np.arange(20) > 4
    verdict, _, _ = looked_at(np.full(20, 0.07), usable=usable)
    assert np.array_equal(verdict[0] == DISAGREES, usable)
    assert np.all(looked_at(np.full(20, np.nan), usable=False)[0] == AGREES)
    assert np.all(
        looked_at(np.full(20, 0.07), verdict=CODE[Verdict.NOT_FINITE])[0] == CODE[Verdict.NOT_FINITE]
    )


def test_an_entry_that_stands_out_is_wrong_alone():
    error = np.where(np.arange(40) == 7, 1.02 * STANDS_OUT * 0.01, 0.005 * R.choice([-1, 1], 40))
    verdict, texts, _ = looked_at(error)
    assert np.flatnonzero(verdict[0] == DISAGREES).tolist() == [7]
    assert (
        "an error is 16.3 spreads of the rounding noise, and those of the other entries are 0.5" in texts[0]
    )


def test_an_entry_does_not_stand_out_among_others_that_are_as_bad_or_few():
    error = np.where(np.arange(40) == 7, 1.02 * STANDS_OUT, 2.0 * R.choice([-1, 1], 40)) * 0.01
    assert np.all(looked_at(error)[0] == AGREES)
    few = np.zeros(FEWEST_TOGETHER - 1)
    few[3] = 1.02 * STANDS_OUT * 0.01
    assert np.all(looked_at(few)[0] == AGREES)


# -------------------------------------------------------------------- gradients of PyTorch and JAX


def loss(xp, p, b):
    hidden = xp.nn.gelu(b["x"] @ p["w0"] + p["b0"])
    return xp.nn.cross_entropy(hidden @ p["w1"] + p["b1"], b["y"])


PARAMS = {
    "w0": R.normal(size=(24, 32)) / 5,
    "b0": R.normal(size=32) / 10,
    "w1": R.normal(size=(32, 10)) / 5,
    "b1": R.normal(size=10) / 10,
}
BATCH = {"x": R.normal(size=(48, 24)), "y": np.eye(10)[R.integers(0, 10, 48)]}


def _torch(params, batch):
    torch = pytest.importorskip("torch")
    framework = gp.backends.load_backend("torch").framework
    leaves = {name: framework.from_numpy(array, leaf=True) for name, array in params.items()}
    data = {name: framework.from_numpy(array) for name, array in batch.items()}
    loss(framework.namespace(), leaves, data).backward()
    assert all(isinstance(each.grad, torch.Tensor) for each in leaves.values())
    return {name: framework.to_numpy(leaf.grad).astype(np.float64) for name, leaf in leaves.items()}


def _jax(params, batch):
    jax = pytest.importorskip("jax")
    framework = gp.backends.load_backend("jax").framework
    given = [{n: framework.from_numpy(a) for n, a in arrays.items()} for arrays in (params, batch)]
    found = jax.jit(jax.grad(lambda p, b: loss(framework.namespace(), p, b)))(*given)
    return {name: np.asarray(array).astype(np.float64) for name, array in found.items()}


@pytest.fixture(scope="module", params=["bfloat16", "float16"])
def dtype(request):
    return request.param


@pytest.fixture(scope="module", params=[_torch, _jax], ids=["torch", "jax"])
def judged(request, dtype):
    """A function that judges the gradient after a change; the evidence is shared."""
    params, batch = (
        {name: array.astype(numpy_dtype(dtype)) for name, array in arrays.items()}
        for arrays in (PARAMS, BATCH)
    )
    gradients = request.param(params, batch)

    def judge(change):
        changed = {name: change(name, array.copy()) for name, array in gradients.items()}
        return gp.judge(loss, params, batch, changed, dtype=dtype)

    return judge


def test_right_gradients_pass(judged):
    assert judged(lambda _, array: array).ok


@pytest.mark.parametrize("factor", [1.03, 0.97])
def test_an_error_in_all_entries_is_caught(judged, dtype, factor):
    # float16 resolves one percent, and bfloat16 three
    factor = factor if dtype == "bfloat16" else 1 + (factor - 1) / 3
    found = judged(lambda _, array: factor * array)
    assert found.verdict is Verdict.DISAGREES
    assert f"too {'large' if factor > 1 else 'small'}" in found.reason
    assert found.cause is None  # the gradient is as near to many wrong formulas
    assert "so near to the true gradient" in found.unexplained


def test_an_error_in_one_entry_is_caught(judged):
    def change(name, array):
        if name == "w1":
            array.flat[np.argmax(np.abs(array))] *= 1.3
        return array

    found = judged(change)
    assert found.verdict is Verdict.DISAGREES
    wrong = found.entries[found.entries["verdict"] == "DISAGREES"]
    assert wrong["parameter"].tolist() == ["w1"]


def test_float32_is_judged_entry_by_entry():
    place = Place(PARAMS, BATCH).rounded("float32")
    assert PlaceEvidence(loss, place, "float32").gradients["w0"].sampling is None
    assert PlaceEvidence(loss, place, "bfloat16").gradients["w0"].sampling is not None


# -------------------------------------------------------------------- one entry that cancels


def cancelling(xp, p, b):
    return xp.sum(p["w"] * b["x"]) - xp.sum(xp.sin(p["w"]) * b["y"])


def test_one_entry_that_cancels_is_told_with_its_share():
    w = np.array([0.5, 1.0, 0.25, 0.75] * 8)
    y = np.ones(32)
    batch = {"x": np.where(np.arange(32) == 3, y * np.cos(w) * 1.02, 4.0), "y": y}
    place = Place({"w": w}, batch).rounded("bfloat16")
    c = FORMATS["bfloat16"].rounded(np.cos(place.params["w"]))
    gradient = FORMATS["bfloat16"].rounded(place.batch["x"] - c)
    found = gp.judge(cancelling, {"w": w}, batch, {"w": gradient}, dtype="bfloat16")
    assert found.verdict is Verdict.ILL_CONDITIONED
    assert "fewer than half of bfloat16's digits are left in 1 of 32 entries" in found.reason
    assert replace(found, strict=True).ok
