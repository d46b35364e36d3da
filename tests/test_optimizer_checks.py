"""Right optimizers of one's own, of PyTorch's and of optax's kind pass; what cannot be told is told."""

import numpy as np
import pytest
from own_optimizers import PARAMS, RATE, OwnAdam

import gradproof as gp

SHORT = {name: array.astype(np.float32) for name, array in PARAMS.items()}
TORCH = {
    "SGD": (gp.SGD(momentum=0.9, nesterov=True), {"momentum": 0.9, "nesterov": True}),
    "Adam": (gp.Adam(), {}),
    "AdamW": (gp.AdamW(), {}),
    "NAdam": (gp.NAdam(), {}),
    "RAdam": (gp.RAdam(), {}),
    "Adamax": (gp.Adamax(), {}),
    "RMSprop": (gp.RMSprop(decay=0.99), {}),
    "Adagrad": (gp.Adagrad(epsilon=1e-10), {}),
    "Adadelta": (gp.Adadelta(), {}),
}


@pytest.mark.parametrize("params", [PARAMS, SHORT], ids=["float64", "float32"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_an_adam_of_ones_own_passes(params, decay, seed):
    rule = gp.AdamW(weight_decay=decay) if decay else gp.Adam()
    found = gp.check_optimizer(OwnAdam(decay=decay).step, rule, params, learning_rate=RATE, seed=seed)
    assert found.ok, found
    assert not found.findings
    found.raise_if_wrong()


@pytest.mark.parametrize(
    ("name", "params"),
    # In float64 NAdam keeps a product in float32: see the planted ones.
    [(name, params) for name in TORCH for params in (PARAMS, SHORT) if name != "NAdam" or params is SHORT],
)
def test_the_optimizers_of_pytorch_pass_as_classes_and_as_objects(name, params):
    torch = pytest.importorskip("torch")
    rule, settings = TORCH[name]
    made = getattr(torch.optim, name)
    if not settings:
        assert gp.check_optimizer(made, rule, params, learning_rate=RATE).ok
    tensors = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    optimizer = made([*tensors.values()], lr=RATE, **settings)
    found = gp.check_optimizer(optimizer, rule, tensors, learning_rate=RATE)
    assert found.ok, found
    assert not any(float(own["step"]) for own in optimizer.state.values())
    assert all(np.array_equal(tensors[key].detach().numpy(), params[key]) for key in params)


@pytest.mark.parametrize("params", [PARAMS, SHORT], ids=["float64", "float32"])
def test_the_optimizers_of_optax_pass(params):
    optax = pytest.importorskip("optax")
    for made, rule in (
        (optax.adam(RATE), gp.Adam()),
        (optax.adamw(RATE, weight_decay=0.1), gp.AdamW(weight_decay=0.1)),
        (optax.sgd(RATE, momentum=0.9), gp.SGD(momentum=0.9)),
        (optax.lion(RATE, weight_decay=0.1), gp.Lion(weight_decay=0.1)),
    ):
        found = gp.check_optimizer(made, rule, params, learning_rate=RATE)
        assert found.ok, found


def test_a_wrong_setting_of_a_framework_is_named():
    torch = pytest.importorskip("torch")
    found = gp.check_optimizer(torch.optim.Adam, gp.Adam(beta2=0.99), PARAMS, learning_rate=RATE)
    assert found.cause.startswith("the update of w is Adam's with beta2 = 0.999 in place of 0.99")


def test_a_function_is_given_the_arrays_of_its_framework():
    torch = pytest.importorskip("torch")

    def step(weights, gradients):
        with torch.no_grad():
            for layer, own in weights.items():
                own["w"] -= RATE * gradients[layer]["w"]

    params = {"first": {"w": torch.ones(3)}, "second": {"w": torch.zeros(2, 2)}}
    found = gp.check_optimizer(step, gp.SGD(), params, learning_rate=RATE)
    assert found.ok
    assert [record.parameter for record in found.records] == ["first.w", "second.w"]


def test_what_the_steps_do_not_tell_apart_is_told():
    gradients = [{"w": np.full(3, 2.0), "b": np.full(2, -3.0)}] * 4
    params = {"w": np.ones(3, np.float32), "b": np.zeros(2, np.float32)}
    found = gp.check_optimizer(OwnAdam().step, gp.Adam(), params, learning_rate=RATE, gradients=gradients)
    assert found.ok
    assert found.steps == 4
    assert "Adam's with epsilon inside the root" in found.unchecked[0]
    assert "unchecked" in str(found)
    drawn = gp.check_optimizer(OwnAdam().step, gp.Adam(), PARAMS, learning_rate=RATE)
    assert drawn.unchecked == ()


def test_gradients_may_be_a_function_of_the_weights():
    seen = []

    def gradients(weights):
        seen.append(weights["w"].copy())
        return {name: 2 * array for name, array in weights.items()}

    found = gp.check_optimizer(
        OwnAdam().step, gp.Adam(), PARAMS, learning_rate=RATE, gradients=gradients, steps=3
    )
    assert found.ok
    assert len(seen) == 3
    assert np.array_equal(seen[0], PARAMS["w"])
    assert not np.array_equal(seen[1], seen[0])


def test_a_table_has_a_row_for_each_step_and_parameter():
    found = gp.check_optimizer(OwnAdam("inside").step, gp.Adam(), PARAMS, learning_rate=RATE, steps=5)
    assert len(found.updates) == 10
    assert set(found.updates["verdict"]) <= {"AGREES", "DISAGREES"}


WRONG = {
    "no step": (3, {}, "which is no step"),
    "the class": (OwnAdam, {}, "which is no step"),
    "raises": (lambda w, _: w["none"], {}, "optimizer's step raises"),
    "lacks a parameter": (lambda w, _: {"w": w["w"]}, {}, "weights after a step lacks"),
    "texts": (lambda w, _: dict.fromkeys(w, "1"), {}, "shape"),
    "no gradients": (OwnAdam().step, {"gradients": []}, "one a step"),
    "a gradient of NaN": (
        OwnAdam().step,
        {"gradients": lambda w: {name: np.nan * array for name, array in w.items()}},
        "no array of finite numbers",
    ),
}


@pytest.mark.parametrize(("step", "options", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_stepped_with_is_refused(step, options, message):
    with pytest.raises(gp.InputError, match=message):
        gp.check_optimizer(step, gp.Adam(), PARAMS, learning_rate=RATE, **options)


def test_an_optimizer_that_has_stepped_is_refused():
    torch = pytest.importorskip("torch")
    tensors = {"w": torch.ones(2, requires_grad=True)}
    optimizer = torch.optim.Adam([*tensors.values()])
    with pytest.raises(gp.InputError, match="not those of the params"):
        gp.check_optimizer(optimizer, gp.Adam(), {"w": torch.ones(2)}, learning_rate=0.001)
    tensors["w"].sum().backward()
    optimizer.step()
    with pytest.raises(gp.InputError, match="made steps already"):
        gp.check_optimizer(optimizer, gp.Adam(), tensors, learning_rate=0.001)


IN_PYTEST = """
import numpy as np
import pytest

import gradproof as gp


@pytest.mark.parametrize("rate", [0.1, 0.2])
@pytest.mark.gradproof(learning_rate=0.1)
def test_descent(gradproof, rate):
    step = lambda weights, gradients: {"w": weights["w"] - rate * gradients["w"]}
    gradproof.check_optimizer(step, gp.SGD(), {"w": np.ones(4)})
"""


def test_the_fixture_checks_and_the_report_tells_it(pytester):
    pytester.makepyfile(IN_PYTEST)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*DISAGREES with SGD in 12 of 12 steps*", "*2 times the learning rate*"])
    checks = gp.read_report(pytester.path / "reports" / "latest").checks
    assert sorted(checks["verdict"]) == ["AGREES", "DISAGREES"]
    assert set(checks["points"]) == {"12 steps"}
