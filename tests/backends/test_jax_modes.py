"""Other ways to the same gradient in JAX: recomputed, example by example, unrolled, shared out to devices."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario, verify
from gradproof.backends import Run, load_backend
from gradproof.backends.jax_sharding import check_replicas, environment_with_devices
from gradproof.backends.laws import check_record
from gradproof.backends.loading import environment_of
from gradproof.errors import BackendError, UnsupportedError
from gradproof.reference.descent import Accumulation, MiniBatches
from gradproof.reference.optimizers import Adam
from gradproof.scenarios import line_fit, sigmoid_network
from gradproof.verdicts.runs import judge

pytest.importorskip("jax")

HERE = ("checkpoint", "vmap", "unrolled")


def recorded(scenario: Scenario, variant: str, dtype: str = "float64") -> Run:
    backend = load_backend("jax")
    run = backend.run(scenario, dtype=dtype, variant=variant)
    check_record(run, backend, scenario, dtype=dtype, variant=variant)
    return run


def trained(scenario: Scenario, steps: int, **settings: Any) -> Scenario:
    return replace(scenario, training=GradientDescent(0.01, steps, **settings))


TRAININGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "mini-batches": {"mini_batches": MiniBatches(2, seed=1)},
    "Adam": {"optimizer": Adam()},
    "accumulation": {"accumulation": Accumulation(2, "sum")},
}
SYSTEMS = {"line": line_fit(), "network": sigmoid_network()}


@pytest.mark.parametrize("variant", HERE)
def test_a_way_gives_the_gradient_of_the_batch(variant: str) -> None:
    scenario = trained(line_fit(), 3, mini_batches=MiniBatches(4, seed=1))
    run, usual = recorded(scenario, variant, "float32"), recorded(scenario, "jit", "float32")
    for name, gradient in usual.gradients.items():
        np.testing.assert_allclose(run.gradients[name], gradient, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("variant", HERE)
def test_no_way_is_accused(variant: str, training: str, system: str, dtype: str) -> None:
    scenario = trained(SYSTEMS[system], 8, **TRAININGS[training])
    outcome = judge(scenario, recorded(scenario, variant, dtype), {})
    assert outcome.worst_verdict().passes


@pytest.mark.slow
@pytest.mark.parametrize("training", TRAININGS)
def test_devices_that_share_the_examples_are_not_accused(training: str) -> None:
    """In processes of their own, which start with several devices."""
    scenarios = [trained(each, 8, **TRAININGS[training]) for each in SYSTEMS.values()]
    report = verify(scenarios, backends=["jax/sharded", "jax/jit"], dtypes=["float64", "float32"])
    assert report.runs["status"].tolist() == ["run"] * 8
    report.raise_if_disagree()


# -------------------------------------------------------------------- what cannot be run


def test_single_examples_need_a_loss_that_is_made_of_theirs() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        z = batch["x"] * params["w"]
        return xp.sum((z - xp.mean(z)) ** 2)

    scenario = Scenario(
        name="normalised", loss=loss, params={"w": np.array(2.0)}, batch={"x": np.array([1.0, 3.0, 4.0])}
    )
    with pytest.raises(UnsupportedError, match="neither the mean nor the sum"):
        recorded(scenario, "vmap")


def test_single_examples_need_examples() -> None:
    scenario = replace(line_fit(), loss=lambda xp, params, batch: xp.sum(params["m"] ** 2), batch={})
    with pytest.raises(UnsupportedError):
        recorded(scenario, "vmap")


def test_one_device_has_nothing_to_share() -> None:
    import jax

    if len(jax.devices()) > 1:
        pytest.skip("there are several devices here")
    with pytest.raises(UnsupportedError, match=r"sees one device .*XLA_FLAGS=--xla_force"):
        recorded(trained(line_fit(), 2), "sharded")


def test_a_process_starts_with_several_devices_where_they_are_shared() -> None:
    flag = "--xla_force_host_platform_device_count"
    assert environment_of("jax", "jit") == environment_of("torch", "eager") == {}
    assert environment_with_devices("") == {"XLA_FLAGS": f"{flag}=4"}
    assert environment_with_devices("--other=1") == {"XLA_FLAGS": f"--other=1 {flag}=4"}
    assert environment_with_devices(f"{flag}=2") == {}  # the user's own


# -------------------------------------------------------------------- replicas


def test_equal_replicas_pass() -> None:
    one = np.array([[1.0, np.nan, 0.0], [2.0, np.inf, -0.0]], dtype=np.float32)
    check_replicas(np.stack([one, one, one]))


@pytest.mark.parametrize("place", [(1, 0, 0), (2, 1, 2)])
def test_a_replica_that_differs_is_told(place: tuple[int, int, int]) -> None:
    replicas = np.zeros((3, 2, 3))
    replicas[place] = -0.0
    device, step, _ = place
    with pytest.raises(BackendError, match=f"Device {device} and device 0 hold .* after step {step + 1}, "):
        check_replicas(replicas)
