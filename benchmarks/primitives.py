"""JAX's own tests of its primitives: of how many of those that have a gradient it is the exact one."""

import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import gradproof as gp

DTYPES = ("float32", "float64")
MOST = 10
"""So many harnesses of a group are looked at, from all over it; there are 1168 in these dtypes."""

EXPLAINED = Path(__file__).with_name("primitives.toml")
"""By a regular expression for names of harnesses, why JAX's gradient is not found to be the exact one."""

HAS_GRADIENT = ("exact", "not exact", "unsupported", "refused")
NO_GRADIENT = (TypeError, ValueError, NotImplementedError)
"""What JAX raises where it has no derivative of an operation."""


@dataclass(frozen=True)
class Outcome:
    """What became of a harness.

    Attributes:
        harness: its full name.
        group: the primitive that it is of.
        kind: `exact`; `not exact`, `unsupported` or `refused`; `no gradient` or `not finite`, where JAX has
            none or the arguments are none that have one.
        text: why.
    """

    harness: str
    group: str
    kind: str
    text: str


Loss = Callable[[Any, Any], Any]
Arrays = dict[str, Any]


def total(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Loss, Arrays, Arrays]:
    """Make a loss of a function: the sum of its floating-point results, with a weight for each entry."""
    arrays = {f"a{place}": np.asarray(each) for place, each in enumerate(arguments)}
    params = {name: array.astype(np.float64) for name, array in arrays.items() if array.dtype.kind == "f"}
    batch = {name: array for name, array in arrays.items() if name not in params}

    def loss(params: Any, batch: Any) -> Any:
        both = {**batch, **params}
        results = jax.tree.leaves(function(*(both[name] for name in arrays)))
        floats = [each for each in results if jnp.issubdtype(each.dtype, jnp.floating)]
        weights = [jnp.cos(jnp.arange(each.size, dtype=each.dtype)).reshape(each.shape) for each in floats]
        return sum(jnp.sum(each * weight) for each, weight in zip(floats, weights, strict=True))

    return loss, params, batch


def outcome_of(harness: Any) -> Outcome:
    """Say what becomes of a harness, in float64, at its own sample."""
    kind, text = _judged(harness)
    words = re.sub(r"\s+", " ", str(text))[:300]
    return Outcome(harness.fullname, harness.group_name, kind, words)


def _judged(harness: Any) -> tuple[str, object]:
    with jax.enable_x64(True):
        arguments = harness.dyn_args_maker(np.random.RandomState(7))  # what JAX's makers take
        loss, params, batch = total(harness.dyn_fun, arguments)
        lacking = _lacks(loss, params, batch)
    if lacking:
        return lacking
    try:
        check = gp.check(gp.from_jax(loss, params, batch, name=harness.fullname), points=0, strict=False)
    except gp.UnsupportedError as error:
        return "unsupported", error
    except gp.InputError as error:
        return "refused", error
    if check.verdict is gp.Verdict.NOT_FINITE:
        return "not finite", "JAX's gradient is NaN or infinite"
    return ("exact" if check.ok else "not exact"), f"{check.verdict} {check.reason}"


def _lacks(loss: Loss, params: Arrays, batch: Arrays) -> tuple[str, str] | None:
    """Say why there is no gradient at all; None if there is one."""
    if not params or not all(array.size for array in params.values()):
        return "no gradient", "it has no floating-point argument, or an empty one"
    if not all(np.isfinite(array).all() for array in params.values()):
        return "not finite", "its arguments are NaN or infinite"
    try:
        jax.eval_shape(jax.grad(loss), params, batch)
    except NO_GRADIENT as error:
        return "no gradient", f"{type(error).__name__}: {error}"
    return None


def harnesses(most: int) -> Iterator[Any]:
    """Give JAX's harnesses in float32 and float64, of each group so many at most."""
    from jax._src.internal_test_util import test_harnesses  # noqa: PLC0415 - needs what only this group has

    groups: dict[str, list[Any]] = defaultdict(list)
    for harness in test_harnesses.all_harnesses:
        if np.dtype(harness.dtype).name in DTYPES:
            groups[harness.group_name].append(harness)
    return chain.from_iterable(group[:: ceil(len(group) / most)] for group in groups.values())


def explanation(outcome: Outcome) -> str:
    """Say why a gradient that JAX has is not found to be the exact one; empty if that is not known."""
    reasons = tomllib.loads(EXPLAINED.read_text("utf-8"))["reasons"]
    found = (each["why"] for each in reasons if re.match(each["name"], outcome.harness))
    return next(found, "" if outcome.kind == "not exact" else f"{outcome.kind}: {outcome.text}")


def primitives(most: int = MOST) -> None:
    """Print the share of exact gradients, and the reasons of the others."""
    if find_spec("absl") is None:
        print("Not measured: JAX's harnesses need absl-py, of the dependency group `models`.")
        return
    outcomes = []
    for harness in harnesses(most):
        outcomes.append(outcome_of(harness))
        if sys.stderr.isatty():
            print(f"\r{len(outcomes)} {harness.fullname:.60}", end="", file=sys.stderr)
    kinds = Counter(outcome.kind for outcome in outcomes)
    with_gradient = sum(kinds[kind] for kind in HAS_GRADIENT)
    print(f"{len(outcomes)} harnesses of {len({each.group for each in outcomes})} groups:", dict(kinds))
    print(f"exact: {kinds['exact']} of the {with_gradient} that have a gradient")
    others = [each for each in outcomes if each.kind in HAS_GRADIENT and each.kind != "exact"]
    for (group, why), count in Counter((each.group, explanation(each)) for each in others).items():
        print(f"{count:4} {group}: {why or 'NOT EXPLAINED'}")
