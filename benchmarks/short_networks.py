"""Random right networks for formats shorter than float32: dense ones, norms, attention, cross-entropies."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "softplus", "identity")
LOSSES = ("squares", "classes", "binary")
NORMS = ("none", "layer", "rms")


@dataclass(frozen=True)
class Network:
    """A network, drawn from its number.

    Attributes:
        loss: called as `loss(xp, params, batch)`.
        params: float32 arrays.
        batch: likewise.
        kind: what it is, in words.
    """

    loss: Callable[[Any, Any, Any], Any]
    params: Arrays
    batch: Arrays
    kind: str


def random_network(number: int, largest: int = 4096) -> Network:
    """Draw a network; every third has attention.

    Args:
        number: what it is drawn from.
        largest: no parameter has more entries than this, but for a factor of 2.
    """
    random = np.random.default_rng([7, number])
    return (_attention if number % 3 == 2 else _dense)(random, largest)


def _length(random: np.random.Generator, least: int, most: int) -> int:
    return int(np.exp(random.uniform(np.log(least), np.log(most + 1))))


def _normal(random: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    return (scale * random.normal(size=shape)).astype(np.float32)


# -------------------------------------------------------------------- dense networks


def _dense(random: np.random.Generator, largest: int) -> Network:
    depth, examples = int(random.integers(1, 5)), _length(random, 1, 256)
    widths = [_length(random, 1, min(largest, 1024))]
    for _ in range(depth):
        widths.append(_length(random, 1, max(1, largest // widths[-1])))
    activations = [str(random.choice(ACTIVATIONS)) for _ in range(depth - 1)]
    norms = [str(random.choice(NORMS)) for _ in range(depth - 1)]
    kind = str(random.choice(LOSSES))
    gain = float(random.choice([0.3, 1.0, 1.0, 2.0]))
    params: Arrays = {}
    for layer in range(depth):
        wide, high = widths[layer : layer + 2]
        params[f"w{layer}"] = _normal(random, wide, high, scale=gain / np.sqrt(wide))
        params[f"b{layer}"] = _normal(random, high, scale=0.1)
        if layer < depth - 1 and norms[layer] != "none":
            params[f"gain{layer}"] = 1 + _normal(random, high, scale=0.1)
    batch = {"x": _normal(random, examples, widths[0]), **_targets(random, kind, examples, widths[-1])}
    loss = partial(_dense_loss, depth=depth, activations=activations, norms=norms, kind=kind)
    words = f"{widths} {activations} {norms} {kind} batch {examples} gain {gain:g}"
    return Network(loss, params, batch, words)


def _dense_loss(
    xp: Any, params: Any, batch: Any, *, depth: int, activations: list[str], norms: list[str], kind: str
) -> Any:
    x = batch["x"]
    for layer in range(depth):
        x = x @ params[f"w{layer}"] + params[f"b{layer}"]
        if layer < depth - 1:
            x = _normed(xp, x, norms[layer], params.get(f"gain{layer}"))
            x = _activated(xp, x, activations[layer])
    return _lost(xp, x, batch, kind)


def _activated(xp: Any, x: Any, name: str) -> Any:
    if name == "identity":
        return x
    return xp.tanh(x) if name == "tanh" else getattr(xp.nn, name)(x)


def _normed(xp: Any, x: Any, norm: str, gain: Any) -> Any:
    if norm == "none":
        return x
    if norm == "layer":
        x = x - xp.mean(x, axis=-1, keepdims=True)
    return x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + 1e-3) * gain


# -------------------------------------------------------------------- targets and losses


def _targets(random: np.random.Generator, kind: str, examples: int, classes: int) -> Arrays:
    if kind == "squares":
        return {"y": _normal(random, examples, classes)}
    if kind == "binary":
        return {"y": random.integers(0, 2, (examples, classes)).astype(np.float32)}
    return {"y": np.eye(classes, dtype=np.float32)[random.integers(0, classes, examples)]}


def _lost(xp: Any, x: Any, batch: Any, kind: str) -> Any:
    if kind == "squares":
        return xp.mean((x - batch["y"]) ** 2)
    if kind == "binary":
        return xp.nn.binary_cross_entropy_with_logits(x, batch["y"])
    return xp.nn.cross_entropy(x, batch["y"])


# -------------------------------------------------------------------- attention


def _attention(random: np.random.Generator, largest: int) -> Network:
    width = int(2 ** random.integers(2, 1 + int(np.log2(max(16, np.sqrt(largest))))))
    examples, length = _length(random, 1, 8), _length(random, 2, 48)
    heads = int(random.choice([1, 2, 4]))
    classes, causal, kind = _length(random, 2, 64), bool(random.integers(2)), str(random.choice(LOSSES))
    spread = float(random.choice([1.0, 1.0, 3.0])) / np.sqrt(width)
    params = {name: _normal(random, width, width, scale=spread) for name in ("q", "k", "v", "o")}
    params |= {"gain": 1 + _normal(random, width, scale=0.1), "head": _normal(random, width, classes)}
    mask = np.triu(np.full((length, length), -1e4 if causal else 0.0, dtype=np.float32), 1)
    batch = {"x": _normal(random, examples, length, width), "mask": mask}
    targets = _targets(random, kind, examples * length, classes)
    loss = partial(_attention_loss, heads=heads, kind=kind)
    words = f"attention {examples}x{length}x{width}, {heads} heads, {classes} {kind}, causal {causal}"
    return Network(loss, params, batch | targets, words)


def _attention_loss(xp: Any, params: Any, batch: Any, *, heads: int, kind: str) -> Any:
    x = _normed(xp, batch["x"], "layer", params["gain"])
    examples, length, width = x.shape
    parts = (examples, length, heads, width // heads)
    q, k, v = (xp.permute_dims(xp.reshape(x @ params[name], parts), (0, 2, 1, 3)) for name in ("q", "k", "v"))
    scores = q @ xp.permute_dims(k, (0, 1, 3, 2)) / (width // heads) ** 0.5 + batch["mask"]
    mixed = xp.permute_dims(xp.nn.softmax(scores, axis=-1) @ v, (0, 2, 1, 3))
    x = x + xp.reshape(mixed, (examples, length, width)) @ params["o"]
    flat = xp.reshape(x, (examples * length, width))
    return _lost(xp, flat @ params["head"], batch, kind)
