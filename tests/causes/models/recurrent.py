"""Recurrent networks over several steps.

Sources of the mistakes: Karpathy's min-char-rnn and its copies; the issues of from-scratch LSTMs and GRUs.
"""

from typing import ClassVar

import numpy as np


def s(z):
    return 1.0 / (1.0 + np.exp(-z))


class Rnn:
    """tanh RNN over four steps, an output at each."""

    BUGS: ClassVar = {
        "not carried": ("path-not-carried-back", "h @ p"),
        "carried without tanh'": ("derivative-left-out", ""),
        "W from h_t": ("wrong-operand", "h @ p"),
        "overwritten": ("accumulation-overwritten", ""),
        "only the last output": ("path-not-carried-back", None),
        "untransposed": ("transposed", "h @ p"),
        "mean over steps": ("constant-factor", ""),
        "tanh at input": ("derivative-at-input", "xp.tanh"),
    }

    @staticmethod
    def make(r):
        params = {
            "U": r.normal(size=(2, 3)),
            "W": r.normal(size=(3, 3)) * 0.6,
            "b": r.normal(size=3),
            "V": r.normal(size=(3, 2)),
        }
        return params, {
            "x": r.normal(size=(4, 5, 2)),
            "y": r.normal(size=(4, 5, 2)),
            "h0": r.normal(size=(5, 3)),
        }

    @staticmethod
    def loss(xp, p, b):
        h, total = b["h0"], 0.0
        for t in range(4):
            h = xp.tanh(b["x"][t, ...] @ p["U"] + h @ p["W"] + p["b"])
            total = total + 0.5 * xp.sum((h @ p["V"] - b["y"][t, ...]) ** 2)
        return total

    @staticmethod
    def gradient(p, b, bug=""):
        h, z = [b["h0"]], []
        for t in range(4):
            z.append(b["x"][t] @ p["U"] + h[-1] @ p["W"] + p["b"])
            h.append(np.tanh(z[-1]))
        g = {n: v * 0 for n, v in p.items()}
        carried = h[0] * 0
        for t in (3, 2, 1, 0):
            e = h[t + 1] @ p["V"] - b["y"][t]
            slope = 1 - h[t + 1] ** 2
            if bug == "tanh at input":
                slope = 1 - z[t] ** 2
            out = e @ p["V"].T
            if bug == "only the last output" and t < 3:
                out = out * 0
            total = out + carried
            dz = total * slope
            if bug == "carried without tanh'":
                carried = total @ p["W"].T
            elif bug == "untransposed":
                carried = dz @ p["W"]
            elif bug != "not carried":
                carried = dz @ p["W"].T
            left = h[t + 1] if bug == "W from h_t" else h[t]
            new = {"V": h[t + 1].T @ e, "U": b["x"][t].T @ dz, "W": left.T @ dz, "b": dz.sum(0)}
            for n, v in new.items():
                g[n] = v if bug == "overwritten" else g[n] + v
        if bug == "mean over steps":
            g = {n: v / 4 for n, v in g.items()}
        return g


class Lstm:
    """An LSTM over two steps with one matrix per gate."""

    BUGS: ClassVar = {
        "cell not carried": ("path-not-carried-back", "f * c"),
        "tanh of the cell left out": ("derivative-left-out", "xp.tanh(c)"),
        "o from c": ("wrong-operand", "o * xp.tanh"),
        "candidate as sigmoid": ("derivative-of-another-function", "Wg"),
        "input gate as tanh": ("derivative-of-another-function", "Wi"),
        "input and forget swapped": ("parameters-swapped", ""),
        "forget from new cell": ("wrong-operand", "f * c"),
        "hidden not carried": (None, None),
    }

    @staticmethod
    def make(r):
        params = {n: r.normal(size=(5, 3)) * 0.7 for n in ("Wi", "Wf", "Wo", "Wg")}
        batch = {"x": r.normal(size=(2, 4, 2)), "y": r.normal(size=(4, 3))}
        return params, batch | {"h0": r.normal(size=(4, 3)), "c0": r.normal(size=(4, 3))}

    @staticmethod
    def loss(xp, p, b):
        h, c = b["h0"], b["c0"]
        for t in range(2):
            u = xp.concat([h, b["x"][t, ...]], axis=1)
            i = xp.nn.sigmoid(u @ p["Wi"])
            f = xp.nn.sigmoid(u @ p["Wf"])
            o = xp.nn.sigmoid(u @ p["Wo"])
            g = xp.tanh(u @ p["Wg"])
            c = f * c + i * g
            h = o * xp.tanh(c)
        return 0.5 * xp.sum((h - b["y"]) ** 2)

    @staticmethod
    def gradient(p, b, bug=""):
        h, c, saved = b["h0"], b["c0"], []
        for t in range(2):
            u = np.concatenate([h, b["x"][t]], axis=1)
            i, f, o = s(u @ p["Wi"]), s(u @ p["Wf"]), s(u @ p["Wo"])
            g = np.tanh(u @ p["Wg"])
            before, c = c, f * c + i * g
            saved.append((u, i, f, o, g, before, c))
            h = o * np.tanh(c)
        out = {n: v * 0 for n, v in p.items()}
        dh, dc = h - b["y"], h * 0
        for u, i, f, o, g, before, c in reversed(saved):
            tc = np.tanh(c)
            do = dh * (c if bug == "o from c" else tc)
            dc = dc + dh * o * (1 if bug == "tanh of the cell left out" else 1 - tc * tc)
            df, di, dg = dc * (c if bug == "forget from new cell" else before), dc * g, dc * i
            slope_g = g * (1 - g) if bug == "candidate as sigmoid" else 1 - g * g
            slope_i = 1 - i * i if bug == "input gate as tanh" else i * (1 - i)
            deltas = {"Wi": di * slope_i, "Wf": df * f * (1 - f), "Wo": do * o * (1 - o), "Wg": dg * slope_g}
            du = sum(d @ p[n].T for n, d in deltas.items())
            for n, d in deltas.items():
                out[n] = out[n] + u.T @ d
            dh = du[:, :3] * (0 if bug == "hidden not carried" else 1)
            dc = dc * f * (0 if bug == "cell not carried" else 1)
        if bug == "input and forget swapped":
            out["Wi"], out["Wf"] = out["Wf"], out["Wi"]
        return out


class Gru:
    """One step of a GRU."""

    BUGS: ClassVar = {
        "gate exchanged": (None, "z * n"),
        "reset left out of the path": (None, None),
        "candidate without tanh'": ("derivative-left-out", "xp.tanh"),
        "update gate's sign": ("sign", None),
        "previous state's direct path left out": ("path-not-carried-back", "z) * h"),
    }

    @staticmethod
    def make(r):
        params = {n: r.normal(size=(3, 3)) * 0.7 for n in ("Wz", "Wr", "Wn", "h")}
        return params, {"y": r.normal(size=(3, 3))}

    @staticmethod
    def loss(xp, p, b):
        h = xp.tanh(p["h"])
        z = xp.nn.sigmoid(h @ p["Wz"])
        r = xp.nn.sigmoid(h @ p["Wr"])
        n = xp.tanh((r * h) @ p["Wn"])
        new = (1 - z) * h + z * n
        return xp.sum((new - b["y"]) ** 2)

    @staticmethod
    def gradient(p, b, bug=""):
        h = np.tanh(p["h"])
        z, r = s(h @ p["Wz"]), s(h @ p["Wr"])
        n = np.tanh((r * h) @ p["Wn"])
        d = 2 * ((1 - z) * h + z * n - b["y"])
        dn = d * (1 - z if bug == "gate exchanged" else z)
        dn = dn * (1 if bug == "candidate without tanh'" else 1 - n * n)
        dz = d * (h - n if bug == "update gate's sign" else n - h) * z * (1 - z)
        drh = dn @ p["Wn"].T
        dr = drh * h * r * (1 - r)
        dh = drh * (1 if bug == "reset left out of the path" else r) + dz @ p["Wz"].T + dr @ p["Wr"].T
        if bug != "previous state's direct path left out":
            dh = dh + d * (1 - z)
        return {"Wz": h.T @ dz, "Wr": h.T @ dr, "Wn": (r * h).T @ dn, "h": dh * (1 - h * h)}


MODELS = [Rnn, Lstm, Gru]
