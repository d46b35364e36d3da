"""What `check` says of gradients that are wrong, inaccurate, undecided, or no gradients at all."""

import numpy as np
import pytest

from gradproof import CheckFinding, DisagreementError, InputError, Verdict, check, judge


def loss(xp, p, b):
    return xp.mean((b["x"] @ p["w"] + p["c"] - b["y"]) ** 2)


def gradient(p, b):
    delta = 2 * (b["x"] @ p["w"] + p["c"] - b["y"]) / len(b["y"])
    return {"w": b["x"].T @ delta, "c": delta.sum()}


@pytest.fixture
def params():
    return {"w": np.random.default_rng(0).normal(size=3), "c": np.array(0.5)}


@pytest.fixture
def batch():
    r = np.random.default_rng(1)
    return {"x": r.normal(size=(4, 3)), "y": r.normal(size=4)}


def changed(**entries):
    """The right gradient with some entries computed from the right ones."""
    return lambda p, b: {**gradient(p, b), **{name: f(gradient(p, b)[name]) for name, f in entries.items()}}


def kinds(result):
    return {finding.kind for finding in result.findings}


# -------------------------------------------------------------------- the numbers


def test_equal(params, batch):
    result = check(loss, gradient, params, batch)
    assert result.verdict is Verdict.EQUAL
    assert result.verdict.passes
    assert result.cause is None
    assert result.findings == ()
    assert 30 < result.digits < 60
    result.raise_if_wrong()
    assert str(result).startswith("EQUAL to 3")
    assert "12 points of its own; seed 0" in result.told()


def test_wrong_says_where_and_by_how_much(params, batch):
    result = check(loss, changed(w=lambda g: g * np.array([1.0, 1.5, 1.0])), params, batch)
    assert result.verdict is Verdict.WRONG
    assert not result.verdict.passes
    worst = result.entries.iloc[0]
    assert list(result.entries.columns) == [
        "parameter",
        "index",
        "value",
        "exact",
        "error",
        "relative_error",
        "ulps",
        "spreads",
        "verdict",
    ]
    assert (worst["parameter"], worst["index"], worst["verdict"]) == ("w", "1", "WRONG")
    assert worst["relative_error"] == pytest.approx(0.5, rel=1e-2)
    assert worst["value"] == pytest.approx(1.5 * float(worst["exact"]))
    assert worst["error"] == pytest.approx(abs(float(worst["exact"])) / 2, rel=1e-2)
    assert worst["spreads"] > 1e12
    assert len(worst["exact"]) > 30
    assert len(result.entries) == 4
    assert (result.entries["relative_error"][1:] < 1e-30).all()
    assert (result.entries["verdict"][1:] == "EQUAL").all()
    with pytest.raises(DisagreementError, match=r"WRONG at the given point[\s\S]*worst entries"):
        result.raise_if_wrong()


@pytest.mark.parametrize("digits", [3, 9, 14])
def test_an_error_far_below_any_tolerance_is_wrong(params, batch, digits):
    result = check(loss, changed(w=lambda g: g * (10**digits + 1) / 10**digits), params, batch, points=0)
    assert result.verdict is Verdict.WRONG
    assert result.digits == pytest.approx(digits, abs=0.1)


@pytest.mark.parametrize(("digits", "verdict"), [(11, Verdict.WRONG), (12, Verdict.EQUAL)])
def test_a_constant_that_the_code_may_have_computed_is_equal_from_12_digits_on(
    params, batch, digits, verdict
):
    result = check(loss, changed(w=lambda g: g * (1 + 9 * 10.0 ** -(digits + 1))), params, batch, points=0)
    assert result.verdict is verdict
    assert result.digits == pytest.approx(digits, abs=0.1)


def test_constants_that_are_doubles_do_not_make_a_formula_wrong(params, batch):
    def in_thirds(xp, p, b):
        return xp.sum((b["x"] @ p["w"] + p["c"] - b["y"]) ** 2) / 3

    def third(p, b):
        delta = (1 / 3) * 2 * (b["x"] @ p["w"] + p["c"] - b["y"])
        return {"w": b["x"].T @ delta, "c": delta.sum()}

    result = check(in_thirds, third, params, batch)
    assert result.verdict is Verdict.EQUAL
    assert 15 < result.digits < 18


def test_constants_are_forgiven_in_an_entry_that_cancels_but_no_more_than_they_explain():
    def thirds(xp, p, b):
        return xp.sum(p["w"] * (b["x"] / 3 - b["y"]))

    # The entry is near 1e-6, so that the 17th digit of 1/3 is its eleventh.
    point = {"w": np.array([1.0])}, {"x": np.array([3.0]), "y": np.array([1.0 - 2.0**-20])}
    right = check(thirds, lambda _, b: {"w": b["x"] * (1 / 3) - b["y"]}, *point, points=0)
    assert right.verdict is Verdict.EQUAL
    assert "constants" in kinds(right)
    wrong = check(thirds, lambda _, b: {"w": b["x"] * (1 / 3 + 1e-13) - b["y"]}, *point, points=0)
    assert wrong.verdict is Verdict.WRONG


def test_an_entry_that_is_exactly_zero_is_compared_with_the_others():
    def norm(xp, p, b):
        centred = p["w"] - xp.mean(p["w"])
        return xp.sum(centred**3) + 0.0 * xp.sum(b["x"])

    def of_the_mean(p, b):
        centred = p["w"] - p["w"].mean()
        return {"w": 3 * centred**2 - (3 * centred**2).mean()}

    # Both sums are balls around 0 for the middle entry's derivative with respect to a common shift.
    values = {"w": np.array([-1.0, 0.0, 1.0])}
    assert check(norm, of_the_mean, values, {"x": np.zeros(1)}).verdict is Verdict.EQUAL


# -------------------------------------------------------------------- floating point


def exponentials(xp, p, b):
    return xp.sum(b["c"] * (xp.exp(p["x"]) - 1.0))


def test_a_right_formula_that_cancels_is_inaccurate():
    # https://github.com/pytorch/pytorch/issues/192406
    point = {"x": np.linspace(-38.0, -30.0, 5)}, {"c": np.ones(5)}
    result = check(exponentials, lambda p, b: {"x": b["c"] * (np.expm1(p["x"]) + 1.0)}, *point)
    assert result.verdict is Verdict.INACCURATE
    assert not result.ok
    assert "formula is right" in result.reason
    assert result.certified
    assert result.entries["relative_error"].iloc[0] > 1e-6
    with pytest.raises(DisagreementError, match="INACCURATE"):
        result.raise_if_wrong()
    assert check(exponentials, lambda p, b: {"x": b["c"] * np.exp(p["x"])}, *point).ok


def test_a_right_formula_that_overflows_is_inaccurate():
    def log_sum(xp, p, b):
        return xp.nn.logsumexp(p["z"] * b["k"])

    def naive(p, b):
        e = np.exp(p["z"] * b["k"])
        return {"z": b["k"] * e / e.sum()}

    point = {"z": np.array([800.0, 799.0])}, {"k": np.array(1.0)}
    result = check(log_sum, naive, *point)
    assert result.verdict is Verdict.INACCURATE
    assert "not-finite" in kinds(result)
    small = {"z": np.array([0.8, 0.7])}, {"k": np.array(1.0)}
    assert check(log_sum, naive, *small).verdict is Verdict.EQUAL


def test_saturation_at_points_of_its_own_is_told_but_does_not_fail():
    def sigmoid(xp, p, b):
        return xp.sum(1 / (1 + xp.exp(-p["z"])) * b["k"])

    def from_output(p, b):
        a = 1 / (1 + np.exp(-p["z"]))
        return {"z": b["k"] * a * (1 - a)}

    result = check(sigmoid, from_output, {"z": np.array([0.5, -1.0, 2.0])}, {"k": np.ones(3)})
    assert result.verdict is Verdict.EQUAL
    assert "loses-digits" in kinds(result)


@pytest.mark.parametrize(("dtype", "told"), [("float64", {"lower-precision"}), ("float32", set())])
def test_a_result_of_lower_precision_is_judged_as_what_it_is_and_told(params, batch, dtype, told):
    def rounds(p, b):
        return {name: np.asarray(value, dtype=np.float32) for name, value in gradient(p, b).items()}

    result = check(loss, rounds, params, batch, dtype=dtype, points=0)
    assert result.verdict is Verdict.EQUAL
    assert kinds(result) == told


def test_a_dtype_that_is_unknown_is_refused(params, batch):
    with pytest.raises(InputError, match="bfloat15"):
        check(loss, gradient, params, batch, dtype="bfloat15")


# -------------------------------------------------------------------- undecided


def test_a_comparison_that_is_not_decided_ends_as_undecided(params, batch):
    def guards(p, b):
        g = gradient(p, b)
        third = p["w"] / 3
        return {**g, "w": np.where(third + third + third == p["w"], g["w"], 0.0)}

    result = check(loss, guards, params, batch, points=0)
    assert result.verdict is Verdict.UNDECIDED
    assert not result.ok
    assert "test_check.py:" in result.reason
    assert "not decided" in result.reason


def test_outside_the_domain_of_the_loss_is_undecided():
    def root(xp, p, b):
        return xp.sum(xp.sqrt(p["x"]) * b["k"])

    def right(p, b):
        return {"x": b["k"] / (2 * np.sqrt(p["x"]))}

    result = check(root, right, {"x": np.array([0.0, 1.0])}, {"k": np.ones(2)})
    assert result.verdict is Verdict.UNDECIDED
    inside = check(root, right, {"x": np.array([0.25, 1.0])}, {"k": np.ones(2)})
    assert inside.verdict is Verdict.EQUAL
    assert inside.points.checked + inside.points.dropped == inside.points.asked


@pytest.mark.parametrize("who", ["loss", "gradient"])
def test_randomness_is_named(params, batch, who):
    r = np.random.default_rng(0)

    def random_loss(xp, p, b):
        return loss(xp, p, b) * (1.0 + r.normal())

    def random_gradient(p, b):
        return {name: value * (1.0 + 1e-12 * r.normal()) for name, value in gradient(p, b).items()}

    functions = {"loss": (random_loss, gradient), "gradient": (loss, random_gradient)}[who]
    result = check(*functions, params, batch)
    assert result.verdict is Verdict.UNDECIDED
    assert f"The {who} uses randomness" in result.reason
    assert "random" in kinds(result)
    with pytest.raises(DisagreementError):
        result.raise_if_wrong()


# -------------------------------------------------------------------- at kinks


def relu_loss(xp, p, b):
    return xp.sum(xp.maximum(p["x"], 0.0) * b["k"])


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        (0.0, Verdict.EQUAL),
        (0.5, Verdict.EQUAL),
        (1.0, Verdict.KINK),
        (0.3, Verdict.KINK),
        (1.2, Verdict.WRONG),
    ],
)
def test_at_a_kink_every_subgradient_passes_and_nothing_else(slope, verdict):
    def relu(p, b):
        return {"x": b["k"] * np.where(p["x"] > 0, 1.0, np.where(p["x"] == 0, slope, 0.0))}

    result = check(
        relu_loss, relu, {"x": np.array([0.0, 1.0, -2.0])}, {"k": np.array([2.0, 1.0, 1.0])}, points=0
    )
    assert result.verdict is verdict
    assert result.ok is (verdict is not Verdict.WRONG)
    assert "kink" in result.reason


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((0.5, 0.5), Verdict.EQUAL),
        ((1.0, 0.0), Verdict.KINK),
        ((0.0, 1.0), Verdict.KINK),
        ((1.0, 1.0), Verdict.WRONG),
        ((0.0, 0.0), Verdict.WRONG),
    ],
)
def test_tied_maxima_must_share(shares, verdict):
    def pool(xp, p, b):
        return xp.sum(xp.max(p["x"], axis=1) * b["k"])

    def tied(p, b):
        return {"x": b["k"][:, None] * np.array([[0.0, *shares]])}

    result = check(pool, tied, {"x": np.array([[1.0, 3.0, 3.0]])}, {"k": np.array([2.0])}, points=0)
    assert result.verdict is verdict


def test_a_branch_of_the_loss_taken_on_the_other_side_is_a_convention():
    def leaky(xp, p, b):
        return xp.sum(xp.where(p["x"] > 0, p["x"], 0.1 * p["x"]) * b["k"])

    def other_side(p, b):
        return {"x": b["k"] * np.where(p["x"] >= 0, 1.0, 0.1)}

    point = {"x": np.array([0.0, 1.0, -1.0])}, {"k": np.array([1.0, 2.0, 3.0])}
    assert check(leaky, other_side, *point).ok

    def neither(p, b):
        return {"x": b["k"] * np.where(p["x"] > 0, 1.0, np.where(p["x"] == 0, 1.4, 0.1))}

    assert check(leaky, neither, *point, points=0).verdict is Verdict.WRONG


# -------------------------------------------------------------------- findings


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda p, b: None, "none", "returns None"),
        (lambda p, b: np.ones(3), "not-a-mapping", "mapping"),
        (lambda p, b: {"w": gradient(p, b)["w"]}, "missing-parameter", "'c'"),
        (lambda p, b: {**gradient(p, b), "w": None}, "missing-parameter", "'w'"),
        (lambda p, b: {**gradient(p, b), "w": "abc"}, "none", "no array"),
        (lambda p, b: {**gradient(p, b), "w": gradient(p, b)["w"][:, None]}, "wrong-shape", r"\(3, 1\)"),
        (lambda p, b: {**gradient(p, b), "c": np.ones(4)}, "wrong-shape", r"\(4,\).*\(\)"),
    ],
)
def test_what_is_no_gradient_of_these_parameters_is_wrong(params, batch, wrong, kind, text):
    result = check(loss, wrong, params, batch)
    assert result.verdict is Verdict.WRONG
    (finding,) = [finding for finding in result.findings if finding.kind == kind]
    assert isinstance(finding, CheckFinding)
    assert finding.fails
    assert pytest.importorskip("re").search(text, finding.text)
    assert finding.text in result.told()


def test_a_superfluous_entry_does_not_pass(params, batch):
    result = check(loss, lambda p, b: {**gradient(p, b), "d": np.ones(2)}, params, batch)
    assert result.verdict is Verdict.EQUAL
    assert kinds(result) == {"superfluous-parameter"}
    assert not result.ok
    assert "yet it does not pass" in result.told()


@pytest.mark.parametrize("kind", ["params", "batch"])
def test_inputs_that_are_changed_in_place_are_named(params, batch, kind):
    def changes(p, b):
        result = gradient(p, b)
        if kind == "params":
            p["w"] -= 0.1 * result["w"]
        else:
            b["x"][0, 0] = 7.0
        return result

    before = params["w"].copy(), batch["x"].copy()
    result = check(loss, changes, params, batch)
    assert not result.ok
    assert kinds(result) == {"mutated-input"}
    assert f"{kind}['{'w' if kind == 'params' else 'x'}']" in result.findings[0].text
    assert np.array_equal(params["w"], before[0])
    assert np.array_equal(batch["x"], before[1])


def test_values_that_are_not_finite_do_not_pass_and_are_named(params, batch):
    result = check(loss, changed(w=lambda g: g * np.array([1.0, np.nan, 1.0])), params, batch)
    assert result.verdict is Verdict.NOT_FINITE
    assert not result.ok
    (finding,) = [finding for finding in result.findings if finding.kind == "not-finite"]
    assert "w[1] is nan" in finding.text


def test_the_reciprocal_of_a_zero_in_a_product_is_found_at_points_of_its_own():
    def product(xp, p, b):
        return xp.prod(p["x"]) * b["k"]

    def divides(p, b):
        return {"x": b["k"] * np.prod(p["x"]) / p["x"]}

    result = check(product, divides, {"x": np.array([1.0, 2.0, 3.0])}, {"k": np.array(2.0)})
    assert result.verdict is Verdict.NOT_FINITE
    assert not result.ok
    assert "zeros" in result.failing_point.label


def test_an_exception_comes_with_the_users_own_lines_alone(params, batch):
    def raises(p, b):
        return {"w": b["nothing"]}

    with pytest.raises(InputError, match="The gradient raises an exception") as caught:
        check(loss, raises, params, batch)
    assert 'return {"w": b["nothing"]}' in str(caught.value)
    assert "KeyError: 'nothing'" in str(caught.value)
    assert "judging/calling.py" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda xp, p, b: p["w"] + 1.0, "Reduce it"),
        (lambda xp, p, b: "high", "no real number"),
        (lambda xp, p, b: xp.sum(b["z"]), "KeyError"),
    ],
)
def test_a_loss_that_cannot_be_worked_with_is_refused(params, batch, wrong, text):
    with pytest.raises(InputError, match=text):
        check(wrong, gradient, params, batch)


def test_a_loss_that_prints_is_let_print(params, batch, capsys):
    def prints(xp, p, b):
        value = loss(xp, p, b)
        print(f"the loss is {value:.3f}")  # noqa: T201 - this is what is tested
        return value

    assert check(prints, gradient, params, batch).ok
    assert "the loss is " in capsys.readouterr().out


def test_options_that_make_no_sense_are_refused(params, batch):
    for options in ({"points": -1}, {"points": 2.5}, {"seed": "x"}, {"dtype": "int32"}):
        with pytest.raises(InputError):
            check(loss, gradient, params, batch, **options)


def test_a_parameter_that_the_loss_does_not_use_has_a_gradient_of_zero(params, batch):
    more = {**params, "idle": np.ones(2)}
    assert check(loss, lambda p, b: {**gradient(p, b), "idle": np.zeros(2)}, more, batch).ok
    assert not check(loss, lambda p, b: {**gradient(p, b), "idle": p["idle"]}, more, batch).ok


def test_nested_parameters_are_nested_for_both_functions(params, batch):
    def nested_loss(xp, p, b):
        return loss(xp, {"w": p["layers"][0]["w"], "c": p["layers"][0]["c"]}, b)

    def nested_gradient(p, b):
        return {"layers": [gradient(p["layers"][0], b)]}

    assert check(nested_loss, nested_gradient, {"layers": [params]}, batch).verdict is Verdict.EQUAL
    wrong = check(
        nested_loss,
        lambda p, b: {"layers": [{**nested_gradient(p, b)["layers"][0], "c": 1.0}]},
        {"layers": [params]},
        batch,
    )
    assert wrong.entries.iloc[0]["parameter"] == "layers.0.c"


def test_callables_of_all_sorts_are_run_on_balls(params, batch):
    from functools import partial

    class Model:
        scale = 2.0

        def gradient(self, p, b):
            out = np.zeros(3)
            out += b["x"].T @ (self.scale * (b["x"] @ p["w"] + p["c"] - b["y"]) / len(b["y"]))
            return {**gradient(p, b), "w": out}

        def __call__(self, p, b):
            return self.gradient(p, b)

    def scaled(scale, p, b):
        model = Model()
        model.scale = scale
        return model(p, b)

    for function in (Model().gradient, Model(), partial(scaled, 2.0)):
        result = check(loss, function, params, batch)
        assert result.verdict is Verdict.EQUAL, result
    assert check(loss, partial(scaled, 2.5), params, batch).verdict is Verdict.WRONG


# -------------------------------------------------------------------- the cause


def test_the_cause_is_named_with_its_line_in_the_loss(params, batch):
    result = check(loss, lambda p, b: {k: v / 2 for k, v in gradient(p, b).items()}, params, batch)
    assert result.cause is not None
    assert set(result.cause.parameters) == {"w", "c"}
    assert f"test_check.py:{loss.__code__.co_firstlineno + 1}" in result.cause.text
    assert f"cause    {result.cause.text}" in result.told()
    assert "cause" not in str(check(loss, gradient, params, batch))


def test_where_no_cause_is_found_the_entries_are_described(params, batch):
    result = check(loss, changed(w=lambda g: g + np.array([0.0, 0.123, 0.0])), params, batch)
    assert result.cause is None
    assert "none found. w: 1 of 3 entries is off ([1])" in result.told()


def test_the_learning_rate_is_handed_to_the_search(params, batch):
    rate = 0.0371
    wrong = changed(w=lambda g: g * rate, c=lambda g: g * rate)
    assert check(loss, wrong, params, batch, learning_rate=rate).cause.factor == pytest.approx(rate)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_cause_is_found_for_a_gradient_that_is_judged_in_floating_point_alone(params, batch, dtype):
    torch = pytest.importorskip("torch")

    def negative(p, b):
        return {name: torch.tensor(-np.asarray(value)) for name, value in gradient(p, b).items()}

    result = check(loss, negative, params, batch, dtype=dtype)
    assert result.verdict is Verdict.DISAGREES
    assert not result.certified
    assert result.cause.factor == -1.0


@pytest.mark.parametrize(("wrong", "told"), [(1, False), (2, False), (4, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_factor_that_is_solved_for_is_told_only_if_other_wrong_entries_confirm_it(dtype, wrong, told):
    """What rounding leaves of the right entries confirms nothing."""
    random = np.random.default_rng(6)
    params, batch = {"w": random.normal(size=6)}, {"x": random.normal(size=6)}
    params, batch = ({n: a.astype(dtype).astype(float) for n, a in each.items()} for each in (params, batch))

    def parts(xp, p, b):
        return xp.sum(xp.exp(p["w"]) * b["x"]) + xp.sum(xp.sin(p["w"][:wrong]))

    claimed = np.exp(params["w"]) * batch["x"]
    claimed[:wrong] += 2.57339 * np.cos(params["w"][:wrong])
    result = judge(parts, params, batch, {"w": claimed.astype(dtype)}, dtype=dtype)
    assert result.verdict is Verdict.DISAGREES
    assert (result.cause is not None and "2.573" in result.cause.text) is told
