"""What the three documents state, checked on the scenarios that stand for them."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from gradproof.reference.line import least_squares
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.trajectory import Trajectory, descend
from gradproof.scenarios import CATALOGUE, Scenario, scenario
from gradproof.scenarios.documents.bce_network.system import LEARNING_RATES
from gradproof.scenarios.validation import validate

XP = NumpyNamespace()
EPSILON = np.finfo(np.float64).eps


@cache
def trained(name: str) -> tuple[Scenario, Trajectory]:
    """A scenario and its training by the hand-derived gradients in float64."""
    chosen = scenario(name)
    assert chosen.training is not None
    params, batch = chosen.arrays("float64")
    with np.errstate(all="ignore"):  # a saturated output's loss is infinite, its gradient is not
        return chosen, descend(chosen.flat_value_and_gradient(XP), params, batch, chosen.training)


def predicted(chosen: Scenario, weights: dict[str, Any]) -> Any:
    assert chosen.flat_predict is not None
    return chosen.flat_predict(XP, weights, chosen.flat_batch)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scenario_tells_its_source_and_where_each_value_comes_from(name: str) -> None:
    chosen = scenario(name)
    assert chosen.name == name
    assert chosen.source
    kinds = {entry.kind for entry in chosen.provenance}
    assert kinds <= {"given", "reconstructed"}
    assert "given" in kinds
    assert all(entry.value.strip() and entry.reason.strip() for entry in chosen.provenance)
    values = [entry.value for entry in chosen.provenance]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("name", CATALOGUE)
def test_provenance_covers_the_loss_the_learning_rate_and_the_length_of_the_training(name: str) -> None:
    told = " ".join(entry.value for entry in scenario(name).provenance)
    assert "loss" in told
    assert "learning rate" in told
    assert "steps" in told or "stopping rule" in told


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scenario_can_be_worked_with(name: str) -> None:
    validate(scenario(name))


@pytest.mark.parametrize("name", CATALOGUE)
def test_training_lowers_the_loss_on_the_whole_batch(name: str) -> None:
    chosen, run = trained(name)
    with np.errstate(all="ignore"):
        first, last = (
            chosen.flat_loss(XP, {n: w[step] for n, w in run.weights.items()}, chosen.flat_batch)
            for step in (0, -1)
        )
    assert last < first


# "Gradient Descent and Backpropagation Walkthrough"


@pytest.mark.parametrize("name", LEARNING_RATES)
def test_every_edge_weight_of_the_bce_network_is_1_at_first(name: str) -> None:
    chosen = scenario(name)
    assert {n: w.shape for n, w in chosen.flat_params.items()} == {"w_hidden": (3, 2), "w_output": (2, 1)}
    assert all(np.array_equal(w, np.ones_like(w)) for w in chosen.flat_params.values())


def test_the_first_point_is_worked_out_as_in_the_text() -> None:
    """[1, 2, 3] gives 6 in each hidden node and 0.999, cut off after three places; its label is 0."""
    chosen = scenario("bce_network")
    x = chosen.flat_batch["x"][0]
    assert x.tolist() == [1, 2, 3]
    assert (x @ chosen.flat_params["w_hidden"]).tolist() == [6, 6]
    output = predicted(chosen, chosen.flat_params)[0, 0]
    assert output == pytest.approx(1 / (1 + np.exp(-12)), rel=4 * EPSILON)
    assert np.trunc(output * 1000) / 1000 == 0.999
    assert chosen.flat_batch["y"][0] == 0


def test_the_six_points_have_positive_nodes_and_labels_by_the_rule() -> None:
    """But for the first label, for which the worked example contradicts the rule."""
    batch = scenario("bce_network").flat_batch
    assert batch["x"].shape == (6, 3)
    assert (batch["x"].sum(axis=1) > 0).all()
    assert (batch["y"][1:, 0] == (batch["x"][1:, 2] > 0)).all()
    assert set(batch["y"].ravel()) == {0.0, 1.0}


def test_the_loss_of_the_bce_network_is_the_average_of_the_points_cross_entropies() -> None:
    chosen = scenario("bce_network")
    total = chosen.flat_batch["x"].sum(axis=1) * 2  # every weight is 1, so the output is sigmoid(2 Σ x)
    y = chosen.flat_batch["y"][:, 0]
    entropies = np.where(y == 1, np.log1p(np.exp(-total)), np.log1p(np.exp(total)))
    value = chosen.flat_loss(XP, chosen.flat_params, chosen.flat_batch)
    # Where the output is within 1e-10 of 1, ln(1 - output) has lost that many digits.
    assert value == pytest.approx(entropies.mean(), rel=1e-6)
    assert len(entropies) == 6


def test_each_learning_rate_that_the_text_names_is_a_scenario() -> None:
    rates = {chosen.training.learning_rate for chosen in map(scenario, LEARNING_RATES) if chosen.training}
    assert rates == {0.1, 0.01, 1.0}


@pytest.mark.parametrize("name", LEARNING_RATES)
def test_the_two_hidden_nodes_stay_equal_bit_for_bit_all_through_the_training(name: str) -> None:
    _, run = trained(name)
    assert len(run.losses) == 2000
    for record in (run.weights, run.gradients):
        assert np.array_equal(record["w_hidden"][..., 0], record["w_hidden"][..., 1])
        assert np.array_equal(record["w_output"][:, 0], record["w_output"][:, 1])


@pytest.mark.parametrize("name", LEARNING_RATES)
def test_hidden_nodes_die_for_some_of_the_points(name: str) -> None:
    chosen, run = trained(name)
    before, after = (chosen.flat_batch["x"] @ run.weights["w_hidden"][step] for step in (0, -1))
    assert (before > 0).all()
    assert (after < 0).any()


# "Math Behind Backpropagation and Gradient Descent"


def test_the_line_stops_once_an_improvement_is_negligible_and_not_before() -> None:
    chosen, run = trained("line_fit")
    assert chosen.training is not None
    assert chosen.training.learning_rate == 0.01
    assert chosen.training.stopping is not None
    assert 1 < len(run.losses) < chosen.training.steps
    fraction = chosen.training.stopping.relative_improvement
    last = chosen.flat_loss(XP, {n: w[-1] for n, w in run.weights.items()}, chosen.flat_batch)
    losses = np.append(run.losses, last)
    improvements = (losses[:-1] - losses[1:]) / losses[:-1]
    assert (improvements[:-1] > fraction).all()
    assert 0 < improvements[-1] <= fraction


def test_the_line_ends_as_near_the_closed_form_as_its_rule_promises() -> None:
    """The cost is L* + eᵀAe with e the distance (m, c) - (m*, c*) and A = Σ (x, 1)ᵀ(x, 1).

    A step multiplies e's component along A's i-th eigenvector by 1 - 2ηλ_i, so with ρ the largest of their
    magnitudes it lowers the excess E = eᵀAe by at least (1 - ρ²)E. The last step improved the cost L* + E
    by at most ε(L* + E). Hence E ≤ εL* / (1 - ρ² - ε) before it, and less after it, and
    |e|² ≤ E / min λ_i.
    """
    chosen, run = trained("line_fit")
    assert chosen.training is not None
    assert chosen.training.stopping is not None
    x, y = chosen.flat_batch["x"], chosen.flat_batch["y"]
    m, c = least_squares(x, y)
    least = np.sum((m * x + c - y) ** 2)
    eigenvalues = np.linalg.eigvalsh([[np.sum(x * x), np.sum(x)], [np.sum(x), len(x)]])
    shrinking = np.max(np.abs(1 - 2 * chosen.training.learning_rate * eigenvalues)) ** 2
    fraction = chosen.training.stopping.relative_improvement
    assert shrinking + fraction < 1
    excess = fraction * least / (1 - shrinking - fraction)
    distance = np.hypot(run.weights["m"][-1] - m, run.weights["c"][-1] - c)
    assert 0 < distance <= np.sqrt(excess / eigenvalues[0])
    start = np.hypot(run.weights["m"][0] - m, run.weights["c"][0] - c)
    assert np.sqrt(excess / eigenvalues[0]) < start / 100


def test_the_learning_rate_descends_on_the_reconstructed_points() -> None:
    """η is below 1 / max λ: descent on a quadratic with Hessian 2A diverges above it."""
    x = scenario("line_fit").flat_batch["x"]
    largest = np.linalg.eigvalsh([[np.sum(x * x), np.sum(x)], [np.sum(x), len(x)]])[-1]
    assert 2 * largest < 200
    assert largest * 0.01 < 1


def test_mini_batches_have_a_constant_size_and_pass_all_points_in_each_epoch() -> None:
    chosen = scenario("line_fit_minibatch")
    schedule = chosen.batch_schedule()
    assert schedule is not None
    assert schedule.shape == (400, 4)
    assert all(sorted(epoch) == list(range(16)) for epoch in schedule.reshape(-1, 16).tolist())


def test_mini_batches_lead_close_to_the_line_of_the_whole_data() -> None:
    """Not onto it: a constant learning rate keeps the noise of the mini-batches."""
    chosen, run = trained("line_fit_minibatch")
    m, c = least_squares(chosen.flat_batch["x"], chosen.flat_batch["y"])
    start, end = (np.hypot(run.weights["m"][step] - m, run.weights["c"][step] - c) for step in (0, -1))
    assert 0 < end < start / 5


def test_the_step_of_the_neuron_chain_is_the_average_of_the_steps_of_its_examples() -> None:
    """Each derivative written down as the document derives it for one example."""
    chosen, run = trained("neuron_chain")
    assert chosen.training is not None
    w = {name: float(array) for name, array in chosen.flat_params.items()}
    singles: dict[str, list[float]] = {name: [] for name in w}
    for a0, d in zip(chosen.flat_batch["a0"], chosen.flat_batch["d"], strict=True):
        a1 = 1 / (1 + np.exp(-(w["w1"] * a0 + w["b1"])))
        a2 = 1 / (1 + np.exp(-(w["w2"] * a1 + w["b2"])))
        by_b2 = 2 * (a2 - d) * a2 * (1 - a2)
        by_b1 = by_b2 * w["w2"] * a1 * (1 - a1)
        for name, entry in (("b2", by_b2), ("w2", by_b2 * a1), ("b1", by_b1), ("w1", by_b1 * a0)):
            singles[name].append(-chosen.training.learning_rate * entry)
    assert len(singles["w1"]) > 1
    for name, steps in singles.items():
        taken = run.weights[name][1] - run.weights[name][0]
        # The difference of two weights carries the rounding of the weights.
        assert abs(taken - np.mean(steps)) <= 2 * EPSILON * (abs(w[name]) + np.sum(np.abs(steps)))


# "A Step-by-Step Implementation of Gradient Descent and Backpropagation"


class DocumentsNetwork:
    """The complete example of the third document, lightly cleaned: it adds the negative gradient."""

    def __init__(self) -> None:
        random = np.random.RandomState(10)
        self.wij = random.rand(3, 4)
        self.wjk = random.rand(4, 1)

    def sigmoid(self, x: Any, w: Any) -> Any:
        return 1 / (1 + np.exp(-np.dot(x, w)))

    def sigmoid_derivative(self, x: Any, w: Any) -> Any:
        return self.sigmoid(x, w) * (1 - self.sigmoid(x, w))

    def predict(self, x: Any) -> Any:
        return self.sigmoid(self.sigmoid(x, self.wij), self.wjk)

    def gradient_descent(self, x: Any, y: Any, iterations: int) -> Any:
        for _ in range(iterations):
            xj = self.sigmoid(x, self.wij)
            yhat = self.sigmoid(xj, self.wjk)
            error = (y - yhat) * self.sigmoid_derivative(xj, self.wjk)
            g_wjk = np.dot(xj.T, error)
            g_wij = np.dot(x.T, np.dot(error, self.wjk.T) * self.sigmoid_derivative(x, self.wij))
            self.wij += g_wij
            self.wjk += g_wjk
        return yhat  # of the weights before the last update, as the document prints it


def test_the_sigmoid_network_ends_where_the_documents_own_loop_ends() -> None:
    """To 12 digits: the loop and the scenario order their operations differently, for 10 000 steps."""
    chosen, run = trained("sigmoid_network")
    x = np.array([[0, 0, 1], [1, 1, 1], [1, 0, 1], [0, 1, 1]])
    y = np.array([[0, 1, 1, 0]]).T
    document = DocumentsNetwork()
    assert np.array_equal(document.wij, chosen.flat_params["w_ij"])
    assert np.array_equal(document.wjk, chosen.flat_params["w_jk"])
    printed = document.gradient_descent(x, y, 10_000)
    for step, expected in ((-2, printed), (-1, document.predict(x))):
        prediction = predicted(chosen, {name: weights[step] for name, weights in run.weights.items()})
        assert np.all(np.abs(prediction - expected) <= 1e-12 * expected)
    assert np.all(np.abs(run.weights["w_ij"][-1] - document.wij) <= 1e-12 * np.abs(document.wij).max())
    assert np.all(np.abs(run.weights["w_jk"][-1] - document.wjk) <= 1e-12 * np.abs(document.wjk).max())


def test_the_sigmoid_network_learns_its_four_examples() -> None:
    chosen, run = trained("sigmoid_network")
    prediction = predicted(chosen, {name: weights[-1] for name, weights in run.weights.items()})
    assert np.array_equal(np.round(prediction), chosen.flat_batch["y"])
    assert len(run.losses) == 10_000


def test_the_loss_of_the_sigmoid_network_is_half_the_sum_of_squared_errors() -> None:
    chosen = scenario("sigmoid_network")
    document = DocumentsNetwork()
    residual = chosen.flat_batch["y"] - document.predict(chosen.flat_batch["x"])
    value = chosen.flat_loss(XP, chosen.flat_params, chosen.flat_batch)
    assert value == pytest.approx(float(np.sum(residual**2)) / 2, rel=8 * EPSILON)
