"""What recording costs: each implementation's recorded training against a bare loop of the same steps."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
import torch

import gradproof as gp
from benchmarks.documents import train
from benchmarks.timing import print_ratios, side_by_side
from gradproof.backends import load_backend
from gradproof.scenarios import Scenario, sigmoid_network


def reference_against_document() -> None:
    """Time the reference's 10 000 steps against the document's own loop."""
    scenario = sigmoid_network()
    backend = load_backend("reference")
    seconds = side_by_side(
        {
            "the document's own loop": lambda: train(10_000),
            "reference, every step recorded": lambda: backend.run(scenario, dtype="float64", variant="numpy"),
        }
    )
    print_ratios("sigmoid_network, 10 000 steps in NumPy", seconds, "goal: at most 1")


def torch_against_bare_loop() -> None:
    """Time PyTorch's recorded training against a bare PyTorch loop doing the same steps."""
    scenario = sigmoid_network()
    backend = load_backend("torch")
    steps = scenario.steps
    x, y = (torch.from_numpy(scenario.flat_batch[name].copy()) for name in ("x", "y"))

    def bare() -> None:
        weights = [torch.tensor(w, requires_grad=True) for w in scenario.flat_params.values()]
        optimizer = torch.optim.SGD(weights, lr=1.0)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = 0.5 * torch.sum((y - torch.sigmoid(torch.sigmoid(x @ weights[0]) @ weights[1])) ** 2)
            loss.backward()
            optimizer.step()

    seconds = side_by_side(
        {
            "bare loop, nothing recorded": bare,
            "torch/eager, every step recorded": lambda: backend.run(
                scenario, dtype="float64", variant="eager"
            ),
        },
        rounds=3,
    )
    print_ratios("sigmoid_network, 10 000 steps in PyTorch", seconds, "goal: at most 1.5")


def torch_optimizers_against_bare_loops() -> None:
    """Time PyTorch's recorded training by Adam, alone and with all that comes with it, against bare loops."""
    backend, base, steps = load_backend("torch"), sigmoid_network(), 3000
    x, y = (torch.from_numpy(base.flat_batch[name].copy()) for name in ("x", "y"))
    parts: dict[str, Any] = {"schedule": gp.CosineDecay(steps), "clipping": gp.ClipByNorm(0.5, epsilon=1e-6)}

    def bare(*, with_parts: bool) -> None:
        weights = [torch.tensor(w, requires_grad=True) for w in base.flat_params.values()]
        optimizer = torch.optim.Adam(weights, lr=0.01)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if with_parts else None
        for _ in range(steps):
            optimizer.zero_grad()
            loss = 0.5 * torch.sum((y - torch.sigmoid(torch.sigmoid(x @ weights[0]) @ weights[1])) ** 2)
            loss.backward()
            if scheduler is not None:
                torch.nn.utils.clip_grad_norm_(weights, 0.5)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()

    for words, own in {"Adam": {}, "Adam with cosine decay and clipping": parts}.items():
        training = gp.GradientDescent(0.01, steps, optimizer=gp.Adam(), **own)
        scenario = replace(base, training=training)
        seconds = side_by_side(
            {
                "bare loop, nothing recorded": partial(bare, with_parts=bool(own)),
                "torch/eager, every step and state recorded": partial(
                    backend.run, scenario, dtype="float64", variant="eager"
                ),
            }
        )
        print_ratios(f"sigmoid_network, 3000 steps of {words} in PyTorch", seconds, "goal: at most 1.5")


def jax_against_bare_loop() -> None:
    """Time JAX's recorded training against a bare lax.scan, compilation included in both."""
    scenario = sigmoid_network()
    backend = load_backend("jax")

    def bare() -> None:
        with jax.enable_x64(True):
            x, y = (jnp.asarray(scenario.flat_batch[name]) for name in ("x", "y"))

            def loss(weights: tuple[jax.Array, jax.Array]) -> jax.Array:
                output = jax.nn.sigmoid(jax.nn.sigmoid(x @ weights[0]) @ weights[1])
                return 0.5 * jnp.sum((y - output) ** 2)

            def body(weights: tuple[jax.Array, jax.Array], _: None) -> tuple[object, None]:
                gradient = jax.grad(loss)(weights)
                return jax.tree.map(lambda w, g: w - g, weights, gradient), None

            start = tuple(jnp.asarray(w) for w in scenario.flat_params.values())
            train = jax.jit(lambda weights: jax.lax.scan(body, weights, length=scenario.steps)[0])
            jax.block_until_ready(train(start))

    seconds = side_by_side(
        {
            "bare lax.scan, nothing recorded": bare,
            "jax/jit, every step recorded": lambda: backend.run(scenario, dtype="float64", variant="jit"),
        }
    )
    print_ratios("sigmoid_network, 10 000 steps in JAX, compiling included", seconds, "goal: at most 1.5")


def optax_against_bare_loop() -> None:
    """Time JAX's recorded training by optax against a bare lax.scan of it, compilation included in both."""
    schedule = gp.WarmUp(100, gp.CosineDecay(9_900))
    own = optax.warmup_cosine_decay_schedule(0.0, 0.01, 100, 10_000)
    trainings = {
        "momentum": (optax.sgd(0.01, momentum=0.9), {"optimizer": gp.SGD(momentum=0.9)}),
        "Adam": (optax.adam(0.01), {"optimizer": gp.Adam()}),
        "AdamW, clipped, scheduled": (
            optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(own)),
            {"optimizer": gp.AdamW(), "clipping": gp.ClipByNorm(0.5), "schedule": schedule},
        ),
    }
    for name, (optimizer, settings) in trainings.items():
        training = gp.GradientDescent(0.01, 10_000, **settings)
        _time_optax(name, optimizer, replace(sigmoid_network(), training=training))


def _time_optax(name: str, optimizer: optax.GradientTransformation, scenario: Scenario) -> None:
    backend = load_backend("jax")

    def bare() -> None:
        with jax.enable_x64(True):
            x, y = (jnp.asarray(scenario.flat_batch[each]) for each in ("x", "y"))

            def loss(weights: tuple[jax.Array, jax.Array]) -> jax.Array:
                output = jax.nn.sigmoid(jax.nn.sigmoid(x @ weights[0]) @ weights[1])
                return 0.5 * jnp.sum((y - output) ** 2)

            def body(carried: Any, _: None) -> tuple[Any, None]:
                weights, state = carried
                updates, state = optimizer.update(jax.grad(loss)(weights), state, weights)
                return (optax.apply_updates(weights, updates), state), None

            weights = tuple(jnp.asarray(w) for w in scenario.flat_params.values())
            train = jax.jit(lambda carried: jax.lax.scan(body, carried, length=scenario.steps)[0])
            jax.block_until_ready(train((weights, optimizer.init(weights))))

    seconds = side_by_side(
        {
            "bare lax.scan, nothing recorded": bare,
            "jax/jit, every step recorded": lambda: backend.run(scenario, dtype="float64", variant="jit"),
        }
    )
    print_ratios(
        f"sigmoid_network, 10 000 steps of optax, {name}, compiling included", seconds, "goal: at most 1.5"
    )
