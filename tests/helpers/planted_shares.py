"""A program that trains on several devices with faults planted; it prints what is said of each, as JSON."""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import gradproof as gp
from gradproof.backends import jax_backend, jax_sharding, load_backend
from gradproof.backends.jax_training import JaxTraining
from gradproof.errors import BackendError
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.runs import judge

AXIS = "devices"
PARTS = {"gradient": "gradients", "update": "updates", "state": "states"}


def scenario(reduction: str = "mean", examples: int = 12, **settings: Any) -> Scenario:
    random = np.random.default_rng(3)
    settings = {"optimizer": gp.SGD(momentum=0.9), **settings}
    return gp.Scenario(
        name="shares",
        loss=lambda xp, params, batch: getattr(xp, reduction)(
            (batch["x"] @ params["w"] + params["b"] - batch["y"]) ** 2
        ),
        params={"w": random.standard_normal(3), "b": np.array(0.25)},
        batch={"x": random.standard_normal((examples, 3)), "y": random.standard_normal(examples)},
        training=gp.GradientDescent(0.01, 5, **settings),
    )


def judged(scenario: Scenario, *, look: bool = True) -> list[str]:
    """What is said of a run: what of it is not accepted, or why its record is refused."""
    backend = load_backend("jax")
    looks = jax_sharding.check_replicas if look else lambda _: None
    with mock.patch.object(jax_sharding, "check_replicas", looks):
        try:
            run = backend.run(scenario, dtype="float64", variant="sharded")
        except BackendError as error:
            return [str(error)]
    outcome = judge(scenario, run, {})
    return [
        what
        for what, part in PARTS.items()
        if not all(record.worst_verdict().passes for record in getattr(outcome, part))
    ]


def sharing(change: Callable[..., Any], **settings: Any) -> list[str]:
    """Put the devices' gradients together as a planted function does."""

    def planted(function: Any, _: str) -> Any:
        return partial(change, function)

    with mock.patch.object(jax_backend, "shared_out", planted):
        seen, unseen = judged(scenario(**settings)), judged(scenario(**settings), look=False)
    return [*seen, *unseen]


def stepping(change: Callable[..., Any]) -> list[str]:
    """Make steps as a planted function changes them, from what is carried before and after."""
    right = JaxTraining.step

    def step(self: JaxTraining, carried: Any, data: Any) -> Any:
        after, told = right(self, carried, data)
        return change(carried, after, told)

    with mock.patch.object(JaxTraining, "step", step):
        return judged(scenario())


def shorter(function: Any, params: Any, data: Any) -> Any:
    """The last device's share is shorter, and its mean is put together with the others' as if it were not."""
    less = {name: array[:-1] for name, array in data.items()}
    is_last = lax.axis_index(AXIS) == 3
    mine = lax.cond(is_last, lambda: function(params, less), lambda: function(params, data))
    return lax.pmean(mine, AXIS)


def left_out(function: Any, params: Any, data: Any) -> Any:
    """The last device's share has no part in the mean."""
    value, gradient = function(params, data)
    counts = jnp.where(lax.axis_index(AXIS) < 3, 1.0, 0.0)
    return jax.tree.map(lambda each: lax.psum(counts * each, AXIS) / 3, (value, gradient))


def apart(function: Any, params: Any, data: Any) -> Any:
    """The gradient of one parameter stays each device's own."""
    value, gradient = function(params, data)
    return lax.pmean(value, AXIS), {"w": lax.pmean(gradient["w"], AXIS), "b": gradient["b"]}


def behind(part: str, is_behind: Callable[[], Any]) -> Callable[..., Any]:
    """What is carried stays as it was, on some devices."""

    def change(before: Any, after: Any, told: Any) -> Any:
        stay = is_behind()
        kept = jax.tree.map(
            lambda old, new: jnp.where(stay, old, new), getattr(before, part), getattr(after, part)
        )
        after = after._replace(**{part: kept})
        if part == "weights":
            return after, told._replace(weights=kept)
        old = {"momentum": before.state[0].trace}
        state = jax.tree.map(lambda old, new: jnp.where(stay, old, new), old, told.state)
        return after, told._replace(state=state)

    return change


def on(device: int) -> Callable[[], Any]:
    return lambda: lax.axis_index(AXIS) == device


CASES: dict[str, Callable[[], list[str]]] = {
    "mean": lambda: judged(scenario()),
    "sum": lambda: judged(scenario("sum")),
    "mini-batches": lambda: judged(scenario(mini_batches=gp.MiniBatches(4, seed=1))),
    "psum of means": lambda: sharing(lambda f, p, d: lax.psum(f(p, d), AXIS)),
    "pmean of sums": lambda: sharing(lambda f, p, d: lax.pmean(f(p, d), AXIS), reduction="sum"),
    "a shorter share weighted as a full one": lambda: sharing(shorter),
    "a share left out": lambda: sharing(left_out),
    "a gradient that is not put together": lambda: sharing(apart),
    "a gradient that is not put together, of mini-batches": lambda: sharing(
        apart, mini_batches=gp.MiniBatches(4, seed=1)
    ),
    "a state that is left behind on one device": lambda: stepping(behind("state", on(1))),
    "a state that is left behind on all": lambda: stepping(behind("state", lambda: True)),
    "weights that are left behind on one device": lambda: stepping(behind("weights", on(2))),
    "weights that are left behind on all": lambda: stepping(behind("weights", lambda: True)),
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: make() for name, make in CASES.items()}))
