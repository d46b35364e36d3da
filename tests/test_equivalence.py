"""Two scenarios are one function, or it is told what differs and where it begins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradproof as gp
from gradproof.verdicts.equivalence.pairing import pair

RANDOM = np.random.default_rng(17)
W1, W2 = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 2))
B1 = RANDOM.normal(size=4)
X, Y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))


def network(xp, params, batch):
    hidden = batch["x"] @ params["w1"] + params["b1"]
    centred = hidden - xp.mean(hidden, axis=-1, keepdims=True)
    normed = centred / xp.sqrt(xp.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    output = xp.nn.sigmoid(normed) @ params["w2"]
    return 0.5 * xp.sum((batch["y"] - output) ** 2)


def port(xp, params, batch, *, eps=1e-5, slope=1.0, stop=False, half=0.5):
    """The same in other words: a variance, a tanh for the sigmoid, and weights that are transposed."""
    layers = params["layers"]
    hidden = xp.matmul(layers[0]["kernel"], batch["inputs"].T).T + layers[0]["bias"]
    normed = (hidden - xp.mean(hidden, axis=1, keepdims=True)) / (
        xp.var(hidden, axis=1, keepdims=True) + eps
    ) ** 0.5
    active = 0.5 * (1.0 + xp.tanh(slope * normed / 2))
    active = xp.nn.stop_gradient(active) if stop else active
    output = active @ layers[1]["kernel"].T
    return half * xp.sum(xp.square(output - batch["targets"]))


def here(**changes):
    params = {"w1": W1, "b1": B1, "w2": W2}
    return gp.Scenario(name="here", loss=network, params=params, batch={"x": X, "y": Y}, **changes)


def there(**options):
    params = {"layers": [{"kernel": W1.T, "bias": B1}, {"kernel": W2.T}]}
    batch = {"inputs": X, "targets": Y}
    loss = lambda xp, p, b: port(xp, p, b, **options)  # noqa: E731
    return gp.Scenario(name="there", loss=loss, params=params, batch=batch)


def test_one_function_in_two_forms_is_equal_at_points_of_its_own():
    found = gp.equivalent(here(), there())
    assert found.ok
    assert found.digits > 15
    assert found.where == ""
    assert found.points.asked == 12
    assert dict(found.counterparts) == {
        "w1": "layers.0.kernel by axes (1, 0)",
        "b1": "layers.0.bias",
        "w2": "layers.1.kernel by axes (1, 0)",
    }
    assert str(found).startswith("EQUAL to ")
    found.raise_if_different()


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        ({"eps": 1e-6}, "add at", "add at"),
        ({"slope": 1.5}, "sigmoid at", "multiply at"),
        ({"half": 0.25}, "multiply at", "multiply at"),
    ],
)
def test_the_first_operation_whose_value_differs_is_told_in_both(options, first, second):
    found = gp.equivalent(here(), there(**options))
    assert found.verdict is gp.Verdict.WRONG
    assert found.differing[0] == "the loss itself"
    ours, theirs = found.where.split(", and in the other ")
    assert f"the first operation whose value differs is {first}" in ours
    assert theirs.startswith(second)
    assert "test_equivalence.py:" in ours
    assert "test_equivalence.py:" in theirs
    assert not found.entries["equal"].any()
    with pytest.raises(gp.DisagreementError, match="DIFFERENT at the given point"):
        found.raise_if_different()


def test_equal_values_with_another_gradient_are_different():
    found = gp.equivalent(here(), there(stop=True))
    assert found.verdict is gp.Verdict.WRONG
    assert found.differing == ("w1", "b1")
    assert found.where == ""
    assert "∂/∂w1" in str(found)


def test_what_is_equal_at_the_given_point_alone_is_found_at_others():
    def square(_, z):
        return z**2

    def scenario(function):
        loss = lambda xp, p, b: xp.sum(function(xp, p["w"] * b["x"]))  # noqa: E731
        params, batch = {"w": np.array([1.0, 2.0])}, {"x": np.array([1.5, 0.5])}
        return gp.Scenario(name="square", loss=loss, params=params, batch=batch)

    found = gp.equivalent(scenario(square), scenario(lambda xp, z: z * xp.abs(z)))
    assert found.verdict is gp.Verdict.WRONG
    assert found.label.startswith("a point of its own")
    assert gp.equivalent(scenario(square), scenario(lambda xp, z: z * xp.abs(z)), points=0).ok


def test_what_has_no_gradient_at_a_point_is_not_called_equal():
    def scenario(sign):
        loss = lambda xp, p, b: xp.sum(xp.abs(sign * p["w"]) * b["x"])  # noqa: E731
        return gp.Scenario(name="abs", loss=loss, params={"w": np.zeros(2)}, batch={"x": np.ones(2)})

    found = gp.equivalent(scenario(1.0), scenario(-1.0))
    assert found.verdict in {gp.Verdict.KINK, gp.Verdict.UNDECIDED}
    assert not found.ok
    with pytest.raises(
        gp.DisagreementError, match=r"differs +∂/∂w\n +why +A gradient is no single number there"
    ):
        found.raise_if_different()


def test_data_that_one_alone_has_stays_and_is_told():
    constant = gp.Scenario(
        name="constant",
        loss=lambda xp, p, b: network(xp, p, {"x": b["x"], "y": Y}),
        params={"w1": W1, "b1": B1, "w2": W2},
        batch={"x": X},
    )
    for pair_of in ((here(), constant), (constant, here())):
        found = gp.equivalent(*pair_of)
        assert found.ok
        assert any("stays as it is at all points: y" in note for note in found.notes)


def test_other_numbers_are_told():
    changed = gp.Scenario(
        name="changed", loss=network, params={"w1": W1 + 1, "b1": B1, "w2": W2}, batch={"x": X, "y": Y}
    )
    found = gp.equivalent(here(), changed)
    assert found.ok
    assert any("other numbers for these parameters: w1" in note for note in found.notes)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"w9": "b1"}, "no array of that name"),
        ({"w1": "kernel", "w9": "b1"}, "no array of that name"),  # whatever else is wrong with the others
        ({"w1": "kernel"}, "which has no such array"),
        ({"w1": "layers/0/bias"}, "which is no order of its axes"),
        ({"w1": ("layers/0/kernel", (0, 1))}, "which is no order of its axes"),
        ({"w1": ("layers/0/kernel", (0, 0))}, "which is no order of its axes"),
        ({"w1": 3}, "says that 'w1' is 3"),
        ({"w1": ("layers/0/kernel", 1)}, "Give its name there, or its name and the order of its axes"),
    ],
)
def test_names_that_cannot_be_are_refused(names, message):
    with pytest.raises(gp.InputError, match=message):
        gp.equivalent(here(), there(), names)


def test_names_are_taken_with_slashes_and_axes():
    for name in ("layers/0/kernel", "layers.0.kernel", ("layers.0.kernel", (1, 0))):
        assert gp.equivalent(here(), there(), {"w1": name}, points=1).ok


def test_a_parameter_without_counterpart_is_refused():
    more = gp.Scenario(
        name="more",
        loss=lambda xp, p, b: network(xp, p, b) + xp.sum(p["extra"]),
        params={"w1": W1, "b1": B1, "w2": W2, "extra": np.ones(7)},
        batch={"x": X, "y": Y},
    )
    with pytest.raises(gp.InputError, match="The other scenario's parameter 'extra' has no counterpart"):
        gp.equivalent(here(), more)
    with pytest.raises(gp.InputError, match="The first scenario's parameter 'extra' has no counterpart"):
        gp.equivalent(more, here())
    with pytest.raises(gp.InputError, match=r"gradproof\.Scenario"):
        gp.equivalent(here(), network)


@given(st.data())
def test_arrays_are_found_in_any_order_of_axes_and_shape(data):
    shapes = data.draw(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=1, max_size=4))
    random = np.random.default_rng([3, data.draw(st.integers(0, 1000))])
    here = {f"h{i}": random.normal(size=shape) for i, shape in enumerate(shapes)}
    there = {}
    for name in data.draw(st.permutations(list(here))):
        axes = data.draw(st.permutations(range(here[name].ndim)))
        moved = here[name].transpose(axes)
        there[f"t{name}"] = moved.reshape(-1) if data.draw(st.booleans()) else moved
    pairing = pair(here, there, {})
    assert not pairing.alone
    assert not pairing.others_alone
    assert not pairing.differ
    for name, fit in pairing.fits.items():
        assert fit.name == f"t{name}"
        assert np.array_equal(fit.there(here[name]), there[fit.name])
        assert np.array_equal(fit.back(there[fit.name], here[name].shape), here[name])


def test_a_port_from_pytorch_to_jax():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    numpy = jax.numpy

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.norm, self.down = (
                torch.nn.Linear(3, 4),
                torch.nn.LayerNorm(4),
                torch.nn.Linear(4, 2),
            )

        def forward(self, x):
            return self.down(torch.tanh(self.norm(self.up(x))))

    def loss(params, batch, eps=1e-5):
        hidden = batch["x"] @ params["up"]["kernel"] + params["up"]["bias"]
        variance = hidden.var(-1, keepdims=True)
        hidden = (hidden - hidden.mean(-1, keepdims=True)) * jax.lax.rsqrt(variance + eps)
        hidden = numpy.tanh(hidden * params["norm"]["scale"] + params["norm"]["bias"])
        return ((hidden @ params["down"]["kernel"] + params["down"]["bias"]) ** 2).mean()

    torch.manual_seed(0)
    network = Network()
    x = torch.tensor(X, dtype=torch.float32)
    ours = gp.from_torch(network, inputs=(x,), loss=lambda output: (output**2).mean())
    params = {name: weight.detach().numpy() for name, weight in network.named_parameters()}
    theirs = {
        layer: {
            "kernel" if layer != "norm" else "scale": params[f"{layer}.weight"].T,
            "bias": params[f"{layer}.bias"],
        }
        for layer in ("up", "norm", "down")
    }
    batch = {"x": x.numpy()}
    assert gp.equivalent(ours, gp.from_jax(loss, theirs, batch), points=3).ok
    found = gp.equivalent(ours, gp.from_jax(lambda p, b: loss(p, b, eps=1e-3), theirs, batch), points=3)
    assert found.verdict is gp.Verdict.WRONG
    # PyTorch has the norm as a whole, and JAX in parts, of which the first is told.
    assert "standardize at" in found.where
    assert "(in norm), and in the other sum at" in found.where
