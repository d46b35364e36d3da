"""Optimizers as papers and manuals write them, line by line, in mpmath: none of gradproof's code is used.

Each rule is called as rule(w, g, s, t, lr, p) with lists of numbers for one parameter, its state by entry,
the number of the step from 1, the learning rate and the settings. It gives the weights and the state after.
"""

from typing import Any

from mpmath import mpf, sqrt

Numbers = list[Any]
State = dict[str, Any]


def l2(w: Numbers, g: Numbers, weight_decay: Any) -> Numbers:
    return [gi + weight_decay * wi for wi, gi in zip(w, g, strict=True)]


def mixed(beta: Any, m: Numbers, g: Numbers) -> Numbers:
    return [beta * mi + (1 - beta) * gi for mi, gi in zip(m, g, strict=True)]


def squares(g: Numbers) -> Numbers:
    return [gi * gi for gi in g]


def sgd(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    g = l2(w, g, p.weight_decay)
    if p.momentum == 0:
        return [wi - lr * gi for wi, gi in zip(w, g, strict=True)], {}
    if t == 1:
        b = g
    else:
        b = [p.momentum * bi + (1 - p.dampening) * gi for bi, gi in zip(s["momentum"], g, strict=True)]
    d = [gi + p.momentum * bi for gi, bi in zip(g, b, strict=True)] if p.nesterov else b
    return [wi - lr * di for wi, di in zip(w, d, strict=True)], {"momentum": b}


def rooted(v: Any, share: Any, epsilon: Any, place: str) -> Any:
    if place == "outside":
        return sqrt(v / share) + epsilon
    if place == "inside":
        return sqrt(v / share + epsilon)
    return (sqrt(v) + epsilon) / sqrt(share)


def adam(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    if p.decoupled:
        w = [wi * (1 - lr * p.weight_decay) for wi in w]
    else:
        g = l2(w, g, p.weight_decay)
    m = mixed(p.beta1, s["first_moment"], g)
    v = mixed(p.beta2, s["second_moment"], squares(g))
    kept = {"first_moment": m, "second_moment": v}
    one = mpf(1)
    c1 = 1 - p.beta1**t if p.correct_first else one
    c2 = 1 - p.beta2**t if p.correct_second else one
    c1_next = 1 - p.beta1 ** (t + 1) if p.correct_first else one
    after = []
    greatest = []
    for i, wi in enumerate(w):
        m_hat = m[i] / c1
        if p.nesterov:
            m_hat = p.beta1 * m[i] / c1_next + (1 - p.beta1) * g[i] / c1
        root = rooted(v[i], c2, p.epsilon, p.epsilon_place)
        if p.amsgrad == "moment":
            greatest.append(max(s["greatest_moment"][i], v[i]))
            root = rooted(greatest[i], c2, p.epsilon, p.epsilon_place)
        if p.amsgrad == "corrected":
            greatest.append(max(s["greatest_moment"][i], v[i] / c2))
            root = rooted(greatest[i], one, p.epsilon, p.epsilon_place)
        after.append(wi - lr * m_hat / root)
    return after, {**kept, "greatest_moment": greatest} if p.amsgrad else kept


def nadam(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    if p.decoupled:
        w = [wi * (1 - lr * p.weight_decay) for wi in w]
    else:
        g = l2(w, g, p.weight_decay)
    base = mpf(0.96)
    mu = p.beta1 * (1 - base ** (t * p.momentum_decay) / 2)
    mu_next = p.beta1 * (1 - base ** ((t + 1) * p.momentum_decay) / 2)
    product = s["momentum_product"][0] * mu
    m = mixed(p.beta1, s["first_moment"], g)
    v = mixed(p.beta2, s["second_moment"], squares(g))
    after = []
    for i, wi in enumerate(w):
        m_hat = mu_next * m[i] / (1 - product * mu_next) + (1 - mu) * g[i] / (1 - product)
        after.append(wi - lr * m_hat / (sqrt(v[i] / (1 - p.beta2**t)) + p.epsilon))
    return after, {"first_moment": m, "second_moment": v, "momentum_product": [product]}


def radam(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    if p.decoupled:
        w = [wi * (1 - lr * p.weight_decay) for wi in w]
    else:
        g = l2(w, g, p.weight_decay)
    m = mixed(p.beta1, s["first_moment"], g)
    v = mixed(p.beta2, s["second_moment"], squares(g))
    rho_inf = 2 / (1 - p.beta2) - 1
    rho = rho_inf - 2 * t * p.beta2**t / (1 - p.beta2**t)
    after = []
    for i, wi in enumerate(w):
        m_hat = m[i] / (1 - p.beta1**t)
        if p.nesterov:
            m_hat = p.beta1 * m[i] / (1 - p.beta1 ** (t + 1)) + (1 - p.beta1) * g[i] / (1 - p.beta1**t)
        if rho > p.threshold:
            r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            after.append(wi - lr * r * m_hat / rooted(v[i], 1 - p.beta2**t, p.epsilon, p.epsilon_place))
        else:
            after.append(wi - lr * m_hat)
    return after, {"first_moment": m, "second_moment": v}


def adamax(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    g = l2(w, g, p.weight_decay)
    m = mixed(p.beta1, s["first_moment"], g)
    u = [max(p.beta2 * ui, abs(gi) + p.epsilon) for ui, gi in zip(s["greatest_gradient"], g, strict=True)]
    after = [wi - lr / (1 - p.beta1**t) * mi / ui for wi, mi, ui in zip(w, m, u, strict=True)]
    return after, {"first_moment": m, "greatest_gradient": u}


def rmsprop(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    g = l2(w, g, p.weight_decay)
    v = mixed(p.decay, s["second_moment"], squares(g))
    kept = {"second_moment": v}
    share = 1 - p.decay**t if p.correct else mpf(1)
    under = [vi / share for vi in v]
    if p.centered:
        m = kept["first_moment"] = mixed(p.decay, s["first_moment"], g)
        under = [each - (mi / share) ** 2 for each, mi in zip(under, m, strict=True)]
    moved = [gi / rooted(each, mpf(1), p.epsilon, p.epsilon_place) for gi, each in zip(g, under, strict=True)]
    if p.momentum == 0:
        return [wi - lr * di for wi, di in zip(w, moved, strict=True)], kept
    if p.momentum_of == "step":
        moved = [lr * di for di in moved]
    b = kept["momentum"] = [p.momentum * bi + di for bi, di in zip(s["momentum"], moved, strict=True)]
    if p.nesterov:
        b = [di + p.momentum * bi for di, bi in zip(moved, b, strict=True)]
    rate = mpf(1) if p.momentum_of == "step" else lr
    return [wi - rate * bi for wi, bi in zip(w, b, strict=True)], kept


def adagrad(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    g = l2(w, g, p.weight_decay)
    total = [si + gi * gi for si, gi in zip(s["sum_of_squares"], g, strict=True)]
    rate = lr / (1 + (t - 1) * p.learning_rate_decay)
    roots = [rooted(each, mpf(1), p.epsilon, p.epsilon_place) for each in total]
    return [wi - rate * gi / ri for wi, gi, ri in zip(w, g, roots, strict=True)], {"sum_of_squares": total}


def adadelta(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    del t
    g = l2(w, g, p.weight_decay)
    v = mixed(p.decay, s["second_moment"], squares(g))
    delta = [
        sqrt(di + p.epsilon) / sqrt(vi + p.epsilon) * gi
        for di, vi, gi in zip(s["squared_step"], v, g, strict=True)
    ]
    d = mixed(p.decay, s["squared_step"], squares(delta))
    after = [wi - lr * each for wi, each in zip(w, delta, strict=True)]
    return after, {"second_moment": v, "squared_step": d}


def lion(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    del t
    c = mixed(p.beta1, s["momentum"], g)
    signs = [(ci > 0) - (ci < 0) for ci in c]
    after = [wi - lr * (sign + p.weight_decay * wi) for wi, sign in zip(w, signs, strict=True)]
    return after, {"momentum": mixed(p.beta2, s["momentum"], g)}


def lamb(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    m = mixed(p.beta1, s["first_moment"], g)
    v = mixed(p.beta2, s["second_moment"], squares(g))
    r = [
        (mi / (1 - p.beta1**t)) / rooted(vi, 1 - p.beta2**t, p.epsilon, p.epsilon_place) + p.weight_decay * wi
        for wi, mi, vi in zip(w, m, v, strict=True)
    ]
    size, length = (sqrt(sum(squares(each))) for each in (w, r))
    trust = size / length if size != 0 and length != 0 else mpf(1)
    after = [wi - lr * trust * ri for wi, ri in zip(w, r, strict=True)]
    return after, {"first_moment": m, "second_moment": v}


def product(a: list[Numbers], b: list[Numbers]) -> list[Numbers]:
    return [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]


def transposed(a: list[Numbers]) -> list[Numbers]:
    return [list(row) for row in zip(*a, strict=True)]


def muon(w: Numbers, g: Numbers, s: State, t: int, lr: Any, p: Any) -> tuple[Numbers, State]:
    rows, columns = p.shape
    a, b, c = p.coefficients
    m = mixed(p.momentum, s["momentum"], g)
    c_now = 1 - p.momentum**t if p.correct else mpf(1)
    c_next = 1 - p.momentum ** (t + 1) if p.correct else mpf(1)
    aim = [mi / c_now for mi in m]
    if p.nesterov:
        aim = [p.momentum * mi / c_next + (1 - p.momentum) * gi / c_now for mi, gi in zip(m, g, strict=True)]
    norm = sqrt(sum(squares(aim)))
    norm = norm + p.epsilon if p.epsilon_place == "added" else max(norm, p.epsilon)
    x = [[aim[row * columns + column] / norm for column in range(columns)] for row in range(rows)]
    if rows > columns:
        x = transposed(x)
    for _ in range(p.iterations):
        gram = product(x, transposed(x))
        twice = product(gram, gram)
        side = range(len(gram))
        polynomial = [[b * gram[i][j] + c * twice[i][j] for j in side] for i in side]
        added = product(polynomial, x)
        x = [[a * x[i][j] + added[i][j] for j in range(len(x[0]))] for i in side]
    if rows > columns:
        x = transposed(x)
    factor = {
        "rows": sqrt(max(mpf(1), mpf(rows) / columns)),
        "columns": sqrt(max(mpf(1), mpf(columns) / rows)),
        "side": p.root_mean_square * sqrt(max(rows, columns)),
    }[p.scale]
    flat = [factor * each for row in x for each in row]
    return [wi - lr * (di + p.weight_decay * wi) for wi, di in zip(w, flat, strict=True)], {"momentum": m}
