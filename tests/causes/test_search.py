"""The parts of the search: composites, kinks, factors, shapes, its end."""

from pathlib import Path

import numpy as np
import pytest
from certified_gradients import certified

from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.tape import differentiate
from gradproof.verdicts.causes import describe_difference, find_cause, search_cause
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.search.recognition import composed, composites

COMPOSITES = {
    "sigmoid": lambda xp, z: 1 / (1 + xp.exp(-z)),
    "sigmoid by tanh": lambda xp, z: 0.5 * (1 + xp.tanh(z / 2)),
    "sigmoid by exp": lambda xp, z: xp.exp(z) / (1 + xp.exp(z)),
    "tanh": lambda xp, z: (xp.exp(z) - xp.exp(-z)) / (xp.exp(z) + xp.exp(-z)),
    "tanh by exp": lambda xp, z: 1 - 2 / (1 + xp.exp(2 * z)),
    "relu": lambda xp, z: xp.maximum(z, xp.zeros_like(z)),
    "relu by where": lambda xp, z: xp.where(z > 0, z, xp.zeros_like(z)),
    "relu by mask": lambda _, z: z * (z > 0),
    "softmax": lambda xp, z: (
        xp.exp(z - xp.max(z, axis=1, keepdims=True))
        / xp.sum(xp.exp(z - xp.max(z, axis=1, keepdims=True)), axis=1, keepdims=True)
    ),
    "softmax unshifted": lambda xp, z: xp.exp(z) / xp.sum(xp.exp(z), axis=1, keepdims=True),
    "log_softmax": lambda xp, z: z - xp.log(xp.sum(xp.exp(z), axis=1, keepdims=True)),
    "logsumexp": lambda xp, z: xp.log(xp.sum(xp.exp(z), axis=1)),
    "softplus": lambda xp, z: xp.log(1 + xp.exp(z)),
    "softplus by log1p": lambda xp, z: xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z))),
    "var": lambda xp, z: xp.mean((z - xp.mean(z, axis=0)) ** 2, axis=0),
    "mean": lambda xp, z: xp.sum(z, axis=0) / 4,
    "square": lambda _, z: z * z,
    "expm1": lambda xp, z: xp.exp(z) - 1,
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_function_that_is_written_out_is_recognised(name):
    def loss(xp, p, _):
        return xp.sum(xp.sin(COMPOSITES[name](xp, xp.sin(p["w"]))))

    params = {"w": np.random.default_rng(0).normal(size=(4, 3))}
    plain, balls = (differentiate(loss, params, {}, kind).tape for kind in (Plain(), Balls(192)))
    # the last operation but the outer sin and sum
    result = composites(plain, balls)[len(plain.nodes) - 3]
    assert result.operation.name == name.split()[0]
    assert plain.nodes[result.operand].operation.name == "sin"


def test_what_is_no_function_of_one_value_is_not_recognised():
    def loss(xp, p, _):
        return xp.sum(1 / (1 + xp.exp(-(p["u"] + p["v"]))))

    params = {"u": np.array([0.3, 0.5]), "v": np.array([0.1, -0.4])}
    plain, balls = (differentiate(loss, params, {}, kind).tape for kind in (Plain(), Balls(192)))
    found = composites(plain, balls)
    assert {plain.nodes[each.operand].operation.name for each in found.values()} == {"add"}


def test_functions_that_saturate_are_told_apart():
    def loss(xp, p, _):
        return xp.sum(xp.exp(p["x"]) - 1)

    params = {"x": np.array([-40.0, -35.0])}  # tanh(x) is the same float there
    plain, balls = (differentiate(loss, params, {}, kind).tape for kind in (Plain(), Balls(192)))
    assert [each.operation.name for each in composites(plain, balls).values()] == ["expm1"]


def test_what_has_another_derivative_is_not_taken_for_a_function():
    def loss(xp, p, _):
        return xp.sum(xp.sin(p["x"]) * xp.asarray([2.0, 3.0]))

    params = {"x": np.zeros(2)}  # 0 is tanh(0), and sin(0) times anything
    plain, balls = (differentiate(loss, params, {}, kind).tape for kind in (Plain(), Balls(192)))
    assert [each.operation.name for each in composites(plain, balls).values()] == ["tanh"]
    assert not any(node.composite for node in composed(plain, balls).plain.nodes)
    assert find_cause(loss, params, {}, {"x": np.array([2.0, 1.5])}) is None
    assert find_cause(loss, params, {}, {"x": np.array([4.0, 6.0])}).factor == 2


def test_at_a_tie_the_whole_gradient_for_each_is_named():
    def loss(xp, p, _):
        return xp.sum(xp.max(p["x"], axis=1) * xp.asarray([1.0, 3.0]))

    x = np.array([[2.0, 1.0, 2.0], [0.0, 5.0, 1.0]])
    claimed = np.array([[1.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    assert find_cause(loss, {"x": x}, {}, {"x": claimed}).kind == "ties-full-credit"
    assert find_cause(loss, {"x": x}, {}, {"x": claimed * [[0.5], [1.0]]}) is None


def test_a_derivative_from_a_rounded_output_is_named():
    def loss(xp, p, _):
        return xp.sum(xp.expm1(p["x"]))

    x = np.linspace(-36, -30, 7)
    cause = find_cause(loss, {"x": x}, {}, {"x": np.expm1(x) + 1})
    assert cause.kind == "derivative-from-rounded-output"
    assert find_cause(loss, {"x": x}, {}, {"x": np.exp(x)}) is None


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        (lambda g: g.T, "transposed"),
        (lambda g: g.sum(0), "sum-over-another-axis"),
        (lambda g: g.sum(), "sum-over-all-axes"),
        (lambda g: g.reshape(-1), "broadcast-not-reduced"),
    ],
)
def test_wrong_shapes_are_explained(claim, kind):
    w = np.random.default_rng(0).normal(size=(3, 2))
    cause = find_cause(lambda xp, p, _: xp.sum(xp.exp(p["w"])), {"w": w}, {}, {"w": claim(np.exp(w))})
    assert cause.kind == kind


def test_a_wrong_shape_that_nothing_explains_is_described():
    w = np.ones((3, 2))
    arguments = (lambda xp, p, _: xp.sum(p["w"]), {"w": w}, {}, {"w": np.full(5, 7.0)})
    assert find_cause(*arguments) is None
    assert describe_difference(*arguments) == "w: its shape is (5,) instead of (3, 2)."


def test_one_entry_confirms_no_number_that_was_solved_for():
    def loss(xp, p, _):
        return xp.sum(p["w"] ** 2)

    assert find_cause(loss, {"w": np.array([3.0])}, {}, {"w": np.array([6.0 * 1.2345678])}) is None
    w = np.array([3.0, 1.0, 2.0])
    cause = find_cause(loss, {"w": w}, {}, {"w": 2 * w * 1.2345678})
    assert (cause.kind, cause.factor) == ("constant-factor", pytest.approx(1.2345678))


def test_the_learning_rate_is_known_by_name():
    w = np.array([3.0, 1.0, 2.0])
    arguments = (lambda xp, p, _: xp.sum(p["w"] ** 3), {"w": w}, {}, {"w": 3 * w * w * 0.013})
    assert "the learning rate" in find_cause(*arguments, learning_rate=0.013).text
    assert "the learning rate" not in find_cause(*arguments).text


def test_missing_parameters_are_not_looked_at():
    w, b = np.array([1.0, 2.0]), np.array([3.0])

    def loss(xp, p, _):
        return xp.sum(p["w"] ** 2) * xp.sum(p["b"])

    assert find_cause(loss, {"w": w, "b": b}, {}, {"w": -6 * w}).kind == "sign"


def test_claims_that_are_not_finite_have_no_cause():
    w = np.array([1.0, 2.0])
    arguments = (lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": w}, {}, {"w": np.array([2.0, np.nan])})
    assert find_cause(*arguments) is None
    assert describe_difference(*arguments).startswith("w: 1 of 2 entries is off ([1])")


def test_a_learning_rate_is_expected_too_where_nothing_is_multiplied_with_weights():
    w, v = np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.3, -0.2])

    def loss(xp, p, _):
        return xp.sum(xp.sin(p["w"] + p["v"]))

    strange = {"w": np.cos(w + v), "v": np.array([1.0, 5.0, -2.0])}
    assert find_cause(loss, {"w": w, "v": v}, {}, strange, learning_rate=0.1) is None
    late = {"w": np.cos(w + v), "v": np.cos(w + v - 0.1 * np.cos(w + v))}
    cause = find_cause(loss, {"w": w, "v": v}, {}, late, learning_rate=0.1)
    assert (cause.kind, cause.factor, cause.parameters) == ("weights-already-updated", 0.1, ("v",))


@pytest.mark.parametrize("exponent", [0, 1, -1, 3])
def test_powers_of_any_exponent_have_causes(exponent):
    w = np.array([3.0, 1.0, 2.0])

    def loss(xp, p, _):
        return xp.sum(p["w"] ** exponent + xp.exp(p["w"]))

    claimed = {"w": -(exponent * w ** float(exponent - 1) + np.exp(w))}
    assert find_cause(loss, {"w": w}, {}, claimed).kind == "sign"


def test_an_average_of_one_entry_has_causes():
    w = np.array([[3.0], [1.0], [2.0]])

    def loss(xp, p, _):
        return xp.sum(xp.mean(p["w"], axis=1) ** 2)

    assert find_cause(loss, {"w": w}, {}, {"w": w}).factor == 0.5


def test_a_parameter_without_axes_is_named_itself():
    m, c = 0.7, -0.4

    def loss(xp, p, _):
        return (p["m"] * 2.0 + p["c"] - 3.0) ** 2 + xp.sin(p["m"]) * xp.exp(p["c"])

    error = 2 * (m * 2 + c - 3)
    claimed = {"m": error * 2 + np.cos(m) * np.exp(c), "c": -error + np.sin(m) * np.exp(c)}
    cause = find_cause(loss, {"m": np.array(m), "c": np.array(c)}, {}, claimed)
    assert (cause.kind, cause.parameters) == ("sign", ("c",))
    assert (
        'the term that comes from the parameter c in the sum of add `p["m"] * 2.0 + p["c"]` (' in cause.text
    )


# ------------------------------------------------------------------------ what the judging has said


def squares(xp, p, _):
    return xp.sum(p["w"] ** 2) + xp.sum(p["v"] ** 3)


def test_which_entries_are_wrong_is_taken_from_whoever_has_judged_them():
    params = {"w": np.array([1.0, 2.0, 3.0]), "v": np.array([1.0, 2.0])}
    claimed = {"w": -2 * params["w"], "v": 3 * params["v"] ** 2 * (1 + 1e-9)}
    search = search_cause(squares, params, {}, claimed, wrong={"w": np.ones(3, bool), "v": np.zeros(2, bool)})
    assert (search.cause.kind, search.cause.parameters) == ("sign", ("w",))
    assert "wrong in another way" not in search.cause.text
    assert "wrong in another way" in search_cause(squares, params, {}, claimed).cause.text
    none = {name: np.zeros(array.shape, bool) for name, array in params.items()}
    assert search_cause(squares, params, {}, claimed, wrong=none).cause is None


def test_what_rounding_explains_is_taken_from_whoever_has_measured_it():
    params = {"w": np.array([1.0, 2.0, 3.0]), "v": np.array([1.0, 2.0])}
    rounded = {"w": -2 * params["w"] + np.array([1e-6, -1e-6, 1e-6]), "v": 3 * params["v"] ** 2 + 1e-7}
    assert search_cause(squares, params, {}, rounded).cause is None
    doubt = {"w": np.full(3, 2e-6), "v": np.full(2, 2e-6)}
    cause = search_cause(squares, params, {}, rounded, doubt=doubt).cause
    assert (cause.kind, cause.parameters) == ("sign", ("w",))


def test_where_no_cause_is_found_the_search_says_what_is_off():
    params = {"w": np.array([1.0, 2.0, 3.0]), "v": np.array([1.0, 2.0])}
    claimed = {"w": 2 * params["w"] + np.array([0.0, 0.123, 0.0]), "v": 3 * params["v"] ** 2}
    search = search_cause(squares, params, {}, claimed)
    difference = describe_difference(squares, params, {}, claimed)
    assert (search.cause, difference) == (None, "w: 1 of 3 entries is off ([1]).")
    right = "and the gradient of v is right because what reaches it is"
    place = f"If it is a single fault, {right}, it goes wrong in square and sum ("
    assert search.difference.startswith(f"{difference} {place}")
    assert search_cause(squares, params, {}, {"w": 4 * params["w"]}).difference == ""


def test_a_parameter_that_is_right_but_for_doubles_in_its_code_stays_right():
    def loss(xp, p, b):
        return xp.sum(xp.flip(b["x"] @ p["w"] + p["b"], axis=(0,)) * b["c"])

    x, c = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]]), np.array([1.0, 2.0, 4.0])
    params, batch = {"w": np.array([0.3, 0.4]), "b": np.array(0.5)}, {"x": x, "c": c}

    def gradient(_, batch):
        # not flipped back; and 7 times 1/3 is no third of 21
        return {"w": batch["x"].T @ batch["c"], "b": batch["c"].sum() * 3 * (1 / 3)}

    cause = find_cause(loss, params, batch, certified(gradient, params, batch))
    assert (cause.where.split(" at ")[0], cause.parameters) == ("flip", ("w",))


# ------------------------------------------------------------------------ constants that are rounded


@pytest.mark.parametrize(("constant", "digits"), [(3.14159, 6), (3.1416, 5), (3.14, 3)])
def test_a_rounded_constant_is_told_by_its_digits(constant, digits):
    w = np.array([1.0, 2.0, 4.0])

    def loss(xp, p, _):
        return xp.sum(p["w"] ** 2 * np.pi)

    cause = find_cause(loss, {"w": w}, {}, {"w": 2 * w * constant})
    assert cause.kind == "constant-rounded"
    assert "the constant 3.14159265359 of multiply (" in cause.text
    assert cause.text.endswith(f"rounded to {constant} ({digits} digits)")
    assert cause.factor == pytest.approx(constant / np.pi)
    difference = describe_difference(loss, {"w": w}, {}, {"w": 2 * w * constant})
    assert difference.endswith(f"there the claimed is right to {digits} digits, as with a rounded constant.")


def test_what_is_off_in_the_last_digits_is_no_factor():
    w = np.array([1.0, 2.0, 4.0])
    claimed = {"w": 2 * w * (1 + np.array([1e-11, 3e-11, -2e-11]))}
    difference = describe_difference(lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": w}, {}, claimed)
    assert difference == "w: all of 3 entries are off; there the claimed is right to 10 digits."


def test_entries_that_are_called_wrong_and_are_exact_are_no_factor():
    w = np.array([1.0, 2.0, 4.0])
    arguments = (lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": w}, {}, {"w": 2 * w})
    assert describe_difference(*arguments, wrong={"w": np.ones(3, bool)}) == "w: all of 3 entries are off."


@pytest.mark.parametrize("x", [[1e-7, 2.0], [1e-150, 3.0], [1e155, 2.0]])
def test_probes_may_leave_the_domain_or_the_range(x):
    def loss(xp, p, _):
        return xp.sum(xp.log(p["x"]) ** 2 / p["x"] + p["x"] ** 2)

    x = np.array(x)
    true = 2 * np.log(x) / x / x - (np.log(x) / x) ** 2 + 2 * x
    assert find_cause(loss, {"x": x}, {}, {"x": -true}).kind == "sign"
    assert search_cause(loss, {"x": x}, {}, {"x": true * [1.5, -7.0]}).complete


def test_a_constant_that_is_computed_is_no_weight():
    def loss(xp, p, b):
        return xp.sum(xp.tanh(p["w"] @ b["x"].T + xp.exp(b["x"]).T[0, :]))

    batch, params = {"x": np.array([[1.0, 2.0], [3.0, 5.0], [0.5, 1.0]])}, {"w": np.array([[0.3, -0.4]])}
    assert search_cause(loss, params, batch, {"w": np.array([[3.0, 1.7]])}).cause is None


def test_a_search_that_is_cut_short_says_so():
    w = np.random.default_rng(0).normal(size=(4, 4))

    def loss(xp, p, _):
        h = p["w"]
        for _ in range(5):
            h = xp.tanh(h @ p["w"])
        return xp.sum(h)

    claimed = {"w": np.arange(16.0).reshape(4, 4) ** 0.3}
    assert not search_cause(loss, {"w": w}, {}, claimed, work=0).complete
    right = certified(lambda p, _: {"w": p["w"] * 2}, {"w": w}, {})
    assert search_cause(lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": w}, {}, right).complete


def test_the_difference_tells_constant_ratios():
    w, x = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 6.0]]), np.array([[2.0], [3.0]])

    def loss(xp, p, b):
        return xp.sum(p["w"] ** 2 * b["x"])

    true = 2 * w * x
    one = {"w": true * [[7.0], [1.0]]}
    assert describe_difference(loss, {"w": w}, {"x": x}, one) == (
        "w: 3 of 6 entries are off ([0, 0], [0, 1], [0, 2]); there the claimed is 7 times the true."
    )
    rows = {"w": true * [[7.0], [5.0]]}
    assert "constant in each row" in describe_difference(loss, {"w": w}, {"x": x}, rows)
    columns = {"w": true * [7.0, 5.0, 3.0]}
    assert "constant in each column" in describe_difference(loss, {"w": w}, {"x": x}, columns)
    neither = {"w": true + w**1.3}
    assert "is not constant" in describe_difference(loss, {"w": w}, {"x": x}, neither)


@pytest.mark.parametrize("least", [0.0, 0.3 - 1e-7])
def test_a_loss_that_compares_runs_lane_by_lane(least):
    def loss(xp, p, _):
        y = xp.tanh(p["w"])
        scale = 2.0 if xp.sum(p["w"]) > least else 3.0  # decided otherwise nearby, or not
        return scale * xp.sum(xp.sin(y))

    w = np.array([0.5, 0.0, -0.2])
    y = np.tanh(w)
    claimed = {"w": 2 * np.cos(y)}
    assert find_cause(loss, {"w": w}, {}, claimed).kind == "derivative-left-out"


@pytest.mark.parametrize("distance", [1e-7, 0.0])
def test_a_loss_that_computes_something_else_nearby_has_causes(distance):
    w = np.array([0.5, 0.25, -0.25])  # the sum is exact

    def loss(xp, p, _):
        y = xp.tanh(p["w"])
        return xp.sum(xp.sin(y)) if xp.sum(p["w"]) >= 0.5 - distance else xp.sum(xp.exp(xp.sin(y)) - 1)

    true = np.cos(np.tanh(w)) * (1 - np.tanh(w) ** 2)
    for claimed, found in ((-true, distance > 0), (true * [3.0, 7.0, 1.5], False)):
        search = search_cause(loss, {"w": w}, {}, {"w": claimed}, doubt={"w": np.full(3, 1e-14)})
        assert (search.cause is not None) is found


def test_the_kinds_are_documented_in_the_order_in_which_they_are_preferred() -> None:
    text = (Path(__file__).parents[2] / "docs" / "decides" / "causes.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    kinds = sorted(CauseKind, key=lambda kind: kind.cost)
    assert rows == [f"| `{kind.slug}` | {kind.text} |" for kind in kinds]
