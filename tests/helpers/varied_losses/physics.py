"""Physics and differential equations."""

import numpy as np

from varied_losses.case import case, normal


@case({"k": np.array(1.3), "c": np.array(0.2), "x0": normal(2)}, {"y": normal(12)})
def leapfrog_with_the_old_position():
    """The second half step of the velocity is differentiated at the old position."""

    def loss(xp, p, b):
        x, v, total = p["x0"][0], p["x0"][1], 0.0
        for i in range(12):
            v = v - 0.05 * (p["k"] * xp.sin(x) + p["c"] * v)
            x = x + 0.1 * v
            total = total + 0.5 * (x - b["y"][i]) ** 2
        return total

    def gradient(p, b, wrong):
        x, v = p["x0"][0], p["x0"][1]
        old = []
        xs = []
        for _ in range(12):
            old.append((x, v))
            v = v - 0.05 * (p["k"] * np.sin(x) + p["c"] * v)
            x = x + 0.1 * v
            xs.append(x)
        zero = 0 * p["k"]
        gx, gv, gk, gc = zero, zero, zero, zero
        for i in range(11, -1, -1):
            gx = gx + xs[i] - b["y"][i]
            gv = gv + 0.1 * gx
            x, v = old[i]
            at = xs[i] if wrong else x
            gk = gk - 0.05 * np.sin(x) * gv
            gc = gc - 0.05 * v * gv
            gx = gx - 0.05 * p["k"] * np.cos(at) * gv
            gv = gv - 0.05 * p["c"] * gv
        return {"k": gk, "c": gc, "x0": np.stack([gx, gv])}

    return loss, gradient


@case({"x": normal(6, 3) * 2})
def lennard_jones_without_the_chain_of_the_root():
    """dE/dr of 1/r¹² is written as if the energy were a function of r²."""

    def loss(xp, p, _):
        i, j = [0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 4, 5]
        apart = p["x"][i, :] - p["x"][j, :]
        r = xp.sqrt(xp.sum(apart * apart, axis=1))
        s = 1.0 / r
        return 4 * xp.sum(s**12 - s**6)

    def gradient(p, _, wrong):
        i, j = [0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 4, 5]
        apart = p["x"][i] - p["x"][j]
        r = np.sqrt((apart * apart).sum(1))
        slope = 4 * (-12 / r**13 + 6 / r**7)
        force = slope[:, None] * apart if wrong else (slope / r)[:, None] * apart
        g = 0 * p["x"]
        np.add.at(g, i, force)
        np.add.at(g, j, -force)
        return {"x": g}

    return loss, gradient


@case({"w": normal(2, 2) * 0.3, "b": normal(2)}, {"x": normal(5, 2), "y": normal(5, 2)})
def runge_kutta_without_the_inner_stages():
    """The way back through a step of Heun's method does not go through the first stage inside the second."""

    def loss(xp, p, b):
        x = b["x"]
        for _ in range(3):
            k1 = xp.tanh(x @ p["w"] + p["b"])
            k2 = xp.tanh((x + 0.2 * k1) @ p["w"] + p["b"])
            x = x + 0.1 * (k1 + k2)
        return 0.5 * xp.sum((x - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x, kept = b["x"], []
        for _ in range(3):
            k1 = np.tanh(x @ p["w"] + p["b"])
            inner = x + 0.2 * k1
            k2 = np.tanh(inner @ p["w"] + p["b"])
            kept.append((x, k1, inner, k2))
            x = x + 0.1 * (k1 + k2)
        g = {name: 0 * w for name, w in p.items()}
        dx = x - b["y"]
        for x, k1, inner, k2 in reversed(kept):
            d2 = 0.1 * dx * (1 - k2 * k2)
            dinner = d2 @ p["w"].T
            d1 = (0.1 * dx if wrong else 0.1 * dx + 0.2 * dinner) * (1 - k1 * k1)
            g["w"] = g["w"] + inner.T @ d2 + x.T @ d1
            g["b"] = g["b"] + d2.sum(0) + d1.sum(0)
            dx = dx + dinner + d1 @ p["w"].T
        return g

    return loss, gradient


@case({"u": normal(9), "nu": np.array(0.3)}, {"f": normal(9)})
def burgers_with_a_wrong_adjoint_of_the_difference():
    """The adjoint of a periodic central difference is its negative; the sign is kept."""

    def loss(xp, p, b):
        u = p["u"]
        slope = (xp.roll(u, -1) - xp.roll(u, 1)) / 2
        bend = xp.roll(u, -1) - 2 * u + xp.roll(u, 1)
        r = u * slope - p["nu"] * bend - b["f"]
        return 0.5 * xp.sum(r * r)

    def gradient(p, b, wrong):
        u = p["u"]

        def d(v):
            return (np.roll(v, -1) - np.roll(v, 1)) / 2

        bend = np.roll(u, -1) - 2 * u + np.roll(u, 1)
        r = u * d(u) - p["nu"] * bend - b["f"]
        back = d(r * u) if wrong else -d(r * u)
        laplace = np.roll(r, -1) - 2 * r + np.roll(r, 1)
        return {"u": r * d(u) + back - p["nu"] * laplace, "nu": -(r * bend).sum()}

    return loss, gradient
