"""Which of optax's transformations a training's rule is, and where optax keeps what the rule keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any, NamedTuple

from gradproof.backends.framework import Lazy
from gradproof.errors import UnsupportedError
from gradproof.reference.clipping import ClipByNorm, ClipByValue, Clipping
from gradproof.reference.descent import GradientDescent
from gradproof.reference.optimizers import SGD, Adam, AdamW, Optimizer
from gradproof.reference.schedules import CosineDecay, Schedule, StepDecay, WarmUp

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
lax = Lazy("jax.lax")
optax = Lazy("optax")


class OptaxField(NamedTuple):
    """Where optax keeps an array of each parameter: in a field of the one state of a class.

    Attributes:
        kind: the class's name in optax.
        field: the field's.
    """

    kind: str
    field: str

    def of(self, state: Any) -> Any:
        """Give what is there, out of the state of a transformation that is put together of several."""
        return getattr(states_of(state, self.kind)[0], self.field)


def states_of(state: Any, kind: str) -> list[Any]:
    """Give the states of a class of optax's, out of a state that is put together of several."""
    found = getattr(optax, kind)

    def is_it(part: Any) -> bool:
        return isinstance(part, found)

    return [part for part in jax.tree.leaves(state, is_leaf=is_it) if is_it(part)]


@dataclass(frozen=True)
class OptaxRule:
    """A training's rule, as optax has it.

    Attributes:
        transformation: from gradients to what is added to the weights, by optax.
        places: where optax keeps each entry of the state.
        has_schedule: whether the learning rate is scheduled, and so kept in optax's state.
    """

    transformation: Any
    places: Mapping[str, OptaxField]
    has_schedule: bool

    def kept(self, state: Any) -> dict[str, dict[str, Any]]:
        """Give what the rule keeps out of optax's state, by entry, by parameter."""
        return {entry: place.of(state) for entry, place in self.places.items()}

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
    make = _RULES.get(type(training.optimizer))
    if make is None:
        raise UnsupportedError(
            f"gradproof knows no optimizer of optax's that is {type(training.optimizer).__name__}. Leave jax "
            f"out, or train by one of {', '.join(sorted(each.__name__ for each in _RULES))}."
        )
    transformation, places = make(training.optimizer, training.learning_rate)
    if training.schedule is not None:
        # The way of optax's to have the learning rate of each step in the state.
        injecting = optax.inject_hyperparams(lambda learning_rate: make(training.optimizer, learning_rate)[0])
        transformation = injecting(learning_rate=_scheduled(training.schedule, training.learning_rate, dtype))
    if training.clipping is not None:
        transformation = optax.chain(_clipping(training.clipping), transformation)
    return OptaxRule(transformation, places, training.schedule is not None)


# -------------------------------------------------------------------- optimizers

Made = tuple[Any, Mapping[str, OptaxField]]


def _refuse(rule: Any, name: str, *settings: str) -> None:
    """Raise UnsupportedError if a rule has one of these settings otherwise than by default, as optax has not.

    Args:
        rule: a dataclass of settings.
        name: what it would be called in optax.
        settings: their names.
    """
    usual = {each.name: each.default for each in fields(rule)}
    for setting in settings:
        if getattr(rule, setting) != usual[setting]:
            words = setting.replace("_", " ")
            raise UnsupportedError(
                f"optax.{name} has no {words} of {getattr(rule, setting)!r}. Leave jax out, or set the "
                f"{words} to {usual[setting]!r}."
            )


def _decayed(transformation: Any, weight_decay: float) -> Any:
    """Add weight_decay · w to the gradient, before a transformation."""
    return (
        optax.chain(optax.add_decayed_weights(weight_decay), transformation)
        if weight_decay
        else transformation
    )


def _sgd(rule: SGD, rate: Any) -> Made:
    _refuse(rule, "sgd", "dampening")
    made = optax.sgd(rate, momentum=rule.momentum or None, nesterov=rule.nesterov)
    places = {"momentum": OptaxField("TraceState", "trace")} if rule.momentum else {}
    return _decayed(made, rule.weight_decay), places


def _adam_settings(rule: Adam, name: str) -> dict[str, Any]:
    """Give the settings that Adam and its relatives share."""
    if rule.epsilon_place == "before correction":
        _refuse(rule, name, "epsilon_place")
    inside = rule.epsilon_place == "inside"
    return {
        "b1": rule.beta1,
        "b2": rule.beta2,
        "eps": 0.0 if inside else rule.epsilon,
        "eps_root": rule.epsilon if inside else 0.0,
    }


def _scale_by_adam(rule: Adam) -> Made:
    """Give Adam's direction, which is not yet multiplied by the learning rate, with or without AMSGrad."""
    if not rule.amsgrad:
        _refuse(rule, "adam", "correct_first", "correct_second")
        kind = "ScaleByAdamState"
        made = optax.scale_by_adam(**_adam_settings(rule, "adam"), nesterov=rule.nesterov)
    else:
        _refuse(rule, "amsgrad", "nesterov")
        if rule.amsgrad == "moment" and rule.correct_second:  # without the correction, both are the same
            _refuse(rule, "amsgrad", "amsgrad")
        kind = "ScaleByAmsgradState"
        made = optax.scale_by_amsgrad(
            **_adam_settings(rule, "amsgrad"),
            bias_correction_mu=rule.correct_first,
            bias_correction_nu=rule.correct_second,
        )
    places = {"first_moment": OptaxField(kind, "mu"), "second_moment": OptaxField(kind, "nu")}
    return made, places | ({"greatest_moment": OptaxField(kind, "nu_max")} if rule.amsgrad else {})


def _adam(rule: Adam, rate: Any) -> Made:
    """Give optax.adam, nadam or amsgrad: their parts, as they put them together."""
    direction, places = _scale_by_adam(rule)
    return _decayed(optax.chain(direction, optax.scale_by_learning_rate(rate)), rule.weight_decay), places


def _adamw(rule: AdamW, rate: Any) -> Made:
    """Give optax.adamw or nadamw, or AMSGrad with decoupled weight decay."""
    direction, places = _scale_by_adam(rule)
    decay = optax.add_decayed_weights(rule.weight_decay)
    return optax.chain(direction, decay, optax.scale_by_learning_rate(rate)), places


_RULES: Mapping[type[Optimizer], Callable[[Any, Any], Made]] = {SGD: _sgd, Adam: _adam, AdamW: _adamw}
"""What makes optax's transformation of a rule and its rate or schedule, and tells where it keeps what."""


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
        _refuse(clipping, "clip_by_global_norm", "epsilon")
        return optax.clip_by_global_norm(clipping.maximum)
    raise UnsupportedError(
        f"gradproof knows no clipping of optax's that is {type(clipping).__name__}. Leave jax out, or take "
        "ClipByValue or ClipByNorm."
    )
