"""Which of optax's transformations a training's rule is, and where optax keeps what the rule keeps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

from gradproof.backends.framework import Lazy
from gradproof.errors import UnsupportedError
from gradproof.reference.clipping import ClipByNorm, ClipByValue, Clipping
from gradproof.reference.descent import GradientDescent
from gradproof.reference.optimizers import (
    LAMB,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Optimizer,
    RAdam,
    RMSprop,
)
from gradproof.reference.schedules import CosineDecay, Schedule, StepDecay, WarmUp

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
lax = Lazy("jax.lax")
optax = Lazy("optax")


class Kept(NamedTuple):
    """Where optax keeps an entry of a rule's state: in a field of the states of a class.

    Attributes:
        entry: ours.
        kind: the class's name in optax.
        field: the field's, which holds an array of each parameter.
        sign: -1 where optax keeps the negative.
    """

    entry: str
    kind: str
    field: str
    sign: int = 1

    def of(self, state: Any) -> dict[str, Any]:
        """Give what is there by parameter, out of the state of a transformation that is put together."""
        found = [getattr(each, self.field) for each in states_of(state, self.kind)]
        return {
            name: array if self.sign == 1 else -array
            for arrays in found
            for name, array in arrays.items()
            if not isinstance(array, optax.MaskedNode)  # what another rule updates
        }


def states_of(state: Any, kind: str) -> list[Any]:
    """Give the states of a class of optax's, out of a state that is put together of several."""

    def is_it(part: Any) -> bool:
        return type(part).__name__ == kind  # not all of them have a public name

    return [part for part in jax.tree.leaves(state, is_leaf=is_it) if is_it(part)]


@dataclass(frozen=True)
class OptaxRule:
    """A training's rule, as optax has it.

    Attributes:
        transformation: from gradients to what is added to the weights, by optax.
        places: where optax keeps the entries of the state.
        has_schedule: whether the learning rate is scheduled, and so kept in optax's state.
    """

    transformation: Any
    places: Sequence[Kept]
    has_schedule: bool

    def kept(self, state: Any) -> dict[str, dict[str, Any]]:
        """Give what the rule keeps out of optax's state, by entry, by parameter."""
        kept: dict[str, dict[str, Any]] = {}
        for place in self.places:
            kept.setdefault(place.entry, {}).update(place.of(state))
        return {entry: arrays for entry, arrays in kept.items() if arrays}

    def learning_rate(self, state: Any) -> Any:
        """Give the learning rate of the step that led to a state; None for the training's."""
        return states_of(state, _INJECTED)[0].hyperparams["learning_rate"] if self.has_schedule else None


_INJECTED = "InjectStatefulHyperparamsState"


def has_optax() -> bool:
    """Tell whether optax is installed."""
    return find_spec("optax") is not None


def optax_rule(training: GradientDescent, dtype: Any) -> OptaxRule:
    """Give optax's rule of a training of weights of a dtype, clipping included.

    Raises:
        UnsupportedError: optax is not installed, or has no such rule.
    """
    if not has_optax():
        raise UnsupportedError(
            f"JAX has no optimizers of its own, and optax, which trains by {training.words}, is not "
            "installed. Install it with `pip install 'gradproof[optax]'`."
        )
    transformation, kept = _made(training.optimizer, training.learning_rate)
    if training.schedule is not None:

        def at_rate(learning_rate: Any) -> Any:
            return _made(training.optimizer, learning_rate)[0]

        # The way of optax's to have the learning rate of each step in the state.
        scheduled = _scheduled(training.schedule, training.learning_rate, dtype)
        transformation = optax.inject_hyperparams(at_rate)(learning_rate=scheduled)
    if training.clipping is not None:
        transformation = optax.chain(_clipping(training.clipping), transformation)
    return OptaxRule(transformation, kept, training.schedule is not None)


# -------------------------------------------------------------------- optimizers

Made = tuple[Any, tuple[Kept, ...]]
"""A transformation, and where it keeps what."""


def _need(rule: Any, name: str, **wanted: Any) -> None:
    """Raise UnsupportedError unless a rule has its settings as optax has them.

    Args:
        rule: a dataclass of settings.
        name: what it would be called in optax.
        **wanted: the settings.
    """
    for setting, value in wanted.items():
        if getattr(rule, setting) != value:
            words = setting.replace("_", " ")
            raise UnsupportedError(
                f"optax.{name} has no {words} of {getattr(rule, setting)!r}. Leave jax out, or set the "
                f"{words} to {value!r}."
            )


def _decayed(transformation: Any, weight_decay: float) -> Any:
    """Add weight_decay · w to the gradient, before a transformation."""
    decay = optax.add_decayed_weights(weight_decay)
    return optax.chain(decay, transformation) if weight_decay else transformation


def _scaled(direction: Any, rate: Any, weight_decay: float = 0.0) -> Any:
    """Step along a direction, to which weight_decay · w is added first (decoupled)."""
    decay = [optax.add_decayed_weights(weight_decay)] if weight_decay else []
    return optax.chain(direction, *decay, optax.scale_by_learning_rate(rate))


def _sgd(rule: SGD, rate: Any) -> Made:
    _need(rule, "sgd", dampening=0.0)
    made = optax.sgd(rate, momentum=rule.momentum or None, nesterov=rule.nesterov)
    kept = (Kept("momentum", "TraceState", "trace"),) if rule.momentum else ()
    return _decayed(made, rule.weight_decay), kept


def _moments(kind: str) -> tuple[Kept, ...]:
    return Kept("first_moment", kind, "mu"), Kept("second_moment", kind, "nu")


def _adam_settings(rule: Any, name: str) -> dict[str, Any]:
    """Give the settings that Adam and its relatives share."""
    if rule.epsilon_place == "before correction":
        _need(rule, name, epsilon_place="outside")
    inside = rule.epsilon_place == "inside"
    eps, eps_root = (0.0, rule.epsilon) if inside else (rule.epsilon, 0.0)
    return {"b1": rule.beta1, "b2": rule.beta2, "eps": eps, "eps_root": eps_root}


def _direction_of_adam(rule: Adam) -> Made:
    """Give what adam, adamw, nadam and amsgrad of optax are made of, before the learning rate."""
    if not rule.amsgrad:
        _need(rule, "adam", correct_first=True, correct_second=True)
        settings = _adam_settings(rule, "adam")
        return optax.scale_by_adam(**settings, nesterov=rule.nesterov), _moments("ScaleByAdamState")
    _need(rule, "amsgrad", nesterov=False)
    if rule.correct_second:  # without the correction, both are the same
        _need(rule, "amsgrad", amsgrad="corrected")
    made = optax.scale_by_amsgrad(
        **_adam_settings(rule, "amsgrad"),
        bias_correction_mu=rule.correct_first,
        bias_correction_nu=rule.correct_second,
    )
    kind = "ScaleByAmsgradState"
    return made, (*_moments(kind), Kept("greatest_moment", kind, "nu_max"))


def _adam(rule: Adam, rate: Any) -> Made:
    direction, kept = _direction_of_adam(rule)
    return _decayed(_scaled(direction, rate), rule.weight_decay), kept


def _adamw(rule: AdamW, rate: Any) -> Made:
    direction, kept = _direction_of_adam(rule)
    return _scaled(direction, rate, rule.weight_decay), kept


def _radam(rule: RAdam, rate: Any) -> Made:
    settings = _adam_settings(rule, "radam")
    direction = optax.scale_by_radam(**settings, threshold=rule.threshold, nesterov=rule.nesterov)
    kept = _moments("ScaleByAdamState")
    if rule.decoupled:
        return _scaled(direction, rate, rule.weight_decay), kept
    return _decayed(_scaled(direction, rate), rule.weight_decay), kept


def _adamax(rule: Adamax, rate: Any) -> Made:
    made = optax.adamax(rate, rule.beta1, rule.beta2, rule.epsilon)
    kind = "ScaleByAdamState"
    kept = Kept("first_moment", kind, "mu"), Kept("greatest_gradient", kind, "nu")
    return _decayed(made, rule.weight_decay), kept


def _rmsprop(rule: RMSprop, rate: Any) -> Made:
    scale_by = optax.scale_by_stddev if rule.centered else optax.scale_by_rms
    direction = scale_by(
        rule.decay,
        rule.epsilon,
        rule.initial_scale,
        eps_in_sqrt=rule.epsilon_place == "inside",
        bias_correction=rule.correct,
    )
    kind = f"ScaleByR{'StdDev' if rule.centered else 'ms'}{'WithCount' if rule.correct else ''}State"
    kept = (Kept("second_moment", kind, "nu"), *([Kept("first_moment", kind, "mu")] if rule.centered else []))
    if not rule.momentum:
        return _decayed(_scaled(direction, rate), rule.weight_decay), kept
    buffer, by_rate = optax.trace(rule.momentum, rule.nesterov), optax.scale_by_learning_rate(rate)
    # optax.rmsprop has the buffer last, which then is of -learning_rate · g / √v.
    is_of_step = rule.momentum_of == "step"
    made = optax.chain(direction, *((by_rate, buffer) if is_of_step else (buffer, by_rate)))
    kept = (*kept, Kept("momentum", "TraceState", "trace", -1 if is_of_step else 1))
    return _decayed(made, rule.weight_decay), kept


def _adagrad(rule: Adagrad, rate: Any) -> Made:
    _need(rule, "adagrad", epsilon_place="inside", learning_rate_decay=0.0)
    made = optax.adagrad(rate, rule.initial_accumulator, rule.epsilon)
    kept = (Kept("sum_of_squares", "ScaleByRssState", "sum_of_squares"),)
    return _decayed(made, rule.weight_decay), kept


def _adadelta(rule: Adadelta, rate: Any) -> Made:
    kind = "ScaleByAdaDeltaState"
    kept = Kept("second_moment", kind, "e_g"), Kept("squared_step", kind, "e_x")
    return optax.adadelta(rate, rule.decay, rule.epsilon, rule.weight_decay), kept


def _lion(rule: Lion, rate: Any) -> Made:
    made = optax.lion(rate, rule.beta1, rule.beta2, weight_decay=rule.weight_decay)
    return made, (Kept("momentum", "ScaleByLionState", "mu"),)


def _lamb(rule: LAMB, rate: Any) -> Made:
    made = optax.lamb(rate, **_adam_settings(rule, "lamb"), weight_decay=rule.weight_decay)
    return made, _moments("ScaleByAdamState")


def _muon(rule: Muon, rate: Any) -> Made:
    _need(rule, "contrib.muon", correct=True, epsilon_place="added", iterates_in="")
    if rule.scale == "rows":
        _need(rule, "contrib.muon", scale="columns")
    made = optax.contrib.muon(
        rate,
        rule.coefficients,
        rule.iterations,
        rule.momentum,
        rule.epsilon,
        rule.weight_decay,
        nesterov=rule.nesterov,
        consistent_rms=rule.root_mean_square if rule.scale == "side" else None,
    )
    kept = Kept("momentum", "MuonState", "mu")
    if rule.others is None:  # then all are matrices
        return made, (kept,)
    others, kept_of_others = _made(rule.others, rate)
    rules = {True: made, False: others}
    return optax.partition(rules, partial(jax.tree.map, _is_matrix)), (kept, *kept_of_others)


def _is_matrix(weight: Any) -> bool:
    return bool(weight.ndim == 2)


_RULES: Mapping[type[Optimizer], Callable[[Any, Any], Made]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adamw,
    RAdam: _radam,
    Adamax: _adamax,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
    Adadelta: _adadelta,
    Lion: _lion,
    LAMB: _lamb,
    Muon: _muon,
}
"""What makes optax's transformation of a rule and its rate or schedule, and tells where it keeps what."""


def _made(rule: Optimizer, rate: Any) -> Made:
    make = _RULES.get(type(rule))
    if make is None:
        raise UnsupportedError(
            f"gradproof knows no optimizer of optax's that is {type(rule).__name__}. Leave jax out, or train "
            f"by one of {', '.join(sorted(each.__name__ for each in _RULES))}."
        )
    return make(rule, rate)


# -------------------------------------------------------------------- schedules and clipping


def _scheduled(schedule: Schedule, rate: float, dtype: Any) -> Callable[[Any], Any]:
    """Give a schedule as optax has it: the learning rate at a count of steps from 0.

    It is given in the dtype of what it scales, as `optax.scale_by_schedule` rounds it; and computed once, as
    XLA may compute a cheap number again where it is used, and round it otherwise than the recorded one.
    """
    function = _schedule(schedule, rate)
    return lambda count: lax.optimization_barrier(jnp.asarray(function(count), dtype=dtype))


def _schedule(schedule: Schedule, rate: float) -> Any:
    if type(schedule) is StepDecay:
        return optax.exponential_decay(rate, schedule.every, schedule.factor, staircase=True)
    if type(schedule) is CosineDecay:
        return optax.cosine_decay_schedule(rate, schedule.steps, schedule.floor)
    if type(schedule) is WarmUp:
        rising = optax.linear_schedule(schedule.start * rate, rate, schedule.steps)
        if schedule.then is None:
            return rising
        return optax.join_schedules([rising, _schedule(schedule.then, rate)], [schedule.steps])
    raise UnsupportedError(
        f"gradproof knows no schedule of optax's that is {type(schedule).__name__}. Leave jax out, or take "
        "StepDecay, CosineDecay or WarmUp."
    )


def _clipping(clipping: Clipping) -> Any:
    """Give a clipping as optax has it."""
    if type(clipping) is ClipByValue:
        return optax.clip(clipping.maximum)
    if type(clipping) is ClipByNorm:
        _need(clipping, "clip_by_global_norm", epsilon=0.0)
        return optax.clip_by_global_norm(clipping.maximum)
    raise UnsupportedError(
        f"gradproof knows no clipping of optax's that is {type(clipping).__name__}. Leave jax out, or take "
        "ClipByValue or ClipByNorm."
    )
