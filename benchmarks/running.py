"""What recording costs: each implementation's recorded training against a bare loop of the same steps."""

import jax
import jax.numpy as jnp
import torch

from benchmarks.documents import train
from benchmarks.timing import print_ratios, side_by_side
from gradproof.backends import load_backend
from gradproof.scenarios import sigmoid_network


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
