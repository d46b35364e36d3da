"""Mistakes planted into optimizers that keep their state to themselves: each is found and named."""

import numpy as np
import pytest
from own_optimizers import PARAMS, RATE, OwnAdam, in_one_array, with_momentum

import gradproof as gp

CORRECTED = "without the bias corrections"
PLANTED = {
    "no correction": (OwnAdam("no correction"), gp.Adam(), "Adam's without the bias corrections"),
    "inside": (OwnAdam("inside"), gp.Adam(), "Adam's with epsilon inside the root"),
    "epsilon": (OwnAdam(epsilon=1e-7), gp.Adam(), "Adam's with epsilon = 1e-07 in place of 1e-08"),
    "swapped": (OwnAdam("swapped"), gp.Adam(), "Adam's with beta1 and beta2 in each other's place"),
    "not squared": (OwnAdam("not squared"), gp.Adam(), "|g| in place of g² in the second moment"),
    "first": (OwnAdam("first moment not kept"), gp.Adam(), "the first_moment of w was not updated"),
    "second": (OwnAdam("second moment not kept"), gp.Adam(), "the second_moment of w was not updated"),
    "one array": (in_one_array(), gp.Adam(), "Adam's with both moments kept in one and the same array"),
    "added": (OwnAdam("added"), gp.Adam(), "added to the weights instead of subtracted"),
    "always the first": (OwnAdam("always the first"), gp.Adam(), "with each step counted as the first"),
    "by parameter": (
        OwnAdam("counted by parameter"),
        gp.Adam(),
        "with its steps counted once for each parameter",
    ),
    "coupled": (
        OwnAdam("coupled decay", decay=0.1),
        gp.AdamW(weight_decay=0.1),
        "AdamW's with weight decay added to the gradient",
    ),
    "in float32": (
        OwnAdam("kept in float32"),
        gp.Adam(),
        "Adam's with its second_moment kept in float32",
    ),
    "a framework's product in float32": (
        "NAdam",
        gp.NAdam(),
        "NAdam's with its momentum_product kept in float32",
    ),
    "another rule": (OwnAdam(), gp.RMSprop(), "Adam's in place of RMSprop's"),
    "no Nesterov": (
        with_momentum(copied=True),
        gp.SGD(momentum=0.9, nesterov=True),
        "SGD's without Nesterov's momentum",
    ),
}


@pytest.mark.parametrize(("own", "rule", "cause"), PLANTED.values(), ids=PLANTED)
def test_a_planted_mistake_is_named(own, rule, cause):
    if isinstance(own, str):
        own = getattr(pytest.importorskip("torch").optim, own)
    step = own if isinstance(own, type) else getattr(own, "step", own)
    found = gp.check_optimizer(step, rule, PARAMS, learning_rate=RATE)
    assert found.verdict in {gp.Verdict.DISAGREES, gp.Verdict.NOT_FINITE}
    assert cause in found.cause
    assert cause in found.told()
    with pytest.raises(gp.DisagreementError, match=f"{found.verdict} with"):
        found.raise_if_wrong()


@pytest.mark.parametrize("copied", [True, False])
def test_a_gradient_that_an_optimizer_keeps_is_told_and_no_fault(copied):
    found = gp.check_optimizer(with_momentum(copied=copied), gp.SGD(momentum=0.9), PARAMS, learning_rate=RATE)
    assert found.ok
    assert ("kept-gradient" in {each.kind for each in found.findings}) is not copied


def test_a_gradient_that_is_changed_in_place_is_told_and_no_fault():
    def step(weights, gradients):
        for name in weights:
            gradients[name] *= -RATE
            weights[name] += gradients[name]

    found = gp.check_optimizer(step, gp.SGD(), PARAMS, learning_rate=RATE)
    assert found.ok
    assert [each.kind for each in found.findings] == ["mutated-input", "mutated-input"]


def test_weights_that_are_no_numbers_end_the_steps():
    def step(weights, gradients):
        return {name: np.log(-np.abs(w)) + gradients[name] for name, w in weights.items()}

    found = gp.check_optimizer(step, gp.SGD(), PARAMS, learning_rate=RATE)
    assert found.verdict is gp.Verdict.NOT_FINITE
    assert found.steps == 1
    assert "the 11 steps after it were not made" in found.unchecked[0]
