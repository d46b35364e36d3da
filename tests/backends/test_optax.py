"""JAX trains by optax: its own transformations run, what they keep is recorded, and none of it is accused."""

import importlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import Run, load_backend
from gradproof.backends.laws import check_record
from gradproof.errors import UnsupportedError
from gradproof.reference.averaging import ExponentialAverage
from gradproof.reference.clipping import ClipByNorm, ClipByValue
from gradproof.reference.descent import Accumulation, GradientDescent, MiniBatches, StoppingRule
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.optimizers import SGD, Adam, AdamW
from gradproof.reference.schedules import CosineDecay, Schedule, StepDecay, WarmUp
from gradproof.scenarios import Scenario, line_fit, sigmoid_network
from gradproof.verdicts.records import Outcome
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import CODE, Verdict

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

SYSTEMS = {"line": (line_fit, 0.01), "network": (sigmoid_network, 0.1)}

RULES: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": SGD(momentum=0.9)},
    "Nesterov's": {"optimizer": SGD(momentum=0.9, nesterov=True, weight_decay=0.1)},
    "Adam": {"optimizer": Adam()},
    "Adam, ε inside": {"optimizer": Adam(epsilon=1e-6, epsilon_place="inside", weight_decay=0.1)},
    "NAdam": {"optimizer": Adam(nesterov=True)},
    "AMSGrad": {"optimizer": Adam(amsgrad="corrected")},
    "AMSGrad's paper": {"optimizer": Adam(amsgrad="moment", correct_first=False, correct_second=False)},
    "AdamW": {"optimizer": AdamW(weight_decay=0.1)},
    "AdamW with AMSGrad": {"optimizer": AdamW(amsgrad="corrected")},
    "RAdam": {"optimizer": gp.RAdam(epsilon_place="outside")},
    "RAdam, decoupled": {
        "optimizer": gp.RAdam(epsilon_place="inside", nesterov=True, weight_decay=0.1, decoupled=True)
    },
    "RAdam, L2": {"optimizer": gp.RAdam(beta2=0.9, epsilon_place="outside", weight_decay=0.1)},
    "Adamax": {"optimizer": gp.Adamax()},
    "RMSprop": {"optimizer": gp.RMSprop(epsilon_place="inside")},
    "RMSprop, corrected": {"optimizer": gp.RMSprop(correct=True, initial_scale=0.5)},
    "RMSprop, direction": {"optimizer": gp.RMSprop(momentum=0.9, centered=True, weight_decay=0.1)},
    "RMSprop, step": {
        "optimizer": gp.RMSprop(
            0.9, 1e-2, "inside", centered=True, momentum=0.9, momentum_of="step", nesterov=True, correct=True
        )
    },
    "Adagrad": {"optimizer": gp.Adagrad(1e-7, "inside", initial_accumulator=0.1)},
    "Adadelta": {"optimizer": gp.Adadelta(weight_decay=0.1)},
    "Lion": {"optimizer": gp.Lion(weight_decay=0.1)},
    "LAMB": {"optimizer": gp.LAMB(weight_decay=0.1)},
    "Muon": {"optimizer": gp.Muon(correct=True, epsilon_place="added", scale="columns", others=gp.AdamW())},
    "Muon by the side": {
        "optimizer": gp.Muon(
            correct=True, epsilon_place="added", scale="side", nesterov=False, others=gp.SGD(momentum=0.9)
        )
    },
}
PARTS: dict[str, dict[str, Any]] = {
    "steps": {"schedule": StepDecay(every=3, factor=0.5)},
    "warm-up, cosine": {"optimizer": Adam(), "schedule": WarmUp(4, CosineDecay(500, floor=0.1))},
    "warm-up": {"schedule": WarmUp(4, start=0.25)},
    "by value": {"clipping": ClipByValue(0.05)},
    "by norm": {"optimizer": Adam(), "clipping": ClipByNorm(0.05)},
    "average": {"optimizer": SGD(momentum=0.9), "average": ExponentialAverage(0.9)},
    "accumulation": {"optimizer": Adam(), "accumulation": Accumulation(2, "sum")},
    "all": {
        "optimizer": AdamW(nesterov=True),
        "schedule": WarmUp(4, CosineDecay(500)),
        "clipping": ClipByNorm(0.5),
        "accumulation": Accumulation(2, "sum"),
        "average": ExponentialAverage(0.99),
    },
}


def trained(name: str, steps: int, **settings: Any) -> Scenario:
    make, rate = SYSTEMS[name]
    return replace(make(), training=GradientDescent(rate, steps, **settings))


def recorded(scenario: Scenario, dtype: str = "float64", variant: str = "jit") -> Run:
    backend = load_backend("jax")
    run = backend.run(scenario, dtype=dtype, variant=variant)
    check_record(run, backend, scenario, dtype=dtype, variant=variant)
    return run


def refused(outcome: Outcome) -> list[str]:
    """What of a run is not accepted."""
    verdicts = {code: verdict for verdict, code in CODE.items()}
    return [
        f"{record.parameter} {record.entry_of_state}: {verdict} {record.spreads.max()}"
        for record in (*outcome.gradients, *outcome.updates, *outcome.states)
        if not (verdict := verdicts[int(record.verdict.max())]).passes
    ]


def assert_right(scenario: Scenario, dtype: str, variant: str) -> None:
    outcome = judge(scenario, recorded(scenario, dtype, variant), {})
    assert refused(outcome) == []
    assert len(outcome.updates) == len(scenario.flat_params)


every_rule = pytest.mark.parametrize("settings", [*RULES.values(), *PARTS.values()], ids=[*RULES, *PARTS])


@every_rule
def test_no_step_of_optaxs_is_accused(settings: dict[str, Any]) -> None:
    assert_right(trained("line", 12, **settings), "float32", "jit")


@pytest.mark.slow
@every_rule
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("variant", "steps"), [("jit", 500), ("eager", 20)])
def test_no_step_of_many_is_accused(
    settings: dict[str, Any], system: str, dtype: str, variant: str, steps: int
) -> None:
    assert_right(trained(system, steps, **settings), dtype, variant)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_no_step_in_a_short_format_is_accused(dtype: str) -> None:
    assert_right(trained("line", 8, **PARTS["all"]), dtype, "jit")


# -------------------------------------------------------------------- it is optax's own


def alias(name: str) -> Any:
    """What a user of optax writes for a rule."""
    return {
        "momentum": lambda rate: optax.sgd(rate, momentum=0.9),
        "Adam": optax.adam,
        "NAdam": optax.nadam,
        "AMSGrad": optax.amsgrad,
        "AdamW": partial(optax.adamw, weight_decay=0.1),
        "RAdam": optax.radam,
        "Adamax": optax.adamax,
        "RMSprop": partial(optax.rmsprop, decay=0.99),
        "Adagrad": optax.adagrad,
        "Adadelta": partial(optax.adadelta, weight_decay=0.1),
        "Lion": partial(optax.lion, weight_decay=0.1),
        "LAMB": partial(optax.lamb, weight_decay=0.1),
    }[name]


ALIASES = ["momentum", "Adam", "NAdam", "AMSGrad", "AdamW"]
ALIASES += ["RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion", "LAMB"]


FIELDS = {
    "momentum": {"momentum": "trace"},
    "Adamax": {"first_moment": "mu", "greatest_gradient": "nu"},
    "RMSprop": {"second_moment": "nu"},
    "Adagrad": {"sum_of_squares": "sum_of_squares"},
    "Adadelta": {"second_moment": "e_g", "squared_step": "e_x"},
    "Lion": {"momentum": "mu"},
}
"""What optax calls the entries of a state, where it is not Adam's."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ALIASES)
def test_the_weights_have_the_bits_of_a_loop_that_users_write(name: str, dtype: str) -> None:
    scenario = trained("line", 5, **RULES[name])
    run = recorded(scenario, dtype, "eager")
    xp = load_backend("jax").framework.namespace()
    with jax.enable_x64(dtype == "float64"):
        params, batch = (
            {each: jax.numpy.asarray(array) for each, array in arrays.items()}
            for arrays in scenario.arrays(dtype)
        )
        optimizer = alias(name)(0.01)
        state = optimizer.init(params)
        for step in range(5):
            gradient = jax.grad(partial(scenario.flat_loss, xp))(params, batch)
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
            for each, array in params.items():
                assert np.asarray(array).tobytes() == run.weights[each][step + 1].tobytes()
        for entry, field in FIELDS.get(name, {"first_moment": "mu", "second_moment": "nu"}).items():
            for each, array in optax.tree.get(state, field).items():
                assert np.asarray(array).tobytes() == run.states[entry][each][-1].tobytes()


def test_names_of_parameters_may_be_those_of_optaxs_states() -> None:
    names = ("mu", "gradient")
    scenario = Scenario(
        name="names",
        loss=lambda xp, params, batch: sum(
            (k + 1) * xp.sum((params[each] - batch["x"]) ** 2) for k, each in enumerate(names)
        ),
        params={each: np.array(float(k)) for k, each in enumerate(names)},
        batch={"x": np.array([1.0, 3.0])},
        training=GradientDescent(0.1, 4, **PARTS["all"]),
    )
    assert_right(scenario, "float64", "eager")


# -------------------------------------------------------------------- schedules, parts, averages

SCHEDULES = [StepDecay(3, 0.5), CosineDecay(12, 0.1), WarmUp(4), WarmUp(4, StepDecay(2), 0.5)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
@pytest.mark.parametrize(("dtype", "variant"), [("float64", "jit"), ("float64", "eager"), ("float32", "jit")])
def test_the_rates_are_those_that_optax_steps_with(schedule: Schedule, dtype: str, variant: str) -> None:
    """Of a count of steps, which is an int32, all but the cosine's have float32's digits in float64, too."""
    run = recorded(trained("line", 12, schedule=schedule), dtype, variant)
    digits = 15 if dtype == "float64" and type(schedule) is CosineDecay else 6
    assert run.learning_rates is not None
    assert run.learning_rates.dtype == np.float64
    np.testing.assert_array_equal(run.learning_rates, run.learning_rates.astype(dtype))
    expected = 0.01 * schedule.factors(NumpyNamespace(), np.arange(12))
    np.testing.assert_allclose(run.learning_rates, expected, rtol=10.0**-digits, atol=10.0 ** -(digits + 2))


def mean_scenario(examples: int, **settings: Any) -> Scenario:
    """A loss that is a mean over examples, whose parts may be of different size."""
    random = np.random.default_rng(5)
    return Scenario(
        name="mean",
        loss=lambda xp, params, batch: xp.mean((batch["x"] @ params["w"] - batch["y"]) ** 2),
        params={"w": random.standard_normal(3)},
        batch={"x": random.standard_normal((examples, 3)), "y": random.standard_normal(examples)},
        training=GradientDescent(0.1, 4, **settings),
    )


@pytest.mark.parametrize(("examples", "parts", "variant"), [(6, 3, "jit"), (5, 2, "eager")])
def test_parts_make_up_the_whole_batchs_gradient(examples: int, parts: int, variant: str) -> None:
    scenario = mean_scenario(examples, accumulation=Accumulation(parts), clipping=ClipByNorm(0.01))
    assert_right(scenario, "float64", variant)
    whole = replace(scenario, training=GradientDescent(0.1, 4, clipping=ClipByNorm(0.01)))
    first, other = recorded(scenario, variant=variant), recorded(whole, variant=variant)
    np.testing.assert_allclose(first.gradients["w"][0], other.gradients["w"][0], rtol=1e-13)
    np.testing.assert_allclose(first.losses, other.losses, rtol=1e-13)
    assert np.linalg.norm(first.gradients["w"][0]) > 0.01  # of before clipping


def test_parts_of_mini_batches() -> None:
    scenario = mean_scenario(8, accumulation=Accumulation(2), mini_batches=MiniBatches(4, seed=1))
    assert_right(scenario, "float64", "jit")


def test_a_stopping_rule_ends_a_run_with_a_state() -> None:
    training = {"optimizer": SGD(momentum=0.5), "stopping": StoppingRule(0.05)}
    compiled, eager = (recorded(trained("line", 40, **training), variant=each) for each in ("jit", "eager"))
    assert compiled.stopped
    assert compiled.steps == eager.steps == len(compiled.states["momentum"]["m"]) - 1


def test_a_variance_of_one_gradient_is_told_where_optax_makes_it_negative() -> None:
    """Centered and corrected, v - m² of the first step is g² - g², and its rounding may be below 0."""
    rule = gp.RMSprop(0.99, 1e-8, "inside", centered=True, correct=True)
    outcome = judge(
        trained("line", 2, optimizer=rule), recorded(trained("line", 2, optimizer=rule), "float32"), {}
    )
    assert outcome.worst_verdict() is Verdict.NOT_FINITE


# -------------------------------------------------------------------- what optax has not


class OwnRule(SGD):
    pass


class OwnSchedule(StepDecay):
    pass


class OwnClipping(ClipByNorm):
    pass


LACKING = {
    "dampening": ({"optimizer": SGD(momentum=0.9, dampening=0.1)}, "optax.sgd has no dampening of 0.1"),
    "place": (
        {"optimizer": Adam(epsilon_place="before correction")},
        "optax.adam has no epsilon place of 'before correction'",
    ),
    "corrections": ({"optimizer": Adam(correct_first=False)}, "optax.adam has no correct first of False"),
    "torch's AMSGrad": ({"optimizer": Adam(amsgrad="moment")}, "optax.amsgrad has no amsgrad of 'moment'"),
    "both": (
        {"optimizer": Adam(amsgrad="corrected", nesterov=True)},
        "optax.amsgrad has no nesterov of True",
    ),
    "clipping's ε": (
        {"clipping": ClipByNorm(1.0, epsilon=1e-6)},
        "optax.clip_by_global_norm has no epsilon of 1e-06",
    ),
    "RAdam's place": ({"optimizer": gp.RAdam()}, "optax.radam has no epsilon place of 'before correction'"),
    "Adagrad's place": ({"optimizer": gp.Adagrad()}, "optax.adagrad has no epsilon place of 'outside'"),
    "Adagrad's rate": (
        {"optimizer": gp.Adagrad(epsilon_place="inside", learning_rate_decay=0.1)},
        "optax.adagrad has no learning rate decay of 0.1",
    ),
    "Muon's corrections": (
        {"optimizer": gp.Muon(others=SGD())},
        "optax.contrib.muon has no correct of False",
    ),
    "Muon's norm": (
        {"optimizer": gp.Muon(others=SGD(), correct=True)},
        "optax.contrib.muon has no epsilon place of 'least'",
    ),
    "Muon's scale": (
        {"optimizer": gp.Muon(others=SGD(), correct=True, epsilon_place="added")},
        "optax.contrib.muon has no scale of 'rows'",
    ),
    "Muon's others": (
        {"optimizer": gp.Muon(others=gp.NAdam(), correct=True, epsilon_place="added", scale="side")},
        "no optimizer of optax's that is NAdam",
    ),
    "a rule": ({"optimizer": OwnRule(momentum=0.5)}, "no optimizer of optax's that is OwnRule"),
    "a schedule": ({"schedule": OwnSchedule(2)}, "no schedule of optax's that is OwnSchedule"),
    "a clipping": ({"clipping": OwnClipping(1.0)}, "no clipping of optax's that is OwnClipping"),
}


@pytest.mark.parametrize(("settings", "told"), LACKING.values(), ids=LACKING)
def test_what_optax_has_not_is_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        recorded(trained("line", 3, **settings))
    assert told in str(raised.value)
    assert str(raised.value).count(". ") == 1  # what is wrong; what to do


def test_without_optax_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("gradproof.backends.jax_optimizers")
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert recorded(trained("line", 3)).steps == 3  # plain descent needs none
    assert "optax" not in load_backend("jax").versions()
    with pytest.raises(UnsupportedError, match=r"Adam\(\), is not installed. Install .*gradproof\[optax\]"):
        recorded(trained("line", 3, optimizer=Adam()))
