"""custom_vjps as people write them, each with a planted error and a right twin, in losses of JAX's.

Each has a forward pass, what that keeps for the backward pass, a right backward pass and a wrong one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

RANDOM = np.random.default_rng(11)


def normal(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


@dataclass(frozen=True)
class CustomVjp:
    """A custom_vjp and its error.

    Attributes:
        name: of the forward pass.
        right: the function with the right backward pass.
        wrong: the same with the planted error.
        loss: `loss(function, params, batch)`.
        params: by name.
        batch: likewise.
        line: what stands in the line of the forward pass whose derivative is wrong.
    """

    name: str
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    loss: Callable[..., Any]
    params: dict[str, Any]
    batch: dict[str, Any]
    line: str

    def scenario_arguments(self, *, right: bool) -> tuple[Any, Any, Any]:
        return partial(self.loss, self.right if right else self.wrong), self.params, self.batch


def with_rule(
    forward: Callable[..., Any], kept: Callable[..., Any], backward: Callable[..., Any], *fixed: int
) -> Callable[..., Any]:
    """Give a function a backward pass of its own; arguments at `fixed` places are no arrays."""
    function = jax.custom_vjp(forward, nondiff_argnums=fixed)
    function.defvjp(kept, backward)
    return function


# -------------------------------------------------------------------- layer normalisation


def layer_norm(x: Any, gain: Any, bias: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    deviation = jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred / deviation * gain + bias


def layer_norm_kept(x: Any, gain: Any, bias: Any) -> Any:
    deviation = jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
    unit = (x - x.mean(-1, keepdims=True)) / deviation
    return layer_norm(x, gain, bias), (unit, deviation, gain)


def layer_norm_backward(kept: Any, g: Any, *, centre: bool = True) -> Any:
    unit, deviation, gain = kept
    h = g * gain
    middle = h.mean(-1, keepdims=True) if centre else 0.0
    dx = (h - middle - unit * (h * unit).mean(-1, keepdims=True)) / deviation
    return dx, (g * unit).sum((0, 1)), g.sum((0, 1))


# -------------------------------------------------------------------- root mean square normalisation


def rms_norm(x: Any, gain: Any) -> Any:
    size = jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    return x * size * gain


def rms_norm_kept(x: Any, gain: Any) -> Any:
    size = jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    return x * size * gain, (x, size, gain)


def rms_norm_backward(kept: Any, g: Any, *, power: int = 3) -> Any:
    x, size, gain = kept
    h = g * gain
    dx = h * size - x * size**power * (h * x).mean(-1, keepdims=True)
    return dx, (g * x * size).sum((0, 1))


# -------------------------------------------------------------------- fused cross-entropy


def fused_cross_entropy(logits: Any, labels: Any) -> Any:
    log_sum = jax.nn.logsumexp(logits, axis=-1)
    chosen = jnp.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
    return (log_sum - chosen).mean()


def fused_cross_entropy_kept(logits: Any, labels: Any) -> Any:
    return fused_cross_entropy(logits, labels), (logits, labels)


def fused_cross_entropy_backward(kept: Any, g: Any, *, divides: bool = True) -> Any:
    logits, labels = kept
    slope = jax.nn.softmax(logits) - jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return g * slope / (len(labels) if divides else 1), None


# -------------------------------------------------------------------- attention with a causal mask


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ k.T / np.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape, dtype=bool)), scores, -jnp.inf)
    shares = jax.nn.softmax(scores, axis=-1)
    return shares @ v


def attention_kept(q: Any, k: Any, v: Any) -> Any:
    return attention(q, k, v), (q, k, v)


def attention_backward(kept: Any, g: Any, *, subtracts: bool = True) -> Any:
    q, k, v = kept
    scale = 1 / np.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones((len(q), len(k)), dtype=bool)), q @ k.T * scale, -jnp.inf)
    shares = jax.nn.softmax(scores, axis=-1)
    handed = g @ v.T
    row = (handed * shares).sum(-1, keepdims=True) if subtracts else 0.0
    slope = shares * (handed - row) * scale
    return slope @ k, slope.T @ q, shares.T @ g


# -------------------------------------------------------------------- GELU by tanh


def gelu(x: Any) -> Any:
    inner = jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + jnp.tanh(inner))


def gelu_kept(x: Any) -> Any:
    return gelu(x), x


def gelu_backward(x: Any, g: Any, *, cubic: float = 3 * 0.044715) -> Any:
    t = jnp.tanh(jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3))
    slope = jnp.sqrt(2 / jnp.pi) * (1 + cubic * x**2)
    return (g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * slope),)


# -------------------------------------------------------------------- SwiGLU


def swiglu(x: Any, gate: Any) -> Any:
    opened = gate * jax.nn.sigmoid(gate)
    return x * opened


def swiglu_kept(x: Any, gate: Any) -> Any:
    return swiglu(x, gate), (x, gate)


def swiglu_backward(kept: Any, g: Any, *, whole: bool = True) -> Any:
    x, gate = kept
    s = jax.nn.sigmoid(gate)
    slope = s * (1 + gate * (1 - s)) if whole else s
    return g * gate * s, g * x * slope


# -------------------------------------------------------------------- a linear recurrence


def recurrence(a: Any, b: Any) -> Any:
    def step(h: Any, ab: Any) -> Any:
        h = ab[0] * h + ab[1]
        return h, h

    return jax.lax.scan(step, jnp.zeros_like(b[0]), (a, b))[1]


def recurrence_kept(a: Any, b: Any) -> Any:
    states = recurrence(a, b)
    return states, (a, states)


def recurrence_backward(kept: Any, g: Any, *, shift: bool = True) -> Any:
    a, states = kept

    def step(later: Any, ag: Any) -> Any:
        now = ag[1] + later
        return ag[0] * now, now

    adjoints = jax.lax.scan(step, jnp.zeros_like(g[0]), (a, g), reverse=True)[1]
    before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]]) if shift else states
    return adjoints * before, adjoints


# -------------------------------------------------------------------- a quantiser, straight through


def quantised(x: Any, step: float) -> Any:
    kept = jnp.clip(x, -1.0, 1.0)
    return kept + jax.lax.stop_gradient(jnp.round(kept / step) * step - kept)


def quantised_kept(x: Any, step: float) -> Any:
    return quantised(x, step), x


def quantised_backward(step: float, x: Any, g: Any, *, clips: bool = True) -> Any:
    del step
    return (jnp.where(jnp.abs(x) <= 1.0, g, 0.0) if clips else g,)


# -------------------------------------------------------------------- unit vectors


def normalised(x: Any) -> Any:
    length = jnp.sqrt((x * x).sum(-1, keepdims=True))
    return x / length


def normalised_kept(x: Any) -> Any:
    length = jnp.sqrt((x * x).sum(-1, keepdims=True))
    return x / length, (x / length, length)


def normalised_backward(kept: Any, g: Any, *, projects: bool = True) -> Any:
    unit, length = kept
    along = unit * (g * unit).sum(-1, keepdims=True) if projects else 0.0
    return ((g - along) / length,)


# -------------------------------------------------------------------- an embedding


def embedded(table: Any, tokens: Any) -> Any:
    return table[tokens]


def embedded_kept(table: Any, tokens: Any) -> Any:
    return table[tokens], (tokens, table)


def embedded_backward(kept: Any, g: Any, *, adds: bool = True) -> Any:
    tokens, table = kept
    zeros = jnp.zeros_like(table)
    return (zeros.at[tokens].add(g) if adds else zeros.at[tokens].set(g)), None


# -------------------------------------------------------------------- rotary positions


def rotated(x: Any, angles: Any) -> Any:
    first, second = jnp.split(x, 2, axis=-1)
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    return jnp.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def rotated_kept(x: Any, angles: Any) -> Any:
    return rotated(x, angles), angles


def rotated_backward(angles: Any, g: Any, *, back: bool = True) -> Any:
    return rotated(g, -angles if back else angles), None


# -------------------------------------------------------------------- Huber's loss


def huber(x: Any) -> Any:
    size = jnp.abs(x)
    return jnp.where(size <= 1.0, 0.5 * x**2, size - 0.5).mean()


def huber_kept(x: Any) -> Any:
    return huber(x), x


def huber_backward(x: Any, g: Any, *, bounded: bool = True) -> Any:
    return (g / x.size * (jnp.clip(x, -1.0, 1.0) if bounded else x),)


# -------------------------------------------------------------------- losses


def _layer_norm_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean((f(b["x"] @ p["w"], p["gain"], p["bias"]) - b["y"]) ** 2)


def _rms_norm_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean(jnp.tanh(f(b["x"] @ p["w"], p["gain"])) * b["y"])


def _cross_entropy_loss(f: Any, p: Any, b: Any) -> Any:
    return f(jnp.tanh(b["x"] @ p["w1"]) @ p["w2"], b["labels"])


def _attention_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.sum((f(b["x"] @ p["q"], b["x"] @ p["k"], b["x"] @ p["v"]) - b["y"]) ** 2)


def _activation_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean((f(b["x"] @ p["w1"] + p["b1"]) @ p["w2"] - b["y"]) ** 2)


def _swiglu_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean((f(b["x"] @ p["w1"], b["x"] @ p["gate"]) @ p["w2"] - b["y"]) ** 2)


def _recurrence_loss(f: Any, p: Any, b: Any) -> Any:
    states = f(jax.nn.sigmoid(b["x"] @ p["a"]), b["x"] @ p["b"])
    return jnp.sum(states * b["y"])


def _quantised_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean((b["x"] @ f(p["w"], 0.125) - b["y"]) ** 2)


def _normalised_loss(f: Any, p: Any, b: Any) -> Any:
    unit = f(b["x"] @ p["w"])
    return -jnp.mean(jax.nn.log_softmax(unit @ unit.T) * b["y"])


def _embedded_loss(f: Any, p: Any, b: Any) -> Any:
    return jnp.mean((jnp.tanh(f(p["table"], b["tokens"])) @ p["w"] - b["y"]) ** 2)


def _rotated_loss(f: Any, p: Any, b: Any) -> Any:
    q, k = f(b["x"] @ p["q"], b["angles"]), f(b["x"] @ p["k"], b["angles"])
    return jnp.sum(jax.nn.softmax(q @ k.T) * b["y"])


def _huber_loss(f: Any, p: Any, b: Any) -> Any:
    return f(3 * (jnp.tanh(b["x"] @ p["w1"]) @ p["w2"] - b["y"]))


def _data(*y: int) -> dict[str, Any]:
    return {"x": normal(6, 4), "y": normal(*y)}


def _both(
    forward: Callable[..., Any], kept: Any, backward: Any, *fixed: int, **error: Any
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    wrong = with_rule(forward, kept, partial(backward, **error), *fixed)
    return with_rule(forward, kept, backward, *fixed), wrong


CUSTOM_VJPS = [
    CustomVjp(
        "layer_norm",
        *_both(layer_norm, layer_norm_kept, layer_norm_backward, centre=False),
        _layer_norm_loss,
        {"w": normal(4, 5), "gain": normal(5), "bias": normal(5)},
        {"x": normal(2, 3, 4), "y": normal(2, 3, 5)},
        "x.mean(-1",
    ),
    CustomVjp(
        "rms_norm",
        *_both(rms_norm, rms_norm_kept, rms_norm_backward, power=1),
        _rms_norm_loss,
        {"w": normal(4, 5), "gain": normal(5)},
        {"x": normal(2, 3, 4), "y": normal(2, 3, 5)},
        "rsqrt",
    ),
    CustomVjp(
        "fused_cross_entropy",
        *_both(fused_cross_entropy, fused_cross_entropy_kept, fused_cross_entropy_backward, divides=False),
        _cross_entropy_loss,
        {"w1": normal(4, 5), "w2": normal(5, 7)},
        {"x": normal(6, 4), "labels": RANDOM.integers(0, 7, size=6)},
        ".mean()",
    ),
    CustomVjp(
        "attention",
        *_both(attention, attention_kept, attention_backward, subtracts=False),
        _attention_loss,
        {"q": normal(4, 3), "k": normal(4, 3), "v": normal(4, 2)},
        _data(6, 2),
        "softmax",
    ),
    CustomVjp(
        "gelu",
        *_both(gelu, gelu_kept, gelu_backward, cubic=0.044715),
        _activation_loss,
        {"w1": normal(4, 5), "b1": normal(5), "w2": normal(5, 2)},
        _data(6, 2),
        "x**3",
    ),
    CustomVjp(
        "swiglu",
        *_both(swiglu, swiglu_kept, swiglu_backward, whole=False),
        _swiglu_loss,
        {"w1": normal(4, 5), "gate": normal(4, 5), "w2": normal(5, 2)},
        _data(6, 2),
        "gate * jax.nn.sigmoid(gate)",
    ),
    CustomVjp(
        "recurrence",
        *_both(recurrence, recurrence_kept, recurrence_backward, shift=False),
        _recurrence_loss,
        {"a": normal(4, 3), "b": normal(4, 3)},
        _data(6, 3),
        "ab[0] * h",
    ),
    CustomVjp(
        "quantised",
        *_both(quantised, quantised_kept, quantised_backward, 1, clips=False),
        _quantised_loss,
        {"w": normal(4, 3)},
        _data(6, 3),
        "jnp.clip",
    ),
    CustomVjp(
        "normalised",
        *_both(normalised, normalised_kept, normalised_backward, projects=False),
        _normalised_loss,
        {"w": normal(4, 3)},
        {"x": normal(6, 4), "y": np.eye(6, dtype=np.float32)},
        "length",
    ),
    CustomVjp(
        "embedded",
        *_both(embedded, embedded_kept, embedded_backward, adds=False),
        _embedded_loss,
        {"table": normal(5, 3), "w": normal(3, 2)},
        {"tokens": np.array([1, 4, 1, 0, 1, 2]), "y": normal(6, 2)},
        "table[tokens]",
    ),
    CustomVjp(
        "rotated",
        *_both(rotated, rotated_kept, rotated_backward, back=False),
        _rotated_loss,
        {"q": normal(4, 4), "k": normal(4, 4)},
        {"x": normal(6, 4), "y": normal(6, 6), "angles": normal(6, 2)},
        "sine",
    ),
    CustomVjp(
        "huber",
        *_both(huber, huber_kept, huber_backward, bounded=False),
        _huber_loss,
        {"w1": normal(4, 5), "w2": normal(5, 2)},
        _data(6, 2),
        "jnp.abs(x)",
    ),
]
"""All of them; the line is the one that the error is in the derivative of."""
