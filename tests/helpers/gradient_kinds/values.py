"""Gradients that are right of the values that labels and masks have."""
# ruff: noqa: ARG001, ARG005 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds

KINDS = Kinds()
kind = KINDS.add


def margin_loss(xp, p, b):
    return 0.5 * xp.sum((1.0 - b["y"] * (b["x"] @ p["w"])) ** 2)


def margin_gradient(p, b):  # y² = 1
    return {"w": b["x"].T @ (b["x"] @ p["w"] - b["y"])}


def labelled(values, dtype=float, n=6):
    def data(r):
        y = r.choice(values, size=n)
        y[: len(values)] = values
        return {"w": r.normal(size=3)}, {"x": r.normal(size=(n, 3)), "y": y.astype(dtype)}

    return data


def mask_loss(xp, p, b):
    return 0.5 * xp.sum((b["y"] * (b["x"] @ p["w"])) ** 2)


def mask_gradient(value):
    return lambda p, b: {"w": value * b["x"].T @ (b["y"] * (b["x"] @ p["w"]))}


kind("labels of ±1", margin_loss, margin_gradient, labelled([-1, 1]), "-1 or 1")
kind("integer labels of ±1", margin_loss, margin_gradient, labelled([-1, 1], int))
kind("labels that all are -1", margin_loss, margin_gradient, labelled([-1]), "-1 or 1")
kind("labels that all are 1", margin_loss, margin_gradient, labelled([1]), "-1 or 1")
kind("a mask of 0 and 1", mask_loss, mask_gradient(1), labelled([0, 1]), "0 or 1")
kind("a boolean mask", mask_loss, mask_gradient(1), labelled([0, 1], bool))
kind("a mask of 0 and 2", mask_loss, mask_gradient(2), labelled([0, 2]), "y")
kind(
    "-1, 0 and 1",
    lambda xp, p, b: xp.sum(b["y"] ** 3 * (b["x"] @ p["w"])),
    lambda p, b: {"w": b["x"].T @ b["y"]},
    labelled([-1, 0, 1]),
    "-1, 0 or 1",
)
kind(
    "float class labels",
    lambda xp, p, b: (
        xp.sum(b["y"] * (b["y"] - 1) * (b["y"] - 2) * (b["x"] @ p["w"])) + 0.5 * xp.sum(p["w"] ** 2)
    ),
    lambda p, b: {"w": p["w"]},
    labelled([0, 1, 2]),
    "y",
)
kind("a mask of ones", mask_loss, mask_gradient(1), labelled([1]), "0 or 1")


def sparse_gradient(p, b):
    return {"w": np.where(b["a"] != 0, p["w"] * b["a"], 0)}


def sparse(r):
    a = r.normal(size=(4, 4)) * (r.random(size=(4, 4)) < 0.5)
    a[0, 0], a[0, 1] = 0.0, 1.5
    return {"w": r.normal(size=(4, 4))}, {"a": a}


kind("a sparse array", lambda xp, p, b: 0.5 * xp.sum(b["a"] * p["w"] ** 2), sparse_gradient, sparse)


def some_mask_loss(xp, p, b):
    return xp.sum(xp.sum(b["m"] * b["x"] * p["w"], axis=1) / xp.sum(b["m"], axis=1))


def some_mask_gradient(p, b):
    return {"w": (b["m"] * b["x"] / b["m"].sum(axis=1, keepdims=True)).sum(axis=0)}


def some_mask(r):
    m = (r.random(size=(5, 3)) < 0.4).astype(float)
    m[:, 1] = 1 - (m[:, 0] + m[:, 2] > 0)
    m[0] = [1, 1, 0]
    return {"w": r.normal(size=3)}, {"x": r.normal(size=(5, 3)), "m": m}


kind("a mask that keeps at least one", some_mask_loss, some_mask_gradient, some_mask)
