"""Wrong gradients of the kinds that public bug reports tell of, each beside the right one; in our own code.

A case is a loss, a right gradient, a wrong one, data, and where there is such data, one at which the wrong
gradient equals the right one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = Callable[[int], tuple[dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    name: str
    loss: Callable[..., Any]
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    data: Data
    blind: Data | None = None


CASES: dict[str, Case] = {}


def case(loss, gradient, data, blind=None):
    """Register a case from one gradient function with a switch `wrong`."""
    name = gradient.__name__
    CASES[name] = Case(
        name,
        loss,
        lambda p, b: gradient(p, b, wrong=False),
        lambda p, b: gradient(p, b, wrong=True),
        data,
        blind,
    )


def rng(seed):
    return np.random.default_rng(seed)


# -------------------------------------------------------------------- ReLU network, mean squared error


def relu_loss(xp, p, b):
    hidden = xp.maximum(b["x"] @ p["w"] + p["c"], 0.0)
    return xp.mean((hidden @ p["v"] - b["y"]) ** 2)


def relu_data(seed):
    r = rng(seed)
    params = {"w": r.normal(size=(3, 4)), "c": r.normal(size=4), "v": r.normal(size=(4, 2))}
    return params, {"x": r.normal(size=(5, 3)), "y": r.normal(size=(5, 2))}


def relu_positive(seed):
    params, batch = relu_data(seed)
    params = {**params, "w": np.abs(params["w"]) + 0.1, "c": np.abs(params["c"]) + 0.1}
    return params, {**batch, "x": np.abs(batch["x"]) + 0.1}


def _relu(p, b):
    z = b["x"] @ p["w"] + p["c"]
    hidden = np.maximum(z, 0.0)
    delta = 2.0 * (hidden @ p["v"] - b["y"]) / b["y"].size
    return z, hidden, delta


def relu_mask_from_output(p, b, wrong):
    # https://github.com/iamtrask/Grokking-Deep-Learning/pull/13
    z, hidden, delta = _relu(p, b)
    back = (delta @ p["v"].T) * ((hidden >= 0) if wrong else (z > 0))
    return {"w": b["x"].T @ back, "c": back.sum(axis=0), "v": hidden.T @ delta}


case(relu_loss, relu_mask_from_output, relu_data, relu_positive)


def bias_averaged(p, b, wrong):
    # https://github.com/kvfrans/notes/issues/5
    z, hidden, delta = _relu(p, b)
    back = (delta @ p["v"].T) * (z > 0)
    reduce = np.mean if wrong else np.sum
    return {"w": b["x"].T @ back, "c": reduce(back, axis=0), "v": hidden.T @ delta}


def one_example(seed):
    params, batch = relu_data(seed)
    return params, {name: array[:1] for name, array in batch.items()}


case(relu_loss, bias_averaged, relu_data, one_example)


def not_carried_back_twice(p, b, wrong):
    # Code with loops that fills arrays of its own, as textbooks write it.
    grad = {name: np.zeros(array.shape) for name, array in p.items()}
    for x, y in zip(b["x"], b["y"], strict=True):
        z = np.zeros(4)
        for j in range(4):
            for i in range(3):
                z[j] += x[i] * p["w"][i, j]
            z[j] += p["c"][j]
        hidden = np.where(z > 0, z, 0)
        delta = 2 * (hidden @ p["v"] - y) / b["y"].size
        grad["v"] += np.outer(hidden, delta)
        back = (p["v"] @ delta) * (1.0 if wrong else (z > 0))
        grad["w"] += np.outer(x, back)
        grad["c"] += back
    return grad


case(relu_loss, not_carried_back_twice, relu_data)


# -------------------------------------------------------------------- embeddings and ties


def embedding_loss(xp, p, b):
    return xp.sum((xp.tanh(xp.take(p["table"], b["words"], axis=0)) @ p["w"] - b["y"]) ** 2)


def embedding_data(seed):
    r = rng(seed)
    words = np.array([1, 4, 1, 0, 1])
    return {"table": r.normal(size=(5, 3)), "w": r.normal(size=3)}, {"words": words, "y": r.normal(size=5)}


def embedding_distinct(seed):
    params, batch = embedding_data(seed)
    return params, {**batch, "words": np.array([1, 4, 3, 0, 2])}


def duplicates_overwritten(p, b, wrong):
    # https://github.com/HIPS/autograd/issues/39
    rows = np.tanh(p["table"][b["words"]])
    delta = 2 * (rows @ p["w"] - b["y"])
    back = delta[:, None] * p["w"] * (1 - rows**2)
    table = np.zeros_like(p["table"])
    if wrong:
        table[b["words"]] += back
    else:
        np.add.at(table, b["words"], back)
    return {"table": table, "w": rows.T @ delta}


case(embedding_loss, duplicates_overwritten, embedding_data, embedding_distinct)


def pool_loss(xp, p, b):
    return xp.sum(b["c"] * xp.max(p["x"], axis=1))


def pool_tied(seed):
    r = rng(seed)
    x = r.normal(size=(3, 4))
    x[:, 1] = x[:, 3] = x.max(axis=1) + 0.5
    return {"x": x}, {"c": r.uniform(0.5, 2.0, size=3)}


def pool_distinct(seed):
    params, batch = pool_tied(seed)
    params["x"][:, 3] -= 0.3
    return params, batch


def ties_get_full_credit(p, b, wrong):
    # https://github.com/chelsea0x3b/dfdx/issues/111
    tied = (p["x"] == p["x"].max(axis=1, keepdims=True)).astype(float)
    return {"x": b["c"][:, None] * (tied if wrong else tied / tied.sum(axis=1, keepdims=True))}


case(pool_loss, ties_get_full_credit, pool_tied, pool_distinct)


# -------------------------------------------------------------------- recurrence, normalisation, softmax


def recurrent_loss(xp, p, b):
    h = xp.tanh(b["x"] @ p["u"] + b["h"] @ p["w"])
    return 0.5 * xp.sum((h - b["y"]) ** 2)


def recurrent_data(seed):
    r = rng(seed)
    params = {"u": r.normal(size=(2, 3)), "w": r.normal(size=(3, 3))}
    batch = {name: r.normal(size=shape) for name, shape in (("x", (4, 2)), ("h", (4, 3)), ("y", (4, 3)))}
    return params, batch


def recurrent_from_zeros(seed):
    params, batch = recurrent_data(seed)
    return params, {**batch, "h": np.zeros((4, 3))}


def term_of_the_state_missing(p, b, wrong):
    h = np.tanh(b["x"] @ p["u"] + b["h"] @ p["w"])
    back = (h - b["y"]) * (1 - h**2)
    return {"u": b["x"].T @ back, "w": np.zeros_like(p["w"]) if wrong else b["h"].T @ back}


case(recurrent_loss, term_of_the_state_missing, recurrent_data, recurrent_from_zeros)


def norm_loss(xp, p, b):
    centred = b["x"] - xp.mean(b["x"], axis=1, keepdims=True)
    scaled = centred / xp.sqrt(xp.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return xp.sum((scaled * p["gain"] + p["shift"] - b["y"]) ** 2)


def norm_data(seed):
    r = rng(seed)
    params = {"gain": r.normal(size=4), "shift": r.normal(size=4)}
    return params, {"x": r.normal(size=(3, 4)), "y": r.normal(size=(3, 4))}


def gain_and_shift_swapped(p, b, wrong):
    # https://github.com/Oneflow-Inc/oneflow/pull/6149
    scaled = (b["x"] - b["x"].mean(axis=1, keepdims=True)) / np.sqrt(b["x"].var(axis=1, keepdims=True) + 1e-5)
    delta = 2 * (scaled * p["gain"] + p["shift"] - b["y"])
    gain, shift = (delta * scaled).sum(axis=0), delta.sum(axis=0)
    return {"gain": shift, "shift": gain} if wrong else {"gain": gain, "shift": shift}


case(norm_loss, gain_and_shift_swapped, norm_data)


def classifier_loss(xp, p, b):
    return xp.nn.cross_entropy(b["x"] @ p["w"], b["labels"]) + 5e-4 * xp.sum(p["w"] ** 2)


def classifier_data(seed):
    r = rng(seed)
    return {"w": r.normal(size=(4, 3))}, {"x": r.normal(size=(6, 4)), "labels": r.integers(0, 3, size=6)}


def weight_decay_halved(p, b, wrong):
    # https://github.com/jingtinghuang/CS231n-Spring-2017/issues/3
    z = b["x"] @ p["w"]
    probability = np.exp(z - z.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    probability[np.arange(len(z)), b["labels"]] -= 1
    return {"w": b["x"].T @ probability / len(z) + (5e-4 if wrong else 2 * 5e-4) * p["w"]}


case(classifier_loss, weight_decay_halved, classifier_data)


def logistic_loss(xp, p, b):
    return xp.nn.binary_cross_entropy_with_logits(b["x"] @ p["w"], b["y"])


def logistic_data(seed):
    r = rng(seed)
    return {"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "y": r.integers(0, 2, size=6).astype(float)}


def logistic_single(seed):
    params, batch = logistic_data(seed)
    return params, {name: array[:1] for name, array in batch.items()}


def mean_forgotten(p, b, wrong):
    # https://github.com/eriklindernoren/ML-From-Scratch/pull/135
    z = b["x"] @ p["w"]
    a = np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))
    return {"w": b["x"].T @ (a - b["y"]) / (1 if wrong else len(z))}


case(logistic_loss, mean_forgotten, logistic_data, logistic_single)
