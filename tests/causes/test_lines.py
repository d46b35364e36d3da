"""The line of the gradient's own code that a cause tells is that of the planted mistake, or none is told."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.lifted import LiftedArray, run_lifted
from gradproof.verdicts import explaining
from gradproof.verdicts.causes.lines import wrong_steps
from gradproof.verdicts.causes.lines.landmarks import exact_key, scaled_key
from gradproof.verdicts.causes.search import in_code

R = np.random.default_rng(3)
PARAMS = {"W1": R.normal(size=(3, 4)), "b1": R.normal(size=4), "W2": R.normal(size=(4, 2)) * 0.5}
BATCH = {"x": R.normal(size=(5, 3)), "y": R.uniform(size=(5, 2))}


def loss(xp, p, b):
    hidden = xp.tanh(b["x"] @ p["W1"] + p["b1"])
    return xp.mean((xp.nn.sigmoid(hidden @ p["W2"]) - b["y"]) ** 2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_slope(x):
    return sigmoid(x) * (1 - sigmoid(x))


def tanh_slope(y):
    return 1 - y**2


def wrong_tanh_slope(y):
    return 1 - y  # planted


def forward(p, b):
    h = np.tanh(b["x"] @ p["W1"] + p["b1"])
    return h, sigmoid(h @ p["W2"])


# ------------------------------------------------------------------------ told


def at_the_output(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * sigmoid_slope(a)  # planted
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def in_a_helper(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * wrong_tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def in_a_slope_of_its_own(p, b):
    h, a = forward(p, b)
    slope = h * (1 - h)  # planted
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = slope * (d2 @ p["W2"].T)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def in_columns_and_scaled_at_the_end(p, b):
    h, a = (each.T for each in forward(p, b))
    d2 = (a - b["y"].T) * a * (1 - a)
    d1 = (p["W2"] @ d2) * h * (1 - h)  # planted
    return {
        "W1": 2 * (d1 @ b["x"]).T / a.size,
        "b1": 2 * d1.sum(1) / a.size,
        "W2": 2 * (d2 @ h.T).T / a.size,
    }


def a_factor_of_what_several_are_made_of(p, b):
    h, a = forward(p, b)
    d2 = (a - b["y"]) * a * (1 - a) / a.size  # planted
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_mean_of_what_is_right(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    second = h.T @ d2
    return {"W1": b["x"].T @ d1, "W2": second, "b1": d1.mean(0)}  # planted


def left_out_where_it_is_used(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    second = h.T @ d2
    return {"W2": second, "W1": b["x"].T @ (d2 @ p["W2"].T), "b1": (d2 @ p["W2"].T).sum(0)}  # planted


def in_a_loop(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    for slope in (tanh_slope(h),):
        d1 = (d2 @ p["W2"].T) * slope * slope  # planted
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def over_several_lines(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (
        (d2 @ p["W2"].T)
        * (1 - h)  # planted
    )  # fmt: skip
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def at_the_input(p, b):
    h, a = forward(p, b)
    slope = tanh_slope(b["x"] @ p["W1"] + p["b1"])  # planted
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * slope
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


TOLD = (
    at_the_output,
    at_the_input,
    in_a_slope_of_its_own,
    in_columns_and_scaled_at_the_end,
    a_factor_of_what_several_are_made_of,
    a_mean_of_what_is_right,
    left_out_where_it_is_used,
    in_a_loop,
    over_several_lines,
)


def planted_in(function):
    """The line of a function that is marked."""
    lines, first = inspect.getsourcelines(function)
    return next(first + number for number, line in enumerate(lines) if "# planted" in line)


def told_of(gradient, params=PARAMS, batch=BATCH, of=loss):
    found = gp.check(of, gradient, params, batch, points=0)
    assert found.cause is not None, found.unexplained
    return found.cause


def here(line):
    return f"{Path(__file__).relative_to(Path.cwd())}:{line}"


@pytest.mark.parametrize("gradient", TOLD, ids=lambda each: each.__name__)
def test_the_line_of_the_mistake_is_told(gradient):
    cause = told_of(gradient)
    assert cause.gradient_where == here(planted_in(gradient)), cause.text
    assert cause.text.endswith(f"; the gradient goes wrong at {cause.gradient_where}")


def test_a_formula_that_is_wrong_in_a_helper_is_told_there():
    assert told_of(in_a_helper).gradient_where == here(planted_in(wrong_tanh_slope))


def test_a_mistake_at_two_operations_is_told_at_each():
    def twice(p, b):
        h, a = forward(p, b)
        d2 = 2 * (a - b["y"]) / a.size * sigmoid_slope(a)
        d1 = (d2 @ p["V"].T) * sigmoid_slope(h)
        return {"W": b["x"].T @ d1, "V": h.T @ d2}

    def forward(p, b):
        h = sigmoid(b["x"] @ p["W"])
        return h, sigmoid(h @ p["V"])

    def deep(xp, p, b):
        return xp.mean((xp.nn.sigmoid(xp.nn.sigmoid(b["x"] @ p["W"]) @ p["V"]) - b["y"]) ** 2)

    _, first = inspect.getsourcelines(twice)
    cause = told_of(twice, {"W": PARAMS["W1"], "V": PARAMS["W2"]}, of=deep)
    assert cause.gradient_where == f"{here(first + 2)}, {here(first + 3)}"


def test_what_is_overwritten_is_told_where_it_is_put():
    index = np.array([0, 2, 2, 1])

    def embedded(xp, p, b):
        return xp.sum(xp.take(p["E"], b["i"], axis=0) ** 3)

    def gradient(p, b):
        rows = 3 * p["E"][b["i"]] ** 2
        found = np.zeros_like(p["E"])
        found[b["i"]] += rows  # planted
        return {"E": found}

    cause = told_of(gradient, {"E": R.normal(size=(3, 2))}, {"i": index}, embedded)
    assert cause.gradient_where == here(planted_in(gradient))


def test_the_line_in_a_loop_is_told_though_the_last_step_meets_a_right_number_by_chance():
    def scan(xp, p, b):
        h, total = 0 * p["a"], 0.0
        for t in range(7):
            h = xp.sin(p["a"]) * h + p["b"] * b["x"][t]
            total = total + 0.5 * (xp.sum(p["c"] * h) - b["y"][t]) ** 2
        return total

    def gradient(p, b):
        decay, hs = np.sin(p["a"]), [0 * p["a"]]
        for t in range(7):
            hs.append(decay * hs[-1] + p["b"] * b["x"][t])
        dh, dd, db, dc = 0 * decay, 0 * decay, 0 * decay, 0 * decay
        for t in range(6, -1, -1):
            e = (p["c"] * hs[t + 1]).sum() - b["y"][t]
            dc = dc + e * hs[t + 1]
            dh = dh + e * p["c"]
            dd = dd + dh * hs[t + 1]  # planted
            db = db + dh * b["x"][t]
            dh = dh * decay
        return {"a": dd * np.cos(p["a"]), "b": db, "c": dc}

    params = {name: R.normal(size=3) for name in "abc"}
    cause = told_of(gradient, params, {"x": R.normal(size=7), "y": R.normal(size=7)}, scan)
    assert cause.gradient_where == here(planted_in(gradient)), cause.text


# ------------------------------------------------------------------------ not told: it could be elsewhere


def a_factor_that_is_computed_elsewhere(p, b):
    h, a = forward(p, b)
    scale = 1 / a.size
    d2 = scale * (a - b["y"]) * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_factor_of_an_error_that_is_right(p, b):
    h, a = forward(p, b)
    error = a - b["y"]
    slope = error / a.size
    d2 = slope * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_factor_missing_in_each(p, b):
    h, a = forward(p, b)
    d2 = (a - b["y"]) * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    first = b["x"].T @ d1 / a.size
    bias = d1.sum(0) / a.size
    return {"W1": first, "b1": bias, "W2": h.T @ d2 / a.size}


def left_out_between_lines(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = d2 @ p["W2"].T
    # here it is left out, or in the line before
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_mask_of_another_line(p, b):
    h, a = forward(p, b)
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    slope = np.ones(h.shape)
    d1 = (d2 @ p["W2"].T) * slope
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_one_in_place_of_a_slope(p, b):
    h, a = forward(p, b)
    slope = 1
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    return {
        "W1": b["x"].T @ ((d2 @ p["W2"].T) * slope),
        "W2": h.T @ d2,
        "b1": ((d2 @ p["W2"].T) * slope).sum(0),
    }


def half_of_it_on_another_line(p, b):
    h, a = forward(p, b)
    rest = 1 - h + h**2
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * (rest - h**2)
    return {"W1": b["x"].T @ d1, "b1": d1.sum(0), "W2": h.T @ d2}


def a_reduction_chosen_elsewhere(p, b):
    h, a = forward(p, b)
    along = np.mean
    d2 = 2 * (a - b["y"]) / a.size * a * (1 - a)
    d1 = (d2 @ p["W2"].T) * tanh_slope(h)
    return {"W1": b["x"].T @ d1, "b1": along(d1, axis=0), "W2": h.T @ d2}


NOT_TOLD = (
    a_factor_that_is_computed_elsewhere,
    a_factor_of_an_error_that_is_right,
    a_factor_missing_in_each,
    left_out_between_lines,
    a_mask_of_another_line,
    a_one_in_place_of_a_slope,
    half_of_it_on_another_line,
    a_reduction_chosen_elsewhere,
)


@pytest.mark.parametrize("gradient", NOT_TOLD, ids=lambda each: each.__name__)
def test_where_it_could_be_at_another_line_none_is_told(gradient):
    cause = told_of(gradient)
    assert cause.gradient_where == ""
    assert "goes wrong at" not in cause.text


# ------------------------------------------------------------------------ two points, and how much


def test_a_line_that_is_another_one_at_the_second_point_is_not_told(monkeypatch):
    lines = iter([("mine.py:1",), ("mine.py:2",)])
    monkeypatch.setattr(in_code, "lines_of", lambda *_: next(lines))
    assert told_of(at_the_output).gradient_where == ""


def test_a_gradient_that_computes_too_much_is_not_looked_at(monkeypatch):
    monkeypatch.setattr(explaining, "TRACED", 100)
    assert told_of(at_the_output).gradient_where == ""


def test_a_loss_that_is_too_large_is_not_looked_at(monkeypatch):
    monkeypatch.setattr(wrong_steps, "MOST_NUMBERS", 100)
    assert told_of(at_the_output).gradient_where == ""


def test_what_is_no_number_in_the_code_does_no_harm():
    def gradient(p, b):
        names = np.array([["a", "b"]])
        rows = np.array([None, {}], dtype=object)
        huge = 10**400
        found = at_the_output(p, b)
        assert len(names[0]) == len(rows)
        assert huge
        return {
            "W1": np.where(names[0, 0] == "a", found["W1"], 1j.real),
            **{n: found[n] for n in ("b1", "W2")},
        }

    assert told_of(gradient).gradient_where == here(planted_in(at_the_output))


def test_numbers_alone_have_no_line():
    found = gp.judge(loss, PARAMS, BATCH, at_the_output(PARAMS, BATCH))
    assert found.cause is not None
    assert found.cause.gradient_where == ""


# ------------------------------------------------------------------------ what is noted of a run


def traced(function, *arrays, most=10_000):
    return run_lifted(function, arrays, 128, traced=most).trace


def test_a_run_notes_nothing_unless_it_is_asked_to():
    assert run_lifted(np.exp, (np.ones(2),), 128).trace is None


def test_entries_are_known_again_wherever_they_go():
    def function(x):
        y = np.exp(x)
        z = y.T[1:].reshape(-1)
        put = np.zeros(4)
        put[1:3] = z[:2]
        return put * 2

    trace = traced(function, np.arange(6.0).reshape(3, 2))
    exponential = next(number for number, step in enumerate(trace.steps) if step.operands[0].given)
    assert trace.steps[-1].operands[0].steps == {exponential}
    first = inspect.getsourcelines(function)[1]
    assert [trace.steps[each].calls[-1][1].line - first for each in (exponential, -1)] == [1, 5]


def test_what_changes_later_is_noted_as_it_was():
    def function(x):
        x += 1
        x *= 3
        return x

    added, multiplied = traced(function, np.array([1.0, 2.0])).steps
    assert [entry.midpoint for entry in added.operands[0].array] == [1, 2]
    assert [entry.midpoint for entry in multiplied.operands[0].array] == [2, 3]
    assert multiplied.operands[0].steps == {0}


def test_calls_of_helpers_are_told_apart():
    def helper(x):
        return x * 2

    def function(x):
        return helper(x) + helper(x)

    steps = traced(function, np.ones(2)).steps
    (outer, first), (_, second) = (step.calls for step in steps[:2])
    assert first[1] == second[1]
    assert first[0] != second[0]
    assert steps[2].calls == (outer,)


def test_a_trace_ends_where_it_is_too_long():
    trace = traced(lambda x: [np.exp(x) for _ in range(9)], np.ones(10), most=50)
    assert not trace.complete
    assert len(trace.steps) < 5
    assert isinstance(run_lifted(np.exp, (np.ones(2),), 128, traced=50).result, LiftedArray)


def test_an_array_is_known_in_any_layout_and_a_mask_in_its_own():
    values = R.normal(size=(3, 4))
    assert exact_key(values) == exact_key(values.T) != exact_key(2 * values)
    assert scaled_key(values) == scaled_key(-2 * values.T) != scaled_key(values**2)
    mask = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    assert exact_key(mask) not in {exact_key(1 - mask), exact_key(mask[::-1]), None}
    assert exact_key(np.ones(4)) is None


@pytest.mark.slow
def test_of_all_planted_models_no_line_is_told_that_is_not_the_planted_one():
    sys.path.insert(0, str(Path(__file__).parent))
    from test_models import PLANTED

    told = 0
    for model, bug in PLANTED:
        params, batch = model.make(np.random.default_rng(0))
        found = gp.check(model.loss, lambda p, b: model.gradient(p, b, bug), params, batch, points=0)  # noqa: B023
        lines, first = inspect.getsourcelines(model.gradient)
        planted = {first + number for number, line in enumerate(lines) if f'"{bug}"' in line}
        where = "" if found.cause is None else found.cause.gradient_where
        for each in filter(None, where.split(", ")):
            line = int(each.rpartition(":")[2])
            assert {line, line - 1} & planted, (model, bug)
            told += 1
    assert told > 25
