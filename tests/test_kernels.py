"""Operations of one's own: right ones pass, and what `check` and gradcheck do not see is caught."""

import inspect

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")

X = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32))
W = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32))


def silu(xp, x):
    return x * xp.nn.sigmoid(x)


def made(forward, backward):
    """A torch.autograd.Function of two functions of (ctx, tensor)."""

    class Silu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return forward(ctx, x)

        @staticmethod
        def backward(ctx, g):
            return backward(ctx, g)

    return Silu.apply


def right_forward(ctx, x):
    ctx.save_for_backward(x)
    return x * torch.sigmoid(x)


def right_backward(ctx, g):
    (x,) = ctx.saved_tensors
    s = torch.sigmoid(x)
    return g * (s + x * s * (1 - s))


def wrong_forward(ctx, x):
    ctx.save_for_backward(x)
    return x * torch.sigmoid(1.01 * x)


def overwriting_forward(ctx, x):
    y = x * torch.sigmoid(x)
    ctx.save_for_backward(x.clone())
    with torch.no_grad():
        x.clamp_(min=-1.0)
    return y


def overwriting_backward(ctx, g):
    (x,) = ctx.saved_tensors
    s = torch.sigmoid(x)
    result = g * (s + x * s * (1 - s))
    x.data.zero_()
    return result


def consuming_backward(ctx, g):
    result = right_backward(ctx, g)
    if g.is_contiguous():
        g.data.mul_(0.5)
    return result


def ignoring_strides(ctx, g):
    """As a kernel that reads the memory of g in its order, as if it were contiguous."""
    size, offset = g.numel(), g.storage_offset()
    memory = torch.as_strided(g, (min(size, g.untyped_storage().size() // g.element_size() - offset),), (1,))
    read = memory.repeat(-(-size // memory.numel()))[:size].reshape(g.shape)
    return right_backward(ctx, read)


def random_backward(ctx, g):
    return right_backward(ctx, g) * (1 + 0.1 * torch.rand(()))


def made_by_name(x):
    return torch.nn.functional.silu(x)


def sum_and_means(x):
    return x.sum(), x.mean(1)


RIGHT = [
    pytest.param(torch.nn.functional.silu, silu, [X], id="torch's own"),
    pytest.param(made(right_forward, right_backward), silu, [X], id="a Function"),
    pytest.param(made_by_name, silu, {"x": X}, id="by name"),
    pytest.param(torch.matmul, lambda xp, a, b: xp.matmul(a, b), [X, W], id="two inputs"),
    pytest.param(
        torch.nn.functional.silu, lambda x: x * torch.sigmoid(x), [X], id="a reference of PyTorch's"
    ),
    pytest.param(sum_and_means, lambda xp, x: (xp.sum(x), xp.mean(x, axis=1)), [X], id="two outputs"),
    pytest.param(
        torch.nn.functional.embedding,
        lambda xp, index, table: xp.take(table, index, axis=0),
        [torch.tensor([1, 0, 1]), W],
        id="integers",
    ),
]


@pytest.mark.parametrize(("op", "reference", "inputs"), RIGHT)
def test_right_operations_pass(op, reference, inputs):
    found = gp.check_function(op, reference, inputs)
    assert found.ok, str(found)
    found.raise_if_wrong()
    assert "forward and backward pass in float32" in str(found)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_right_operations_pass_in_every_dtype(dtype):
    found = gp.check_function(made(right_forward, right_backward), silu, [X], dtypes=[dtype])
    assert found.ok
    assert [case.layout for case in found.cases] == ["contiguous", "transposed", "expanded", "cut"]


ALL = {"contiguous", "transposed", "expanded", "cut"}
WRONG = [
    pytest.param(wrong_forward, right_backward, ALL, "", id="forward"),
    pytest.param(
        overwriting_forward,
        right_backward,
        ALL,
        "changes its input 'x' in place",
        id="an input overwritten",
    ),
    pytest.param(
        right_forward,
        overwriting_backward,
        ALL,
        "changes its input 'x' in place",
        id="a saved tensor overwritten",
    ),
    pytest.param(
        right_forward, ignoring_strides, {"transposed", "expanded", "cut"}, "", id="strides ignored"
    ),
    pytest.param(
        right_forward,
        random_backward,
        ALL,
        "Two calls give different values of 'x'",
        id="random",
    ),
]


@pytest.mark.parametrize(("forward", "backward", "layouts", "text"), WRONG)
def test_wrong_operations_are_caught(forward, backward, layouts, text):
    found = gp.check_function(made(forward, backward), silu, [X])
    assert not found.ok
    assert {case.layout for case in found.cases if not case.judgement.ok} == layouts
    assert text in str(found).replace("\n           ", " ")
    with pytest.raises(gp.DisagreementError):
        found.raise_if_wrong()


def test_an_upstream_gradient_that_is_overwritten_is_told():
    found = gp.check_function(made(right_forward, consuming_backward), silu, [X])
    assert any(
        "changes the upstream gradient" in f.text for case in found.cases for f in case.judgement.findings
    )
    assert not found.ok


def test_a_wrong_forward_pass_is_said_of_the_output_alone():
    found = gp.check_function(made(wrong_forward, right_backward), silu, [X])
    parameters = found.cases[0].judgement.parameters
    assert parameters["output0"].worst is gp.Verdict.DISAGREES
    assert parameters["x"].worst is gp.Verdict.AGREES


def test_functions_of_jax():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X.numpy())

    @jax.custom_vjp
    def wrong(x):
        return x * jax.nn.sigmoid(x)

    wrong.defvjp(lambda x: (wrong(x), x), lambda x, g: (g * jax.nn.sigmoid(x),))
    assert gp.check_function(jax.nn.silu, silu, [x]).ok
    assert gp.check_function(jax.nn.silu, lambda x: x * jax.nn.sigmoid(x), [x]).ok
    found = gp.check_function(wrong, silu, [x])
    assert not found.ok
    assert found.cases[0].judgement.parameters["output0"].worst is gp.Verdict.AGREES


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([X.numpy()], "no arrays of one framework"),
        (X, "Give a list of arrays"),
        ([torch.tensor([1, 2])], "No input is of floating point"),
        ([X[:0]], "'x' is empty"),
    ],
)
def test_inputs_that_cannot_be_worked_with(inputs, message):
    with pytest.raises(gp.InputError, match=message):
        gp.check_function(torch.nn.functional.silu, silu, inputs)


def test_what_checks_nothing_is_refused_and_does_not_pass():
    with pytest.raises(gp.InputError, match="No dtype was chosen"):
        gp.check_function(torch.nn.functional.silu, silu, [X], dtypes=[])
    with pytest.raises(gp.InputError, match="'output0' is empty"):
        gp.check_function(lambda x: x[:0], lambda xp, x: xp.exp(x[:0]), [X])


def test_the_verdict_is_the_worst_of_all_cases():
    assert gp.check_function(torch.nn.functional.silu, silu, [X]).verdict is gp.Verdict.AGREES
    assert gp.check_function(torch.nn.functional.relu, silu, [X]).verdict is gp.Verdict.DISAGREES


def test_a_function_that_tells_no_names_of_its_arguments_is_a_reference():
    """A function that is compiled has no signature."""
    sigmoid = torch.sigmoid
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(sigmoid)
    assert gp.check_function(torch.nn.functional.sigmoid, sigmoid, [X]).ok
    assert not gp.check_function(torch.nn.functional.tanh, sigmoid, [X]).ok


@pytest.mark.parametrize(
    ("f", "value", "message"),
    [
        (dict, X, "a class. Give a function"),
        (torch.nn.SiLU, X, "a class. Give a function"),
        (silu, "abc", "no array of real numbers"),
        (silu, 1j * X, "no array of real numbers"),
        (silu, [[1.0], [1.0, 2.0]], "no array of real numbers"),
        (silu, X[:0], "is empty|of shape"),
    ],
)
def test_an_output_that_cannot_be_judged_is_told(f, value, message):
    with pytest.raises(gp.InputError, match=message):
        gp.judge_output(f, [X], value)


def test_a_reference_of_another_shape_is_told():
    with pytest.raises(gp.InputError, match="gives output 0 of shape"):
        gp.check_function(torch.nn.functional.silu, lambda xp, x: xp.sum(x), [X])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("off", [1.0, 1.2])
def test_one_output_is_judged(dtype, off):
    value = off * torch.softmax(X.to(getattr(torch, dtype)), 1)
    found = gp.judge_output(lambda xp, x: xp.nn.softmax(x, axis=1), [X], value, dtype)
    assert found.ok is (off == 1.0)


LAYOUTS = "contiguous (likewise transposed, expanded, cut)"


def gelu_without_a_power(ctx, g):
    """GELU's approximation, 0.044715 x in place of 0.044715 x^2 in its derivative."""
    (x,) = ctx.saved_tensors
    c = (2 / np.pi) ** 0.5
    t = torch.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x))


def approximate_gelu(ctx, x):
    ctx.save_for_backward(x)
    return torch.nn.functional.gelu(x, approximate="tanh")


def with_xp(xp, x):
    return xp.nn.gelu(x, approximate="tanh")


def traced(x):
    return torch.nn.functional.gelu(x, approximate="tanh")


@pytest.mark.parametrize("reference", [with_xp, traced])
def test_layouts_that_fail_alike_are_told_once_and_no_place_is_gradproofs_own(reference):
    op = made(approximate_gelu, gelu_without_a_power)
    told = gp.check_function(op, reference, [X.double()]).told()
    assert told.count("DISAGREES at the given point") == 1
    assert LAYOUTS in told
    assert "it goes wrong in gelu_tanh" in told
    assert "multiply" not in told
    assert "unknown" not in told


def test_an_upstream_gradient_that_is_left_out_is_called_so():
    op = made(right_forward, lambda ctx, g: right_backward(ctx, torch.ones_like(g)))
    found = gp.check_function(op, silu, [X.double()])
    assert not found.ok
    assert "the upstream gradient" in found.told()
