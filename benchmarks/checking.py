"""What a check costs beside other checkers of gradients, and which errors each of them catches."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.test_util
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.timing import print_ratios, side_by_side
from gradproof import Verdict, check

_ERRORS = tuple(10.0**-power for power in range(15))


class Network:
    """A sigmoid network with squared error, and its hand-derived gradient, one entry of which may be off."""

    def __init__(self, sizes: list[int], rows: int = 8) -> None:
        """Draw parameters and data."""
        random = np.random.default_rng(0)
        self.layers = len(sizes) - 1
        self.params = {
            f"w{i}": random.normal(size=sizes[i : i + 2]) / np.sqrt(sizes[i]) for i in range(self.layers)
        }
        self.batch = {"x": random.normal(size=(rows, sizes[0])), "y": random.normal(size=(rows, sizes[-1]))}

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(array.size for array in self.params.values())

    def loss(self, xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Compute the loss; xp has a sigmoid of its own."""
        h = batch["x"]
        for i in range(self.layers):
            h = xp.nn.sigmoid(h @ params[f"w{i}"])
        return 0.5 * xp.sum((h - batch["y"]) ** 2)

    def gradient(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the gradient by hand."""
        layers = [batch["x"]]
        for i in range(self.layers):
            layers.append(1 / (1 + np.exp(-(layers[-1] @ params[f"w{i}"]))))
        result = {}
        back = layers[-1] - batch["y"]
        for i in reversed(range(self.layers)):
            delta = back * layers[i + 1] * (1 - layers[i + 1])
            result[f"w{i}"] = layers[i].T @ delta
            back = delta @ params[f"w{i}"].T
        return {name: result[name] for name in params}

    def off(self, error: float) -> Callable[[Any, Any], dict[str, Any]]:
        """Give the gradient with one entry, one of usual size, off by a relative error."""
        usual = self.gradient(self.params, self.batch)["w0"]
        place = np.unravel_index(np.argsort(np.abs(usual), axis=None)[usual.size // 2], usual.shape)
        factors = np.ones(usual.shape)
        factors[place] += error

        def gradient(params: Any, batch: Any) -> dict[str, Any]:
            right = self.gradient(params, batch)
            return {**right, "w0": right["w0"] * factors}

        return gradient

    def without_sigmoid_derivative(self, params: Any, batch: Any) -> dict[str, Any]:
        """Compute a wrong gradient: the derivative of the last sigmoid is left out."""
        layers = [batch["x"]]
        for i in range(self.layers):
            layers.append(1 / (1 + np.exp(-(layers[-1] @ params[f"w{i}"]))))
        result = {}
        back = layers[-1] - batch["y"]
        for i in reversed(range(self.layers)):
            slope = 1.0 if i == self.layers - 1 else layers[i + 1] * (1 - layers[i + 1])
            result[f"w{i}"] = layers[i].T @ (back * slope)
            back = (back * slope) @ params[f"w{i}"].T
        return {name: result[name] for name in params}

    def value(self, params: Mapping[str, Any]) -> float:
        """Compute the loss in NumPy."""
        h = self.batch["x"]
        for i in range(self.layers):
            h = 1 / (1 + np.exp(-(h @ params[f"w{i}"])))
        return float(0.5 * np.sum((h - self.batch["y"]) ** 2))


# -------------------------------------------------------------------- the others, on the same gradient


def torch_gradcheck(network: Network, gradient: Callable[..., Any], *, fast: bool) -> bool:
    """Run torch.autograd.gradcheck, at its defaults, on a Function with this gradient."""
    names = list(network.params)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *weights: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(*weights)
            params = {n: w.detach().numpy() for n, w in zip(names, weights, strict=True)}
            return torch.tensor(network.value(params), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor, ...]:
            params = {n: w.detach().numpy() for n, w in zip(names, ctx.saved_tensors, strict=True)}
            found = gradient(params, network.batch)
            return tuple(cotangent * torch.from_numpy(found[n]) for n in names)

    weights = tuple(torch.tensor(network.params[n], requires_grad=True) for n in names)
    return bool(torch.autograd.gradcheck(Loss.apply, weights, fast_mode=fast, raise_exception=False))


def jax_check_grads(network: Network, gradient: Callable[..., Any]) -> bool:
    """Run jax.test_util.check_grads, at its defaults, on a function with this gradient."""
    shapes = {n: jax.ShapeDtypeStruct(w.shape, np.float64) for n, w in network.params.items()}
    scalar = jax.ShapeDtypeStruct((), np.float64)

    @jax.custom_vjp
    def loss(params: Any) -> Any:
        return jax.pure_callback(lambda p: np.float64(network.value(_arrays(p))), scalar, params)

    def backward(params: Any, cotangent: Any) -> Any:
        found = jax.pure_callback(lambda p: gradient(_arrays(p), network.batch), shapes, params)
        return (jax.tree.map(lambda g: cotangent * g, found),)

    loss.defvjp(lambda params: (loss(params), params), backward)
    try:
        jax.test_util.check_grads(loss, (network.params,), order=1, modes=["rev"])
    except AssertionError:
        return False
    return True


def _arrays(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(array) for name, array in params.items()}


def gradproof_check(network: Network, gradient: Callable[..., Any]) -> bool:
    """Run gradproof.check at the given point alone."""
    return check(network.loss, gradient, network.params, network.batch, points=0).verdict is Verdict.EQUAL


# -------------------------------------------------------------------- measuring


def checks_side_by_side() -> None:
    """Time a check of a right gradient beside the others', and find the smallest error that each catches."""
    network = Network([6, 10, 4])
    checkers: dict[str, Callable[[Callable[..., Any]], bool]] = {
        "torch.autograd.gradcheck, fast": lambda g: torch_gradcheck(network, g, fast=True),
        "gradproof.check, at the given point": lambda g: gradproof_check(network, g),
        "torch.autograd.gradcheck": lambda g: torch_gradcheck(network, g, fast=False),
        "jax.test_util.check_grads": lambda g: jax_check_grads(network, g),
    }
    with jax.enable_x64(True):
        seconds = side_by_side({name: lambda c=c: c(network.gradient) for name, c in checkers.items()})  # type: ignore[misc]
        print_ratios(f"a right gradient, {network.size} parameters, batch 8", seconds, "goal: at most 2")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("", "a right gradient", "smallest error caught"):
            table.add_column(column)
        for name, checker in checkers.items():
            accepted = "passes" if checker(network.gradient) else "FAILS"
            caught = [error for error in _ERRORS if not checker(network.off(error))]
            table.add_row(name, accepted, f"{min(caught):.0e}" if caught else "none up to 100 %")
    console = Console()
    console.print("[bold]relative errors in one entry[/], float64, at the defaults")
    console.print(table)
    console.print()


def checks_with_points_and_cause() -> None:
    """Time checks with their own points, and with the search for a cause."""
    large = Network([100, 100, 1])
    seconds = side_by_side(
        {
            "torch.autograd.gradcheck, fast": lambda: torch_gradcheck(large, large.gradient, fast=True),
            "gradproof.check, at the given point": lambda: gradproof_check(large, large.gradient),
            "gradproof.check, with 12 points of its own": lambda: check(
                large.loss, large.gradient, large.params, large.batch
            ),
        }
    )
    goal = "goal: at most 100 ms at the given point, 600 ms with points"
    print_ratios(f"a right gradient, {large.size} parameters, batch 8", seconds, goal)
    for sizes, goal in (([6, 10, 4], 2.0), ([100, 80, 20, 20], 5.0)):
        network = Network(sizes)
        seconds = {}
        for name, gradient in (
            ("right, with 12 points of its own", network.gradient),
            ("wrong, with the search for a cause", network.without_sigmoid_derivative),
            ("wrong in one entry: the search finds none", network.off(1e-6)),
        ):
            check(network.loss, gradient, network.params, network.batch)
            start = time.perf_counter()
            check(network.loss, gradient, network.params, network.batch)
            seconds[name] = time.perf_counter() - start
        print_ratios(f"{network.size} parameters, batch 8", seconds, f"goal: at most {1000 * goal:.0f} ms")
