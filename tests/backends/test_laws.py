"""The laws of the Backend protocol, for every backend, variant and dtype that can be run here.

A third party's backend is added to `BACKENDS` with a function that tells its framework's global settings;
every test below then runs on it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from nn_calls import CALLS, SPECIAL

from gradproof.backends import Backend, Run, load_backend
from gradproof.errors import BackendUnavailableError, InputError
from gradproof.reference.descent import GradientDescent, MiniBatches
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios import Scenario, bce_network, line_fit, line_fit_minibatch, neuron_chain
from gradproof.verification import DTYPES, KNOWN_DTYPES


def numpy_settings() -> Mapping[str, Any]:
    return {"errstate": np.geterr(), "random": np.random.get_state()[1].tolist()}  # noqa: NPY002 - only read


def torch_settings() -> Mapping[str, Any]:
    import torch

    return {
        "default dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "anomalies": torch.is_anomaly_enabled(),
        "random": torch.get_rng_state().tolist(),
    }


def jax_settings() -> Mapping[str, Any]:
    import jax
    import jax.numpy as jnp

    # What is set, and what is in force in this thread.
    return {"values": dict(jax.config.values), "default float": jnp.asarray(1.0).dtype}


def other_settings() -> Mapping[str, Any]:
    """Those of Python that a library might change as it runs."""
    import warnings

    return {"warnings": [*warnings.filters], **numpy_settings()}


def mlx_settings() -> Mapping[str, Any]:
    import mlx.core as mx

    return {"device": str(mx.default_device()), "stream": str(mx.default_stream(mx.default_device()))}


def tensorflow_settings() -> Mapping[str, Any]:
    import tensorflow as tf

    return {
        "eagerly": tf.config.functions_run_eagerly(),
        "float32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "placement": tf.config.get_soft_device_placement(),
        **other_settings(),
    }


def keras_settings() -> Mapping[str, Any]:
    import keras

    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        **tensorflow_settings(),
    }


BACKENDS: dict[str, Callable[[], Mapping[str, Any]]] = {
    "reference": numpy_settings,
    "autograd": other_settings,
    "mlx": mlx_settings,
    "tensorflow": tensorflow_settings,
    "keras": keras_settings,
    "torch": torch_settings,
    "jax": jax_settings,
}


FUNCTIONS_ARE_SINGLE = {"mlx"}
"""Whose exponentials have float32's digits in float64: tests/backends/test_mlx.py tests that it is told."""


SINGLE = {("tensorflow", "gelu"), ("keras", "gelu")}
"""Functions with float32's digits in float64: tests/backends/test_tensorflow.py tests that it is told."""

RATES_ARE_SINGLE = {("mlx", "optimizer"), ("keras", "eager"), ("keras", "function")}
"""Whose learning rate is a float32 whatever the dtype is, which is told as well."""


def accuracy(backend: str, dtype: str) -> str:
    """The dtype whose digits a backend's functions have in a dtype."""
    return "float32" if backend in FUNCTIONS_ARE_SINGLE else dtype


def nested_network() -> Scenario:
    """Parameters and data in mappings, lists and tuples; mini-batches; a hand-derived gradient."""

    def predict(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.tanh(batch["inputs"][0] @ params["encoder"]["w"] + params["encoder"]["b"])
        return hidden @ params["decoder"][0]

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((predict(xp, params, batch) - batch["y"]) ** 2)

    def gradient(params: Any, batch: Any) -> Any:
        x = batch["inputs"][0]
        hidden = np.tanh(x @ params["encoder"]["w"] + params["encoder"]["b"])
        error = 2 * (hidden @ params["decoder"][0] - batch["y"])  # ∂L/∂output
        delta = error @ params["decoder"][0].T * (1 - hidden**2)  # ∂L/∂z, tanh' = 1 - tanh²
        return {"encoder": {"w": x.T @ delta, "b": delta.sum(axis=0)}, "decoder": (hidden.T @ error,)}

    random = np.random.default_rng(7)
    return Scenario(
        name="nested",
        loss=loss,
        gradient=gradient,
        predict=predict,
        params={
            "encoder": {"w": random.standard_normal((3, 4)), "b": random.standard_normal(4)},
            "decoder": (random.standard_normal((4, 2)),),
        },
        batch={"y": random.standard_normal((6, 2)), "inputs": [random.standard_normal((6, 3))]},
        training=GradientDescent(0.05, 6, mini_batches=MiniBatches(2, seed=3)),
    )


SCENARIOS: dict[str, Scenario] = {
    "nested, mini-batches": nested_network(),
    "mini-batches": replace(
        line_fit_minibatch(), training=GradientDescent(0.01, 8, mini_batches=MiniBatches(4, seed=2023))
    ),
    "scalar parameters": replace(neuron_chain(), training=GradientDescent(0.5, 5)),
    "saturated": replace(bce_network(), training=GradientDescent(0.1, 5)),
    "stopping rule": line_fit(),
    "without training": replace(bce_network(), training=None),
}


@dataclass(frozen=True)
class Case:
    backend: str
    variant: str
    dtype: str
    scenario: str


def available() -> Iterator[Any]:
    """A parameter for each case; one skipped parameter for a backend that cannot be loaded."""
    for name in BACKENDS:
        try:
            backend = load_backend(name)
        except BackendUnavailableError as error:
            yield pytest.param(Case(name, "", "", ""), marks=pytest.mark.skip(reason=str(error)), id=name)
            continue
        for variant in backend.variants:
            # The shorter formats: test_short_formats.py
            for dtype in DTYPES:
                for scenario in SCENARIOS:
                    case = Case(name, variant, dtype, scenario)
                    yield pytest.param(case, id=f"{name}-{variant}-{dtype}-{scenario}")


def make_run(case: Case) -> Run:
    return load_backend(case.backend).run(SCENARIOS[case.scenario], dtype=case.dtype, variant=case.variant)


@cache
def watched(case: Case) -> tuple[Run, Mapping[str, Any], Mapping[str, Any]]:
    """A run, and the framework's global settings before and after it."""
    load_backend(case.backend)
    before = BACKENDS[case.backend]()
    return make_run(case), before, BACKENDS[case.backend]()


def recorded(case: Case) -> Run:
    return watched(case)[0]


# Scoped, so that pytest takes all tests of a case together: with several processes each run is made in one.
every_case = pytest.mark.parametrize("case", list(available()), scope="module")
every_backend = pytest.mark.parametrize("name", BACKENDS)


def loaded(name: str) -> Backend:
    try:
        return load_backend(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))


def same_bits(first: Any, second: Any) -> bool:
    first, second = np.asarray(first), np.asarray(second)
    return (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())


def rounded(scenario: Scenario, dtype: str) -> dict[str, Any]:
    return {name: np.asarray(array).astype(dtype) for name, array in scenario.flat_params.items()}


@every_case
def test_law_1_the_first_weights_are_the_parameters_rounded_to_the_dtype(case: Case) -> None:
    run = recorded(case)
    for name, expected in rounded(SCENARIOS[case.scenario], case.dtype).items():
        assert same_bits(run.weights[name][0], expected)


@every_case
def test_law_2_arrays_have_the_dtype_the_parameters_shape_and_one_entry_a_step(case: Case) -> None:
    run, scenario = recorded(case), SCENARIOS[case.scenario]
    steps = run.steps
    limit = load_backend(case.backend).step_limits.get(case.variant, scenario.steps)
    assert steps == min(scenario.steps, limit) if scenario.training is None else 1 <= steps <= limit
    assert run.planned_steps == scenario.steps
    assert list(run.gradients) == list(run.weights) == list(scenario.flat_params)
    assert run.losses.shape == (steps,)
    assert run.losses.dtype == case.dtype
    for name, parameter in scenario.flat_params.items():
        assert run.gradients[name].shape == (steps, *parameter.shape)
        weights = 1 if scenario.training is None else steps + 1
        assert run.weights[name].shape == (weights, *parameter.shape)
        assert run.gradients[name].dtype == run.weights[name].dtype == case.dtype
        assert isinstance(run.weights[name], np.ndarray)
    assert run.predictions is not None
    assert run.predictions.dtype == case.dtype
    assert isinstance(run.final_loss, float)


@every_case
def test_the_run_tells_what_was_run(case: Case) -> None:
    run = recorded(case)
    assert (run.scenario, run.backend, run.variant, run.dtype) == (
        SCENARIOS[case.scenario].name,
        case.backend,
        case.variant,
        case.dtype,
    )
    assert run.timing.training > 0
    assert run.timing.compiling >= 0


@every_case
def test_a_run_ends_where_its_stopping_rule_or_its_limit_says(case: Case) -> None:
    run, scenario = recorded(case), SCENARIOS[case.scenario]
    limit = min(scenario.steps, load_backend(case.backend).step_limits.get(case.variant, scenario.steps))
    rule = scenario.training.stopping if scenario.training is not None else None
    if rule is None:
        assert run.steps == limit
        assert not run.stopped
        return
    assert run.stopped == (run.steps < limit)
    pairs = zip(run.losses[:-1].tolist(), run.losses[1:].tolist(), strict=True)
    assert not any(rule.is_negligible(previous, current) for previous, current in pairs)
    # The loss that ended the run is not recorded; the final one is computed again, and may be rounded anew.
    rounding = 8 * np.finfo(case.dtype).eps
    improvement = (float(run.losses[-1]) - run.final_loss) / float(run.losses[-1])
    assert (improvement <= rule.relative_improvement + rounding) == run.stopped


def data_of_step(scenario: Scenario, step: int, dtype: str) -> dict[str, Any]:
    _, batch = scenario.arrays(dtype)
    schedule = scenario.batch_schedule()
    wide = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in batch.items()}
    return wide if schedule is None else {name: array[schedule[step]] for name, array in wide.items()}


@every_case
def test_law_3_each_gradient_is_that_of_its_own_weights_and_mini_batch(case: Case) -> None:
    """Evaluated in float64 at all steps' weights and data, its own step's gradient is the nearest one.

    And it is near: at least half of the dtype's digits are right. These scenarios are well conditioned, but
    for the cancelling sums of a converged training, which are measured at the first step's size.
    """
    run, scenario = recorded(case), SCENARIOS[case.scenario]
    steps = list(range(min(run.steps, 8)))
    weights = {name: w.astype(np.float64) for name, w in run.weights.items()}
    truth = [
        scenario.flat_gradient(
            {n: w[step] for n, w in weights.items()}, data_of_step(scenario, step, case.dtype)
        )
        for step in steps
    ]
    half_the_digits = np.sqrt(np.finfo(accuracy(case.backend, case.dtype)).eps)
    for step in steps:
        distances = [
            max(float(np.max(np.abs(run.gradients[name][step] - other[name]))) for name in weights)
            for other in truth
        ]
        largest = max(float(np.max(np.abs(entry))) for entry in truth[0].values())
        assert distances[step] == min(distances), (step, distances)
        assert distances[step] <= half_the_digits * largest


@every_case
def test_law_3_each_loss_is_that_of_its_own_weights_and_mini_batch(case: Case) -> None:
    run, scenario = recorded(case), SCENARIOS[case.scenario]
    xp = NumpyNamespace()
    for step in range(min(run.steps, 8)):
        weights = {name: w[step].astype(np.float64) for name, w in run.weights.items()}
        with np.errstate(all="ignore"):
            value = scenario.flat_loss(xp, weights, data_of_step(scenario, step, case.dtype))
        eps = np.finfo(accuracy(case.backend, case.dtype)).eps
        limit = np.sqrt(eps) * abs(value)
        if case.scenario in {"saturated", "without training"}:
            # The first point's output is sigmoid(12) where 0 is wanted: 1 - output, rounded to an ulp of 1,
            # enters a logarithm with a relative error of ulp · e^12.
            limit += eps * np.exp(12)
        assert abs(run.losses[step] - value) <= limit


@every_case
def test_law_3_each_update_is_the_step_from_the_recorded_weights_and_gradient(case: Case) -> None:
    run, scenario = recorded(case), SCENARIOS[case.scenario]
    if scenario.training is None:
        assert run.updates == 0
        return
    assert run.updates == run.steps
    rate = scenario.training.learning_rate
    if (case.backend, case.variant) in RATES_ARE_SINGLE:
        rate = float(np.float32(rate))
    unit, smallest = np.finfo(case.dtype).eps / 2, np.finfo(case.dtype).smallest_subnormal
    for name, weights in run.weights.items():
        before, after = weights[:-1].astype(np.longdouble), weights[1:].astype(np.longdouble)
        step = rate * run.gradients[name].astype(np.longdouble)
        # The rate, the product and the difference are rounded once each (or the last two together).
        limit = unit * (2 * np.abs(step) + np.abs(after)) * (1 + 4 * unit) + 2 * smallest
        assert np.all(np.abs(after - (before - step)) <= limit)


@every_case
def test_law_4_two_runs_are_equal_bit_for_bit(case: Case) -> None:
    first, second = recorded(case), make_run(case)
    assert same_bits(first.losses, second.losses)
    assert same_bits(first.final_loss, second.final_loss)
    assert same_bits(first.predictions, second.predictions)
    for name in first.weights:
        assert same_bits(first.weights[name], second.weights[name])
        assert same_bits(first.gradients[name], second.gradients[name])


@every_case
def test_law_5_no_global_setting_differs_after_a_run(case: Case) -> None:
    _, before, after = watched(case)
    assert after == before


@every_backend
def test_law_5_holds_after_a_run_that_fails(name: str) -> None:
    backend = loaded(name)

    def failing(*_: Any) -> Any:
        raise ArithmeticError("inside the loss")

    scenario = replace(neuron_chain(), loss=failing)
    before = BACKENDS[name]()
    for variant in backend.variants:
        for dtype in backend.dtypes:
            with pytest.raises(ArithmeticError, match="inside the loss"):
                backend.run(scenario, dtype=dtype, variant=variant)
    assert BACKENDS[name]() == before


@every_backend
def test_a_loss_that_is_no_scalar_is_refused(name: str) -> None:
    backend = loaded(name)
    scenario = replace(neuron_chain(), loss=lambda _, params, batch: params["w1"] * batch["a0"])
    for variant in backend.variants:
        with pytest.raises(InputError, match=r"'neuron_chain' has shape \(5,\).*Reduce it"):
            backend.run(scenario, dtype="float64", variant=variant)


@every_backend
def test_a_backend_describes_itself(name: str) -> None:
    backend = loaded(name)
    assert isinstance(backend, Backend)
    assert backend.name == name
    assert len(set(backend.variants)) == len(backend.variants) >= 1
    assert set(DTYPES) <= set(backend.dtypes) <= set(KNOWN_DTYPES)
    optional = getattr(backend, "optional_variants", {})
    assert not set(backend.variants) & optional.keys()
    assert backend.step_limits.keys() <= {*backend.variants, *optional}
    versions = backend.versions()
    assert versions
    assert all(isinstance(text, str) and text for pair in versions.items() for text in pair)


@every_backend
def test_runs_of_float32_differ_from_those_of_float64(name: str) -> None:
    """A framework that silently computes in the other dtype would pass the laws on shapes."""
    backend = loaded(name)
    scenario = SCENARIOS["nested, mini-batches"]
    for variant in backend.variants:
        narrow, wide = (backend.run(scenario, dtype=d, variant=variant) for d in ("float32", "float64"))
        difference = np.abs(narrow.gradients["encoder.w"][0] - wide.gradients["encoder.w"][0])
        scale = np.max(np.abs(wide.gradients["encoder.w"][0]))
        assert np.finfo(np.float32).eps / 100 * scale < np.max(difference) < 1e-4 * scale


def test_all_backends_draw_the_same_mini_batches() -> None:
    firsts = {}
    for name in BACKENDS:
        with suppress(BackendUnavailableError):
            backend = load_backend(name)
            for variant in backend.variants:
                run = backend.run(SCENARIOS["mini-batches"], dtype="float64", variant=variant)
                firsts[name, variant] = run.losses
    reference = firsts["reference", "numpy"]
    for (name, _), losses in firsts.items():
        digits = 1e-7 if name in FUNCTIONS_ARE_SINGLE | {"keras"} else 1e-12
        assert np.all(np.abs(losses - reference) <= digits * reference)


# The functions of xp.nn.


def is_slow(framework: str, call: str) -> bool:
    """JAX compiles each function anew, and a variant is one more."""
    return framework == "jax" and "," in call


FRAMEWORKS = [name for name in BACKENDS if name != "reference"]

MADE = [
    pytest.param(framework, call, marks=[pytest.mark.slow] * is_slow(framework, call))
    for framework in FRAMEWORKS
    for call in CALLS | SPECIAL
]


def in_framework(name: str, call: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    framework = loaded(name).framework  # type: ignore[attr-defined] # gradproof's own have one
    with framework.mode("float64"):
        given = [framework.from_numpy(x) if isinstance(x, np.ndarray) else x for x in arrays]
        return framework.to_numpy(function_of(framework.namespace(), call)(*given, **options))


def function_of(xp: Any, call: str) -> Any:
    """The function of a call by its name of its own."""
    return getattr(xp.special, SPECIAL[call][0]) if call in SPECIAL else getattr(xp.nn, CALLS[call][0])


@pytest.mark.filterwarnings("ignore:reduction. 'mean':UserWarning")  # of torch's own kl_div
@pytest.mark.parametrize(("framework", "call"), MADE)
def test_a_frameworks_function_is_numpys_to_rounding(framework: str, call: str) -> None:
    """Some dozen operations on numbers up to 15, or sums of 20 of them, each exact to a few ulp."""
    name, arrays, options = (CALLS | SPECIAL)[call]
    expected = function_of(NumpyNamespace(), call)(*arrays, **options)
    try:
        value = in_framework(framework, call, arrays, options)
    except AttributeError as error:
        if framework in {"torch", "jax"} or (framework == "autograd" and call in CALLS):
            raise
        pytest.skip(f"{framework}: {error}")
    assert value.dtype == np.float64
    assert value.shape == np.shape(expected)
    scale = np.abs(expected) + (20 if options.get("reduction") == "sum" else 1)
    single = accuracy(framework, "float64") == "float32" or (framework, name) in SINGLE
    eps = np.finfo(np.float32 if single else np.float64).eps
    assert np.all(np.abs(value - expected) <= 64 * eps * scale)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_function_of_numpys_namespace_is_in_the_frameworks(framework: str) -> None:
    xp = loaded(framework).framework.namespace()  # type: ignore[attr-defined] # gradproof's own have one
    names = {name for name in dir(NumpyNamespace.nn) if not name.startswith("_")}
    assert all(hasattr(xp.nn, name) for name in names)
    assert {name for name, *_ in CALLS.values()} == names
    special = {name for name in dir(NumpyNamespace.special) if not name.startswith("_")}
    assert {name for name, *_ in SPECIAL.values()} == special
