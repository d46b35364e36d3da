"""Arrays are taken as they come: requiring a gradient, on a device, of any dtype, from a model itself."""

import pickle

import ml_dtypes
import numpy as np
import pytest

import gradproof as gp
from gradproof.backends.arrays import as_numpy, tree_in_numpy
from gradproof.reference.numbers.formats import widened

R = np.random.default_rng(0)
WEIGHT, BIAS, X = (R.normal(size=shape).astype(ml_dtypes.bfloat16) for shape in ((3, 5), (3,), (7, 5)))


def loss(xp, p, b):
    return xp.sum(xp.tanh(b["x"] @ p["weight"].T + p["bias"]))


def _torch(dtype, how):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, dtype)
    module = torch.nn.Linear(5, 3, dtype=dtype)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(WEIGHT.astype(np.float64)))
        module.bias.copy_(torch.from_numpy(BIAS.astype(np.float64)))
    x = torch.from_numpy(X.astype(np.float64)).to(dtype).requires_grad_()
    torch.tanh(module(x)).sum().backward()
    gradients = {name: each.grad for name, each in module.named_parameters()}
    params = dict(module.named_parameters()) if how == "named_parameters" else module.state_dict()
    return params, {"x": x}, gradients


def _jax(dtype, _):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(dtype == "float64"):
        given = {"weight": WEIGHT, "bias": BIAS, "x": X}
        arrays = {name: jax.numpy.asarray(each.astype(np.float32), dtype) for name, each in given.items()}
        x = arrays.pop("x")
        return arrays, {"x": x}, jax.grad(lambda p: loss(jax.numpy, p, {"x": x}))(arrays)


CASES = [(_torch, "named_parameters"), (_torch, "state_dict"), (_jax, "arrays")]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("make", "how"), CASES, ids=[how for _, how in CASES])
def test_a_framework_s_own_arrays_are_judged_as_they_come(make, how, dtype):
    params, batch, gradients = make(dtype, how)
    assert gp.judge(loss, params, batch, gradients, dtype=dtype).ok
    wrong = {name: 1.5 * as_numpy(each) for name, each in gradients.items()}
    assert gp.judge(loss, params, batch, wrong, dtype=dtype).verdict is gp.Verdict.DISAGREES


@pytest.mark.parametrize(("make", "how"), CASES, ids=[how for _, how in CASES])
def test_what_is_computed_of_them_is_what_is_of_numpy_s(make, how):
    params, batch, _ = make("bfloat16", how)
    ours = {"weight": WEIGHT, "bias": BIAS}, {"x": X}
    exact, expected = gp.true_gradient(loss, params, batch), gp.true_gradient(loss, *ours)
    noise, expected_noise = gp.rounding_noise(loss, params, batch), gp.rounding_noise(loss, *ours)
    for name in expected:
        assert exact[name].text().tolist() == expected[name].text().tolist()
        np.testing.assert_array_equal(noise[name], expected_noise[name])


def test_check_takes_them():
    params, batch, _ = _torch("float32", "named_parameters")

    def gradient(p, b):
        slope = 1 - np.tanh(b["x"] @ p["weight"].T + p["bias"]) ** 2
        return {"weight": slope.T @ b["x"], "bias": slope.sum(0)}

    assert gp.check(loss, gradient, params, batch).verdict is gp.Verdict.EQUAL


def test_a_scenario_says_what_to_do_with_an_array_that_numpy_cannot_read():
    torch = pytest.importorskip("torch")
    with pytest.raises(gp.InputError, match="is a Parameter, which NumPy cannot read"):
        gp.Scenario(name="mine", loss=loss, params={"w": torch.nn.Parameter(torch.ones(2))}, batch={})


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16"])
def test_short_formats_go_to_pytorch_and_back_bit_for_bit(dtype):
    torch = pytest.importorskip("torch")
    framework = gp.backends.arrays.framework_of(torch.ones(1))
    array = np.array([1.5, -0.25, 448.0]).astype(getattr(ml_dtypes, dtype, dtype))
    tensor = framework.from_numpy(array)
    assert tensor.dtype == getattr(torch, dtype)
    back = as_numpy(tensor)
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()
    assert tree_in_numpy({"w": [tensor]})["w"][0].dtype == array.dtype


SENT = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


def sent(arrays):
    """What another process gets: numpy says of its data types that they are not its own."""
    return pickle.loads(pickle.dumps(arrays))  # noqa: S301 - what was just made


@pytest.mark.parametrize("dtype", SENT, ids=lambda dtype: np.dtype(dtype).name)
def test_an_array_that_another_process_sent_keeps_its_numbers(dtype):
    array = R.normal(size=3).astype(dtype)
    assert as_numpy(sent(array)).dtype == array.dtype
    assert widened(sent(array)).dtype == widened(array).dtype
    np.testing.assert_array_equal(widened(sent(array)), widened(array))


def test_arrays_that_another_process_sent_are_judged_and_checked_as_others_are():
    def gradient(params, batch):
        delta = 1 - np.tanh(batch["x"] @ params["weight"].T + params["bias"]) ** 2
        return {"weight": delta.T @ batch["x"], "bias": delta.sum(axis=0)}

    params, batch = {"weight": R.normal(size=(3, 5)), "bias": R.normal(size=3)}, {"x": R.normal(size=(7, 5))}
    found = gp.judge(loss, sent(params), sent(batch), sent(gradient(params, batch)), dtype="float64")
    assert found.verdict is gp.Verdict.AGREES
    assert gp.check(loss, gradient, sent(params), sent(batch), points=2).verdict is gp.Verdict.EQUAL


@pytest.mark.parametrize("dtype", [np.int64, np.bool, *SENT], ids=lambda dtype: np.dtype(dtype).name)
def test_an_array_that_another_process_sent_goes_to_pytorch(dtype):
    torch_backend = pytest.importorskip("gradproof.backends.torch_backend")
    array = np.array([0, 1, 2]).astype(dtype)
    there = torch_backend.TorchFramework().from_numpy(sent(array))
    assert str(there.dtype) == f"torch.{array.dtype.name}"
