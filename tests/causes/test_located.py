"""A fault that has no name is located: proven where that can be, bounded else, and never at a wrong place."""
# ruff: noqa: ARG005 - all terms of derivatives have the same parameters, whether or not they need them

import inspect
from functools import partial

import numpy as np
import pytest
from certified_gradients import KIND, certified
from hypothesis import given, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import differentiate
from gradproof.verdicts.causes import search_cause
from gradproof.verdicts.causes.graph import Changed, Graph
from gradproof.verdicts.causes.search.again import Again, SecondPoint
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.located import located
from gradproof.verdicts.hand_derived import check_formula
from gradproof.verdicts.judging.claimed import Place


def line_of(function, text):
    """The line of a function that holds a text, as places write it."""
    lines, first = inspect.getsourcelines(function)
    [found] = [first + i for i, line in enumerate(lines) if text in line]
    return f"test_located.py:{found}"


def searched(loss, gradient, params, batch):
    return search_cause(loss, params, batch, certified(gradient, params, batch))


# ------------------------------------------------------------------------ one adjoint is wrong


def network(xp, p, b):
    hidden = xp.tanh(b["x"] @ p["w"] + p["c"])
    out = hidden @ p["v"]
    return xp.sum((out - b["y"]) ** 2)


def network_data(seed, examples):
    random = np.random.default_rng(seed)
    params = {"w": random.normal(size=(6, 3)), "c": random.normal(size=3), "v": random.normal(size=(3, 2))}
    return params, {"x": random.normal(size=(examples, 6)), "y": random.normal(size=(examples, 2))}


def network_gradient(carried):
    def gradient(p, b):
        hidden = np.tanh(b["x"] @ p["w"] + p["c"])
        error = 2 * (hidden @ p["v"] - b["y"])
        back = carried(error, p["v"]) * (1 - hidden * hidden)
        return {"w": b["x"].T @ back, "c": back.sum(0), "v": hidden.T @ error}

    return gradient


def wrong_product(error, v):
    return (error**2) @ v.T + 0.3 * v[:, 0]


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_adjoint_with_more_equations_than_unknowns_is_proven(seed):
    params, batch = network_data(seed, examples=2)
    cause = searched(network, network_gradient(wrong_product), params, batch).cause
    assert (cause.kind, set(cause.parameters)) == ("adjoint-wrong", {"w", "c"})
    # the product before tanh may be wrong, or tanh's own derivative: what arrives below it is the same
    assert line_of(network, "hidden @") in cause.where
    assert "21 entries agree, with 6 unknown" in cause.text


def test_with_fewer_equations_the_part_that_can_be_wrong_is_told():
    params, batch = network_data(0, examples=9)
    search = searched(network, network_gradient(wrong_product), params, batch)
    assert search.cause is None
    assert "and the gradient of v is right because what reaches it is, it goes wrong in" in search.difference
    assert line_of(network, "xp.tanh") in search.difference
    assert line_of(network, "xp.sum") not in search.difference


def test_both_operands_of_one_operation():
    def loss(xp, p, b):
        near, far = xp.sum(p["w"] * b["x"]), xp.sum(xp.exp(p["w"]))
        return near / far

    def gradient(p, b):
        w, x = p["w"], b["x"]
        near, far = (w * x).sum(), np.exp(w).sum()
        return {"w": (x * far + near * np.exp(w)) / far * near}

    random = np.random.default_rng(0)
    cause = searched(loss, gradient, {"w": random.normal(size=6)}, {"x": random.normal(size=6)}).cause
    assert (cause.kind, cause.where) == (
        "adjoint-wrong",
        f"divide at tests/causes/{line_of(loss, 'near / far')}",
    )


def recurrence(xp, p, b):
    state, out = xp.zeros(2), 0.0
    for t in range(5):
        state = xp.tanh(p["a"] * state + p["u"][t, :] + p["d"])
        out = out + xp.sum(b["y"][t, :] * state)
    return out


def recurrence_gradient(carry):
    def gradient(p, b):
        states = [np.zeros(2)]
        for t in range(5):
            states.append(np.tanh(p["a"] * states[-1] + p["u"][t] + p["d"]))
        a, u, error = [], [], 0.0
        for t in reversed(range(5)):
            back = (b["y"][t] + error) * (1 - states[t + 1] ** 2)
            a.append(back * states[t])
            u.insert(0, back)
            error = carry(back, p["a"], t)
        return {"a": sum(a), "u": np.stack(u), "d": sum(u)}

    return gradient


def test_what_is_carried_between_the_steps_of_a_loop():
    random = np.random.default_rng(3)
    params = {"a": random.normal(size=2), "u": random.normal(size=(5, 2)), "d": random.normal(size=2)}
    batch = {"y": random.normal(size=(5, 2))}
    right = searched(recurrence, recurrence_gradient(lambda g, a, _: g * a), params, batch)
    assert (right.cause, right.difference) == (None, "")
    cause = searched(
        recurrence, recurrence_gradient(lambda g, a, t: g * np.exp(a) / (t + 1)), params, batch
    ).cause
    assert (cause.kind, set(cause.parameters)) == ("adjoint-wrong", {"a", "u", "d"})
    assert line_of(recurrence, "state = xp.tanh") in cause.where


# ------------------------------------------------------------------------ a derivative is another function

FUNCTIONS = (
    "tanh",
    "sigmoid",
    "exp",
    "sin",
    "cos",
    "softplus",
    "gelu",
    "silu",
    "square",
    "atan",
    "expm1",
)

TERMS = {
    "g": lambda g, x, y: g,
    "g input": lambda g, x, y: g * x,
    "g output": lambda g, x, y: g * y,
    "g output^2": lambda g, x, y: g * y * y,
    "g input output": lambda g, x, y: g * x * y,
    "1": lambda g, x, y: 1 + 0 * y,
    "output": lambda g, x, y: y,
    "output^2": lambda g, x, y: y * y,
    "g exp(-input^2)": lambda g, x, y: g * np.exp(-x * x),
    "g (input > 0)": lambda g, x, y: g * (x > 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=4, derandomize=True, deadline=None)
@given(
    terms=st.lists(st.sampled_from(sorted(TERMS)), min_size=1, max_size=2, unique=True),
    factors=st.lists(st.sampled_from([1.0, -1.0, 2.0, 0.5, 1.702, 0.79788]), min_size=2, max_size=2),
    seed=st.integers(0, 100),
)
def test_another_function_in_place_of_a_derivative_is_found(name, terms, factors, seed):
    def function(xp):
        return getattr(xp, name, None) or getattr(xp.nn, name)

    def loss(xp, p, b):
        return xp.sum(b["c"] * function(xp)(b["x"] @ p["w"] + p["d"]))

    random = np.random.default_rng(seed)
    params = {"w": random.normal(size=(4, 5)), "d": random.normal(size=5)}
    batch = {"x": random.normal(size=(7, 4)), "c": random.normal(size=(7, 5))}

    def gradient(p, b):
        x = b["x"] @ p["w"] + p["d"]
        y = differentiate(
            lambda xp, q, _: xp.sum(function(xp)(q["x"]) + 0 * q["x"]), {"x": np.ones(1)}, {}, KIND
        )
        y = y.tape.nodes[1].operation.forward(KIND.lift(x[np.newaxis])).balls()[0, ...]
        back = sum(factor * TERMS[term](b["c"], x, y) for term, factor in zip(terms, factors, strict=False))
        return {"w": b["x"].T @ back, "d": back.sum(0)}

    cause = searched(loss, gradient, params, batch).cause
    assert cause is not None
    assert cause.where.endswith(line_of(loss, "function(xp)(b"))


def test_a_missing_parenthesis_and_a_constant_in_few_digits_are_told():
    def loss(xp, p, b):
        return xp.sum(b["c"] * xp.tanh(p["x"]))

    random = np.random.default_rng(0)
    params, batch = {"x": random.normal(size=6)}, {"c": random.uniform(0.3, 2, size=6)}
    cause = searched(loss, lambda p, b: {"x": b["c"] * 1 - np.tanh(p["x"]) ** 2}, params, batch).cause
    assert cause.kind == "parentheses-missing"
    cause = searched(loss, lambda p, b: {"x": b["c"] * 1 - np.tanh(p["x"])}, params, batch).cause
    assert cause.kind == "derivative-wrong"
    assert "with g - output handed back by tanh (tests/causes/test_located.py:" in cause.text
    assert ": that makes it at -0.5357 " in cause.text
    cause = searched(loss, lambda p, b: {"x": b["c"] * 0.797885 * p["x"]}, params, batch).cause
    assert "with 0.797885 (√(2/π) to 6 digits) g input handed back" in cause.text


def test_factors_that_nobody_would_write_are_no_cause():
    def loss(xp, p, b):
        return xp.sum(b["c"] * xp.tanh(p["x"]))

    random = np.random.default_rng(0)
    params, batch = {"x": random.normal(size=6)}, {"c": random.uniform(0.3, 2, size=6)}
    odd = np.pi / np.e
    search = searched(loss, lambda p, b: {"x": b["c"] * odd * p["x"] - odd * np.tanh(p["x"])}, params, batch)
    assert search.cause is None


# ------------------------------------------------------------------------ a derivative is any other function


def activated(name):
    def loss(xp, p, b):
        z = b["x"] @ p["w"]
        hidden = (getattr(xp, name, None) or getattr(xp.nn, name))(z)
        out = hidden @ p["v"]
        return xp.sum((out - b["y"]) ** 2)

    return loss


def activated_gradient(name, slope):
    """The gradient with another derivative of the activation, and with an error that is weighted by entry."""

    def gradient(p, b):
        z = b["x"] @ p["w"]
        hidden = ACTIVATIONS[name](z)
        error = 2 * (hidden @ p["v"] - b["y"])
        return {"w": b["x"].T @ ((error @ p["v"].T) * slope(z, hidden)), "v": hidden.T @ error}

    return gradient


ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "exp": np.exp,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "sin": np.sin,
}

SLOPES = {
    "another closed form": lambda z, y: 0.5 * (1 + 0.8 * z * (1 + np.tanh(0.6 * z) ** 2)),
    "nested": lambda z, y: np.exp(-(np.sin(z) ** 2)) + 0.1 * y,
    "of the output": lambda z, y: 1 / (2 + np.cos(y)),
}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_wrong_derivative_is_told_by_its_values(name, slope):
    random = np.random.default_rng(0)
    params = {"w": random.normal(size=(2, 4)), "v": random.normal(size=(4, 2))}
    batch = {"x": random.normal(size=(5, 2)), "y": random.normal(size=(5, 2))}
    loss = activated(name)
    cause = gp.check(loss, activated_gradient(name, SLOPES[slope]), params, batch, points=0).cause
    assert (cause.kind, cause.parameters) == ("derivative-wrong", ("w",))
    assert cause.where == f"{name} at tests/causes/{line_of(activated, 'hidden =')}"
    least = (batch["x"] @ params["w"]).min()
    yours = SLOPES[slope](least, ACTIVATIONS[name](least))
    assert f": that makes it at {least:.4g} {yours:.4g} instead of " in cause.text


def test_entries_that_are_weighted_have_no_other_derivative():
    random = np.random.default_rng(0)
    params = {"w": random.normal(size=(2, 4)), "v": random.normal(size=(4, 2))}
    batch = {"x": random.normal(size=(5, 2)), "y": random.normal(size=(5, 2))}
    weights = random.uniform(0.5, 2, size=(5, 1))  # of examples: at which line cannot be known
    gradient = activated_gradient("tanh", lambda _, y: (1 - y * y) * weights)
    check = gp.check(activated("tanh"), gradient, params, batch, points=0)
    assert check.cause is None
    assert "the gradient of v is right because what reaches it is" in check.unexplained
    # reports have no cause then, and say what is known
    record = check.record("mine")
    assert (record.cause, record.reason) == ("", f"{check.reason} {check.unexplained}")
    scenario = gp.Scenario(name="mine", loss=activated("tanh"), gradient=gradient, params=params, batch=batch)
    points = {name: array[np.newaxis] for name, array in params.items()}
    told = {each.parameter: each.reason for each in check_formula(scenario, [0], points)}
    assert told == {"w": record.reason, "v": ""}


# ------------------------------------------------------------------------ what is not proven is not said


def test_two_faults_have_no_place():
    params, batch = network_data(1, examples=2)

    def gradient(p, b):
        right = network_gradient(lambda error, v: error @ v.T)(p, b)
        return {"w": right["w"] + p["w"] ** 2, "c": np.exp(right["c"]), "v": right["v"] * p["v"]}

    search = searched(network, gradient, params, batch)
    assert search.cause is None
    assert search.difference.startswith("w: all of 18 entries are off")
    assert "single fault" not in search.difference


@pytest.mark.parametrize("times", [0, 2])
def test_an_example_that_is_left_out_or_counted_twice_is_nowhere_proven(times):
    """That may be done at any line that still knows the examples."""
    params, batch = network_data(2, examples=3)
    weight = np.array([[1.0], [float(times)], [1.0]])

    def gradient(p, b):
        return network_gradient(lambda error, v: (error @ v.T) * weight)(p, b)

    search = searched(network, gradient, params, batch)
    assert search.cause is None or search.cause.kind != "adjoint-wrong"


@pytest.mark.parametrize("examples", [1, 2, 9])
def test_right_gradients_have_no_place(examples):
    params, batch = network_data(0, examples)
    search = searched(network, network_gradient(lambda error, v: error @ v.T), params, batch)
    assert (search.cause, search.difference) == (None, "")


def test_a_loss_that_is_too_large_says_so(monkeypatch):
    monkeypatch.setattr("gradproof.verdicts.causes.search.tangents.WORK", 10)
    params, batch = network_data(0, examples=2)
    search = searched(network, network_gradient(wrong_product), params, batch)
    assert search.difference.endswith("Where the fault is was not looked for: the loss is too large for it.")


# ------------------------------------------------------------------------ a fault at every use in turn


def attention(xp, p, b):
    q = b["x"] @ p["q"]
    k = b["x"] @ p["k"]
    scores = q @ xp.matrix_transpose(k) / 2
    seen = xp.where(b["mask"] > 0, scores, scores * 0 - 30)
    weights = xp.nn.softmax(seen, axis=1)
    out = xp.tanh(weights @ (b["x"] @ p["v"]))
    return xp.mean((out - b["y"]) ** 2)


def attention_data():
    random = np.random.default_rng(0)
    params = {name: random.normal(size=(5, 3)) for name in "qkv"}
    return params, {"x": random.normal(size=(3, 5)), "y": random.normal(size=(3, 3)), "mask": np.tri(3)}


def graphs(loss, params, batch):
    plain = Graph(differentiate(loss, params, batch, Plain()).tape)
    return Graph(differentiate(loss, params, batch, KIND).tape, None, plain)


def bent(use, g):
    """The true share of an operand, entry by entry another number."""
    share = use.pull(g).sum_to(use.shape)
    return share * (1 + 0.3 * (3 * share).function("sin"))


def planted(loss, params, batch, edge):
    graph = graphs(loss, params, batch)
    true = {name: graph.adjoints[index].data[0, 0, ...] for name, index in graph.parameters.items()}
    return true | graph.backward({edge: Changed(partial(bent, graph.use(edge)))})[0]


@pytest.mark.parametrize(
    ("loss", "at"), [*((network, at) for at in range(9)), *((attention, at) for at in range(18))]
)
def test_no_fault_is_told_to_be_where_it_is_not(loss, at):
    params, batch = network_data(0, examples=2) if loss is network else attention_data()
    graph = graphs(loss, params, batch)
    edge = graph.edges[at]
    place = Place(params, batch).apart

    def elsewhere(params, batch):
        return planted(loss, params, batch, edge)

    def again():
        return SecondPoint(place.params, place.batch, elsewhere(place.params, place.batch))

    inquiry = Inquiry(loss, params, batch, planted(loss, params, batch, edge), again=Again(again, elsewhere))
    with np.errstate(all="ignore"):
        found = located(inquiry)
    said = found.text if found.cause is None else found.cause.where
    # what a mask stops is not wrong
    assert graph.nodes[edge.node].line in said or not inquiry.targets
