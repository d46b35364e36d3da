"""One gradient at one point: exact values, rounding noise, and the judgement of a given gradient."""

import re

import numpy as np
import pytest
from mpmath import mp, mpf

import gradproof as gp
from gradproof.scenarios import CATALOGUE, scenario

SMALL = {
    "sigmoid_network": lambda p, b: _half_squares(_sigmoids(p, b, ["w_ij", "w_jk"]), b["y"]),
    "line_fit": lambda p, b: sum((p["m"][()] * x + p["c"][()] - y) ** 2 for x, y in _pairs(b, "x", "y")),
    "line_fit_minibatch": lambda p, b: sum(
        (p["m"][()] * x + p["c"][()] - y) ** 2 for x, y in _pairs(b, "x", "y")
    ),
    "neuron_chain": lambda p, b: sum((_chain(p, a) - d) ** 2 for a, d in _pairs(b, "a0", "d")) / len(b["d"]),
    **dict.fromkeys(
        [name for name in CATALOGUE if name.startswith("bce")],
        lambda p, b: _cross_entropy(_bce_output(p, b), b["y"]),
    ),
}


def _sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def _pairs(batch, first, second):
    return zip(batch[first], batch[second], strict=True)


def _chain(p, a0):
    return _sigmoid(p["w2"][()] * _sigmoid(p["w1"][()] * a0 + p["b1"][()]) + p["b2"][()])


def _sigmoids(p, b, names):
    layer = b["x"]
    for name in names:
        layer = np.vectorize(_sigmoid, otypes=[object])(layer @ p[name])
    return layer


def _half_squares(output, y):
    return sum((output - y).ravel() ** 2) / 2


def _bce_output(p, b):
    hidden = np.vectorize(lambda z: max(z, mpf(0)), otypes=[object])(b["x"] @ p["w_hidden"])
    return np.vectorize(_sigmoid, otypes=[object])(hidden @ p["w_output"])


def _cross_entropy(output, y):
    terms = [t * mp.log(o) + (1 - t) * mp.log(1 - o) for o, t in zip(output.ravel(), y.ravel(), strict=True)]
    return -sum(terms) / len(terms)


def _as_mpf(arrays):
    return {
        name: np.array([mpf(number) for number in array.ravel().tolist()], dtype=object).reshape(array.shape)
        for name, array in arrays.items()
    }


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_exact_gradient_of_every_scenario_agrees_with_central_differences_in_60_digits(name):
    """The loss is written once more in mpmath, so neither the tape nor its arithmetic is trusted."""
    entry = scenario(name)
    gradient = gp.true_gradient(entry.loss, entry.params, entry.batch)
    with mp.workdps(60):
        params, batch, step = _as_mpf(entry.flat_params), _as_mpf(entry.flat_batch), mpf(10) ** -18
        for parameter, certified in gradient.items():
            for index in np.ndindex(certified.balls.shape):
                ends = []
                for side in (1, -1):
                    moved = {key: array.copy() for key, array in params.items()}
                    moved[parameter][index] += side * step
                    ends.append(SMALL[name](moved, batch))
                difference = (ends[0] - ends[1]) / (2 * step)
                middle = mpf(certified.balls[index].mid().str(50, radius=False))
                # A central difference errs by h² f'''/6, 1e-36 here times the third derivative.
                assert abs(difference - middle) <= mpf(10) ** -30 * max(1, abs(middle))


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_exact_gradient_of_every_scenario_is_enclosed_to_30_digits(name):
    entry = scenario(name)
    gradient = gp.true_gradient(entry.loss, entry.params, entry.batch, digits=30)
    assert gradient.undecided == ()
    for certified in gradient.values():
        assert (certified.radius <= 1e-30 * np.abs(certified.midpoint)).all()
        assert (certified.digits >= 30).all()


@pytest.mark.parametrize("digits", [15, 50, 200])
def test_as_many_digits_as_are_asked_for(digits):
    gradient = gp.true_gradient(lambda xp, p, _: xp.exp(p["w"]), {"w": 1.0}, {"x": 0.0}, digits=digits)
    assert gradient["w"].digits >= digits
    with mp.workdps(digits + 10):
        assert abs(mpf(gradient["w"].text(digits)[()]) - mp.e) < mpf(10) ** (1 - digits)


def test_a_loss_needs_no_data():
    gradient = gp.true_gradient(lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": np.array([2.0])}, {})
    assert gradient["w"].midpoint.tolist() == [4.0]


def test_nested_parameters_have_dotted_names():
    params = {"layers": [{"w": np.array([2.0])}, {"w": np.array([3.0])}]}
    gradient = gp.true_gradient(
        lambda xp, p, _: xp.sum(p["layers"][0]["w"] * p["layers"][1]["w"]), params, {"x": 0.0}
    )
    assert {name: entry.midpoint.tolist() for name, entry in gradient.items()} == {
        "layers.0.w": [3.0],
        "layers.1.w": [2.0],
    }


@pytest.mark.parametrize(
    ("dtype", "unit"),
    [("float64", 2.0**-53), ("float32", 2.0**-24), ("float16", 2.0**-11), ("bfloat16", 2.0**-8)],
)
def test_the_noise_of_one_product_is_the_unit_roundoff_over_the_root_of_3(dtype, unit):
    spread = gp.rounding_noise(
        lambda xp, p, b: xp.sum(p["w"] * b["x"] * b["y"]),
        {"w": np.full(400, 1.0)},
        {"x": np.full(400, 1.5), "y": np.full(400, 1.25)},
        dtype=dtype,
        samples=64,
    )["w"]
    # ∂/∂w = x·y in the tape's order: one rounding in the product of the two.
    assert 0.8 < np.sqrt(np.mean(spread**2)) / (1.875 * unit / np.sqrt(3)) < 1.5


def test_noise_knows_cancellation():
    def noise(shift):
        return gp.rounding_noise(
            lambda xp, p, b: xp.sum((p["w"] + b["x"] - b["x"]) ** 2),
            {"w": np.array([1.0])},
            {"x": np.array([shift])},
        )["w"][0]

    assert 1e3 < noise(1e6) / noise(1.0) < 1e8


class TestJudge:
    """`judge` on gradients of which the truth is known."""

    @staticmethod
    def relu_loss(xp, params, batch):
        return xp.sum(xp.nn.relu(params["w"]) * batch["x"])

    @pytest.mark.parametrize(
        ("claimed", "verdict"),
        [
            (0.0, gp.Verdict.KINK),  # PyTorch's convention
            (1.0, gp.Verdict.KINK),  # half of jnp.maximum's
            (2.0, gp.Verdict.KINK),
            (2.1, gp.Verdict.DISAGREES),
            (-0.1, gp.Verdict.DISAGREES),
            (np.nan, gp.Verdict.NOT_FINITE),
            (np.inf, gp.Verdict.NOT_FINITE),
        ],
    )
    def test_a_subgradient_at_a_kink_passes_and_nothing_else(self, claimed, verdict):
        judged = gp.judge(
            self.relu_loss, {"w": np.array([0.0])}, {"x": np.array([2.0])}, {"w": np.array([claimed])}
        )
        assert judged.verdict is verdict
        if verdict is gp.Verdict.KINK:
            assert "relu at" in judged.reason
            assert "test_single.py" in judged.reason

    @pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
    def test_pytorch_is_right_in_every_dtype(self, dtype):
        import torch

        random = np.random.default_rng(3)
        kind = getattr(torch, dtype)
        w = torch.tensor(random.normal(size=(6, 3)), dtype=kind, requires_grad=True)
        x = torch.tensor(random.normal(size=(8, 6)), dtype=kind)
        (torch.tanh(x @ w) ** 2).sum().backward()

        def loss(xp, params, batch):
            return xp.sum(xp.tanh(batch["x"] @ params["w"]) ** 2)

        params, batch = {"w": w.detach().double().numpy()}, {"x": x.double().numpy()}
        judged = gp.judge(loss, params, batch, {"w": w.grad}, dtype=dtype)
        assert judged.ok
        wrong = w.grad.double().numpy().copy()
        wrong[2, 1] *= 1.0 + {"float64": 1e-11, "float32": 1e-3, "float16": 2.0, "bfloat16": 10.0}[dtype]
        judged = gp.judge(loss, params, batch, {"w": wrong}, dtype=dtype)
        assert judged.verdict is gp.Verdict.DISAGREES
        worst = judged.entries.iloc[0]
        assert (worst["parameter"], worst["index"], worst["verdict"]) == ("w", "2,1", "DISAGREES")

    def test_cancellation_is_ill_conditioned_and_the_operation_is_named(self):
        def loss(xp, params, batch):
            large = params["w"] + batch["x"]
            return xp.sum((large - batch["x"]) ** 2)

        w, x = np.array([1e-3], dtype=np.float32), np.array([1e4], dtype=np.float32)
        computed = 2 * ((w + x) - x)
        judged = gp.judge(loss, {"w": w}, {"x": x}, {"w": computed})
        assert judged.verdict is gp.Verdict.ILL_CONDITIONED
        assert judged.ok
        assert "most are lost in subtract at" in judged.reason

    def test_the_error_shows_the_worst_entries(self):
        judged = gp.judge(
            lambda xp, p, _: xp.sum(p["w"] ** 2),
            {"w": np.array([1.0, 2.0])},
            {"x": 0.0},
            {"w": np.array([2.0, 5.0])},
        )
        with pytest.raises(gp.DisagreementError, match=r"(?s)1 of 2 entries.*4\.0000"):
            judged.raise_if_wrong()

    @pytest.mark.parametrize(
        ("gradients", "dtype", "culprit"),
        [
            ({"v": np.array([1.0])}, "float32", "no entry for parameter 'w'.*no such parameter"),
            ({"w": np.array([[1.0]])}, "float32", "shape"),
            ({"w": np.array([1.0])}, "float8", "float8"),
            ({"w": np.array([2.0 + 1j])}, "float64", "'w' is array.*no array of real numbers. Give an array"),
            ({"w": np.array(["two"])}, "float64", "'w' is array.*no array of real numbers"),
        ],
    )
    def test_bad_input_is_named(self, gradients, dtype, culprit):
        with pytest.raises(gp.InputError, match=culprit):
            gp.judge(
                lambda xp, p, _: xp.sum(p["w"] ** 2),
                {"w": np.array([1.0])},
                {"x": 0.0},
                gradients,
                dtype=dtype,
            )


ONE = {"x": np.array(1.0)}


@pytest.mark.parametrize("function", [gp.true_gradient, gp.rounding_noise])
@pytest.mark.parametrize("length", [1, 20, 300])
def test_what_is_found_is_printed_and_how_many_entries_are_left_out(function, length):
    found = function(
        lambda xp, p, b: xp.sum(xp.exp(b["x"] * p["w"])), {"w": np.linspace(0.0, 1.0, length)}, ONE
    )
    lines = str(found).splitlines()
    shown = [line for line in lines if line.startswith("w[")]
    more = re.fullmatch(r"and (\d+) more", lines[-1])
    assert len(shown) + (int(more[1]) if more else 0) == length
    assert (more is None) == (length <= 20)


def test_the_print_of_a_gradient_tells_the_loss_and_what_is_not_decided():
    found = gp.true_gradient(lambda xp, p, b: xp.abs(b["x"] * p["w"]), {"w": np.array(0.0)}, ONE)
    text = " ".join(str(found).split())
    assert text.startswith("the loss is 0")
    assert all(" ".join(reason.split()) in text for reason in found.undecided)
    assert found.undecided
