"""Mistakes planted into trainings: each is found, and told by its name; right trainings are told nothing."""

from dataclasses import replace

import numpy as np
import planted_trainings as by_hand
import pytest
from builders import record

from gradproof import GradientDescent, dense_network
from gradproof.backends import load_backend
from gradproof.reference.averaging import ExponentialAverage
from gradproof.reference.clipping import ClipByNorm
from gradproof.reference.optimizers import SGD, Adagrad, Adam, AdamW, Muon, RMSprop
from gradproof.reference.schedules import CosineDecay, StepDecay, WarmUp
from gradproof.verdicts.runs import judge
from gradproof.verdicts.updates.told import with_causes_of_steps
from gradproof.verdicts.verdict import Verdict

SCENARIO = dense_network([3, 4, 2], ["sigmoid", "sigmoid"], "half_sum_squared_error", seed=1)
ADAM = {"optimizer": Adam()}
MOMENTUM = {"optimizer": SGD(momentum=0.9)}
NESTEROV = {"optimizer": SGD(momentum=0.9, nesterov=True)}
CLIPPED = ClipByNorm(0.05)
adam, sgd = by_hand.adam, by_hand.sgd


def of(training, step, dtype="float64", gradient=None):
    """What is said of a training of some steps that makes a step of its own."""
    scenario = replace(SCENARIO, training=GradientDescent(**{"learning_rate": 0.1, "steps": 6, **training}))
    run = by_hand.trained(scenario, step, dtype, gradient)
    return judge(scenario, run, {})


def causes(outcome):
    """The causes by parameter, without the parameter's own name."""
    found = {}
    for each in (*outcome.updates, *outcome.states):
        if each.worst_verdict() in {Verdict.DISAGREES, Verdict.NOT_FINITE}:
            what = each.entry_of_state or "update"
            text = each.cause.replace(f" of {each.parameter}", " of it").replace(f"the {what} of it is ", "")
            found.setdefault(each.parameter, []).append(text)
    return found


RIGHT = {
    "Adam": (ADAM, adam()),
    "Adam with epsilon inside": ({"optimizer": Adam(epsilon_place="inside")}, adam(place="inside")),
    "AdamW": ({"optimizer": AdamW(weight_decay=0.1)}, adam(decoupled=lambda rate: 0.1 * rate)),
    "Adam with decay": ({"optimizer": Adam(weight_decay=0.1)}, adam(coupled=0.1)),
    "AMSGrad": ({"optimizer": Adam(amsgrad="moment")}, adam(maximum="right")),
    "NAdam": ({"optimizer": Adam(nesterov=True)}, adam(ahead="right")),
    "momentum": (MOMENTUM, sgd(momentum=0.9)),
    "dampening": ({"optimizer": SGD(momentum=0.9, dampening=0.5)}, sgd(momentum=0.9, dampening=0.5)),
    "Nesterov": (NESTEROV, sgd(momentum=0.9, look="right")),
    "plain": ({}, sgd()),
    "clipping": ({**ADAM, "clipping": CLIPPED}, by_hand.with_gradients(adam(), by_hand.clipped(0.05))),
    "schedule": ({**ADAM, "schedule": CosineDecay(6)}, adam()),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("training", "step"), RIGHT.values(), ids=RIGHT)
def test_a_right_training_is_told_nothing(training, step, dtype):
    outcome = of(training, step, dtype)
    assert outcome.worst_verdict().passes
    assert not any(each.cause for each in (*outcome.updates, *outcome.states))


COSINE = {"schedule": CosineDecay(6)}
HALVED = {"schedule": StepDecay(every=2, factor=0.5)}
RIGHT_CLIP = by_hand.clipped(0.05)


def next_rate(planned):
    return np.append(planned[1:], planned[-1])


def last_rate(planned):
    return np.append(planned[0], planned[:-1])


def constant_rate(planned):
    return np.full_like(planned, 0.1)


def each_alone(gradients):
    return {name: RIGHT_CLIP({name: g})[name] for name, g in gradients.items()}


def negative(gradients):
    return {name: -g for name, g in gradients.items()}


def old(rule):
    return by_hand.with_rates(rule, last_rate)


BACKWARDS = "the step of it is added to the weights instead of subtracted"

PLANTED = {
    "epsilon inside": (ADAM, adam(place="inside"), "Adam's with epsilon inside the root"),
    "epsilon before": (
        {"optimizer": Adam(epsilon=1e-4)},
        adam(epsilon=1e-4, place="before"),
        "Adam's with epsilon added before the bias correction",
    ),
    "epsilon outside": (
        {"optimizer": Adam(epsilon_place="inside")},
        adam(),
        "Adam's with epsilon outside the root",
    ),
    "another epsilon": (ADAM, adam(epsilon=1e-7), "Adam's with epsilon = 1e-07 in place of 1e-08"),
    "no correction of m": (
        ADAM,
        adam(corrections=(False, True)),
        "Adam's without the bias correction of the first moment",
    ),
    "no correction of v": (
        ADAM,
        adam(corrections=(True, False)),
        "Adam's without the bias correction of the second moment",
    ),
    "no correction": (ADAM, adam(corrections=(False, False)), "Adam's without the bias corrections"),
    "AdamW without correction of v": (
        {"optimizer": AdamW(weight_decay=0.1)},
        adam(corrections=(True, False), decoupled=lambda rate: 0.1 * rate),
        "AdamW's without the bias correction of the second moment",
    ),
    "decay coupled": (
        {"optimizer": AdamW(weight_decay=0.1)},
        adam(coupled=0.1),
        "AdamW's with weight decay added to the gradient",
    ),
    "decay decoupled": (
        {"optimizer": Adam(weight_decay=0.1)},
        adam(decoupled=lambda rate: 0.1 * rate),
        "Adam's with weight decay decoupled from the gradient",
    ),
    "decay without the rate": (
        {"optimizer": AdamW(weight_decay=0.1)},
        adam(decoupled=lambda _: 0.1),
        "AdamW's with weight decay without the learning rate as a factor",
    ),
    "decay without the schedule": (
        {"optimizer": AdamW(weight_decay=0.1), **COSINE},
        adam(decoupled=lambda _: 0.1 * 0.1),
        "AdamW's with weight decay times the learning rate without its schedule",
    ),
    "SGD's decay decoupled without the rate": (
        {"optimizer": SGD(weight_decay=0.1)},
        sgd(decoupled=lambda _: 0.1),
        "SGD's with weight decay without the learning rate as a factor",
    ),
    "SGD's decay left out": ({"optimizer": SGD(weight_decay=0.1)}, sgd(), "SGD's without weight decay"),
    "dampening left out": (
        {"optimizer": SGD(momentum=0.9, dampening=0.5)},
        sgd(momentum=0.9),
        "SGD's without dampening",
    ),
    "dampening in the first step": (
        {"optimizer": SGD(momentum=0.9, dampening=0.5)},
        sgd(momentum=0.9, dampening=0.5, first=True),
        "SGD's with dampening in the first step, too; this was seen at one step only",
    ),
    "Nesterov left out": (NESTEROV, sgd(momentum=0.9), "SGD's without Nesterov's momentum"),
    "Nesterov of the buffer alone": (
        NESTEROV,
        sgd(momentum=0.9, look="twice"),
        "SGD's with Nesterov's momentum as (1 + momentum) times the buffer",
    ),
    "Nesterov without the gradient": (
        NESTEROV,
        sgd(momentum=0.9, look="only"),
        "SGD's with Nesterov's momentum as momentum times the buffer, without the gradient",
    ),
    "NAdam with one correction": (
        {"optimizer": Adam(nesterov=True)},
        adam(ahead="one correction"),
        "Adam's with Nesterov's momentum corrected by 1 - beta1ᵗ throughout",
    ),
    "betas swapped": (
        ADAM,
        adam(beta1=0.999, beta2=0.9),
        "Adam's with beta1 and beta2 in each other's place",
    ),
    "another beta1": (ADAM, adam(beta1=0.95), "Adam's with beta1 = 0.95 in place of 0.9"),
    "another momentum": (MOMENTUM, sgd(momentum=0.8), "SGD's with momentum = 0.8 in place of 0.9"),
    "counted from 2": (ADAM, adam(counted=1), "Adam's with its steps counted from 2"),
    "not clipped": ({**ADAM, "clipping": CLIPPED}, adam(), "Adam's without clipping"),
    "SGD not clipped": ({**MOMENTUM, "clipping": CLIPPED}, sgd(momentum=0.9), "SGD's without clipping"),
    "clipped one by one": (
        {**MOMENTUM, "clipping": CLIPPED},
        by_hand.with_gradients(sgd(momentum=0.9), each_alone),
        "SGD's with each parameter's gradient clipped on its own",
    ),
    "clipped one by one with Adam": (
        {**ADAM, "clipping": CLIPPED},
        by_hand.with_gradients(adam(), each_alone),
        "Adam's with each parameter's gradient clipped on its own",
    ),
    "clipped with epsilon": (
        {"clipping": CLIPPED},
        by_hand.with_gradients(sgd(), by_hand.clipped(0.05, 1e-6)),
        "SGD's with gradients clipped with an epsilon of 1e-06",
    ),
    "clipped without epsilon": (
        {"clipping": ClipByNorm(0.05, 1e-6)},
        by_hand.with_gradients(sgd(), RIGHT_CLIP),
        "SGD's without epsilon",
    ),
    "rate of the next step": (
        {**ADAM, **COSINE},
        by_hand.with_rates(adam(), next_rate),
        "Adam's with the learning rate of the next step",
    ),
    "rate of the step before": (
        HALVED,
        by_hand.with_rates(sgd(), last_rate),
        "SGD's with the learning rate of the step before",
    ),
    "schedule ignored": (
        {**MOMENTUM, **COSINE},
        by_hand.with_rates(sgd(momentum=0.9), constant_rate),
        "SGD's with the learning rate without its schedule",
    ),
    "ascent": (
        MOMENTUM,
        sgd(momentum=0.9, sign=1.0),
        "the step of it is added to the weights instead of subtracted",
    ),
    "wrong sign of the gradient": (
        ADAM,
        by_hand.with_gradients(adam(), negative),
        "Adam's of -1 times the gradient",
    ),
    "weights frozen": (ADAM, by_hand.with_frozen(adam(), weights=True), "the weights of it were not updated"),
    "moment frozen": (
        ADAM,
        by_hand.with_frozen(adam(), "first_moment"),
        "the first_moment of it was not updated",
    ),
    "state frozen": (
        ADAM,
        by_hand.with_frozen(adam(), "first_moment", "second_moment"),
        "the state of it was not updated",
    ),
    "buffer frozen": (
        MOMENTUM,
        by_hand.with_frozen(sgd(momentum=0.9), "momentum"),
        "SGD's without momentum, or the momentum of it was not updated",
    ),
    "gradient not squared": (ADAM, adam(power=1), "Adam's with |g| in place of g² in the second moment"),
    "AMSGrad's maximum left out": (
        {"optimizer": Adam(amsgrad="moment"), "learning_rate": 0.5},
        adam(maximum="left out"),
        "Adam's with the last second moment in place of AMSGrad's maximum",
    ),
    "SGD for Adam": (
        ADAM,
        lambda w, g, s, n, r: (sgd()(w, g, {}, n, r)[0], adam()(w, g, s, n, r)[1]),
        "SGD's in place of Adam's",
    ),
    "momentum with the rate inside": (
        {**MOMENTUM, **COSINE},
        sgd(momentum=0.9, rate_inside=True),
        "SGD's with the learning rate inside of the momentum",
    ),
    "the step clipped": (
        {**ADAM, "clipping": CLIPPED},
        by_hand.clipped_afterwards(adam(), 0.05),
        "Adam's with its step clipped instead of the gradient",
    ),
    "the momentum's step clipped": (
        {**MOMENTUM, "clipping": CLIPPED},
        by_hand.clipped_afterwards(sgd(momentum=0.9), 0.05),
        "SGD's with its step clipped instead of the gradient",
    ),
    "AdamW's mean of |g|": (
        {"optimizer": AdamW(weight_decay=0.1)},
        adam(power=1, decoupled=lambda rate: 0.1 * rate),
        "AdamW's with |g| in place of g² in the second moment",
    ),
    "root left out": (ADAM, adam(root=False), "Adam's with the second moment in place of its root"),
    "AdamW counted from 2": (
        {"optimizer": AdamW(weight_decay=0.1)},
        adam(counted=1, decoupled=lambda rate: 0.1 * rate),
        "AdamW's with its steps counted from 2",
    ),
    "AdamW's epsilon inside": (
        {"optimizer": AdamW(weight_decay=0.1, epsilon=1e-4)},
        adam(place="inside", epsilon=1e-4, decoupled=lambda rate: 0.1 * rate),
        "AdamW's with epsilon inside the root",
    ),
    "Adam ascends": (ADAM, by_hand.with_rates(adam(), lambda r: -r), BACKWARDS),
    "average of the weights before": (
        {**ADAM, "average": ExponentialAverage(0.75)},
        by_hand.averaged(adam(), 0.75, early=True),
        "of the weights before the step",
    ),
    "average with its decay swapped": (
        {"average": ExponentialAverage(0.75)},
        by_hand.averaged(sgd(), 0.25),
        "made with decay and 1 - decay in each other's place",
    ),
    "average with another decay": (
        {"average": ExponentialAverage(0.75)},
        by_hand.averaged(sgd(), 0.9),
        "made with decay = 0.9 in place of 0.75",
    ),
    "schedule twice": (
        {**ADAM, **COSINE},
        by_hand.with_rates(adam(), lambda r: r * r / 0.1),
        "Adam's with the schedule of the learning rate applied twice",
    ),
    "Adam's rate rounded": (
        ADAM,
        by_hand.with_rates(adam(), lambda r: np.full_like(r, 0.10009765625)),
        "the step of it has the learning rate rounded to bfloat16, 0.10009765625 in place of 0.1",
    ),
    "momentum that was not asked for": (
        {},
        by_hand.with_own_state(sgd(momentum=0.9), "momentum"),
        "SGD's with a momentum of 0.9 in place of SGD's",
    ),
    "Adam for plain descent": (
        {},
        by_hand.with_own_state(adam(), "first_moment", "second_moment"),
        "Adam's in place of SGD's",
    ),
    "half the rate": (
        ADAM,
        by_hand.with_rates(adam(), lambda r: r / 2),
        "Adam's with 0.5 times the learning rate",
    ),
}


TOO_SMALL = {
    "epsilon inside",
    "epsilon outside",
    "another epsilon",
    "clipped with epsilon",
    "clipped without epsilon",
}
"""What changes a step by less than float32's rounding does."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found_and_named(name, dtype):
    training, step, cause = PLANTED[name]
    outcome = of(training, step, dtype)
    found = {text for texts in causes(outcome).values() for text in texts}
    if dtype == "float32" and name in TOO_SMALL:
        assert outcome.worst_verdict().passes
    else:
        assert found == {cause}


def test_a_step_that_is_counted_from_0_divides_by_zero_and_all_that_follows_is_told_so():
    outcome = of(ADAM, adam(counted=-1))
    once = "this was seen at one step only"
    for update in outcome.updates:
        assert update.worst_verdict() is Verdict.NOT_FINITE
        assert (
            update.cause
            == f"the update of {update.parameter} is Adam's with its steps counted from 0; {once}"
        )
    moment = outcome.states[0]
    follows = "follows weights or a state with NaN or infinities since step 0"
    assert moment.cause == f"the first_moment of {moment.parameter} {follows}"


# -------------------------------------------------------------------- one parameter alone


def test_one_parameter_whose_weights_are_left_out_is_told_alone():
    found = causes(of(ADAM, by_hand.with_frozen(adam(), parameter="w2")))
    assert found == {"w2": ["the weights of it were not updated"]}


def test_a_parameter_of_a_group_with_another_learning_rate_is_told_alone():
    slow = by_hand.with_rates(adam(), lambda rates: rates / 4)

    def step(weights, gradients, state, number, rates):
        after, kept = adam()(weights, gradients, state, number, rates)
        return {**after, "b1": slow(weights, gradients, state, number, rates)[0]["b1"]}, kept

    assert causes(of(ADAM, step)) == {"b1": ["Adam's with 0.25 times the learning rate"]}


def test_one_step_alone_that_is_wrong_is_told_as_such():
    def step(weights, gradients, state, number, rates):
        factor = 2 if number == 3 else 1
        return adam()(weights, gradients, state, number, rates * factor)

    found = causes(of(ADAM, step))
    assert {text for texts in found.values() for text in texts} == {
        "Adam's with 2 times the learning rate; other steps are right"
    }


def test_a_step_that_no_mistake_makes_is_told_no_cause():
    random = np.random.default_rng(0)

    def step(weights, gradients, state, number, rates):
        after, kept = adam()(weights, gradients, state, number, rates)
        return {
            name: each * (1 + 1e-3 * random.normal(size=each.shape)) for name, each in after.items()
        }, kept

    found = causes(of(ADAM, step))
    assert {text for texts in found.values() for text in texts} == {""}


def kept_in(dtype, entry, rule):
    """A step that goes on from an entry of the state as a shorter format holds it."""

    def step(weights, gradients, state, number, rates):
        after, kept = rule(weights, gradients, state, number, rates)
        short = {name: each.astype(dtype).astype(each.dtype) for name, each in kept[entry].items()}
        return after, {**kept, entry: short}

    return step


def test_a_state_that_is_kept_in_a_shorter_format_is_told():
    def rule(w, g, state, _, rate):
        b = (0.9 * state["momentum"] + g).astype(np.float32).astype(w.dtype)
        return w - rate * b, {"momentum": b}

    found = causes(of(MOMENTUM, by_hand.each(rule)))
    assert {text for texts in found.values() for text in texts} == {"SGD's with its momentum kept in float32"}


def test_a_state_that_happens_to_be_short_is_no_mistake():
    outcome = of(MOMENTUM, kept_in("float64", "momentum", sgd(momentum=0.9)), "float32")
    assert outcome.worst_verdict().passes


def rmsprop(power):
    """RMSprop by hand, with g² or |g| in its mean."""

    def rule(w, g, state, _, rate):
        v = 0.99 * state["second_moment"] + 0.01 * np.abs(g) ** power
        return w - rate * g / (np.sqrt(v) + 1e-8), {"second_moment": v}

    return by_hand.each(rule)


def adagrad(power):
    def rule(w, g, state, _, rate):
        s = state["sum_of_squares"] + np.abs(g) ** power
        return w - rate * g / (np.sqrt(s) + 1e-10), {"sum_of_squares": s}

    return by_hand.each(rule)


@pytest.mark.parametrize(("rule", "step"), [(RMSprop(), rmsprop), (Adagrad(), adagrad)])
def test_a_gradient_that_is_not_squared_is_told_of_other_rules(rule, step):
    assert of({"optimizer": rule}, step(2)).worst_verdict().passes
    found = causes(of({"optimizer": rule}, step(1)))
    assert {text for texts in found.values() for text in texts} == {
        f"{type(rule).__name__}'s with |g| in place of g² in the second moment"
    }


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (next_rate, "the learning rate of the next step"),
        (last_rate, "the learning rate of the step before"),
        (constant_rate, "the learning rate without its schedule"),
        (lambda rates: rates[::-1].copy(), ""),
    ],
)
def test_recorded_learning_rates_of_other_steps_are_told(shift, words):
    training = GradientDescent(0.1, 6, schedule=CosineDecay(6))
    scenario = replace(SCENARIO, training=training)
    run = replace(by_hand.trained(scenario, sgd()), learning_rates=shift(training.learning_rates))
    wrong = record(
        [Verdict.DISAGREES] * 6, [100.0] * 6, parameter="", shape=(), entry_of_state="learning_rate"
    )
    _, (told,) = with_causes_of_steps(scenario, run, (), (), (wrong,))
    assert told.cause == (words and f"what is recorded is {words}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("rule", [SGD(), Adam(), Muon(others=AdamW())], ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("name", ["w2", "b1"])
def test_numbers_from_nowhere_are_no_mistake_of_one_parameter(rule, name):
    """NaN, and weights that are off at random in the last step, where RAdam's own noise is large."""
    scenario = replace(SCENARIO, training=GradientDescent(0.1, 5, optimizer=rule, schedule=WarmUp(3)))
    run = load_backend("reference").run(scenario, dtype="float32", variant="numpy")
    random = np.random.default_rng(0)
    for factor in (np.nan, 1 + 1e-2 * random.normal(size=run.weights[name][-1].shape)):
        weights = {**run.weights, name: run.weights[name].copy()}
        weights[name][-1] *= factor
        outcome = judge(scenario, replace(run, weights=weights), {})
        assert [each.parameter for each in outcome.updates if not each.worst_verdict().passes] == [name]
        assert {each.cause for each in (*outcome.updates, *outcome.states)} == {""}
