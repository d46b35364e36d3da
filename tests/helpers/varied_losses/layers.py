"""Recurrent and convolutional layers."""

import numpy as np

from varied_losses.case import case, normal, sigmoid


@case(
    {"wz": normal(5, 3), "wr": normal(5, 3), "wh": normal(5, 3)},
    {"x": normal(4, 6, 2), "y": normal(6, 3), "h0": normal(6, 3)},
)
def gru_forgets_the_reset_gate_in_what_it_carries():
    """What goes back through the candidate to h is not multiplied by r."""

    def loss(xp, p, b):
        h = b["h0"]
        for t in range(4):
            x = b["x"][t, ...]
            joined = xp.concat([x, h], axis=1)
            z, r = xp.nn.sigmoid(joined @ p["wz"]), xp.nn.sigmoid(joined @ p["wr"])
            candidate = xp.tanh(xp.concat([x, r * h], axis=1) @ p["wh"])
            h = (1 - z) * h + z * candidate
        return 0.5 * xp.sum((h - b["y"]) ** 2)

    def gradient(p, b, wrong):
        h, kept = b["h0"], []
        for t in range(4):
            x = b["x"][t]
            joined = np.concatenate([x, h], 1)
            z, r = sigmoid(joined @ p["wz"]), sigmoid(joined @ p["wr"])
            other = np.concatenate([x, r * h], 1)
            c = np.tanh(other @ p["wh"])
            kept.append((h, joined, z, r, other, c))
            h = (1 - z) * h + z * c
        g = {name: 0 * w for name, w in p.items()}
        dh = h - b["y"]
        for h, joined, z, r, other, c in reversed(kept):
            dc = dh * z * (1 - c * c)
            dother = dc @ p["wh"].T
            dr = dother[:, 2:] * h * r * (1 - r)
            dz = dh * (c - h) * z * (1 - z)
            g["wh"] = g["wh"] + other.T @ dc
            g["wz"] = g["wz"] + joined.T @ dz
            g["wr"] = g["wr"] + joined.T @ dr
            through = dother[:, 2:] if wrong else dother[:, 2:] * r
            dh = dh * (1 - z) + through + (dz @ p["wz"].T + dr @ p["wr"].T)[:, 2:]
        return g

    return loss, gradient


@case({"k": normal(3, 3), "v": normal(5)}, {"x": normal(4, 7, 7), "y": normal(4, 5)})
def convolution_with_an_unflipped_kernel():
    """The second layer's input gets its kernel unflipped on the way back."""

    def loss(xp, p, b):
        x = b["x"]
        out = sum(x[:, i : i + 5, j : j + 5] * p["k"][i, j] for i in range(3) for j in range(3))
        h = xp.tanh(xp.mean(out, axis=2))
        s = sum(h[:, i : i + 1] * p["v"][4 - i] for i in range(5))
        return 0.5 * xp.sum((xp.sin(s) - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = b["x"]
        out = sum(x[:, i : i + 5, j : j + 5] * p["k"][i, j] for i in range(3) for j in range(3))
        h = np.tanh(out.mean(2))
        v = p["v"][::-1]
        s = (h * v).sum(1, keepdims=True)
        ds = ((np.sin(s) - b["y"]) * np.cos(s)).sum(1, keepdims=True)
        dh = ds * (p["v"] if wrong else v)
        dout = np.repeat((dh * (1 - h * h))[:, :, None], 5, axis=2) / 5
        dk = [[(dout * x[:, i : i + 5, j : j + 5]).sum() for j in range(3)] for i in range(3)]
        return {"k": np.stack([np.stack(row) for row in dk]), "v": (h * ds).sum(0)[::-1]}

    return loss, gradient


@case({"k": normal(2, 3), "w": normal(2, 4)}, {"x": normal(3, 10), "y": normal(3, 4)})
def strided_convolution_with_stride_one():
    """The gradient of the filters reads the input at stride 1 where the loss has stride 2."""

    def loss(xp, p, b):
        windows = xp.stack([b["x"][:, i : i + 7 : 2] for i in range(3)], axis=2)
        h = xp.nn.relu(windows @ xp.matrix_transpose(p["k"]))
        pooled = xp.mean(h, axis=1)
        return 0.5 * xp.sum((pooled @ p["w"] - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = b["x"]
        windows = np.stack([x[:, i : i + 7 : 2] for i in range(3)], axis=2)
        z = windows @ p["k"].T
        h = np.where(z > 0, z, 0 * z)
        pooled = h.mean(1)
        e = pooled @ p["w"] - b["y"]
        dh = (e @ p["w"].T)[:, None, :] * (z > 0) / 4
        used = np.stack([x[:, i : i + 4] for i in range(3)], axis=2) if wrong else windows
        return {"k": np.einsum("btf,bti->fi", dh, used), "w": pooled.T @ e}

    return loss, gradient
